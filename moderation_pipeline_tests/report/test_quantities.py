from __future__ import annotations

from collections.abc import Callable

import pytest

from moderation_pipeline.report.quantities import (
    count,
    counted_out,
    dollars,
    milliseconds,
    of_hundred,
    of_thousand,
    p_value,
    percent,
    plural,
    score,
    shares_in_words,
    signed,
)


@pytest.mark.parametrize(
    ("say", "value", "words"),
    [
        (percent, 0.0481, "4.8 %"),
        (percent, 1.0, "100.0 %"),
        (percent, 0.99999, "> 99.9 %"),
        (percent, 0.00001, "< 0.1 %"),
        (percent, 0.0, "0.0 %"),
        (percent, None, "–"),
        (of_thousand, 0.0481, "48"),
        (of_thousand, 0.0485, "49"),
        (of_thousand, 0.0435, "44"),
        (percent, 0.1435, "14.4 %"),
        (score, 0.285, "0.29"),
        (of_thousand, 0.0003, "fewer than 1"),
        (of_thousand, 0.0004, "fewer than 1"),
        (of_thousand, 0.9997, "more than 999"),
        (of_thousand, 1.0, "1,000"),
        (of_thousand, 0.0, "0"),
        (of_thousand, None, "–"),
        (p_value, 0.0434, "0.043"),
        (p_value, 0.0, "< .001"),
        (dollars, 0, "$0"),
        (dollars, 0.0042, "$0.0042"),
        (dollars, 1234.5, "$1,234.50"),
        (dollars, 0.00000123, "$1.2e-06"),
        (dollars, None, "–"),
        (milliseconds, 0.2, "< 1 ms"),
        (milliseconds, 250.4, "250 ms"),
        (milliseconds, 2_345.0, "2.3 s"),
        (score, 0.816, "0.82"),
        (score, 0.0012, "0.001"),
        (score, 0.998, "0.998"),
        (score, 0.99996, "> 0.9999"),
        (score, 0.00001, "< 0.0001"),
        (score, 1.0, "1.00"),
        (score, 0.0, "0.00"),
        (score, -0.002, "-0.002"),
        (score, None, "–"),
        (signed, -0.02, "−0.02"),
        (signed, 0.001, "+0.001"),
        (signed, -1e-9, "0.00"),
        (signed, 0.3, "+0.30"),
        (count, 12_345, "12,345"),
        (count, None, "–"),
    ],
)
def test_a_number_is_said_with_its_unit_and_no_more_digits_than_it_has(
    say: Callable[[float | None], str], value: float | None, words: str
) -> None:
    assert say(value).replace("\u00a0", " ") == words


def test_one_and_none_are_words_of_their_own() -> None:
    assert [plural(n, "memory", "memories") for n in (0, 1, 2)] == ["no memories", "1 memory", "2 memories"]


def test_shares_beside_each_other_have_as_many_digits_and_none_reads_as_all() -> None:
    said = [each.replace("\u00a0", " ") for each in shares_in_words([0.5, 0.9996, None], 1)]
    assert said == ["50.00 %", "99.96 %", "–"]
    assert [each.replace("\u00a0", " ") for each in shares_in_words([0.5, 1.0, 0.0], 0)] == [
        "50 %",
        "100 %",
        "0 %",
    ]


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [
        (4, 4, "of the 4 rows all"),
        (1, 1, "of the only row all"),
        (0, 72, "of the 72 rows none"),
        (29, 38, "of the 38 rows 29"),
        (71, 100, "of 100 rows 71"),
        (1_999, 2_000, "of 100 rows more than 99"),
    ],
)
def test_a_hundred_is_spoken_of_only_where_there_were_as_many(part: int, whole: int, told: str) -> None:
    """Four of four flagged rows were told as "of 100 rows that it flags all"."""
    assert " ".join(counted_out(part, whole, "row")) == told


def test_what_misses_all_or_nothing_by_the_rounding_of_sums_alone_is_all_or_nothing() -> None:
    added_up = 0.9999999999999998
    assert (score(added_up), percent(added_up), of_hundred(added_up)) == ("1.00", "100.0\u00a0%", "all")
    assert (score(1e-16), percent(1e-16), of_hundred(1e-16)) == ("0.00", "0.0\u00a0%", "none")
    assert score(1 - 1e-9) == ">\u00a00.9999"
