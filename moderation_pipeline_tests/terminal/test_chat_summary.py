"""What `moderation add` shows of a chat: that its owner can see at once whether it was understood."""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from moderation_pipeline.cli import called_with
from moderation_pipeline.comments.formats import FORMATS
from moderation_pipeline.terminal.chat_summary import ReadingObserver, lines_of, summary_of, wrapped
from moderation_pipeline.terminal.running.progress_view import run_observer
from moderation_pipeline.warehouse.folder import DataFolder

TABLE = """id,author,mod,message,bad,when
1,ann,0,hello \x1b[31mred,0,2026-03-30T10:00:00Z
2,bob,1,go away,1,2026-03-30T10:00:05Z
3,,0,who am i,,2026-03-30T10:01:00Z
"""


PROGRAM = [sys.executable, "-m", "moderation_pipeline.cli"]

Ended = subprocess.CompletedProcess[str]
Add = Callable[..., Ended]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder for all who care about their own chat alone: a new one costs more than reading a chat does."""
    return tmp_path_factory.mktemp("shared") / "data"


@pytest.fixture
def add(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Add:
    """Return `moderation add`, into that folder or another, called in this process."""

    def call(*arguments: str, stdin: str = "", into: Path = data) -> Ended:
        monkeypatch.setenv("MODERATION_DATA", str(into))
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        return subprocess.CompletedProcess(arguments, called_with(["add", *arguments]), *capsys.readouterr())

    return call


def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "MODERATION_DATA": str(tmp_path / "data")}


def test_what_was_understood_is_shown_and_given_to_scripts(tmp_path: Path, data: Path, add: Add) -> None:
    table = tmp_path / "forum.csv"
    table.write_text(TABLE)
    columns = ["--column", "text=message", "--column", "user_id=author", "--column", "sent_at=when"]
    columns += ["--column", "label_is_violation={column: bad, true_for: [1], null_for: ['']}"]
    added = add(str(table), *columns, "--json")
    assert added.returncode == 0, added.stderr
    (summary,) = json.loads(added.stdout)
    assert (summary["records"], summary["comments"], summary["users"], summary["without_user"]) == (
        3,
        3,
        2,
        1,
    )
    assert summary["first_sent_at"] == "2026-03-30T10:00:00+00:00"
    assert summary["labels"]["by_value"] == {"no violation": 1, "violation": 1}
    assert summary["labels"]["violation_share"] == 0.5
    assert [each["text"] for each in summary["first_comments"]][1:] == ["go away", "who am i"]

    seen = ReadingObserver(run_observer(trace=False, as_json=True))
    told = "\n".join(lines_of(summary_of(DataFolder(data), "forum", seen)))
    assert "2026-03-30T10:00:00+00:00 to 2026-03-30T10:01:00+00:00 (UTC)" in told
    assert "50.00\u00a0% of 2 are violations" in told
    assert "1 comments of nobody known" in told
    assert "\x1b" not in told


def test_what_moderators_let_be_is_not_called_no_violation(tmp_path: Path, add: Add) -> None:
    table = tmp_path / "acted.csv"
    table.write_text("text,removed\nhello,0\ngo away,1\nhi,0\n")
    columns = ["--column", "text=text", "--column", "label_is_violation=removed"]
    told = add(str(table), *columns, "--column", "labelled_by=moderators").stdout
    assert "Labels: 2 let be, 1 acted on; 33.33\u00a0% of 3 were acted on (by moderators)" in told
    assert "violation" not in told


def test_standard_input_is_a_chat_and_needs_a_name(add: Add) -> None:
    lines = "[2026-03-30 20:00:01] <ann> hi\n[2026-03-30 20:00:02] <bob> ho\n"
    added = add("-", "--name", "evening", stdin=lines)
    assert added.returncode == 0, added.stderr
    assert "2 comments" in added.stdout
    assert "ann: hi" in added.stdout
    nameless = add("-", stdin=lines)
    assert (nameless.returncode, "needs a name" in nameless.stderr) == (2, True)


def test_a_file_without_comments_is_an_error_and_leaves_nothing_behind(tmp_path: Path, add: Add) -> None:
    log = tmp_path / "empty.log"
    log.write_text("@room-id=1 :tmi.twitch.tv ROOMSTATE #arena\n" * 3)
    added = add(str(log), into=tmp_path / "data")
    assert added.returncode == 2
    assert "no comment was found in it" in added.stderr
    assert "Next:" not in added.stdout + added.stderr
    assert not (tmp_path / "data" / "chats").exists()


def test_the_help_names_every_format(add: Add) -> None:
    told = add("--help").stdout
    assert [name for name in FORMATS if name not in told] == []


DAY = "[20:00:01] <ann> good evening everybody in this room\n[20:00:02] <bob> ho\n"


def test_a_folder_is_shown_with_the_counts_of_each_of_its_files(tmp_path: Path, add: Add) -> None:
    folder = tmp_path / "arena"
    folder.mkdir()
    for day in (1, 2):
        (folder / f"arena-2024-04-0{day}.log").write_text(DAY)
    added = add(str(folder), "--zone", "UTC", "--json")
    assert added.returncode == 0, added.stderr
    (summary,) = json.loads(added.stdout)
    counts = {"records": 2, "comments": 2, "rejected": 0, "ignored": 0, "moderation_events": 0, "merged": 0}
    files = [{"file": f"arena-2024-04-0{day}.log", **counts} for day in (1, 2)]
    assert (summary["comments"], summary["files"]) == (4, files)
    assert (summary["format"], summary["why"]) == ("irc_text", "by its content")

    (folder / "arena-2024-04-03.log").write_text(DAY)
    again = add(str(folder))
    assert "Adding 3 files (2 there already, 1 new) to the chat 'arena'." in again.stderr
    assert "arena-2024-04-03.log: 2 = 2 comments" in again.stdout
    assert "Records: 6 = 6 comments" in again.stdout


def test_the_summary_is_read_in_a_window_of_40_columns(tmp_path: Path, add: Add) -> None:
    log = tmp_path / "arena-2024-04-01.log"
    log.write_text(DAY)
    (summary,) = json.loads(add(str(log), "--json").stdout)
    lines = wrapped(lines_of(summary), 40).splitlines()
    assert max(map(len, lines)) <= 40
    assert " ".join(" ".join(lines).split()) == " ".join(" ".join(lines_of(summary)).split())


def test_a_chat_is_kept_when_what_is_to_replace_it_can_not_be_read_or_its_process_is_killed(
    tmp_path: Path, add: Add
) -> None:
    log = tmp_path / "arena-2024-04-01.log"
    log.write_text(DAY)
    assert add(str(log), "--name", "arena", into=tmp_path / "data").returncode == 0
    chats = tmp_path / "data" / "chats"
    before = {each.name: each.read_bytes() for each in chats.iterdir()}

    table = tmp_path / "arena.csv"
    table.write_text("text\nhi\n")
    failed = add(str(table), "--replace", "--column", "text=nope", into=tmp_path / "data")
    assert failed.returncode == 2
    assert f"{table} has no column 'nope'" in failed.stderr
    assert {each.name: each.read_bytes() for each in chats.iterdir()} == before

    replacing = [*PROGRAM, "add", "-", "--name", "arena", "--replace"]
    with subprocess.Popen(replacing, env=environment(tmp_path), stdin=subprocess.PIPE) as waiting:
        while not list(chats.glob(".arriving-*/in/*")):
            assert waiting.poll() is None
        waiting.kill()
    assert len(list(chats.glob(".arriving-*"))) == 1
    assert add(str(log), "--name", "arena", into=tmp_path / "data").returncode == 0
    assert {each.name: each.read_bytes() for each in chats.iterdir()} == before


def test_a_disk_that_is_full_is_said_in_a_sentence_and_leaves_nothing_behind(tmp_path: Path) -> None:
    log = tmp_path / "arena-2024-04-01.log"
    log.write_text(DAY * 2_000)

    def limited() -> None:
        """Let no file grow, as on a disk that is full."""
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    added = subprocess.run(
        [*PROGRAM, "add", str(log)],
        env=environment(tmp_path),
        preexec_fn=limited,
        capture_output=True,
        text=True,
        check=False,
    )
    assert added.returncode == 2
    assert added.stderr.startswith(
        f"Error: There is no space left in {tmp_path / 'data' / 'chats'} for {log}"
    )
    assert len(added.stderr.splitlines()) == 1
    assert not (tmp_path / "data").exists()


def test_the_folder_that_was_looked_in_is_named_and_not_made(tmp_path: Path) -> None:
    without = {name: value for name, value in os.environ.items() if name != "MODERATION_DATA"}
    ran = subprocess.run(
        [*PROGRAM, "run", "nowhere"], env=without, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert f"Looked for in {tmp_path / 'data' / 'chats'}" in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_category_alone_labels_no_innocent_comment_and_that_is_said(tmp_path: Path, add: Add) -> None:
    """Data sets leave the category of an innocent comment empty, and of such a chat every label is a violation."""
    table = tmp_path / "tweets.csv"
    table.write_text("text,label_toxic,label_category\nhello,0,\ngo away,1,hate\nhi,0,\n")
    done = add(str(table))
    told = " ".join((done.stdout + done.stderr).split())
    assert "label_toxic may be labels or scores, and label_category alone was read as a label" in told
    assert "nothing is labelled innocent, so that nobody can be wrong in flagging" in told
