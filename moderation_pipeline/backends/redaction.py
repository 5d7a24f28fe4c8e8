"""Keys taken out of what a server says: before it is cut, stored or shown, and however the server wrote them.

A server that repeats the key, in an error or in a reply, would else put it into a table, a log or the reply store; a
text that is cut first keeps half of it, which is no longer found. So bodies come from a client without the key, and
whatever is cut afterwards never held it. Where keys come from is `keys.py`, where they may go `key_hosts.py`.
"""

from __future__ import annotations

import re
from functools import lru_cache

REDACTED = "[key]"

LEAST_PART = 8
"""The beginning of a key that a server cut is taken out from so many letters on, and from half the key on.

A key that is shorter is no secret but a word ("none", "test"), and a reply may hold it for reasons of its own.
"""


def without_key(text: str, key: str) -> str:
    """Return the text without the key, and without what a server's own cut left of it."""
    if not key:
        return text
    if len(key) < LEAST_PART:
        return text.replace(key, REDACTED)
    return _pattern(key).sub(REDACTED, text) if _part(key) in text or _is_escaped(text, key) else text


def body_without_key(body: bytes, key: str) -> bytes:
    """Return a response's body without the key, escaped as JSON may escape it or not; as it came where there is none.

    Short keys are left in it: taking a word out of a body could change what it says.
    """
    # Looked for plainly first: a pattern takes a millisecond for a long reply, as long as all else that is done to it.
    may_hold = _part(key).encode() in body or b"\\u00" in body or (b"\\/" in body and "/" in key)
    if len(key) < LEAST_PART or not may_hold:
        return body
    return _bytes_pattern(key).sub(REDACTED.encode(), body)


def _is_escaped(text: str, key: str) -> bool:
    return "\\u00" in text or ("\\/" in text and "/" in key)


def _part(key: str) -> str:
    return key[: max(LEAST_PART, (len(key) + 1) // 2)]


@lru_cache(maxsize=64)
def _pattern(key: str) -> re.Pattern[str]:
    part = _part(key)
    rest = "".join(f"(?:{_letter(letter)}" for letter in key[len(part) :])
    return re.compile("".join(map(_letter, part)) + rest + ")?" * (len(key) - len(part)))


@lru_cache(maxsize=64)
def _bytes_pattern(key: str) -> re.Pattern[bytes]:
    return re.compile(_pattern(key).pattern.encode())


def _letter(letter: str) -> str:
    """Return what matches a letter as it is, after a backslash, or as an escape of JSON."""
    code = "".join(f"[{digit}{digit.upper()}]" for digit in f"{ord(letter):04x}")
    return rf"(?:\\?{re.escape(letter)}|\\+u{code})"
