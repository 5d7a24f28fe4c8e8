"""Chatterino's chat logs: local time without a date, logins, no ids; what moderators did stands as text.

Written from Chatterino's LoggingChannel. The date is in the line with which a log begins, else in the name
of the file; days are counted on where the clock goes past midnight. In a moderator's own log the acts stand
behind the moderator's login, as if it were said (`amy: amy banned x.`). Chatterino ends its own words with a
space, which Twitch takes off a user's; where a log shows that, the same words without it are a user's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from moderation_pipeline.comments.acts.acts_in_words import act_in_words
from moderation_pipeline.comments.log_spec import LogSpec
from moderation_pipeline.comments.readers.log_clock import CLOCK, DAY, NO_DAY, LogClock, clock_of, date_of
from moderation_pipeline.comments.readers.reader import LogReader
from moderation_pipeline.comments.record import Act, ActKind, Comment, Ignored, Parsed, Unreadable
from moderation_pipeline.comments.source import Record, Source

BEGINS = re.compile(r"# (Start|Stop) logging at (\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d) ?(.*)")
LINE = re.compile(rf"(?:#(?P<channel>\S+) )?\[{CLOCK}\] ?(?P<said>.*)", re.DOTALL)
BY_USER = re.compile(
    r"(?:(?P<shown>(?i:(?=(?P<same>[^\s:]+) (?P=same):))[^\s:]+|[^\s:]*[^\s:\x00-\x7f][^\s:]*) )?"
    r"(?P<login>[A-Za-z0-9_]{1,25}): (?P<text>.*)",
    re.DOTALL,
)
"""A shown name stands before the login where it is not that: in another script, or the same in capitals."""

FILE_NAME = re.compile(r"(?P<channel>.+?)-(?:\d{4}-\d\d-\d\d|\d{8,})$")
"""A day's log, or with a stream's id the log of a stream."""

OF_A_VIDEO = "[0:0"
"""How a video's chat begins, as TwitchDownloader counts its time. Chatterino's own say when they were begun."""

HELD = re.compile(r"AutoMod: Held a message for reason: ")
AUTOMODS = "AutoMod: "
REPEATED = re.compile(r"(?P<shown>\S+): (?P<text>.*)", re.DOTALL)


class ChatterinoReader(LogReader):
    """Reads one day's or one stream's log of a channel."""

    name = "chatterino"
    describes = "Chatterino logs"

    def __init__(self, spec: LogSpec | None = None) -> None:
        super().__init__(spec)
        self._channel: str | None = None
        self._clock = LogClock(self.spec, Path(), self.notes)
        self._is_timeless = False
        self._is_held = False
        self._ends_in_space = False

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether an early line is one with which a log begins, or most have a time in brackets and a login.

        A name with a space in it is YouTube's, and the line another program's.
        """
        lines = [line for line in head.decode("utf-8", "replace").split("\n")[:50] if line.strip()]
        if any(BEGINS.match(line) for line in lines):
            return True
        form = [line for line in lines if _is_line(line)]
        said = [line for line in form if ": " in line]
        by_users = [line for line in said if BY_USER.match(line.partition("]")[2].lstrip())]
        is_of_users = 2 * len(by_users) >= len(said)
        return 2 * len(form) > len(lines) and is_of_users and not form[0].startswith(OF_A_VIDEO)

    def records(self, source: Source) -> Iterator[Record]:
        """Yield the lines; what only the file's name tells is taken from there first."""
        named = FILE_NAME.match(source.path.name.split(".")[0])
        if named is not None:
            self._channel = named["channel"]
        self._clock = LogClock(self.spec, source.path, self.notes)
        lines = source.head().decode("utf-8", "replace").split("\n")
        has_beginning = any(BEGINS.match(line) for line in lines)
        self._is_timeless = has_beginning and not any(LINE.match(line) for line in lines)
        if self._is_timeless:
            self.notes.append("The log was written without times.")
        return source.lines()

    def parse(self, raw: bytes) -> Parsed:
        """Return what a line is."""
        line = raw.decode("utf-8", "replace")
        begins = BEGINS.match(line)
        if begins is not None:
            return self._begin(begins)
        if self._is_timeless:
            return self._said(line, self._channel, None)
        parts = LINE.match(line)
        if parts is None:
            return Unreadable("not a Chatterino line: no [hh:mm:ss]")
        clock = clock_of(parts.groupdict())
        if clock is None:
            return Unreadable("no time that can be read: no such hour")
        at_us = self._clock.at(clock)
        if at_us is None:
            return Unreadable(NO_DAY)
        return self._said(parts["said"], parts["channel"] or self._channel, at_us)

    def _begin(self, begins: re.Match[str]) -> Ignored | Unreadable:
        day = date_of(begins[2], begins[3], begins[4])
        clock = timedelta(hours=int(begins[5]), minutes=int(begins[6]), seconds=int(begins[7]))
        if day is None or clock >= DAY:
            return Unreadable("no date that can be read")
        self._clock.begin(day, clock, begins[8].strip())
        return Ignored("beginnings and ends of logging")

    def _said(self, said: str, channel: str | None, at_us: int | None) -> Parsed:
        by_user = BY_USER.match(said)
        if by_user is None:
            return _system_line(said, channel, at_us)
        login, text = by_user["login"].lower(), by_user["text"]
        if login == "automod" and text.startswith(AUTOMODS):
            self._is_held = HELD.match(text) is not None
            return Ignored("AutoMod's own lines")
        if by_user["shown"] is None and (act := self._own_act(login, text)) is not None:
            return act._replace(channel=channel, at_us=at_us)
        is_held, self._is_held = self._is_held, False
        repeated = REPEATED.match(text) if is_held else None
        shown = by_user["shown"] or by_user["login"]
        if repeated is not None:
            return Comment(
                comment_id=None,
                channel=channel,
                user_id=login,
                user_name=repeated["shown"],
                sent_at_us=at_us,
                text=repeated["text"],
                is_held=True,
            )
        return Comment(
            comment_id=None, channel=channel, user_id=login, user_name=shown, sent_at_us=at_us, text=text
        )

    def _own_act(self, login: str, text: str) -> Act | None:
        """Return what a moderator did, where the line has it behind their login."""
        if not text.lower().startswith(f"{login} "):
            return None
        act = act_in_words(text, by=login)
        if act is None or act.kind is ActKind.DELETE:
            return act
        if text.endswith(" "):
            self._ends_in_space = True
        elif self._ends_in_space and act.kind is not ActKind.NO_LABEL:
            return act._replace(kind=ActKind.UNKNOWN)
        return act


def _is_line(line: str) -> bool:
    """Whether a line has the form of Chatterino's, which an IRC client's `[12:03] <nick>` has not."""
    found = LINE.match(line)
    return found is not None and not found["said"].startswith(("<", "* ", "*** ", "-!-", "@", ":"))


def _system_line(said: str, channel: str | None, at_us: int | None) -> Act | Ignored:
    """Return what a line without a login is: an act, or nothing of ours.

    Chatterino up to 2.5 writes a deletion as a line without a word, so that nobody knows of whom it was.
    """
    if not said.strip():
        return Act(ActKind.UNKNOWN, channel, at_us=at_us)
    act = act_in_words(said)
    return act._replace(channel=channel, at_us=at_us) if act is not None else Ignored("lines of the program")
