"""Tests of names that look like words: whose they are, since when, and what nobody may say by having it as a name."""

from __future__ import annotations

import asyncio

import polars as pl
import pytest

from moderation_pipeline.agents.keyless.careful_rules import CarefulRulesExpert
from moderation_pipeline.agents.keyless.rules import RulesStudent
from moderation_pipeline.cases.situation import Situation, Standing
from moderation_pipeline.moderation.stream import Stream
from moderation_pipeline.text.names import looks_like_words, with_names_as_mentions, without_mentions
from moderation_pipeline_tests.moderation.scripted import chat_of


def violations(texts: list[str], users: list[str]) -> list[tuple[bool, bool]]:
    """Return what the fast and the careful rules think of each line."""
    (cases,) = Stream(chat_of(texts, users=users)).batches(100)
    fast = asyncio.run(RulesStudent().decide(cases, [Situation(Standing(0, None))] * len(cases)))
    careful = asyncio.run(CarefulRulesExpert().audit(cases))
    plans = zip((each.plan for each in fast), (each.plan for each in careful), strict=True)
    return [(bool(one and one.is_violation), bool(two and two.is_violation)) for one, two in plans]


@pytest.mark.parametrize("name", ["idiot", "noobslayer", "dumbass", "stupid_bob", "kys_now"])
@pytest.mark.parametrize("line", ["@{} hi welcome", "you were great @{}", "thanks @{}, gg"])
def test_a_mention_is_a_name_and_no_word(name: str, line: str) -> None:
    assert violations([line.format(name)], ["polly"]) == [(False, False)]


@pytest.mark.parametrize("line", ["you are an @idiot", "ur such a @moron", "@bob you idiot"])
def test_what_someone_is_called_stays_a_word_behind_a_mentions_sign(line: str) -> None:
    assert violations([line], ["rook"]) == [(True, True)]


@pytest.mark.parametrize("line", ["@nigger", "go home @niggers", "hey @kike get out"])
def test_a_slur_is_no_name_whatever_sign_is_before_it(line: str) -> None:
    assert violations([line], ["rook"]) == [(True, True)]


def test_someones_name_is_a_name_from_his_first_line_on() -> None:
    texts, users = ["gg noobslayer", "hello", "gg noobslayer"], ["polly", "noobslayer", "polly"]

    before, _, after = violations(texts, users)

    assert before == (True, True)
    assert after == (False, False)


def test_a_name_is_known_in_the_channel_of_its_bearer_alone() -> None:
    comments = chat_of(["hello", "gg noobslayer"], users=["noobslayer", "polly"], channel="here")
    elsewhere = comments.with_columns(channel=pl.Series(["here", "there"]))

    assert with_names_as_mentions(comments)["normalised"].to_list() == ["hello", "gg @noobslayer"]
    assert with_names_as_mentions(elsewhere)["normalised"].to_list() == ["hello", "gg noobslayer"]


@pytest.mark.parametrize("name", ["idiot", "idiots", "kys_now", "noobtrash", "fuckyou", "crystalrook"])
def test_nobody_takes_a_word_from_the_lexicon_by_calling_himself_so(name: str) -> None:
    assert not looks_like_words(name)


def test_mentions_are_taken_out_and_addresses_left() -> None:
    texts = pl.DataFrame({"text": ["@idiot hi", "hi,@idiot!", "an @idiot", "mail a.b@c.com"]})

    read = texts.select(without_mentions(pl.col("text"))).to_series().to_list()

    assert read == ["@ hi", "hi,@!", "an idiot", "mail a.b@c.com"]
