"""Tests of certificates as assets: they are of what decided, and the report says what has changed since."""

from __future__ import annotations

from importlib import resources

import dagster as dg

from moderation_pipeline.definitions import defs
from moderation_pipeline.defs.partitions import run_key
from moderation_pipeline.terminal.certified_runs import certified
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import CERTIFICATES, PROVENANCE
from moderation_pipeline_tests.defs.conftest import CHAT

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


def test_a_certificate_is_of_the_config_that_decided_and_void_once_its_file_says_otherwise(
    folder: DataFolder, instance: dg.DagsterInstance
) -> None:
    write_sanctions(folder, 60)
    write_config(folder, MINE)
    make(instance, "ingest", CHAT)
    make(instance, "moderate", run_key(CHAT, "certified"))
    before = read_table(folder, CERTIFICATES, CHAT, "certified")

    write_config(folder, MINE.replace("random_floor: 0.2", "random_floor: 0.25").replace("0.9}", "0.99}"))
    write_sanctions(folder, 3_600)
    make(instance, "moderate", run_key(CHAT, "certified"), only=[dg.AssetKey("certificates")])

    assert read_table(folder, CERTIFICATES, CHAT, "certified").equals(before)
    assert set(before["config_hash"]) == set(read_table(folder, PROVENANCE, CHAT, "certified")["config_hash"])
    assert set(before["confidence"]) == {0.9}
    today = certified(folder, CHAT, "certified")
    assert "void, for its config, Student or Expert and its sanctions changed since" in today.sentence


def test_the_report_says_which_certificates_are_void_by_now(
    folder: DataFolder, instance: dg.DagsterInstance
) -> None:
    write_sanctions(folder, 60)
    write_config(folder, MINE)
    make(instance, "ingest", CHAT)
    make(instance, "moderate", run_key(CHAT, "certified"))
    make(instance, "compare", CHAT)
    fresh = folder.report(CHAT, "md").read_text("utf-8")

    write_sanctions(folder, 3_600)
    make(instance, "compare", CHAT)
    stale = folder.report(CHAT, "md").read_text("utf-8")

    assert "certified may not act alone on this chat yet" in fresh
    assert "; it is not certified to act alone." in fresh
    assert "What certified was certified to do alone is void, for its sanctions changed since" in stale
    assert "what it was certified to do is void, for its sanctions changed since" in stale
