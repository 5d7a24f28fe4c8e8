"""Tests of how well moderators are foreseen, and of what they are held against: themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from moderation_pipeline.evaluation.foreseen import (
    foreseen_by_channel,
    foreseen_lines,
    is_twin,
    overlooked,
    same_text,
)
from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline_tests.evaluation.worlds import Row, comments, run


def twin(chat: pl.DataFrame, probabilities: Sequence[float | None]) -> Run:
    """Return a run of the twin that gave these probabilities of a violation."""
    made = run("moderators", chat, student=["allow none"] * chat.height)
    said = [
        [] if each is None else [{"question": "violation", "option": "true", "probability": each}]
        for each in probabilities
    ]
    dtype = made.student_decisions.schema["probabilities"]
    return replace(
        made,
        student_decisions=made.student_decisions.with_columns(pl.Series("probabilities", said, dtype=dtype)),
    )


def line(*, acted: bool | None, said: str, channel: str = "arena", **more: str) -> Row:
    return {"label_is_violation": acted, "text": said, "normalised": said, "channel": channel, **more}


def test_only_a_student_that_is_judged_before_it_sees_every_label_is_a_twin() -> None:
    chat = comments([{}])

    assert is_twin(run("moderators", chat))
    assert not is_twin(run("learned_labels", chat))
    assert not is_twin(run("expert_only", chat))
    assert not is_twin(run("student_only", chat))


def test_lines_without_a_label_or_before_the_first_head_are_left_out() -> None:
    chat = comments([line(acted=False, said="a"), line(acted=None, said="b"), line(acted=True, said="c")])

    lines = foreseen_lines(chat, twin(chat, [None, 0.5, 0.9]))

    assert lines.select("comment_id", "label", "probability").rows() == [("c2", True, 0.9)]


def test_each_channel_is_ranked_by_itself_those_who_acted_most_first() -> None:
    rows = [line(acted=i < 20, said=f"a{i}", channel="pit") for i in range(100)]
    rows += [line(acted=i < 3, said=f"b{i}", channel="quiet") for i in range(50)]
    chat = comments(rows)
    probabilities = [0.9 if row["label_is_violation"] else 0.1 for row in rows]

    everyone, pit, quiet = foreseen_by_channel(foreseen_lines(chat, twin(chat, probabilities)))

    assert (everyone.channel, everyone.comments, everyone.violations) == (None, 150, 23)
    assert (pit.channel, pit.violations, pit.ranking.auroc.estimate) == ("pit", 20, 1.0)
    assert (quiet.channel, quiet.violations, quiet.ranking.auroc.estimate) == ("quiet", 3, None)


def test_what_may_have_been_overlooked_is_what_the_twin_was_surest_of_each_text_once() -> None:
    chat = comments(
        [
            line(acted=False, said="spam"),
            line(acted=False, said="spam"),
            line(acted=False, said="spam", channel="pit"),
            line(acted=True, said="worse"),
            line(acted=False, said="hello"),
        ]
    )

    found = overlooked(foreseen_lines(chat, twin(chat, [0.4, 0.6, 0.5, 0.9, 0.1])), count=2)

    assert found.select("comment_id", "repeats").rows() == [("c1", 2), ("c2", 1)]


def test_moderators_are_held_against_what_they_did_about_the_same_text() -> None:
    chat = comments(
        [
            *(line(acted=acted, said="spam") for acted in (True, True, False, False, None)),
            *(line(acted=True, said="worse") for _ in range(2)),
            line(acted=True, said="once"),
            line(acted=False, said="spam", channel="pit"),
            *(line(acted=False, said="hello") for _ in range(3)),
        ]
    )

    found = same_text(chat)

    assert (found.texts, found.both_ways, found.acted_on) == (2, 1, 4)
    assert found.again == (2 * (1 / 3) + 2 * 1) / 4


def test_where_no_text_comes_twice_nothing_is_said_of_how_alike_they_decide() -> None:
    chat = comments([line(acted=True, said="a"), line(acted=False, said="b")])

    assert same_text(chat).again is None
