"""Tests of certificates as assets: they are of what decided, and the report says what has changed since."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import dagster as dg
import pytest

from moderation_pipeline.definitions import defs
from moderation_pipeline.defs.partitions import run_key
from moderation_pipeline.terminal.certified_runs import certified
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import DATA_VARIABLE, DataFolder
from moderation_pipeline.warehouse.tables import CERTIFICATES, PROVENANCE
from moderation_pipeline_tests.defs.conftest import CHAT, Home, home_in

MINE = """
extends: hybrid
sanctions: house
audit: {rate: 0.3, random_floor: 0.2}
autonomy: {confidence: 0.9}
"""


def make(
    instance: dg.DagsterInstance, job: str, partition: str, *, only: list[dg.AssetKey] | None = None
) -> None:
    made = defs.resolve_job_def(job).execute_in_process(
        instance=instance, partition_key=partition, asset_selection=only
    )
    assert made.success


def write_config(folder: DataFolder, text: str) -> None:
    folder.configs.mkdir(parents=True, exist_ok=True)
    (folder.configs / "certified.yaml").write_text(text)


def write_sanctions(folder: DataFolder, expiry_s: int) -> None:
    folder.sanctions.mkdir(parents=True, exist_ok=True)
    ready_made = resources.files("moderation_pipeline.defaults") / "sanctions" / "default.yaml"
    kept = [line for line in ready_made.read_text("utf-8").splitlines() if not line.startswith("strikes_exp")]
    text = "\n".join([f"strikes_expire_after_s: {expiry_s}", *kept])
    (folder.sanctions / "house.yaml").write_text(text)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The small chat, moderated once under a config that may act alone; not to be changed."""
    with home_in(tmp_path_factory.mktemp("certified")) as home:
        write_sanctions(home.folder, 60)
        write_config(home.folder, MINE)
        make(home.instance, "ingest", CHAT)
        make(home.instance, "moderate", run_key(CHAT, "certified"))
        yield home


@pytest.fixture
def decided(once: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A copy of it that may be changed."""
    folder = DataFolder(tmp_path / "copy")
    shutil.copytree(once.folder.root, folder.root)
    monkeypatch.setenv(DATA_VARIABLE, str(folder.root))
    return once._replace(folder=folder)


def test_a_certificate_is_of_the_config_that_decided_and_void_once_its_file_says_otherwise(
    decided: Home,
) -> None:
    folder, instance = decided
    before = read_table(folder, CERTIFICATES, CHAT, "certified")

    write_config(folder, MINE.replace("random_floor: 0.2", "random_floor: 0.25").replace("0.9}", "0.99}"))
    write_sanctions(folder, 3_600)
    make(instance, "moderate", run_key(CHAT, "certified"), only=[dg.AssetKey("certificates")])

    assert read_table(folder, CERTIFICATES, CHAT, "certified").equals(before)
    assert set(before["config_hash"]) == set(read_table(folder, PROVENANCE, CHAT, "certified")["config_hash"])
    assert set(before["confidence"]) == {0.9}
    today = certified(folder, CHAT, "certified")
    assert "void, for its config, Student or Expert and its sanctions changed since" in today.sentence


def test_the_report_says_which_certificates_are_void_by_now(decided: Home) -> None:
    folder, instance = decided
    make(instance, "compare", CHAT)
    fresh = folder.report(CHAT, "md").read_text("utf-8")

    write_sanctions(folder, 3_600)
    make(instance, "compare", CHAT)
    stale = folder.report(CHAT, "md").read_text("utf-8")

    assert "certified may not act alone on this chat yet" in fresh
    assert "; it is not certified to act alone." in fresh
    assert "What certified was certified to do alone is void, for its sanctions changed since" in stale
    assert "what it was certified to do is void, for its sanctions changed since" in stale
