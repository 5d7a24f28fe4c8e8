"""A raw Twitch IRC log as justlog stores it, made up: chatter, emotes, raids' copypasta, and moderators.

Its shape is a real log's (tags, their order, escapes, 62 % of lines repeating another's text), its words are
written here. The same seed writes the same bytes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CHANNEL, ROOM = "thelongrun", "40020001"
START_MS = 1_700_000_000_000
EMOTES = {
    "Kappa": "25",
    "LUL": "425618",
    "PogChamp": "305954156",
    "NotLikeThis": "58765",
    "KEKW": "emotesv2_a1",
}
GREETINGS = ("hi", "hello", "hey chat", "o7", "gg", "lol", "LMAO", "nice", "W", "what", "true", "no way", "F")
QUESTIONS = ("what rank is this", "when is the next stream", "is this ranked", "which keyboard is that")
OPENINGS = (
    "i think",
    "honestly",
    "imagine",
    "chat",
    "bro",
    "ok but",
    "last time",
    "you know",
    "to be fair",
    "wait",
)
MIDDLES = (
    *(
        "that boss was easier than",
        "the second phase beats",
        "he should buy",
        "nobody expected",
        "we all saw",
    ),
    *("this run is better than", "the music reminds me of", "someone clip", "my cat looks like", "i lost to"),
)
ENDINGS = (
    "the last one",
    "my whole weekend",
    "speedrun pace",
    "that jump",
    "chapter",
    "attempt",
    "level",
    "seed",
)
PASTA = "I was here when the run died and all I got was this lousy message PogChamp copy me"
ABUSE = (
    "you are trash uninstall",
    "shut up idiot nobody asked",
    "go cry about it loser",
    "worst streamer ever quit",
)
SPAM = (
    "buy followers at cheap-views .example",
    "free skins -> win-now.example/r/",
    "best viewers on bigboost.example",
)
TROLLS, SPAMMERS = (13, 7, 4, 2), (23, 11, 6, 8)
COLOURS = ("#FF69B4", "#1E90FF", "", "#9ACD32", "#8A2BE2")


class Viewer(NamedTuple):
    """Somebody who writes."""

    user_id: str
    login: str
    shown: str
    is_subscriber: bool
    is_moderator: bool
    kind: str


class Written(NamedTuple):
    """What a log holds, counted as it was written."""

    lines: int
    comments: int
    timeouts: int
    bans: int
    deletions: int
    ignored: int


def write_irc_log(path: Path, *, lines: int = 2_000, seed: int = 7, trouble: int = 1) -> Written:
    """Write a log of that many lines and return what is in it.

    Of its lines moderators act on 0.2 %, as in a real stream; `trouble` (up to 4) makes more of it.
    """
    counts = dict.fromkeys(("PRIVMSG", "timeout", "ban", "CLEARMSG", "ignored"), 0)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for number, (kind, line) in enumerate(irc_lines(seed, trouble)):
            if number == lines:
                break
            counts[kind] += 1
            file.write(line)
            file.write("\n")
    return Written(
        lines, counts["PRIVMSG"], counts["timeout"], counts["ban"], counts["CLEARMSG"], counts["ignored"]
    )


def irc_lines(seed: int, trouble: int = 1) -> Iterator[tuple[str, str]]:
    """Yield (kind, line) without end: a comment, then at times what a moderator made of one shortly before."""
    chance = random.Random(seed)
    viewers = _viewers(chance, trouble)
    now_ms, waiting = START_MS, list[tuple[int, str, str]]()
    recent: list[str] = list(GREETINGS)
    while True:
        now_ms += chance.randrange(20, 1_200)
        while waiting and waiting[0][0] <= now_ms:
            at_ms, kind, line = waiting.pop(0)
            yield kind, f"{line}".replace("@@TS@@", str(at_ms))
        viewer = viewers[min(int(chance.paretovariate(0.9)) - 1, len(viewers) - 1)]
        comment_id = _uuid(chance)
        if chance.random() < 0.002:
            yield "ignored", f"@emote-only=0;room-id={ROOM};slow=0 :tmi.twitch.tv ROOMSTATE #{CHANNEL}"
        if chance.random() < 0.004:
            yield _notice(chance, viewer, comment_id, now_ms)
            continue
        text = _said(chance, viewer, recent)
        yield "PRIVMSG", _message(chance, viewer, comment_id, now_ms, text)
        act = _act(chance, viewer, comment_id, text)
        if act is not None:
            waiting.append((now_ms + chance.randrange(2_000, 20_000), *act))
            waiting.sort()


def _viewers(chance: random.Random, trouble: int) -> list[Viewer]:
    viewers = []
    for number in range(4_000):
        login = f"{chance.choice(('tiny', 'mega', 'slow', 'neon'))}{chance.choice(('fox', 'crab', 'moth'))}{number}"
        # By rank, for the few who write most decide what a log is like.
        is_troll, is_spammer = number % 97 in TROLLS[:trouble], number % 150 in SPAMMERS[:trouble]
        kind = "troll" if is_troll else "spammer" if is_spammer else "chatter"
        shown = login.capitalize() if number % 40 else f"名無し{number}"
        viewers.append(
            Viewer(str(70_000_000 + number), login, shown, number % 3 == 0, number in (5, 17), kind)
        )
    return viewers


def _said(chance: random.Random, viewer: Viewer, recent: list[str]) -> str:
    draw = chance.random()
    if viewer.kind == "spammer" and draw < 0.5:
        return chance.choice(SPAM) + (str(chance.randrange(99)) if draw < 0.2 else "")
    if viewer.kind == "troll" and draw < 0.4:
        return chance.choice(ABUSE)
    if draw < 0.25:
        return " ".join(chance.choices(list(EMOTES), k=chance.randrange(1, 4)))
    if draw < 0.40:
        return chance.choice(GREETINGS)
    if draw < 0.56:
        # Said again, now and then with an invisible tag character to pass the duplicate filter.
        return chance.choice(recent) + (" \U000e0000" if draw < 0.43 else "")
    if draw < 0.58:
        return PASTA
    if draw < 0.61:
        return f"!{chance.choice(('uptime', 'song', 'discord', 'rank'))}"
    if draw < 0.64:
        return chance.choice(QUESTIONS)
    text = (
        f"{chance.choice(OPENINGS)} {chance.choice(MIDDLES)} {chance.choice(ENDINGS)} {chance.randrange(400)}"
    )
    recent.append(text)
    if len(recent) > 60:
        del recent[0]
    return text


def _message(chance: random.Random, viewer: Viewer, comment_id: str, at_ms: int, text: str) -> str:
    badges = "moderator/1" if viewer.is_moderator else "subscriber/12" if viewer.is_subscriber else ""
    said = f"\x01ACTION {text}\x01" if chance.random() < 0.002 else text
    return (
        f"@badge-info={'subscriber/14' if viewer.is_subscriber else ''};badges={badges};"
        f"client-nonce={chance.getrandbits(128):032x};color={chance.choice(COLOURS)};"
        f"display-name={viewer.shown};emotes={_emote_tag(text)};first-msg={int(chance.random() < 0.01)};flags=;"
        f"id={comment_id};mod={int(viewer.is_moderator)};returning-chatter=0;room-id={ROOM};"
        f"subscriber={int(viewer.is_subscriber)};tmi-sent-ts={at_ms};turbo=0;user-id={viewer.user_id};"
        f"user-type={'mod' if viewer.is_moderator else ''} "
        f":{viewer.login}!{viewer.login}@{viewer.login}.tmi.twitch.tv PRIVMSG #{CHANNEL} "
        f":{said}"
    )


def _emote_tag(text: str) -> str:
    spans: dict[str, list[str]] = {}
    at = 0
    for word in text.split(" "):
        if word in EMOTES:
            spans.setdefault(EMOTES[word], []).append(f"{at}-{at + len(word) - 1}")
        at += len(word) + 1
    return "/".join(f"{emote}:{','.join(places)}" for emote, places in spans.items())


def _notice(chance: random.Random, viewer: Viewer, comment_id: str, at_ms: int) -> tuple[str, str]:
    words = chance.random() < 0.5
    line = (
        f"@badge-info=subscriber/14;badges=subscriber/12;color=;display-name={viewer.shown};emotes=;flags=;"
        f"id={comment_id};login={viewer.login};mod=0;msg-id=resub;msg-param-cumulative-months=14;"
        f"room-id={ROOM};subscriber=1;system-msg={viewer.login}\\ssubscribed\\sfor\\s14\\smonths!;"
        f"tmi-sent-ts={at_ms};user-id={viewer.user_id};user-type= :tmi.twitch.tv USERNOTICE #{CHANNEL}"
    )
    return ("PRIVMSG", f"{line} :fourteen months already") if words else ("ignored", line)


def _act(chance: random.Random, viewer: Viewer, comment_id: str, text: str) -> tuple[str, str] | None:
    """Return (kind, line) of what a moderator does about a comment, most often nothing."""
    if text.startswith(SPAM) and chance.random() < 0.7:
        return "ban", (
            f"@room-id={ROOM};target-user-id={viewer.user_id};tmi-sent-ts=@@TS@@ "
            f":tmi.twitch.tv CLEARCHAT #{CHANNEL} :{viewer.login}"
        )
    if text in ABUSE and chance.random() < 0.8:
        if chance.random() < 0.3:
            return "CLEARMSG", (
                f"@login={viewer.login};room-id=;target-msg-id={comment_id};tmi-sent-ts=@@TS@@ "
                f":tmi.twitch.tv CLEARMSG #{CHANNEL} :{text}"
            )
        return "timeout", (
            f"@ban-duration={chance.choice((1, 60, 600))};room-id={ROOM};target-user-id={viewer.user_id};"
            f"tmi-sent-ts=@@TS@@ :tmi.twitch.tv CLEARCHAT #{CHANNEL} :{viewer.login}"
        )
    return None


def _uuid(chance: random.Random) -> str:
    digits = f"{chance.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
