"""What is usual in a channel is not sanctioned, what is rare and grave is; and it is learnt from the past alone."""

from __future__ import annotations

import asyncio

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation_pipeline.agents.keyless.careful_rules import CarefulRulesExpert
from moderation_pipeline.agents.keyless.customary import weighed
from moderation_pipeline.agents.keyless.evidence import LEANING, Evidence, chances
from moderation_pipeline.agents.keyless.rules import RulesStudent
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.customs import Custom, Customs, Place
from moderation_pipeline.cases.situation import Situation, Standing
from moderation_pipeline.moderation.stream import Stream
from moderation_pipeline.plan import Category, Plan
from moderation_pipeline_tests.agents.cases import comments_of

LIVE = 0.002
"""The share of violations in a live chat."""

NOTHING = Situation(Standing(0, None))


def rough_chat(lines: int, rough: str = "you idiot", every: int = 20) -> list[str | tuple[str, str]]:
    """Return a channel in which one line of so many is rough, as its many users talk."""
    return [(f"user{n % 97}", rough if n % every == 3 else f"nice shot {n}") for n in range(lines)]


def plans_at_the_end(lines: list[str | tuple[str, str]], expected: float | None = LIVE) -> list[Plan]:
    """Return what the rules, and the careful rules, say of the last line."""
    *_, last = cases_in(comments_of(*lines), expected, size=64)
    decided = asyncio.run(RulesStudent().decide([last], [NOTHING]))
    audited = asyncio.run(CarefulRulesExpert().audit([last]))
    return [verdict.plan for verdict in (*decided, *audited) if verdict.plan is not None]


def cases_in(comments: pl.DataFrame, expected: float | None, size: int) -> list[Case]:
    return [case for batch in Stream(comments, expected).batches(size) for case in batch]


def test_what_a_channel_says_all_day_is_its_culture_and_not_sanctioned() -> None:
    for plan in plans_at_the_end([*rough_chat(2_000), "you idiot"]):
        assert not plan.is_violation
        assert "of this channel's lines" in plan.reasoning


def test_what_is_rarer_than_can_be_shown_is_not_said_to_be_none() -> None:
    lines, expected = 100_000, 0.00001
    customs = Customs()
    for n in range(3):
        customs.saw("insult", 0, Place("room", n, n))
    found = weighed(
        [Evidence(Category.HARASSMENT, 0.9, "an insult", "insult")],
        Custom(customs, Place("room", lines, lines), expected),
    )
    assert found.evidence[0].reason == "an insult (in less than 0.01% of this channel's lines)"


def test_the_same_line_is_sanctioned_where_nobody_says_it_or_nothing_is_known_of_violations() -> None:
    civil = rough_chat(2_000, rough="gg")
    assert all(plan.is_violation for plan in plans_at_the_end([*civil, "you idiot"]))
    rough = [*rough_chat(2_000), "you idiot"]
    assert all(plan.is_violation for plan in plans_at_the_end(rough, expected=None))


@pytest.mark.parametrize("text", ["i will come to your house and kill you", "you faggot", "kill yourself"])
def test_rare_and_grave_lines_are_sanctioned_in_a_rough_channel(text: str) -> None:
    assert all(plan.is_violation for plan in plans_at_the_end([*rough_chat(2_000), text]))


def test_a_chat_of_many_violations_is_judged_as_by_the_text_alone() -> None:
    lines = [*rough_chat(2_000), "you idiot"]
    assert all(plan.is_violation for plan in plans_at_the_end(lines, expected=0.2))


def test_whoever_needs_help_gets_it_however_grave_the_channel_is() -> None:
    lines = [*rough_chat(2_000, rough="you faggot", every=50), "i want to end my life"]
    assert all(plan.category is Category.SELF_HARM for plan in plans_at_the_end(lines))


def test_no_more_is_acted_on_than_can_be_violations() -> None:
    cases = cases_in(comments_of(*rough_chat(3_000, rough="you faggot", every=30)), LIVE, size=64)
    decided = asyncio.run(RulesStudent().decide(cases, [NOTHING] * len(cases)))
    acted = sum(verdict.plan is not None and verdict.plan.is_violation for verdict in decided)
    assert 0 < acted <= 2 * LIVE * len(cases)


def test_newcomers_who_advertise_are_told_from_regulars() -> None:
    talk = rough_chat(400, rough="gg")
    link = "come and look at https://x.example/a"
    new, regular = (plans_at_the_end([*talk, (user, link)]) for user in ("nobody", "user5"))
    assert all(plan.is_violation for plan in new)
    assert not any(plan.is_violation for plan in regular)


@settings(max_examples=10, deadline=None)
@given(sizes=st.tuples(st.integers(1, 300), st.integers(1, 300)), seed=st.integers(2, 40))
def test_custom_is_the_same_whatever_the_size_of_the_batch(sizes: tuple[int, int], seed: int) -> None:
    comments = comments_of(*rough_chat(200, every=seed + 2))
    said = [
        asyncio.run(RulesStudent().decide(cases, [NOTHING] * len(cases)))
        for cases in (cases_in(comments, LIVE, size) for size in sizes)
    ]
    assert said[0] == said[1]


@settings(max_examples=10, deadline=None)
@given(cut=st.integers(1, 199))
def test_custom_is_learnt_from_the_past_alone(cut: int) -> None:
    lines = rough_chat(200, every=7)
    whole = cases_in(comments_of(*lines), LIVE, size=50)[:cut]
    part = cases_in(comments_of(*lines[:cut]), LIVE, size=50)
    assert asyncio.run(CarefulRulesExpert().audit(whole)) == asyncio.run(CarefulRulesExpert().audit(part))
    nothing = [NOTHING] * cut
    decided = [asyncio.run(RulesStudent().decide(cases, nothing)) for cases in (whole, part)]
    assert decided[0] == decided[1]


def test_channels_have_customs_of_their_own() -> None:
    rough = comments_of(*rough_chat(1_500))
    civil = comments_of(*rough_chat(1_500, rough="gg"), "you idiot")
    both = pl.concat(
        [rough.with_columns(channel=pl.lit("rough")), civil.with_columns(channel=pl.lit("civil"))]
    ).with_columns(position=pl.int_range(pl.len()))
    *_, last = cases_in(both, LIVE, size=64)
    custom = last.custom
    assert custom is not None
    there = custom._replace(place=custom.place._replace(channel="rough"))
    assert custom.share_with("insult_strong", 0, LIVE) < 0.5 * there.share_with("insult_strong", 0, LIVE)


def test_what_only_leans_tells_no_more_than_what_it_leans_on() -> None:
    customs = Customs()
    for n in range(1_000):
        customs.saw("links", 0, Place("room", n, n))
    custom = Custom(customs, Place("room", 1_000, 1_000), LIVE)
    evidence = [
        Evidence(Category.SPAM, 0.4, "a link", "links"),
        Evidence(Category.SPAM, 0.6, "beside what lures", LEANING),
    ]
    told = weighed(evidence, custom).evidence
    assert told[1].weight == told[0].weight < 0.01


def test_a_sign_that_a_line_shows_often_is_as_usual_as_one_that_it_shows_once() -> None:
    customs = Customs()
    for n in range(0, 1_000, 100):
        customs.saw("sexual", 0, Place("room", n, n))
    custom = Custom(customs, Place("room", 1_000, 1_000), LIVE)
    once = Evidence(Category.SEXUAL, 0.42, "a sexual word", "sexual")

    alone = chances(weighed([once], custom).evidence)
    again = chances(weighed([once] * 12, custom).evidence)

    assert again[Category.SEXUAL] == pytest.approx(alone[Category.SEXUAL])


def test_a_mild_word_said_over_and_over_in_one_line_is_no_graver_than_a_few_times() -> None:
    few, many = (cases_in(comments_of("feed him " * times), None, size=1)[0] for times in (4, 30))
    audited = asyncio.run(CarefulRulesExpert().audit([few, many]))
    assert [verdict.plan.is_violation for verdict in audited if verdict.plan] == [False, False]


@pytest.mark.parametrize("text", ["0-3", "0-16 PogChamp", "i lost 1-9 today", "Peru", "vamos peru", "turks!"])
def test_the_score_of_a_match_and_where_a_team_is_from_are_news_to_an_audience(text: str) -> None:
    for plan in plans_at_the_end([*rough_chat(100), text]):
        assert not plan.is_violation


@pytest.mark.parametrize(("text", "judges"), [("0-9 pudge", 2), ("peru", 1)])
def test_the_same_mocks_one_of_those_who_play_together(text: str, judges: int) -> None:
    plans = plans_at_the_end([*rough_chat(100), text], expected=0.195)
    assert sum(plan.is_violation for plan in plans) == judges


@pytest.mark.parametrize("expected", [0.00001, 0.002, 0.5, 0.999, 1.0])
def test_a_plain_slur_among_civil_lines_is_sanctioned_and_a_civil_line_is_not_whatever_is_expected(
    expected: float,
) -> None:
    civil = [(f"user{n % 97}", f"nice shot {n}") for n in range(300)]
    slur = plans_at_the_end([*civil, "you are a nigger"], expected)
    greeting = plans_at_the_end([*civil, "good evening everyone"], expected)
    assert all(0 <= plan.confidence <= 1 for plan in (*slur, *greeting))
    assert [plan.is_violation for plan in greeting] == [False, False]
    assert [plan.is_violation for plan in slur] == [True, True]
