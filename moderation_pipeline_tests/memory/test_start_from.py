"""Tests of where a memory begins: with another chat's run, by its version, and never with answers to its own chat."""

from __future__ import annotations

from pathlib import Path

import pytest

from moderation_pipeline.config.run_config import MemorySpec
from moderation_pipeline.embedders.tfidf import TfidfEmbedder
from moderation_pipeline.memory.start_from import Beginning, StartFromError, begin_memory
from moderation_pipeline.memory.store import MemoryStore
from moderation_pipeline.slugs import RunKey
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import MEMORY_SNAPSHOT
from moderation_pipeline_tests.memory.memories import DELETE, learnt, store, taught
from moderation_pipeline_tests.warehouse.rows import write_table


def kept(memory: MemoryStore, folder: DataFolder, chat: str) -> None:
    write_table(memory.snapshot(), folder, MEMORY_SNAPSHOT, chat, "mine")


def begun(folder: DataFolder, chat: str, start_from: str) -> Beginning:
    spec = MemorySpec(start_from=RunKey.parse(start_from))
    return begin_memory(spec, TfidfEmbedder(), folder, chat=chat, config="mine")


def test_a_run_begins_with_the_memory_it_names_and_says_which_version(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    kept(taught(store(chat="first", config="mine"), [learnt("gg ez", DELETE)]), folder, "first")

    beginning = begun(folder, "second", "first|mine")

    assert len(beginning.store) == 1
    assert beginning.start_from == RunKey("first", "mine")
    assert beginning.version == begun(folder, "third", "first|mine").version


def test_a_run_that_was_never_made_is_an_error_that_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(StartFromError, match="'moderation run first --config mine' makes it"):
        begun(DataFolder(tmp_path), "second", "first|mine")


def test_a_chat_is_never_moderated_with_memories_of_itself_not_even_by_way_of_another(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    kept(taught(store(chat="first", config="mine"), [learnt("gg ez", DELETE)]), folder, "first")
    kept(begun(folder, "second", "first|mine").store, folder, "second")

    for start_from in ("first|mine", "second|mine"):
        with pytest.raises(StartFromError, match="can't moderate 'first' itself"):
            begun(folder, "first", start_from)
