"""yt-dlp's `live_chat.json`: what YouTube itself says of a live chat, replayed or live, one action a line.

Written from YouTube's renderers as yt-dlp keeps them. A message is shown once more in a ticker, a banner or
a poll; that is no second comment. YouTube says in words who took a message away, in the language of whoever
downloaded: in any but English nobody knows whether its author did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson

from moderation_pipeline.comments.json_values import (
    JsonObject,
    object_at,
    objects_at,
    parsed_object,
    text_at,
    words_at,
)
from moderation_pipeline.comments.readers.chat_downloader import BY_A_MODERATOR, TAKEN_BACK
from moderation_pipeline.comments.readers.json_head import JsonHead
from moderation_pipeline.comments.readers.reader import LogReader
from moderation_pipeline.comments.record import Act, ActKind, Comment, Ignored, Parsed, Unreadable
from moderation_pipeline.comments.source import Record, Source
from moderation_pipeline.comments.times import us_from_microseconds

REPLAYED = "replayChatItemAction"
ADDED = ("addChatItemAction", "replaceChatItemAction")
REMOVED = ("markChatItemAsDeletedAction", "removeChatItemAction")
OF_AN_AUTHOR = ("markChatItemsByAuthorAsDeletedAction", "removeChatItemByAuthorAction")
WITH_WORDS = frozenset(
    {"liveChatTextMessageRenderer", "liveChatPaidMessageRenderer", "liveChatMembershipItemRenderer"}
)
ACTIONS = frozenset((REPLAYED, *ADDED, *REMOVED, *OF_AN_AUTHOR, "addLiveChatTickerItemAction"))


class LiveChatReader(LogReader):
    """Reads a chat action by action."""

    name = "live_chat"
    describes = "yt-dlp live_chat.json"

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether the first lines are actions of YouTube's chat."""
        looked = JsonHead.of(head)
        return looked.is_lines and bool(ACTIONS & looked.record_keys)

    def records(self, source: Source) -> Iterator[Record]:
        """Yield the actions; a line that holds several gives each."""
        for record in source.lines():
            actions = _actions(record)
            if len(actions) < 2:
                yield record
                continue
            for action in actions:
                yield Record(record.line_number, orjson.dumps(action))

    def parse(self, raw: bytes) -> Parsed:
        """Return what an action is."""
        line = parsed_object(raw)
        if isinstance(line, Unreadable):
            return line
        action = next(iter(objects_at(object_at(line, REPLAYED), "actions")), line)
        name = next((key for key in action if key in ACTIONS or key.endswith(("Action", "Command"))), None)
        if name is None:
            return (
                Ignored("lines without an action") if REPLAYED in line else Unreadable("no action of a chat")
            )
        details = object_at(action, name)
        if name in ADDED:
            return _added(object_at(details, "item") or object_at(details, "replacementItem"))
        if name in REMOVED:
            return _removed(details)
        if name in OF_AN_AUTHOR:
            return _author_removed(details)
        return Ignored(f"{name[:60]}s")


def _actions(record: Record) -> Sequence[JsonObject]:
    if record.damage is not None or record.raw.count(b"Action") < 3:
        return ()
    line = parsed_object(record.raw)
    return () if isinstance(line, Unreadable) else objects_at(object_at(line, REPLAYED), "actions")


def _added(item: JsonObject) -> Parsed:
    kind = next(iter(item), None)
    if kind is None:
        return Unreadable("an added item that is not there (item)")
    renderer = object_at(item, kind)
    text = _words(object_at(renderer, "message"))
    if kind not in WITH_WORDS or not text:
        return Ignored(f"{kind[:60]}s without words")
    stamp = text_at(renderer, "timestampUsec") or ""
    is_number = stamp.isascii() and stamp.isdecimal() and len(stamp) < 18
    sent_at_us = us_from_microseconds(int(stamp)) if is_number else None
    if sent_at_us is None:
        return Unreadable("no time that can be read (timestampUsec)")
    name = _words(object_at(renderer, "authorName"))
    badges = _badges(renderer)
    runs = objects_at(object_at(renderer, "message"), "runs")
    return Comment(
        comment_id=text_at(renderer, "id"),
        channel=None,
        user_id=text_at(renderer, "authorExternalChannelId") or name or None,
        user_name=name or None,
        sent_at_us=sent_at_us,
        text=text,
        is_moderator="moderator" in badges,
        is_broadcaster="owner" in badges,
        is_subscriber="member" in badges,
        is_emote_only=all("emoji" in run or not (words_at(run, "text") or "").strip() for run in runs),
    )


def _words(value: JsonObject) -> str:
    """Return a text of YouTube's: plain, or pieces of which some are emoji."""
    plain = words_at(value, "simpleText")
    if plain is not None:
        return plain
    return "".join(_piece(run) for run in objects_at(value, "runs"))


def _piece(run: JsonObject) -> str:
    """Return a piece's text; an emoji is its shortcut, as it was typed, else what it is called."""
    emoji = object_at(run, "emoji")
    if not emoji:
        return words_at(run, "text") or ""
    shortcuts = emoji.get("shortcuts")
    first = shortcuts[0] if isinstance(shortcuts, list) and shortcuts else None
    return first if isinstance(first, str) else text_at(emoji, "emojiId") or ""


def _badges(renderer: JsonObject) -> set[str]:
    """Return the author's ranks; a member's badge is a picture instead of an icon."""
    badges = set()
    for badge in objects_at(renderer, "authorBadges"):
        inside = object_at(badge, "liveChatAuthorBadgeRenderer")
        icon = text_at(object_at(inside, "icon"), "iconType")
        badges.add(icon.lower() if icon is not None else "member" if "customThumbnail" in inside else "")
    return badges


def _removed(details: JsonObject) -> Parsed:
    """Return who took a message away: its author, a moderator, or somebody of whom nobody says who."""
    target, said = text_at(details, "targetItemId"), _words(object_at(details, "deletedStateMessage"))
    if said == TAKEN_BACK:
        return Ignored("messages that their authors took back")
    kind = ActKind.DELETE if said == BY_A_MODERATOR and target is not None else ActKind.UNKNOWN
    act = Act(kind, comment_id=target)
    return act if target is not None else Unreadable("a deleted message without its id (targetItemId)", act)


def _author_removed(details: JsonObject) -> Act | Unreadable:
    user = text_at(details, "externalChannelId")
    if user is None:
        return Unreadable("a ban without the user's id (externalChannelId)", Act(ActKind.UNKNOWN))
    return Act(ActKind.BAN, user_id=user)
