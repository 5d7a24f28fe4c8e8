from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from moderation_pipeline.evaluation.felt_counts import felt_counts, most_events
from moderation_pipeline.report.words.people_sentences import people_sentence
from moderation_pipeline_tests.evaluation.worlds import START, Row, comments, run


def said(
    hours: float | None, *, labelled: bool = True, silenced: int = 2, size: int = 100, by_acts: bool = False
) -> str:
    """What is said of a chat over so many hours in which `silenced` comments were timed out, the first wrongly."""
    given: list[Row] = [
        {
            "sent_at": None if hours is None else START + timedelta(hours=hours * i / (size - 1)),
            "label_is_violation": (i != 0 and i < silenced) if labelled else None,
        }
        for i in range(size)
    ]
    chat = comments(given)
    plans = ["timeout harassment" if i < silenced else "allow none" for i in range(size)]
    felt = felt_counts(chat, run("hybrid", chat, student=plans))
    sentence = people_sentence("hybrid", felt, by_acts=by_acts)
    assert sentence is not None
    return sentence


def test_an_evening_becomes_a_month_on_air_and_says_from_how_little() -> None:
    assert said(5.0).startswith(
        "In a month of 100 hours on air, if all were like these 5.0 hours, hybrid would time out or ban about 40 times,"
        " about 20 of them wrongly by the labels (at most 40)"
    )


def test_days_become_a_month_of_days() -> None:
    assert said(24.0 * 15).startswith(
        "In a month like these 15 days hybrid would time out or ban about 4 times, about 2 of them wrongly"
    )


@pytest.mark.parametrize("hours", [None, 0.1])
def test_without_times_or_in_minutes_comments_are_counted_instead(hours: float | None) -> None:
    assert said(hours).startswith(
        "In 100,000 comments like these (over too short a time for a month, or none)"
    )


def test_of_a_handful_of_comments_nothing_is_carried_over() -> None:
    chat = comments([{"sent_at": START + timedelta(minutes=minute)} for minute in range(6)])
    assert felt_counts(chat, run("hybrid", chat, student=["timeout harassment", *["allow none"] * 5])) is None


def test_without_labels_nobody_is_said_to_be_wronged() -> None:
    assert said(5.0, labelled=False).endswith("about 40 times, and no label tells how many of them wrongly.")


def test_nobody_is_a_word() -> None:
    assert "would time out or ban nobody" in said(5.0, silenced=0)


@pytest.mark.parametrize(("seen", "most"), [(0, 3.69), (1, 5.57), (10, 18.39)])
def test_the_most_is_the_exact_interval_of_a_count(seen: int, most: float) -> None:
    """Garwood 1936: the published limits of a Poisson count at 95 %."""
    assert most_events(seen) == pytest.approx(most, abs=0.005)


def test_whom_moderators_let_be_is_not_said_to_be_wronged() -> None:
    sentence = said(5.0, by_acts=True)
    assert "about 20 of them where the moderators let it be (at most 40)" in sentence
    assert "wrong" not in sentence


def test_what_silenced_users_wrote_makes_no_more_violations_of_those_that_were_missed() -> None:
    given: list[Row] = [{"sent_at": None, "label_is_violation": i < 10} for i in range(100)]
    chat = comments(given)
    one = run("hybrid", chat, student=["allow none"] * 100)
    log = one.action_log.with_columns(under_sanction=pl.int_range(pl.len()) >= 50)
    felt = felt_counts(chat, replace(one, action_log=log))
    assert felt is not None
    assert felt.missed == 10 * 1_000
