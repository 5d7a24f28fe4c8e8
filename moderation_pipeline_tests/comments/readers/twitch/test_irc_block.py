from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation_pipeline.comments.readers.twitch.irc import LAYOUTS
from moderation_pipeline.comments.readers.twitch.irc_block import RUSTLOG_ORDER, TWITCH_ORDER, Layout, Order
from moderation_pipeline.comments.readers.twitch.irc_line import parse_irc
from moderation_pipeline.comments.record import COMMENT_SCHEMA, Comment
from moderation_pipeline_tests.comments.irc_log import irc_lines

VALUES = st.one_of(
    st.sampled_from(
        ["", "1", "0", "moderator/1", "broadcaster/1,sub/1", r"a\sb", "\\", "\\\\", "名", "x=y", "25:0-4"]
    ),
    st.text(st.characters(blacklist_characters=";\n \r", blacklist_categories=["Cs"]), max_size=6),
)
TEXTS = st.one_of(
    st.sampled_from(
        ["Kappa", "\x01ACTION waves\x01", "\x01ACTION ", "", "hi there", "!cmd", "a :b", "hi\r", "\r"]
    ),
    st.text(st.characters(blacklist_characters="\n", blacklist_categories=["Cs"]), max_size=20),
)
STAMPS = st.sampled_from(
    [
        "1700000000123",
        "1700000000124",
        "1700000000125",
        "0",
        "",
        "4099999999999",
        "4102444800001",
        "99",
        "x",
        "01700000000000",
    ]
)


@st.composite
def lines(draw: st.DrawFn, order: Order) -> str:
    """A line with the tags of an order, some missing, some changed in ways that logs don't know."""
    tags = []
    for part in order:
        names = [part] if isinstance(part, str) else list(part)
        is_often_missing = not isinstance(part, str) or part.endswith("?")
        if draw(st.integers(0, 1 if is_often_missing else 40)) == 0:
            continue
        for name in names:
            bare = name.rstrip("*?")
            value = draw(STAMPS if bare == "tmi-sent-ts" else VALUES)
            tags.append(f"{bare}={value}")
    if draw(st.integers(0, 9)) == 0:
        tags.insert(draw(st.integers(0, len(tags))), draw(st.sampled_from(["bits=5", "id=again", "odd", ""])))
    prefix = draw(
        st.sampled_from([":ann!ann@ann.tmi.twitch.tv", ":bob!bob@bob", ":!x", ":ann", "", ":a!b c"])
    )
    command = draw(st.sampled_from(["PRIVMSG", "PRIVMSG", "PRIVMSG", "USERNOTICE", "CLEARCHAT"]))
    channel = draw(st.sampled_from(["#room", "#", "room"]))
    return f"@{';'.join(tags)} {prefix} {command} {channel} :{draw(TEXTS)}"


def one_by_one(raw: bytes) -> tuple[list[Comment], list[int]]:
    parsed = [
        (number, parse_irc(line.rstrip(b"\r").decode("utf-8", "replace")))
        for number, line in enumerate(raw.split(b"\n"), 1)
    ]
    comments = [(number, each) for number, each in parsed if isinstance(each, Comment)]
    return [each for _, each in comments], [number for number, _ in comments]


def assert_same_as_one_by_one(layout: Layout, raw: bytes) -> int:
    """Every line that the block understands is understood as it would be alone; the others are left."""
    cut = layout.cut(raw, 1)
    comments, numbers = one_by_one(raw)
    left = {number for number, _ in cut.others}
    taken = [
        (comment, number) for comment, number in zip(comments, numbers, strict=True) if number not in left
    ]
    columns = [name for name in COMMENT_SCHEMA if name in cut.comments.columns]
    assert cut.comments.select(columns).rows() == [
        tuple(getattr(comment, name if name != "sent_at" else "sent_at_us") for name in columns)
        for comment, _ in taken
    ]
    assert cut.comments["line_number"].to_list() == [number for _, number in taken]
    assert all(comment.shared_from is None for comment, _ in taken)
    return cut.comments.height


@settings(max_examples=60, deadline=None)
@given(st.lists(lines(TWITCH_ORDER), max_size=6))
def test_a_block_in_twitchs_order_says_what_its_lines_say(block: list[str]) -> None:
    assert_same_as_one_by_one(LAYOUTS[0], "\n".join(block).encode())


@settings(max_examples=60, deadline=None)
@given(st.lists(lines(RUSTLOG_ORDER), max_size=6))
def test_a_block_in_rustlogs_order_says_what_its_lines_say(block: list[str]) -> None:
    assert_same_as_one_by_one(LAYOUTS[1], "\n".join(block).encode())


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_a_block_of_garbage_is_left_to_the_slow_way(block: list[bytes]) -> None:
    for layout in LAYOUTS:
        assert_same_as_one_by_one(layout, b"\n".join(block))


def test_the_usual_line_takes_the_fast_way() -> None:
    log = [line for _, (_, line) in zip(range(2_000), irc_lines(seed=3), strict=False)]
    assert assert_same_as_one_by_one(LAYOUTS[0], "\n".join(log).encode()) > 1_900


def test_rustlogs_own_order_takes_the_fast_way_too() -> None:
    line = (
        "@tmi-sent-ts=1489263601000;subscriber=1;mod=1;id=8fa2;room-id=22484632;user-id=62541963;"
        "display-name=Snusbot;badges=;badge-info=;color=#FF0000;flags=;user-type=;emotes= "
        ":snusbot!snusbot@snusbot.tmi.twitch.tv PRIVMSG #room :prasoc won 10 points"
    )
    assert assert_same_as_one_by_one(LAYOUTS[1], line.encode()) == 1


def test_blocks_are_frames_of_one_schema() -> None:
    empty, full = (LAYOUTS[0].cut(raw.encode(), 1).comments for raw in ("", "\n".join(_few())))
    assert pl.concat([empty, full]).height == full.height


def _few() -> list[str]:
    return [line for _, (_, line) in zip(range(30), irc_lines(seed=1), strict=False)]
