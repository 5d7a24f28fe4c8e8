"""chat-downloader's text: what it prints, or writes into a .txt.

Written from its custom_formats.json. Its JSON and CSV are read by `chat_downloader.py`.
"""

from __future__ import annotations

import re

from moderation_pipeline.comments.log_spec import LogSpec
from moderation_pipeline.comments.readers.line_log import LineLogReader, LineMeaning, LinePattern
from moderation_pipeline.comments.readers.line_patterns import DATE, TEXT, line_pattern
from moderation_pipeline.comments.readers.log_clock import CLOCK
from moderation_pipeline.comments.record import ActKind, Comment, Decided, Parsed

BADGES = r"(?:\((?P<badges>(?:[^()]|\([^()]*\))*)\) )?(?:\*[^*]*\* )?"
"""A member's badge has brackets of its own: (Member (6 months), Moderator)."""

ELAPSED = r"(?P<elapsed>-?(?:\d{1,4}:[0-5]\d|\d{1,3}):[0-5]\d)"


def _of_chat_downloader(time: str) -> tuple[LinePattern, ...]:
    """Return the patterns of chat-downloader's lines with one of its times."""
    acts = r"(?P<text>\S+ was (?:timed out for \d+ seconds|permanently banned)\.)"
    return (
        line_pattern(rf"{time} \| {acts}", LineMeaning.SYSTEM),
        # YouTube's deletions have nothing but these words, so that nobody knows of whom they are.
        line_pattern(rf"{time} \| ?(?:\[[^\]:]*\])?", LineMeaning.REMOVES),
        line_pattern(rf"{time} \| {BADGES}(?P<user_name>[^:|]+): {TEXT}", LineMeaning.SAID),
        line_pattern(rf"{time} \| [^:]*", LineMeaning.NOTHING, what="lines without words of a user"),
    )


LOGIN = re.compile(r"[a-z0-9_]{1,25}")
TEXTS_REMEMBERED = 65_536


class ChatDownloaderTextReader(LineLogReader):
    """Reads what chat-downloader prints, or writes into a .txt.

    It writes a deletion on Twitch as the deleted line over again, with the login for a name and without badges. Who
    says something twice may write the same, so that such a line is kept, and what its user wrote is left unlabelled.
    """

    name = "chat_downloader_text"
    describes = "chat-downloader text"
    hint = "Written as .json or .jsonl it has ids and what moderators did too."
    is_name_a_login = False
    patterns = (
        *_of_chat_downloader(ELAPSED),
        *_of_chat_downloader(rf"{DATE} {CLOCK}"),
        *_of_chat_downloader(r"(?P<hour>\d{1,2}):(?P<minute>[0-5]\d) (?P<half>[AaPp])[Mm]"),
        line_pattern(r"Room state \| .*", LineMeaning.NOTHING, what="settings of the room"),
    )

    def __init__(self, spec: LogSpec | None = None) -> None:
        super().__init__(spec)
        self._written: dict[tuple[str, str], None] = {}
        self._is_said = False

    def _of_pattern(self, pattern: LinePattern, found: re.Match[str]) -> Parsed:
        parsed = super()._of_pattern(pattern, found)
        if type(parsed) is not Comment or found.groupdict().get("elapsed") is not None:
            return parsed
        name = parsed.user_name or ""
        if LOGIN.fullmatch(name.lower()) is None:
            return parsed
        comment = parsed._replace(user_id=name.lower())
        is_as_before = (name.lower(), parsed.text) in self._written
        self._remember(name.lower(), parsed.text)
        if not is_as_before or found["badges"] or name != name.lower():
            return comment
        self._say()
        return Decided(comment, ActKind.UNKNOWN)

    def _remember(self, name: str, text: str) -> None:
        self._written[name, text] = None
        if len(self._written) > TEXTS_REMEMBERED:
            del self._written[next(iter(self._written))]

    def _say(self) -> None:
        if not self._is_said:
            self.notes.append(
                "A line that is written twice by one user may be a deletion, which chat-downloader's text shows so: "
                f"what its user wrote shortly before is left unlabelled. {self.hint}"
            )
        self._is_said = True
