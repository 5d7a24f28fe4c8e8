from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.comments import source as source_module
from moderation_pipeline.comments.source import LINE_LIMIT, Source

TEXT = b"one\ntwo \xf0\x9f\x94\xa5\n\nfour"


def packed(raw: bytes, how: str) -> bytes:
    match how:
        case "gzip":
            return gzip.compress(raw)
        case "two gzips":
            return gzip.compress(raw[:5]) + gzip.compress(raw[5:])
        case "zstd":
            return zstandard.ZstdCompressor().compress(raw)
        case "two zstds":
            return zstandard.ZstdCompressor().compress(raw[:5]) + zstandard.ZstdCompressor().compress(raw[5:])
    return raw


def source(folder: Path, raw: bytes) -> Source:
    path = folder / "log.txt"
    path.write_bytes(raw)
    return Source(path, "chat")


@pytest.mark.parametrize("how", ["plain", "gzip", "two gzips", "zstd", "two zstds"])
def test_compression_is_told_by_content(tmp_path: Path, how: str) -> None:
    assert [(each.line_number, each.raw) for each in source(tmp_path, packed(TEXT, how)).lines()] == [
        (1, b"one"),
        (2, "two 🔥".encode()),
        (4, b"four"),
    ]


@pytest.mark.parametrize("how", ["plain", "gzip", "zstd"])
def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path, how: str) -> None:
    got = source(tmp_path, packed(b"\xef\xbb\xbfone\n", how))
    assert [each.raw for each in got.lines()] == [b"one"]
    assert got.head() == b"one\n"


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_a_compressed_file_that_broke_off_gives_its_lines_and_then_says_so(tmp_path: Path, how: str) -> None:
    lines = [b"line %d of many that are not alike: %d" % (at, at * at * 7919) for at in range(20_000)]
    cut = packed(b"\n".join(lines), how)
    got = list(source(tmp_path, cut[: len(cut) // 2]).lines())
    assert [each.raw for each in got[:-1]] == lines[: len(got) - 1]
    assert len(got) > 2_000
    assert got[-1].damage is not None
    assert "damaged" in got[-1].damage


def test_a_line_too_long_to_be_one_is_given_up_and_the_next_is_read(tmp_path: Path) -> None:
    got = list(source(tmp_path, b"one\n" + b"x" * (LINE_LIMIT + 2_000_000) + b"\nthree\n").lines())
    assert [(each.line_number, each.raw[:5], each.damage is None) for each in got] == [
        (1, b"one", True),
        (2, b"xxxxx", False),
        (3, b"three", True),
    ]


@given(
    raw=st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r\n", b"\r", b" "])).map(b"".join),
    size=st.integers(1, 7),
)
def test_lines_are_the_same_however_the_file_falls_into_blocks(raw: bytes, size: int) -> None:
    class Slow(io.RawIOBase):
        def __init__(self) -> None:
            self.rest = raw

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            part, self.rest = self.rest[:size], self.rest[size:]
            buffer[: len(part)] = part
            return len(part)

    blocks = list(source_module._blocks(io.BufferedReader(Slow(), size)))
    assert b"\n".join(block.raw for block in blocks) == raw.removesuffix(b"\n")
    assert [block.first_line for block in blocks] == [
        sum(each.raw.count(b"\n") + 1 for each in blocks[:at]) + 1 for at in range(len(blocks))
    ]


def test_the_hash_is_of_the_file_as_it_is_stored(tmp_path: Path) -> None:
    plain, compressed = source(tmp_path, TEXT).file_hash(), source(tmp_path, packed(TEXT, "gzip")).file_hash()
    assert plain != compressed
    assert len(plain) == 64


def bomb(folder: Path, how: str) -> Source:
    """Return a file of half a gigabyte of zeros in half a megabyte or less."""
    path = folder / "log.txt"
    zeros = b"\0" * (1 << 20)
    with path.open("wb") as file:
        packer = (
            gzip.GzipFile(fileobj=file, mode="wb", compresslevel=9)
            if how == "gzip"
            else zstandard.ZstdCompressor(level=1).stream_writer(file, closefd=False)
        )
        with packer:
            packer.write(b"one\n")
            for _ in range(512):
                packer.write(zeros)
    return Source(path, "chat")


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_a_file_that_grows_without_end_is_read_no_further_and_that_is_said(tmp_path: Path, how: str) -> None:
    got = list(bomb(tmp_path, how).lines())
    assert got[0].raw == b"one"
    assert got[-1].damage is not None
    assert "500 times its size" in got[-1].damage
    assert sum(len(each.raw) for each in got) < 100_000
