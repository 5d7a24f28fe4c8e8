"""How people type: never so that emotes or mentions stop working."""

from __future__ import annotations

import pytest

from moderation_pipeline.synthetic.dice import Dice
from moderation_pipeline.synthetic.voice import Voice, voiced

EMOTES = frozenset({"PogChamp"})
PLAIN = Voice(
    is_lower=False,
    is_tidy=False,
    emote="PogChamp",
    emote_share=0,
    opener_share=0,
    slip_share=0,
    shout_share=0,
)


def test_who_types_in_lower_case_spares_emotes_and_mentions() -> None:
    said = voiced("What a Round @BigOtter PogChamp", PLAIN._replace(is_lower=True), EMOTES, Dice(1))
    assert said.startswith("what a round @BigOtter PogChamp")


def test_who_shouts_spares_links() -> None:
    shouter = PLAIN._replace(shout_share=1)
    assert voiced("look at this", shouter, EMOTES, Dice(1)) == "LOOK AT THIS"
    assert voiced("look at http://clips.example", shouter, EMOTES, Dice(1)).startswith("look")


def test_who_is_tidy_ends_sentences_but_not_emotes() -> None:
    tidy = PLAIN._replace(is_tidy=True)
    assert voiced("that was close", tidy, EMOTES, Dice(1)).startswith("That was close.")
    assert voiced("that was PogChamp", tidy, EMOTES, Dice(1)).startswith("That was PogChamp")


@pytest.mark.parametrize("text", ["!points", "!so otter", "gg"])
def test_commands_and_single_words_stay_as_they_are(text: str) -> None:
    loud = PLAIN._replace(shout_share=1, opener_share=1, emote_share=1)
    assert voiced(text, loud, EMOTES, Dice(1)) == text


def test_a_slip_keeps_the_letters() -> None:
    slipping = PLAIN._replace(slip_share=1)
    said = {voiced("absolutely wonderful", slipping, EMOTES, Dice(seed)) for seed in range(40)}
    slips = {
        text for text in said if text.startswith(("a", "b")) and len(text) == len("absolutely wonderful")
    }
    assert len(slips) > 3
    assert {"".join(sorted(text)) for text in slips} == {"".join(sorted("absolutely wonderful"))}


def test_an_article_fits_the_word_after_it() -> None:
    assert voiced("what a idiot of a pilot", PLAIN, EMOTES, Dice(1)).startswith("what an idiot of a pilot")
