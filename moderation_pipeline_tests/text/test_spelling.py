from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.text.lexicon import lexicon
from moderation_pipeline.text.spelling import corrected


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("retrad", ("retard",)),
        ("stpuid", ("stupid",)),
        ("idoit", ("idiot",)),
        ("bittch", ("bitch",)),
        ("muslm", ("muslim",)),
        ("disabld", ("disabled",)),
        ("suchidiots", ("such", "idiots")),
        ("immigrantsdisgust", ("immigrants", "disgust")),
    ],
)
def test_one_slip_is_undone(word: str, meant: tuple[str, ...]) -> None:
    assert corrected(word) == meant


@pytest.mark.parametrize(
    "word",
    [
        *(
            "therapist",
            "assassin",
            "class",
            "hello",
            "analyst",
            "cocktail",
            "scunthorpe",
            "shift",
            "shirt",
            "count",
        ),
        *(
            "money",
            "restart",
            "hehe",
            "puck",
            "regard",
            "moon",
            "where",
            "back",
            "beach",
            "spikes",
            "among",
            "dickens",
        ),
        *(
            "nothing",
            "together",
            "grape",
            "mango",
            "skill",
            "japan",
            "country",
            "potato",
            "cumin",
            "treat",
            "best",
        ),
    ],
)
def test_an_ordinary_word_is_left_alone(word: str) -> None:
    assert corrected(word) == (word,)


@given(st.sampled_from(sorted(word for word in lexicon().words if len(word) < 9)))
def test_a_term_stands_for_itself(word: str) -> None:
    assert corrected(word) == (word,)


@given(st.text(max_size=12))
def test_nothing_is_made_of_what_is_no_latin_word(word: str) -> None:
    if not (word.isascii() and word.isalpha()):
        assert corrected(word) == (word,)
