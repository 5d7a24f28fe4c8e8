"""What is named to `moderation add`: files, folders, standard input; each with what it will be called in the chat.

What becomes of them is in `added_chat.py`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Container, Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from moderation_pipeline.comments.chat_files import endings, file_name, log_files
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.terminal.running.staged_chat import filled

STANDARD_INPUT = "-"


class NoSuchFileError(ModerationError):
    """What was named as a chat log, and is no file that can be read."""

    def __init__(self, named: str) -> None:
        if "://" in named:
            why = "is an address; fetch it first, and add the file (curl -L ADDRESS | moderation add - --name NAME)"
        elif Path(named).is_dir():
            why = "is a folder without a file that could be a log (hidden ones are passed over)"
        elif Path(named).exists():
            why = f"is a pipe or a device, and no file. By standard input: moderation add - --name NAME < {named}"
        else:
            why = f"is no file that there is (looked for in {Path.cwd()})"
        super().__init__(f"{named!r} {why}.")


class NoNameError(ModerationError):
    """What comes in by standard input has no file's name to be called by."""

    def __init__(self) -> None:
        super().__init__("A chat that comes in by standard input needs a name: moderation add - --name NAME.")


class OneOfSeveralError(ModerationError):
    """Standard input among files."""

    def __init__(self) -> None:
        super().__init__(
            "Standard input (-) is one file of a chat, and can't be named beside others. Add it by itself; "
            "with the --name of a chat that there is, it is added to that."
        )


class NamedFile(NamedTuple):
    """A file that was named, or lies in a folder that was: where it is, and what it is called in the chat."""

    path: Path
    name: str
    said: str
    """What its owner calls it, for messages."""


def named_files(named: Sequence[str], room: Path, *, name: str | None) -> list[NamedFile]:
    """Return the files that are named, each once; what comes in by standard input is kept in the waiting room.

    Raises:
        NoSuchFileError: there is no such file.
        NoNameError: standard input without a name.
        OneOfSeveralError: standard input among others.
    """
    if STANDARD_INPUT in named:
        if len(named) > 1:
            raise OneOfSeveralError
        if name is None:
            raise NoNameError
        path = room / "in" / f"{name.replace(os.sep, '-')}.txt"
        filled(sys.stdin.buffer, path, "what comes in by standard input")
        return [NamedFile(path, path.name, "standard input")]
    found = dict.fromkeys(file for each in named for file in _files(each))
    files: dict[str, NamedFile] = {}
    for file in found:
        name_in_chat = free_name(file.name, files)
        files[name_in_chat] = file._replace(name=name_in_chat)
    return [*files.values()]


def _files(named: str) -> Iterator[NamedFile]:
    path = Path(named)
    if path.is_file():
        yield NamedFile(path.absolute(), path.name.lstrip("._") or "log", named)
        return
    files = log_files(path) if path.is_dir() else []
    if not files:
        raise NoSuchFileError(named)
    for file in files:
        yield NamedFile(file.absolute(), file_name(file, path), str(file))


def free_name(name: str, taken: Container[str]) -> str:
    """Return the name, or one like it that is not taken."""
    path, number, free = Path(name), 1, name
    while free in taken:
        number += 1
        free = (path.parent / f"{path.name.removesuffix(endings(path))}-{number}{endings(path)}").as_posix()
    return free


def common_name(named: Sequence[str]) -> str:
    """Return what the chat is called where nobody says it: a file's or folder's name, or how several begin.

    A folder is called by its own name, files by what their names have in common before a date or number.
    """
    if len(named) == 1:
        path = Path(named[0])
        return path.resolve().name if path.is_dir() else path.name.removesuffix(endings(path))
    stems = [Path(each).name.removesuffix(endings(Path(each))) for each in named]
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*stems, strict=False))
    common = "".join(letters[0] for letters in alike)
    return re.sub(r"[-_. ]*[\d\-_. ]*$", "", common) or stems[0]
