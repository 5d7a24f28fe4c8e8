"""Which languages the keyless judges speak: that they find nothing in another says nothing about the comment.

A comment in a language that they don't speak, in which nothing is found (no link, no flood, no word that is known),
is not judged: an allow would say that it had been read. Where the language is unsure, it is judged as it always was,
unless no language of its script is spoken: whether two characters are Chinese or Japanese needs no answer.
Which language it is, `text.language` guesses.
"""

from __future__ import annotations

from dataclasses import replace

from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.text.language import ENGLISH, other_script
from moderation_pipeline.text.words_by_language import has_words


def not_spoken(case: Case) -> str | None:
    """Return what the keyless agents don't speak, where that is known of a case: a language, or all of a script."""
    language = case.language
    if language is None:
        script = other_script(case.normalised)
        return None if script is None else f"languages in {script} script"
    return None if language == ENGLISH or has_words(language) else f"'{language}'"


def unless_unspoken(verdict: Verdict, unspoken: str | None) -> Verdict:
    """Return the verdict; one that found nothing in a language that isn't spoken says that it is none."""
    if unspoken is None or verdict.plan is None or verdict.plan.is_violation:
        return verdict
    return replace(verdict, not_judged=f"not judged: the keyless agents don't speak {unspoken}")
