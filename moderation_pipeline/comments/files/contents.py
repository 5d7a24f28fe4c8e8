"""What is in two files, compared: the same, or one the beginning of the other; compressed or not.

A log that was appended to begins with what it was before. What follows from it is `terminal/added_chat.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from moderation_pipeline.comments.readers.log_clock import day_named
from moderation_pipeline.comments.source import DAMAGE, Source

BLOCK_BYTES = 1 << 20
HEAD_BYTES = 4_096


class Relation(Enum):
    """What a file is to another."""

    SAME = "the same"
    GROWN = "begins with the other, and goes on"
    OLDER = "is the beginning of the other"
    ANOTHER = "another"


class Content(NamedTuple):
    """A file, and how its content begins: files that begin differently need not be read to be told apart."""

    path: Path
    head: bytes

    @classmethod
    def of(cls, path: Path) -> Content:
        """Return a file's."""
        return cls(path, Source(path, "").head()[:HEAD_BYTES])

    def relation_to(self, other: Content) -> Relation:
        """Return what this file is to the other. An empty one is nobody's beginning.

        Two names with different days in them are two days, whatever is in them.
        """
        if len({day_named(self.path), day_named(other.path)} - {None}) > 1:
            return Relation.ANOTHER
        shorter = min(len(self.head), len(other.head))
        if self.head[:shorter] != other.head[:shorter] or not shorter:
            return Relation.SAME if self.head == other.head else Relation.ANOTHER
        try:
            return _relation(Source(self.path, ""), Source(other.path, ""))
        except DAMAGE:
            is_same = Source(self.path, "").file_hash() == Source(other.path, "").file_hash()
            return Relation.SAME if is_same else Relation.ANOTHER


def held_by_others(files: Mapping[str, Path]) -> dict[str, str]:
    """Return, by name, the files whose content another holds too, from its beginning, each with that other."""
    contents = {name: Content.of(path) for name, path in files.items()}
    # Sorted, all that begin as a file does come right behind it.
    names = sorted(contents, key=lambda name: (contents[name].head, name))
    held: dict[str, str] = {}
    for at, name in enumerate(names):
        for other in names[at + 1 :]:
            if not contents[other].head.startswith(contents[name].head):
                break
            if other in held:
                continue
            match contents[name].relation_to(contents[other]):
                case Relation.OLDER:
                    held[name] = other
                    break
                case Relation.SAME | Relation.GROWN:
                    held[other] = name
                case Relation.ANOTHER:
                    pass
    return {name: _last(name, held) for name in held}


def _last(name: str, held: Mapping[str, str]) -> str:
    while name in held:
        name = held[name]
    return name


def _relation(one: Source, other: Source) -> Relation:
    with one.open() as new, other.open() as old:
        while True:
            here, there = new.read(BLOCK_BYTES), old.read(BLOCK_BYTES)
            if here == there:
                if not here:
                    return Relation.SAME
                continue
            shorter = min(len(here), len(there))
            if here[:shorter] != there[:shorter]:
                return Relation.ANOTHER
            return Relation.GROWN if len(here) > shorter else Relation.OLDER
