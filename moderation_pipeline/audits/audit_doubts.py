"""What makes a comment worth auditing, by policy: doubt, harm, severity, disagreement, novelty; higher first.

How many are then audited, and which others by chance, is `audit_policy.py`'s.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import log2
from typing import NamedTuple

import numpy as np

from moderation_pipeline.cases.audit_reason import AuditReason
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.config.run_config import AuditSpec, HarmSpec
from moderation_pipeline.embedders.tfidf import BITS, TfidfEmbedder


class Doubt(NamedTuple):
    """How much a case deserves an audit, on a scale of its own kind: compared only with doubts of the same scale."""

    scale: str
    value: float


class Doubts(ABC):
    """Rates the cases of a batch; each policy but all, none and random is one.

    What a base's confidence says and what a head's does are not on one scale: a chat on which a head takes over from
    its base, or gives way to it, would be audited too much or not at all until the one's doubts are forgotten.
    """

    reason: AuditReason
    """Why what is chosen so is audited."""

    def of(self, cases: Sequence[Case], verdicts: Sequence[Verdict]) -> list[Doubt]:
        """Return how much each case deserves an audit, and on which scale; every verdict has a plan."""
        values = self.rate(cases, verdicts)
        return [Doubt(self.scale(verdict), value) for verdict, value in zip(verdicts, values, strict=True)]

    def scale(self, verdict: Verdict) -> str:
        """Return what the doubt in a verdict may be compared with: by whose confidence it goes."""
        return verdict.confidence_source

    @abstractmethod
    def rate(self, cases: Sequence[Case], verdicts: Sequence[Verdict]) -> list[float]:
        """Return how much each case deserves an audit; every verdict has a plan."""

    def audited(self, cases: Sequence[Case]) -> None:  # noqa: B027  (only novelty remembers)
        """Take note of the cases of the batch that will be audited."""

    @property
    def note(self) -> str | None:
        """What is to be said of how doubts were rated, once the run is over; null where nothing is."""
        return None


class Margin(Doubts):
    """How near the Student was to deciding otherwise: its closeness where it knows it, else its doubt.

    A learned head's closeness counts comments on both sides of its threshold alike. Its doubt is on the scale of
    calibrated probabilities, which err by more than audits can afford while few are in: on five orders of the
    research stream system F1 at 10 % audits was .914 by doubt and .918 by closeness (chosen on ten other orders).
    """

    reason = AuditReason.UNCERTAIN

    def scale(self, verdict: Verdict) -> str:
        """Return `closeness` where it is known, else by whose confidence the doubt goes."""
        return super().scale(verdict) if verdict.closeness is None else "closeness"

    def rate(self, cases: Sequence[Case], verdicts: Sequence[Verdict]) -> list[float]:  # noqa: ARG002
        """Return the closeness of each verdict, or its doubt."""
        return [
            verdict.uncertainty if verdict.closeness is None or verdict.plan is None else verdict.closeness
            for verdict in verdicts
        ]


class Entropy(Doubts):
    """The entropy, in bits, of being right or wrong, by the Student's confidence."""

    reason = AuditReason.UNCERTAIN

    def rate(self, cases: Sequence[Case], verdicts: Sequence[Verdict]) -> list[float]:  # noqa: ARG002
        """Return the binary entropy of each confidence: 1 at one half, 0 at certainty either way."""
        return [_entropy(verdict.plan.confidence) if verdict.plan else 1.0 for verdict in verdicts]


def _entropy(confidence: float) -> float:
    if confidence <= 0 or confidence >= 1:
        return 0.0
    return -confidence * log2(confidence) - (1 - confidence) * log2(1 - confidence)


class AvertedHarm(Doubts):
    """The harm that is expected of what the Student would do: an audit averts it.

    Of letting be it is the probability of a violation times what a missed one weighs, of acting that of none times
    what a wrongful sanction weighs. While no probability is calibrated nobody knows either, and the doubtful are
    audited, on their own scales: a head that sees the likeliest alone from the first audit on ranks worse for good.
    """

    reason = AuditReason.AVERTED_HARM

    def __init__(self, harm: HarmSpec) -> None:
        self._harm = harm
        self._margin = Margin()
        self._rated = 0
        self._calibrated = 0

    def scale(self, verdict: Verdict) -> str:
        """Return `harm` where it can be told, else the scale of the doubt."""
        return self._margin.scale(verdict) if self._probability(verdict) is None else "harm"

    def rate(self, cases: Sequence[Case], verdicts: Sequence[Verdict]) -> list[float]:
        """Return the expected harm of each plan, or how doubtful it is."""
        doubts = self._margin.rate(cases, verdicts)
        harms = [self._expected(verdict) for verdict in verdicts]
        self._rated += len(harms)
        self._calibrated += sum(harm is not None for harm in harms)
        return [doubt if harm is None else harm for doubt, harm in zip(doubts, harms, strict=True)]

    def _expected(self, verdict: Verdict) -> float | None:
        probability = self._probability(verdict)
        if probability is None or verdict.plan is None:
            return None
        if verdict.plan.is_violation:
            return self._harm.wrongful * (1 - probability)
        return self._harm.missed * probability

    def _probability(self, verdict: Verdict) -> float | None:
        learnt = verdict.learnt_suspicion
        return None if learnt is None or not learnt.is_calibrated else learnt.probability

    @property
    def note(self) -> str | None:
        """What share of comments was looked at for doubt, because nobody has calibrated a probability."""
        if self._calibrated == self._rated:
            return None
        return (
            f"Audits by averted harm: {self._rated - self._calibrated:,} of {self._rated:,} comments had no calibrated "
            "probability of a violation (a learned Student gives one once its audits are enough), and were audited "
            "where the Student was in doubt."
        )


class Committee(Doubts):
    """Whether the Student's base and its learned head disagree; then the more doubtful first.

    Query by committee: Seung, Opper & Sompolinsky 1992 (doi:10.1145/130385.130417).
    """

    reason = AuditReason.COMMITTEE

    def rate(self, cases: Sequence[Case], verdicts: Sequence[Verdict]) -> list[float]:  # noqa: ARG002
        """Return one half and more where they disagree, one half and less where they don't."""
        return [(_disagreement(verdict) + verdict.uncertainty) / 2 for verdict in verdicts]


def _disagreement(verdict: Verdict) -> float:
    plan, other = verdict.plan, verdict.second_opinion
    if plan is None or other is None or plan.agrees_with(other):
        return 0.0
    return 1.0 if plan.is_violation != other.is_violation else 0.5


class Novelty(Doubts):
    """How far the text is from all audited ones: the share of its terms that none of them held."""

    reason = AuditReason.NOVELTY

    def __init__(self) -> None:
        self._embedder = TfidfEmbedder()
        self._seen = np.zeros(1 << BITS, dtype=np.bool_)

    def scale(self, verdict: Verdict) -> str:  # noqa: ARG002
        """Return the same for all: what is new doesn't hang on the verdict."""
        return self.reason

    def rate(self, cases: Sequence[Case], verdicts: Sequence[Verdict]) -> list[float]:  # noqa: ARG002
        """Return the share of terms not seen before; of audits, not of comments."""
        rows = self._embedder.embed([case.normalised for case in cases])
        unseen = (~self._seen[rows.indices]).astype(np.float64)
        starts = rows.indptr[:-1]
        shares: list[float] = (np.add.reduceat(unseen, starts) / np.diff(rows.indptr)).tolist()
        return shares

    def audited(self, cases: Sequence[Case]) -> None:
        """Remember the terms of audited cases."""
        if cases:
            self._seen[self._embedder.embed([case.normalised for case in cases]).indices] = True


def doubts_of(spec: AuditSpec) -> Doubts | None:
    """Return what the policy looks at, null where it chooses nothing with certainty but what must be."""
    match spec.policy:
        case "uncertain" | "severity":
            return Entropy() if spec.measure == "entropy" else Margin()
        case "committee":
            return Committee()
        case "novelty":
            return Novelty()
        case "averted_harm":
            return AvertedHarm(spec.harm)
        case _:
            return None
