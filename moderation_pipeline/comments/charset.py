"""What a file's bytes are as text: UTF-8, UTF-16 and UTF-32 by their marks or zeros, Windows-1252 line by line.

A line that is valid UTF-8 is never taken for anything else. Everything behind this sees UTF-8; files are
opened and cut in `source.py`.
"""

from __future__ import annotations

import codecs
import io
import re
from dataclasses import dataclass

import polars as pl

from moderation_pipeline.comments.unread_formats import is_no_text, is_workbook

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks; that of UTF-32 begins with that of UTF-16."""

BYTE_ORDER_MARK = codecs.BOM_UTF8

LOOKED_AT = 4_096
NO_WINDOWS = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}|\xff\xfe|\xfe\xff"
)
"""Letters of UTF-8, and marks of UTF-16: as Windows-1252 they would be two letters that no word has."""


@dataclass(slots=True)
class Oddities:
    """What was odd about a file's text, as far as it has been read."""

    encoding: str | None = None
    windows_lines: int = 0
    broken_lines: int = 0

    def notes(self) -> list[str]:
        """Return it in words."""
        notes = []
        if self.encoding is not None:
            notes.append(f"The file is in {self.encoding.upper()}, and was read so.")
        if self.windows_lines:
            notes.append(
                f"{self.windows_lines:,} lines are not UTF-8; they were read as Windows-1252 (Latin-1). Where "
                f"that is wrong, save the file as UTF-8."
            )
        if self.broken_lines:
            notes.append(
                f"{self.broken_lines:,} lines have bytes that are not UTF-8 among others that are; U+FFFD "
                f"stands in their place."
            )
        return notes

    def mended(self, line: bytes) -> bytes:
        """Return a line as UTF-8, and count it where it is something else.

        One with letters of UTF-8 and other bytes too is UTF-8 that was damaged.
        """
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            if NO_WINDOWS.search(line):
                self.broken_lines += 1
                return line.decode("utf-8", "replace").encode()
            self.windows_lines += 1
            return line.decode("cp1252", "replace").encode()
        return line

    def mended_block(self, block: bytes) -> bytes:
        """Return whole lines as UTF-8: as they are, at the price of a look, where they are that."""
        if block.isascii() or _is_utf8(block):
            return block
        return b"\n".join([self.mended(line) for line in block.split(b"\n")])


def _is_utf8(block: bytes) -> bool:
    """Whether the bytes are valid UTF-8: Polars asks in a sixth of the time that Python takes to decode them."""
    try:
        return pl.Series([block], dtype=pl.Binary).cast(pl.String).null_count() == 0
    except pl.exceptions.PolarsError:
        return False


OF_COLUMNS = (b"PAR1", b"ARROW1", b"\xff\xff\xff\xff")
"""How tables begin that are read, but full of zeros and no text at all."""


def encoding_of(head: bytes) -> str | None:
    """Return what a file that begins so is in, where that is no encoding of ASCII's bytes; else None.

    Without a mark UTF-16 is told by its zeros: they stand in every other byte of what is ASCII, line feeds
    among it, and nowhere in a text of UTF-8.
    """
    if head.startswith(OF_COLUMNS) or is_workbook(head) or is_no_text(head):
        return None
    for mark, name in MARKS:
        if head.startswith(mark):
            return name if name != "utf-8" else None
    looked = head[: min(len(head), LOOKED_AT) // 2 * 2]
    first, second = looked[::2].count(0), looked[1::2].count(0)
    if max(first, second) * 4 < len(looked) // 2 or min(first, second) * 20 > max(first, second):
        return None
    name = "utf-16-le" if second > first else "utf-16-be"
    has_its_lines = looked.decode(name, "replace").count("\n") * 4 >= looked.count(b"\n") * 3
    return name if has_its_lines and first != second else None


def is_encoding(name: str) -> bool:
    """Whether Python can read text in an encoding of that name."""
    try:
        b"text".decode(name, "replace")
        codecs.getincrementaldecoder(name)
    except (LookupError, ValueError):
        return False
    return True


class Recoded(io.RawIOBase):
    """A stream of another encoding as UTF-8; what can't be decoded is U+FFFD."""

    def __init__(self, stream: io.BufferedIOBase, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._ready = memoryview(b"")
        self._is_ended = False

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as there is something to fill it with; 0 is the end."""
        while not self._ready and not self._is_ended:
            read = self._stream.read1(1 << 18)
            self._is_ended = not read
            text = self._decoder.decode(read, self._is_ended)
            # A surrogate without its other half can be decoded (UTF-8 of Java, UTF-16), but not encoded.
            self._ready = memoryview(text.encode("utf-8", "replace"))
        block, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(block)] = block
        return len(block)
