"""The keyless Student: fast rules over the signals, and the votes of memories.

Every signal is evidence for a category, with the chance that a comment that shows it breaks the rule;
evidence adds up as independent chances. Careful reading (targets, quotes, negation, earlier lines) is
`careful_rules`'; counting is `signals`'; what memories say together is `memory.vote`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from moderation_pipeline.agents.case import Case
from moderation_pipeline.agents.evidence import Evidence, plan_from
from moderation_pipeline.agents.plan import Category
from moderation_pipeline.agents.signals import Signals
from moderation_pipeline.agents.student import Situation, Student
from moderation_pipeline.agents.verdict import Contribution, Receipt, Verdict
from moderation_pipeline.config import VoteSpec
from moderation_pipeline.memory.vote import vote

RECEIPT = Receipt(backend="rules")
"""Shared by every verdict of the rules: they cost nothing, and making one per comment would."""

DECIDING = Signals._fields.index("words")
"""Signals before this one decide; those from it on vary freely, and count only in the buckets of `_key`."""

KNOWN_AT_MOST = 100_000
"""Verdicts remembered by their key; chats show a few thousand different ones."""


class RulesStudent(Student):
    """Decides by the signals of a comment, its user's strikes and, where it is clear, a vote of memories."""

    def __init__(self, spec: VoteSpec | None = None) -> None:
        self._vote_spec = spec or VoteSpec()
        self._known: dict[tuple[float, ...], Verdict] = {}

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        """Return one verdict per case, in order."""
        return [self._decide(case, situation) for case, situation in zip(cases, situations, strict=True)]

    def _decide(self, case: Case, situation: Situation) -> Verdict:
        strikes = situation.standing.strikes
        key = _key(case, strikes)
        verdict = self._known.get(key)
        if verdict is None:
            verdict = _verdict(case, strikes)
            if len(self._known) < KNOWN_AT_MOST:
                self._known[key] = verdict
        return self._with_vote(verdict, situation) if situation.recalled else verdict

    def _with_vote(self, verdict: Verdict, situation: Situation) -> Verdict:
        """Let near memories overrule the rules where they are surer: an Expert taught them."""
        outcome = vote(situation.recalled, self._vote_spec)
        if outcome is None or verdict.plan is None or outcome.plan.confidence <= verdict.plan.confidence:
            return verdict
        if outcome.plan.agrees_with(verdict.plan):
            plan = replace(verdict.plan, confidence=outcome.plan.confidence)
        else:
            plan = replace(outcome.plan, reasoning=f"Like what was audited before: {outcome.plan.reasoning}")
        spoken = tuple(
            Contribution("memory", memory_id, round(outcome.margin, 3)) for memory_id in outcome.memory_ids
        )
        return replace(
            verdict,
            plan=plan,
            confidence_source="memory",
            memory_ids=outcome.memory_ids,
            without_memory=verdict.plan,
            explanation=(*verdict.explanation, *spoken),
        )


def _key(case: Case, strikes: int) -> tuple[float, ...]:
    """Return everything that the rules look at, coarsely, so that like comments share one verdict."""
    signals = case.signals
    return (
        *signals[:DECIDING],
        signals.words if signals.words < LONG_WORDS else LONG_WORDS,
        signals.length // 20 if signals.length < LONG_LENGTH else LONG_LENGTH,
        signals.caps_share > SHOUTING,
        signals.symbol_share > MOSTLY_SYMBOLS,
        strikes if strikes < MANY_STRIKES else MANY_STRIKES,
        case.is_moderator or case.is_broadcaster,
    )


def _verdict(case: Case, strikes: int) -> Verdict:
    evidence = evidence_of(case.signals, strikes=strikes, is_trusted=case.is_moderator or case.is_broadcaster)
    explanation = tuple(Contribution("signal", piece.reason, round(piece.weight, 3)) for piece in evidence)
    return Verdict(plan_from(evidence), RECEIPT, explanation=explanation)


LONG_WORDS = 12
LONG_LENGTH = 400
SHOUTING = 0.7
MOSTLY_SYMBOLS = 0.55
MANY_STRIKES = 3


class Weight(NamedTuple):
    """What one signal tells: the chance of its category where it is there once, and for each time more."""

    signal: str
    category: Category
    once: float
    again: float
    reason: str


WEIGHTS = (
    Weight("insult_strong", Category.HARASSMENT, 0.92, 0.3, "a strong insult"),
    Weight("taunt", Category.HARASSMENT, 0.9, 0.2, "a taunt"),
    Weight("dismissal", Category.HARASSMENT, 0.9, 0.2, "telling someone off"),
    Weight("insult_mild", Category.HARASSMENT, 0.82, 0.2, "an insult"),
    Weight("profanity", Category.HARASSMENT, 0.64, 0.2, "swearing"),
    Weight("insult_foreign", Category.HARASSMENT, 0.58, 0.2, "an insult in another language"),
    Weight("score_mock", Category.HARASSMENT, 0.6, 0.1, "a bad score held up"),
    Weight("taunt_weak", Category.HARASSMENT, 0.22, 0.1, "a word of mockery or blame"),
    Weight("insult_weak", Category.HARASSMENT, 0.12, 0.08, "a word that may insult"),
    Weight("profanity_mild", Category.HARASSMENT, 0.15, 0.05, "mild swearing"),
    Weight("report_call", Category.HARASSMENT, 0.12, 0.1, "a call to report"),
    Weight("slur", Category.HATE, 0.93, 0.3, "a slur"),
    Weight("slur_ambiguous", Category.HATE, 0.6, 0.2, "a word used as a slur"),
    Weight("origin", Category.HATE, 0.46, 0.2, "someone's origin"),
    Weight("threat", Category.THREAT, 0.85, 0.3, "a threat"),
    Weight("self_harm_incitement", Category.THREAT, 0.9, 0.3, "telling someone to die"),
    Weight("sexual_strong", Category.SEXUAL, 0.82, 0.3, "explicit sexual text"),
    Weight("sexual", Category.SEXUAL, 0.42, 0.2, "a sexual word"),
    Weight("self_harm", Category.SELF_HARM, 0.85, 0.3, "words of self-harm"),
    Weight("spam_phrase", Category.SPAM, 0.62, 0.5, "an advertising phrase"),
    Weight("decoration", Category.SPAM, 0.4, 0.1, "blocks or stars for attention"),
    Weight("lure", Category.SPAM, 0.08, 0.12, "a word that lures"),
    Weight("shorteners", Category.SPAM, 0.55, 0.3, "a hidden or invite link"),
    Weight("links", Category.SPAM, 0.4, 0.2, "a link"),
    Weight("bot_orders", Category.OTHER, 0.8, 0.3, "orders to a moderation bot"),
    Weight("ghost_tags", Category.OTHER, 0.8, 0.3, "text that poses as the moderator's own"),
    Weight("evasion", Category.OTHER, 0.55, 0.2, "talk of cheats or of evading a ban"),
    Weight("phones", Category.PERSONAL_INFORMATION, 0.85, 0.3, "a phone number"),
    Weight("emails", Category.PERSONAL_INFORMATION, 0.75, 0.2, "an e-mail address"),
    Weight("ip_addresses", Category.PERSONAL_INFORMATION, 0.75, 0.2, "an IP address"),
    Weight("street_addresses", Category.PERSONAL_INFORMATION, 0.75, 0.2, "a street address"),
    Weight("personal_information", Category.PERSONAL_INFORMATION, 0.45, 0.3, "where or who someone is"),
)
"""Set by hand from how often each group was right on the train split of CONDA, rounded; where CONDA has no
such comments (spam, self-harm, personal information), by judgement. Swearing is held just above one half:
whether it is at someone is for the Expert to say."""

PATTERNS = frozenset(
    {
        "score_mock",
        "shorteners",
        "links",
        "ghost_tags",
        "decoration",
        "phones",
        "emails",
        "ip_addresses",
        "street_addresses",
    }
)
"""Signals that are patterns and not groups of the lexicon."""

TRUSTED_WEIGHT = 0.1
"""What a link or an advertisement by a moderator or the broadcaster tells: they announce things."""


def evidence_of(signals: Signals, *, strikes: int = 0, is_trusted: bool = False) -> list[Evidence]:
    """Return what the signals say, one piece of evidence per kind of signal."""
    found = []
    for name, category, once, again, reason in WEIGHTS:
        count = getattr(signals, name)
        if name == "taunt":
            count -= signals.emote_ez
        if count > 0:
            if is_trusted and category is Category.SPAM:
                once = again = TRUSTED_WEIGHT
            found.append(Evidence(category, 1.0 - (1.0 - once) * (1.0 - again) ** min(count - 1, 3), reason))
    found += flood_evidence(signals)
    if found:
        found += leanings(signals, found, strikes)
    return found


def flood_evidence(signals: Signals) -> list[Evidence]:
    """Return evidence of floods; what is short, an emote or a command is none: chats repeat themselves."""
    found = []
    if not (signals.is_command or signals.is_emote_only):
        if signals.user_repeats and signals.words >= 3:
            often = min(signals.user_repeats, 6)
            found.append(
                Evidence(
                    Category.SPAM,
                    min(0.95, 0.08 + 0.16 * often + 0.025 * min(signals.words, 10)),
                    "the same text again by this user",
                )
            )
        if signals.channel_repeats >= 2 and signals.words >= 6:
            found.append(
                Evidence(
                    Category.SPAM,
                    min(0.9, 0.3 + 0.1 * signals.channel_repeats),
                    "the same long text by several users",
                )
            )
        if signals.symbol_share > MOSTLY_SYMBOLS and signals.length >= 40:
            found.append(Evidence(Category.SPAM, 0.55, "a wall of symbols"))
    if signals.caps_share > SHOUTING and signals.length >= 60:
        found.append(Evidence(Category.SPAM, 0.35, "shouting"))
    if signals.mentions >= 3:
        found.append(Evidence(Category.SPAM, min(0.9, 0.25 + 0.12 * signals.mentions), "many mentions"))
    if signals.words >= 6 and signals.user_repeats >= 6:
        found.append(Evidence(Category.SPAM, 0.6, "a flood"))
    return found


def leanings(signals: Signals, found: Sequence[Evidence], strikes: int = 0) -> list[Evidence]:
    """Return what tilts a doubtful case: who is addressed, who writes, and whether the text is disguised."""
    category = max(found, key=lambda piece: piece.weight).category
    leaning = []
    if signals.obfuscated:
        leaning.append(Evidence(category, 0.25, "in disguise"))
    if signals.second_person and category in AIMABLE:
        leaning.append(Evidence(category, 0.12, "addressed to someone"))
    if signals.lure and (signals.links or signals.decoration):
        leaning.append(Evidence(Category.SPAM, 0.6, "a link or blocks beside what lures"))
    if category is Category.SPAM and signals.is_first_message:
        leaning.append(Evidence(category, 0.3, "a first message"))
    if strikes:
        leaning.append(Evidence(category, 0.05 * min(strikes, MANY_STRIKES), "sanctioned before"))
    return leaning


AIMABLE = frozenset({Category.HARASSMENT, Category.HATE, Category.THREAT, Category.SEXUAL})
