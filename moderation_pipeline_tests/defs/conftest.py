"""A data folder of its own for each test, with a small synthetic chat in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from moderation_pipeline.comments.chat_files import chat_files
from moderation_pipeline.synthetic.synthetic_chat import SyntheticSettings, write_synthetic
from moderation_pipeline.warehouse.folder import DATA_VARIABLE, DataFolder

CHAT = "synthetic"
"""Violations are expected to be usual in it, so that few comments have some of everything."""

COMMENTS = 300


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
