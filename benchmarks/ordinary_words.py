"""Which ordinary words a guess at spelling would take for a term; writes the file that keeps it from doing so.

    python -m benchmarks.ordinary_words [--write]

Of six languages it tries the 20,000 commonest words and what one regular inflection makes of them (in English
whether or not anybody was seen to write it so), and rarer words, of more languages, that are commoner than what
the guess would make of them, or nearly so: a misspelling is far rarer than what it stands for. Without `--write`
it says what has changed since the file was written. Needs `wordfreq`, of the extra `dev`.
"""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from wordfreq import available_languages, top_n_list, zipf_frequency

from moderation_pipeline.agents.keyless.reading import without_accents
from moderation_pipeline.text import ordinary_words as reader
from moderation_pipeline.text import slips_by_language as by_language
from moderation_pipeline.text.language import ENGLISH
from moderation_pipeline.text.leetspeak import ANY_SIGN, resolved
from moderation_pipeline.text.lexicon import lexicon
from moderation_pipeline.text.spelling import explained
from moderation_pipeline.text.words_by_language import has_words, index_for, languages_file

LANGUAGES = ("en", "de", "es", "fr", "pt", "it")
NORTHERN = ("nl", "sv", "da", "nb", "fi", "is", "lt", "lv")
OTHERS = (*NORTHERN, "pl", "cs", "sk", "sl", "sh", "hu", "ro", "ca", "tr", "id", "ms", "fil", "vi")
COMMONEST = 20_000
MANY = 100_000

WELL_KNOWN = 2.2
"""On Zipf's scale (log10 of uses in 10⁹ words): rarer ones are misspellings and names as often as words."""

FAR_RARER = 1.5
"""On the same scale: how much rarer a misspelling is than the word, at least."""

CLOSE = 0.5
"""On the same scale: how much rarer than in English a word may be in its language and still be a word of its own
there. People who swear in English write "fuck" a hundred times seldomer elsewhere."""

FAR_COMMONER = 1.0
"""On the same scale: how much commoner than in English a word beyond the commonest must be to be one of its own: of
rare words, what people borrow to insult with is written as often as in English."""

NOBODYS_OWN = ("nigger", "nigga", "fuck", "motherfuck", "bitch", "asshole")
"""What begins so is English abuse in every language, however often it is written there."""

NOT_SPLIT = ("ja", "ko", "zh")
"""Languages whose words are told apart by programs of their own, and hold no term of the lexicon."""

GUESSED_AS = {"nb": ("no", "nn"), "fil": ("tl",), "sh": ("hr", "sr", "bs", "sh")}
"""What the guess at languages calls those that wordfreq has by another name."""

HEAD = """\
# Ordinary words near a term of the lexicon, which no guess at spelling may change. Written by
# `python -m benchmarks.ordinary_words --write`, which says how they are chosen; not by hand.
#
# Derived from the word frequencies of wordfreq 3.1 (Robyn Speer, 2022; https://github.com/rspeer/wordfreq), whose
# data are CC BY-SA 4.0 (https://creativecommons.org/licenses/by-sa/4.0/); this file is under the same licence.
"""

OWN_HEAD = HEAD.replace(
    "# Ordinary words near a term of the lexicon, which no guess at spelling may change. Written by",
    "# Terms of the lexicon that are ordinary words of another language, by language. Written by",
)

BY_LANGUAGE_HEAD = HEAD.replace(
    "# Ordinary words near a term of the lexicon, which no guess at spelling may change. Written by",
    "# Ordinary words (with `*` beginnings of such) near a term of their language, and its commonest words. Written by",
)

FUNCTION_WORDS = 150
"""The commonest words of a language, which a term is glued to: nearly all of them articles, pronouns and the like."""

STEMS_AND_ENDINGS = {
    "en": (
        ("", "s|ly"),
        ("(?<=[sxzo])|(?<=[cs]h)", "es"),
        ("(?<=[^aeiou])y", "ies|ied|ier"),
        ("(?<=e)", "d|r"),
        ("e", "ing"),
        ("(?<=[^e])", "ed|ing|er"),
    ),
    "de": (("(?<=e)", "n|r|s|m|t"), ("(?<=[^e])", "e|en|er|es|em|s|t|te|n")),
    "es": (("", "s"), ("(?<=[^aeiou])", "es"), ("o", "a|as|os")),
    "fr": (("", "s|e|es"), ("er", "e|es|ent|ez|ons|ait|ant|ee|ees")),
    "pt": (("", "s"), ("(?<=[^aeiou])", "es"), ("o", "a|as|os"), ("m", "ns"), ("(?<=[aeo])l", "is")),
    "it": (("[aeio]", "a|e|i|o"),),
}
"""By language: what is taken off a word's end, and what may be put there. It need not know which word takes which."""

DOUBLED = re.compile(r"[^aeiou][aeiou]([^aeiouwxy])$")


def inflected(word: str, language: str) -> Iterator[str]:
    """Yield what one regular inflection makes of a word."""
    for taken_off, endings in STEMS_AND_ENDINGS[language]:
        stem = re.sub(f"(?:{taken_off})$", "\0", word, count=1)
        if stem.endswith("\0"):
            yield from (stem[:-1] + ending for ending in endings.split("|"))
    if language == "en" and (match := DOUBLED.search(word)):
        yield from (word + match.group(1) + ending for ending in ("ed", "ing", "er"))


def commonest(language: str) -> list[str]:
    """Return the commonest words of a language, without accents."""
    return [without_accents(word) for word in top_n_list(language, COMMONEST)]


def is_guessed_at(word: str) -> bool:
    """Whether slips or leetspeak would make something else of a word."""
    if ANY_SIGN.search(word):
        return resolved(word) is not None
    return explained(word) != (word,)


def is_attested(word: str) -> bool:
    """Whether anybody was seen to write a word, in one of the six languages."""
    return any(zipf_frequency(word, language) > 0 for language in LANGUAGES)


def of_the_commonest() -> set[str]:
    """Return the commonest words and their inflections that would be guessed at."""
    found = set()
    for language in LANGUAGES:
        for word in commonest(language):
            found.add(word)
            if word.isalpha() and len(word) > 2:
                forms = (form for form in inflected(word, language) if is_guessed_at(form))
                found.update(form for form in forms if language == "en" or is_attested(form))
    return {word for word in found if is_guessed_at(word)}


def of_the_rarer() -> set[str]:
    """Return rarer words that would be guessed at, and are commoner than the guess or nearly so."""
    return {
        plain
        for language in (*LANGUAGES, *OTHERS)
        for word in top_n_list(language, MANY)
        if (plain := without_accents(word)).isalpha() and explained(plain) != (plain,)
        if _is_as_common(word, explained(plain), language)
    }


def _is_as_common(word: str, meant: tuple[str, ...], language: str) -> bool:
    frequency = zipf_frequency(word, language)
    if len(meant) == 1:
        guess = max(zipf_frequency(meant[0], each) for each in ("en", language))
        margin = FAR_RARER if language in LANGUAGES and frequency >= WELL_KNOWN else 0.0
        return frequency >= guess - margin
    return frequency >= WELL_KNOWN


def own_words() -> dict[str, list[str]]:
    """Return, by language as it is guessed, the lexicon's words that are commoner in it than in English."""
    return {
        guessed: words
        for language in sorted(available_languages())
        if language not in (ENGLISH, *NOT_SPLIT) and (words := _own_words_of(language))
        for guessed in GUESSED_AS.get(language, (language,))
    }


def _own_words_of(language: str) -> list[str]:
    found = set()
    for rank, word in enumerate(top_n_list(language, MANY)):
        plain = without_accents(word)
        if plain.isdigit() or plain.startswith(NOBODYS_OWN) or not _is_english_term(plain, language):
            continue
        more = zipf_frequency(word, language) - zipf_frequency(plain, ENGLISH)
        if more >= (-CLOSE if rank < COMMONEST else FAR_COMMONER):
            found.add(plain)
    return sorted(found)


def _is_english_term(word: str, language: str) -> bool:
    """Whether a word is a term of the lexicon: where a language has no words of its own here, an English one."""
    groups = {group for group, _ in lexicon().index.groups_of(word)}
    return bool(groups if has_words(language) else groups - {"insult_foreign"})


def ordinary_by_language() -> dict[str, list[str]]:
    """Return the lines of the file of other languages: words that no guess may change, and the commonest of all.

    A word that begins as a slip of a term's beginning does ("schul…" for "schwul…") stands for all that begin so.
    """
    lines = {}
    for language in sorted(languages_file().languages):
        plain = map(without_accents, top_n_list(language, FUNCTION_WORDS))
        common = sorted(
            {word for word in plain if word.isalpha() and not index_for(language).groups_of(word)}
        )
        lines[language] = sorted(_ordinary_in(language, frozenset(common)))
        lines[f"{language} {by_language.COMMON}"] = common
    return lines


def _ordinary_in(language: str, common: frozenset[str]) -> set[str]:
    slips, found = by_language.slips_in(language), set()
    for word in top_n_list(language, MANY):
        plain = without_accents(word)
        meant = slips.explained(plain, common)
        if meant == (plain,) or not plain.isalpha():
            continue
        frequency = zipf_frequency(word, language)
        if len(meant) > 1 or frequency >= zipf_frequency(meant[0], language) - FAR_RARER:
            begins = slips.beginning_of(plain) if len(meant) == 1 else None
            found.add(plain if begins is None else f"{begins}*")
    return found


def print_changes(words: Iterable[str]) -> None:
    """Print what the file lacks and what it holds besides."""
    known, wanted = reader.ordinary_words(), frozenset(words)
    print(
        f"{len(wanted):,} words; the file lacks {len(wanted - known):,} and has {len(known - wanted):,} others."
    )
    for word in sorted(wanted ^ known):
        print(f"  {'+' if word in wanted else '-'} {word}")


def main() -> None:
    """Say what the file should hold, or write it."""
    parser = argparse.ArgumentParser(description="Ordinary words that a guess at spelling would change.")
    parser.add_argument("--write", action="store_true")
    words = of_the_commonest() | of_the_rarer()
    if parser.parse_args().write:
        body = textwrap.fill(" ".join(sorted(words)), 118)
        path = Path(reader.__file__)
        path.with_suffix(".txt").write_text(f"{HEAD}{body}\n", encoding="utf-8")
        lines = "".join(f"{language}: {' '.join(own)}\n" for language, own in own_words().items())
        path.with_name("own_words.txt").write_text(f"{OWN_HEAD}{lines}", encoding="utf-8")
        lines = "".join(f"{name}: {' '.join(words)}\n" for name, words in ordinary_by_language().items())
        path.with_name("ordinary_by_language.txt").write_text(f"{BY_LANGUAGE_HEAD}{lines}", encoding="utf-8")
    else:
        print_changes(words)


if __name__ == "__main__":
    main()
