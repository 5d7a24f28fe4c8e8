"""What one raw line of Twitch IRC means.

Written from Twitch's IRC reference and the sources of justlog and rustlog. Files of such lines are read by
`irc.py`, the same lines inside JSON by `justlog.py`.
"""

from __future__ import annotations

import re

from moderation_pipeline.comments.record import Act, ActKind, Comment, Ignored, Parsed, Unreadable
from moderation_pipeline.comments.times import us_from_ms

Tags = dict[str, str]

IGNORED_COMMANDS = frozenset(
    (
        *("CAP", "GLOBALUSERSTATE", "HOSTTARGET", "JOIN", "NICK", "NOTICE", "PART", "PASS", "PING", "PONG"),
        *("QUIT", "RECONNECT", "ROOMSTATE", "USERSTATE", "WHISPER"),
    )
)
"""Commands that say nothing about a comment of the channel; a whisper is private, and no channel's."""

NO_TIME = "no time that can be read (tmi-sent-ts)"
ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
ESCAPED = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}


def parse_irc(line: str) -> Parsed:
    """Return what a raw IRC line is; a line that is no IRC, or has no time where it must, is Unreadable."""
    tags: Tags = {}
    rest = line
    if line.startswith("@"):
        tag_text, _, rest = line.partition(" ")
        tags = parse_tags(tag_text[1:])
    nick = ""
    if rest.startswith(":"):
        prefix, _, rest = rest[1:].partition(" ")
        nick = prefix.partition("!")[0]
    command, _, parameters = rest.partition(" ")
    if command == "PRIVMSG":
        return _comment(tags, nick, parameters)
    if command == "CLEARCHAT":
        return _clear_chat(tags, parameters)
    if command == "CLEARMSG":
        return _clear_message(tags, parameters)
    if command == "USERNOTICE":
        return _notice(tags, parameters)
    if command in IGNORED_COMMANDS or (len(command) == 3 and command.isdigit()):
        return Ignored.IGNORED
    return Unreadable("not a line of Twitch IRC: no command that it knows")


def parse_tags(text: str) -> Tags:
    """Return the tags still escaped; only values that are used are unescaped."""
    # One split instead of one per tag: half the time of a line. A value may hold "=", which shows in the
    # count and takes the slow way.
    if text.count("=") == text.count(";") + 1:
        parts = text.replace("=", ";").split(";")
        return dict(zip(parts[::2], parts[1::2], strict=True))
    return {key: value for key, _, value in (tag.partition("=") for tag in text.split(";"))}


def unescape(value: str) -> str:
    r"""Undo tag escapes: `\s \: \\ \r \n`; any other escaped character is itself, a last `\` is nothing."""
    if "\\" not in value:
        return value
    return ESCAPE.sub(lambda match: ESCAPED.get(match[1], match[1]), value)


def is_emotes_alone(text: str, emotes: str) -> bool:
    """Whether everything but spaces is emotes. Offsets count code points; ones out of range are nothing."""
    words = text.split()
    if emotes.count("-") < len(words):
        # An emote is a word, so fewer emotes than words leave some; most lines end here.
        return False
    covered = 0
    for emote in emotes.split("/"):
        for span in emote.partition(":")[2].split(","):
            first, _, last = span.partition("-")
            if first.isdecimal() and last.isdecimal() and len(first) < 6 and len(last) < 6:
                covered += len("".join(text[int(first) : int(last) + 1].split()))
    return covered > 0 and covered >= sum(map(len, words))


def _comment(tags: Tags, nick: str, parameters: str) -> Comment | Unreadable:
    channel, _, text = parameters.partition(" ")
    if not channel.startswith("#"):
        return Unreadable("a message without a channel")
    sent_at_us = us_from_ms(tags.get("tmi-sent-ts", ""))
    if sent_at_us is None:
        return Unreadable(NO_TIME)
    text = text[1:] if text.startswith(":") else text
    is_me = text.startswith("\x01ACTION ")
    if is_me:
        # Emote offsets count from the words of a /me, not from its wrapping.
        text = text[8:].removesuffix("\x01")
    get = tags.get
    badges = get("badges", "")
    emotes = get("emotes", "")
    user_id = get("user-id") or nick or None
    comment_id = get("id") or None
    source_id = get("source-id") or None
    return Comment(
        comment_id,
        channel[1:],
        user_id,
        unescape(get("display-name", "")) or nick or None,
        sent_at_us,
        text,
        get("mod") == "1" or "moderator/" in badges,
        "broadcaster/" in badges or (user_id is not None and user_id == get("room-id")),
        get("subscriber") == "1",
        get("first-msg") == "1",
        is_me,
        bool(emotes) and is_emotes_alone(text, emotes),
        get("reply-parent-msg-id") or None,
        source_id if source_id != comment_id else None,
    )


def _notice(tags: Tags, parameters: str) -> Parsed:
    """Return a subscription's, announcement's or raid's own words as a comment; without words it is none."""
    _, _, text = parameters.partition(" ")
    if text.removeprefix(":").strip() == "":
        return Ignored.IGNORED
    return _comment(tags, unescape(tags.get("login", "")), parameters)


def _clear_chat(tags: Tags, parameters: str) -> Act | Unreadable:
    channel, _, target = parameters.partition(" ")
    at_us = us_from_ms(tags.get("tmi-sent-ts", ""))
    if at_us is None:
        return Unreadable(NO_TIME)
    user_name = target.removeprefix(":") or None
    user_id = tags.get("target-user-id") or None
    if user_id is None and user_name is None:
        return Act(ActKind.NO_LABEL, channel[1:], at_us=at_us)
    kind = ActKind.TIMEOUT if tags.get("ban-duration") else ActKind.BAN
    return Act(kind, channel.removeprefix("#"), user_id, user_name, None, at_us)


def _clear_message(tags: Tags, parameters: str) -> Act | Unreadable:
    channel = parameters.partition(" ")[0].removeprefix("#")
    target = tags.get("target-msg-id")
    if not target:
        return Unreadable("a deleted message without its id (target-msg-id)")
    at_us = us_from_ms(tags.get("tmi-sent-ts", ""))
    if at_us is None:
        return Unreadable(NO_TIME)
    return Act(ActKind.DELETE, channel, None, tags.get("login") or None, target, at_us)
