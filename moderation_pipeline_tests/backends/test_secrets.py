"""A key or the shared store's password is in no file, log line, Dagster event or error of a whole `moderation run`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from moderation_pipeline.warehouse.folder import STORE_VARIABLE
from moderation_pipeline_tests.backends.chat_server import Behaviour, Fault, running
from moderation_pipeline_tests.postgres_server import PASSWORD, PostgresServer
from moderation_pipeline_tests.program import moderation as in_this_process

KEY = "sk-fake-0123456789-do-not-find-me"
CONFIG = """
student: {{backend: openai, model: tiny-judge, base_url: "{base_url}", api_key_env: MY_KEY}}
expert: careful_rules
log: plain
"""
"""The log is plain, for in a compressed one nobody would find a key."""


def moderation(data: Path, *arguments: str, debug: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the program as a user does, the key in its environment."""
    program = [sys.executable, "-m", "moderation_pipeline.cli", *(["--debug"] if debug else [])]
    return subprocess.run(
        [*program, *arguments],
        env={**os.environ, "MODERATION_DATA": str(data), "MY_KEY": KEY},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("fails", [False, True], ids=["a run that ends well", "a key that is refused"])
def test_nothing_that_a_run_leaves_behind_holds_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], fails: bool
) -> None:
    """The run that fails in a process of its own, with whatever a process says of its end."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "chats").mkdir()
    lines = "".join(f'{{"text": "hello {i}", "user_id": "u{i % 3}"}}\n' for i in range(30))
    (tmp_path / "chats" / "chat.jsonl").write_text(lines)
    faults = (lambda call: Fault.UNAUTHORISED if call == 20 else None) if fails else (lambda _: None)
    with running(Behaviour(faults=faults)) as server:
        (tmp_path / "configs" / "student_only.yaml").write_text(CONFIG.format(base_url=server.base_url))
        arguments = ("run", "chat", "--config", "student_only")
        if fails:
            ran = moderation(tmp_path, *arguments, debug=True)
        else:
            monkeypatch.setenv("MY_KEY", KEY)
            ran = in_this_process(tmp_path, "--data", str(tmp_path), *arguments)
        sent = {headers.get("Authorization") for headers in server.headers}

    assert sent == {f"Bearer {KEY}"}
    assert (ran.returncode != 0) == fails
    # A number of its own: the server's port may hold the same digits.
    assert bool(re.search(r"\b401\b", ran.stdout + ran.stderr)) == fails
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "replies.sqlite" for path in files)
    assert any("dagster" in path.parts for path in files)
    assert KEY not in ran.stdout + ran.stderr + "".join(capfd.readouterr())
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


@pytest.mark.parametrize("fails", [False, True], ids=["a run that ends well", "a store that is gone"])
def test_nothing_that_a_run_leaves_behind_holds_the_password_of_the_shared_store(
    tmp_path: Path, own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    monkeypatch.setenv(
        STORE_VARIABLE, own_postgres.url if not fails else own_postgres.url.replace(PASSWORD, KEY)
    )
    (tmp_path / "configs").mkdir()
    (tmp_path / "chats").mkdir()
    (tmp_path / "chats" / "chat.jsonl").write_text('{"text": "hello", "user_id": "u"}\n')
    with running() as server:
        (tmp_path / "configs" / "mine.yaml").write_text(CONFIG.format(base_url=server.base_url))
        ran = moderation(tmp_path, "run", "chat", "--config", "mine", debug=fails)

    assert (ran.returncode != 0) == fails
    assert ("password authentication failed" in ran.stdout + ran.stderr) == fails
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any("dagster-shared" in path.parts for path in files)
    assert not any(path.name == "replies.sqlite" for path in files)
    for secret in (PASSWORD, KEY):
        assert secret not in ran.stdout + ran.stderr
        assert not [path for path in files if secret.encode() in path.read_bytes()]
