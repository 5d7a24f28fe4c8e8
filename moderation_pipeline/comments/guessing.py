"""Which of a table's columns are ours, where nobody says it: by their names, and always said aloud.

What may be said instead is in `columns.py`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from moderation_pipeline.comments.columns import (
    COLUMN_NAMES,
    ColumnsError,
    ColumnsSpec,
    columns_path,
)

ALIASES: Mapping[str, tuple[str, ...]] = {
    "text": (
        *("message", "body", "comment", "content", "msg", "tweet", "comment_text", "utterance", "prompt"),
        *("message_text", "message_content", "message_body", "full_text", "tweet_text", "comment_body"),
        *("nachricht", "kommentar", "mensaje", "comentario", "texto", "commentaire", "texte", "messaggio"),
        *("commento", "testo", "mensagem", "comentário", "bericht", "reactie", "tekst", "wiadomość"),
        "komentarz",
        *("сообщение", "комментарий", "текст", "mesaj", "yorum", "metin", "メッセージ", "コメント", "本文"),
        *("메시지", "댓글", "消息", "评论", "文本"),
    ),
    "comment_id": ("message_id", "msg_id", "id", "tweet_id"),
    "channel": (
        "subreddit",
        *("room", "match", "conversation_id", "thread_id", "chat", "channel_name", "room_name"),
        *("channel_login", "channel_id", "room_id", "chat_id"),
    ),
    "user_id": (
        *("author_id", "sender_id", "from_id", "chatter_user_id", "commenter_id", "author", "user"),
        *("user_login", "username", "speaker", "player", "sender", "nick", "nickname", "login", "from"),
        *("account_id", "account_acct", "benutzer", "nutzer", "absender", "autor", "usuario", "usuário"),
        *("utilisateur", "auteur", "utente", "autore", "gebruiker", "użytkownik", "пользователь", "автор"),
        *("kullanıcı", "yazar", "ユーザー", "投稿者", "사용자", "用户", "作者"),
    ),
    "user_name": (
        *("display_name", "author_name", "username", "sender_name", "chatter_user_name", "commenter_name"),
        *(
            "author_display_name",
            "user_login",
            "author_username",
            "author_login",
            "login",
            "nick",
            "nickname",
        ),
        *("account_acct", "account_username", "account_display_name"),
        *("user_display_name", "sender_username", "sender_login", "author", "user", "sender", "from"),
    ),
    "sent_at": (
        *(
            "timestamp",
            "created_at",
            "datetime",
            "time",
            "date",
            "tmi_sent_ts",
            "timestamp_ms",
            "created_utc",
            "ts",
        ),
        *("zeit", "zeitpunkt", "hora", "heure", "время", "tijd", "czas", "zaman", "時刻", "시간", "일시"),
        *("zeitstempel", "datum", "fecha", "horodatage", "дата", "tarih", "日時", "时间"),
        *("date_time", "created", "posted_at"),
    ),
    "reply_to": (
        *("in_reply_to", "parent_id", "reply_parent_msg_id", "reply_to_id", "in_reply_to_id"),
        *("reply_to_message_id", "reference_message_id", "in_reply_to_status_id"),
    ),
    "is_moderator": ("mod", "is_mod", "moderator", "author_is_moderator"),
    "is_subscriber": ("subscriber", "is_sub", "author_is_subscriber"),
    "is_first_message": ("first_msg", "first_message"),
}
"""Names that others give to what we know. No label is guessed: a wrong truth is worse than none."""


class Guessed(NamedTuple):
    """Columns that were guessed, ours by theirs, and what is to be said about it."""

    spec: ColumnsSpec
    guessed: frozenset[str]
    notes: list[str]


NEVER_GUESSED = ("cluster",)
"""A table may call anything so, a topic or a group of a few, and intervals would take all its rows as one."""


def guessed_columns(names: Sequence[str], path: Path, about: ColumnsSpec | None = None) -> Guessed:
    """Return the columns that go by our names, and a guess at the others; `about` is what is said of the table.

    In a name, case and `-`, `_`, `.` and space make no difference.

    Raises:
        ColumnsError: nothing looks like the text.
    """
    known = {name: name for name in COLUMN_NAMES if name in names and name not in NEVER_GUESSED}
    guessed: dict[str, str] = {}
    plain = {_plain(name): name for name in reversed(names)}
    for ours, aliases in ALIASES.items():
        theirs = [plain[key] for each in (ours, *aliases) if (key := _plain(each)) in plain]
        taken = {*known.values(), *guessed.values()}
        if ours not in known and (free := [name for name in theirs if name not in taken]):
            guessed[ours] = free[0]
    if "text" not in known and "text" not in guessed:
        raise NoTextColumnError(path, names)
    said = about.model_dump(exclude_defaults=True) if about is not None else {}
    spec = ColumnsSpec.model_validate({**said, **known, **guessed})
    notes = [f"The column {theirs!r} was taken as {ours}." for ours, theirs in guessed.items()]
    return Guessed(spec, frozenset(guessed), notes)


MISSED = ("user_id", "user_name", "sent_at", "channel", "comment_id")
"""Without these the ladder knows no user, and rows stand in no order: whoever says the text alone may not mean that."""


def not_said(spec: ColumnsSpec, unread: Sequence[str]) -> dict[str, str]:
    """Return, ours to theirs, which columns that weren't read would have been guessed had the text not been said."""
    said = {ours for ours, _ in spec.columns()}
    is_ordered = spec.shuffle_seed is not None or bool(spec.order_by)
    plain = {_plain(name): name for name in reversed(unread)}
    found: dict[str, str] = {}
    for ours in MISSED:
        if ours in said or (ours == "sent_at" and is_ordered):
            continue
        theirs = (plain[key] for each in (ours, *ALIASES[ours]) if (key := _plain(each)) in plain)
        if (first := next((each for each in theirs if each not in found.values()), None)) is not None:
            found[ours] = first
    return found


def looks_like_the_text(name: str) -> bool:
    """Whether a column of that name would be taken as the text."""
    return _plain(name) in TEXTS


LIKE_LABELS = re.compile(
    r"label|class$|toxi|insult|threat|obscen|profan|hate|hatred|offens|abus|harass|spam|identity_?attack|violation"
    r"|banned|deleted|removed|flag|moderated|aggress|cyberbull|racis|sexis|misogyn|sever|nsfw"
    r"|etiqueta|étiquette|urteil|beleidig|odio|ódio|haine|метка|токсич"
)


def looks_like_a_label(name: str) -> bool:
    """Whether a column of that name may hold a label or a score. None is guessed, for a wrong truth is worse."""
    return LIKE_LABELS.search(name.lower()) is not None


def _plain(name: str) -> str:
    return re.sub(r"[-_. ]+", "", unicodedata.normalize("NFC", name)).lower()


TEXTS = frozenset(_plain(name) for name in ("text", *ALIASES["text"]))


class NoTextColumnError(ColumnsError):
    """A table none of whose columns looks like the text."""

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        super().__init__(
            f"{path} has no column that looks like the text of the comments. Its columns are: "
            f"{', '.join(names) or 'none'}. Say which it is: --column text=NAME, or 'text: NAME' in "
            f"{columns_path(path).name}.{_known_by(names)}"
        )


KNOWN_BY: Mapping[frozenset[str], str] = {
    frozenset({"content.body", "origin_server_ts"}): (
        "It seems to be Matrix's, as Element exports a room: --column text=content.body --column user_id=sender "
        "--column sent_at=origin_server_ts --column comment_id=event_id"
    ),
    frozenset({"record.text", "author.did"}): (
        "It seems to be Bluesky's: --column text=record.text --column user_id=author.did --column "
        "user_name=author.handle --column sent_at=record.createdAt --column comment_id=uri"
    ),
    frozenset({"event", "data"}): (
        "It seems to hold Kick's events as its websocket sends them: make each ChatMessageEvent's data a line of its "
        "own, and name --column text=content --column user_name=sender.username"
    ),
    **dict.fromkeys(
        (frozenset({"creator", "is_archived"}), frozenset({"team_id", "deleted"})),
        "It seems to be a list of channels or users beside Slack's days: move such files out of the folder, so that "
        "only the channels' folders are in it",
    ),
    frozenset({"items"}): (
        "Its records seem to lie deeper: --column 'records=items[]'; of YouTube's Data API, --column "
        "text=snippet.displayMessage --column user_id=authorDetails.channelId --column sent_at=snippet.publishedAt"
    ),
}
"""What tables with such columns, and none that looks like a text, seem to be, and how to have them read."""


def _known_by(names: Sequence[str]) -> str:
    return next((f" {hint}." for known, hint in KNOWN_BY.items() if known <= set(names)), "")
