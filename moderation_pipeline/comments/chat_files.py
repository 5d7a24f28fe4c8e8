"""Which chats there are: the files and folders under data/chats, each with the slug that names its partition.

A folder is one chat of several files, at any depth. What is said beside a folder holds for all that is in it.

What a file holds is the readers' business; how a file gets there is the terminal's (`moderation add`).
"""

from __future__ import annotations

from pathlib import Path

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.slugs import slugify
from moderation_pipeline.text.visible import legible
from moderation_pipeline.warehouse.folder import DataFolder

COLUMNS_SUFFIX = ".columns.yaml"
"""Ends the name of the file that says what a table's columns are; it lies beside the table."""

FORMAT_SUFFIX = ".format"
"""Ends the name of the file that names a log's format, where its content alone would be read otherwise."""

LOG_SUFFIX = ".log.yaml"
"""Ends the name of the file that says of a log what it doesn't say itself (`log_spec.py`)."""

COMPRESSIONS = (".gz", ".zst")

BESIDE = (COLUMNS_SUFFIX, FORMAT_SUFFIX, LOG_SUFFIX)
NO_CHATS = (*BESIDE, ".partial")

SYNTHETIC = "synthetic"
"""The default chat: generated, not added."""


class SameChatError(ModerationError):
    """Two files, or a file and a folder, whose names give one slug."""

    def __init__(self, slug: str, first: Path, second: Path) -> None:
        super().__init__(
            f"{first} and {second} would both be the chat {slug!r}. Rename or remove one of them; "
            f"'moderation add FILE --name NAME' adds a file under a name of its own."
        )


def chat_name(path: Path) -> str:
    """Return the slug that the name gives, a file's endings left out: `My Log.irc.gz` is `my-log`."""
    return slugify(path.name if path.is_dir() else path.name.removesuffix(endings(path)))


def endings(path: Path) -> str:
    """Return the endings of a chat's file name: its format's, and its compression's where it has one."""
    compression = path.suffix if path.suffix in COMPRESSIONS else ""
    return Path(path.name.removesuffix(compression)).suffix + compression


def format_path(path: Path) -> Path:
    """Return where the format of the log at `path` is named, if it is: beside it."""
    return path.with_name(path.name + FORMAT_SUFFIX)


def format_beside(path: Path) -> str | None:
    """Return the format that was named when the log was added; None where its content says it."""
    beside = format_path(path)
    return beside.read_text("utf-8").strip() if beside.is_file() else None


def chat_files(folder: DataFolder) -> dict[str, Path]:
    """Return every chat under data/chats by its slug, in the order of the slugs: a file, or a folder of files.

    A slug that two of them have is left out, so that it stops no other chat: `named_twice` has it.
    """
    return {slug: paths[0] for slug, paths in _by_slug(folder).items() if len(paths) == 1}


def named_twice(folder: DataFolder) -> dict[str, SameChatError]:
    """Return what is wrong with each chat of whose slug there are two files or folders, by the slug."""
    return {
        slug: SameChatError(slug, paths[0], paths[1])
        for slug, paths in _by_slug(folder).items()
        if len(paths) > 1
    }


def chat_file(folder: DataFolder, chat: str) -> Path | None:
    """Return the file or folder of a chat, null where it has none.

    Raises:
        SameChatError: two have its slug; the error names both.
    """
    paths = _by_slug(folder).get(chat, [])
    if len(paths) > 1:
        raise SameChatError(chat, paths[0], paths[1])
    return paths[0] if paths else None


def _by_slug(folder: DataFolder) -> dict[str, list[Path]]:
    chats: dict[str, list[Path]] = {}
    for path in sorted(folder.chats.glob("*")):
        if _is_chat(path):
            chats.setdefault(chat_name(path), []).append(path)
    return dict(sorted(chats.items()))


def log_files(path: Path) -> list[Path]:
    """Return the files that are one chat: the file itself, or those in a folder, in the order of their names."""
    if not path.is_dir():
        return [path]
    return sorted(each for each in path.rglob("*") if _is_log(each, path))


def file_name(path: Path, chat: Path) -> str:
    """Return what a file of a chat is called: its name, or its way from the chat's folder."""
    return legible(path.name if path == chat else path.relative_to(chat).as_posix())


def beside(path: Path) -> list[Path]:
    """Return the files that say something of the file or folder at `path`."""
    return [each for suffix in BESIDE if (each := path.with_name(path.name + suffix)).is_file()]


def written(path: Path) -> list[Path]:
    """Return all that a chat is read from, and its folders, whose own times tell that a file was taken away."""
    if not path.is_dir():
        return [path, *beside(path)]
    files = log_files(path)
    folders = {folder for file in files for folder in file.parents if folder.is_relative_to(path)} | {path}
    return [*sorted(folders), *beside(path), *(each for file in files for each in (file, *beside(file)))]


def _is_chat(path: Path) -> bool:
    if path.is_dir():
        return not _is_hidden(path.name) and bool(log_files(path))
    return _is_log(path, path.parent)


def _is_log(path: Path, folder: Path) -> bool:
    is_hidden = any(_is_hidden(part) for part in path.relative_to(folder).parts)
    return path.is_file() and not is_hidden and not path.name.endswith(NO_CHATS)


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "_"))
