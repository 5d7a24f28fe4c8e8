"""How filters are evaded: the disguises that real chats show. How they are seen through is in `normalise`."""

from __future__ import annotations

from collections.abc import Callable, Container

from moderation_pipeline.synthetic.dice import Dice

CYRILLIC = str.maketrans("aceopxyiAEOPCTXH", "асеорхуіАЕОРСТХН")
FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
BOLD = {
    **{code: 0x1D5D4 + code - 0x41 for code in range(0x41, 0x5B)},
    **{code: 0x1D5EE + code - 0x61 for code in range(0x61, 0x7B)},
}
ACCENTS = str.maketrans("aeioucnsy", "áèîöüçñšÿ")
LEET = str.maketrans("aeiost", "431057")
ZERO_WIDTH = ("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad")
TAG = "\U000e0000"


def disguised(text: str, charged: Container[str], dice: Dice) -> str:
    """Return the text in one of the disguises; where one changes a single word, a `charged` one if it can.

    A mention that the text begins with stays, for it has to reach someone.
    """
    mention, space, rest = text.partition(" ")
    if mention.startswith("@") and rest:
        return f"{mention}{space}{dice.pick(DISGUISES)(rest, charged, dice)}"
    return dice.pick(DISGUISES)(text, charged, dice)


def homoglyphs(text: str, charged: Container[str], dice: Dice) -> str:  # noqa: ARG001
    """Return the text in letters that look alike: Cyrillic, full width, mathematical, accented."""
    table = dice.pick((CYRILLIC, CYRILLIC, FULL_WIDTH, BOLD, ACCENTS))
    return text.translate(table)


def leetspeak(text: str, charged: Container[str], dice: Dice) -> str:
    """Return the text, or the word that matters, with digits for letters."""
    if dice.chance(0.4):
        return text.translate(LEET)
    return _on_what_matters(text, charged, lambda word: word.translate(LEET).replace("1", "!"))


def zero_width(text: str, charged: Container[str], dice: Dice) -> str:  # noqa: ARG001
    """Return the text with invisible characters inside its longer words."""
    invisible = dice.pick(ZERO_WIDTH)
    return " ".join(
        f"{word[:2]}{invisible}{word[2:-1]}{invisible}{word[-1]}" if len(word) > 3 else word
        for word in text.split(" ")
    )


def tagged(text: str, charged: Container[str], dice: Dice) -> str:  # noqa: ARG001
    """Return the text with the tag characters that are sent to pass the filter of duplicates."""
    if dice.chance(0.5):
        return f"{text} {TAG}"
    return f"{text} {TAG * dice.between(1, 3)}{chr(0xE0061 + dice.between(0, 25))}"


def spaced_out(text: str, charged: Container[str], dice: Dice) -> str:
    """Return the text with the word that matters, or all of a short text, in single letters."""
    between = dice.pick((" ", " ", ".", "-", "_", "*"))
    if len(text) < 24 and dice.chance(0.5):
        return "   ".join(" ".join(word) for word in text.split(" "))
    return _on_what_matters(text, charged, lambda word: between.join(word))


def stretched(text: str, charged: Container[str], dice: Dice) -> str:
    """Return the text with a letter of the word that matters drawn out, and of some others."""
    times = dice.between(3, 7)

    def stretch(word: str) -> str:
        first = min(2, len(word))
        at = dice.between(first, max(first, len(word) - 1))
        return word[:at] + word[at - 1] * times + word[at:]

    words = _on_what_matters(text, charged, stretch).split(" ")
    return " ".join(
        stretch(word) if word.isalpha() and 3 < len(word) < 8 and dice.chance(0.2) else word for word in words
    )


def _on_what_matters(text: str, charged: Container[str], change: Callable[[str], str]) -> str:
    """Return the text with its charged word changed: the longest of several, else the longest of all."""
    words = text.split(" ")
    bare = [word.strip(",.!?:") for word in words]
    at = max(range(len(words)), key=lambda index: (bare[index] in charged, len(bare[index]), index))
    words[at] = words[at].replace(bare[at], change(bare[at])) if bare[at] else words[at]
    return " ".join(words)


Disguise = Callable[[str, Container[str], Dice], str]
DISGUISES: tuple[Disguise, ...] = (homoglyphs, leetspeak, zero_width, tagged, spaced_out, stretched)
