"""Which reader reads a file: by the name of its format, or by what the file begins with."""

from __future__ import annotations

from collections.abc import Sequence

from moderation_pipeline.comments.readers.irc import IrcReader
from moderation_pipeline.comments.readers.reader import Reader
from moderation_pipeline.comments.source import Source

READERS: Sequence[type[Reader]] = (IrcReader,)
"""In the order in which they are asked; the most particular first."""


class UnknownFormatError(ValueError):
    """A format's name that is none."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no format {name!r}. Formats are: {_names(READERS)}.")


class UnreadableFileError(ValueError):
    """A file in which no record could be read; it names the formats that were tried."""

    def __init__(self, source: Source, tried: Sequence[type[Reader]], reason: str) -> None:
        formats = "; ".join(f"{reader.name} ({reader.describes})" for reader in tried)
        super().__init__(
            f"No record of {source.path} could be read: {reason}. Tried: {formats}. Name another with "
            f"--format: {_names(READERS)}."
        )


def reader_named(name: str) -> type[Reader]:
    """Return the reader of that format, or raise UnknownFormatError."""
    for reader in READERS:
        if reader.name == name:
            return reader
    raise UnknownFormatError(name)


def readers_for(head: bytes) -> list[type[Reader]]:
    """Return the readers that may read a file beginning so, the most likely first."""
    return [reader for reader in READERS if reader.recognises(head)]


def _names(readers: Sequence[type[Reader]]) -> str:
    return ", ".join(reader.name for reader in readers)
