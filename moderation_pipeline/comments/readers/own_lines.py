"""Logs of any program, read by a pattern of their owner's: `[{time:%H:%M:%S}] <{user_name}> {text}`.

The pattern is said with `--line`, or as `line:` in `<file>.log.yaml`. Days, zones and the rest are as in other logs
of lines (`line_log.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from moderation_pipeline.comments.log_spec import LogSpec, LogSpecError
from moderation_pipeline.comments.readers.line_log import LineLogReader, LineMeaning, LinePattern
from moderation_pipeline.comments.readers.log_clock import CLOCK
from moderation_pipeline.errors import closest

FIELDS = {
    "text": r"(?P<text>{any}*)",
    "user_name": r"(?P<user_name>{any}+)",
    "user_id": r"(?P<user_id>{any}+)",
    "channel": r"(?P<channel>{any}+)",
    "badges": r"(?P<badges>{any}*)",
    "signs": r"(?P<signs>[~&@%+ ]?)",
    "ignore": r"(?:{any}*)",
}
"""What a field of a pattern may be, beside `time`; `ignore` is what is of no use, and may stand several times.

`any` is a character at which what stands behind the field does not begin: a field ends where that first stands, so
that no line, however long and hostile, takes longer to read than it has characters.
"""

DIRECTIVES = {
    "%Y": r"(?P<year>\d{4})",
    "%y": r"(?P<year>\d\d)",
    "%m": r"(?P<month>\d{1,2})",
    "%b": r"(?P<month>[A-Za-z]{3,9})",
    "%B": r"(?P<month>[A-Za-z]{3,9})",
    "%d": r"(?P<day>\d{1,2})",
    "%H": r"(?P<hour>\d{1,2})",
    "%I": r"(?P<hour>\d{1,2})",
    "%M": r"(?P<minute>[0-5]\d)",
    "%S": r"(?P<second>[0-5]\d)",
    "%f": r"(?P<fraction>\d{1,6})",
    "%p": r"(?P<half>[AaPp])\.?[Mm]\.?",
    "%z": r"(?P<offset>Z|UTC|[+-]\d\d:?\d\d)",
    "%%": "%",
}
"""The parts of a time, spelt as `date` and strftime spell them."""

EXAMPLE = "[{time:%Y-%m-%d %H:%M:%S}] <{user_name}> {text}"
FIELD = re.compile(r"\{(\w+)(?::([^{}]*))?\}")


class LinePatternError(LogSpecError):
    """A pattern of one's own that can't be understood: what is wrong with it, and what one looks like."""

    def __init__(self, pattern: str, why: str) -> None:
        super().__init__(
            f"The pattern {pattern!r} {why}. A pattern names what is where in a line: {EXAMPLE}. Fields are time, "
            f"{', '.join(FIELDS)}; a time's parts are {', '.join(DIRECTIVES)}."
        )


class OwnLinesReader(LineLogReader):
    """Reads the lines that fit the owner's pattern; the others are rejected, and counted."""

    name = "lines"
    describes = "lines by a pattern of one's own: --line '[{time:%H:%M}] <{user_name}> {text}'"

    def __init__(self, spec: LogSpec | None = None) -> None:
        super().__init__(spec)
        if self.spec.line is None:
            raise LogSpecError(f"The format {self.name} needs a pattern: --line '{EXAMPLE}'.")
        self.patterns = (LinePattern(compiled(self.spec.line).pattern, LineMeaning.SAID),)  # type: ignore[misc]

    @classmethod
    def recognises(cls, head: bytes) -> bool:  # noqa: ARG003
        """No file says by itself that a pattern of its owner's is meant."""
        return False


def compiled(pattern: str) -> re.Pattern[str]:
    """Return the form of lines that a pattern describes.

    Raises:
        LinePatternError: it names no text, or an unknown or doubled field, or has a brace too many.
    """
    form, at, seen = "", 0, set[str]()
    fields = list(FIELD.finditer(pattern))
    for number, field in enumerate(fields):
        form += _literal(pattern, pattern[at : field.start()])
        name, at = field[1], field.end()
        if name in seen and name != "ignore":
            raise LinePatternError(pattern, f"names {name!r} twice")
        seen.add(name)
        form += _time(pattern, field[2]) if name == "time" else _field(pattern, name, field[2])
        form = form.replace("{any}", _any(pattern, fields[number : number + 2]))
    if "text" not in seen:
        raise LinePatternError(pattern, "says nowhere where the {text} is")
    return re.compile(form + _literal(pattern, pattern[at:]) + r"\s*\Z", re.DOTALL)


def _any(pattern: str, fields: Sequence[re.Match[str]]) -> str:
    """Return what a character of the first field may be; the last field of a line holds whatever is left."""
    if len(fields) == 1 or fields[0][1] in ("time", "signs"):
        return "."
    field, following = fields
    literal = _literal(pattern, pattern[field.end() : following.start()])
    if not literal:
        raise LinePatternError(pattern, f"has nothing between {field[1]!r} and {following[1]!r} to part them")
    return f"(?:(?!{literal}).)"


def _literal(pattern: str, text: str) -> str:
    if "{" in text or "}" in text:
        raise LinePatternError(pattern, f"has a brace that begins or ends no field, in {text!r}")
    return re.escape(text)


def _field(pattern: str, name: str, written: str | None) -> str:
    if name not in FIELDS:
        raise LinePatternError(pattern, f"names an unknown field {name!r}.{closest(name, ['time', *FIELDS])}")
    if written is not None:
        raise LinePatternError(
            pattern, f"says {written!r} of {name!r}, and only a time is written in several ways"
        )
    return FIELDS[name]


def _time(pattern: str, written: str | None) -> str:
    if not written:
        return CLOCK
    form = ""
    for part in re.findall(r"%.|[^%]+|%", written):
        if part.startswith("%") and part not in DIRECTIVES:
            raise LinePatternError(pattern, f"has {part!r} in its time, which is no part of one")
        form += DIRECTIVES[part] if part.startswith("%") else re.escape(part)
    if "%I" in written and "%p" not in written:
        raise LinePatternError(pattern, "has %I in its time, an hour up to 12, without %p (AM or PM)")
    try:
        re.compile(form)
    except re.error:
        raise LinePatternError(pattern, "names a part of the time twice") from None
    return form
