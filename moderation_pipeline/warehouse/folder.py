"""Where everything is on disk: the data folder and what lies in it. Nothing here reads or writes files."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from moderation_pipeline.errors import ModerationError

DATA_VARIABLE = "MODERATION_DATA"
STORE_VARIABLE = "MODERATION_STORE"
"""The address of the Postgres that several machines share; unset, all is kept in the data folder."""
RAY_VARIABLE = "MODERATION_RAY"
"""The address of the Ray cluster whose workers make the runs, `http://head:8265`; unset, this machine makes them."""
SETTINGS_VARIABLE = "MODERATION_SETTINGS"
"""Where a worker has what people wrote, as it was when its run was asked for; set by `worker.py` alone."""
WAREHOUSE_VARIABLE = "MODERATION_WAREHOUSE"
"""The address of the warehouse that several machines share (`objects/`); unset, the data folder is all there is."""


def has_shared_store() -> bool:
    """Whether several machines share a store (`shared_database.py`, which one machine need not import)."""
    return bool(os.environ.get(STORE_VARIABLE, "").strip())


class NoFolderError(ModerationError):
    """An address where a data folder is wanted."""

    def __init__(self, given: str) -> None:
        super().__init__(
            f"The data folder can't be {given!r}: it is an address, and has to be a folder of this machine. Name "
            f"one by --data or {DATA_VARIABLE}."
        )


def as_folder(given: str) -> Path:
    """Return the folder that was named.

    Raises:
        NoFolderError: it is an address, such as an object store's; as a path it would be a folder `s3:`.
    """
    if re.match(r"[A-Za-z][\w+.-]+:/", given):
        raise NoFolderError(given)
    return Path(given).absolute()


def is_shared() -> bool:
    """Whether the data folder is the mirror of a warehouse that several machines share."""
    return bool(os.environ.get(WAREHOUSE_VARIABLE))


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The folder that holds a deployment's chats, configs, warehouse and results; it may not exist yet."""

    root: Path

    @classmethod
    def find(cls) -> DataFolder:
        """Return the folder named by MODERATION_DATA, else `data` under the working directory.

        Raises:
            NoFolderError: MODERATION_DATA is an address.
        """
        return cls(as_folder(os.environ.get(DATA_VARIABLE) or "data"))

    @property
    def chats(self) -> Path:
        """Chat logs as they were added."""
        return self.root / "chats"

    @property
    def settings(self) -> Path:
        """Where the files lie that people write: the folder itself, but on a worker (`config/travelling.py`)."""
        return Path(os.environ.get(SETTINGS_VARIABLE) or self.root)

    @property
    def configs(self) -> Path:
        """The user's own configs; one with the name of a ready-made one replaces it."""
        return self.settings / "configs"

    @property
    def sanctions(self) -> Path:
        """The user's own sanction ladders."""
        return self.settings / "sanctions"

    @property
    def rules(self) -> Path:
        """Channels' own rules, as a config names them: `<name>.md`."""
        return self.settings / "rules"

    @property
    def nights(self) -> Path:
        """What the nightly job does, and when (`config/nights.py`)."""
        return self.root / "nights.yaml"

    @property
    def champions(self) -> Path:
        """Which config a channel or chat is moderated under, and since when (`config/champions.py`)."""
        return self.root / "champions.yaml"

    @property
    def prices(self) -> Path:
        """The user's own prices per model, which override the shipped table."""
        return self.settings / "prices.yaml"

    @property
    def chance_secret(self) -> Path:
        """What goes into the draws of audits where a config asks for it (`chance_secret.py`)."""
        return self.settings / "chance_secret"

    @property
    def warehouse(self) -> Path:
        """One folder per table: `<table>/<chat>.parquet` or `<table>/<chat>/<config>.parquet`."""
        return self.root / "warehouse"

    @property
    def results(self) -> Path:
        """Plots, reports and run logs: `<chat>/report.html`, `<chat>/<config>.jsonl.zst` and so on."""
        return self.root / "results"

    def run_log(self, chat: str, config: str) -> Path:
        """Return where a run's log is, one JSON object per comment: as `zstdcat` reads it, `.zst` is added."""
        return self.results / chat / f"{config}.jsonl"

    def plots(self, chat: str) -> Path:
        """Return the folder of a chat's figures."""
        return self.results / chat / "plots"

    def disagreements(self, chat: str) -> Path:
        """Return the folder of the pages of a chat's disagreements, beside its report."""
        return self.results / chat / "disagreements"

    def report(self, chat: str, kind: Literal["md", "html"]) -> Path:
        """Return where a chat's report is."""
        return self.results / chat / f"report.{kind}"

    @property
    def models(self) -> Path:
        """Learned heads: `<chat>/<config>.npz` and `.json`, or a folder of several."""
        return self.root / "models"

    @property
    def mirror(self) -> Path:
        """What is on its way between this folder and a warehouse that several machines share (`objects/`)."""
        return self.root / ".mirror"

    @property
    def cache(self) -> Path:
        """What can be made again at the cost of seconds, such as the figures' drawing library."""
        return self.root / "cache"

    def learned_head(self, chat: str, config: str, number: int | None = None) -> Path:
        """What a run's learned head is kept in, without the endings of its two files.

        `number` counts the heads of a run that has several, from 1. It is a file of a folder, for any other name
        might be a config's.
        """
        only = self.models / chat / config
        return only if number is None else only / str(number)

    @property
    def duckdb(self) -> Path:
        """The DuckDB file of views, for other people's shells."""
        return self.root / "moderation.duckdb"

    @property
    def reply_cache(self) -> Path:
        """Every paid reply, kept (SQLite)."""
        return self.root / "replies.sqlite"

    @property
    def embeddings(self) -> Path:
        """Every embedding that a model computed, kept (SQLite)."""
        return self.root / "embeddings.sqlite"

    @property
    def dagster_home(self) -> Path:
        """The Dagster instance's folder: DAGSTER_HOME where that is set; another one where the instance is shared."""
        own = "dagster-shared" if has_shared_store() else "dagster"
        return Path(os.environ.get("DAGSTER_HOME") or self.root / own)
