from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.comments.merging import with_unique_ids
from moderation_pipeline_tests.comments.lines import counts, read, said


def shared(text: str, *, copy_of: str, comment_id: str, channel: str) -> str:
    return said(
        text, comment_id=comment_id, channel=channel, tags=f"source-id={copy_of};source-room-id=1room;"
    )


def test_a_copy_is_merged_where_its_original_is_a_line_of_this_chat() -> None:
    ingested = read([said("hi", comment_id="a"), shared("hi", copy_of="a", comment_id="b", channel="guest")])
    assert ingested.comments["comment_id"].to_list() == ["a"]
    assert counts(ingested)["merged"] == 1


def test_a_copy_before_its_original_is_merged_too() -> None:
    ingested = read([shared("hi", copy_of="a", comment_id="b", channel="guest"), said("hi", comment_id="a")])
    assert ingested.comments["comment_id"].to_list() == ["a"]


def test_a_copy_stays_where_its_original_was_not_logged() -> None:
    ingested = read([shared("hi", copy_of="elsewhere", comment_id="b", channel="guest")])
    assert ingested.comments["comment_id"].to_list() == ["b"]
    assert counts(ingested)["merged"] == 0


def test_an_original_that_names_itself_is_no_copy() -> None:
    ingested = read([shared("hi", copy_of="a", comment_id="a", channel="room")])
    assert ingested.comments["comment_id"].to_list() == ["a"]


def test_a_record_logged_twice_is_one_comment_and_said_aloud() -> None:
    ingested = read([said("hi"), said("hi"), said("hi", second=1)])
    assert ingested.comments.height == 2
    assert counts(ingested)["merged"] == 1
    assert any("twice" in note for note in ingested.notes)


def test_different_comments_under_one_id_are_both_kept_under_ids_of_their_own() -> None:
    ingested = read([said("hi", comment_id="a"), said("ho", comment_id="a")])
    assert ingested.comments.select("comment_id", "text").rows() == [("a", "hi"), ("a#2", "ho")]
    assert counts(ingested)["merged"] == 0
    assert any("another's id" in note for note in ingested.notes)


def test_a_comment_without_an_id_is_called_by_its_line() -> None:
    ingested = read([said("hi", comment_id=""), said("ho", comment_id="")])
    assert ingested.comments["comment_id"].to_list() == ["line-1", "line-2"]


def table(*rows: str, header: str = "id,user,time,text") -> bytes:
    return "\n".join([header, *rows]).encode()


def test_a_guessed_id_that_repeats_is_no_id_and_no_comment_is_lost() -> None:
    """Repetition is what is sanctioned most: a user's id in a column `id` may not merge it away."""
    times = [f"7,ann,2024-01-01T00:00:0{at}Z,buy this" for at in range(4)]
    ingested = read(table(*times, "8,bob,2024-01-01T00:00:09Z,stop"), name="table.csv")
    assert ingested.comments["comment_id"].to_list() == [f"line-{at}" for at in range(2, 7)]
    assert counts(ingested)["merged"] == 0
    assert any("(2 values in 5 records), so it is no id" in note for note in ingested.notes)


def test_a_guessed_id_that_repeats_where_there_are_no_times_is_no_id() -> None:
    ingested = read(table("7,ann,buy", "7,ann,buy", header="id,user,text"), name="table.csv")
    assert ingested.comments["comment_id"].to_list() == ["line-2", "line-3"]


def test_a_guessed_id_whose_records_were_logged_twice_is_one() -> None:
    rows = ["a,ann,2024-01-01T00:00:00Z,hi", "b,ann,2024-01-01T00:00:00Z,hi"]
    ingested = read(table(*rows, rows[0]), name="table.csv")
    assert ingested.comments["comment_id"].to_list() == ["a", "b"]
    assert counts(ingested)["merged"] == 1


def test_an_id_that_was_said_to_be_one_is_kept_though_it_repeats() -> None:
    rows = table(
        "7,ann,2024-01-01T00:00:00Z,hi", "7,ann,2024-01-01T00:00:01Z,hi", header="comment_id,user,time,text"
    )
    ingested = read(rows, name="table.csv")
    assert ingested.comments["comment_id"].to_list() == ["7", "7#3"]
    assert any("had another's id" in note for note in ingested.notes)


@given(
    st.lists(
        st.tuples(st.sampled_from([None, "a", "b", "a#2", "line-1", "a#2#3"]), st.sampled_from(["hi", "ho"])),
        max_size=12,
    )
)
def test_whatever_ids_there_are_no_two_comments_share_one(rows: list[tuple[str | None, str]]) -> None:
    comments = pl.DataFrame(
        {
            "comment_id": [comment_id for comment_id, _ in rows],
            "channel": ["room"] * len(rows),
            "user_id": ["ann"] * len(rows),
            "sent_at": [None] * len(rows),
            "text": [text for _, text in rows],
            "line_number": range(1, len(rows) + 1),
        },
        schema={
            "comment_id": pl.String,
            "channel": pl.String,
            "user_id": pl.String,
            "sent_at": pl.Int64,
            "text": pl.String,
            "line_number": pl.Int64,
        },
    )
    kept = with_unique_ids(comments).comments
    assert kept["comment_id"].n_unique() == kept.height
    distinct = {(comment_id or f"line-{line}", text) for line, (comment_id, text) in enumerate(rows, 1)}
    assert kept.height == len(distinct)
