"""What earlier lines add to a comment: abuse kept up, a message split over lines, egging someone on.

Only the chat's own lines, as every Expert sees them (law 3). What the comment itself says is
`close_reading`'s.
"""

from __future__ import annotations

from collections.abc import Sequence

from moderation_pipeline.agents.keyless.close_reading import text_evidence
from moderation_pipeline.agents.keyless.evidence import LEANING, LIKELY, Evidence, chances
from moderation_pipeline.cases.case import Case, Line
from moderation_pipeline.plan import Category
from moderation_pipeline.text.lexicon import grammar
from moderation_pipeline.text.names import NO_NAMES, emote_names
from moderation_pipeline.text.normalise import normalise_text

OWN_LINES = 4
ROOM_LINES = 6
FRAGMENT_WORDS = 3
"""A message that is split to pass a filter comes in pieces of a few words, or of single letters."""

PLAIN = 0.8
"""The chance from which an earlier line counts as abuse; less would pile doubt upon doubt."""

DOUBTFUL = 0.4
"""The chance from which earlier abuse settles a doubt. On CONDA's train split it says nothing of other lines:
4 % of 3,236 lines without a telling word are abuse where one of the user's last three was, 3 % of all."""

KEPT_UP = frozenset({Category.HARASSMENT, Category.HATE, Category.THREAT, Category.SEXUAL})


def evidence_of_earlier_lines(case: Case, evidence: Sequence[Evidence]) -> list[Evidence]:
    """Return what the lines before the comment add to the evidence in it."""
    found = []
    now = chances(evidence)
    words = case.normalised.split()
    if len(words) <= FRAGMENT_WORDS or now:
        own = case.own_lines_before(OWN_LINES)
        found += _kept_up(own, now)
        if len(words) <= FRAGMENT_WORDS and max(now.values(), default=0.0) < LIKELY:
            found += _split(own, case.normalised)
    if case.normalised.strip(".! ") in grammar().agreeing:
        found += _egging_on(case)
    return found


def _kept_up(own: Sequence[Line], now: dict[Category, float]) -> list[Evidence]:
    """Abuse that goes on over lines is worse than one line of it, and tells what a doubtful line means."""
    likeliest = max(now, key=now.__getitem__, default=Category.NONE)
    if likeliest not in KEPT_UP or now[likeliest] < DOUBTFUL:
        return []
    abusive = sum(1 for line in own if _chance_in(line, KEPT_UP) >= PLAIN)
    if abusive < 2:
        return []
    return [Evidence(likeliest, 0.1 * abusive, f"kept up over {abusive} earlier lines", LEANING)]


def _split(own: Sequence[Line], normalised: str) -> list[Evidence]:
    """A message split over several comments is read as one, where none of them says it alone."""
    pieces = [normalised]
    for line in reversed(own):
        if len(line.normalised.split()) > FRAGMENT_WORDS or _chance_in(line, KEPT_UP) >= LIKELY:
            break
        pieces.insert(0, line.normalised)
    for start in reversed(range(len(pieces) - 1)):
        parts = pieces[start:]
        whole = _joined(parts)
        if _chance(_joined(parts[:-1]), KEPT_UP) >= LIKELY:
            break
        found = text_evidence(whole, is_reply=False)
        together = chances(found)
        worst = max(together, key=together.__getitem__, default=Category.NONE)
        if worst in KEPT_UP and together[worst] >= PLAIN:
            said = f"split over {len(parts)} comments: '{whole}'"
            return [Evidence(worst, 0.85 * together[worst], said, _strongest_of(found, worst).sign)]
    return []


def _strongest_of(evidence: Sequence[Evidence], category: Category) -> Evidence:
    """Return the strongest piece for a category that has one."""
    return max((piece for piece in evidence if piece.category is category), key=lambda piece: piece.weight)


def _joined(parts: Sequence[str]) -> str:
    """Join pieces as words, or as letters where a word was spelt out one or two letters a line."""
    return normalise_text(("" if all(len(part) <= 2 for part in parts) else " ").join(parts))


def _egging_on(case: Case) -> list[Evidence]:
    """Agreeing with someone who says that they want to die is telling them to."""
    for line in case.lines_before(ROOM_LINES):
        is_other = line.user_id is None or line.user_id != case.user_id
        if is_other and _chance_in(line, frozenset({Category.SELF_HARM})) >= LIKELY:
            return [Evidence(Category.THREAT, PLAIN, "egging on someone in distress")]
    return []


def _chance_in(line: Line, categories: frozenset[Category]) -> float:
    return _chance(line.normalised, categories, emote_names(line.text))


def _chance(normalised: str, categories: frozenset[Category], names: frozenset[str] = NO_NAMES) -> float:
    found = chances(text_evidence(normalised, is_reply=False, names=names))
    return max((chance for category, chance in found.items() if category in categories), default=0.0)
