"""A data folder of its own for each test, or for those of a module, with a small synthetic chat in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import dagster as dg
import pytest

from moderation_pipeline.comments.chat_files import chat_files
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
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        patch.setenv(DATA_VARIABLE, str(folder.root))
        patch.delenv("DAGSTER_HOME", raising=False)
        instance.add_dynamic_partitions("chats", list(chat_files(folder)))
        yield Home(folder, instance)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    found = DataFolder(tmp_path / "data")
    monkeypatch.setenv(DATA_VARIABLE, str(found.root))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    write_synthetic(found.chats / f"{CHAT}.jsonl", SyntheticSettings(comments=COMMENTS))
    return found


@pytest.fixture
def instance(folder: DataFolder) -> Iterator[dg.DagsterInstance]:
    """An instance in memory that knows the folder's chats."""
    with dg.DagsterInstance.ephemeral() as ephemeral:
        ephemeral.add_dynamic_partitions("chats", list(chat_files(folder)))
        yield ephemeral
