"""Runs on machines that share a warehouse: the same rows as on one machine, whoever made what, and whatever failed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from moderation_pipeline.definitions import defs
from moderation_pipeline.defs.home.shared_runs import MAKES, parts_of
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import DATA_VARIABLE, WAREHOUSE_VARIABLE, DataFolder
from moderation_pipeline.warehouse.objects.parts import TABLES_OF, PublishedPart
from moderation_pipeline.warehouse.tables import (
    ACTION_LOG,
    COMMENTS,
    COMPARISON,
    METRIC_HISTORY,
    TABLES,
    Table,
)

CHAT = "user,text\na,hello you\nb,you are an idiot\na,buy followers at www.spam.example\n"

EXECUTES = """
import json, sys
import dagster as dg
from moderation_pipeline.defs.home.instance import instance
from moderation_pipeline.warehouse.folder import DataFolder

def job():
    from moderation_pipeline.definitions import defs
    return defs.resolve_job_def(JOB)

JOB, TAGS = sys.argv[1], json.loads(sys.argv[2])
if __name__ == "__main__":
    with instance(DataFolder.find()) as dagster:
        dagster.add_dynamic_partitions("chats", ["stream"])
        ended = dg.execute_job(dg.reconstructable(job), instance=dagster, tags=TAGS)
    for event in ended.all_events:
        if event.is_failure:
            print(event.message, event.event_specific_data, file=sys.stderr)
    sys.exit(not ended.success)
"""
"""What a worker does for a run, by the job's own executor."""

OF_ONE_ATTEMPT = ("latency", "run_id", "started_at", "finished_at", "accepted_at", "is_cached")


class Machine:
    """A machine with a data folder of its own, and the environment that makes it one of several, or alone."""

    def __init__(self, root: Path, **environment: str) -> None:
        self.folder = DataFolder(root)
        self._root = root
        self._environment = environment

    def moderation(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Carry out a command."""
        return self._ran("-m", "moderation_pipeline.cli", *arguments)

    def execute(self, job: str, tags: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Execute a job as a worker does."""
        script = self._root.parent / "executes.py"
        script.write_text(EXECUTES)
        return self._ran(str(script), job, json.dumps(tags))

    def _ran(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = {**self._environment, DATA_VARIABLE: str(self.folder.root)}
        return subprocess.run(
            [sys.executable, *command],
            env=environment,
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[3],
        )


@pytest.fixture
def shared(shared_store: str, tmp_path: Path) -> dict[str, str]:
    return {"MODERATION_STORE": shared_store, WAREHOUSE_VARIABLE: f"file://{tmp_path / 'store'}"}


@pytest.fixture
def chat(tmp_path: Path) -> str:
    path = tmp_path / "stream.csv"
    path.write_text(CHAT)
    return str(path)


def made(ended: subprocess.CompletedProcess[str]) -> str:
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def run_tags(config: str) -> dict[str, str]:
    both = {"dagster/partition/chat": "stream", "dagster/partition/config": config}
    return {**both, "dagster/partition": f"stream|{config}"}


def rows(folder: DataFolder, table: Table) -> pl.DataFrame:
    frame = read_table(folder, table)
    return frame.select(name for name in frame.columns if not any(each in name for each in OF_ONE_ATTEMPT))


@pytest.mark.long
def test_machines_that_share_a_warehouse_make_the_tables_of_one(
    shared: dict[str, str], chat: str, tmp_path: Path
) -> None:
    alone = Machine(tmp_path / "alone")
    made(alone.moderation("add", chat))
    made(alone.moderation("run", "stream", "-c", "hybrid", "-c", "expert_only"))

    one, two, three = (Machine(tmp_path / name, **shared) for name in ("one", "two", "three"))
    made(one.moderation("add", chat))
    made(one.execute("moderate", run_tags("expert_only")))
    made(two.execute("moderate", run_tags("hybrid")))
    assert rows(two.folder, COMMENTS).height == 3, "two has fetched the chat that one read"
    made(one.execute("compare", {"dagster/partition": "stream"}))
    made(three.moderation("run", "stream", "--new", "-c", "hybrid", "-c", "expert_only"))
    assert read_table(three.folder, METRIC_HISTORY).height == 2, "nothing was made again"

    for table in TABLES.values():
        assert_frame_equal(rows(three.folder, table), rows(alone.folder, table))
    assert "hybrid" in made(three.moderation("sql", "select distinct config from action_log", "--csv"))
    assert three.folder.report("stream", "html").exists()
    assert three.folder.run_log("stream", "hybrid").with_suffix(".jsonl.zst").exists()

    made(two.moderation("remove", "stream", "--yes"))
    assert "stream" not in made(one.moderation("chats", "--json"))
    assert not one.folder.run_log("stream", "hybrid").parent.exists()
    assert rows(one.folder, ACTION_LOG).is_empty()


@pytest.mark.long
def test_what_a_machine_made_alone_is_published_once_it_is_one_of_several_and_pruned_for_all(
    shared: dict[str, str], chat: str, tmp_path: Path
) -> None:
    alone = Machine(tmp_path / "one")
    made(alone.moderation("add", chat))
    made(alone.moderation("run", "stream", "-c", "hybrid"))
    assert "MODERATION_WAREHOUSE is not set" in alone.moderation("publish").stderr
    before = rows(alone.folder, ACTION_LOG)

    one, two = Machine(alone.folder.root, **shared), Machine(tmp_path / "two", **shared)
    assert "stream" in made(one.moderation("publish"))
    assert "stream" not in made(two.moderation("chats", "--json"))
    made(one.moderation("publish", "--yes"))
    assert "holds all" in one.moderation("publish").stderr
    made(two.moderation("chats"))
    assert rows(two.folder, ACTION_LOG).equals(before)

    log = two.folder.run_log("stream", "hybrid").with_suffix(".jsonl.zst")
    assert log.exists()
    made(one.moderation("prune", "--older-than", "0d", "--only", "runs", "--only", "logs", "--yes"))
    made(two.moderation("chats"))
    assert rows(two.folder, ACTION_LOG).is_empty()
    assert rows(two.folder, METRIC_HISTORY).height == 1
    assert not log.exists()
    swept = made(one.moderation("prune", "--older-than", "0d", "--only", "objects", "--yes"))
    assert "objects" in swept


@pytest.mark.long
def test_a_run_whose_store_is_away_fails_in_a_sentence_and_goes_on_afterwards(
    shared: dict[str, str], chat: str, tmp_path: Path
) -> None:
    one = Machine(tmp_path / "one", **shared)
    made(one.moderation("add", chat))
    store = tmp_path / "store"
    store.rename(tmp_path / "away")
    store.write_text("no folder")
    ended = one.execute("moderate", run_tags("hybrid"))
    assert ended.returncode == 1
    assert "there is no such bucket or folder" in ended.stderr
    store.unlink()
    (tmp_path / "away").rename(store)
    two = Machine(tmp_path / "two", **shared)
    assert rows(two.folder, ACTION_LOG).is_empty()
    made(one.moderation("chats"))
    made(two.moderation("chats"))
    assert rows(two.folder, ACTION_LOG).height == 3


def test_every_table_belongs_to_one_part() -> None:
    belongs = Counter(table.name for tables in TABLES_OF.values() for table in tables)
    assert belongs == dict.fromkeys(TABLES, 1)


def test_every_asset_is_part_of_something() -> None:
    assets = {key.to_user_string() for key in defs.resolve_asset_graph().materializable_asset_keys}
    assert {asset for asset in assets if not MAKES.get(asset)} == {"pending_batches"}, "which keeps no file"


def test_what_a_job_makes_is_what_it_publishes() -> None:
    run = {"chat": "stream", "config": "hybrid"}
    assert parts_of(["action_log", "metrics"], run) == [PublishedPart("run", "stream", "hybrid")]
    assert parts_of(["comments", "ingestion"], {"chat": "stream"}) == [
        PublishedPart("log", "stream"),
        PublishedPart("read", "stream"),
    ]
    assert parts_of([COMPARISON.name, "plots", "report"], {"chat": "stream"}) == [
        PublishedPart("compared", "stream")
    ]
    assert parts_of(["synthetic_comments"], {}) == [PublishedPart("log", "synthetic")]
    assert parts_of(["attack_results", "probe_results"], {"config": "hybrid"}) == [
        PublishedPart("attacked", "attacks", "hybrid"),
        PublishedPart("probed", "probes", "hybrid"),
    ]
    assert parts_of(["what_if", "dsa_statements"], run) == [PublishedPart("run", "stream", "hybrid")]
    assert parts_of(["flipped"], {"chat": "stream"}) == [PublishedPart("asked", "stream")]
    assert parts_of([], {"chat": "stream"}) == []
