"""What tests of backends share: a data folder whose replies are kept in SQLite, and one whose are kept in Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from moderation_pipeline.backends.stores.stored_replies import ReplyStore
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.backends.stores.opened import opened


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.fleet)])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> DataFolder:
    """An empty data folder, with each of the two reply stores."""
    if request.param == "postgres":
        request.getfixturevalue("shared_store")
    return DataFolder(tmp_path)


@pytest.fixture
def store(folder: DataFolder) -> Iterator[ReplyStore]:
    """The folder's reply store."""
    store = opened(folder)
    yield store
    store.close()
