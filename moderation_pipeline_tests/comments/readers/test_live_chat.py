from __future__ import annotations

import json

import pytest

from moderation_pipeline_tests.comments.lines import counts, is_conserved, read

START_US = 1_700_000_000_123_456


def replayed(*actions: dict[str, object]) -> str:
    return json.dumps({"replayChatItemAction": {"actions": list(actions), "videoOffsetTimeMsec": "1000"}})


def said(
    item_id: str,
    *runs: object,
    second: int = 0,
    user: str = "UCann",
    kind: str = "TextMessage",
    **more: object,
) -> dict[str, object]:
    pieces = [{"text": run} if isinstance(run, str) else run for run in runs]
    renderer = {
        "message": {"runs": pieces},
        "authorName": {"simpleText": user.removeprefix("UC").capitalize()},
        "id": item_id,
        "timestampUsec": str(START_US + second * 1_000_000),
        "authorExternalChannelId": user,
        **more,
    }
    return {"addChatItemAction": {"item": {f"liveChat{kind}Renderer": renderer}}}


def removed(item_id: str | None, words: str) -> dict[str, object]:
    target = {"targetItemId": item_id} if item_id is not None else {}
    state = {"runs": [{"text": words}]}
    return {"markChatItemAsDeletedAction": {"deletedStateMessage": state, **target}}


TICKER: dict[str, object] = {"addLiveChatTickerItemAction": {"item": {}, "durationSec": "120"}}
BANNED: dict[str, object] = {"markChatItemsByAuthorAsDeletedAction": {"externalChannelId": "UCann"}}
LINES = [
    replayed(said("a", "hi ")),
    replayed(removed("a", "[message deleted]")),
    replayed(BANNED),
    replayed(TICKER),
]


def labels(*lines: str) -> list[str | None]:
    return read(list(lines)).comments["label_action"].to_list()


def test_messages_paid_messages_and_emoji_are_comments() -> None:
    party = {"emoji": {"emojiId": "X", "shortcuts": [":party:", ":p:"]}}
    lines = [
        replayed(said("a", "hi ", party)),
        replayed(said("b", "nice", second=2, user="UCbob", kind="PaidMessage")),
        replayed(said("c", party, second=3), TICKER),
        replayed(said("d", second=4, kind="PaidSticker")),
    ]
    ingested = read(lines)
    assert ingested.ingestion["format"].item() == "live_chat"
    assert ingested.comments.select("user_id", "user_name", "text", "is_emote_only").rows() == [
        ("UCann", "Ann", "hi :party:", False),
        ("UCbob", "Bob", "nice", False),
        ("UCann", "Ann", ":party:", True),
    ]
    assert ingested.comments["sent_at"][0].microsecond == 123_456
    assert counts(ingested)["records"] == 5
    assert ingested.ignored == {
        "addLiveChatTickerItemActions": 1,
        "liveChatPaidStickerRenderers without words": 1,
    }


def test_ranks_are_read_from_badges() -> None:
    badge = {"liveChatAuthorBadgeRenderer": {"icon": {"iconType": "MODERATOR"}}}
    member: dict[str, object] = {"liveChatAuthorBadgeRenderer": {"customThumbnail": {}}}
    row = read([replayed(said("a", "hi", authorBadges=[badge, member]))]).comments.row(0, named=True)
    assert (row["is_moderator"], row["is_subscriber"], row["is_broadcaster"]) == (True, True, False)


@pytest.mark.parametrize(
    ("words", "label", "events"),
    [
        ("[message deleted]", "delete", 2),
        ("[message retracted]", "allow", 1),
        ("[Nachricht entfernt]", None, 2),
    ],
)
def test_a_message_that_is_gone_was_taken_away_by_a_moderator_its_author_or_nobody_knows_whom(
    words: str, label: str | None, events: int
) -> None:
    ban: dict[str, object] = {"markChatItemsByAuthorAsDeletedAction": {"externalChannelId": "UCeve"}}
    ingested = read(
        [
            replayed(said("a", "hm")),
            replayed(said("b", "worse", second=1, user="UCeve")),
            replayed(removed("a", words)),
            replayed(ban),
        ]
    )
    assert ingested.comments["label_action"].to_list() == [label, "ban"]
    assert counts(ingested)["moderation_events"] == events


def test_a_live_chat_without_the_replays_wrapping_is_read_too() -> None:
    assert labels(json.dumps(said("a", "hi")), json.dumps(BANNED)) == ["ban"]


def test_a_removal_of_nothing_leaves_all_unlabelled() -> None:
    ban: dict[str, object] = {"markChatItemsByAuthorAsDeletedAction": {"externalChannelId": "UCeve"}}
    lines = [
        said("a", "hi"),
        said("b", "bad", second=1, user="UCeve"),
        ban,
        removed(None, "[message deleted]"),
    ]
    ingested = read([replayed(line) for line in lines])
    assert ingested.comments["label_action"].to_list() == [None, "ban"]
    assert counts(ingested)["rejected"] == 1
    assert is_conserved(ingested)
