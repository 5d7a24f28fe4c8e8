"""Tests of where a head begins: from another chat's run, by its version, and never from the chat itself."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from moderation_pipeline.agents.learned.learned_student import LearnedStudent
from moderation_pipeline.agents.learned.model_snapshot import NoSnapshotError
from moderation_pipeline.agents.learned_heads import ManyHeadsError, OwnChatError, begin_heads, keep_heads
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.agents.learned.test_learned_student import invented_chat, learned, moderated


def taught_anew(count: int, *, seed: int = 1) -> LearnedStudent:
    student = learned()
    moderated(student, invented_chat(count, seed))
    return student


taught = cache(taught_anew)
"""For tests that read what it learnt, and teach it nothing."""


def kept_head(folder: DataFolder, student: LearnedStudent) -> None:
    assert keep_heads([student], folder, chat="first", config="mine") == 1


def test_a_run_begins_with_the_head_it_names_and_says_which_version(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    kept_head(folder, taught(1_000))
    student, plain = learned(start_from="first|mine"), learned()

    heads = begin_heads([student, plain], folder, chat="second", config="mine")

    assert list(heads) == ["first|mine"]
    assert student.snapshot() is not None
    assert plain.snapshot() is None


def test_the_version_changes_with_the_head(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    versions: list[str] = []
    for count in (2_000, 2_000, 3_000):
        kept_head(folder, taught_anew(count))
        versions += begin_heads(
            [learned(start_from="first|mine")], folder, chat="second", config="mine"
        ).values()

    assert versions[0] == versions[1] != versions[2]


def test_a_head_is_never_tested_on_the_chat_that_it_learnt_from(tmp_path: Path) -> None:
    with pytest.raises(OwnChatError, match="can't moderate 'first' itself"):
        begin_heads([learned(start_from="first|mine")], DataFolder(tmp_path), chat="first", config="mine")


def test_nor_on_a_chat_that_the_head_it_began_with_had_learnt_from(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    kept_head(folder, taught(1_000))
    student = learned(start_from="first|mine")
    begin_heads([student], folder, chat="second", config="mine")
    keep_heads([student], folder, chat="second", config="mine")

    with pytest.raises(OwnChatError, match=r"starts from 'second\|mine' and can't moderate 'first' itself"):
        begin_heads([learned(start_from="second|mine")], folder, chat="first", config="mine")


def test_a_head_that_was_never_learnt_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NoSnapshotError, match="Run that chat under that config first"):
        begin_heads([learned(start_from="first|mine")], DataFolder(tmp_path), chat="second", config="mine")


def head_of(student: LearnedStudent) -> list[float]:
    snapshot = student.snapshot()
    assert snapshot is not None
    weights: list[float] = snapshot.head.gate.weights[0].tolist()
    return weights


def test_each_of_several_learned_tiers_keeps_and_begins_with_a_head_of_its_own(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    first, second = taught(1_000), taught(1_000, seed=2)
    assert keep_heads([first, second], folder, chat="first", config="mine") == 2

    again = [learned(start_from="first|mine") for _ in range(2)]
    heads = begin_heads(again, folder, chat="second", config="mine")

    assert list(heads) == ["first|mine (1)", "first|mine (2)"]
    assert [head_of(each) for each in again] == [head_of(first), head_of(second)]
    assert head_of(first) != head_of(second)
    with pytest.raises(ManyHeadsError, match="whose 2 learned tiers left a head each"):
        begin_heads([learned(start_from="first|mine")], folder, chat="second", config="mine")


def test_several_learned_tiers_may_begin_with_a_run_that_left_one_head(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    kept_head(folder, taught(1_000))
    again = [learned(start_from="first|mine"), learned()]

    assert list(begin_heads(again, folder, chat="second", config="mine")) == ["first|mine"]
    assert head_of(again[0])
    assert again[1].snapshot() is None


@pytest.mark.parametrize("before", [1, 2])
def test_a_run_without_a_head_leaves_none_of_an_earlier_one(tmp_path: Path, before: int) -> None:
    folder = DataFolder(tmp_path)
    keep_heads([taught(1_000)] * before, folder, chat="first", config="mine")
    keep_heads([taught(1_000)], folder, chat="first", config="mine-2")

    assert keep_heads([learned()], folder, chat="first", config="mine") == 0

    with pytest.raises(NoSnapshotError):
        begin_heads([learned(start_from="first|mine")], folder, chat="second", config="mine")
    assert begin_heads([learned(start_from="first|mine-2")], folder, chat="second", config="mine")


def test_a_run_with_one_head_leaves_nothing_of_an_earlier_one_with_two(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    one, two = taught(1_000), taught(1_000, seed=2)
    keep_heads([one, two], folder, chat="first", config="mine")
    keep_heads([two], folder, chat="first", config="mine")

    student = learned(start_from="first|mine")
    begin_heads([student], folder, chat="second", config="mine")

    assert head_of(student) == head_of(two)
