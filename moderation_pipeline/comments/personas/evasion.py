"""How filters are evaded: the disguises that real chats show. How they are seen through is in `normalise`."""

from __future__ import annotations

from collections.abc import Callable

from moderation_pipeline.comments.personas.dice import Dice

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


def disguised(text: str, dice: Dice) -> str:
    """Return the text in one of the disguises, but for a mention that it begins with."""
    mention, space, rest = text.partition(" ")
    if mention.startswith("@") and rest:
        return f"{mention}{space}{dice.pick(DISGUISES)(rest, dice)}"
    return dice.pick(DISGUISES)(text, dice)


def homoglyphs(text: str, dice: Dice) -> str:
    """Return the text in letters that look alike: Cyrillic, full width, mathematical, accented."""
    table = dice.pick((CYRILLIC, CYRILLIC, FULL_WIDTH, BOLD, ACCENTS))
    return text.translate(table)


def leetspeak(text: str, dice: Dice) -> str:
    """Return the text with digits for letters, in links too."""
    if dice.chance(0.5):
        return text.translate(LEET)
    return _on_longest(text, lambda word: word.translate(LEET).replace("1", "!"))


def zero_width(text: str, dice: Dice) -> str:
    """Return the text with invisible characters inside its longer words."""
    invisible = dice.pick(ZERO_WIDTH)
    return " ".join(
        word if len(word) < 4 else f"{word[:2]}{invisible}{word[2:-1]}{invisible}{word[-1]}"
        for word in text.split(" ")
    )


def tagged(text: str, dice: Dice) -> str:
    """Return the text with the tag characters that are sent to pass the filter of duplicates."""
    if dice.chance(0.5):
        return f"{text} {TAG}"
    return f"{text} {TAG * dice.between(1, 3)}{chr(0xE0061 + dice.between(0, 25))}"


def spaced_out(text: str, dice: Dice) -> str:
    """Return the text with its longest word, or all of it, in single letters."""
    between = dice.pick((" ", " ", ".", "-", "_", "*"))
    if len(text) < 24 and dice.chance(0.5):
        return "   ".join(" ".join(word) for word in text.split(" "))
    return _on_longest(text, lambda word: between.join(word))


def stretched(text: str, dice: Dice) -> str:
    """Return the text with a letter of its longest word drawn out, and of some other words."""
    times = dice.between(3, 7)

    def stretch(word: str) -> str:
        at = dice.between(2, max(2, len(word) - 1))
        return word[:at] + word[at - 1] * times + word[at:]

    words = _on_longest(text, stretch).split(" ")
    return " ".join(
        stretch(word) if word.isalpha() and 3 < len(word) < 8 and dice.chance(0.3) else word for word in words
    )


def _on_longest(text: str, change: Callable[[str], str]) -> str:
    words = text.split(" ")
    longest = max(range(len(words)), key=lambda at: (len(words[at]) if words[at].isalpha() else 0, at))
    words[longest] = change(words[longest])
    return " ".join(words)


DISGUISES: tuple[Callable[[str, Dice], str], ...] = (
    homoglyphs,
    leetspeak,
    zero_width,
    tagged,
    spaced_out,
    stretched,
)
