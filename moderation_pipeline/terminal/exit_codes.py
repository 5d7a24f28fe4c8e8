"""How a command ends: its exit code, and what is said about a failure.

A user's mistake is said in a sentence; what nobody foresaw says that it is a bug of ours, and its traceback
is shown only when asked for.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from enum import IntEnum
from pathlib import Path

import click

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.terminal.escaping import harmless
from moderation_pipeline.warehouse.folder import DataFolder


class ExitCode(IntEnum):
    """What a script may rely on. `FAILED` is a run or check that was carried out and did not succeed."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_CERTIFIED = 3
    BUG = 70
    INTERRUPTED = 130
    TERMINATED = 143


EXIT_CODES = """\b
Exit codes: 0 done · 1 it was tried and failed (a run, a check, an invalid config)
            2 a mistake in what was asked · 3 not certified to act alone · 70 a bug of ours
            130 interrupted (Ctrl-C) · 143 terminated (SIGTERM)"""

WHERE_TO_REPORT = "the issues of the repository that you got this from"


class CommandFailed(Exception):  # noqa: N818  (no error: the command did its work, and the answer is no)
    """Ends a command with exit code 1, or another that says no, after it has said why."""

    def __init__(self, why: str = "", code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(why)
        self.code = code


def ended(command: Callable[[], object], *, debug: bool) -> int:
    """Run a command, say what went wrong if anything did, and return the exit code."""
    output = sys.stdout
    try:
        command()
        sys.stdout.flush()
    except CommandFailed as failure:
        return _said(str(failure), failure.code)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as stop:
        return _stopped(stop)
    except BrokenPipeError:
        return _had_enough()
    except Exception as error:
        if debug:
            raise
        return _worded(error)
    except SystemExit as stop:
        # What rich makes of a broken pipe, and click, which puts something else in the stream's place.
        if sys.stdout is output and not isinstance(stop.__context__, BrokenPipeError):
            raise
        return _had_enough()
    except BaseException as stop:
        # Dagster's own, which is no Exception; named, for this module must not wait for Dagster's import.
        if type(stop).__name__ != "DagsterExecutionInterruptedError":
            raise
        return _stopped(stop)
    return ExitCode.OK


def _had_enough() -> int:
    """End in peace: whoever read our output (head, less) has had enough. Python would complain again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.OK


def _stopped(stop: BaseException) -> int:
    """Say that the command was stopped, and by what where that is known."""
    from moderation_pipeline.moderation.interruption import was_terminated

    if was_terminated() or any(getattr(each, "received", None) == signal.SIGTERM for each in _chain(stop)):
        return _said("Terminated.", ExitCode.TERMINATED)
    return _said("Interrupted.", ExitCode.INTERRUPTED)


def _worded(error: Exception) -> int:
    said = in_a_sentence(error)
    if said is not None:
        mistake = users_mistake(error)
        code = ExitCode.FAILED if mistake is None or mistake.was_tried else ExitCode.USAGE
        return _said(f"Error: {said}", code)
    return _said(
        f"This is a bug of ours: {type(error).__name__}: {error}\n"
        f"Run the same command as 'moderation --debug …' and report what it prints to {WHERE_TO_REPORT}.",
        ExitCode.BUG,
    )


def in_a_sentence(error: Exception) -> str | None:
    """Return what went wrong where a user or the machine's keeper can do something about it; null for a bug of ours."""
    mistake = users_mistake(error)
    if mistake is not None:
        return str(mistake)
    data = DataFolder.find().root
    if _is_full(error, data):
        return (
            f"There is no space left on a disk, or for a file (ulimit -f); the data folder is {data}. "
            f"Make room, and run the same command again: what was finished is kept."
        )
    if isinstance(error, OSError):
        return f"{error.strerror or error}: {error.filename or 'where the output goes, or a connection'}"
    return None


DISK_FULL = ("No space left on device", "database or disk is full", "Disk quota exceeded", "File too large")
"""How Python, SQLite and Polars say that a disk is full."""


LEAST_FREE_BYTES = 1 << 20
"""With less than this free, SQLite's "disk I/O error" means a full disk too."""


def _is_full(error: BaseException, data: Path) -> bool:
    """Whether the error is that a disk is full."""
    said = [str(each) for each in _chain(error)]
    if any(each in text for text in said for each in DISK_FULL):
        return True
    is_unwritten = any("disk I/O error" in text for text in said)
    return is_unwritten and (_are_files_bounded() or _is_nearly_full(data))


def _are_files_bounded() -> bool:
    """Whether this process may only write so much into a file (`ulimit -f`)."""
    try:
        import resource
    except ImportError:  # Windows knows no such bound
        return False
    return resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY


def _is_nearly_full(data: Path) -> bool:
    return data.is_dir() and shutil.disk_usage(data).free < LEAST_FREE_BYTES


def users_mistake(error: BaseException) -> ModerationError | None:
    """Return what a user can do something about: the error itself, or what a wrapper was raised from."""
    return next((each for each in _chain(error) if isinstance(each, ModerationError)), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and those that it was raised from, each once."""
    looked_at: list[BaseException] = []
    # An error raised again while it was handled can be its own context: a chain may run in a circle.
    while error not in looked_at:
        yield error
        looked_at.append(error)
        error = error.__cause__ or error.__context__ or error


def _said(text: str, code: ExitCode) -> int:
    if text:
        click.echo("\n".join(harmless(line) for line in text.splitlines()), err=True)
    return code
