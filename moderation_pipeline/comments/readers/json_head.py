"""A first look at JSON: lines or one document, and under which names its records keep things."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import orjson

KEY = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*:')
LINES_LOOKED_AT = 20


class JsonHead(NamedTuple):
    """What the beginning of a file shows. All is empty where it is no JSON.

    `array_key` is the name of the first array of objects in a document that is one object, `document_keys`
    what stands beside and before it.
    """

    is_json: bool
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
    is_json=False,
    is_lines=False,
    is_array=False,
    array_key=None,
    document_keys=frozenset(),
    record_keys=frozenset(),
)


@lru_cache(maxsize=8)
def _look(head: bytes) -> JsonHead:
    text = head.lstrip()
    if text.startswith(b"["):
        return NO_JSON._replace(is_json=True, is_array=True, record_keys=_keys_of_first_object(text[1:]))
    lines = [line for line in head.split(b"\n")[:LINES_LOOKED_AT] if line.strip()]
    objects = [keys for line in lines if (keys := _object_keys(line)) is not None]
    if text.startswith(b"{") and (found := ARRAY_OF_OBJECTS.search(text)) is not None and len(objects) < 2:
        before = {match.decode("utf-8", "replace") for match in KEY.findall(text[: found.start()])}
        key = found[1].decode("utf-8", "replace")
        if key in DOCUMENT_ARRAYS:
            records = _keys_of_first_object(text[found.end() - 1 :])
            return NO_JSON._replace(
                is_json=True, array_key=key, document_keys=frozenset(before), record_keys=records
            )
    if not objects:
        return NO_JSON
    return NO_JSON._replace(is_json=True, is_lines=True, record_keys=frozenset().union(*objects))


DOCUMENT_ARRAYS = ("messages", "comments")
ARRAY_OF_OBJECTS = re.compile(rb'"(messages|comments)"\s*:\s*\[\s*(?:\{|\]|$)')


def _object_keys(line: bytes) -> frozenset[str] | None:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return frozenset(value) if isinstance(value, dict) else None


def _keys_of_first_object(text: bytes) -> frozenset[str]:
    """Return the names used in the array's first object, as far as the head shows it."""
    return frozenset(key.decode("utf-8", "replace") for key in KEY.findall(text[:65_536]))
