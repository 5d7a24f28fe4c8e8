"""The program's output on any stream: one with few characters, a closed one, one that nobody reads."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from moderation_pipeline.cli import called_with
from moderation_pipeline.terminal.exit_codes import ExitCode
from moderation_pipeline.terminal.streams import make_fit
from moderation_pipeline_tests.program import moderation

PROGRAM = f"'{sys.executable}' -m moderation_pipeline.cli "
STRANGE = "sql \"select '日é' as t, null as u\""


def shell(command: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run `moderation COMMAND` in bash; the exit code is the program's, not that of what it is piped into."""
    script = f"{PROGRAM}{command}; exit ${{PIPESTATUS[0]}}"
    environment = {**os.environ, "MODERATION_DATA": str(cwd / "data"), **variables}
    return subprocess.run(["bash", "-c", script], cwd=cwd, capture_output=True, check=False, env=environment)


@pytest.mark.parametrize(
    ("encoding", "row"), [("cp1252", b"?\xe9 | \x96"), ("ascii", b"?? | -"), ("latin-1", b"?\xe9 | -")]
)
def test_what_a_stream_has_no_character_for_is_a_mark_in_its_place(
    tmp_path: Path, encoding: str, row: bytes
) -> None:
    ended = shell(STRANGE, tmp_path, PYTHONIOENCODING=encoding)
    assert (ended.returncode, ended.stderr) == (ExitCode.OK, b"")
    assert row in ended.stdout


@pytest.mark.parametrize(
    "command", ["check student_only", "chats", "configs --keys", "--help", "users --help"]
)
def test_every_listing_can_be_read_where_there_is_only_ascii(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("MODERATION_DATA", str(tmp_path / "data"))
    streams = {name: io.TextIOWrapper(io.BytesIO(), "ascii") for name in ("stdout", "stderr")}
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    make_fit()
    assert called_with(command.split()) == ExitCode.OK
    streams["stderr"].flush()
    assert b"bug of ours" not in streams["stderr"].buffer.getvalue()


@pytest.mark.parametrize(
    ("command", "closed"),
    [("configs", ">&-"), ("configs", "2>&-"), ("configs", "<&-"), ("check student_only", "<&- >&- 2>&-")],
)
def test_a_closed_stream_is_written_to_in_vain_and_harms_nothing(
    tmp_path: Path, command: str, closed: str
) -> None:
    ended = shell(f"{command} {closed}", tmp_path)
    assert ended.returncode == ExitCode.OK
    assert b"bug of ours" not in ended.stderr


@pytest.mark.parametrize("command", ["--help", "chats", "configs --json", "sql 'from range(200000)'"])
def test_whoever_reads_no_further_ends_the_program_in_peace(tmp_path: Path, command: str) -> None:
    ended = shell(f"{command} | true", tmp_path)
    assert (ended.returncode, ended.stderr) == (ExitCode.OK, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_output_that_finds_no_space_has_failed_and_says_so(tmp_path: Path) -> None:
    ended = shell("chats > /dev/full", tmp_path)
    assert ended.returncode == ExitCode.FAILED
    assert ended.stderr.startswith(b"Error: There is no space left on a disk")
    assert ended.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    "written", ["OPENAI_API_KEY=“sk-example”\n".encode(), b"OPENAI_API_KEY=\x93sk-example\x94\n"]
)
def test_a_key_in_curly_quotes_is_told_by_its_variable_and_not_shown(tmp_path: Path, written: bytes) -> None:
    (tmp_path / ".env").write_bytes(written)
    ended = shell("check openai", tmp_path)
    assert ended.returncode == ExitCode.USAGE
    assert b"OPENAI_API_KEY holds a character" in ended.stderr or b".env is no text in UTF-8" in ended.stderr
    assert b"sk-example" not in ended.stderr + ended.stdout


def test_a_bound_on_the_size_of_files_is_told_as_no_space_and_the_same_command_goes_on_without_it(
    tmp_path: Path,
) -> None:
    bounded = subprocess.run(
        ["bash", "-c", f"ulimit -f 64; {PROGRAM} synthesize --comments 100"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        env={**os.environ, "MODERATION_DATA": str(tmp_path / "data")},
    )
    assert bounded.returncode == ExitCode.FAILED
    assert b"There is no space left on a disk, or for a file" in bounded.stderr
    assert b"bug of ours" not in bounded.stderr
    assert moderation(tmp_path, "synthesize", "--comments", "100").returncode == ExitCode.OK
