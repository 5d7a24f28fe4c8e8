"""A data folder of its own for each test, or for those of a module, with a small synthetic chat in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import dagster as dg
import pytest

from moderation_pipeline.comments.chat_files import chat_files
from moderation_pipeline.defs.home.instance import instance as instance_of
from moderation_pipeline.synthetic.synthetic_chat import SyntheticSettings, write_synthetic
from moderation_pipeline.warehouse.folder import DATA_VARIABLE, DataFolder

CHAT = "synthetic"
"""Violations are expected to be usual in it, so that few comments have some of everything."""

COMMENTS = 300


class Home(NamedTuple):
    """A data folder, and an instance that knows its chats."""

    folder: DataFolder
    instance: dg.DagsterInstance


@contextmanager
def home_in(root: Path) -> Iterator[Home]:
    """Make such a home, for tests that share what was run in it; MODERATION_DATA names it meanwhile."""
    folder = DataFolder(root / "data")
    write_synthetic(folder.chats / f"{CHAT}.jsonl", SyntheticSettings(comments=COMMENTS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(DATA_VARIABLE, str(folder.root))
        patch.delenv("DAGSTER_HOME", raising=False)
        with knowing_its_chats(folder) as dagster:
            yield Home(folder, dagster)


@contextmanager
def knowing_its_chats(folder: DataFolder) -> Iterator[dg.DagsterInstance]:
    """Open the folder's own instance, which takes less of a run than Dagster's in memory, and tell it the chats."""
    with instance_of(folder) as dagster:
        dagster.add_dynamic_partitions("chats", list(chat_files(folder)))
        yield dagster


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    found = DataFolder(tmp_path / "data")
    monkeypatch.setenv(DATA_VARIABLE, str(found.root))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    write_synthetic(found.chats / f"{CHAT}.jsonl", SyntheticSettings(comments=COMMENTS))
    return found


@pytest.fixture
def instance(folder: DataFolder) -> Iterator[dg.DagsterInstance]:
    """The folder's instance, which knows its chats."""
    with knowing_its_chats(folder) as dagster:
        yield dagster
