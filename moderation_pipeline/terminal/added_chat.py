"""`moderation add`: which files a chat consists of, under which slug, and what its reader must be told of them.

A chat that there is already is added to; what of it is known, has grown or is new is found out by content. Here
nothing takes its place: the chat is laid out in a waiting room (`staged_chat.py`), and reading it is the asset's
business (`comments`).
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from moderation_pipeline.comments.chat_files import (
    SYNTHETIC,
    chat_file,
    endings,
    file_name,
    format_path,
    log_files,
)
from moderation_pipeline.comments.columns import columns_from_arguments, columns_path
from moderation_pipeline.comments.files.contents import Content, Relation
from moderation_pipeline.comments.files.file_reading import Said
from moderation_pipeline.comments.formats import reader_named
from moderation_pipeline.comments.log_spec import LogSpec, log_path, log_spec
from moderation_pipeline.comments.readers.log_clock import day_named
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.slugs import slugify
from moderation_pipeline.terminal.exit_codes import users_mistake
from moderation_pipeline.terminal.named_files import NamedFile, common_name, free_name, named_files
from moderation_pipeline.terminal.running.staged_chat import StagedChat, copied, linked
from moderation_pipeline.warehouse.folder import DataFolder

COMMAND = Path("The command")
"""What errors call the options of the command, where others name a file."""


class ChatExistsError(ModerationError):
    """A name that another chat has already."""

    def __init__(self, chat: str, existing: Path, source: str) -> None:
        super().__init__(
            f"The chat {chat!r} is {existing} already, and {source} is another file. Give --name {chat} to add "
            f"it to that chat, --name for another name, or --replace to put it in place of the old one."
        )


class ReservedNameError(ModerationError):
    """The name of the generated chat."""

    def __init__(self, chat: str) -> None:
        super().__init__(
            f"{chat!r} is the generated chat ('moderation synthesize'). Give --name for another name."
        )


class NotAddedError(ModerationError):
    """A chat that could not be read; it says what the reading said, of the files as their owner knows them."""


class SeveralDaysError(ModerationError):
    """One day for several files."""

    def __init__(self, files: int) -> None:
        super().__init__(
            f"--day is the day on which one log begins, and {files} files were named. Give each a name with its "
            f"date (room-2024-03-30.log), or add them one by one with the same --name."
        )


class Part(NamedTuple):
    """A file of the chat to be: where it lies now, its name in the chat, what its owner calls it."""

    path: Path
    name: str
    said: str
    is_kept: bool = False
    """Whether it is in the chat already, and stays as it is."""


class Composition(NamedTuple):
    """What a chat is to consist of, what the named files are to those it had, and where it is if it is anywhere."""

    parts: list[Part]
    relations: Counter[Relation]
    existing: Path | None


TOLD = {
    Relation.SAME: "there already",
    Relation.GROWN: "grown since",
    Relation.OLDER: "there already, and longer",
    Relation.ANOTHER: "new",
}


@dataclass(frozen=True, slots=True)
class Added:
    """A chat laid out in its waiting room: what its slug was made from, what is done, its files' owner's names."""

    staged: StagedChat
    chat: str
    wanted: str
    outcome: str
    owners: Mapping[Path, str]

    @property
    def says(self) -> str:
        """What is to be said of it before it is read."""
        renamed = f" (from {self.wanted!r})" if self.chat != self.wanted else ""
        return f"{self.outcome} the chat {self.chat!r}{renamed}."

    @contextmanager
    def in_owners_words(self) -> Iterator[None]:
        """Have an error call each file what its owner calls it."""
        try:
            yield
        except Exception as error:
            mistake = users_mistake(error)
            if mistake is None:
                raise
            text = str(mistake)
            for path, said in sorted(self.owners.items(), key=lambda item: -len(str(item[0]))):
                text = text.replace(str(path), said)
            raise NotAddedError(text) from error


def add_files(
    folder: DataFolder,
    room: Path,
    named: Sequence[str],
    *,
    name: str | None = None,
    format_name: str | None = None,
    columns: Sequence[str] = (),
    said: Mapping[str, object] = MappingProxyType({}),
    replace: bool = False,
) -> Added:
    """Lay out a chat in the waiting room and return what became of the files.

    Args:
        folder: where chats are kept.
        room: the waiting room, in which nothing is yet.
        named: files, folders, or `-` for standard input; what is said beside them is taken along.
        name: what to call the chat, instead of what the file is called. A chat of that name is added to.
        format_name: the name of a format, where the content alone would be read otherwise.
        columns: what the columns are, as `text=message`; instead of what is said beside the file.
        said: options of a log, over those that are said beside it.
        replace: put them in the place of a chat of that name.

    Raises:
        ModerationError: no such file, the name is taken or reserved, or what is said is not understood.
    """
    files = named_files(named, room, name=name)
    wanted = name if name is not None else common_name(named)
    chat = slugify(wanted)
    if chat == SYNTHETIC:
        raise ReservedNameError(chat)
    if format_name is not None:
        reader_named(format_name)
    if "day" in said and len(files) > 1:
        raise SeveralDaysError(len(files))
    told = Said(format_name, columns_from_arguments(columns) if columns else None, log_spec(said, COMMAND))
    existing = None if replace else chat_file(folder, chat)
    is_meant = name is not None or any(Path(each).is_dir() for each in named)
    made_of = _composition(files, existing, chat, is_meant=is_meant)
    staged, owners = _laid_out(folder, room, chat, made_of, told, named)
    return Added(staged, chat, wanted, _outcome(files, made_of), owners)


def _composition(
    files: Sequence[NamedFile], existing: Path | None, chat: str, *, is_meant: bool
) -> Composition:
    """Return the files of the chat to be: those named, and those of the chat that there is.

    Raises:
        ChatExistsError: files that were never of that chat, whose name is like it by chance.
    """
    if existing is None:
        new = [Part(file.path, file.name, file.said) for file in files]
        return Composition(new, Counter({Relation.ANOTHER: len(new)}), None)
    kept = {
        file: Part(file, file_name(file, existing), str(file), is_kept=True) for file in log_files(existing)
    }
    contents = [Content.of(file) for file in kept]
    related = [(file, *_related(Content.of(file.path), contents)) for file in files]
    relations = Counter(relation for _, relation, _ in related)
    if not is_meant and set(relations) == {Relation.ANOTHER}:
        raise ChatExistsError(chat, existing, files[0].said)
    parts = {part.name: part for part in kept.values()}
    for file, relation, of in related:
        if relation is Relation.GROWN and of is not None:
            parts.pop(kept[of].name, None)
            is_alike = endings(of) == endings(file.path)
            _take(parts, file, kept[of].name if is_alike else file.name)
        elif relation is Relation.ANOTHER:
            _take(parts, file, file.name)
    return Composition([parts[name] for name in sorted(parts)], relations, existing)


def _take(parts: dict[str, Part], file: NamedFile, name: str) -> None:
    free = free_name(name, parts)
    parts[free] = Part(file.path, free, file.said)


def _related(content: Content, contents: Sequence[Content]) -> tuple[Relation, Path | None]:
    """Return what a file is to those of the chat, and to which."""
    for known in contents:
        relation = content.relation_to(known)
        if relation is not Relation.ANOTHER:
            return relation, known.path
    return Relation.ANOTHER, None


def _laid_out(
    folder: DataFolder, room: Path, chat: str, made_of: Composition, told: Said, named: Sequence[str]
) -> tuple[StagedChat, dict[Path, str]]:
    """Write the chat into its waiting room, and return it, and what its owner calls each of its files."""
    before = Said.beside(made_of.existing, made_of.existing) if made_of.existing is not None else Said()
    if len(made_of.parts) == 1 and not (made_of.existing is not None and made_of.existing.is_dir()):
        (part,) = made_of.parts
        staged = StagedChat(folder, room, chat, f"{chat}{endings(part.path).lower()}")
        own = _with_day(told.over(Said.beside(part.path, part.path)).over(before), part, staged.path)
        _lay(part, staged.path, own)
        return staged, {staged.path: part.said}
    staged = StagedChat(folder, room, chat, chat)
    folders = [Path(each) for each in named if Path(each).is_dir()]
    given = Said.beside(folders[0], folders[0]) if len(folders) == len(named) == 1 else Said()
    _say_beside(staged.path, _without_day(told.over(given).over(before)))
    for part in made_of.parts:
        own = Said.beside(part.path, part.path)
        if part.path == made_of.existing:  # What was said of it is said of all from now on, but for its day.
            own = Said(log=LogSpec(day=own.log.day))
        elif not part.is_kept:
            own = Said(log=LogSpec(day=told.log.day)).over(own) if told.log.day is not None else own
            own = _with_day(own, part, staged.path / part.name)
        _lay(part, staged.path / part.name, own)
    return staged, {staged.path / part.name: part.said for part in made_of.parts}


def _lay(part: Part, target: Path, own: Said) -> None:
    if part.is_kept:
        linked(part.path, target)
    else:
        copied(part.path, target, part.said)
    _say_beside(target, own)


def _say_beside(target: Path, said: Said) -> None:
    """Write down what is said of a file or folder, where anything is."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if said.format is not None:
        format_path(target).write_text(f"{said.format}\n", "utf-8")
    if said.columns is not None:
        columns_path(target).write_text(said.columns.as_yaml(), "utf-8")
    if said.log != LogSpec():
        log_path(target).write_text(said.log.as_yaml(), "utf-8")


def _with_day(said: Said, part: Part, target: Path) -> Said:
    """Return what is said of a log with the day that its name says and its new name doesn't."""
    day = day_named(part.path)
    is_lost = said.log.day is None and day is not None and day_named(target) is None
    return dataclasses.replace(said, log=said.log.model_copy(update={"day": day})) if is_lost else said


def _without_day(said: Said) -> Said:
    log = said.log.model_dump(exclude_unset=True, exclude={"day"})
    return dataclasses.replace(said, log=LogSpec.model_validate(log))


def _outcome(files: Sequence[NamedFile], made_of: Composition) -> str:
    """Say what is done with what was named."""
    what = files[0].said if len(files) == 1 else f"{len(files):,} files"
    if made_of.existing is None:
        return f"Reading {what} as"
    found = ", ".join(f"{count:,} {TOLD[relation]}" for relation, count in made_of.relations.items())
    return f"Adding {what} ({found}) to"
