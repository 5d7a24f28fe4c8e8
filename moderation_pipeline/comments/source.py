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


class Block(NamedTuple):
    """Whole lines, without the last one's end; with `damage`, the beginning of one that can't be had whole."""

    first_line: int
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

    def blocks(self) -> Iterator[Block]:
        """Yield the file's lines, a megabyte or so at a time. Only a line feed ends a line."""
        with self.open() as stream:
            yield from _blocks(stream)

    def lines(self) -> Iterator[Record]:
        """Yield every line that is not blank, without its end."""
        for first_line, raw, damage in self.blocks():
            if damage is not None:
                yield Record(first_line, raw, damage)
                continue
            for number, line in enumerate(raw.split(b"\n"), first_line):
                if line and not line.isspace():
                    yield Record(number, line.rstrip(b"\r"))

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
        return io.BufferedReader(_Zstd(file), BLOCK_BYTES)
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


ZSTD_INPUT = 4_096
"""Compressed bytes taken at a time: a hostile file makes at most 128 KB of every 4 of them."""


class _Zstd(io.RawIOBase):
    """Zstandard frames, decompressed. zstandard's own reader ends a file that was cut off without a word."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._is_within_frame = False
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready:
            part = self._file.read(ZSTD_INPUT)
            if not part and self._is_within_frame:
                raise EOFError("the last zstd frame is not whole")
            if not part:
                return 0
            self._ready = self._decompressed(part)
        block, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(block)] = block
        return len(block)

    def _decompressed(self, part: bytes) -> bytes:
        done = []
        while part:
            done.append(self._frame.decompress(part))
            self._is_within_frame = not self._frame.eof
            part = self._frame.unused_data if self._frame.eof else b""
            if self._frame.eof:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
        return b"".join(done)


def _read_some(stream: io.BufferedReader, size: int) -> bytes:
    """Return up to `size` bytes; what came before damage is still worth looking at."""
    parts: list[bytes] = []
    while size > 0:
        try:
            part = stream.read1(size)
        except DAMAGE:
            break
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _blocks(stream: io.BufferedReader) -> Iterator[Block]:
    number, begun = 1, b""
    while True:
        try:
            part = stream.read1(BLOCK_BYTES)
        except DAMAGE as error:
            yield Block(number, begun[:RAW_BYTES], f"the compressed file is damaged from here on ({error})")
            return
        if not part:
            break
        end = part.rfind(b"\n")
        if end >= 0:
            raw = begun + part[:end]
            yield Block(number, raw)
            number += raw.count(b"\n") + 1
            begun = part[end + 1 :]
        elif len(begun) + len(part) <= LINE_LIMIT:
            begun += part
        else:
            yield Block(number, begun[:RAW_BYTES], f"longer than {LINE_LIMIT:,} bytes")
            number += 1
            begun = _after_line(stream)
    if begun:
        yield Block(number, begun)


BLOCK_BYTES = 1 << 20
RAW_BYTES = 8_000
"""Bytes kept of a record that is not whole."""


def _after_line(stream: io.BufferedReader) -> bytes:
    """Read to the end of the line, and return what was read behind it."""
    while True:
        try:
            part = stream.read1(BLOCK_BYTES)
        except DAMAGE:
            return b""
        if not part or b"\n" in part:
            return part.partition(b"\n")[2]
