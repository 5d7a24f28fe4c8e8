"""What audits have told a learned Student so far: predictions and what became of them, examples, and when to learn.

What is made of it is `head_learning.py`'s. Learning is due whenever the audits have grown by a factor, so that the
cost of all refits together is a geometric sum: linear in the stream.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.agents.conduct.conduct_levels import Levels
from moderation_pipeline.agents.learned.cross_fitting import Folds
from moderation_pipeline.agents.learned.head import CLASS_SEPARATOR
from moderation_pipeline.agents.learned.kept_examples import KeptExamples
from moderation_pipeline.agents.learned.model_snapshot import Example, HowAudited
from moderation_pipeline.agents.learned.near_copies import NearCopies
from moderation_pipeline.agents.learned.reading.case_reader import CaseReader, ToLearn
from moderation_pipeline.agents.learned.reading.feature_rows import Known
from moderation_pipeline.cases.situation import Lesson
from moderation_pipeline.config.agent_specs import LearnedSpec
from moderation_pipeline.plan import Plan

Floats = NDArray[np.float64]


FEW = 2_000
"""Up to so many own audits a head is judged by folds of them; from there on by predictions made before each."""

CROSS_FIT_GROWTH = 1.15
"""Folds are fitted again when audits have grown by this factor: they take ten fits where a refit takes two."""


ENOUGH_VIOLATIONS = 100
"""From so many of this run's own on, the way to fit that folds found better stays."""


RARE = 0.05
"""The share of audits that are violations below which who writes and how is read until folds say otherwise.

Audits look for violations, so of all comments there are fewer still. The audits hold a handful of them then: too few to
learn words from, or to show that anything helps; and who writes, at what pace, and how often, are a few numbers.
"""


class Pending(NamedTuple):
    """A case as it was decided, until its audit is in or can no longer come.

    `score` is what calibration is about: the head's, or the base's where no head may be trained. `not_judged` is why
    the base is no judge of it, where it is none.
    """

    position: int
    text: str
    numbers: Floats
    levels: Levels
    base: Plan | None
    score: float | None
    head: Plan | None
    not_judged: str | None = None


class HeldAgainst(NamedTuple):
    """A case as it was decided, and what its audit said."""

    pending: Pending
    audited: Plan
    lesson: Lesson


class Scored(NamedTuple):
    """A prediction made before the audit was known, and what the audit said."""

    score: float
    is_violation: bool
    weight: float


class AuditsSoFar:
    """The audits of a run, those of the runs that it began with included."""

    def __init__(self, spec: LearnedSpec) -> None:
        self._growth = spec.refit_growth
        self._pending: dict[str, Pending] = {}
        self._next_fit = self._next_threshold = spec.least_audits
        self._next_cross_fit = self._violations = self._cross_fitted_violations = 0
        self._folds = Folds()
        self._near_copies = NearCopies()
        self._kept = KeptExamples(spec.most_examples)
        self._taught = self._own = 0
        self._beyond_base: Counter[str | None] = Counter()
        self.scored: list[Scored] = []

    def begin_with(self, examples: Sequence[Example]) -> None:
        """Begin with what another run was taught."""
        self._kept.begin_with(examples)
        self._taught = len(self.examples)
        self._next_fit = int(self._taught * self._growth) + 1

    @property
    def examples(self) -> list[Example]:
        """What a head is fitted on, what the run began with included."""
        return self._kept.examples

    def wait_for(self, comment_id: str, pending: Pending) -> None:
        """Keep a case until its audit is in, or can no longer come."""
        self._pending[comment_id] = pending

    def awaited(self, lesson: Lesson) -> Pending | None:
        """Return the case as it was decided; null where that is not known, or the audit could not be read."""
        return None if lesson.audited.plan is None else self._pending.get(lesson.case.comment_id)

    def score(self, audit: HeldAgainst) -> None:
        """Hold what was predicted, before the audit was known, against the audit."""
        pending, audited, lesson = audit
        if pending.score is not None:
            self.scored.append(Scored(pending.score, audited.is_violation, 1 / lesson.audit_probability))

    def take_for_examples(self, audits: Sequence[HeldAgainst], reader: CaseReader) -> None:
        """Keep the cases of a batch for the fits to come."""
        places: list[int] = []
        kept: list[HeldAgainst] = []
        for each in audits:
            is_violation = each.audited.is_violation
            self._taught += 1
            self._own += 1
            self._violations += is_violation
            self._beyond_base[each.pending.not_judged] += 1
            place = self._kept.place_of(each.lesson.case.comment_id, is_violation=is_violation)
            if place is not None:
                places.append(place)
                kept.append(each)
        if not kept:
            return
        known = reader.learnt(
            [
                ToLearn(lesson.case.channel, pending.levels, pending.text, is_violation=audited.is_violation)
                for pending, audited, lesson in kept
            ]
        )
        for place, each, read in zip(places, kept, known, strict=True):
            self._kept.put(place, self._example(each, read))

    def _example(self, audit: HeldAgainst, known: Known) -> Example:
        pending, audited, lesson = audit
        is_violation = audited.is_violation
        shown = HowAudited(
            fold=self._folds.of(pending.text, is_violation=is_violation),
            weight=1 / lesson.audit_probability,
            is_fair=lesson.audit_reason.is_fair,
            base_is_right=pending.base is not None and pending.base.is_violation == is_violation,
            user=lesson.case.user_id,
            near_copies=self._near_copies.of(pending.text) if self.are_few else None,
        )
        outcome = f"{audited.action}{CLASS_SEPARATOR}{audited.category}" if is_violation else None
        return Example(known, pending.numbers, outcome, shown)

    def taught_beyond_base(self, not_judged: str | None) -> int:
        """Return how many of this run's audits were of what the base does not judge, for the same reason."""
        return self._beyond_base[not_judged]

    def forget_until(self, position: int) -> None:
        """Drop cases whose audits can no longer come: batches settle in stream order."""
        for comment_id in [key for key, each in self._pending.items() if each.position <= position]:
            del self._pending[comment_id]

    @property
    def violations_are_rare(self) -> bool:
        """Whether few of this run's audits found one."""
        return self._violations < RARE * self._own

    @property
    def is_fit_due(self) -> bool:
        """Whether examples have grown enough for another fit, and are of both kinds."""
        return self._taught >= self._next_fit and self._kept.are_of_both_kinds

    def fitted(self) -> None:
        """Say when the next fit is due."""
        self._next_fit = max(self._taught + 1, int(self._taught * self._growth))

    @property
    def are_few(self) -> bool:
        """Whether folds of the audits say more than predictions made before each."""
        return self._own <= FEW

    @property
    def is_cross_fit_due(self) -> bool:
        """Whether there is more to be learnt from predicting audits by fold again.

        There is while audits are few, once they have grown by a part; and while violations are few among many, once
        there are twice as many.
        """
        if self.are_few:
            return self._own >= self._next_cross_fit
        return self._cross_fitted_violations < ENOUGH_VIOLATIONS and (
            self._violations >= 2 * self._cross_fitted_violations
        )

    def cross_fitted(self, scores: Floats) -> None:
        """While audits are few, take these predictions of all own ones for those made before each was known.

        There is one for each example, of which those of what the run began with say nothing.
        """
        self._cross_fitted_violations = self._violations
        if not self.are_few:
            return
        self.scored = [
            Scored(score, example.outcome is not None, example.weight)
            for score, example in zip(scores.tolist(), self.examples, strict=True)
            if example.shown is not None
        ]
        self._next_cross_fit = int(self._own * CROSS_FIT_GROWTH) + 1

    def is_threshold_due(self) -> bool:
        """Whether scores have grown enough to move a threshold; if so, say when they will have again."""
        if len(self.scored) < self._next_threshold:
            return False
        self._next_threshold = int(len(self.scored) * self._growth) + 1
        return True
