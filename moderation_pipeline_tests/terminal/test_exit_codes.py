from __future__ import annotations

import errno
from collections.abc import Callable

import click
import pytest

from moderation_pipeline.backends.language_model import FatalBackendError
from moderation_pipeline.config.config_errors import ConfigError
from moderation_pipeline.terminal.exit_codes import CommandFailed, ExitCode, ended, in_a_sentence


def raising(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


def wrapped(cause: Exception) -> RuntimeError:
    """Return an error as an orchestrator raises it: its own, from ours."""
    error = RuntimeError("step failed")
    error.__cause__ = cause
    return error


def test_a_command_that_returns_has_succeeded() -> None:
    assert ended(lambda: None, debug=False) == ExitCode.OK


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ConfigError("hybrid.yaml: no"), ExitCode.USAGE, "Error: hybrid.yaml: no\n"),
        (wrapped(ConfigError("hybrid.yaml: no")), ExitCode.USAGE, "Error: hybrid.yaml: no\n"),
        (click.UsageError("what?"), ExitCode.USAGE, "Error: what?\n"),
        (FatalBackendError("Is the server up?"), ExitCode.FAILED, "Error: Is the server up?\n"),
        (CommandFailed("2 of 3 failed"), ExitCode.FAILED, "2 of 3 failed\n"),
        (CommandFailed(""), ExitCode.FAILED, ""),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED, "Interrupted.\n"),
        (
            FileNotFoundError(2, "No such file or directory", "x.log"),
            ExitCode.FAILED,
            "Error: No such file or directory: x.log\n",
        ),
    ],
)
def test_what_a_user_can_mend_is_said_in_a_sentence(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: ExitCode, said: str
) -> None:
    assert ended(raising(error), debug=False) == code
    assert capsys.readouterr().err == said


def test_what_nobody_foresaw_is_called_a_bug_and_shows_no_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ended(raising(ZeroDivisionError("oops")), debug=False) == ExitCode.BUG
    said = capsys.readouterr().err
    assert said.startswith("This is a bug of ours: ZeroDivisionError: oops\n")
    assert "--debug" in said
    assert "Traceback" not in said


def test_errors_that_cause_each_other_in_a_circle_come_to_an_end() -> None:
    first, second = RuntimeError("first"), RuntimeError("second")
    first.__cause__, second.__cause__ = second, first
    assert ended(raising(first), debug=False) == ExitCode.BUG


def test_debug_lets_the_traceback_through() -> None:
    with pytest.raises(ZeroDivisionError):
        ended(raising(ZeroDivisionError("oops")), debug=True)


def test_an_error_that_quotes_hostile_text_is_harmless_too(capsys: pytest.CaptureFixture[str]) -> None:
    ended(raising(ConfigError("got '\x1b[2J'")), debug=False)
    assert capsys.readouterr().err == "Error: got '␛[2J'\n"


def test_a_full_disk_is_a_sentence_wherever_it_is_told_and_what_nobody_foresaw_is_none() -> None:
    full = RuntimeError("a step failed")
    full.__cause__ = OSError(errno.ENOSPC, "No space left on device", "/data/x")
    assert "Make room" in str(in_a_sentence(full))
    assert in_a_sentence(PermissionError(errno.EROFS, "Read-only file system", "/data/x")) == (
        "Read-only file system: /data/x"
    )
    assert in_a_sentence(KeyError("x")) is None
