"""Twitch EventSub notifications, one a line or an array: a bot's own log of what Twitch told it.

All shapes are read: the WebSocket's (`metadata`, `payload`), the webhook's body (`subscription`, `event`)
and events alone, as libraries hand them over, whose topic is told by what they hold. Written from Twitch's
EventSub reference. What the acts label is in `comments/acts/moderators.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from moderation_pipeline.comments.json_records import array_records
from moderation_pipeline.comments.json_values import (
    JsonObject,
    object_at,
    objects_at,
    parsed_object,
    text_at,
    words_at,
)
from moderation_pipeline.comments.log_spec import LogSpec
from moderation_pipeline.comments.readers.json_head import JsonHead
from moderation_pipeline.comments.readers.reader import LogReader
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
from moderation_pipeline.comments.source import Record, Source
from moderation_pipeline.comments.times import us_from_iso

ON_A_USER: Mapping[str, ActKind] = {
    "ban": ActKind.BAN,
    "timeout": ActKind.TIMEOUT,
    "warn": ActKind.WARN,
    "shared_chat_ban": ActKind.BAN,
    "shared_chat_timeout": ActKind.TIMEOUT,
    "unban": ActKind.LIFT,
    "untimeout": ActKind.LIFT,
    "shared_chat_unban": ActKind.LIFT,
    "shared_chat_untimeout": ActKind.LIFT,
}
OF_A_USER: Mapping[str, ActKind] = {
    "channel.unban": ActKind.LIFT,
    "channel.warning.send": ActKind.WARN,
    "channel.suspicious_user.update": ActKind.UNKNOWN,
    "an event of a moderator": ActKind.UNKNOWN,
}
"""Topics that name their user and say no more about what was done; the last is of events without a topic."""

ABOUT_NOBODY = frozenset(
    (
        *("emoteonly", "emoteonlyoff", "followers", "followersoff", "uniquechat", "uniquechatoff", "slow"),
        *("slowoff", "subscribers", "subscribersoff", "raid", "unraid", "mod", "unmod", "vip", "unvip"),
        *("add_blocked_term", "add_permitted_term", "remove_blocked_term", "remove_permitted_term"),
        "deny_unban_request",
    )
)
"""Acts of `channel.moderate` that say nothing about a comment. What is not known here is not understood."""

DECISIONS: Mapping[str, ActKind] = {"approved": ActKind.APPROVE, "denied": ActKind.DELETE}
ON_A_COMMENT = ("delete", "shared_chat_delete")
SHAPES = (
    frozenset(("metadata", "payload")),
    frozenset(("subscription", "event")),
    frozenset(("broadcaster_user_id", "chatter_user_id", "message")),
    frozenset(("broadcaster_user_id", "message_id", "target_user_id")),
    frozenset(("broadcaster_user_id", "moderator_user_id")),
)
"""What one record, or several together, hold under their own names."""

BARE: Sequence[tuple[frozenset[str], str]] = (
    (frozenset(("chatter_user_id", "message", "notice_type")), "channel.chat.notification"),
    (frozenset(("chatter_user_id", "message", "message_id")), "channel.chat.message"),
    (frozenset(("target_user_id", "message_id")), "channel.chat.message_delete"),
    (frozenset(("target_user_id",)), "channel.chat.clear_user_messages"),
    (frozenset(("action", "moderator_user_id")), "channel.moderate"),
    (frozenset(("is_permanent", "banned_at")), "channel.ban"),
    (frozenset(("chat_rules_cited", "moderator_user_id")), "channel.warning.send"),
    (frozenset(("low_trust_status", "moderator_user_id")), "channel.suspicious_user.update"),
    (frozenset(("status", "held_at", "message_id", "moderator_user_id")), "automod.message.update"),
    (frozenset(("held_at", "message_id")), "automod.message.hold"),
    (frozenset(("resolution_text", "status")), "channel.unban_request.resolve"),
    (frozenset(("moderator_user_id", "user_id")), "an event of a moderator"),
)
"""Events without their envelope: what only that topic's hold, the most particular first."""

NO_NOTIFICATION = "no EventSub notification"
TIMES_IN_EVENTS = ("held_at", "banned_at", "resolved_at")


class EventSubReader(LogReader):
    """Reads notifications. It remembers what AutoMod held, to know a decision about it from a new line."""

    name = "eventsub"
    describes = "EventSub notifications, as lines or an array of JSON"

    def __init__(self, spec: LogSpec | None = None) -> None:
        super().__init__(spec)
        self._held: set[str] = set()

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether the first records are notifications of any shape."""
        looked = JsonHead.of(head)
        return (looked.is_lines or looked.is_array) and any(keys <= looked.record_keys for keys in SHAPES)

    def records(self, source: Source) -> Iterator[Record]:
        """Yield lines, or the elements of the array."""
        return source.lines() if JsonHead.of(source.head()).is_lines else array_records(source, [])

    def parse(self, raw: bytes) -> Parsed:
        """Return what a notification is. Sessions' welcomes and keepalives, and other topics, are ignored."""
        record = parsed_object(raw)
        if isinstance(record, Unreadable):
            return record
        metadata = object_at(record, "metadata")
        payload = object_at(record, "payload") or record
        event = object_at(payload, "event")
        topic = text_at(object_at(payload, "subscription"), "type") or text_at(metadata, "subscription_type")
        if not event and not metadata and (topic is None) and (bare := _topic_of(record)) is not None:
            event, topic = record, bare
        if not event or topic is None:
            return Ignored("sessions and keepalives") if metadata or topic else Unreadable(NO_NOTIFICATION)
        stamp = _stamp(record, metadata, event)
        at_us = us_from_iso(stamp) if stamp is not None else None
        if stamp is not None and at_us is None:
            return Unreadable("no time that can be read (message_timestamp)")
        return self._of_topic(topic, event, at_us)

    def _of_topic(self, topic: str, event: JsonObject, at_us: int | None) -> Parsed:
        match topic:
            case "channel.chat.message":
                return _message(event, at_us)
            case "channel.chat.notification":
                return _notification(event, at_us)
            case "automod.message.hold":
                return self._hold(event, at_us)
            case "automod.message.update":
                return self._decided(event, at_us)
        return _act_of_topic(topic, event, at_us) or Ignored(f"{topic[:60]} notifications")

    def _hold(self, event: JsonObject, at_us: int | None) -> Parsed:
        """Return the held message as a comment: it was written, and somebody has to decide about it."""
        held = _held_message(event, at_us)
        if type(held) is Comment and held.comment_id is not None:
            self._held.add(held.comment_id)
        return held

    def _decided(self, event: JsonObject, at_us: int | None) -> Parsed:
        """Return a moderator's decision about a held message. One that expired was decided by nobody.

        The decision repeats the message; where the log begins after the hold, it is the comment as well.
        """
        message_id = text_at(event, "message_id")
        if message_id is None:
            return Unreadable("a decision about a held message without its id (message_id)")
        status = (text_at(event, "status") or "").lower()
        kind = DECISIONS.get(status, ActKind.NO_LABEL)
        if message_id not in self._held:
            self._held.add(message_id)
            held = _held_message(event, at_us)
            return held if isinstance(held, Unreadable) else Decided(held, kind)
        return Act(
            kind=kind,
            channel=_channel(event),
            user_id=None,
            user_name=None,
            comment_id=message_id,
            at_us=at_us,
        )


def _topic_of(event: JsonObject) -> str | None:
    """Return the topic of an event that came without its envelope."""
    if "broadcaster_user_id" not in event:
        return None
    return next((topic for keys, topic in BARE if keys <= event.keys()), None)


def _stamp(record: JsonObject, metadata: JsonObject, event: JsonObject) -> str | None:
    """Return the time as it is written: the envelope's, else the event's own, else what a logger added."""
    headers = {key.lower(): value for key, value in object_at(record, "headers").items()}
    written = (
        text_at(metadata, "message_timestamp"),
        text_at(headers, "twitch-eventsub-message-timestamp"),
        text_at(record, "message_timestamp"),
        text_at(record, "timestamp"),
        *(text_at(event, key) for key in TIMES_IN_EVENTS),
    )
    return next((stamp for stamp in written if stamp is not None), None)


def _channel(event: JsonObject) -> str | None:
    return text_at(event, "broadcaster_user_login") or text_at(event, "broadcaster_user_id")


def _message(event: JsonObject, at_us: int | None) -> Parsed:
    """Return a chat message."""
    message = object_at(event, "message")
    text = words_at(message, "text")
    if text is None:
        return Unreadable("no text (message.text)")
    text, is_me = me_line(text)
    user_id = text_at(event, "chatter_user_id")
    badges = {text_at(badge, "set_id") for badge in objects_at(event, "badges")}
    comment_id = text_at(event, "message_id")
    source_id = text_at(event, "source_message_id")
    return Comment(
        comment_id=comment_id,
        channel=_channel(event),
        user_id=user_id or text_at(event, "chatter_user_login"),
        user_name=text_at(event, "chatter_user_name") or text_at(event, "chatter_user_login"),
        sent_at_us=at_us,
        text=text,
        is_moderator=bool(badges & {"moderator", "lead_moderator"}),
        is_broadcaster="broadcaster" in badges
        or (user_id is not None and user_id == text_at(event, "broadcaster_user_id")),
        is_subscriber=bool(badges & {"subscriber", "founder"}),
        is_first_message=text_at(event, "message_type") == "user_intro",
        is_me=is_me,
        is_emote_only=_is_emotes_alone(message),
        reply_to=text_at(object_at(event, "reply"), "parent_message_id"),
        shared_from=source_id if source_id != comment_id else None,
    )


def _notification(event: JsonObject, at_us: int | None) -> Parsed:
    """Return a subscription's or announcement's own words; without words it is no comment."""
    if not (words_at(object_at(event, "message"), "text") or "").strip():
        return Ignored()
    return _message(event, at_us)


def _held_message(event: JsonObject, at_us: int | None) -> Comment | Unreadable:
    message = object_at(event, "message")
    # Version 1 has the text itself where version 2 has an object.
    text = words_at(message, "text") or words_at(event, "message")
    if text is None:
        return Unreadable("a held message without text (message.text)")
    return Comment(
        comment_id=text_at(event, "message_id"),
        channel=_channel(event),
        user_id=text_at(event, "user_id") or text_at(event, "user_login"),
        user_name=text_at(event, "user_name") or text_at(event, "user_login"),
        sent_at_us=at_us,
        text=text,
        is_emote_only=_is_emotes_alone(message),
        is_held=True,
    )


def _act_of_topic(topic: str, event: JsonObject, at_us: int | None) -> Parsed | None:
    """Return the act that a topic tells of; None where it tells of none."""
    match topic:
        case "channel.moderate":
            return _moderated(event, at_us)
        case "channel.unban_request.resolve":
            approved = (text_at(event, "status") or "").lower() == "approved"
            return _act(ActKind.OVERTURN if approved else ActKind.NO_LABEL, event, event, at_us)
        case "channel.ban":
            kind = ActKind.BAN if event.get("is_permanent") is not False else ActKind.TIMEOUT
            return _act(kind, event, event, at_us)
        case "channel.chat.message_delete":
            return _deleted(event, _target(event), at_us)
        case "channel.chat.clear_user_messages":
            # Of a timeout or a ban, which of the two is said elsewhere.
            return _act(ActKind.SILENCE, event, _target(event), at_us)
        case "channel.chat.clear":
            return Act(ActKind.CLEAR, _channel(event), at_us=at_us)
    kind_of_user = OF_A_USER.get(topic)
    return _act(kind_of_user, event, event, at_us) if kind_of_user is not None else None


def _moderated(event: JsonObject, at_us: int | None) -> Parsed:
    """Return what `channel.moderate` says: the act's own details lie under the act's name."""
    action = text_at(event, "action")
    if action is None:
        act = Act(ActKind.UNKNOWN, _channel(event), at_us=at_us)
        return Unreadable("a moderator's act that doesn't say what it is (action)", act)
    if action in ON_A_USER:
        return _act(ON_A_USER[action], event, object_at(event, action), at_us)
    if action in ON_A_COMMENT:
        return _deleted(event, object_at(event, action), at_us)
    if action == "approve_unban_request":
        return _act(ActKind.OVERTURN, event, object_at(event, "unban_request"), at_us)
    if action == "clear":
        return Act(ActKind.CLEAR, _channel(event), at_us=at_us)
    if action in ABOUT_NOBODY:
        return Act(ActKind.NO_LABEL, _channel(event), at_us=at_us)
    return _not_understood(event, object_at(event, action), at_us)


def _not_understood(event: JsonObject, details: JsonObject, at_us: int | None) -> Act:
    """Return an act of a kind that Twitch has made since: about whom it is may still be told."""
    return Act(
        kind=ActKind.UNKNOWN,
        channel=_channel(event),
        user_id=text_at(details, "user_id"),
        user_name=text_at(details, "user_name") or text_at(details, "user_login"),
        comment_id=text_at(details, "message_id"),
        at_us=at_us,
    )


def _target(event: JsonObject) -> JsonObject:
    """Return the details of an event of the chat, which says of its user `target_user_id` and so on."""
    return {key.removeprefix("target_"): value for key, value in event.items()}


def _act(kind: ActKind, event: JsonObject, details: JsonObject, at_us: int | None) -> Act | Unreadable:
    user_id = text_at(details, "user_id")
    user_name = text_at(details, "user_name") or text_at(details, "user_login")
    if user_id is None and user_name is None:
        reason = f"a moderator's act ({kind}) that doesn't say on whom (user_id)"
        return Unreadable(reason, Act(ActKind.UNKNOWN, _channel(event), at_us=at_us))
    return Act(
        kind=kind, channel=_channel(event), user_id=user_id, user_name=user_name, comment_id=None, at_us=at_us
    )


def _deleted(event: JsonObject, details: JsonObject, at_us: int | None) -> Act | Unreadable:
    message_id = text_at(details, "message_id")
    user_id = text_at(details, "user_id")
    act = Act(
        kind=ActKind.DELETE,
        channel=_channel(event),
        user_id=user_id,
        user_name=None,
        comment_id=message_id,
        at_us=at_us,
    )
    if message_id is None:
        act = act._replace(kind=ActKind.UNKNOWN)
        return Unreadable("a deleted message without its id (message_id)", act)
    return act


def _is_emotes_alone(message: JsonObject) -> bool:
    fragments = objects_at(message, "fragments")
    kinds = {
        text_at(fragment, "type") for fragment in fragments if (words_at(fragment, "text") or "").strip()
    }
    return kinds == {"emote"}
