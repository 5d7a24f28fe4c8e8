"""A first look at JSON: lines or one document, and under which names its records keep things."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from moderation_pipeline.comments.json_paths import ELEMENTS, path_of
from moderation_pipeline.comments.json_values import parsed_object
from moderation_pipeline.comments.record import Unreadable

KEY = re.compile(rb'"((?:[^"\\]++|\\.)*+)"\s*:', re.DOTALL)
KEYS_WITHIN = 16_384
"""Bytes searched for names; a hostile file makes that search quadratic."""

LINES_LOOKED_AT = 20


class JsonHead(NamedTuple):
    """What the beginning of a file shows. All is empty where it is no JSON.

    `array_key` is the name of the first array of objects in a document that is one object, `document_keys`
    what stands beside and before it.
    """

    is_lines: bool
    is_array: bool
    array_key: str | None
    document_keys: frozenset[str]
    record_keys: frozenset[str]

    @staticmethod
    def of(head: bytes) -> JsonHead:
        """Return what `head` shows."""
        return _look(head)


NO_JSON = JsonHead(
    is_lines=False,
    is_array=False,
    array_key=None,
    document_keys=frozenset(),
    record_keys=frozenset(),
)


ARRAY = re.compile(rb"\[\s*(?:\{|\]|$)")
NAMED_ARRAY = re.compile(rb'"(messages|comments)"\s*:\s*' + ARRAY.pattern)


@lru_cache(maxsize=8)
def _look(head: bytes) -> JsonHead:
    text = head.lstrip()
    if ARRAY.match(text):
        return NO_JSON._replace(is_array=True, record_keys=_keys(text))
    lines = [line for line in head.split(b"\n")[:LINES_LOOKED_AT] if line.strip()]
    objects = [keys for line in lines if (keys := _object_keys(line)) is not None]
    named = NAMED_ARRAY.search(text) if text.startswith(b"{") and len(objects) < 2 else None
    if named is not None:
        return NO_JSON._replace(
            array_key=named[1].decode(),
            document_keys=_keys(text[: named.start()]),
            record_keys=_keys(text[named.end() - 1 :]),
        )
    if not objects:
        return NO_JSON
    return NO_JSON._replace(is_lines=True, record_keys=frozenset().union(*objects))


def _object_keys(line: bytes) -> frozenset[str] | None:
    value = parsed_object(line)
    return frozenset(value) if not isinstance(value, Unreadable) else None


def _keys(text: bytes) -> frozenset[str]:
    """Return the names used in the text's beginning."""
    return frozenset(key.decode("utf-8", "replace") for key in KEY.findall(text[:KEYS_WITHIN]))


TOKEN = re.compile(rb'"((?:[^"\\]++|\\.)*+)"(\s*:)?|[{}\[\]]', re.DOTALL)
MOST_ARRAYS = 50


class RecordArray(NamedTuple):
    """An array of objects in a document: the path to it, and the keys of its first element."""

    path: str
    keys: frozenset[str]


@lru_cache(maxsize=8)
def record_arrays(head: bytes) -> tuple[RecordArray, ...]:
    """Return the arrays of objects in a document that begins so, in their order."""
    if not head.lstrip().startswith((b"{", b"[")):
        return ()
    found: dict[str, set[str]] = {}
    for path, key in _keys_in_arrays(head):
        if path in found or len(found) < MOST_ARRAYS:
            found.setdefault(path, set()).add(key)
    return tuple(RecordArray(path, frozenset(keys)) for path, keys in found.items())


def _keys_in_arrays(text: bytes) -> Iterator[tuple[str, str]]:
    """Yield the keys of objects that are elements of an array, with the path to their array."""
    steps: list[str] = []
    key = ""
    for token in TOKEN.finditer(text):
        match token[0][:1]:
            case b"{":
                steps.append(key)
                key = ""
            case b"[":
                steps.extend((key, ELEMENTS))
                key = ""
            case b'"':
                if token[2] is not None:
                    key = token[1].decode("utf-8", "replace")
                    if steps[-1:] == [""] and steps[-2:-1] == [ELEMENTS]:
                        yield path_of([step for step in steps if step]), key
            case _:
                del steps[-2 if steps[-1:] == [ELEMENTS] else -1 :]
                key = ""
