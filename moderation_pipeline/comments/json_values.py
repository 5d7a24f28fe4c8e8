"""JSON at the edge: typed looks into a parsed value, null where something else is there.

Chat logs are other programs' data: a field may be missing or of any type, and a reader may not stumble.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import orjson

from moderation_pipeline.comments.record import Unreadable

JsonObject = Mapping[str, object]

NOTHING: JsonObject = {}


TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|-?\b(?:NaN|Infinity)\b', re.DOTALL)
ESCAPES = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|u[dD][89a-fA-F]..|.)", re.DOTALL)


def parsed_object(raw: bytes) -> JsonObject | Unreadable:
    """Return the JSON object that `raw` is, or why it is none.

    What other programs write though it is no JSON is read too: NaN is null, half a surrogate pair U+FFFD.
    """
    try:
        value: object = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        try:
            value = orjson.loads(TOKENS.sub(_mended, raw))
        except orjson.JSONDecodeError:
            return Unreadable(f"not valid JSON: {error}")
    if not isinstance(value, dict):
        return Unreadable(f"JSON, but no object: {type(value).__name__}")
    return value


def _mended(token: re.Match[bytes]) -> bytes:
    """Return a string with what is half a pair replaced, and null for a number that is none."""
    if not token[0].startswith(b'"'):
        return b"null"
    whole = token[0].decode("utf-8", "replace").encode() if not token[0].isascii() else token[0]
    return ESCAPES.sub(lambda found: rb"\ufffd" if _is_half(found[0]) else found[0], whole)


def _is_half(escape: bytes) -> bool:
    return len(escape) == 6 and escape[1:2] == b"u"


def text_at(value: JsonObject, key: str) -> str | None:
    """Return the text under `key`; a whole number as its digits; null for anything else or no text at all."""
    found = value.get(key)
    if isinstance(found, str):
        return found or None
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return None


def words_at(value: JsonObject, key: str) -> str | None:
    """Return the text under `key` even where it is empty; null where it is no text."""
    found = value.get(key)
    return found if isinstance(found, str) else None


def number_at(value: JsonObject, key: str) -> float | None:
    """Return the number under `key`."""
    found = value.get(key)
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None


def object_at(value: JsonObject, key: str) -> JsonObject:
    """Return the object under `key`; an empty one where there is none."""
    found = value.get(key)
    return found if isinstance(found, dict) else NOTHING


def objects_at(value: JsonObject, key: str) -> Sequence[JsonObject]:
    """Return the objects of the list under `key`; anything else in it is left out."""
    found = value.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
