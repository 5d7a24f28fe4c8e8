"""Logs of one line a record that are read by patterns alone: what a pattern is, and the reader of them.

The patterns of known programs are in `line_patterns.py` and `chatty.py`. A format that needs to remember what it
has read has a module of its own, such as `chatterino.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from moderation_pipeline.comments.acts.acts_in_words import act_in_words
from moderation_pipeline.comments.acts.acts_of_chatty import act_of_moderator, acts_listed
from moderation_pipeline.comments.chat_files import LOG_SUFFIX
from moderation_pipeline.comments.log_spec import LogSpec
from moderation_pipeline.comments.readers.log_clock import NO_DAY, LogClock, clock_of, date_of
from moderation_pipeline.comments.readers.reader import LogReader
from moderation_pipeline.comments.record import Act, ActKind, Acts, Comment, Ignored, Parsed, Unreadable
from moderation_pipeline.comments.source import Record, Source
from moderation_pipeline.comments.times import us_from_datetime

LINES_LOOKED_AT = 50
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MODERATOR_SIGNS = frozenset("~&@%")
"""What IRC puts before the nick of who may moderate: owner, admin, operator, half operator."""

NOBODY = datetime(2000, 1, 1, tzinfo=UTC)
"""The beginning of a recording of which nobody said when it was."""


Groups = Mapping[str, str | None]


class LineMeaning(Enum):
    """What a line is that a pattern matches."""

    SAID = "a comment"
    DID = "a comment of the kind /me"
    BEGINS = "the day on which the lines after it were written"
    SYSTEM = "the program's own words"
    REMOVES = "users put out or lines taken away"
    NOTHING = "nothing of ours"


@dataclass(frozen=True)
class LinePattern:
    """The form of a line, a regular expression; its groups say what is where, and most may be missing.

    Of the time: those of `log_clock.CLOCK`, `year`, `month` (a number or English letters), `day`, `offset`
    (`+02:00`, `UTC`), or `elapsed` (`1:02:03` since the recording began). Of a comment: `channel`, `signs`
    (IRC's marks of rank), `badges`, `user_id`, `user_name`, `text`. Of an act: `user`, `mask`, `quoted`,
    `many` and `done` (Chatty's forms of several acts, and of what a moderator did).
    """

    form: str
    means: LineMeaning
    kind: ActKind = ActKind.UNKNOWN
    what: str = "lines of the program"

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The form, compiled when a line is first held against it: all programs' take a fifth of a second."""
        return re.compile(self.form, re.DOTALL)


class LineLogReader(LogReader):
    """Reads lines by the patterns of its format, of which the first that matches says what the line is."""

    patterns: ClassVar[Sequence[LinePattern]]
    is_utc: ClassVar[bool] = False
    """Whether the program writes times in UTC; else the clock is the computer's, and its zone unknown."""

    is_name_a_login: ClassVar[bool] = True
    """Whether a name in the log is what tells users apart: a login or nick, in any case."""

    def __init__(self, spec: LogSpec | None = None) -> None:
        super().__init__(spec)
        self._clock = LogClock(self.spec, Path(), self.notes)
        self._counts_from: datetime | None = None

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether most of the early lines have a form that says what they are, and one is a comment.

        A table whose first columns happen to be a time, a name and a text is none: its header has no such form, and
        whatever else it has in columns would become text.
        """
        lines = [
            line for line in head.decode("utf-8", "replace").split("\n")[:LINES_LOOKED_AT] if line.strip()
        ]
        means = [cls._means(line.rstrip("\r")) for line in lines]
        if lines and "\t" in lines[0] and means[0] is None:
            return False
        known = sum(each is not None for each in means)
        return (LineMeaning.SAID in means or LineMeaning.DID in means) and 2 * known > len(lines)

    @classmethod
    def _means(cls, line: str) -> LineMeaning | None:
        return next((pattern.means for pattern in cls.patterns if pattern.compiled.match(line)), None)

    def records(self, source: Source) -> Iterator[Record]:
        """Yield the lines; what only the file's name tells is taken from there first."""
        spec = self.spec
        if self.is_utc and spec.zone is None:
            spec = spec.model_copy(update={"zone": "UTC"})
        self._clock = LogClock(spec, source.path, self.notes)
        return source.lines()

    def parse(self, raw: bytes) -> Parsed:
        """Return what a line is."""
        line = raw.decode("utf-8", "replace")
        for pattern in self.patterns:
            found = pattern.compiled.match(line)
            if found is not None:
                return self._of_pattern(pattern, found)
        return Unreadable(f"not a line of the format {self.name}")

    def _of_pattern(self, pattern: LinePattern, found: re.Match[str]) -> Parsed:
        groups = found.groupdict()
        if pattern.means is LineMeaning.BEGINS:
            return self._begin(groups)
        if pattern.means is LineMeaning.NOTHING:
            return Ignored(pattern.what)
        at_us = self._time(groups)
        if pattern.means in (LineMeaning.SAID, LineMeaning.DID):
            if at_us is None and _has_time(groups):
                return Unreadable(NO_DAY if self._clock.day is None else "no time that can be read")
            return self._comment(groups, at_us, is_me=pattern.means is LineMeaning.DID)
        if pattern.means is LineMeaning.REMOVES:
            return _removed(pattern.kind, groups, at_us)
        return self._words(groups, at_us, pattern.what)

    def _comment(self, groups: Groups, at_us: int | None, *, is_me: bool) -> Comment:
        name = groups.get("user_name")
        user_id = groups.get("user_id") or (name.lower() if name and self.is_name_a_login else name)
        badges = (groups.get("badges") or "").lower()
        return Comment(
            comment_id=None,
            channel=groups.get("channel"),
            user_id=user_id or None,
            user_name=name or user_id or None,
            sent_at_us=at_us,
            text=groups.get("text") or "",
            is_moderator=bool(MODERATOR_SIGNS & set(groups.get("signs") or "")) or "moderator" in badges,
            is_broadcaster=any(rank in badges for rank in ("broadcaster", "owner")),
            is_subscriber=any(rank in badges for rank in ("subscriber", "founder", "member")),
            is_me=is_me,
        )

    def _words(self, groups: Groups, at_us: int | None, what: str) -> Act | Ignored:
        act = act_in_words(groups.get("text") or "")
        return act._replace(channel=groups.get("channel"), at_us=at_us) if act is not None else Ignored(what)

    def _begin(self, groups: Groups) -> Ignored | Unreadable:
        day = self._date(groups)
        if day is None:
            return Unreadable("no date that can be read")
        clock = clock_of(groups) if groups.get("hour") else None
        self._clock.begin(day, clock, groups.get("offset"))
        return Ignored("beginnings and ends of logging")

    def _time(self, groups: Groups) -> int | None:
        elapsed = groups.get("elapsed")
        if elapsed is not None:
            return self._since_the_beginning(elapsed)
        if groups.get("hour") is None:
            return None
        clock = clock_of(groups)
        if clock is None:
            return None
        if groups.get("day") is None:
            return self._clock.at(clock)
        day = self._date(groups)
        if day is None:
            return None
        offset = groups.get("offset")
        return self._clock.on(day, clock) if offset is None else self._clock.exactly(day, clock, offset)

    def _date(self, groups: Groups) -> date | None:
        """Return a line's date; one without a year is of the year that is known by then."""
        month = (groups.get("month") or "").lower()
        number = str(MONTHS.index(month[:3]) + 1) if month[:3] in MONTHS else month
        known = self._clock.day
        written = groups.get("year") or ""
        year = (
            f"20{written}" if len(written) == 2 else written or (str(known.year) if known is not None else "")
        )
        day = date_of(year, number, groups.get("day") or "") if number.isdecimal() and year else None
        if day is not None and groups.get("year") is None and known is not None:
            self._clock.day = day = _not_before(day, known)
        return day

    def _since_the_beginning(self, elapsed: str) -> int | None:
        if self._counts_from is None:
            self._counts_from = self._beginning()
        parts = [int(part) for part in elapsed.lstrip("-").split(":")]
        seconds = sum(part * 60**power for power, part in enumerate(reversed(parts)))
        try:
            return us_from_datetime(
                self._counts_from + timedelta(seconds=-seconds if elapsed.startswith("-") else seconds)
            )
        except OverflowError:
            return None

    def _beginning(self) -> datetime:
        day = self._clock.day
        if day is None:
            self.notes.append(
                f"The log's times count from the beginning of the recording, and nothing says when that was: "
                f"they were counted from {NOBODY:%Y-%m-%d} ({LOG_SUFFIX}: day)."
            )
            return NOBODY
        self.notes.append(f"The log's times were counted from {day}, 00:00 UTC ({LOG_SUFFIX}: day).")
        return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _has_time(groups: Groups) -> bool:
    return groups.get("hour") is not None or groups.get("elapsed") is not None


def _not_before(day: date, known: date) -> date:
    """Return the day in the next year, where it would else be long before the lines above it."""
    if known - day <= timedelta(days=300):
        return day
    return date_of(str(day.year + 1), str(day.month), str(day.day)) or day


def _removed(kind: ActKind, groups: Groups, at_us: int | None) -> Act | Acts:
    """Return whom a line says to be put out. A mask that names no nick may be anybody's."""
    if groups.get("many") is not None:
        return acts_listed(kind, groups["many"] or "", at_us)
    if groups.get("done") is not None:
        return act_of_moderator(groups["done"] or "", at_us)
    user = groups.get("user")
    mask = groups.get("mask")
    if mask is not None:
        nick = mask.partition("!")[0]
        user = nick if "!" in mask and not set(nick) & set("*?$") else None
    if user is None:
        return Act(ActKind.UNKNOWN, groups.get("channel"), at_us=at_us)
    return Act(
        kind=kind,
        channel=groups.get("channel"),
        user_id=user.lower(),
        user_name=user,
        comment_id=None,
        at_us=at_us,
        quoted=groups.get("quoted"),
    )
