"""WhatsApp's exports: lines with a date, a name and a text, as each phone's language writes dates.

Written from exports of Android and iOS between 2017 and 2025. A message goes on over lines that begin with no date.
What moderators did is not in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

from moderation_pipeline.comments.log_spec import LogSpec
from moderation_pipeline.comments.readers.log_clock import LogClock, clock_of, date_of
from moderation_pipeline.comments.readers.reader import LogReader
from moderation_pipeline.comments.record import Comment, Ignored, Parsed, Unreadable
from moderation_pipeline.comments.source import LINE_LIMIT, Record, Source

MARKS = "\u200e\u200f\u202a\u202b\u202c\ufeff"
SPACE = r"[ \u00a0\u202f]"
BEGINS = re.compile(
    rf"[{MARKS}]*(?P<open>\[)?(?P<first>\d{{1,4}})(?P<between>[./-])(?P<second_part>\d{{1,2}})(?P=between)"
    rf"(?P<third>\d{{1,4}})(?P<comma>,)?{SPACE}(?P<hour>\d{{1,2}})[:.](?P<minute>[0-5]\d)(?:[:.](?P<second>[0-5]\d))?"
    rf"(?:{SPACE}?(?P<half>[AaPp])\.?{SPACE}?[Mm]\.?)?(?(open)\]{SPACE}|{SPACE}-{SPACE})(?P<rest>.*)",
    re.DOTALL,
)
"""`[06.05.24, 20:01:05] Ann: hi` of iOS, `5/6/24, 8:01 PM - Ann: hi` of Android."""

SAID = re.compile(rf"[{MARKS}]*(?:~{SPACE}?)?(?P<name>[^:\n]{{1,100}}): ?(?P<text>.*)", re.DOTALL)
MEDIA = re.compile(r"<[^<>\n]{1,60}>")
EDITED = re.compile(r"\s*\u200e<[^<>\n]{1,60}>\s*\Z")
OWN_WORDS = "messages of media alone and WhatsApp's own words"
LINES_LOOKED_AT = 50


class DateOrder(NamedTuple):
    """Where day and month stand, and what is to be said of how that was told."""

    is_day_first: bool
    note: str | None = None


class WhatsAppReader(LogReader):
    """Reads the export of one chat."""

    name = "whatsapp"
    describes = "WhatsApp's exported text"

    def __init__(self, spec: LogSpec | None = None) -> None:
        super().__init__(spec)
        self._clock = LogClock(self.spec, Path(), self.notes)
        self._order = DateOrder(is_day_first=True)

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether it begins with a date as WhatsApp writes it, and someone says something."""
        lines = [
            line for line in head.decode("utf-8", "replace").split("\n")[:LINES_LOOKED_AT] if line.strip()
        ]
        found = [BEGINS.match(line) for line in lines]
        # Other programs write a date in brackets too, but none with a comma behind it.
        known = [each for each in found if each is not None and (each["comma"] or not each["open"])]
        return bool(found) and found[0] in known and any(SAID.match(each["rest"]) for each in known)

    def records(self, source: Source) -> Iterator[Record]:
        """Yield the messages, each with all its lines."""
        self._clock = LogClock(self.spec, source.path, self.notes)
        self._order = date_order(record.raw.decode("utf-8", "replace") for record in source.lines())
        if self._order.note is not None:
            self.notes.append(self._order.note)
        return _messages(source.lines())

    def parse(self, raw: bytes) -> Parsed:
        """Return what a message is."""
        begins = BEGINS.match(raw.decode("utf-8", "replace"))
        if begins is None:
            return Unreadable("not a message of WhatsApp: no date")
        said = SAID.match(begins["rest"])
        if said is None:
            return Ignored(OWN_WORDS)
        text = EDITED.sub("", said["text"])
        if text.startswith("\u200e") or MEDIA.fullmatch(text.strip()) or not text.strip():
            return Ignored(OWN_WORDS)
        day, clock = self._day(begins), clock_of(begins.groupdict())
        sent_at_us = self._clock.on(day, clock) if day is not None and clock is not None else None
        if sent_at_us is None:
            return Unreadable("no time that can be read: no such day or hour")
        name = said["name"].strip(MARKS + " ")
        return Comment(None, None, name, name, sent_at_us, text)

    def _day(self, begins: re.Match[str]) -> date | None:
        first, second, third = begins["first"], begins["second_part"], begins["third"]
        if len(first) == 4:
            return date_of(first, second, third)
        year = third if len(third) == 4 else f"20{third.zfill(2)}"
        return date_of(year, second, first) if self._order.is_day_first else date_of(year, first, second)


def _messages(lines: Iterable[Record]) -> Iterator[Record]:
    """Yield records that begin with a date, with the lines behind them that don't."""
    held: list[Record] = []
    size = 0
    for line in lines:
        is_apart = line.damage is not None or BEGINS.match(line.raw.decode("utf-8", "replace"))
        if held and (is_apart or held[0].damage is not None or size + len(line.raw) > LINE_LIMIT):
            yield _joined(held)
            held, size = [], 0
        held.append(line)
        size += len(line.raw)
    if held:
        yield _joined(held)


def _joined(lines: list[Record]) -> Record:
    return lines[0]._replace(raw=b"\n".join(line.raw for line in lines))


def date_order(lines: Iterable[str]) -> DateOrder:
    """Return whether the day stands before the month: by a number above 12, by the order of the lines, else aloud."""
    dates, has_halves = list[tuple[int, int, int]](), False
    for line in lines:
        begins = BEGINS.match(line)
        if begins is None or len(begins["first"]) == 4:
            continue
        if begins["between"] == ".":
            return DateOrder(is_day_first=True)
        has_halves = has_halves or begins["half"] is not None
        found = (int(begins["third"]), int(begins["first"]), int(begins["second_part"]))
        if not dates or dates[-1] != found:
            dates.append(found)
    if any(second > 12 for _, _, second in dates):
        return DateOrder(is_day_first=False)
    if not dates or any(first > 12 for _, first, _ in dates):
        return DateOrder(is_day_first=True)
    by_day = sorted((year, month, day) for year, day, month in dates) == [(y, m, d) for y, d, m in dates]
    by_month = sorted(dates) == dates
    if by_day != by_month:
        return DateOrder(is_day_first=by_day)
    first = "month" if has_halves else "day"
    example = "/".join(str(part) for part in (dates[0][1], dates[0][2], dates[0][0]))
    return DateOrder(
        is_day_first=not has_halves,
        note=f"Nothing in the file tells whether {example} begins with its day or its month; it was taken as the "
        f"{first} first.",
    )
