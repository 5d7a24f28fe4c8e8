"""A chat log's bytes: plain, gzip or zstd (told by content), and cut into lines with their numbers.

What the lines say is the readers' business; cutting one JSON document into records is in `json_records.py`.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, cast

import zstandard

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
PARQUET_MAGIC = b"PAR1"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

HEAD_BYTES = 262_144
"""How much of a file is looked at to tell its format: hundreds of lines, or a document's opening."""

LINE_LIMIT = 16 * 1024 * 1024
"""Bytes of one record. A chat line has 500 characters; without a bound one file could take all memory."""

DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError)
"""What decompression raises when a file is cut off or corrupt."""


class Record(NamedTuple):
    """The bytes of one record; `damage` says why they are all there is, where they are not whole."""

    line_number: int
    raw: bytes
    damage: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A chat log on disk, and the chat it becomes."""

    path: Path
    chat: str

    @contextmanager
    def open(self) -> Iterator[io.BufferedReader]:
        """Open the file decompressed, after its byte order mark."""
        with self.path.open("rb") as file:
            stream = _decompressed(file)
            yield _without_mark(stream)

    def head(self) -> bytes:
        """Return the first HEAD_BYTES, decompressed; fewer where the file is shorter or damaged."""
        with self.open() as stream:
            return _read_some(stream, HEAD_BYTES)

    def lines(self) -> Iterator[Record]:
        """Yield every line that is not blank, without its end. Only a line feed ends a line."""
        with self.open() as stream:
            yield from _lines(stream)

    def file_hash(self) -> str:
        """Return the SHA-256 of the file as it is stored, in hex."""
        digest = sha256()
        with self.path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()


def _decompressed(file: io.BufferedReader) -> io.BufferedReader:
    magic = file.read(4)
    file.seek(0)
    if magic.startswith(GZIP_MAGIC):
        return cast("io.BufferedReader", gzip.GzipFile(fileobj=file))
    if magic == ZSTD_MAGIC:
        reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        return cast("io.BufferedReader", io.BufferedReader(reader, 1 << 20))
    return file


def _without_mark(stream: io.BufferedReader) -> io.BufferedReader:
    """Return the stream after a UTF-8 byte order mark, if it has one; every stream here can seek to 0."""
    try:
        mark = stream.read(3)
    except DAMAGE:
        mark = b""
    return stream if mark == BYTE_ORDER_MARK else _Rejoined(mark, stream).buffered()


class _Rejoined(io.RawIOBase):
    """A stream with the bytes put back that were read to look at them (a zstd stream can't seek back).

    It reads with `read1`: `read` would lose up to a whole block of good bytes in front of damage.
    """

    def __init__(self, first: bytes, rest: io.BufferedReader) -> None:
        self._first = first
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        block = self._first or self._rest.read1(len(buffer))
        self._first = block[len(buffer) :] if self._first else b""
        block = block[: len(buffer)]
        buffer[: len(block)] = block
        return len(block)

    def buffered(self) -> io.BufferedReader:
        return io.BufferedReader(self, 1 << 20)


def _read_some(stream: io.BufferedReader, size: int) -> bytes:
    """Return up to `size` bytes; what came before damage is still worth looking at."""
    parts: list[bytes] = []
    while size > 0:
        try:
            part = stream.read(min(size, 16_384))
        except DAMAGE:
            break
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _lines(stream: io.BufferedReader) -> Iterator[Record]:
    number = 0
    while True:
        try:
            line = stream.readline(LINE_LIMIT)
        except DAMAGE as error:
            yield Record(number + 1, b"", f"the compressed file is damaged from here on ({error})")
            return
        if not line:
            return
        number += 1
        if len(line) == LINE_LIMIT and not line.endswith(b"\n"):
            yield Record(number, line[:RAW_BYTES], f"longer than {LINE_LIMIT:,} bytes")
            _skip_line(stream)
            continue
        line = line.rstrip(b"\r\n")
        if line and not line.isspace():
            yield Record(number, line)


RAW_BYTES = 8_000
"""Bytes kept of a record too long to be read."""


def _skip_line(stream: io.BufferedReader) -> None:
    while True:
        try:
            block = stream.readline(LINE_LIMIT)
        except DAMAGE:
            return
        if not block or block.endswith(b"\n"):
            return
