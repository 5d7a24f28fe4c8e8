"""A chat log's bytes: plain, gzip or zstd (told by content), and cut into lines with their numbers.

What the lines say is the readers' business; what encoding they are in is found out in `charset.py`, and
cutting one JSON document into records is in `json_records.py`.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, cast

import zstandard

from moderation_pipeline.comments.charset import BYTE_ORDER_MARK, Oddities, Recoded, encoding_of

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
PARQUET_MAGIC = b"PAR1"
ARROW_MAGIC = b"ARROW1"
ARROW_STREAM_MAGIC = b"\xff\xff\xff\xff"
"""Before each message of an Arrow stream, which has no head of its own."""

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
    """A chat log on disk, and the chat it becomes. `encoding` is what it is in, where its owner says so."""

    path: Path
    chat: str
    encoding: str | None = None
    oddities: Oddities = field(default_factory=Oddities, compare=False)

    @contextmanager
    def open(self) -> Iterator[io.BufferedReader]:
        """Open the file decompressed, after its byte order mark, as UTF-8 where it is in UTF-16.

        It may still hold lines that are not UTF-8; `blocks` and `lines` have none.
        """
        with self.path.open("rb") as file:
            stream = _Opened(file)
            encoding = self.encoding or encoding_of(stream.first)
            self.oddities.encoding = encoding if self.encoding is None else None
            if encoding is not None:
                yield io.BufferedReader(Recoded(stream.buffered(), encoding), BLOCK_BYTES)
            else:
                yield stream.without_mark().buffered()

    def head(self) -> bytes:
        """Return the first HEAD_BYTES, decompressed; fewer where the file is shorter or damaged."""
        with self.open() as stream:
            return _read_some(stream, HEAD_BYTES)

    def why_nothing(self) -> str | None:
        """Return why there is not a byte to read (it is empty, or damaged from its beginning on); else null."""
        with self.open() as stream:
            try:
                return None if stream.read1(1) else "it is empty"
            except DAMAGE as error:
                return f"the compressed file is damaged from its beginning on ({error})"

    def blocks(self) -> Iterator[Block]:
        """Yield the file's lines, a megabyte or so at a time. Only a line feed ends a line."""
        self.oddities.windows_lines = self.oddities.broken_lines = 0
        with self.open() as stream:
            for block in _blocks(stream):
                yield block._replace(raw=self.oddities.mended_block(block.raw))

    def lines(self) -> Iterator[Record]:
        """Yield every line that is not blank, without its end."""
        for first_line, raw, damage in self.blocks():
            if damage is not None:
                yield Record(first_line, raw, damage)
                continue
            if raw.isspace():
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


class _Opened(io.RawIOBase):
    """A file decompressed, whose first bytes have been looked at (a zstd stream can't seek back).

    It reads with `read1`: `read` would lose up to a whole block of good bytes in front of damage. A line that
    ends with a carriage return alone, as on old Macs, ends with a line feed here.
    """

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self._rest = _decompressed(file)
        self._read = 0
        self._damage: Exception | None = None
        self.first = self._looked_at()
        self._is_old_mac = b"\r" in self.first and b"\n" not in self.first and b"\0" not in self.first

    def _looked_at(self) -> bytes:
        parts: list[bytes] = []
        try:
            while sum(map(len, parts)) < FIRST_BYTES and (part := self._rest.read1(FIRST_BYTES)):
                parts.append(part)
        except DAMAGE as error:
            self._damage = error
        return b"".join(parts)

    def without_mark(self) -> _Opened:
        """Return the stream after a UTF-8 byte order mark, if it has one."""
        self.first = self.first.removeprefix(BYTE_ORDER_MARK)
        return self

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self.first and self._damage is not None:
            raise self._damage
        block = self.first or self._rest.read1(len(buffer))
        self.first = block[len(buffer) :] if self.first else b""
        block = block[: len(buffer)]
        self._read += len(block)
        if self._read > BOMB_BYTES and self._rest is not self._file:
            self._check_growth()
        buffer[: len(block)] = block.replace(b"\r", b"\n") if self._is_old_mac else block
        return len(block)

    def _check_growth(self) -> None:
        """Stop a file that only seems small: the longest chats in memory would be no match for it."""
        if self._read > MOST_GROWTH * self._file.tell():
            self._damage = EOFError(f"it grows to more than {MOST_GROWTH} times its size, as no chat does")
            raise self._damage

    def buffered(self) -> io.BufferedReader:
        return io.BufferedReader(self, BLOCK_BYTES)


FIRST_BYTES = 65_536
"""Bytes by which a file's encoding and its ends of lines are told."""

BOMB_BYTES = 256 * 1024 * 1024
MOST_GROWTH = 500
"""What a compressed file may grow to. Chat logs grow to 5 to 30 times their size, one line over and over to
300; gzip can reach 1,000 and zstd 30,000, and 33 KB of it would be a gigabyte."""

ZSTD_INPUT, ZSTD_LEAST_INPUT = 4_096, 64
"""Compressed bytes taken at a time; fewer where they grow much, for 4 bytes of zstd may be 128 KB."""


class _Zstd(io.RawIOBase):
    """Zstandard frames, decompressed. zstandard's own reader ends a file that was cut off without a word."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._is_within_frame = False
        self._ready = memoryview(b"")
        self._input = ZSTD_LEAST_INPUT

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready:
            part = self._file.read(self._input)
            if not part and self._is_within_frame:
                raise EOFError("the last zstd frame is not whole")
            if not part:
                return 0
            self._ready = memoryview(self._decompressed(part))
            for_a_block = BLOCK_BYTES * len(part) // max(len(self._ready), 1)
            self._input = min(max(for_a_block, ZSTD_LEAST_INPUT), ZSTD_INPUT)
        # A view, for cutting the bytes themselves would copy all that is left for every block.
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
