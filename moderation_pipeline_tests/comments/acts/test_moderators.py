from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.comments.log_spec import LogSpecError
from moderation_pipeline_tests.comments.lines import cleared, counts, deleted, read, said
from moderation_pipeline_tests.comments.readers.twitch.test_eventsub import message, moderated


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


def test_what_was_written_long_before_a_ban_is_not_known_to_be_its_reason() -> None:
    day = 24 * 3600
    lines = [
        said("good morning", second=0),
        said("nice stream", user="bob", second=1),
        cleared("ann", second=14 * day),
        said("hello", user="cy", second=14 * day + 5),
    ]
    ingested = read(lines)
    assert labels(lines) == {"good morning": None, "nice stream": "allow", "hello": "allow"}
    assert ingested.comments["label_source"].to_list() == ["moderators"] * 3
    assert any("at most 10 minutes before it" in note for note in ingested.notes)


@pytest.mark.parametrize(("minutes", "label"), [(10, None), (20, "ban"), (0.5, None)])
def test_how_long_before_is_said_in_a_file_beside_the_log(
    tmp_path: Path, minutes: float, label: str | None
) -> None:
    path = tmp_path / "a.log"
    path.write_text("\n".join([said("bad"), cleared("ann", second=900)]))
    (tmp_path / "a.log.log.yaml").write_text(f"act_bound_minutes: {minutes}\n")
    ingested = ingest(path, "chat")
    assert ingested.comments["label_action"].to_list() == [label]
    assert any(f"at most {minutes:g} minutes" in note for note in ingested.notes)


def test_a_log_s_options_that_can_t_be_understood_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text(said("bad"))
    beside = tmp_path / "a.log.log.yaml"
    for text, words in (
        ("act_bound: 5", "act_bound_minutes"),
        ("- 5", "holds list"),
        ("[", "not valid YAML"),
        ("act_bound_minutes: -1", "greater than 0"),
    ):
        beside.write_text(text)
        with pytest.raises(LogSpecError, match=words):
            ingest(path, "chat")


def test_an_act_without_a_time_has_the_one_of_the_line_before_it() -> None:
    old = "@ban-duration=600;ban-reason=be\\skind :tmi.twitch.tv CLEARCHAT #room :ann"
    got = labels([said("long ago"), said("bad", second=5000), old, said("hello", user="bob", second=5010)])
    assert got == {"long ago": "allow", "bad": "timeout", "hello": "allow"}


def banned(user: str, *, second: int) -> str:
    """Return EventSub's word of a ban."""
    return moderated("ban", {"user_id": f"u-{user}", "user_login": user, "user_name": user}, second=second)


def lifted(user: str, *, second: int, action: str = "unban") -> str:
    """Return EventSub's word that a ban or a timeout is over."""
    return moderated(action, {"user_id": f"u-{user}", "user_login": user, "user_name": user}, second=second)


@pytest.mark.parametrize(
    ("second", "label", "overturned"), [(12, None, True), (59, None, True), (300, "ban", False)]
)
def test_a_ban_that_is_lifted_within_seconds_is_taken_back(
    second: int, label: str | None, overturned: bool
) -> None:
    lines = [message("fine", user="bob"), message("bad", second=2), banned("ann", second=4)]
    comments = read([*lines, lifted("ann", second=second)]).comments
    assert comments.select("text", "label_action", "label_is_overturned").rows() == [
        ("fine", "allow", False),
        ("bad", label, overturned),
    ]


def test_a_cleared_chat_leaves_what_was_in_it_unlabelled() -> None:
    clear = "@room-id=1;tmi-sent-ts=1700000605000 :tmi.twitch.tv CLEARCHAT #room"
    got = labels(
        [
            said("before", second=0),
            said("raid", user="bob", second=600),
            said("other room", channel="other", second=601),
            clear,
            said("bad", user="eve", second=700),
            cleared("eve", second=701),
            said("after", second=702),
        ]
    )
    assert got == {"before": "allow", "raid": None, "other room": "allow", "bad": "ban", "after": "allow"}


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_no_act_leaves_what_it_may_be_about_labelled_allow(data: st.DataObject) -> None:
    """Whatever the log: the last line of whom an act names is not `allow`, unless a later line is."""
    users = ("ann", "bob", "cy")
    seconds = sorted(data.draw(st.lists(st.integers(0, 3_000), min_size=1, max_size=12)))
    lines: list[str] = []
    last: dict[str, str] = {}
    may_be: set[str] = set()
    for number, second in enumerate(seconds):
        user = data.draw(st.sampled_from(users))
        if data.draw(st.booleans()):
            lines.append(said(f"line {number}", user=user, second=second))
            last[user] = f"line {number}"
        else:
            lines.append(cleared(user, second=second, duration_s=data.draw(st.sampled_from([None, 60]))))
            may_be |= {last[user]} if user in last else set()
    if last and may_be:
        got = labels(lines)
        assert all(got[text] != "allow" for text in may_be)
