from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from moderation_pipeline.moderation.watched import (
    acts_otherwise,
    is_dearer,
    last_time,
    rejected_share,
    too_old,
)
from moderation_pipeline.warehouse.check_advice import told
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMMENTS, INGESTION, METRIC_HISTORY
from moderation_pipeline_tests.warehouse.rows import rows_of, write_table

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def made(
    chat: str, hours: int, share: float, *, width: float = 0.01, cost: float | None = None
) -> pl.DataFrame:
    """Return a run's row of the history: how much it acted on, give or take, and its list price."""
    row: dict[str, object] = {
        "chat": chat,
        "config": "hybrid",
        "finished_at": NOW + timedelta(hours=hours),
        "sanction_share": share,
        "sanction_share_low": share - width,
        "sanction_share_high": share + width,
        "list_cost_usd_per_1000_comments": cost,
    }
    return rows_of(METRIC_HISTORY, row)


ROOMS = {"monday": ["dash"], "tuesday": ["dash"], "elsewhere": ["arena"], "both": ["dash", "arena"]}


def before(folder: DataFolder, chat: str, *runs: pl.DataFrame) -> list[float]:
    """Return how much was acted on in the run that a chat's last one is held against, once these runs were made."""
    for name, channels in ROOMS.items():
        said = pl.concat(rows_of(COMMENTS, {"chat": name, "channel": channel}) for channel in channels)
        write_table(said, folder, COMMENTS, name)
    for (name,), rows in pl.concat(runs).group_by("chat"):
        path = write_table(rows, folder, METRIC_HISTORY, str(name), "hybrid")
        made_at = rows["finished_at"].max()
        assert isinstance(made_at, datetime)
        os.utime(path, (made_at.timestamp(), made_at.timestamp()))
    own = read_table(folder, METRIC_HISTORY, chat, "hybrid")
    return last_time(folder, own, chat, "hybrid")["sanction_share"].to_list()


def test_a_run_is_held_against_its_chats_last_one_else_against_the_evening_before(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    monday, tuesday, again = made("monday", 0, 0.1), made("tuesday", 24, 0.2), made("monday", 48, 0.3)
    assert before(folder, "monday", monday) == []
    assert before(folder, "tuesday", monday, tuesday) == [0.1]
    assert before(folder, "monday", monday, tuesday, again) == [0.1]
    (folder.warehouse / "comments" / "wednesday.parquet").write_bytes(
        (folder.warehouse / "comments" / "monday.parquet").read_bytes()
    )
    assert before(folder, "wednesday", again, tuesday, made("wednesday", 60, 0.5)) == [0.3]


@pytest.mark.parametrize("table", ["comments/monday", "metric_history/monday/hybrid"])
def test_a_file_of_another_chat_that_is_damaged_within_stops_no_run_of_this_one(
    tmp_path: Path, table: str
) -> None:
    folder, tuesday = DataFolder(tmp_path), made("tuesday", 24, 0.2)
    assert before(folder, "tuesday", made("monday", 0, 0.1), tuesday) == [0.1]
    path = folder.warehouse / f"{table}.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + bytes(len(whole) // 4) + whole[4 + len(whole) // 4 :])
    assert last_time(folder, tuesday, "tuesday", "hybrid").is_empty()


@pytest.mark.parametrize("first", ["monday", "elsewhere", "both", "of-no-channel"])
def test_a_chats_first_run_is_held_against_no_chat_of_other_channels(tmp_path: Path, first: str) -> None:
    of_others = [made(name, 0, 0.1) for name in ("monday", "elsewhere", "both", "unknown") if name != first]
    assert before(DataFolder(tmp_path), first, *of_others, made(first, 24, 0.3)) == []


@pytest.mark.parametrize(
    ("share", "width", "is_told"),
    [(0.30, 0.01, True), (0.05, 0.01, True), (0.12, 0.001, False), (0.30, 0.25, False), (0.10, 0.01, False)],
)
def test_what_is_acted_on_is_told_where_it_moved_by_half_and_beyond_chance(
    share: float, width: float, is_told: bool
) -> None:
    found = acts_otherwise(made("tuesday", 24, share, width=width), made("monday", 0, 0.10))
    assert found.is_empty() != is_told
    assert (told("as_much_is_acted_on_as_last_time", found) is not None) == is_told


@pytest.mark.parametrize(
    ("before", "now", "is_told"),
    [(0.10, 0.20, True), (0.10, 0.14, False), (0.001, 0.005, False), (None, 1.0, False), (1.0, None, False)],
)
def test_a_price_is_told_where_it_rose_by_half_and_is_no_trifle(
    before: float | None, now: float | None, is_told: bool
) -> None:
    found = is_dearer(made("tuesday", 24, 0.1, cost=now), made("monday", 0, 0.1, cost=before))
    assert found.is_empty() != is_told


def test_a_chat_is_too_old_only_where_somebody_said_how_old_it_may_be() -> None:
    comments = rows_of(COMMENTS, {"sent_at": NOW - timedelta(days=9)}, {"sent_at": NOW - timedelta(days=4)})
    assert too_old(comments, NOW, None).is_empty()
    assert too_old(comments, NOW, 5).is_empty()
    assert too_old(comments, NOW, 3)["days"].to_list() == [4.0]
    assert too_old(rows_of(COMMENTS, {"sent_at": None}), NOW, 3).is_empty()


def test_the_share_of_rejected_lines_is_of_all_files() -> None:
    files = rows_of(INGESTION, {"records": 90, "rejected": 0}, {"records": 10, "rejected": 10})
    assert rejected_share(files) == pytest.approx(0.1)
    assert rejected_share(rows_of(INGESTION, {"records": 0, "rejected": 0})) is None
