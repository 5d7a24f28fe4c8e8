from __future__ import annotations

import pytest

from moderation_pipeline.agents.keyless.close_reading import text_evidence
from moderation_pipeline.agents.keyless.evidence import LIKELY, chances
from moderation_pipeline.text.normalise import normalise_text


def worst_in(text: str) -> float:
    found = chances(text_evidence(normalise_text(text), is_reply=False))
    return max(found.values(), default=0.0)


@pytest.mark.parametrize(
    ("harmless", "harmful"),
    [
        ("i am such an idiot", "you are such an idiot"),
        ("what an idiot i am", "what an idiot he is"),
        ("how stupid of me", "how stupid of you"),
        ("he is not an idiot", "no man, he is an idiot"),
        ("this movie is garbage", "this carry is garbage"),
        ("not ez at all", "ez"),
        ("fucking lag", "fucking noob"),
        ("holy shit", "you piece of shit"),
        ("i was told to fuck off", "fuck off"),
        ("kms lol", "i want to kill myself"),
        ("are you from peru?", "typical peruvian"),
        ("what a joke", "you are a joke"),
        ("my cat is a useless little thing and i love him", "you are useless"),
        ("noob question, how do i save", "noob"),
        ("my dog is outside", "you dog"),
        ("easy does it", "easy mid"),
        ("someone called my build trash", "your build is trash"),
        ("shut up and take my money", "shut up"),
        ("kill the boss", "kill yourself"),
    ],
)
def test_the_same_words_are_abuse_or_not_by_their_use(harmless: str, harmful: str) -> None:
    assert worst_in(harmless) < LIKELY
    assert worst_in(harmful) >= LIKELY


def test_being_addressed_and_real_life_make_it_worse() -> None:
    assert worst_in("i will stab you in real life") > worst_in("stab you") >= LIKELY
