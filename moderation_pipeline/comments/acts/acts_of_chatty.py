"""What moderators did, as Chatty logs it: several users in a line, and what each moderator did, with its words.

Written from Chatty's ChatLog.java and what its moderator actions are called (those of PubSub and of EventSub).
The lines around it are `readers/chatty.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from moderation_pipeline.comments.record import Act, ActKind, Acts

LOGIN = r"[A-Za-z0-9_]{1,25}"
BANNED = re.compile(rf"(?P<user>{LOGIN})(?: \((?P<seconds>\d+)s\))?(?: |, |\Z)")
NEXT_DELETED = re.compile(rf"\), (?={LOGIN} \()")
DELETED = re.compile(rf"(?P<user>{LOGIN}) \((?P<said>.*?)\)?", re.DOTALL)
DONE = re.compile(rf"(?P<what>\w+)(?: (?P<user>{LOGIN}))?(?: (?P<rest>.*))?", re.DOTALL)
MESSAGE_ID = re.compile(r" [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")

ON_A_USER: Mapping[str, ActKind] = {
    "timeout": ActKind.TIMEOUT,
    "ban": ActKind.BAN,
    "delete": ActKind.DELETE,
    "warn": ActKind.WARN,
    "unban": ActKind.LIFT,
    "untimeout": ActKind.LIFT,
    "approve_unban_request": ActKind.OVERTURN,
}
NO_LABEL = re.compile(
    r"(?:slow|followers|subscribers|emoteonly|emote_only|r9kbeta|uniquechat|shield_mode\w*)(?:off)?|"
    r"(?:un)?(?:mod|vip|raid|host)|deny_unban_request|acknowledge_warning|"
    r"(?:add|remove)_(?:permitted|blocked)_term|modified_automod_properties|\w*automod\w*"
)
"""What moderators do that says nothing about a line which is in the log; AutoMod's held lines are not."""


def acts_listed(kind: ActKind, listed: str, at_us: int | None) -> Act | Acts:
    """Return the acts of a line of bans or deletions; one that is in no known form may be on anybody.

    A ban has its seconds and a reason behind it, a deletion the words that were deleted, and either may have commas
    and brackets in it.
    """
    acts = _deletions(listed, at_us) if kind is ActKind.DELETE else _bans(kind, listed, at_us)
    return Acts(acts) if acts else Act(ActKind.UNKNOWN, at_us=at_us)


def _deletions(listed: str, at_us: int | None) -> tuple[Act, ...]:
    found = [DELETED.fullmatch(each) for each in NEXT_DELETED.split(listed)]
    return tuple(
        _act(ActKind.DELETE, each["user"], at_us, quoted=each["said"])
        if each is not None
        else _unknown(at_us)
        for each in found
    )


def _bans(kind: ActKind, listed: str, at_us: int | None) -> tuple[Act, ...]:
    acts, at = [], 0
    while (found := BANNED.match(listed, at)) is not None:
        acts.append(_act(ActKind.TIMEOUT if found["seconds"] else kind, found["user"], at_us))
        at = _after_reason(listed, found.end())
    # What is left over may name somebody all the same.
    return (*acts, _unknown(at_us)) if acts and at < len(listed) else tuple(acts)


def _after_reason(listed: str, at: int) -> int:
    """Return where the next user begins behind a `[reason]` and a `{age of the account}`, if they are there."""
    for opened, closed in (("[", "]"), ("{", "}")):
        if listed.startswith(opened, at):
            end = listed.find(closed, at)
            at = end + 1 if end >= 0 else at
            at += listed.startswith(" ", at)
    return at + 2 if listed.startswith(", ", at) else at


def act_of_moderator(done: str, at_us: int | None) -> Act:
    """Return what a moderator did: `timeout ann 600 reason`. What is not understood may be on anybody."""
    found = DONE.fullmatch(done)
    what = found["what"].removeprefix("shared_chat_") if found is not None else ""
    kind = ON_A_USER.get(what)
    if found is None or (kind is not None and found["user"] is None):
        return _unknown(at_us)
    if kind is not None:
        said = MESSAGE_ID.sub("", found["rest"] or "") if kind is ActKind.DELETE else None
        return _act(kind, found["user"], at_us, quoted=said)
    if what == "clear":
        return Act(ActKind.CLEAR, at_us=at_us)
    return Act(ActKind.NO_LABEL if NO_LABEL.fullmatch(what) else ActKind.UNKNOWN, at_us=at_us)


def _act(kind: ActKind, user: str, at_us: int | None, quoted: str | None = None) -> Act:
    return Act(kind, user_id=user.lower(), user_name=user, at_us=at_us, quoted=quoted)


def _unknown(at_us: int | None) -> Act:
    return Act(ActKind.UNKNOWN, at_us=at_us)
