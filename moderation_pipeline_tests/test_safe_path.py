"""The program is run in a folder that somebody sent: no module of it is imported, whatever it is called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from moderation_pipeline.backends.keys import environment
from moderation_pipeline.terminal.dagster_ui import given_variables
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.hostile_folder import hostile_modules, without_python_settings

CALLS = (
    [str(Path(sys.executable).with_name("moderation")), "run", "chat", "-c", "hybrid"],
    [sys.executable, "-m", "moderation_pipeline.cli", "sql", "select 1"],
)
"""The program as it is installed and as a module, which puts the working directory on Python's path first."""


@pytest.mark.parametrize("call", CALLS)
def test_nothing_is_imported_from_the_working_directory(tmp_path: Path, call: list[str]) -> None:
    marks = hostile_modules(tmp_path)
    (tmp_path / "data" / "chats").mkdir(parents=True)
    (tmp_path / "data" / "chats" / "chat.jsonl").write_text('{"text": "hello", "user_id": "1"}\n', "utf-8")
    ran = subprocess.run(
        call,
        cwd=tmp_path,
        env=without_python_settings(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert list(marks.iterdir()) == []


def test_a_dotenv_file_says_nothing_to_the_processes_of_the_ui_but_where_keys_are_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("PYTHONPATH=/evil\nLD_PRELOAD=/evil.so\nMY_KEY=sk-1\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    given = given_variables(DataFolder(tmp_path / "data"), tmp_path / "home", ["localhost"])
    assert given.get("PYTHONPATH") != "/evil"
    assert "LD_PRELOAD" not in given
    assert given["PYTHONSAFEPATH"] == "1"

    monkeypatch.chdir("/")
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert environment()["MY_KEY"] == "sk-1"


def test_a_dotenv_file_gives_no_name_the_value_of_another_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME_SECRET", "a-value-that-must-stay-here")
    (tmp_path / ".env").write_text('OTHER_API_KEY="${HOME_SECRET}"\n', "utf-8")
    assert environment(tmp_path)["OTHER_API_KEY"] == "${HOME_SECRET}"
