"""Chatty's logs: IRC's form of lines, Twitch's ranks in signs of its own, and what moderators did.

Written from Chatty's ChatLog.java, LogWriter.java and User.java. What IRC clients write is `line_patterns.py`'s, what
Chatty's acts mean `acts/acts_of_chatty.py`'s.
"""

from __future__ import annotations

import re

from moderation_pipeline.comments.readers.line_log import Groups, LineLogReader, LineMeaning, LinePattern
from moderation_pipeline.comments.readers.line_patterns import DATE, TEXT, line_pattern
from moderation_pipeline.comments.readers.log_clock import CLOCK
from moderation_pipeline.comments.record import ActKind, Comment

SIGNS = r"(?P<signs>[~&@!%$+^]*)"
LOGIN = r"[A-Za-z0-9_]{1,25}"
BEGINS = re.compile(rb"(?:\A|\n)# Log started: \d{4}-|\] (?:MOD_ACTION: \w+ \(|VIEWERS: [\d,.]+\r?\n)")


def _lines(when: str) -> tuple[LinePattern, ...]:
    """Return the patterns of lines with one of the times that Chatty offers."""
    return (
        # A name in another script or with a space stands before the login.
        line_pattern(
            rf"{when}<{SIGNS}(?P<user_name>[^<>]+?) \((?P<user_id>{LOGIN})\)>\* {TEXT}", LineMeaning.DID
        ),
        line_pattern(
            rf"{when}<{SIGNS}(?P<user_name>[^<>]+?) \((?P<user_id>{LOGIN})\)> {TEXT}", LineMeaning.SAID
        ),
        line_pattern(rf"{when}<{SIGNS}(?P<user_name>[^<>]+)>\* {TEXT}", LineMeaning.DID),
        line_pattern(rf"{when}<{SIGNS}(?P<user_name>[^<>]+)> {TEXT}", LineMeaning.SAID),
        line_pattern(rf"{when}BAN: (?P<many>.*)", LineMeaning.REMOVES, ActKind.BAN),
        line_pattern(rf"{when}DELETED: (?P<many>.*)", LineMeaning.REMOVES, ActKind.DELETE),
        line_pattern(rf"{when}MOD_ACTION: \S+ \((?P<done>.*)\)", LineMeaning.REMOVES),
        line_pattern(rf"{when}MOD_ACTION: .*", LineMeaning.REMOVES),
        line_pattern(
            rf"{when}(?:JOIN|PART|MOD|UNMOD|BITS|VIEWERS): .*",
            LineMeaning.NOTHING,
            what="joins, parts, modes and counts",
        ),
        line_pattern(rf"{when}{TEXT}", LineMeaning.SYSTEM),
    )


class ChattyReader(LineLogReader):
    """Reads the log of a channel."""

    name = "chatty"
    describes = "Chatty logs"
    patterns = (
        line_pattern(
            rf"# Log started: {DATE}[T ]{CLOCK}(?: (?P<offset>[+-]\d\d:?\d\d))?.*", LineMeaning.BEGINS
        ),
        line_pattern(r"# Log .*|-", LineMeaning.NOTHING, what="beginnings and ends of logging"),
        *_lines(rf"\[{DATE}[T ]{CLOCK}\] ?"),
        *_lines(rf"\[{CLOCK}\] ?"),
    )

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether a line is one that only Chatty writes."""
        return BEGINS.search(head) is not None and super().recognises(head)

    def _comment(self, groups: Groups, at_us: int | None, *, is_me: bool) -> Comment:
        signs = set(groups.get("signs") or "")
        comment = super()._comment(groups, at_us, is_me=is_me)
        return comment._replace(
            user_id=(comment.user_id or "").lower() or None,
            is_moderator="@" in signs,
            is_broadcaster="~" in signs,
            is_subscriber="%" in signs,
        )
