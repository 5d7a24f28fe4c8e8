"""A data folder that came from somewhere may hold a config under a name that everybody knows: each command says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from moderation_pipeline.cli import called_with
from moderation_pipeline.config.config_library import READY_MADE


@pytest.mark.parametrize("command", ["run", "check", "attack"])
def test_every_command_that_begins_a_run_names_the_file_and_the_one_it_replaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setenv("MODERATION_DATA", str(tmp_path))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("COLUMNS", "400")
    own = tmp_path / "configs" / "student_only.yaml"
    own.parent.mkdir()
    own.write_text("extends: student_only\n", "utf-8")
    (tmp_path / "chats").mkdir()
    (tmp_path / "chats" / "chat.jsonl").write_text('{"text": "hello", "user_id": "1"}\n', "utf-8")
    arguments = ["run", "chat", "-c", "student_only"] if command == "run" else [command, "student_only"]

    assert called_with(arguments) == 0

    said = capfd.readouterr().err
    note = f"{own} replaces the ready-made config of that name, {Path(str(READY_MADE)) / own.name}."
    assert said.count(note) == 1
