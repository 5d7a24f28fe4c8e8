"""What copied texts do to an estimate: found by leaving each out, as the estimate itself would be without it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from moderation_pipeline.evaluation.copied_texts import copied_texts
from moderation_pipeline.evaluation.estimates import Ratio

RIGHT = {"right": (Ratio({"right": 1.0}, {"n": 1.0}),)}


def lines(*said: tuple[str, str | None, bool]) -> pl.DataFrame:
    """Comments by user, shared text, and whether they were judged rightly."""
    return pl.DataFrame(
        {
            "cluster": [user for user, _, _ in said],
            "shared_text": pl.Series([text for _, text, _ in said], dtype=pl.String),
            "n": 1.0,
            "right": [float(right) for *_, right in said],
        }
    )


def test_a_text_adds_by_how_much_the_estimate_falls_without_it() -> None:
    said = lines(
        ("a", "gg", True), ("b", "gg", True), ("c", "gg", True), ("a", "ez", False), ("b", "ez", True),
        ("c", None, False),
    )  # fmt: skip
    found = copied_texts(said, RIGHT, ("right",))

    right, text = said["right"].to_numpy(), said["shared_text"].to_numpy()
    without = [right.mean() - right[text != left].mean() for left in ("gg", "ez")]
    pairs = (right[text != None] - right.mean()) / right.size  # noqa: E711 - element by element
    variance = np.square(without).sum() - np.square(pairs).sum()
    assert found.added["right"].variance == pytest.approx(variance)
    assert sorted(found.left_out["right"]) == pytest.approx(sorted(without))


def test_two_judges_who_err_at_the_same_texts_differ_by_nothing_that_copies_add() -> None:
    said = lines(("a", "gg", True), ("b", "gg", True), ("a", "ez", False), ("b", "ez", False))
    one, other = (copied_texts(said, RIGHT, ("right",)) for _ in range(2))
    assert one.to_difference(other, "right").variance == 0


def test_without_shared_texts_nothing_is_added() -> None:
    found = copied_texts(lines(("a", None, True), ("b", None, False)), RIGHT, ("right",))
    assert found.added["right"].variance == 0
    assert found.left_out["right"].size == 0


def test_an_estimate_that_is_undefined_without_a_text_falls_by_its_influence() -> None:
    found = copied_texts(lines(("a", "gg", True), ("b", "gg", False)), RIGHT, ("right",))
    assert np.isfinite(found.left_out["right"]).all()
