from __future__ import annotations

import pytest

from moderation_pipeline_tests.comments.lines import cleared, counts, deleted, read, said


def labels(lines: list[str]) -> dict[str, str | None]:
    comments = read(lines).comments
    return dict(comments.select("text", "label_action").rows())


def test_a_timeout_labels_the_users_last_comment_before_it() -> None:
    got = labels(
        [said("fine", second=0), said("bad", second=500), cleared("ann", second=510, duration_s=600)]
    )
    assert got == {"fine": "allow", "bad": "timeout"}


def test_a_clearchat_without_a_duration_is_a_ban() -> None:
    assert labels([said("bad"), cleared("ann", second=3)]) == {"bad": "ban"}


def test_comments_after_the_act_are_not_what_it_was_about() -> None:
    got = labels([said("bad"), cleared("ann", second=3, duration_s=1), said("sorry", second=9)])
    assert got == {"bad": "timeout", "sorry": "allow"}


@pytest.mark.parametrize(
    ("age_s", "label"), [(119, None), (120, None), (121, "allow")], ids=["within", "at the edge", "before"]
)
def test_the_users_others_of_the_120_seconds_before_are_unlabelled(age_s: int, label: str | None) -> None:
    act = 1000
    got = labels(
        [
            said("other", second=act - age_s),
            said("last", second=act - 2),
            cleared("ann", second=act, duration_s=60),
        ]
    )
    assert got == {"other": label, "last": "timeout"}


def test_a_label_of_their_own_stays_within_the_window() -> None:
    got = labels(
        [
            said("first", second=0),
            cleared("ann", second=5, duration_s=10),
            said("second", second=30),
            cleared("ann", second=35),
        ]
    )
    assert got == {"first": "timeout", "second": "ban"}


def test_others_and_other_channels_are_not_meant() -> None:
    got = labels(
        [
            said("theirs", user="bob", second=0),
            said("elsewhere", channel="other", second=1),
            said("here", second=2),
            said("elsewhere later", channel="other", second=3),
            cleared("ann", second=4),
        ]
    )
    assert got == {"theirs": "allow", "elsewhere": "allow", "here": "ban", "elsewhere later": "allow"}


def test_a_deletion_labels_the_comment_it_names_whenever_it_was_written() -> None:
    got = labels([said("bad", comment_id="x", second=0), said("fine", second=1), deleted("x", second=900)])
    assert got == {"bad": "delete", "fine": "allow"}


def test_the_severest_act_on_a_comment_is_its_label() -> None:
    got = labels(
        [
            said("bad", comment_id="x"),
            deleted("x", second=1),
            cleared("ann", second=2),
            cleared("ann", second=3, duration_s=600),
        ]
    )
    assert got == {"bad": "ban"}


def test_clearing_the_whole_chat_labels_nothing() -> None:
    line = "@room-id=1;tmi-sent-ts=1700000009000 :tmi.twitch.tv CLEARCHAT #room"
    ingested = read([said("hi"), line])
    assert ingested.comments["label_action"].to_list() == [None]
    assert ingested.comments["label_source"].to_list() == [None]
    assert counts(ingested)["moderation_events"] == 1


def test_a_log_without_an_act_has_no_labels() -> None:
    comments = read([said("hi"), said("there", second=1)]).comments
    assert comments.select(
        "label_action", "label_category", "label_is_violation", "label_source"
    ).null_count().row(0) == (2, 2, 2, 2)


def test_in_a_log_with_one_act_everything_else_is_allowed_by_moderators() -> None:
    comments = read([said("hi"), said("bad", user="bob", second=1), cleared("bob", second=2)]).comments
    assert comments.select("label_action", "label_is_violation", "label_source").rows() == [
        ("allow", False, "moderators"),
        ("ban", True, "moderators"),
    ]


def test_an_act_on_a_user_who_wrote_nothing_still_shows_that_there_were_moderators() -> None:
    assert labels([said("hi"), cleared("ghost", second=2)]) == {"hi": "allow"}


def test_a_user_is_found_by_name_where_the_act_has_no_id() -> None:
    line = "@ban-duration=5;tmi-sent-ts=1700000009000 :tmi.twitch.tv CLEARCHAT #room :ANN"
    assert labels([said("bad"), line]) == {"bad": "timeout"}


def test_an_act_on_a_copy_is_an_act_on_its_original() -> None:
    copy = said("bad", comment_id="copy", channel="guest", tags="source-id=orig;source-room-id=1room;")
    ingested = read([said("bad", comment_id="orig"), copy, cleared("ann", second=5, channel="guest")])
    assert ingested.comments.select("comment_id", "label_action").rows() == [("orig", "ban")]


def test_a_log_written_backwards_is_labelled_the_same() -> None:
    forwards = [
        said("one", second=0),
        said("two", second=200),
        cleared("ann", second=202),
        said("three", user="bob", second=300),
        said("four", user="bob", second=301),
    ]
    assert labels(forwards) == labels(forwards[::-1])
    assert any("latest line first" in note for note in read(forwards[::-1]).notes)


def test_a_log_that_is_a_little_out_of_order_is_left_as_it_is() -> None:
    ingested = read([said("one", second=3), said("two", second=2.5), said("three", second=2)])
    assert ingested.comments["text"].to_list() == ["one", "two", "three"]
    assert ingested.notes == []


def test_a_record_that_is_there_twice_is_labelled_once() -> None:
    ingested = read([said("bad"), said("bad"), cleared("ann", second=2)])
    assert ingested.comments["label_action"].to_list() == ["ban"]
