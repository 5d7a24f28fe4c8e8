"""A run that is stopped while calls are in flight keeps what they bring, and says one line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from moderation_pipeline.backends.stores.sqlite_replies import SqliteReplies
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.backends.chat_server import Behaviour, ChatServer, running
from moderation_pipeline_tests.program import moderation

CONFIG = """
student: {{backend: openai, model: tiny-judge, base_url: "{base_url}"}}
expert: none
audit: {{policy: none}}
loop: {{batch_size: 8}}
"""
RUN = ("run", "chat", "-c", "student_only")


def folder_with_a_chat(root: Path, server: ChatServer) -> None:
    (root / "configs").mkdir(parents=True)
    (root / "chats").mkdir()
    (root / "configs" / "student_only.yaml").write_text(CONFIG.format(base_url=server.base_url))
    lines = "".join(f'{{"text": "hello number {i}", "user_id": "u{i}"}}\n' for i in range(24))
    (root / "chats" / "chat.jsonl").write_text(lines)


ENDS = {signal.SIGINT: (130, "Interrupted."), signal.SIGTERM: (143, "Terminated.")}


def test_a_run_that_is_stopped_keeps_the_replies_in_flight_and_asks_for_none_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    program = [sys.executable, "-m", "moderation_pipeline.cli", *RUN]
    environment = {**os.environ, "MODERATION_DATA": str(data)}
    with running(Behaviour(latency_s=1.0)) as server:
        folder_with_a_chat(data, server)
        for stop, (code, said) in ENDS.items():
            process = subprocess.Popen(program, env=environment, stderr=subprocess.PIPE, text=True)
            while server.in_flight < 8:  # a batch is asked
                time.sleep(0.02)
            process.send_signal(stop)
            _, error = process.communicate()
            assert (process.returncode, error.splitlines()[-1]) == (code, said)
            assert "Traceback" not in error

        asked = server.calls
        again = moderation(tmp_path, *RUN)
        assert again.returncode == 0, again.stderr
        prompts = [body["messages"][-1]["content"] for body in server.bodies]
        of_comments = [prompt for prompt in prompts if "hello number" in str(prompt)]
        assert len(of_comments) == len(set(map(str, of_comments))) == 24
        assert server.calls == asked + 8

    store = SqliteReplies(DataFolder(data).reply_cache)
    assert store.begin_run("nobody's").repeated_calls == 0
    store.close()


@pytest.mark.parametrize("is_in_background", [False, True])
def test_a_run_that_is_terminated_where_dagster_listens_is_said_to_be(
    tmp_path: Path, is_in_background: bool
) -> None:
    (tmp_path / "chats").mkdir()
    (tmp_path / "chats" / "chat.csv").write_text("text\nhello\n")
    program = [sys.executable, "-m", "moderation_pipeline.cli", *RUN]
    environment = {**os.environ, "MODERATION_DATA": str(tmp_path)}
    # A shell has what it puts into the background ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN if is_in_background else signal.default_int_handler)
    process = subprocess.Popen(program, env=environment, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
    with process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Comparing"):
                process.terminate()
                break
        error = process.stderr.read()
    assert (process.returncode, error.splitlines()[-1]) == ENDS[signal.SIGTERM]
