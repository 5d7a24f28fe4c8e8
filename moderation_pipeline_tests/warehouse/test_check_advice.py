"""What a check says of rows that break a law."""

from __future__ import annotations

import polars as pl

from moderation_pipeline.warehouse.check_advice import ADVICE, told


def test_a_check_says_what_happened_which_rows_and_what_to_do() -> None:
    culprits = pl.DataFrame({"comment_id": ["c1", "c2", "c3", "c4"], "rows": [0, 0, None, 2]})
    said = told("every_comment_is_decided_once", culprits)
    assert said == (
        "Comments were decided never or twice, as where the chat has changed since the run. 4 of them: "
        "comment_id: c1, rows: 0; comment_id: c2, rows: 0; comment_id: c3, rows: none and 1 more. "
        "Moderate the chat anew under this config; what was paid for is not paid again."
    )


def test_a_check_that_holds_says_nothing() -> None:
    assert told("every_comment_is_decided_once", pl.DataFrame({"comment_id": []})) is None


def test_every_advice_says_what_to_do() -> None:
    assert all(what and to_do.endswith(".") for what, to_do in ADVICE.values())
