from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from moderation_pipeline.evaluation.doubtful_labels import TooFewLabelsError, doubts, label_doubts
from moderation_pipeline_tests.evaluation.worlds import Row, comments

RUDE, NICE = ("fool", "moron", "trash", "loser"), ("hello", "lovely", "thanks", "great")


def labelled_chat(flipped: set[int], size: int = 600) -> pl.DataFrame:
    """Comments of rude or nice words and of fillers, labelled rightly but for those at `flipped`."""
    random = np.random.default_rng(5)
    given: list[Row] = []
    for i in range(size):
        is_rude = i % 3 == 0
        words = random.choice(RUDE if is_rude else NICE, 2)
        text = f"{' '.join(words)} about {random.integers(10_000)}"
        given.append({"text": text, "normalised": text, "label_is_violation": is_rude != (i in flipped)})
    return comments(given)


def test_labels_that_were_flipped_are_those_that_look_wrong() -> None:
    flipped = set(range(0, 600, 20))

    found = label_doubts(labelled_chat(flipped))

    doubted = set(found.doubted["position"])
    assert doubted <= flipped, "what is right is left alone"
    assert len(doubted) > 0.6 * len(flipped), "the published rule is a careful one"
    assert found.doubted_violations + found.doubted_innocent == len(doubted)
    assert set(found.doubted.filter(pl.col("label") == "violation")["looks_like"]) == {"innocent"}


def test_where_all_labels_are_right_none_looks_wrong() -> None:
    assert label_doubts(labelled_chat(set())).doubted.is_empty()


def test_a_text_with_both_labels_says_how_many_copies_are_labelled_otherwise() -> None:
    chat = labelled_chat({0})
    same: Row = {"text": chat["text"][0], "normalised": chat["normalised"][0], "label_is_violation": True}
    rows = chat.select("text", "normalised", "label_is_violation").rows(named=True)
    copied = comments([*rows, same, same])

    found = label_doubts(copied).doubted.filter(pl.col("position") == 0)

    assert found.select("copies", "copies_otherwise").rows() == [(3, 2)]


def test_a_label_is_doubted_only_where_another_class_is_as_likely_as_is_usual_for_it() -> None:
    probability = np.array([0.9, 0.9, 0.6, 0.2, 0.1, 0.3])
    flags = np.array([True, True, True, True, False, False])

    # Mean confidence: .65 of violations, .8 of innocent comments.
    assert doubts(probability, flags).tolist() == [False, False, False, True, False, False]


def test_no_label_is_doubted_that_is_itself_the_likelier_one() -> None:
    # Of violations, which are hard to tell here, a classifier is .35 sure on average, and of this comment .4.
    probability = np.array([0.35, 0.35, 0.35, 0.4, 0.3, 0.0])
    flags = np.array([True, True, True, False, False, False])

    assert not doubts(probability, flags)[3]


def test_too_few_labels_of_a_kind_are_refused_with_their_numbers() -> None:
    with pytest.raises(TooFewLabelsError, match="1 comments labelled a violation and 2 labelled innocent"):
        label_doubts(comments([{"label_is_violation": True}, *[{"label_is_violation": False}] * 2]))
