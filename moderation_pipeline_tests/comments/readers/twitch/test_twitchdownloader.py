from __future__ import annotations

import gzip
import json

from moderation_pipeline_tests.comments.lines import counts, is_conserved, read


def comment(comment_id: str, body: str, **message: object) -> dict[str, object]:
    return {
        "_id": comment_id,
        "created_at": "2023-11-14T22:13:20.123Z",
        "channel_id": "22",
        "content_type": "video",
        "content_id": "1",
        "content_offset_seconds": 12.5,
        "commenter": {"display_name": "Ann", "_id": "7", "name": "ann", "bio": None, "logo": "https://x"},
        "message": {
            "body": body,
            "bits_spent": 0,
            "fragments": [{"text": body, "emoticon": None}],
            "user_badges": [],
            "user_color": "#FF0000",
            "emoticons": [],
            **message,
        },
    }


def document(*comments: object) -> bytes:
    """A file of version 1.4, the emotes' images behind the comments."""
    return json.dumps(
        {
            "FileInfo": {
                "Version": {"Major": 1, "Minor": 4, "Patch": 0},
                "CreatedAt": "2024-01-01T00:00:00Z",
            },
            "streamer": {"name": "Room", "login": "room", "id": 22},
            "video": {"title": 'a "comments": [{ in a title', "id": "1", "length": 100.0},
            "comments": list(comments),
            "embeddedData": {"thirdParty": [{"id": "x", "data": "AAAA" * 100}], "firstParty": []},
        }
    ).encode()


def test_a_video_s_chat_is_read() -> None:
    badges = [{"_id": "moderator", "version": "1"}, {"_id": "subscriber", "version": "3"}]
    ingested = read(
        document(comment("a", "hi [there]", user_badges=badges), comment("b", "ho", is_action=True))
    )
    assert ingested.ingestion["format"].item() == "twitchdownloader"
    row = ingested.comments.row(0, named=True)
    expected = {
        "comment_id": "a",
        "channel": "room",
        "user_id": "7",
        "user_name": "Ann",
        "text": "hi [there]",
        "is_moderator": True,
        "is_subscriber": True,
        "is_broadcaster": False,
        "label_action": None,
    }
    assert {key: row[key] for key in expected} == expected
    assert row["sent_at"].isoformat() == "2023-11-14T22:13:20.123000+00:00"
    assert ingested.comments["is_me"].to_list() == [False, True]


def test_emotes_alone_are_known_by_fragments() -> None:
    emote = {"text": "Kappa", "emoticon": {"emoticon_id": "25"}}
    alone = comment("a", "Kappa Kappa", fragments=[emote, {"text": " ", "emoticon": None}, emote])
    mixed = comment("b", "Kappa hi", fragments=[emote, {"text": " hi", "emoticon": None}])
    assert read(document(alone, mixed)).comments["is_emote_only"].to_list() == [True, False]


def test_a_notice_without_words_is_ignored() -> None:
    silent = comment("a", "", user_notice_params={"msg_id": "sub"})
    assert counts(read(document(silent, comment("b", "hi"))))["ignored"] == 1


def test_a_download_that_broke_off_gives_what_there_is() -> None:
    whole = document(comment("a", "one"), comment("b", "two"), comment("c", "three"))
    for raw in (whole[: whole.index(b'"three"')], gzip.compress(whole)[:-60]):
        ingested = read(raw)
        assert ingested.comments["comment_id"].to_list()[:1] == ["a"]
        assert counts(ingested)["rejected"] == 1
        assert is_conserved(ingested)


def test_a_comment_of_a_deleted_account_has_no_user() -> None:
    broken = comment("a", "hi")
    broken["commenter"] = None
    row = read(document(broken)).comments.row(0, named=True)
    assert (row["user_id"], row["user_name"]) == (None, None)


def test_a_comment_whose_time_can_t_be_read_is_rejected() -> None:
    broken = comment("a", "hi")
    broken["created_at"] = "12:13"
    assert counts(read(document(broken, comment("b", "ho"))))["rejected"] == 1
