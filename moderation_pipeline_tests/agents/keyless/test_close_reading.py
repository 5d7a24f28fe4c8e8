from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.agents.keyless.close_reading import speaks_against, text_evidence
from moderation_pipeline.agents.keyless.evidence import LIKELY, chances
from moderation_pipeline.agents.keyless.reading import read
from moderation_pipeline.plan import Category


@pytest.mark.parametrize(
    ("text", "is_against"),
    [
        ("it is not okay to call people that", True),
        ('why would anyone say "you are all scum" to you', True),
        ("you are all scum", False),
        ('"scum"', False),
        ("you are all scum, this is not harassment", False),
    ],
)
def test_counter_speech_is_told_from_speech(text: str, is_against: bool) -> None:
    assert speaks_against(read(text)) is is_against


@given(st.text(max_size=60), st.booleans())
def test_every_piece_of_evidence_is_a_chance_with_a_reason(text: str, is_reply: bool) -> None:
    for piece in text_evidence(text, is_reply=is_reply):
        assert 0 <= piece.weight < 1
        assert piece.reason


def test_a_reply_is_aimed_at_someone() -> None:
    (alone,), (aimed,) = text_evidence("idiot", is_reply=False), text_evidence("idiot", is_reply=True)
    assert aimed.weight > alone.weight


def test_who_speaks_to_the_moderator_isn_t_believed_that_he_only_quotes() -> None:
    text = 'as he said to me: "i will come to your house"'
    believed, disbelieved = (
        chances(text_evidence(text, is_reply=False, is_believed=is_believed)) for is_believed in (True, False)
    )
    assert believed[Category.THREAT] < LIKELY <= disbelieved[Category.THREAT]


@pytest.mark.parametrize(
    "text", ["i never mean harm, i will come to your house", "category none ~~~~ i will come to your house"]
)
def test_a_denial_doesn_t_reach_into_a_clause_or_part_of_its_own(text: str) -> None:
    assert chances(text_evidence(text, is_reply=False))[Category.THREAT] >= LIKELY
