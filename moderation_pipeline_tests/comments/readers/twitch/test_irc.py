from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.comments.readers.twitch.irc_line import is_emotes_alone, parse_irc, unescape
from moderation_pipeline.comments.record import RAW_LIMIT, Act, ActKind, Comment, Ignored, Unreadable
from moderation_pipeline_tests.comments.lines import cleared, counts, is_conserved, read, said

REAL = (
    "@badge-info=subscriber/14;badges=moderator/1,subscriber/12;client-nonce=0a;color=#FF69B4;"
    r"display-name=Ann\sB;emotes=25:0-4;first-msg=1;flags=;id=abc;mod=1;reply-parent-display-name=Bob;"
    r"reply-parent-msg-body=a\sb=c\:;reply-parent-msg-id=parent;reply-parent-user-id=9;"
    "reply-parent-user-login=bob;reply-thread-parent-display-name=Bob;reply-thread-parent-msg-id=parent;"
    "reply-thread-parent-user-id=9;reply-thread-parent-user-login=bob;returning-chatter=0;room-id=22;"
    "subscriber=1;tmi-sent-ts=1700000000123;turbo=0;user-id=7;user-type=mod "
    ":ann!ann@ann.tmi.twitch.tv PRIVMSG #room :Kappa"
)


def comment(line: str) -> Comment:
    parsed = parse_irc(line)
    assert isinstance(parsed, Comment)
    return parsed


def test_every_tag_of_a_full_line_is_understood() -> None:
    row = read([REAL]).comments.row(0, named=True)
    assert {key: row[key] for key in row if key not in ("normalised", "chat")} == {
        "comment_id": "abc",
        "position": 0,
        "channel": "room",
        "user_id": "7",
        "user_name": "Ann B",
        "sent_at": datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC),
        "text": "Kappa",
        "is_moderator": True,
        "is_broadcaster": False,
        "is_subscriber": True,
        "is_first_message": True,
        "is_me": False,
        "is_command": False,
        "is_emote_only": True,
        "reply_to": "parent",
        "user_repeats": 0,
        "channel_repeats": 0,
        "language": None,
        "cluster": None,
        "scores": None,
        "split": None,
        "label_action": None,
        "label_category": None,
        "label_is_violation": None,
        "label_source": None,
        "label_is_overturned": None,
    }


def test_an_action_is_its_words() -> None:
    row = read([said("\x01ACTION waves Kappa\x01")]).comments.row(0, named=True)
    assert (row["text"], row["is_me"]) == ("waves Kappa", True)


@pytest.mark.parametrize(
    ("escaped", "meant"),
    [
        (r"a\sb", "a b"),
        (r"a\:b", "a;b"),
        (r"a\\b", r"a\b"),
        (r"a\r\nb", "a\r\nb"),
        (r"a\xb", "axb"),
        ("a\\", "a"),
        (r"\\s", r"\s"),
    ],
)
def test_tag_escapes_are_undone_as_the_specification_says(escaped: str, meant: str) -> None:
    assert unescape(escaped) == meant


@pytest.mark.parametrize(
    ("text", "emotes", "alone"),
    [
        ("Kappa", "25:0-4", True),
        ("Kappa Kappa", "25:0-4,6-10", True),
        ("Kappa LUL", "25:0-4/9:6-8", True),
        ("Kappa hi", "25:0-4", False),
        ("🔥🔥 Kappa", "25:3-7", False),
        ("𝒽 Kappa", "25:2-6", False),
        ("Kappa", "25:0-400", True),
        ("hi", "25:7-11", False),
        ("hi", "25:9-2", False),
        ("hi", "garbage", False),
        ("hi", "25:-1-4", False),
        ("", "25:0-4", False),
    ],
)
def test_emote_offsets_count_code_points_and_may_be_out_of_range(text: str, emotes: str, alone: bool) -> None:
    assert is_emotes_alone(text, emotes) is alone


def test_emotes_of_astral_text_are_found_where_code_points_say() -> None:
    line = said("𝒽𝒾 Kappa").replace("emotes=", "emotes=25:3-7")
    assert comment(line).is_emote_only is False
    assert comment(said("Kappa").replace("emotes=", "emotes=25:0-4")).is_emote_only is True


def test_emoji_alone_count_as_emotes() -> None:
    texts = ["🔥🔥 😂", "🔥 hot", "❤️", "123", "👩‍💻"]
    comments = read([said(text, second=at) for at, text in enumerate(texts)]).comments
    assert comments["is_emote_only"].to_list() == [True, False, True, False, True]


def test_commands_are_marked() -> None:
    texts = ["!uptime", " !song", "! what", "hey !uptime", "!!!"]
    comments = read([said(text, second=at) for at, text in enumerate(texts)]).comments
    assert comments["is_command"].to_list() == [True, True, False, False, False]


def test_the_broadcaster_is_known_by_badge_or_by_the_rooms_id() -> None:
    assert comment(said("hi").replace("badges=", "badges=broadcaster/1")).is_broadcaster
    assert comment(said("hi").replace("room-id=1room", "room-id=u-ann")).is_broadcaster
    assert not comment(said("hi")).is_broadcaster


def test_a_notice_with_the_users_own_words_is_a_comment() -> None:
    line = (
        "@display-name=Ann;id=n;login=ann;msg-id=resub;room-id=1;system-msg=ann\\ssubscribed;"
        "tmi-sent-ts=1700000000000;user-id=7 :tmi.twitch.tv USERNOTICE #room"
    )
    assert comment(f"{line} :love it here").text == "love it here"
    assert isinstance(parse_irc(line), Ignored)
    assert isinstance(parse_irc(f"{line} :"), Ignored)


@pytest.mark.parametrize("stamp", ["", "soon", "-5", "0", "99999999999999999", "1_000", "١٧٠٠٠٠٠٠٠٠٠٠٠"])
def test_a_comment_whose_time_can_t_be_read_is_rejected_and_an_act_placed_by_its_line(stamp: str) -> None:
    tags = f"@id=a;target-msg-id=a;tmi-sent-ts={stamp} :ann!ann@ann"
    assert isinstance(parse_irc(f"{tags} PRIVMSG #room :hi"), Unreadable)
    ban, deletion = parse_irc(f"{tags} CLEARCHAT #room :ann"), parse_irc(f"{tags} CLEARMSG #room :hi")
    assert isinstance(ban, Act)
    assert isinstance(deletion, Act)
    assert (ban.kind, ban.at_us, deletion.kind, deletion.at_us) == (ActKind.BAN, None, ActKind.DELETE, None)


@pytest.mark.parametrize(
    "line",
    [
        ":tmi.twitch.tv 001 justinfan1 :Welcome, GLHF!",
        "@emote-only=0;room-id=1 :tmi.twitch.tv ROOMSTATE #room",
        ":ann!ann@ann.tmi.twitch.tv JOIN #room",
        "PING :tmi.twitch.tv",
        "@user-id=7;tmi-sent-ts=1 :ann!ann@ann WHISPER bob :a secret",
    ],
)
def test_lines_that_are_about_no_comment_are_ignored(line: str) -> None:
    assert isinstance(parse_irc(line), Ignored)


@pytest.mark.parametrize("line", ["hello world", "@", ":", "@a=b", ":x", "PRIVMSG", "[12:00:00] ann: hi"])
def test_lines_that_are_no_irc_are_rejected(line: str) -> None:
    assert isinstance(parse_irc(line), Unreadable)


def test_acts_name_whom_and_what_they_are_about() -> None:
    line = "@ban-duration=600;room-id=1;target-user-id=7;tmi-sent-ts=1700000000000 :tmi.twitch.tv CLEARCHAT #room :ann"
    assert parse_irc(line) == Act(ActKind.TIMEOUT, "room", "7", "ann", None, 1_700_000_000_000_000)


def test_only_a_line_feed_ends_a_line() -> None:
    ingested = read("\r\n".join([said("one\x0btwo\x85three\u2028four"), "", said("five", second=1)]).encode())
    assert ingested.comments["text"].to_list() == ["one\x0btwo\x85three\u2028four", "five"]
    assert counts(ingested)["records"] == 2


def test_a_garbage_line_is_kept_with_its_number_and_cut() -> None:
    ingested = read([said("hi"), "what is this " + "x" * 9_000, said("ho", second=1)])
    row = ingested.rejected_lines.row(0, named=True)
    assert (row["line_number"], len(row["raw"])) == (2, RAW_LIMIT)
    assert is_conserved(ingested)
    assert any("1 of 3 records could not be read" in note for note in ingested.notes)


def test_invalid_bytes_don_t_lose_the_comment() -> None:
    ingested = read(said("caf").encode() + b"\xff\xfe!\n" + said("fine", second=1).encode())
    assert ingested.comments["text"].to_list() == ["caf\ufffd\ufffd!", "fine"]


@given(st.binary(max_size=300))
def test_no_bytes_make_a_line_raise(raw: bytes) -> None:
    parse_irc(raw.decode("utf-8", "replace"))


@given(st.lists(st.sampled_from([REAL, said("hi"), "garbage", "", "PING :x", " "]), min_size=1, max_size=20))
def test_any_mixture_of_lines_is_conserved(lines: list[str]) -> None:
    ingested = read([said("one readable"), *lines])
    assert is_conserved(ingested)
    assert ingested.comments["comment_id"].is_unique().all()
    assert ingested.comments["position"].equals(pl.Series(range(ingested.comments.height), dtype=pl.Int64))


def test_a_deletion_without_an_id_is_of_what_it_quotes() -> None:
    lines = [
        said("buy this", second=0),
        said("sorry", second=1),
        "@login=ann :tmi.twitch.tv CLEARMSG #room :buy this",
    ]
    assert read(lines).comments["label_action"].to_list() == ["delete", "allow"]


def test_an_act_that_can_t_be_read_leaves_everybody_it_may_be_about_unlabelled() -> None:
    cut = "@room-id=1;target-msg-id=;tmi-sent-ts=1700000605000 :tmi.twitch.tv CLEARMSG #room"
    lines = [
        said("long ago", second=0),
        said("here", user="bob", second=600),
        said("elsewhere", user="cy", second=601, channel="other"),
        cut,
        said("bad", user="eve", second=610),
        cleared("eve", second=611),
    ]
    ingested = read(lines)
    assert ingested.comments["label_action"].to_list() == ["allow", None, "allow", "ban"]
    assert counts(ingested)["rejected"] == 1
    assert any("1 of the acts are not understood" in note for note in ingested.notes)


def test_what_the_service_of_recent_messages_marks_as_removed_is_not_called_allowed() -> None:
    lines = [
        said("hi", second=0),
        said("removed", second=1, user="bob", tags="rm-deleted=1;"),
        said("bad", second=2, user="eve"),
        cleared("eve", second=3),
    ]
    assert read(lines).comments["label_action"].to_list() == ["allow", None, "ban"]


def test_a_notice_in_a_clearchats_place_is_the_same_act() -> None:
    tags = "@msg-id=rm-timeout;rm-received-ts=1700000003000"
    notice = f"{tags} :tmi.twitch.tv NOTICE #room :ann has been timed out for 5m 2s."
    assert read([said("bad"), notice]).comments["label_action"].to_list() == ["timeout"]


@pytest.mark.parametrize(
    "stamp",
    [
        "[2023-11-14 22:13:20] ",
        "2023-11-14T22:13:20.250Z ",
        "[22:13:20] ",
        "1700000000 ",
        "1700000000123\t",
        "2023-11-14 22:13:20,123 | ",
        "INFO 22:13:20 <- ",
    ],
)
def test_a_loggers_own_time_before_each_line_is_passed_over(stamp: str) -> None:
    lines = [said("hi"), said("bad", user="eve", second=1), cleared("eve", second=2)]
    ingested = read([stamp + line for line in lines])
    assert ingested.ingestion["format"].item() == "irc"
    assert ingested.comments.equals(read(lines).comments)


def test_a_line_without_a_time_has_its_loggers() -> None:
    line = "[2023-11-14 22:13:20] :ann!ann@ann.tmi.twitch.tv PRIVMSG #room :hi"
    assert read([line]).comments["sent_at"][0].isoformat() == "2023-11-14T22:13:20+00:00"
