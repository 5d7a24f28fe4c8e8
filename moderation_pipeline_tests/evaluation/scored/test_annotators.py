"""Annotators held against each other: worked by hand, and alpha's interval against simulated truth."""

from __future__ import annotations

import numpy as np
import polars as pl

from moderation_pipeline.evaluation.scored.annotators import (
    EVERYBODY,
    against_the_others,
    agreement_of_annotators,
    annotators_frame,
)
from moderation_pipeline.evaluation.scored.judged_rows import Judge, JudgedRows

JUDGE = Judge("model", "score", 0.5)


def rows_of(verdicts: list[bool], clusters: list[str] | None = None) -> JudgedRows:
    rows = pl.DataFrame(
        {
            "row": range(len(verdicts)),
            "cluster": clusters or [f"r:{i}" for i in range(len(verdicts))],
            "shared_text": pl.Series([None] * len(verdicts), dtype=pl.String),
            JUDGE.flag: verdicts,
        }
    )
    return JudgedRows(rows, (JUDGE,), seed="test")


def votes_of(*items: str) -> pl.DataFrame:
    """Return the votes of items written as `y`, `n` and `-` (none), an annotator a place."""
    return pl.DataFrame(
        [
            (row, f"a{at}", vote == "y")
            for row, item in enumerate(items)
            for at, vote in enumerate(item)
            if vote != "-"
        ],
        schema={"row": pl.Int64, "annotator": pl.String, "vote": pl.Boolean},
        orient="row",
    )


def test_nobody_is_among_those_he_is_held_against_and_even_others_hold_nobody() -> None:
    held = against_the_others(rows_of([True, False, True]), votes_of("yyn", "yn-", "y--"))

    # Of "yyn" the first two meet an even y and n; the third is held against two yes. One other is a majority.
    assert held.select("row", "annotator", "vote", "label").rows() == [
        (0, "a2", False, True),
        (1, "a0", True, False),
        (1, "a1", False, True),
    ]


def test_a_judge_is_held_against_the_very_same_majorities() -> None:
    items = ["yyy"] * 30 + ["nnn"] * 30
    frame = annotators_frame(rows_of([True] * 15 + [False] * 45), votes_of(*items))

    by_name = {row["judge"]: row for row in frame.iter_rows(named=True)}
    assert by_name[EVERYBODY]["f1"] == 1
    assert (by_name["model"]["held_against_others_on"], by_name["model"]["recall"]) == (180, 0.5)
    assert by_name["a0"]["held_against_others_on"] == 60


def simulated(items: int, seed: int) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    truth = random.random(items) < 0.3
    votes = np.array([np.where(random.random(items) < right, truth, ~truth) for right in (0.95, 0.85, 0.75)])
    return pl.DataFrame(
        {
            "row": np.tile(np.arange(items), 3),
            "annotator": np.repeat(["a", "b", "c"], items),
            "vote": votes.ravel(),
        }
    )


def test_the_interval_of_alpha_holds_the_truth_in_some_95_of_100_worlds() -> None:
    truth = agreement_of_annotators(rows_of([True] * 100_000), simulated(100_000, 0)).estimate
    assert truth is not None
    worlds = 150
    found = [
        agreement_of_annotators(rows_of([True] * 200), simulated(200, seed)) for seed in range(1, worlds + 1)
    ]

    held = np.mean([each.low <= truth <= each.high for each in found])  # type: ignore[operator]
    assert held > 0.95 - 3 * np.sqrt(0.95 * 0.05 / worlds)
    assert abs(float(np.mean([each.estimate for each in found])) - truth) < 0.01


def test_items_of_one_author_are_resampled_as_one() -> None:
    votes = pl.concat([simulated(200, 3).with_columns(row=pl.col("row") * 4 + i) for i in range(4)])
    alone = agreement_of_annotators(rows_of([True] * 800), votes)
    together = agreement_of_annotators(rows_of([True] * 800, [f"u{i // 4}" for i in range(800)]), votes)

    assert alone.low is not None
    assert together.low is not None
    assert (alone.estimate or 0) - together.low > 1.5 * ((alone.estimate or 0) - alone.low)
