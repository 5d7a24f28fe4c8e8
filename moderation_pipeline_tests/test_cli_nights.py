"""Several chats in one command, as cron starts it, on one data folder; its own line starts processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from moderation_pipeline.moderation.alerts import WEBHOOK
from moderation_pipeline.terminal.exit_codes import ExitCode
from moderation_pipeline.terminal.nights.chat_runs import chats_that_can_be
from moderation_pipeline.warehouse.damage import damaged_files
from moderation_pipeline.warehouse.files import partition_path
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMMENTS, TABLES
from moderation_pipeline_tests.moderation.test_alerts import hook
from moderation_pipeline_tests.program import moderation


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat, one with a line that can't be read, a file that can't be, two that would be one chat, and settings."""
    folder = tmp_path_factory.mktemp("nights")
    chats = folder / "data" / "chats"
    chats.mkdir(parents=True)
    (chats / "tuesday.csv").write_text("user_name,text\n" + "ann,hello there\n" * 9 + "bob,you idiot\n")
    (chats / "broken.parquet").write_bytes(b"PAR1 and no more")
    (chats / "cut.jsonl").write_text('{"text": "hello", "user_name": "ann"}\n' * 9 + '{"text": "hel\n')
    for name in ("noon.csv", "noon.tsv"):
        (chats / name).write_text("text\nhi\n")
    (folder / "data" / "nights.yaml").write_text("configs: [student_only]\n")
    return folder


def test_a_night_moderates_what_changed_tells_what_failed_once_and_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hook() as server:
        monkeypatch.setenv(WEBHOOK, server.address)
        first = moderation(folder, "run", "--night", "--json")
        second = moderation(folder, "run", "--night")
        (folder / "data" / "chats" / "noon.tsv").unlink()
        with (folder / "data" / "chats" / "tuesday.csv").open("a") as file:
            file.write("cat,good night\n")
        third = moderation(folder, "run", "--night")

    assert first.returncode == ExitCode.FAILED, first.stderr
    told = {each["chat"]: each for each in json.loads(first.stdout)}
    assert {chat: each["made"] for chat, each in told.items()} == {
        "broken": [],
        "cut": ["student_only"],
        "noon": [],
        "tuesday": ["student_only"],
    }
    assert "broken.parquet" in told["broken"]["failures"][0]
    assert "would both be the chat 'noon'" in told["noon"]["failures"][0]
    assert told["cut"]["failures"] == []
    assert told["cut"]["warnings"][0].startswith("Check warns: few_lines_are_rejected of ingestion (cut).")
    assert [row["config"] for row in told["tuesday"]["comparison"]] == ["student_only"]
    assert first.stderr.rstrip().endswith(
        "To be looked at: cut (1 of 4 chats).\nFailed: broken, noon (2 of 4 chats)."
    )
    posted = server.posted[0]
    assert [each["chat"] for each in posted["failed"]] == ["broken", "noon"]  # type: ignore[attr-defined]
    assert [each["chat"] for each in posted["warned"]] == ["cut"]  # type: ignore[attr-defined]
    assert len(server.posted) == 2  # of the two that would be one chat again, until one is renamed

    assert second.returncode == ExitCode.FAILED, second.stderr
    assert second.stdout.splitlines()[:2] == [
        "cut: up to date student_only",
        "tuesday: up to date student_only",
    ]
    assert second.stdout.splitlines()[2].startswith("broken: left out, unreadable: ")
    assert second.stderr.rstrip().endswith("Failed: noon (1 of 4 chats).")

    assert third.returncode == ExitCode.OK, third.stderr
    assert third.stderr.rstrip().endswith("4 chats: 2 runs made, 1 run up to date, 1 chat left out.")
    assert "cut: up to date student_only\nnoon: made student_only\ntuesday: made student_only" in third.stdout


def test_a_night_compares_what_a_night_that_was_ended_left_uncompared(folder: Path) -> None:
    report = folder / "data" / "results" / "tuesday" / "report.html"
    os.utime(report, (1, 1))
    (folder / "data" / "warehouse" / "comparison" / "tuesday.parquet").unlink()
    night = moderation(folder, "run", "--night")

    assert "tuesday: up to date student_only" in night.stdout
    assert night.stderr.count("Comparing") == 1
    assert report.stat().st_mtime > 1
    assert (folder / "data" / "warehouse" / "comparison" / "tuesday.parquet").exists()
    assert "Comparing" not in moderation(folder, "run", "--night").stderr


def test_a_night_makes_damaged_tables_anew_and_none_of_them_stops_another_chat(folder: Path) -> None:
    run = "tuesday/student_only"
    for name in (
        f"action_log/{run}",
        f"metric_history/{run}",
        f"accepted_run/{run}",
        "comparison/tuesday",
        "ingestion/cut",
    ):
        path = folder / "data" / "warehouse" / f"{name}.parquet"
        path.write_bytes(path.read_bytes()[:-40])
    (folder / "data" / "chats" / "wednesday.csv").write_text("user_name,text\nann,hello there\n")

    night = moderation(folder, "run", "--night")

    assert night.returncode == ExitCode.OK, night.stderr
    assert "cut: up to date student_only" in night.stdout
    assert "tuesday: made student_only\nwednesday: made student_only" in night.stdout
    assert damaged_files(DataFolder(folder / "data"), TABLES) == []
    assert moderation(folder, "remove", "wednesday", "--yes").returncode == ExitCode.OK


def test_a_night_over_named_chats_leaves_out_what_is_gone_and_fails_for_a_name_that_is_no_chats(
    tmp_path: Path,
) -> None:
    folder = DataFolder(tmp_path)
    table = partition_path(folder, COMMENTS, "gone")
    for each in (table.parent, folder.chats):
        each.mkdir(parents=True)
    table.touch()
    for name in ("monday.csv", "friday.csv"):
        (folder.chats / name).write_text("text\nhi\n")
    chats, told = chats_that_can_be(folder, ["monday", "gone", "mondya", "monday"])
    assert chats == ["monday"]
    assert [(each.chat, each.left_out is not None, len(each.failures)) for each in told] == [
        ("gone", True, 0),
        ("mondya", False, 1),
    ]
    assert "nights.yaml names it" in told[1].failures[0]
    assert "Did you mean 'monday'?" in told[1].failures[0]


def test_a_night_that_can_not_begin_tells_the_address_that_alerts_go_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "nights.yaml").write_text("configs: [hybird]\n")
    with hook() as server:
        monkeypatch.setenv(WEBHOOK, server.address)
        night = moderation(tmp_path, "run", "--night")
        by_hand = moderation(tmp_path, "run", "-c", "hybird")

    assert (night.returncode, by_hand.returncode) == (ExitCode.USAGE, ExitCode.USAGE)
    (posted,) = server.posted
    assert "The night could not be done." in str(posted["text"])
    assert "'hybird'" in str(posted["text"])
    assert (posted["failed"], posted["warned"]) == ([], [])


def test_one_chat_that_does_not_exist_is_a_mistake_before_anything_is_moderated(folder: Path) -> None:
    ended = moderation(folder, "run", "tuesday", "wednesday", "-c", "student_only")
    assert ended.returncode == ExitCode.USAGE
    assert "There is no chat 'wednesday'" in ended.stderr
    assert ended.stdout == ""


def test_a_chat_that_is_removed_leaves_nothing_behind_and_only_when_it_is_meant(folder: Path) -> None:
    data = folder / "data"
    meant_to = moderation(folder, "remove", "cut")
    assert meant_to.returncode == ExitCode.OK, meant_to.stderr
    assert "chat log" in meant_to.stdout
    assert (data / "chats" / "cut.jsonl").exists()

    runs = len(list((data / "dagster" / "history" / "runs").glob("*-*.db")))
    removed = moderation(folder, "remove", "cut", "--yes")
    assert removed.returncode == ExitCode.OK, removed.stderr
    assert [path for path in data.rglob("*cut*") if path.exists()] == []
    assert len(list((data / "dagster" / "history" / "runs").glob("*-*.db"))) < runs
    chats = {each["chat"]: each for each in json.loads(moderation(folder, "chats", "--json").stdout)}
    assert set(chats) == {"broken", "noon", "synthetic", "tuesday"}
    assert (chats["broken"]["state"], chats["tuesday"]["state"]) == ("unreadable", "read")
    assert 0 < chats["tuesday"]["megabytes"] < 1, "the drawing library is the cache's"
    again = moderation(folder, "remove", "cut", "--yes")
    assert again.returncode == ExitCode.USAGE
    assert "There is no chat 'cut'" in again.stderr


def test_what_is_old_is_pruned_by_kind_and_only_when_it_is_meant(folder: Path) -> None:
    data = folder / "data"
    logs = list((data / "results" / "tuesday").glob("student_only.jsonl*"))
    assert logs
    for path in (*logs, data / "warehouse" / "action_log" / "tuesday" / "student_only.parquet"):
        os.utime(path, (0, 0))
    assert moderation(folder, "prune", "--older-than", "90d").returncode == ExitCode.OK
    assert all(path.exists() for path in logs)
    assert (
        moderation(folder, "prune", "--older-than", "90d", "--only", "logs", "--yes").returncode
        == ExitCode.OK
    )
    assert not any(path.exists() for path in logs)
    ended = moderation(folder, "prune", "--older-than", "90d", "--only", "runs", "--only", "replies", "--yes")
    assert ended.returncode == ExitCode.OK, ended.stderr
    left = {
        path.relative_to(data / "warehouse").parts[0] for path in data.glob("warehouse/*/tuesday/*.parquet")
    }
    assert left == {"accepted_run", "metric_history"}, "what later runs are held against"
    before_christ = moderation(folder, "prune", "--older-than", "999999w", "--only", "history")
    assert before_christ.returncode == ExitCode.OK, before_christ.stderr
    assert moderation(folder, "prune", "--older-than", "soon").returncode == ExitCode.USAGE


OPERATIONS = Path(__file__).parents[1] / "docs" / "operations.md"
NIGHT = Path(__file__).parents[1] / "deploy" / "systemd" / "moderation-night.service"


def test_the_command_lines_of_cron_and_systemd_do_a_night_as_they_stand(folder: Path) -> None:
    """From the working directory and with the environment that they have: hardly any."""
    program = folder / ".venv" / "bin" / "moderation"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m moderation_pipeline.cli "$@"\n')
    program.chmod(0o755)
    cron = re.findall(r"^0 3 \* \* \* (.+)$", OPERATIONS.read_text("utf-8"), re.MULTILINE)
    systemd = re.findall(r"^ExecStart=(.+)$", NIGHT.read_text("utf-8"), re.MULTILINE)
    assert (len(cron), len(systemd)) == (1, 1)
    program_of_systemd = systemd[0].removeprefix("/srv/moderation/")
    assert cron[0] == f"cd /srv/moderation && {program_of_systemd} >> night.log 2>&1", (
        "the same, so one is run"
    )
    ended = subprocess.run(
        ["/bin/sh", "-c", cron[0].replace("/srv/moderation", str(folder))],
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(OPERATIONS.parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == ExitCode.OK, ended.stderr
    assert "tuesday: " in (folder / "night.log").read_text("utf-8")
