"""One JSON document cut into the records of one of its arrays, without ever holding the document.

What a record means is the readers' business. A document whose records are one a line is cut by `source.py`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence

from moderation_pipeline.comments.source import DAMAGE, LINE_LIMIT, Record, Source

BLOCK = 1 << 20

PLAIN = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")++', re.DOTALL)
"""Everything up to the next brace or bracket that is no text of a string: strings are skipped whole."""

CUT_OFF = "the file ends in the middle of this record"


def array_records(source: Source, keys: Sequence[str]) -> Iterator[Record]:
    """Yield the elements of the document's array: the one under the first of `keys` that it has, or itself.

    Elements are numbered from 1. A file that ends in the middle of an element gives it as damaged.
    """
    with source.open() as stream:
        cutter = _Cutter(stream, keys)
        yield from cutter.records()


STRING = re.compile(rb'[\s,]*+(?:("(?:[^"\\]++|\\.)*+")|(\]))', re.DOTALL)
WITHOUT_A_STRING = re.compile(rb"[\s,]*+([^\s,\"\]]++)")


def array_strings(source: Source, key: str) -> Iterator[Record]:
    """Yield the texts of the first array under `key`, as JSON; anything else in it is damaged."""
    opening = re.compile(rb'"' + re.escape(key.encode()) + rb'"\s*:\s*\[')
    with source.open() as stream:
        reading = _Reading(stream)
        begins = reading.find(opening)
        number = 0
        while begins:
            number += 1
            found = reading.match(STRING)
            if found is not None and found[1] is not None:
                yield Record(number, found[1])
            elif found is not None:
                return
            elif (other := reading.match(WITHOUT_A_STRING)) is not None:
                yield Record(number, other[1], "not a text")
            else:
                rest = reading.rest.strip(b", \t\r\n")
                if rest or reading.damage is not None:
                    yield Record(number, rest[:LINE_LIMIT], reading.damage or CUT_OFF)
                return


class _Reading:
    """A stream read on for as long as a pattern might still match, up to a record's bound."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream
        self.rest = b""
        self.damage: str | None = None
        self._is_ended = False

    def find(self, pattern: re.Pattern[bytes]) -> bool:
        """Go behind the first match; False where there is none."""
        while (found := pattern.search(self.rest)) is None:
            self.rest = self.rest[-BLOCK:]
            if not self._read_on():
                return False
        self.rest = self.rest[found.end() :]
        return True

    def match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Return the match here, and go behind it. One that ends where the buffer does may go on."""
        while True:
            found = pattern.match(self.rest)
            if found is not None and (found.end() < len(self.rest) or self._is_ended):
                self.rest = self.rest[found.end() :]
                return found
            if len(self.rest) > LINE_LIMIT or not self._read_on():
                if found is not None:
                    self.rest = self.rest[found.end() :]
                return found

    def _read_on(self) -> bool:
        try:
            block = self._stream.read1(BLOCK)
        except DAMAGE as error:
            block = b""
            self.damage = f"the compressed file is damaged from here on ({error})"
        self._is_ended = self._is_ended or not block
        self.rest += block
        return bool(block)


class _Cutter:
    """Walks a document's brackets in blocks."""

    def __init__(self, stream: io.BufferedReader, keys: Sequence[str]) -> None:
        self._stream = stream
        names = b"|".join(re.escape(key.encode()) for key in keys)
        self._key = re.compile(rb'"(?:' + names + rb')"\s*:\s*$')
        self._buffer = b""
        self._at = 0
        self._kept_from = 0
        self._is_ended = False
        self._damage: str | None = None

    def records(self) -> Iterator[Record]:
        """Yield the array's elements."""
        if not self._enter_array():
            return
        number = 0
        start, depth = self._at, 0
        self._kept_from = start
        while (bracket := self._next_bracket()) is not None:
            if bracket in b"{[":
                depth += 1
                if depth == 1:
                    gap = self._buffer[self._kept_from : self._at - 1].strip(b", \t\r\n")
                    if gap:
                        number += 1
                        yield Record(number, gap)
                    self._kept_from = self._at - 1
                continue
            depth -= 1
            if depth < 0:
                break
            if depth == 0:
                number += 1
                yield Record(number, self._buffer[self._kept_from : self._at])
                self._kept_from = self._at
        ended_well = depth < 0
        rest = self._buffer[self._kept_from : self._at - 1 if ended_well else None].strip(b", \t\r\n")
        if rest or (self._damage is not None and not ended_well):
            yield Record(number + 1, rest, None if ended_well else self._damage or CUT_OFF)

    def _enter_array(self) -> bool:
        """Go to the inside of the array; False where the document has none."""
        depth = 0
        while True:
            bracket = self._next_bracket()
            if bracket is None:
                return False
            if bracket == b"[" and (depth == 0 or (depth == 1 and self._is_named())):
                return True
            depth += 1 if bracket in b"{[" else -1
            self._kept_from = self._at

    def _is_named(self) -> bool:
        return self._key.search(self._buffer[self._kept_from : self._at - 1]) is not None

    def _next_bracket(self) -> bytes | None:
        """Move behind the next bracket outside of strings and return it; None at the document's end."""
        while True:
            run = PLAIN.match(self._buffer, self._at)
            at = run.end() if run is not None else self._at
            found = self._buffer[at : at + 1]
            if found and found in b"{}[]":
                self._at = at + 1
                return found
            if self._is_ended or len(self._buffer) - self._kept_from > LINE_LIMIT:
                return None
            # The buffer ends here, perhaps inside a string: read on and look at the run again.
            self._refill()

    def _refill(self) -> None:
        try:
            block = self._stream.read1(BLOCK)
        except DAMAGE as error:
            block = b""
            self._damage = f"the compressed file is damaged from here on ({error})"
        self._is_ended = not block
        self._buffer = self._buffer[self._kept_from :] + block
        self._at -= self._kept_from
        self._kept_from = 0
