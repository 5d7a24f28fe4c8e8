"""Files of raw Twitch IRC lines, as justlog and rustlog store them (or return them for `?raw`).

What a line means is in `irc_line.py`; that most lines are read many at a time, in `irc_block.py`.
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

LINE = re.compile(rb"(?:@\S+ )?(?::\S+ )?[A-Z]{4,15}(?: |$)")
LAYOUTS = (Layout(TWITCH_ORDER), Layout(RUSTLOG_ORDER))


class IrcReader(LogReader):
    """Reads raw IRC lines with Twitch's tags."""

    name = "irc"
    describes = "raw Twitch IRC lines (justlog, rustlog)"

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether an early line has IRC's shape."""
        return any(_has_shape(line) for line in head.split(b"\n")[:50])

    def parse(self, raw: bytes) -> Parsed:
        """Return what a line is."""
        return parse_irc(raw.decode("utf-8", "replace"))

    def chunks(self, source: Source) -> Iterator[Chunk]:
        """Yield the file's lines a block at a time; what a chunk says is what line by line would say."""
        layout, before = LAYOUTS[0], 0
        for number, block in enumerate(source.blocks()):
            if number == 0:
                layout = max(LAYOUTS, key=lambda layout: _cut(layout, block).comments.height)
            chunk = _read(_cut(layout, block), block, before)
            before += chunk.comments.height
            yield chunk


def _has_shape(line: bytes) -> bool:
    shape = LINE.match(line)
    return shape is not None and (line.startswith((b"@", b":")) or b"tmi.twitch.tv" in line)


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
