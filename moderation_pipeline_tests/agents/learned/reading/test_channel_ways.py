"""Tests of what is peculiar to a channel: it is learnt there, shrunk towards all, and kept with the head."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from moderation_pipeline.agents.conduct.conduct_levels import ASPECTS, NOT_LOOKED_AT, WIDTH, conduct_names
from moderation_pipeline.agents.learned.learned_student import LearnedStudent
from moderation_pipeline.agents.learned.model_snapshot import load_snapshot, save_snapshot
from moderation_pipeline.agents.learned.reading.channel_ways import LEVEL_SHARE, WORD_SHARE, ChannelWays
from moderation_pipeline.agents.learned.reading.row_blocks import cells_of
from moderation_pipeline.agents.learned.reading.vocabulary import Numbered
from moderation_pipeline.cases.case import Case
from moderation_pipeline.chance import draw
from moderation_pipeline.moderation.run_tables import RunTables
from moderation_pipeline.plan import Plan
from moderation_pipeline_tests.agents.learned.test_learned_student import learned
from moderation_pipeline_tests.moderation.scripted import ALLOW, DELETE, ScriptedExpert, chat_of
from moderation_pipeline_tests.moderation.test_loop import config_of, run

LEVELS = np.zeros(len(ASPECTS), dtype=np.uint8)
TERMS = Numbered(np.array([0, 2, 5], dtype=np.int32), np.ones(3), 2)
"""Two words and a part of one."""


def taught() -> ChannelWays:
    ways = ChannelWays()
    ways.learn("strict", LEVELS, TERMS)
    ways.freeze()
    return ways


def test_a_line_acted_on_brings_a_column_for_each_of_its_levels_and_words_and_for_no_part_of_a_word() -> None:
    ways = taught()

    assert ways.width == len(ASPECTS) + 2
    names = ways.names(conduct_names(), ["word zorg", "word b", "word you", "c", "d", "letters zo"])
    assert "in strict, word zorg" in names
    assert "in strict, lines of the user before: under 1" in names
    assert "in strict, letters zo" not in names


def test_only_lines_of_that_channel_have_them_and_at_their_share() -> None:
    ways = taught()
    levels, words = np.zeros((1, WIDTH)), np.zeros((1, 6))
    levels[0, 0], words[0, :2] = 0.5, (0.8, 0.4)

    own, other = (
        ways.rows([channel], cells_of(levels), cells_of(words)).matrix for channel in ("strict", "lenient")
    )

    assert sorted(own.data) == [LEVEL_SHARE * 0.5, WORD_SHARE * 0.8]
    assert own.shape == other.shape == (1, ways.width)
    assert other.nnz == 0


def test_what_came_since_it_was_last_frozen_does_not_count_yet() -> None:
    ways = taught()
    width = ways.width

    ways.learn("other", NOT_LOOKED_AT, TERMS)

    assert ways.width == width == len(ways.peculiar)


def two_channels(count: int) -> pl.DataFrame:
    """Return a chat in which a word is sanctioned in one channel, and usual in the other.

    Nobody writes twice: by a user's strikes a head for all channels would tell the two apart as well.
    """
    said = ("what a zorg", "zorg as ever")
    texts = [said[i // 2 % 2] if draw(5, "kind", str(i)) < 0.3 else f"hello {i % 5}" for i in range(count)]
    return chat_of(texts, users=[f"u{i}" for i in range(count)]).with_columns(
        channel=pl.Series(["strict" if i % 2 else "lenient" for i in range(count)])
    )


def by_channel(case: Case) -> Plan:
    return DELETE if "zorg" in case.text and case.channel == "strict" else ALLOW


def moderated(student: LearnedStudent, comments: pl.DataFrame) -> RunTables:
    config = config_of(memory=None, audit={"policy": "random", "rate": 0.3, "random_floor": 0.3})
    return run(comments, config, student=student, expert=ScriptedExpert(by_channel))


def wrong(tables: RunTables, comments: pl.DataFrame) -> float:
    late = tables.student_decisions.join(
        comments.select("comment_id", "text", "channel"), on="comment_id"
    ).tail(600)
    truth = late["text"].str.contains("zorg") & (late["channel"] == "strict")
    return float(((late["category"] != "none") != truth).sum() / late.height)


def test_a_word_that_one_channels_moderators_act_on_is_learnt_for_that_channel() -> None:
    comments = two_channels(3_000)

    of_channel, of_all = (moderated(learned(scope=scope), comments) for scope in ("channel", "all"))

    assert wrong(of_channel, comments) < 0.02
    assert wrong(of_all, comments) > 0.1


def test_what_is_peculiar_is_kept_with_the_head_and_a_run_for_all_channels_begins_without(
    tmp_path: Path,
) -> None:
    comments = two_channels(2_000)
    student = learned(scope="channel")
    moderated(student, comments)
    snapshot = student.snapshot()
    assert snapshot is not None
    save_snapshot(snapshot, tmp_path / "one")

    again = load_snapshot(tmp_path / "one")

    assert again.peculiar == snapshot.peculiar
    assert again.way == snapshot.way
    assert {each.known.channel for each in again.examples} == {"strict", "lenient"}
    later = two_channels(600)
    for scope in ("channel", "all"):
        other = learned(scope=scope)
        other.begin_with(again)
        assert moderated(other, later).student_decisions["action"].null_count() == 0
