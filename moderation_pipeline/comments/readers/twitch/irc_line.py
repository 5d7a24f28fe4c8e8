"""What one raw line of Twitch IRC means.

Written from Twitch's IRC reference and the sources of justlog and rustlog. Files of such lines are read by
`irc.py`, the same lines inside JSON by `justlog.py`.
"""

from __future__ import annotations

import re

from moderation_pipeline.comments.acts.acts_in_words import act_in_words
from moderation_pipeline.comments.record import (
    Act,
    ActKind,
    Comment,
    Decided,
    Ignored,
    Parsed,
    Unreadable,
    me_line,
)
from moderation_pipeline.comments.times import us_from_ms

Tags = dict[str, str]

IGNORED_COMMANDS = {
    command: Ignored(f"{command} lines")
    for command in (
        *("CAP", "GLOBALUSERSTATE", "HOSTTARGET", "JOIN", "NICK", "PART", "PASS", "PING", "PONG"),
        *("QUIT", "RECONNECT", "ROOMSTATE", "USERSTATE", "WHISPER"),
    )
}
"""Commands that say nothing about a comment of the channel; a whisper is private, and no channel's."""

NUMERIC = Ignored("numeric replies of the server")
NOTICE = Ignored("NOTICE lines")
WORDLESS = Ignored("USERNOTICE lines without a user's words")
NO_TIME = "no time that can be read (tmi-sent-ts)"
ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
ESCAPED = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}


def parse_irc(line: str, received_us: int | None = None) -> Parsed:
    """Return what a raw IRC line is; a line that is no IRC, or a comment without a time, is Unreadable.

    `received_us` is when a logger wrote the line: the time of one that has none itself.
    """
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
        return _comment(tags, nick, parameters, received_us)
    if command == "CLEARCHAT":
        return _clear_chat(tags, parameters, received_us)
    if command == "CLEARMSG":
        return _clear_message(tags, parameters, received_us)
    if command == "USERNOTICE":
        return _notice(tags, parameters, received_us)
    if command == "NOTICE":
        return _said_by_twitch(tags, parameters, received_us)
    if command in IGNORED_COMMANDS:
        return IGNORED_COMMANDS[command]
    if len(command) == 3 and command.isdigit():
        return NUMERIC
    is_act = "CLEARCHAT" in line or "CLEARMSG" in line
    reason = "not a line of Twitch IRC: no command that it knows"
    return Unreadable(reason, Act(ActKind.UNKNOWN, at_us=received_us) if is_act else None)


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


def _comment(
    tags: Tags, nick: str, parameters: str, received_us: int | None
) -> Comment | Decided | Unreadable:
    channel, _, text = parameters.partition(" ")
    if not channel.startswith("#"):
        return Unreadable("a message without a channel")
    sent_at_us = _time(tags, received_us)
    if sent_at_us is None:
        return Unreadable(NO_TIME)
    text = text[1:] if text.startswith(":") else text
    text, is_me = me_line(text)  # emote offsets count from the words of a /me, not from its wrapping
    get = tags.get
    badges = get("badges", "")
    emotes = get("emotes", "")
    user_id = get("user-id") or nick or None
    comment_id = get("id") or None
    source_id = get("source-id") or None
    comment = Comment(
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
    # The service of recent messages marks what was removed; by what act may be in the log or not.
    return Decided(comment, ActKind.REMOVED) if get("rm-deleted") == "1" else comment


def _time(tags: Tags, received_us: int | None) -> int | None:
    return (
        us_from_ms(tags.get("tmi-sent-ts", "")) or us_from_ms(tags.get("rm-received-ts", "")) or received_us
    )


def _notice(tags: Tags, parameters: str, received_us: int | None) -> Parsed:
    """Return a subscription's, announcement's or raid's own words as a comment; without words it is none."""
    _, _, text = parameters.partition(" ")
    if text.removeprefix(":").strip() == "":
        return WORDLESS
    return _comment(tags, unescape(tags.get("login", "")), parameters, received_us)


def _said_by_twitch(tags: Tags, parameters: str, received_us: int | None) -> Act | Ignored:
    """Return the act that a NOTICE tells of: what a moderator is answered, or a log's word for CLEARCHAT."""
    channel, _, text = parameters.partition(" ")
    if not tags.get("msg-id", "").startswith(NOTICES_OF_ACTS):
        return NOTICE
    act = act_in_words(text.removeprefix(":"))
    if act is None:
        return NOTICE
    return act._replace(channel=channel.removeprefix("#"), at_us=_time(tags, received_us))


NOTICES_OF_ACTS = ("rm-", "ban_success", "timeout_success", "unban_success", "untimeout_success")


def _clear_chat(tags: Tags, parameters: str, received_us: int | None) -> Act:
    """Return the act; the oldest logs have it without a time, so that only its line says when it was."""
    channel, _, target = parameters.partition(" ")
    act = Act(ActKind.CLEAR, channel.removeprefix("#") or None, at_us=_time(tags, received_us))
    user_name = target.removeprefix(":").strip() or None
    user_id = tags.get("target-user-id") or None
    if user_id is None and user_name is None:
        return act
    kind = ActKind.TIMEOUT if tags.get("ban-duration") else ActKind.BAN
    return act._replace(kind=kind, user_id=user_id, user_name=user_name)


def _clear_message(tags: Tags, parameters: str, received_us: int | None) -> Act | Unreadable:
    channel, _, quoted = parameters.partition(" ")
    act = Act(
        ActKind.DELETE,
        channel.removeprefix("#") or None,
        user_name=tags.get("login") or None,
        comment_id=tags.get("target-msg-id") or None,
        at_us=_time(tags, received_us),
        quoted=quoted.removeprefix(":") or None,
    )
    if act.comment_id is None and act.user_name is None:
        reason = "a deleted message without its id (target-msg-id) or its user (login)"
        return Unreadable(reason, act._replace(kind=ActKind.UNKNOWN))
    return act
