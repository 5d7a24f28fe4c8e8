"""One JSON document cut into the records at a path into it, without ever holding the document.

What a record means is the readers' business, how a path is written is in `json_paths.py`. A document whose
records are one a line is cut by `source.py`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence

from moderation_pipeline.comments.json_paths import ELEMENTS
from moderation_pipeline.comments.source import DAMAGE, LINE_LIMIT, RAW_BYTES, Record, Source

BLOCK = 1 << 20

PLAIN = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")++', re.DOTALL)
"""Everything up to the next brace or bracket that is no text of a string: strings are skipped whole."""

WITHIN_STRING = re.compile(rb"(?:[^\"\\]++|\\.)*+", re.DOTALL)
KEY = re.compile(rb'"((?:[^"\\]++|\\.)*+)"\s*:\s*$', re.DOTALL)
KEY_WITHIN = 4_096
"""Bytes in front of a bracket in which its key stands, if it has one of ours."""

BETWEEN = b", \t\r\n"

CUT_OFF = "the file ends in the middle of this record"
TOO_LONG = f"longer than {LINE_LIMIT:,} bytes"


Steps = tuple[str, ...]
RECORDS: Steps = (ELEMENTS,)
"""What is left of a path inside the array that it leads to."""


def array_records(source: Source, keys: Sequence[str]) -> Iterator[Record]:
    """Yield the elements of the document's array: the one under one of `keys` that it has, or itself.

    Elements are numbered from 1. A file that ends in the middle of an element gives it as damaged, and so is
    one that is too long to be a record; those behind it are read.
    """
    yield from records_at(source, [RECORDS, *((key, ELEMENTS) for key in keys)])


def records_at(source: Source, paths: Sequence[Steps]) -> Iterator[Record]:
    """Yield the elements of all arrays at one of `paths`, which are steps that end with ELEMENTS."""
    source.oddities.windows_lines = source.oddities.broken_lines = 0
    with source.open() as stream:
        for record in _Cutter(stream, paths).records():
            yield record._replace(raw=source.oddities.mended(record.raw))


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
    """Walks a document's brackets in blocks, knowing of each how far it lies on one of the paths.

    `_places` has for every open bracket what is left of the paths that lead into it; that of an array of
    records has the one step ELEMENTS left.
    """

    def __init__(self, stream: io.BufferedReader, paths: Sequence[Steps]) -> None:
        self._stream = stream
        self._root = [tuple(path) for path in paths]
        self._places: list[list[Steps]] = []
        self._buffer = b""
        self._at = 0
        self._kept_from = 0
        self._begin: bytes | None = None
        self._is_in_string = False
        self._is_ended = False
        self._damage: str | None = None
        self._is_said = False
        self._number = 0
        self._has_records = False

    def records(self) -> Iterator[Record]:
        """Yield the records, and what stands among them that is none."""
        while (bracket := self._next_bracket()) is not None:
            if self._is_among_records(bracket):
                yield from self._between(self._at - 1)
                if bracket in b"{[":
                    yield self._element()
                    continue
            if bracket in b"{[":
                self._places.append(self._led_into(bracket))
                self._has_records |= RECORDS in self._places[-1]
            else:
                del self._places[-1:]
            self._kept_from, self._begin = self._at, None
        yield from self._rest()

    def _is_among_records(self, bracket: bytes) -> bool:
        """Whether this bracket begins a record or ends an array of them.

        What follows on a document that is an array is a record too, unless it is a further array.
        """
        if self._places:
            return RECORDS in self._places[-1]
        return self._has_records and RECORDS in self._root and bracket == b"{"

    def _led_into(self, bracket: bytes) -> list[Steps]:
        """Return what is left of the paths inside of a bracket that was just opened."""
        left = self._root
        if self._places:
            key = self._key() if any(path[0] != ELEMENTS for path in self._places[-1]) else None
            left = [path[1:] for path in self._places[-1] if path[0] in (ELEMENTS, key)]
        return [path for path in left if path and (path[0] == ELEMENTS) == (bracket == b"[")]

    def _key(self) -> str | None:
        """Return the key under which the bracket stands that was just met."""
        before = self._buffer[max(self._at - 1 - KEY_WITHIN, self._kept_from) : self._at - 1]
        found = KEY.search(before)
        return found[1].decode("utf-8", "replace") if found is not None else None

    def _between(self, end: int) -> Iterator[Record]:
        """Yield what stands between two records, where it is more than a comma."""
        is_cut = self._begin is not None
        gap = self._taken(end).strip(BETWEEN)
        if gap or is_cut:
            self._number += 1
            yield Record(self._number, gap, TOO_LONG if is_cut else None)

    def _element(self) -> Record:
        """Return the record whose first bracket was just met."""
        self._number += 1
        depth = 1
        while depth and (bracket := self._next_bracket()) is not None:
            depth += 1 if bracket in b"{[" else -1
        damage = TOO_LONG if self._begin is not None else None
        if depth:
            damage = damage or self._damage or CUT_OFF
            self._is_said = True
        return Record(self._number, self._taken(len(self._buffer) if depth else self._at), damage)

    def _rest(self) -> Iterator[Record]:
        """Yield what is left where the file ends, unless it ends as it should."""
        is_among = (
            RECORDS in self._places[-1] if self._places else self._has_records and RECORDS in self._root
        )
        rest = self._taken(len(self._buffer)).strip(BETWEEN) if is_among else b""
        if rest or (self._damage is not None and not self._is_said):
            yield Record(self._number + 1, rest, self._damage or (CUT_OFF if self._places else None))

    def _taken(self, end: int) -> bytes:
        """Return what was read since the last piece, or the beginning of it where that was too much."""
        piece = self._buffer[self._kept_from : end] if self._begin is None else self._begin
        self._kept_from, self._begin = end, None
        return piece

    def _next_bracket(self) -> bytes | None:
        """Move behind the next bracket outside of strings and return it; None at the document's end."""
        while True:
            if self._is_in_string:
                self._leave_string()
            if not self._is_in_string:
                run = PLAIN.match(self._buffer, self._at)
                self._at = run.end() if run is not None else self._at
                found = self._buffer[self._at : self._at + 1]
                self._at += len(found)
                if found and found in b"{}[]":
                    return found
                self._is_in_string = found == b'"'
            if self._is_ended:
                return None
            self._refill()

    def _leave_string(self) -> None:
        """Move behind the string's end, or to where the buffer ends within it."""
        within = WITHIN_STRING.match(self._buffer, self._at)
        self._at = within.end() if within is not None else self._at
        if self._buffer[self._at : self._at + 1] == b'"':
            self._at += 1
            self._is_in_string = False

    def _refill(self) -> None:
        """Read on. Of a piece that is too long to be a record only the beginning is kept."""
        if self._at - self._kept_from > LINE_LIMIT:
            if self._begin is None:
                self._begin = self._buffer[self._kept_from : self._kept_from + RAW_BYTES]
            self._kept_from = self._at
        try:
            block = self._stream.read1(BLOCK)
        except DAMAGE as error:
            block = b""
            self._damage = f"the compressed file is damaged from here on ({error})"
        self._is_ended = not block
        self._buffer = self._buffer[self._kept_from :] + block
        self._at -= self._kept_from
        self._kept_from = 0
