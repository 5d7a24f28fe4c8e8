"""The line logs of known programs, by their patterns: justlog and rustlog, TwitchDownloader, IRC clients.

What a pattern's groups mean is in `line_log.py`. Written from the sources of these programs: justlog's
server.go, rustlog's text_stream.rs, TwitchDownloader's ChatText.cs,
znc's log.cpp, The Lounge's userLog.js, and the manuals of irssi, WeeChat and HexChat. Chatty's are in `chatty.py`.
"""

from __future__ import annotations

from moderation_pipeline.comments.readers.line_log import LineLogReader, LineMeaning, LinePattern
from moderation_pipeline.comments.readers.log_clock import CLOCK
from moderation_pipeline.comments.record import ActKind

DATE = r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
TEXT = r"(?P<text>.*)"


def line_pattern(
    form: str, means: LineMeaning, kind: ActKind = ActKind.UNKNOWN, what: str = ""
) -> LinePattern:
    """Return the pattern of whole lines of that form."""
    return LinePattern(rf"(?:{form})\Z", means, kind, what or "lines of the program")


class JustlogTextReader(LineLogReader):
    """Reads what justlog and rustlog serve where neither `?raw` nor `?json` is asked for."""

    name = "justlog_text"
    describes = "justlog and rustlog plain text"
    hint = "Asked for with ?raw or ?json, they give ids, names as shown and moderators too."
    is_utc = True
    patterns = (
        # rustlog names the user of an act as if it were said by them: "x: x has been banned".
        line_pattern(
            rf"\[{DATE} {CLOCK}\] #(?P<channel>\S+) (?P<user_name>\w+): "
            rf"(?P<text>(?P=user_name) has been (?:banned|timed out for \d+ seconds))",
            LineMeaning.SYSTEM,
        ),
        line_pattern(rf"\[{DATE} {CLOCK}\] #(?P<channel>\S+) (?P<user_name>\w+): {TEXT}", LineMeaning.SAID),
        line_pattern(
            rf"\[{DATE} {CLOCK}\] #(?P<channel>\S+) {TEXT}",
            LineMeaning.SYSTEM,
            what="notices of subscriptions and the like",
        ),
    )


OF_A_SERVER = r"\[[^\]]*/(?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\]"
"""What a game's server writes before what it says: `[Server thread/INFO]: <Steve> hi`. It is nobody's name."""


class TwitchDownloaderTextReader(LineLogReader):
    """Reads TwitchDownloader's text: with times of UTC, or counted from the video's beginning."""

    name = "twitchdownloader_text"
    describes = "TwitchDownloader chat text"
    hint = "Saved as JSON it has ids, roles and times too."
    is_utc = True
    patterns = (
        line_pattern(rf"\[{DATE} {CLOCK} UTC\] (?P<user_name>[^\s:]+): {TEXT}", LineMeaning.SAID),
        line_pattern(
            # chat-downloader's oldest text has this form too, and YouTube's names have spaces.
            rf"\[(?P<elapsed>\d{{1,4}}:[0-5]\d:[0-5]\d)\] (?!{OF_A_SERVER})(?P<user_name>[^\s:][^:]{{0,99}}): {TEXT}",
            LineMeaning.SAID,
        ),
    )


SIGNS = r"(?P<signs>[ ~&@%+]{0,8})"
NICK = r"(?P<user_name>[^\s<>]+)"
SPELT = (
    r"[A-Z][a-z]{2},? (?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2})"
    r"(?: +(?P<hour>\d{1,2}):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?)? +(?P<year>\d{4})"
)
"""A day as C's ctime writes it, with its time or without."""

BEGINNINGS = "|".join(
    (
        *(r"--- (?:Log opened|Day changed)", r"\*{4} BEGIN LOGGING AT", "Session (?:Start|Time):"),
        r"# Log started:",
    )
)
BESIDES = "|".join(
    (
        *("--- Log closed", r"\*{4} ENDING LOGGING AT", "Session (?:Close|Ident|End):", "# Log "),
        r"\*{4} ",
    )
)
EVENTS = "|".join(
    (
        *(r"\*\*\*", "-!-", r"\*\t", r"\* \S+ \([^)]*\) ", r"\* \S+ (?:sets mode:|is now known as) "),
        r"\* (?:Now talking in|Topic is|Set by|Disconnected|Attempting to|Rejoined channel) ",
        *(r"-\S+- ", r"(?:JOIN|PART|MOD|UNMOD|BITS|VIEWERS): "),
    )
)
"""How mIRC, irssi, znc, The Lounge and Chatty begin a line that nobody said."""

COMINGS = (
    r"(?:\S+ (?:[(\[]\S+[)\]] )?(?:has )?(?:joined|left|quit)|(?:Joins|Parts|Quits): |\S+ is now known as) ?"
)
ACTS = (
    r"\b(?:[Kk]ick|[Bb]an(?:s|ned)?\b|[Qq]uiet|[Mm]ute|[Ss]ilence|[Tt]imed out|[Tt]imeout|[Kk]illed|[Ss]hun)"
)
"""Words of acts. An event with one of them, that is no coming or going and has no other form, may be on anybody."""


def _of_irc(when: str) -> tuple[LinePattern, ...]:
    """Return the patterns of IRC clients' lines that begin with one of their times."""
    return (
        line_pattern(rf"{when}<{SIGNS}{NICK}>[ \t]?{TEXT}", LineMeaning.SAID),
        line_pattern(
            rf"{when}(?:-!-|\*{{1,3}}) (?P<user>\S+) was kicked (?:from \S+ )?by \S+.*",
            LineMeaning.REMOVES,
            ActKind.SILENCE,
        ),
        line_pattern(
            rf"{when}\*\t\S+ has kicked (?P<user>\S+)(?: from \S+)?(?: .*)?",
            LineMeaning.REMOVES,
            ActKind.SILENCE,
        ),
        *_of_hexchats_modes(rf"{when}\*\t\S+ "),
        line_pattern(
            rf"{when}\* \S+ (?:\([^)]*\) )?kick (?P<user>\S+).*", LineMeaning.REMOVES, ActKind.SILENCE
        ),
        *_of_modes(rf"{when}(?:-!-|\*{{1,3}}) .*?(?:mode/\S+ \[|sets mode:? |sets modes on \S+: )"),
        line_pattern(rf"{when}BAN: (?P<many>.*)", LineMeaning.REMOVES, ActKind.BAN),
        line_pattern(rf"{when}DELETED: (?P<many>.*)", LineMeaning.REMOVES, ActKind.DELETE),
        line_pattern(rf"{when}MOD_ACTION: \S+ \((?P<done>.*)\)", LineMeaning.REMOVES),
        line_pattern(rf"{when}(?:\*\*\*|-!-|\*\t|-\S+-) ?+(?!{COMINGS}).*{ACTS}.*", LineMeaning.REMOVES),
        line_pattern(rf"{when}(?:{EVENTS}).*", LineMeaning.NOTHING, what="joins, parts, modes and notices"),
        line_pattern(rf"{when} ?\*[ \t]{SIGNS}{NICK} {TEXT}", LineMeaning.DID),
        line_pattern(rf"{when}{TEXT}", LineMeaning.SYSTEM),
    )


def _of_modes(begins: str) -> tuple[LinePattern, ...]:
    """Return the patterns of a mode that bans or quiets a mask, alone or among others."""
    return (
        line_pattern(rf"{begins}\+[bq] (?P<mask>[^\s\]]+).*", LineMeaning.REMOVES, ActKind.BAN),
        line_pattern(rf"{begins}-[bq] (?P<mask>[^\s\]]+).*", LineMeaning.REMOVES, ActKind.LIFT),
        line_pattern(rf"{begins}\+\w*[bq].*", LineMeaning.REMOVES, ActKind.UNKNOWN),
    )


def _of_hexchats_modes(begins: str) -> tuple[LinePattern, ...]:
    """Return the patterns of modes as HexChat words them."""
    return (
        line_pattern(rf"{begins}sets (?:ban|quiet) on (?P<mask>\S+).*", LineMeaning.REMOVES, ActKind.BAN),
        line_pattern(rf"{begins}removes (?:ban|quiet) on (?P<mask>\S+).*", LineMeaning.REMOVES, ActKind.LIFT),
        line_pattern(rf"{begins}sets mode:? -[bq] (?P<mask>\S+).*", LineMeaning.REMOVES, ActKind.LIFT),
        line_pattern(rf"{begins}sets mode:? \+[bq] (?P<mask>\S+).*", LineMeaning.REMOVES, ActKind.BAN),
    )


WEECHAT = rf"{DATE} {CLOCK}\t"


class IrcTextReader(LineLogReader):
    """Reads what IRC clients and bouncers keep: `[12:03] <nick> text` and its relatives."""

    name = "irc_text"
    describes = "text logs of mIRC, irssi, WeeChat, HexChat, znc and The Lounge"
    patterns = (
        line_pattern(rf"(?:{BEGINNINGS}) {SPELT}", LineMeaning.BEGINS),
        line_pattern(rf"(?:{BEGINNINGS}) {DATE}.*", LineMeaning.BEGINS),
        line_pattern(rf"(?:{BESIDES}).*", LineMeaning.NOTHING, what="beginnings and ends of logging"),
        line_pattern(rf"{WEECHAT}{SIGNS}(?P<user_name>[^\s\-<=*][^\s]*)\t{TEXT}", LineMeaning.SAID),
        line_pattern(rf"{WEECHAT} ?\*\t{SIGNS}{NICK} {TEXT}", LineMeaning.DID),
        line_pattern(
            rf"{WEECHAT}<--\t\S+ (?:\(\S*\) )?has kicked (?P<user>\S+).*",
            LineMeaning.REMOVES,
            ActKind.SILENCE,
        ),
        *_of_modes(rf"{WEECHAT}--\tMode \S+ \["),
        line_pattern(rf"{WEECHAT}(?:--|<--|=!=)\t(?!{COMINGS}).*{ACTS}.*", LineMeaning.REMOVES),
        line_pattern(rf"{WEECHAT}[^\t]*\t.*", LineMeaning.NOTHING, what="joins, parts, modes and notices"),
        *_of_irc(rf"\[{DATE}[T ]{CLOCK}\] ?"),
        *_of_irc(rf"\[{CLOCK}\] ?"),
        *_of_irc(rf"{DATE}[T ]{CLOCK} "),
        *_of_irc(rf"(?P<month>[A-Z][a-z]{{2}}) (?P<day>\d{{1,2}}) {CLOCK} "),
        *_of_irc(rf"{CLOCK} "),
    )
