"""Paths into JSON: `author.id` to a value of a record, `data.messages[]` to the records of a document.

Cutting a document at such a path is in `json_records.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from moderation_pipeline.comments.json_values import JsonObject

ELEMENTS = "[]"
"""The step from an array to what is in it."""

DEEPEST = 4
"""Objects within objects that are looked into for columns: what lies deeper is named by its path."""


WRITTEN = re.compile(r"(?:[^.\[\]]+(?:\[\])*|(?:\[\])+)(?:\.[^.\[\]]+(?:\[\])*)*")


def steps_of(path: str) -> tuple[str, ...]:
    """Return the steps of a path to records: keys, and ELEMENTS for every array; it ends with one."""
    steps = tuple(re.findall(r"\[\]|[^.\[\]]+", path))
    return steps if steps[-1:] == (ELEMENTS,) else (*steps, ELEMENTS)


def as_record_path(path: str) -> str:
    """Return the path as it is written: keys with dots between them, `[]` behind the name of an array.

    Raises:
        ValueError: it is not written so.
    """
    if WRITTEN.fullmatch(path) is None:
        raise ValueError(f"{path!r} is no path to records. One is written as 'messages[]' or 'data.items[]'")
    return path_of(steps_of(path))


def path_of(steps: Sequence[str]) -> str:
    """Return the steps as a path."""
    return ".".join(steps).replace("." + ELEMENTS, ELEMENTS)


def value_at(record: JsonObject, path: str) -> object:
    """Return what the record has under that key, or else where the path leads; None where there is nothing."""
    if path in record:
        return record[path]
    value: object = record
    for key in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def has_path(record: JsonObject, path: str) -> bool:
    """Whether the record has something under that key or path, were it null."""
    if path in record:
        return True
    above, _, key = path.rpartition(".")
    parent = value_at(record, above) if above else None
    return isinstance(parent, Mapping) and key in parent


def leaves(record: JsonObject, above: str = "", depth: int = 1) -> Iterator[str]:
    """Yield the paths of a record's values: objects are gone into, and are no values themselves."""
    for key, value in record.items():
        if isinstance(value, Mapping) and (depth < DEEPEST or not value):
            yield from leaves(value, f"{above}{key}.", depth + 1)
        else:
            yield f"{above}{key}"
