"""What somebody who keeps the pipeline running watches, beside the laws: lines rejected, age, what is done, its price.

None of it is wrong as such: a storm of spam, a new format or a provider's new price moves it, and somebody should look.
Each function returns the rows to look at, or none. Quality is `evaluation/history/accepted_runs.py`'s.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

import polars as pl

from moderation_pipeline.warehouse.damage import DamagedFileError
from moderation_pipeline.warehouse.files import partition_path, read_files, stored_partitions
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMMENTS, METRIC_HISTORY

REJECTED_BOUND = 0.05
"""The share of a chat's records above which lines that can't be read are no longer a few odd ones."""

MOVED_BY = 1.5
"""By which factor what is done must have moved, either way, beyond both intervals."""

DEARER_BY = 1.5
SMALL_USD_PER_1000 = 0.01
"""Below that a price may double and nobody need know."""

SHARES = ("sanction_share", "sanction_share_low", "sanction_share_high")


def rejected_share(ingestion: pl.DataFrame) -> float | None:
    """Return the share of a chat's records that could not be read; null where it has none."""
    records = int(ingestion["records"].sum())
    return int(ingestion["rejected"].sum()) / records if records else None


def too_old(comments: pl.DataFrame, now: datetime, after_days: float | None) -> pl.DataFrame:
    """Return the newest comment where it is older than so many days: sent_at, days; null days: no age is."""
    newest = comments["sent_at"].max()
    if after_days is None or not isinstance(newest, datetime) or now - newest <= timedelta(days=after_days):
        return pl.DataFrame()
    return pl.DataFrame({"sent_at": [newest], "days": [round((now - newest) / timedelta(days=1), 1)]})


def last_time(folder: DataFolder, history: pl.DataFrame, chat: str, config: str) -> pl.DataFrame:
    """Return what a config's run of a chat is held against, one row of `metric_history` or none.

    The run of the chat before it, else the latest of a chat of the very same channels: of the evening before. Other
    rooms have other people and other rules, so that how much is acted on there tells nothing here; a chat that names
    no channel is like no other. `history` is the chat's own, the run that was made last among it.
    """
    own = history.sort("finished_at")
    return own.slice(own.height - 2, 1) if own.height > 1 else _evening_before(folder, chat, config)


def _evening_before(folder: DataFolder, chat: str, config: str) -> pl.DataFrame:
    """Return the last run of a chat of the same channels. Looked for from the last one moderated back, not among all.

    Of 1,000 chats all would have to be read for each run of a new one. Where nobody named a channel it is called as the
    chat is (`comments/ingest.py`), and none is alike.
    """
    channels = _channels(folder, chat)
    if channels <= {chat}:
        return METRIC_HISTORY.empty()
    stored = [path for path in stored_partitions(folder, METRIC_HISTORY) if path.stem == config]
    for path in sorted(stored, key=lambda each: each.stat().st_mtime, reverse=True):
        other = path.parent.name
        if other != chat and _channels(folder, other) == channels:
            # Another chat's file stops no run of this one.
            with suppress(DamagedFileError, FileNotFoundError):
                return read_files([path], METRIC_HISTORY).sort("finished_at").tail(1)
    return METRIC_HISTORY.empty()


def _channels(folder: DataFolder, chat: str) -> set[str]:
    """Return a chat's channels; none of one whose comments can't be read."""
    path = partition_path(folder, COMMENTS, chat)
    with suppress(pl.exceptions.PolarsError, FileNotFoundError), path.open("rb") as file:
        return set(
            pl.read_parquet(file, columns=["channel"], hive_partitioning=False)["channel"].drop_nulls()
        )
    return set()


def acts_otherwise(now: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Return the share of comments acted on, now and before, where it moved by MOVED_BY and beyond both intervals."""
    if before.is_empty() or None in (*now.select(SHARES).row(0), *before.select(SHARES).row(0)):
        return pl.DataFrame()
    share, low, high = now.select(SHARES).row(0)
    then, then_low, then_high = before.select(SHARES).row(0)
    is_apart = low > then_high or high < then_low
    has_moved = max(share, then) > MOVED_BY * min(share, then)
    return _moved(before, share, then) if is_apart and has_moved else pl.DataFrame()


def is_dearer(now: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Return the list price of 1,000 comments, now and before, where it rose by DEARER_BY."""
    if before.is_empty():
        return pl.DataFrame()
    column = "list_cost_usd_per_1000_comments"
    cost, then = now[column][0], before[column][0]
    if cost is None or then is None or cost < SMALL_USD_PER_1000 or cost <= DEARER_BY * then:
        return pl.DataFrame()
    return _moved(before, cost, then)


def _moved(before: pl.DataFrame, now: float, then: float) -> pl.DataFrame:
    compared = {"chat": before["chat"], "finished_at": before["finished_at"]}
    return pl.DataFrame({"now": [round(now, 5)], "before": [round(then, 5)], **compared})
