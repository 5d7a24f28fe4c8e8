from __future__ import annotations

import pytest

from moderation_pipeline.agents.keyless.close_reading import text_evidence
from moderation_pipeline.agents.keyless.evidence import LIKELY, chances
from moderation_pipeline.plan import Category
from moderation_pipeline.text.normalise import normalise_text


def hate_in(text: str) -> float:
    return chances(text_evidence(normalise_text(text), is_reply=False)).get(Category.HATE, 0.0)


@pytest.mark.parametrize(
    "text",
    [
        "refugees are nothing but parasites",
        "i despise gay people",
        "somebody should shoot all the migrants",
        "jews should be sent back where they came from",
        "a lesbian can never be a good mother, they deserve no rights",
        "no asylum seeker should be allowed to live here",
        "why don't we just get rid of the immigrants?",
        "You are just a tranny",
        "typical slut behaviour",
        "M u s l i m s are vermin",
        "bl4ck people are sub human",
        "Immigrnts are scum",
    ],
)
def test_an_attack_on_a_group_is_hate(text: str) -> None:
    assert hate_in(text) >= LIKELY


@pytest.mark.parametrize(
    "text",
    [
        "my sister is a lesbian and a doctor",
        "three muslims on my course",
        "i love and respect immigrants",
        "nobody should ever hurt a disabled person",
        "i never said that women are stupid",
        'he said "all immigrants are vermin", that is disgusting to hear',
        "it is not okay to call people retards",
        "us queer folk have to stick together, i'm proud of you",
        "i hate mondays",
        "kill all the zombies",
        "bankers are parasites",
        "my bitch has to see the vet, the puppies are due",
        "the black car is dirty",
    ],
)
def test_talk_about_groups_that_attacks_none_is_no_hate(text: str) -> None:
    assert hate_in(text) < LIKELY
