"""`moderation add`: a log is copied into data/chats under a slug, with what its reader must be told.

Reading it is the asset's business (`comments`); here a file is only put where it will be found, and taken
away again if it turns out that it can't be read.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from moderation_pipeline.comments.chat_files import SYNTHETIC, chat_files, chat_name, endings, format_path
from moderation_pipeline.comments.columns import columns_beside, columns_from_arguments, columns_path
from moderation_pipeline.comments.formats import reader_named
from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.comments.log_spec import LogSpec, log_beside, log_path, log_spec
from moderation_pipeline.comments.readers.log_clock import day_named
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.slugs import slugify
from moderation_pipeline.warehouse.folder import DataFolder


class ChatExistsError(ModerationError):
    """A name that another chat has already."""

    def __init__(self, chat: str, existing: Path, source: Path) -> None:
        super().__init__(
            f"The chat {chat!r} is {existing} already, and {source} is another file. "
            f"Give --name for another name, or --replace to put it in place of the old one."
        )


class ReservedNameError(ModerationError):
    """The name of the generated chat."""

    def __init__(self, chat: str) -> None:
        super().__init__(
            f"{chat!r} is the generated chat ('moderation synthesize'). Give --name for another name."
        )


class NoSuchFileError(ModerationError):
    """What was named as a chat log, and is no file that can be read."""

    def __init__(self, named: str) -> None:
        if "://" in named:
            why = "is an address; fetch it first, and add the file"
        elif Path(named).is_dir():
            why = "is a folder; a chat is one file: put its files together (cat *.log | moderation add - --name x)"
        else:
            why = "is no file that there is"
        super().__init__(f"{named!r} {why}.")


@contextmanager
def source_of(named: str, name: str | None) -> Iterator[Path]:
    """Give the file that is named; `-` is what comes in by standard input, which needs a name.

    Raises:
        NoSuchFileError: there is no such file.
        ReservedNameError: standard input without a name.
    """
    if named != "-":
        path = Path(named)
        if not path.is_file():
            raise NoSuchFileError(named)
        yield path
        return
    if name is None:
        raise NoNameError
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{slugify(name)}.txt"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield path


class NoNameError(ModerationError):
    """What comes in by standard input has no file's name to be called by."""

    def __init__(self) -> None:
        super().__init__("A chat that comes in by standard input needs a name: moderation add - --name NAME.")


@dataclass(frozen=True, slots=True)
class Added:
    """A chat as it was put in place: `wanted` is what its slug was made from, `files` what was written."""

    chat: str
    wanted: str
    path: Path
    files: tuple[Path, ...]

    @property
    def is_renamed(self) -> bool:
        """Whether the chat has another name than was asked for."""
        return self.chat != self.wanted

    def take_back(self) -> None:
        """Remove what was written."""
        for path in self.files:
            path.unlink(missing_ok=True)


def add_file(
    folder: DataFolder,
    source: Path,
    *,
    name: str | None = None,
    format_name: str | None = None,
    columns: Sequence[str] = (),
    said: Mapping[str, object] = MappingProxyType({}),
    replace: bool = False,
) -> Added:
    """Copy a log into data/chats and return what became of it.

    Args:
        folder: where chats are kept.
        source: the log; a `.columns.yaml` or `.log.yaml` beside it is taken along.
        name: what to call the chat, instead of what the file is called.
        format_name: the name of a format, where the content alone would be read otherwise.
        columns: what the columns are, as `text=message`; instead of a `.columns.yaml` beside the file.
        said: options of a log, over those of a `.log.yaml` beside it.
        replace: put it in the place of a chat of that name; the old one stays unless this one can be read whole.

    Raises:
        ModerationError: the name is taken or reserved, the format unknown, the columns not understood.
    """
    wanted = name if name is not None else source.name.removesuffix(endings(source))
    chat = slugify(name) if name is not None else chat_name(source)
    if chat == SYNTHETIC:
        raise ReservedNameError(chat)
    if format_name is not None:
        reader_named(format_name)
    spec = columns_from_arguments(columns) if columns else columns_beside(source)
    target = folder.chats / f"{chat}{endings(source).lower()}"
    log = _log_spec(source, target, said)
    if replace and chat in chat_files(folder):
        ingest(source, chat, format=format_name, columns=spec, log=log)
    _make_room(folder, chat, source, replace=replace)
    written = [target]
    _copy(source, target)
    if spec is not None:
        columns_path(target).write_text(spec.as_yaml(), "utf-8")
        written.append(columns_path(target))
    if format_name is not None:
        format_path(target).write_text(f"{format_name}\n", "utf-8")
        written.append(format_path(target))
    if log != LogSpec():
        log_path(target).write_text(log.as_yaml(), "utf-8")
        written.append(log_path(target))
    return Added(chat, wanted, target, tuple(written) if source.absolute() != target else tuple(written[1:]))


def _log_spec(source: Path, target: Path, said: Mapping[str, object]) -> LogSpec:
    """Return what is said of the log, and the day that its name says and its new name doesn't."""
    beside = log_beside(source).model_dump(exclude_defaults=True)
    log, day = log_spec({**beside, **said}, Path("The command")), day_named(source)
    is_lost = log.day is None and day is not None and day_named(target) is None
    return log.model_copy(update={"day": day}) if is_lost else log


def _make_room(folder: DataFolder, chat: str, source: Path, *, replace: bool) -> None:
    """See to it that nothing else is the chat of that name; the same file once more is no clash."""
    existing = chat_files(folder).get(chat)
    if existing is None or existing == source.absolute():
        return
    if not replace and not filecmp.cmp(existing, source, shallow=False):
        raise ChatExistsError(chat, existing, source)
    for path in (existing, columns_path(existing), format_path(existing), log_path(existing)):
        path.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    """Copy whole or not at all: the sensor may look at any moment."""
    if source.absolute() == target:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        shutil.copyfile(source, partial)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
