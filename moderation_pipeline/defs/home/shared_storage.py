"""Dagster's own storage of runs, events and schedules in Postgres, at the address that all machines share.

Dagster opens a connection for every query and closes it again, thousands in a run; here a process keeps a few. Tables
and rows are the same, so that Dagster's own commands (`dagster instance migrate`) work on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from dagster._config import UserConfigSchema
from dagster._core.storage.sql import create_engine
from dagster._serdes import ConfigurableClassData
from dagster_postgres.storage import DagsterPostgresStorage

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.folder import STORE_VARIABLE
from moderation_pipeline.warehouse.shared_database import UNLESS_SAID, shared_database

DRIVER = "postgresql+psycopg2"
"""The one that Dagster's statements are written for; SQLAlchemy 2.1 takes another one where none is named."""

KEPT, MOST = 1, 8
"""How many connections a process keeps open, and how many it opens at a time: the webserver asks in threads."""


class NoStoreError(ModerationError):
    """Settings of several machines without the store that they share."""

    def __init__(self) -> None:
        super().__init__(
            f"This instance is of several machines, and {STORE_VARIABLE} is not set: set it to the address of the "
            "Postgres that they share, here and on every machine."
        )


class SharedStorage(DagsterPostgresStorage):
    """All that Dagster keeps, in the Postgres that MODERATION_STORE names."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        shared = shared_database()
        if shared is None:
            raise NoStoreError
        url = shared.url.set(drivername=DRIVER)
        for name, value in UNLESS_SAID.items():
            if name not in url.query:
                url = url.update_query_dict({name: str(value)})
        address = url.render_as_string(hide_password=False)
        super().__init__(address, inst_data=inst_data)
        self._kept = create_engine(
            address,
            isolation_level="AUTOCOMMIT",
            pool_size=KEPT,
            max_overflow=MOST - KEPT,
            pool_pre_ping=True,
            hide_parameters=True,
        )
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine = self._kept

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Return what may be configured: nothing, for the address is in the environment alone."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Return the storage of this environment."""
        return cls(inst_data=inst_data, **config_value)
