"""The learned Student: its base decides until a head, trained on audits, has learnt to do so better.

`learn` is called by the loop with the audits of one batch at a time, in stream order (law 1). A refit happens
whenever the audits have grown by a tenth, so the cost of all refits together is a geometric sum: linear in
the stream.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from moderation_pipeline.agents.learned.calibration import (
    UNCALIBRATED,
    WINDOW,
    Calibration,
    calibrate,
    closeness,
)
from moderation_pipeline.agents.learned.explaining import explained, with_memories
from moderation_pipeline.agents.learned.feature_columns import Columns
from moderation_pipeline.agents.learned.features import RecentSuspicion, numeric_row, suspicion
from moderation_pipeline.agents.learned.guard import Guard, is_right
from moderation_pipeline.agents.learned.head import CLASS_SEPARATOR, Head, fit_head
from moderation_pipeline.agents.learned.model_snapshot import Example, ModelSnapshot
from moderation_pipeline.agents.learned.own_threshold import OwnThreshold
from moderation_pipeline.agents.learned.proposing import allowed, violation
from moderation_pipeline.agents.learned.vocabulary import Numbered, Vocabulary
from moderation_pipeline.agents.student import Student
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Lesson, Situation
from moderation_pipeline.cases.tier_names import BASE, BASE_INSTEAD, HEAD
from moderation_pipeline.cases.verdict import Contribution, OptionProbability, Verdict
from moderation_pipeline.config.agent_specs import LearnedSpec
from moderation_pipeline.plan import Plan

Floats = NDArray[np.float64]

QUESTION = "violation"


class Pending(NamedTuple):
    """A case as it was decided, until its audit is in or can no longer come.

    `score` is what calibration is about: the head's, or the base's where no head may be trained.
    """

    position: int
    text: str
    numbers: Floats
    base: Plan | None
    score: float | None
    head: Plan | None


class Scored(NamedTuple):
    """A prediction made before the audit was known, and what the audit said."""

    score: float
    is_violation: bool
    weight: float


class LearnedStudent(Student):
    """A head on top of a base Student; the base's verdict is one of its features."""

    reads_vectors = True

    def __init__(self, spec: LearnedSpec, base: Student, *, may_train: bool) -> None:
        self._spec = spec
        self._base = base
        self._may_train = may_train
        self._columns = Columns()
        self._recent = RecentSuspicion()
        self._pending: dict[str, Pending] = {}
        self._examples: list[Example] = []
        self._taught_in: tuple[str, ...] = ()
        self._scored: list[Scored] = []
        self._recent_scores: deque[float] = deque(maxlen=WINDOW)
        self._vocabulary = Vocabulary()
        self._feature_names: list[str] = []
        self._head: Head | None = None
        self._calibration = UNCALIBRATED
        self._next_fit = self._next_threshold = spec.least_audits
        self._threshold = OwnThreshold()
        self.guard = Guard(spec.guard_window)
        self.refits = 0
        self.fitted_rows = 0

    @property
    def spec(self) -> LearnedSpec:
        """What the config says of this Student."""
        return self._spec

    @property
    def calibration(self) -> Calibration:
        """The calibration in force."""
        return self._calibration

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        """Return one verdict per case: the head's where there is one that may decide, else the base's."""
        bases = await self._base.decide(cases, situations)
        if not self._columns.settle(bases, len(situations[0].vector)):
            return [replace(base, tier=BASE) for base in bases]
        if not self._feature_names:
            self._name_features()
        numbers = self._numbers(cases, situations, bases)
        heads, scores = self._heads(cases, situations, bases, numbers)
        for case, base in zip(cases, bases, strict=True):
            self._recent.take_in(case, suspicion(base.plan))
        for case, row, base, score, head in zip(cases, numbers, bases, scores, heads, strict=True):
            plan = head.plan if head is not None else None
            self._pending[case.comment_id] = Pending(
                position=case.position,
                text=case.normalised,
                numbers=row,
                base=base.plan,
                score=score,
                head=plan,
            )
        return [self._chosen(base, head) for base, head in zip(bases, heads, strict=True)]

    def _chosen(self, base: Verdict, head: Verdict | None) -> Verdict:
        """Return whose verdict stands. Where the base's does, the head's doubt still says what to audit."""
        if head is None or _stands(base):
            return replace(base, tier=BASE)
        if self._calibration.is_fitted and not self.guard.has_fallen_back:
            return head
        tier = BASE_INSTEAD if self.guard.has_fallen_back else BASE
        return replace(base, tier=tier, second_opinion=head.plan, closeness=head.closeness)

    def _numbers(
        self, cases: Sequence[Case], situations: Sequence[Situation], bases: Sequence[Verdict]
    ) -> Floats:
        """Return the numeric features; of like cases at different places in a batch each has its own."""
        options = self._columns.options
        return np.array(
            [
                numeric_row(case, situation, base, self._recent.of(case), options)
                for case, situation, base in zip(cases, situations, bases, strict=True)
            ]
        )

    def _heads(
        self,
        cases: Sequence[Case],
        situations: Sequence[Situation],
        bases: Sequence[Verdict],
        numbers: Floats,
    ) -> tuple[Sequence[Verdict | None], Sequence[float | None]]:
        """Return what the head says, with its scores; nulls while there is none.

        Where audits may not be trained on, the base's own suspicion is what is calibrated.
        """
        if self._head is None:
            if self._may_train:
                return [None] * len(cases), [None] * len(cases)
            moved, own = self._threshold.decide(bases, self._calibration)
            self._recent_scores.extend(score for score in own if score is not None)
            return moved, own
        rows = self._rows([self._vocabulary.numbered(case.normalised) for case in cases], numbers)
        scores = self._head.suspicions(rows)
        self._recent_scores.extend(scores.tolist())
        verdicts = self._verdicts(self._head, rows, scores, bases)
        self._tell_memories(verdicts, cases, situations, bases)
        return verdicts, scores.tolist()

    def _tell_memories(
        self,
        verdicts: list[Verdict],
        cases: Sequence[Case],
        situations: Sequence[Situation],
        bases: Sequence[Verdict],
    ) -> None:
        """Put into the verdicts which memories turned them: those without which the head decides otherwise.

        Where the base was shown memories, and nobody knows what it would have said without, neither does the
        head: the memories may have turned it, and are named, but what for isn't claimed.
        """
        for i, base in enumerate(bases):
            if base.memory_ids and base.without_memory is None:
                named = with_memories(verdicts[i], situations[i].recalled, None)
                verdicts[i] = replace(named, memory_ids=base.memory_ids)
        places = [i for i, each in enumerate(situations) if each.recalled and not verdicts[i].memory_ids]
        if not places or self._head is None:
            return
        alone = [_without_memories(bases[i]) for i in places]
        own = [cases[i] for i in places]
        numbers = self._numbers(own, [replace(situations[i], recalled=()) for i in places], alone)
        rows = self._rows([self._vocabulary.numbered(case.normalised) for case in own], numbers)
        without = self._verdicts(self._head, rows, self._head.suspicions(rows), alone)
        for i, other in zip(places, without, strict=True):
            verdicts[i] = with_memories(verdicts[i], situations[i].recalled, other.plan)

    def worst_case_usd(self, cases: Sequence[Case], situations: Sequence[Situation]) -> float | None:
        """Return what the base may cost at most: the head costs nothing."""
        return self._base.worst_case_usd(cases, situations)

    async def aclose(self) -> None:
        """Close the base."""
        await self._base.aclose()

    def _rows(self, terms: Sequence[Numbered], numbers: Floats) -> csr_matrix:
        """Return numbers and words side by side: numbers first, for the words grow."""
        return csr_matrix(hstack([csr_matrix(numbers), self._vocabulary.rows(terms)], format="csr"))

    def _verdicts(
        self, head: Head, rows: csr_matrix, scores: Floats, bases: Sequence[Verdict]
    ) -> list[Verdict]:
        probabilities = self._calibration.probabilities(scores)
        close = closeness(scores, self._calibration.threshold, np.array(self._recent_scores))
        likeliest = np.argmax(head.class_probabilities(rows), axis=1)
        explanations = explained(head.gate.weights[0], rows, self._feature_names)
        return [
            replace(self._verdict(score, probability, head.classes[best], explanation, base), closeness=near)
            for score, probability, near, best, explanation, base in zip(
                scores.tolist(), probabilities.tolist(), close, likeliest, explanations, bases, strict=True
            )
        ]

    def _verdict(
        self, score: float, probability: float, outcome: str, why: tuple[Contribution, ...], base: Verdict
    ) -> Verdict:
        margin = score - self._calibration.threshold
        plan = violation(outcome, probability, base.plan) if margin >= 0 else allowed(1 - probability)
        return replace(
            base,
            plan=plan,
            confidence_source="calibrated" if self._calibration.is_fitted else "uncalibrated",
            probabilities=(*base.probabilities, OptionProbability(QUESTION, "true", probability)),
            explanation=why,
            tier=HEAD,
            memory_ids=(),
            without_memory=None,
            doubt=1 - plan.confidence,
            # What both learnt from the same memories they agree on, and a committee would hear no second opinion.
            second_opinion=base.without_memory or base.plan,
        )

    def snapshot(self) -> ModelSnapshot | None:
        """Return the head with all it was trained on, null while there is none."""
        if self._head is None:
            return None
        return ModelSnapshot(
            head=self._head,
            calibration=self._calibration,
            vocabulary=self._vocabulary,
            options=self._columns.options,
            examples=tuple(self._examples),
            chats=self._taught_in,
        )

    def begin_with(self, snapshot: ModelSnapshot) -> None:
        """Begin with the head, and all it was trained on, of another run.

        Its calibration holds until this run's own audits are enough for another. Whether this run's base answers
        the same questions is seen, and refused, at the first batch (`columns.py`).
        """
        self._head = snapshot.head
        self._calibration = snapshot.calibration
        self._vocabulary = snapshot.vocabulary
        self._columns = Columns(snapshot.options, len(snapshot.examples[0].numbers))
        self._examples = list(snapshot.examples)
        self._taught_in = snapshot.chats
        self._next_fit = int(len(self._examples) * self._spec.refit_growth) + 1

    def learn(self, lessons: Sequence[Lesson]) -> None:
        """Take in the audits of a batch: score what was predicted, and refit once there are a tenth more.

        Audits that may not be trained on move the thresholds by the same schedule, and nothing else.
        """
        for lesson in lessons:
            pending = self._pending.get(lesson.case.comment_id)
            if pending is not None and lesson.audited.plan is not None:
                self._take_in(pending, lesson.audited.plan, lesson)
        self._forget_until(lessons[-1].case.position)
        self.guard.judge()
        if not self._may_train:
            if len(self._scored) >= self._next_threshold:
                self._next_threshold = int(len(self._scored) * self._spec.refit_growth) + 1
                self._recalibrate()
        elif len(self._examples) >= self._next_fit and self._has_both_kinds():
            self._refit()

    def _take_in(self, pending: Pending, audited: Plan, lesson: Lesson) -> None:
        weight = 1 / lesson.audit_probability
        if pending.score is not None:
            self._scored.append(Scored(pending.score, audited.is_violation, weight))
        if lesson.audit_reason.is_fair and pending.head is not None:
            self.guard.take_in(
                head_is_right=is_right(pending.head, audited),
                base_is_right=is_right(pending.base, audited),
                weight=weight,
            )
        if self._may_train:
            outcome = f"{audited.action}{CLASS_SEPARATOR}{audited.category}" if audited.is_violation else None
            self._vocabulary.learn([pending.text])
            self._examples.append(Example(self._vocabulary.numbered(pending.text), pending.numbers, outcome))

    def _forget_until(self, position: int) -> None:
        """Drop cases whose audits can no longer come: batches settle in stream order."""
        for comment_id in [key for key, each in self._pending.items() if each.position <= position]:
            del self._pending[comment_id]

    def _has_both_kinds(self) -> bool:
        violations = sum(each.outcome is not None for each in self._examples)
        return 0 < violations < len(self._examples)

    def _refit(self) -> None:
        self._vocabulary.freeze()
        rows = self._rows(
            [each.terms for each in self._examples], np.array([e.numbers for e in self._examples])
        )
        self._name_features()
        self._head = fit_head(rows, [each.outcome for each in self._examples], self._spec.strength)
        self._next_fit = max(len(self._examples) + 1, int(len(self._examples) * self._spec.refit_growth))
        self.refits += 1
        self.fitted_rows += len(self._examples)
        self._recalibrate()

    def _name_features(self) -> None:
        self._feature_names = [*(self._columns.names or ()), *self._vocabulary.names]

    def _recalibrate(self) -> None:
        if not self._scored or not self._recent_scores:
            return
        scores, outcomes, weights = zip(*self._scored, strict=True)
        calibration = calibrate(
            np.array(scores),
            np.array(outcomes, dtype=np.bool_),
            np.array(weights),
            np.array(self._recent_scores),
            least=self._spec.least_effective_sample,
        )
        # What was once calibrated stays until there is enough for another: a run may begin with a calibration.
        if (
            calibration.effective_sample_size >= self._spec.least_effective_sample
            or not self._calibration.is_fitted
        ):
            self._calibration = calibration


def _stands(base: Verdict) -> bool:
    """Whether no head may overrule the base: it failed (law 4), or the comment argues for its own verdict."""
    return base.plan is None or base.must_audit is not None


def _without_memories(base: Verdict) -> Verdict:
    """Return what the base said without memories, where any had a part in what it said."""
    if base.without_memory is None:
        return base
    probabilities = base.probabilities_without_memory or base.probabilities
    return replace(base, plan=base.without_memory, probabilities=probabilities)
