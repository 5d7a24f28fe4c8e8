"""The learned Student: its base decides until a head, trained on audits, has learnt to do so better.

`learn` is called by the loop with the audits of one batch at a time, in stream order (law 1). A refit happens
whenever the audits have grown by a tenth, so the cost of all refits together is a geometric sum: linear in
the stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from moderation_pipeline.agents.conduct.conduct_levels import WIDTH, Levels, conduct_names
from moderation_pipeline.agents.learned.audits_so_far import AuditsSoFar, Pending
from moderation_pipeline.agents.learned.calibration import (
    UNCALIBRATED,
    Calibration,
    calibrate,
)
from moderation_pipeline.agents.learned.cross_fitting import cross_fitted
from moderation_pipeline.agents.learned.guard import Compared, Guard, is_right
from moderation_pipeline.agents.learned.head import AS_BEFORE, Head, Strengths, fit_head
from moderation_pipeline.agents.learned.head_verdicts import verdicts_of
from moderation_pipeline.agents.learned.memories_part import tell_memories
from moderation_pipeline.agents.learned.model_snapshot import ModelSnapshot
from moderation_pipeline.agents.learned.own_threshold import OwnThreshold
from moderation_pipeline.agents.learned.reading.channel_ways import ChannelWays
from moderation_pipeline.agents.learned.reading.feature_columns import Columns
from moderation_pipeline.agents.learned.reading.feature_rows import feature_rows
from moderation_pipeline.agents.learned.reading.features import RecentSuspicion, numeric_row, suspicion
from moderation_pipeline.agents.learned.reading.vocabulary import Vocabulary
from moderation_pipeline.agents.learned.recent_scores import Alone, RecentScores
from moderation_pipeline.agents.student import Student
from moderation_pipeline.cases.audit_reason import AuditReason
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Lesson, Situation
from moderation_pipeline.cases.tier_names import BASE, BASE_INSTEAD
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.config.agent_specs import LearnedSpec
from moderation_pipeline.plan import Plan
from moderation_pipeline.statistics.weighted_audits import weighted_f1

Floats = NDArray[np.float64]


class LearnedStudent(Student):
    """A head on top of a base Student; the base's verdict is one of its features."""

    reads_vectors = True

    def __init__(
        self,
        spec: LearnedSpec,
        base: Student,
        *,
        may_train: bool,
        audits_act: bool = True,
        acts_from: float | None = None,
    ) -> None:
        """Build it on its base.

        `audits_act` says whether an audit decides in this Student's place, so that its threshold is for the rest;
        `acts_from` the probability of a violation from which it acts: left out, that of the greatest expected F1.
        """
        self._spec = spec
        self._audits_act = audits_act
        self._acts_from = acts_from
        self._base = base
        self._may_train = may_train
        self._columns = Columns()
        self._recent = RecentSuspicion()
        self._audits = AuditsSoFar(spec)
        self._taught_in: tuple[str, ...] = ()
        self._recent_scores = RecentScores()
        self._vocabulary = Vocabulary()
        self._ways = ChannelWays() if spec.scope == "channel" else None
        self._feature_names: list[str] = []
        self._head: Head | None = None
        self._calibration = UNCALIBRATED
        self._threshold = OwnThreshold()
        self._way = AS_BEFORE
        self._is_outdone = False
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

    @property
    def learns(self) -> bool:
        """Every audit may change what it says."""
        return True

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        """Return one verdict per case: the head's where there is one that may decide, else the base's."""
        bases = await self._base.decide(cases, situations)
        if not self._columns.settle(bases, len(situations[0].vector)):
            return [replace(base, tier=BASE) for base in bases]
        if not self._feature_names:
            self._name_features()
        numbers = self._numbers(cases, situations, bases)
        levels = np.array([case.conduct for case in cases])
        heads: Sequence[Verdict | None] = [None] * len(cases)
        scores: Sequence[float | None] = [None] * len(cases)
        if self._head is not None:
            heads, scores = self._judged(self._head, cases, situations, bases, numbers, levels)
        elif not self._may_train:
            heads, scores = self._moved(cases, bases)
        for case, base in zip(cases, bases, strict=True):
            self._recent.take_in(case, suspicion(base.plan))
        for case, row, seen, base, score, head in zip(
            cases, numbers, levels, bases, scores, heads, strict=True
        ):
            pending = Pending(
                position=case.position,
                text=case.normalised,
                numbers=row,
                levels=seen,
                base=base.plan,
                score=score,
                head=head.plan if head is not None else None,
                not_judged=base.not_judged,
            )
            self._audits.wait_for(case.comment_id, pending)
        return [self._chosen(base, head) for base, head in zip(bases, heads, strict=True)]

    def _chosen(self, base: Verdict, head: Verdict | None) -> Verdict:
        """Return whose verdict stands. Where the base's does, the head's doubt still says what to audit.

        What the head thinks is in the row all the same.
        """
        if head is None:
            return replace(base, tier=BASE)
        if _stands(base):
            return replace(base, tier=BASE, probabilities=head.probabilities)
        if self._calibration.is_fitted and not self.guard.has_fallen_back and not self._is_outdone:
            # In a language that the base doesn't speak too, once audits have taught the head some of it.
            is_taught = self._audits.taught_beyond_base(base.not_judged) >= self._spec.least_audits
            return replace(head, not_judged=None) if is_taught else head
        tier = BASE_INSTEAD if self.guard.has_fallen_back else BASE
        return replace(
            base,
            tier=tier,
            second_opinion=head.plan,
            closeness=head.closeness,
            learnt_suspicion=head.learnt_suspicion,
            probabilities=head.probabilities,
        )

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

    def _moved(
        self, cases: Sequence[Case], bases: Sequence[Verdict]
    ) -> tuple[Sequence[Verdict | None], Sequence[float | None]]:
        """Return the base's verdicts by a threshold of their own, with its suspicions.

        Where audits may not be trained on, the base's own suspicion is what is calibrated.
        """
        moved, own = self._threshold.decide(bases, self._calibration)
        known = {case.comment_id: score for case, score in zip(cases, own, strict=True) if score is not None}
        self._recent_scores.take_in(known, known.values())
        return moved, own

    def _judged(
        self,
        head: Head,
        cases: Sequence[Case],
        situations: Sequence[Situation],
        bases: Sequence[Verdict],
        numbers: Floats,
        levels: Levels,
    ) -> tuple[Sequence[Verdict | None], Sequence[float | None]]:
        """Return what the head says, with its scores."""
        rows = self._rows(cases, numbers, levels)
        scores = head.suspicions(rows)
        self._recent_scores.take_in([case.comment_id for case in cases], scores.tolist())
        ranked = self._recent_scores.ranked
        verdicts = self._verdicts(head, rows, scores, bases, ranked)

        def decided_without(
            places: Sequence[int], alone: Sequence[Situation], said: Sequence[Verdict]
        ) -> Sequence[Verdict]:
            asked = [cases[i] for i in places]
            rows_without = self._rows(asked, self._numbers(asked, alone, said), levels[list(places)])
            return self._verdicts(head, rows_without, head.suspicions(rows_without), said, ranked)

        tell_memories(verdicts, situations, bases, decided_without)
        return verdicts, scores.tolist()

    def _rows(self, cases: Sequence[Case], numbers: Floats, levels: Levels) -> csr_matrix:
        words = self._vocabulary.rows_of([case.normalised for case in cases])
        return feature_rows(numbers, levels, words, [case.channel for case in cases], self._ways)

    def _verdicts(
        self, head: Head, rows: csr_matrix, scores: Floats, bases: Sequence[Verdict], ranked: Floats
    ) -> list[Verdict]:
        return verdicts_of(
            head,
            rows,
            scores,
            bases,
            calibration=self._calibration,
            ranked_scores=ranked,
            feature_names=self._feature_names,
        )

    def worst_case_usd(self, cases: Sequence[Case], situations: Sequence[Situation]) -> float | None:
        """Return what the base may cost at most: the head costs nothing."""
        return self._base.worst_case_usd(cases, situations)

    async def aclose(self) -> None:
        """Close the base."""
        await self._base.aclose()

    def snapshot(self) -> ModelSnapshot | None:
        """Return the head with all it was trained on, null while there is none."""
        if self._head is None:
            return None
        return ModelSnapshot(
            head=self._head,
            calibration=self._calibration,
            vocabulary=self._vocabulary,
            options=self._columns.options,
            examples=tuple(self._audits.examples),
            chats=self._taught_in,
            way=self._way,
            peculiar=tuple(self._ways.peculiar) if self._ways is not None else (),
        )

    def begin_with(self, snapshot: ModelSnapshot) -> None:
        """Begin with the head, and all it was trained on, of another run.

        Its calibration holds until this run's own audits are enough for another. Whether this run's base answers
        the same questions is seen, and refused, at the first batch (`feature_columns.py`).
        """
        width = len(snapshot.examples[0].numbers)
        self._head = snapshot.head
        if self._ways is not None:
            self._ways = ChannelWays(snapshot.peculiar)
        elif snapshot.peculiar:
            self._head = snapshot.head.without(slice(width + WIDTH, width + WIDTH + len(snapshot.peculiar)))
        self._way = snapshot.way
        self._calibration = snapshot.calibration
        self._vocabulary = snapshot.vocabulary
        self._columns = Columns(snapshot.options, width)
        self._audits.begin_with(snapshot.examples)
        self._taught_in = snapshot.chats

    def learn(self, lessons: Sequence[Lesson]) -> None:
        """Take in the audits of a batch: score what was predicted, and refit once there are a tenth more.

        Audits that may not be trained on move the thresholds by the same schedule, and nothing else.
        """
        for lesson in lessons:
            pending = self._audits.awaited(lesson)
            if pending is not None and lesson.audited.plan is not None:
                self._take_in(pending, lesson.audited.plan, lesson)
        self._audits.forget_until(lessons[-1].case.position)
        self.guard.judge()
        if not self._may_train:
            if self._audits.is_threshold_due():
                self._recalibrate()
        elif self._audits.is_fit_due:
            self._refit()

    def _take_in(self, pending: Pending, audited: Plan, lesson: Lesson) -> None:
        self._audits.score(pending, audited, lesson)
        if self._audits_act and pending.score is not None:
            self._recent_scores.audited(lesson.case.comment_id)
        if lesson.audit_reason.is_fair and pending.head is not None:
            head, base = (is_right(plan, audited) for plan in (pending.head, pending.base))
            self.guard.take_in(Compared(head, base, audited.is_violation, 1 / lesson.audit_probability))
        if self._may_train:
            self._audits.take_for_example(pending, audited, lesson, self._vocabulary, self._ways)

    def _refit(self) -> None:
        self._vocabulary.freeze()
        if self._ways is not None:
            self._ways.freeze()
        examples = self._audits.examples
        rows = feature_rows(
            np.array([each.numbers for each in examples]),
            np.array([each.known.levels for each in examples]),
            self._vocabulary.rows([each.known.terms for each in examples]),
            [each.known.channel for each in examples],
            self._ways,
        )
        self._name_features()
        is_cross_fitted = self._audits.is_cross_fit_due and self._cross_fit(rows)
        self._head = fit_head(rows, [each.outcome for each in examples], self._strengths)
        self._audits.fitted()
        self.refits += 1
        self.fitted_rows += len(examples)
        self._recalibrate()
        if is_cross_fitted:
            self._compare_again()
        self._is_outdone &= self._audits.are_few

    @property
    def _strengths(self) -> Strengths:
        numbers = len(self._columns.names or ())
        conduct = range(numbers, numbers + WIDTH)
        width = conduct.stop + (0 if self._ways is None else self._ways.width)
        return Strengths(self._spec.strength, self._spec.text_strength, width, conduct, self._way)

    def _cross_fit(self, rows: csr_matrix) -> bool:
        """Judge ways to fit by the folds of the audits so far; return whether heads can be judged by them too."""
        examples = self._audits.examples
        found = cross_fitted(
            rows,
            np.array([each.outcome is not None for each in examples]),
            np.array([each.fold for each in examples]),
            np.array([each.weight for each in examples]),
            self._strengths,
        )
        if found is None:
            return False
        self._way = found.way
        self._audits.cross_fitted(found.scores)
        return self._audits.are_few

    def _compare_again(self) -> None:
        """Hold head and base against each other by the folds: the audits before the first head count too.

        While audits are few the head has to show that its F1 is more than the base's: where both are right of the
        same audits it has shown nothing, and is the worse of the two on what comes. Once audits are many, the guard
        has to show that it is less.
        """
        threshold = self._calibration.threshold
        scored = self._audits.scored
        shown = [each.shown for each in self._audits.examples if each.shown is not None]
        truth = np.array([each.is_violation for each in scored])
        weights = np.array([each.weight for each in scored])
        says = np.array([each.score >= threshold for each in scored])
        base_says = truth == np.array([each.base_is_right for each in shown])
        self._is_outdone = weighted_f1(says, truth, weights) <= weighted_f1(base_says, truth, weights)
        self.guard.begin_again(
            [
                Compared(is_right, each.base_is_right, is_violation, each.weight)
                for is_right, is_violation, each in zip(
                    (says == truth).tolist(), truth.tolist(), shown, strict=True
                )
                if each.is_fair
            ]
        )
        self.guard.judge()

    @property
    def _by_folds(self) -> bool:
        return self._may_train and self._audits.are_few

    def _name_features(self) -> None:
        conduct, terms = conduct_names(), self._vocabulary.names
        own = [] if self._ways is None else self._ways.names(conduct, terms)
        self._feature_names = [*(self._columns.names or ()), *conduct, *own, *terms]

    def _recalibrate(self) -> None:
        if not self._audits.scored or not (self._recent_scores or self._by_folds):
            return
        scored, outcomes, given = zip(*self._audits.scored, strict=True)
        scores, weights, is_violation = np.array(scored), np.array(given), np.array(outcomes, dtype=np.bool_)
        alone = self._recent_scores.alone
        if self._by_folds:
            # Few recent comments were scored by a head that knew as much as this one does: audits stand for them.
            stands_for = Alone.beside_audits if self._audits_act else Alone.everywhere
            alone = stands_for(scores, weights)
        calibration = calibrate(
            scores,
            is_violation,
            weights,
            alone,
            least=self._spec.least_effective_sample,
            acts_from=self._acts_from,
        )
        # What was once calibrated stays until there is enough for another: a run may begin with a calibration.
        if (
            calibration.effective_sample_size >= self._spec.least_effective_sample
            or not self._calibration.is_fitted
        ):
            self._calibration = calibration


def _stands(base: Verdict) -> bool:
    """Whether no head may overrule the base: it failed (law 4), or the comment argues for its own verdict."""
    return base.plan is None or base.must_audit is AuditReason.ADDRESSES_MODERATOR
