"""Tests of where a head begins: from another chat's run, by its version, and never from the chat itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from moderation_pipeline.agents.learned.snapshot import NoSnapshotError
from moderation_pipeline.agents.learned_heads import SameChatError, begin_heads, keep_head
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.agents.learned.test_student import invented_chat, learned, moderated


def kept_head(folder: DataFolder, count: int = 2_000) -> None:
    student = learned()
    moderated(student, invented_chat(count))
    assert keep_head(student, folder, chat="first", config="mine")


def test_a_run_begins_with_the_head_it_names_and_says_which_version(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    kept_head(folder)
    student, plain = learned(start_from="first|mine"), learned()

    heads = begin_heads([student, plain], folder, chat="second", config="mine")

    assert list(heads) == ["first|mine"]
    assert student.snapshot() is not None
    assert plain.snapshot() is None


def test_the_version_changes_with_the_head(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    versions: list[str] = []
    for count in (2_000, 2_000, 3_000):
        kept_head(folder, count)
        versions += begin_heads(
            [learned(start_from="first|mine")], folder, chat="second", config="mine"
        ).values()

    assert versions[0] == versions[1] != versions[2]


def test_a_head_is_never_tested_on_the_chat_that_it_learnt_from(tmp_path: Path) -> None:
    with pytest.raises(SameChatError, match="can't moderate 'first' itself"):
        begin_heads([learned(start_from="first|mine")], DataFolder(tmp_path), chat="first", config="mine")


def test_a_head_that_was_never_learnt_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NoSnapshotError, match="Run that chat under that config first"):
        begin_heads([learned(start_from="first|mine")], DataFolder(tmp_path), chat="second", config="mine")
