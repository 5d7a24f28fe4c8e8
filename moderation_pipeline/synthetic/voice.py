"""How a person types: their case, their favourite emote, what they begin with, their slips."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import NamedTuple

from moderation_pipeline.synthetic.dice import Dice
from moderation_pipeline.synthetic.phrases import Phrase

OPENERS = (
    "lol", "ngl", "bro", "tbh", "honestly", "ok but", "wait", "nah", "yo", "man", "chat", "lmao", "dude",
    "i mean", "ok so", "hm", "haha", "oh", "wow", "real talk", "also", "bruh", "omg",
)  # fmt: skip
CLOSERS = ("lol", "tho", "fr", "ngl", "haha", "lmao", "xD", ":)", "...", "!!", "imo", "tbh", "<3", "o7", "^^")


class Voice(NamedTuple):
    """A person's habits; the shares are of their lines."""

    is_lower: bool
    is_tidy: bool
    emote: str
    emote_share: float
    opener_share: float
    slip_share: float
    shout_share: float


def new_voice(dice: Dice, emotes: tuple[Phrase, ...]) -> Voice:
    """Return the habits of someone new."""
    style = dice.roll()
    return Voice(
        is_lower=style < 0.5,
        is_tidy=style > 0.85,
        emote=str(dice.pick(emotes)[0]),
        emote_share=dice.roll() * 0.3,
        opener_share=dice.roll() * 0.22,
        slip_share=0.04 if dice.chance(0.4) else 0.0,
        shout_share=0.12 if dice.chance(0.12) else 0.005,
    )


def voiced(text: str, voice: Voice, emotes: Container[str], dice: Dice) -> str:
    """Return the text as this person types it. Commands and lines of one word stay as they are.

    Nobody changes the case of an emote or of a name, for they would stop working.
    """
    if text[0] == "!" or " " not in text:
        return text
    text = _with_articles(text)
    if dice.roll() < voice.shout_share and "http" not in text:
        return _cased(text, str.upper, emotes)
    if dice.roll() < voice.opener_share and text[0] != "@":
        text = f"{dice.pick(OPENERS)} {text}"
    if dice.roll() < voice.slip_share:
        text = _with_slip(text, dice)
    if voice.is_lower:
        text = _cased(text, str.lower, emotes)
    elif voice.is_tidy:
        text = text[0].upper() + text[1:]
        if text[-1].isalpha() and text.rsplit(" ", 1)[-1] not in emotes:
            text += "."
    closing = dice.roll()
    if closing < voice.emote_share:
        return f"{text} {voice.emote}"
    if closing > 0.94:
        return f"{text} {dice.pick(CLOSERS)}"
    return text


def _cased(text: str, change: Callable[[str], str], emotes: Container[str]) -> str:
    return " ".join(
        word if word in emotes or word.startswith("@") else change(word) for word in text.split(" ")
    )


def _with_articles(text: str) -> str:
    """Return the text with "an" where a slot began with a vowel."""
    if " a " in text:
        for vowel in "aeio":
            text = text.replace(f" a {vowel}", f" an {vowel}")
    return text


def _with_slip(text: str, dice: Dice) -> str:
    """Return the text with two neighbouring letters swapped, outside of names and links."""
    words = text.split(" ")
    at = dice.between(0, len(words) - 1)
    word = words[at]
    if len(word) < 4 or not word.isalpha():
        return text
    swap = dice.between(1, len(word) - 3)
    words[at] = word[:swap] + word[swap + 1] + word[swap] + word[swap + 2 :]
    return " ".join(words)
