"""Chatty's logs, by lines in the forms of its source."""

from __future__ import annotations

import pytest

from moderation_pipeline.comments.ingest import Ingested
from moderation_pipeline_tests.comments.lines import counts, is_conserved, read

BEGUN = "# Log started: 2024-05-06 23:50:00 +0200"


LOG = [
    BEGUN,
    "[2024-05-06 23:58:05] <@%Judge> welcome",
    "[2024-05-06 23:58:06] <名無し (no_name)> hi",
    "[2024-05-06 23:58:07] <!Ann> buy (now), cheap",
    "[2024-05-06 23:58:08] DELETED: Ann (buy (now), cheap)",
    "[2024-05-06 23:58:09] <bob>* waves",
    "[2024-05-06 23:58:10] BAN: bob (600s) [rude, very]",
    "[2024-05-06 23:58:10] MOD_ACTION: judge (timeout bob 600 rude, very)",
    "[2024-05-06 23:58:11] VIEWERS: 1,234",
]


def chatty(*lines: str) -> Ingested:
    return read([BEGUN, *lines])


def labels(ingested: Ingested) -> dict[str, str | None]:
    return dict(ingested.comments.select("text", "label_action").rows())


def test_a_chatty_log_is_told_from_an_irc_clients() -> None:
    assert chatty("[2024-05-06 23:58:05] <ann> hi").ingestion["format"].item() == "chatty"
    assert read(["[2024-05-06 23:58:05] <ann> hi"]).ingestion["format"].item() == "irc_text"


def test_signs_before_a_name_are_twitchs_ranks_and_no_part_of_it() -> None:
    ingested = chatty(
        "[2024-05-06 23:58:05] <~$Boss> a",
        "[2024-05-06 23:58:06] <@%Judge> b",
        "[2024-05-06 23:58:07] <!%Ann> c",
        "[2024-05-06 23:58:08] <ann>* waves",
    )
    roles = ("user_id", "is_broadcaster", "is_moderator", "is_subscriber", "is_me")
    assert ingested.comments.select(roles).rows() == [
        ("boss", True, False, False, False),
        ("judge", False, True, True, False),
        ("ann", False, False, True, False),
        ("ann", False, False, False, True),
    ]


def test_a_name_in_another_script_or_with_a_space_is_shown_and_its_login_is_the_user() -> None:
    ingested = chatty(
        "[2024-05-06 23:58:05] <%名無し (no_name)> hi", "[2024-05-06 23:58:06] <Ann Lee (annlee)>* waves"
    )
    users = ingested.comments.select("user_id", "user_name", "text").rows()
    assert users == [("no_name", "名無し", "hi"), ("annlee", "Ann Lee", "waves")]


def test_the_line_with_which_a_log_begins_says_its_zone_and_hour() -> None:
    ingested = chatty("[23:59:50] <ann> late", "[00:00:10] <ann> later")
    times = [f"{time:%m-%d %H:%M:%S}" for time in ingested.comments["sent_at"]]
    assert times == ["05-06 21:59:50", "05-06 22:00:10"]


@pytest.mark.parametrize(
    ("act", "label"),
    [
        ("MOD_ACTION: judge (timeout ann 600 be nice)", "timeout"),
        ("MOD_ACTION: judge (ban ann)", "ban"),
        ("MOD_ACTION: judge (delete ann bad (very), really)", "delete"),
        ("MOD_ACTION: judge (delete ann bad (very), really 0f0e0d0c-0000-4000-8000-000000000001)", "delete"),
        ("MOD_ACTION: judge (warn ann be nice)", "warn"),
        ("MOD_ACTION: judge (shared_chat_ban ann)", "ban"),
        ("MOD_ACTION: judge (clear)", None),
        ("MOD_ACTION: judge (vanish ann)", None),
        ("MOD_ACTION: judge", None),
        ("BAN: ann (600s) [rude, very] {2y 3d}, cy", "timeout"),
        ("BAN: cy [be nice], ann", "ban"),
        ("DELETED: cy (good), ann (bad (very), really)", "delete"),
        ("DELETED: ann (bad (very), really)", "delete"),
        ("BAN: ???", None),
    ],
)
def test_every_word_for_an_act_labels_or_leaves_unlabelled(act: str, label: str | None) -> None:
    ingested = chatty(
        "[2024-05-06 23:50:01] <ann> bad (very), really",
        f"[2024-05-06 23:50:05] {act}",
        "[2024-05-07 00:10:00] <eve> worse",
        "[2024-05-07 00:10:01] BAN: eve",
        "[2024-05-07 00:11:00] <bob> fine",
    )
    assert labels(ingested) == {"bad (very), really": label, "worse": "ban", "fine": "allow"}
    assert counts(ingested)["moderation_events"] == 2
    assert is_conserved(ingested)


def test_what_a_moderator_takes_back_at_once_is_no_label() -> None:
    ingested = chatty(
        "[2024-05-06 23:50:01] <ann> hi",
        "[2024-05-06 23:50:02] MOD_ACTION: judge (timeout ann 600)",
        "[2024-05-06 23:50:05] MOD_ACTION: judge (untimeout ann)",
    )
    assert labels(ingested) == {"hi": None}


def test_a_setting_of_the_room_says_nothing_about_a_line() -> None:
    ingested = chatty(
        "[2024-05-06 23:50:01] <ann> hi",
        "[2024-05-06 23:50:02] MOD_ACTION: judge (slow 10)",
        "[2024-05-06 23:50:03] <bob> BAN: ann",
        "[2024-05-06 23:50:04] BAN: bob",
    )
    assert labels(ingested) == {"hi": "allow", "BAN: ann": "ban"}
