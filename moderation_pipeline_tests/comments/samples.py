"""A real-looking file of every format of logs, made up: chatter, ranks, replies, and what moderators did.

They are what byte mutations are made of, in the suite and in `benchmarks/fuzz_readers.py`. Their words are
written here, their shapes are those of the programs.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping

from moderation_pipeline_tests.comments.lines import cleared, deleted, said
from moderation_pipeline_tests.comments.readers import (
    test_chat_downloader,
    test_chatty,
    test_line_patterns,
    test_live_chat,
)
from moderation_pipeline_tests.comments.readers.messengers import (
    test_discord,
    test_slack,
    test_telegram,
    test_whatsapp,
)
from moderation_pipeline_tests.comments.readers.twitch import (
    test_eventsub,
    test_gql_comments,
    test_justlog,
    test_twitchdownloader,
)

IRC = (
    *(said("good evening", second=0), said("you there: hi", user="bob", second=1)),
    *(cleared("bob", second=2, duration_s=600), deleted("ann-0", second=3)),
    *("@room-id=1 :tmi.twitch.tv ROOMSTATE #room", said("\x01ACTION waves\x01", user="cy", second=4)),
)
CHATTERINO = (
    "# Start logging at 2023-11-14 19:30:00 CET",
    "[20:00:00] joined channel",
    "[20:00:01] ann: good evening",
    "[20:00:02] 名無し nanashi: hi: there",
    "[20:00:05] amy: amy timed out ann for 10m: be kind ",
    "[20:00:06] amy: amy deleted message from nanashi saying: hi: there",
    "[9:05:07.123 PM] bob: late",
    "# Stop logging at 2023-11-14 23:59:59 CET",
)
EVENTSUB = (
    test_eventsub.message("hi"),
    test_eventsub.moderated("ban", test_eventsub.ANN, second=3),
    test_eventsub.held("a", "x", second=1),
    test_eventsub.notification("channel.chat.clear_user_messages", {"target_user_id": "u-ann"}, second=4),
)
CHAT_DOWNLOADER = (test_chat_downloader.item("a", "hi"), test_chat_downloader.item("b", "ho", second=1))

SAMPLES: Mapping[str, bytes] = {
    "irc": "\n".join(IRC).encode(),
    "irc, stamped": "\n".join(f"[2023-11-14 22:13:20] {line}" for line in IRC).encode(),
    "chatterino": "\n".join(CHATTERINO).encode(),
    "eventsub": "\n".join(EVENTSUB).encode(),
    "eventsub, an array": json.dumps([json.loads(line) for line in EVENTSUB], indent=1).encode(),
    "eventsub, bare": json.dumps(test_eventsub.events(EVENTSUB[0], EVENTSUB[3])).encode(),
    "justlog": json.dumps({"messages": [test_justlog.MESSAGE, test_justlog.BASIC]}).encode(),
    "justlog_text": "\n".join(test_line_patterns.JUSTLOG).encode(),
    "twitchdownloader": test_twitchdownloader.document(test_twitchdownloader.comment("a", "hi")),
    "twitchdownloader_text": "\n".join(test_line_patterns.TWITCHDOWNLOADER).encode(),
    "chat_downloader": test_chat_downloader.array(*CHAT_DOWNLOADER, test_chat_downloader.BANNED_EVE),
    "chat_downloader, CSV": test_chat_downloader.as_csv(*CHAT_DOWNLOADER, test_chat_downloader.BANNED_EVE),
    "chat_downloader_text": "\n".join(test_line_patterns.CHAT_DOWNLOADER).encode(),
    "chatty": "\n".join(test_chatty.LOG).encode(),
    "irc_text": "\n".join(test_line_patterns.IRSSI).encode(),
    "live_chat": "\n".join(test_live_chat.LINES).encode(),
    "discord": test_discord.document(test_discord.message("hi"), test_discord.message("ho", number=2)),
    "telegram": test_telegram.document(
        test_telegram.message(1, "hi"), test_telegram.message(2, ["ho ", {"type": "bold", "text": "ho"}])
    ),
    "slack": test_slack.day(test_slack.message(1, "hi"), test_slack.message(2, "<@U41> &amp;")),
    "whatsapp": test_whatsapp.IOS.encode(),
    "whatsapp, Android": test_whatsapp.ANDROID.encode(),
    "gql_comments": "\n".join(test_gql_comments.PAGES).encode(),
    "recent_messages": json.dumps({"messages": list(IRC[:4]), "error": None}, indent=1).encode(),
}
"""By the name of the format, and what is particular about the file."""


def mutations(sample: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Yield that many files, each the sample with some bytes changed, cut out, doubled or put elsewhere."""
    chance = random.Random(seed)
    for _ in range(count):
        raw = bytearray(sample)
        for _ in range(chance.randrange(1, 6)):
            _mutate(raw, chance)
        yield bytes(raw)


INTERESTING = (
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b"\n", b"\r\n", b"\0", b"\xff", b"\xf0\x9f", b"\\ud83d", b"NaN"),
    *(b"-1", b"9" * 20, b"1e999", b":", b" ", b"@", b"#", b"\xe2\x80\x8b", b"null", b"true", b"[[", b"{}"),
)


def _mutate(raw: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(raw) + 1)
    length = chance.randrange(1, 30)
    match chance.randrange(6):
        case 0:
            raw[at : at + 1] = bytes([chance.randrange(256)])
        case 1:
            del raw[at : at + length]
        case 2:
            raw[at:at] = raw[at : at + length]
        case 3:
            raw[at:at] = chance.choice(INTERESTING)
        case 4:
            other = chance.randrange(len(raw) + 1)
            raw[at : at + length] = raw[other : other + length]
        case _:
            del raw[at:]
