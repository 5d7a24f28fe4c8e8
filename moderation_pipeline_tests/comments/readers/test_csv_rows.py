from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from moderation_pipeline.comments.columns import ColumnsError
from moderation_pipeline_tests.comments.lines import counts, is_conserved, read


def texts(*lines: str) -> list[str]:
    ingested = read("\n".join(lines).encode(), name="table.csv")
    assert is_conserved(ingested)
    return ingested.comments["text"].to_list()


def test_a_message_that_begins_with_a_quote_swallows_nothing() -> None:
    rows = [
        "user\ttext",
        'ann\t"what a start',
        "bob\tright",
        'cat\t"so" they say',
        'dan\tthe end"',
        "eve\tbye",
    ]
    assert texts(*rows) == ['"what a start', "right", '"so" they say', 'the end"', "bye"]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_an_open_quote_takes_no_line_that_is_a_row_of_its_own(delimiter: str) -> None:
    """The quote is closed three lines on, as a field's would be."""
    rows = ["n,user,text", '1,ann,"so', "2,bob,ha", '3,cat,he said "no"', '4,dan,oh"', "5,eve,bye"]
    read_as = texts(*(row.replace(",", delimiter) for row in rows))
    assert read_as == ['"so', "ha", 'he said "no"', 'oh"', "bye"]


def test_quotes_in_a_file_whose_quotes_are_text_are_kept_as_they_are_written() -> None:
    ingested = read(b'user\ttext\nann\t"all of it"\nbob\t"half\ncat\tnone\n', name="table.tsv")
    assert ingested.comments["text"].to_list() == ['"all of it"', '"half', "none"]
    assert any("Quotes are part of the messages" in note for note in ingested.notes)


def test_a_file_that_quotes_all_texts_has_none_of_the_quotes_in_them() -> None:
    assert texts("user\ttext", 'ann\t"one"', 'bob\t"two"') == ["one", "two"]


def test_a_field_may_go_over_lines_where_the_file_quotes() -> None:
    rows = ["id,text,label", '1,"first, then', "", "second, third, fourth", '""end""",0', "2,bye,1"]
    assert texts(*rows) == ['first, then\n\nsecond, third, fourth\n"end"', "bye"]


def test_a_quote_that_comes_late_in_a_long_file_swallows_nothing() -> None:
    """What quotes mean is found out from the beginning; a row behind it must not take others with it."""
    many = [f"ann,{at},nothing to see" for at in range(20_000)]
    late = ['bob,1,"oh', "cat,2,my", 'dan,3,word"', "eve,4,bye"]
    assert texts("user,n,text", *many, *late)[-4:] == ['"oh', "my", 'word"', "bye"]


def test_a_quote_escaped_by_a_backslash_is_a_quote() -> None:
    assert texts("text,user", r'"say \"hi, you\"",ann', "bye,bob") == ['say "hi, you"', "bye"]


def test_a_table_of_one_column_may_hold_commas() -> None:
    assert texts("text", "one, two", '"three, four"', "five") == ["one, two", "three, four", "five"]


def test_excels_line_about_the_delimiter_is_no_header() -> None:
    assert texts("sep=|", "user|text", "ann|hi, you; all") == ["hi, you; all"]


def test_a_line_that_ends_as_on_old_macs_ends() -> None:
    assert read(b"text,user\rhi,ann\rho,bob\r", name="t.csv").comments["text"].to_list() == ["hi", "ho"]


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.text(st.sampled_from('ab",;\t |\n'), min_size=1, max_size=12).filter(str.strip),
            st.sampled_from(["ann", "bob"]),
            st.integers(0, 9).map(str),
        ),
        min_size=1,
        max_size=8,
    ),
    quotes_all=st.booleans(),
    delimiter=st.sampled_from([",", ";", "\t"]),
)
def test_what_a_writer_quoted_comes_back_as_it_was(
    rows: list[tuple[str, str, str]], *, quotes_all: bool, delimiter: str
) -> None:
    written = io.StringIO()
    writer = (
        csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n")
        if quotes_all
        else csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    )
    writer.writerows([("text", "user", "n"), *rows])
    ingested = read(written.getvalue().encode(), name="table.csv")
    assert ingested.comments["text"].to_list() == [text for text, *_ in rows]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(st.sampled_from('ab",x '), max_size=10), max_size=12))
@example(['"', ' "'])  # two messages, though a quote opens in one and closes in the other
def test_every_line_of_a_file_without_quoting_is_accounted_for(messages: list[str]) -> None:
    rows = ["user\ttext", "ann\tfirst", *(f"bob\t{each}" for each in messages), 'cat\t"x" y']
    ingested = read("\n".join(rows).encode(), name="table.tsv")
    assert is_conserved(ingested)
    assert counts(ingested)["comments"] == len(rows) - 1 or any(
        "over several lines" in note or '""' in "".join(messages) for note in [*ingested.notes, ""]
    )


def test_a_table_without_a_header_says_so_and_what_to_write() -> None:
    with pytest.raises(ColumnsError) as caught:
        read(b"2024-01-05 10:00:00,7,ann,hi\n2024-01-05 10:00:01,8,bob,ho\n", name="table.csv")
    for part in (
        "has no header",
        "ann",
        "--column 'names=[time, column_2, user, text]'",
        "names: [time, column_2",
    ):
        assert part in str(caught.value)


def test_rows_over_several_lines_are_said_with_the_longest_however_sure_the_quotes_are() -> None:
    """A quote that is closed too late takes lines along, and nothing else would show it."""
    rows = '"text","user"\n"one","a"\n"two\nlines","b"\n"and\nthree\nof them","c"\n"four","d"\n'
    ingested = read(rows.encode(), name="table.csv")
    assert ingested.comments.height == 4
    assert "2 rows go over several lines, between quotes; the longest over 3, to line 7." in ingested.notes
