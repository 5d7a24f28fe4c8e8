"""The settings that runs were asked for by, in the store that all machines share: written once, never changed."""

from __future__ import annotations

from sqlalchemy import Engine, text

from moderation_pipeline.config.travelling import Settings
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.shared_database import in_transaction, make_tables

ROOM = "settings"
TABLES = (
    """
    create table if not exists moderation.settings (
        version text primary key,
        content text not null,
        sent_at timestamptz not null default now()
    )
    """,
)
PUT = text(
    "insert into moderation.settings (version, content) values (:version, :content) on conflict (version) do nothing"
)
GET = text("select content from moderation.settings where version = :version")


class UnsentSettingsError(ModerationError):
    """Settings that are not in the store."""

    def __init__(self, version: str) -> None:
        super().__init__(
            f"The settings {version} that this run was asked for by are not in the shared store. It is another one "
            "than that of the machine which asked, or was emptied: look at MODERATION_STORE on both."
        )


def sent(engine: Engine, settings: Settings) -> None:
    """Put settings into the store, where they are not in it already."""
    make_tables(engine, ROOM, TABLES)
    in_transaction(engine, lambda connection: connection.execute(PUT, settings._asdict()))


def received(engine: Engine, version: str) -> Settings:
    """Return the settings of that version.

    Raises:
        UnsentSettingsError: they are not in the store.
    """
    make_tables(engine, ROOM, TABLES)
    content = in_transaction(engine, lambda connection: connection.scalar(GET, {"version": version}))
    if content is None:
        raise UnsentSettingsError(version)
    return Settings(version, str(content))
