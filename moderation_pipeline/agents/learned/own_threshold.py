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
from moderation_pipeline.agents.learned.features import suspicion_of
from moderation_pipeline.agents.plan import Action, Category, Plan
from moderation_pipeline.agents.verdict import Verdict

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
        scores = [None if base.plan is None else log_odds(suspicion_of(base)) for base in bases]
        self._proposed.update(
            (base.plan.action, base.plan.category)
            for base in bases
            if base.plan is not None and base.plan.is_violation
        )
        if not calibration.is_fitted:
            return [None] * len(bases), scores
        return [
            None if score is None else self._moved(base, score, calibration)
            for base, score in zip(bases, scores, strict=True)
        ], scores

    def _moved(self, base: Verdict, score: float, calibration: Calibration) -> Verdict | None:
        probability = calibration.probability(score)
        plan = base.plan
        if score < calibration.threshold:
            plan = Plan(Action.ALLOW, Category.NONE, 1 - probability, "below the threshold that audits set")
        elif plan is not None and plan.is_violation:
            plan = replace(plan, confidence=probability)
        elif self._proposed:
            (action, category), _ = self._proposed.most_common(1)[0]
            plan = Plan(action, category, probability, "above the threshold that audits set")
        else:
            return None
        return replace(
            base,
            plan=plan,
            confidence_source="calibrated",
            tier="base, recalibrated",
            doubt=1 - plan.confidence,
            second_opinion=base.plan,
        )


def log_odds(probability: float) -> float:
    """Return the log-odds of a probability, finite at both ends."""
    kept = min(SUREST, max(1 - SUREST, probability))
    return log(kept / (1 - kept))
