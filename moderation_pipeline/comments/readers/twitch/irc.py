"""Files of raw Twitch IRC lines, as justlog and rustlog store them (or return them for `?raw`).

A logger may have written its own time before each line. What a line means is in `irc_line.py`; that most
lines are read many at a time, in `irc_block.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl

from moderation_pipeline.comments.readers.reader import Gathered, LogReader
from moderation_pipeline.comments.readers.twitch.irc_block import RUSTLOG_ORDER, TWITCH_ORDER, Cut, Layout
from moderation_pipeline.comments.readers.twitch.irc_line import parse_irc
from moderation_pipeline.comments.record import Chunk, Parsed, PlacedAct, Unreadable
from moderation_pipeline.comments.source import Block, Source
from moderation_pipeline.comments.times import time_written, us_from_datetime, us_from_ms

LINE = re.compile(rb"(?:@\S+ )?(?::\S+ )?[A-Z]{4,15}(?: |$)")
STAMPED = re.compile(
    rb"(?P<stamp>[^@:{\"';\s][^@{\"';]{0,62}?[\s\]|>]) ?"
    rb"(?P<line>(?:@[\w.-]+=\S* )?:\S+ (?:[A-Z]{4,15}|\d{3})(?: .*)?)",
    re.DOTALL,
)
"""A line with a time before it, or whatever else a logger wrote there."""

AROUND_STAMPS = " \t[]()<>|#-"
LAYOUTS = (Layout(TWITCH_ORDER), Layout(RUSTLOG_ORDER))


class IrcReader(LogReader):
    """Reads raw IRC lines with Twitch's tags."""

    name = "irc"
    describes = "raw Twitch IRC lines (justlog, rustlog)"

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether an early line has IRC's shape."""
        return any(_has_shape(line) or _is_stamped(line) for line in head.split(b"\n")[:50])

    def parse(self, raw: bytes) -> Parsed:
        """Return what a line is."""
        stamped = STAMPED.match(raw) if not raw.startswith((b"@", b":")) else None
        if stamped is None:
            return parse_irc(raw.decode("utf-8", "replace"))
        return parse_irc(stamped["line"].decode("utf-8", "replace"), _time_of_stamp(stamped["stamp"]))

    def chunks(self, source: Source) -> Iterator[Chunk]:
        """Yield the file's lines a block at a time; what a chunk says is what line by line would say."""
        early = source.head().split(b"\n")[:50]
        if not any(map(_has_shape, early)) and any(map(_is_stamped, early)):
            self.notes.append("Each line has a logger's own time before it; those of Twitch were taken.")
            yield from super().chunks(source)
            return
        layout, before = LAYOUTS[0], 0
        for number, block in enumerate(source.blocks()):
            if number == 0:
                layout = max(LAYOUTS, key=lambda layout: _cut(layout, block).comments.height)
            chunk = _read(_cut(layout, block), block, before)
            before += chunk.comments.height
            yield chunk


def _has_shape(line: bytes) -> bool:
    shape = LINE.match(line)
    return shape is not None and line.startswith((b"@", b":", b"PING ", b"NOTICE ", b"CAP "))


def _is_stamped(line: bytes) -> bool:
    stamped = STAMPED.match(line)
    return stamped is not None and _has_shape(stamped["line"])


def _time_of_stamp(stamp: bytes) -> int | None:
    """Return what a logger's own time says: ISO 8601 and its like, or a number of (milli)seconds."""
    text = stamp.decode("utf-8", "replace").strip(AROUND_STAMPS)
    if text.isdecimal() and text.isascii():
        return us_from_ms(text if len(text) > 10 else f"{text}000")
    when = time_written(text)
    return us_from_datetime(when) if when is not None else None


def _cut(layout: Layout, block: Block) -> Cut:
    if block.damage is not None:
        return layout.cut(b"", block.first_line)
    return layout.cut(block.raw, block.first_line)


def _read(cut: Cut, block: Block, before: int) -> Chunk:
    """Return the block's chunk: its usual lines, and what each other line turns out to be, in their order."""
    gathered = Gathered(before)
    if block.damage is not None:
        gathered.records = 1
        gathered.take(Unreadable(block.damage), block.first_line, block.raw)
        return gathered.chunk()
    act_lines = []
    for number, line in cut.others:
        gathered.records += 1
        acts = len(gathered.acts)
        gathered.take(parse_irc(line.decode("utf-8", "replace")), number, line)
        act_lines.extend([number] * (len(gathered.acts) - acts))
    gathered.records += cut.comments.height
    chunk = gathered.chunk()
    if not chunk.comments.is_empty():
        chunk.comments = pl.concat([cut.comments, chunk.comments], how="diagonal").sort("line_number")
    else:
        chunk.comments = cut.comments
    places = chunk.comments["line_number"].search_sorted(pl.Series(act_lines, dtype=pl.Int64))
    chunk.acts = [
        PlacedAct(placed.act, before + int(place))
        for placed, place in zip(gathered.acts, places, strict=True)
    ]
    return chunk
