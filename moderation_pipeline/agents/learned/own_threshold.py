"""A base whose threshold audits have moved: for audits that may not be trained on.

Some providers' terms forbid training on their output. Their audits never reach a fit; they do show whether the
base's confidence is right, and from which suspicion on a violation is one. Nothing of a comment's words or of an
audit's category is used: a comment that the base let go is given the plan that the base most often proposes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import log

from moderation_pipeline.agents.learned.calibration import Calibration
from moderation_pipeline.agents.learned.reading.features import suspicion
from moderation_pipeline.cases.tier_names import BASE_MOVED
from moderation_pipeline.cases.verdict import LearntSuspicion, Verdict
from moderation_pipeline.plan import Action, Category, Plan

SUREST = 0.999
"""Suspicions are read as no surer than this, for log-odds are finite."""


class OwnThreshold:
    """Decides as the base does, from a calibrated threshold on its suspicion."""

    def __init__(self) -> None:
        self._proposed: Counter[tuple[Action, Category]] = Counter()

    def decide(
        self, bases: Sequence[Verdict], calibration: Calibration
    ) -> tuple[list[Verdict | None], list[float | None]]:
        """Return the verdicts, null where the base stands as it is, and the base's log-odds of a violation."""
        scores = [None if base.plan is None else log_odds(suspicion(base.plan)) for base in bases]
        self._proposed.update(
            (base.plan.action, base.plan.category)
            for base in bases
            if base.plan is not None and base.plan.is_violation
        )
        if not calibration.is_fitted:
            return [None] * len(bases), scores
        return [self._moved(base, calibration) for base in bases], scores

    def _moved(self, base: Verdict, calibration: Calibration) -> Verdict | None:
        plan = self._plan(base.plan, calibration)
        if plan is None:
            return None
        return replace(
            base,
            plan=plan,
            confidence_source="calibrated",
            tier=BASE_MOVED,
            doubt=1 - plan.confidence,
            learnt_suspicion=LearntSuspicion(suspicion(plan), is_calibrated=True),
            second_opinion=base.plan,
            # A memory is credited with what it did to the decision, not to the base's opinion.
            without_memory=self._plan(base.without_memory, calibration),
        )

    def _plan(self, plan: Plan | None, calibration: Calibration) -> Plan | None:
        """Return what becomes of a plan of the base by the threshold; null where there is none, or no other known."""
        if plan is None:
            return None
        score = log_odds(suspicion(plan))
        probability = calibration.probability(score)
        if score < calibration.threshold:
            return Plan(Action.ALLOW, Category.NONE, 1 - probability, "below the threshold that audits set")
        if plan.is_violation:
            return replace(plan, confidence=probability)
        if not self._proposed:
            return None
        (action, category), _ = self._proposed.most_common(1)[0]
        return Plan(action, category, probability, "above the threshold that audits set")


def log_odds(probability: float) -> float:
    """Return the log-odds of a probability, finite at both ends."""
    kept = min(SUREST, max(1 - SUREST, probability))
    return log(kept / (1 - kept))
