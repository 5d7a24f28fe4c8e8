"""How a head is learnt: what audits say of its predictions, when it is fitted again, and whether it may decide.

A refit happens whenever the audits have grown by a part, so the cost of all refits together is a geometric sum: linear
in the stream. What a head says of a case is `head_verdicts.py`'s, whose verdict stands `learned_student.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.sparse import csr_matrix
from sklearn import config_context
from threadpoolctl import ThreadpoolController

from moderation_pipeline.agents.conduct.conduct_levels import WIDTH
from moderation_pipeline.agents.learned.audits_so_far import AuditsSoFar, HeldAgainst
from moderation_pipeline.agents.learned.calibration import UNCALIBRATED, Calibration, calibrate
from moderation_pipeline.agents.learned.cross_fitting import cross_fitted
from moderation_pipeline.agents.learned.guard import Compared, Guard, is_right
from moderation_pipeline.agents.learned.head import Head, Strengths, Way, fit_head
from moderation_pipeline.agents.learned.model_snapshot import ModelSnapshot
from moderation_pipeline.agents.learned.proof import Answers, is_proven
from moderation_pipeline.agents.learned.reading.case_reader import CaseReader
from moderation_pipeline.agents.learned.recent_scores import Alone, RecentScores
from moderation_pipeline.config.agent_specs import LearnedSpec


@dataclass(frozen=True, slots=True)
class Purpose:
    """What is learnt for: whether audits may be trained on, and what a threshold is for.

    `audits_act` says whether an audit decides in the Student's place, so that its threshold is for the rest;
    `acts_from` the probability of a violation from which it acts: left out, that of the greatest expected F1.
    """

    may_train: bool
    audits_act: bool
    acts_from: float | None


class HeadLearning:
    """The head in force, its calibration and its guard, and the audits that they came of."""

    def __init__(self, spec: LearnedSpec, purpose: Purpose, reader: CaseReader) -> None:
        self._spec = spec
        self._purpose = purpose
        self._reader = reader
        self._way: Way | None = None
        # Audits that may not be trained on make no head: what they move is the base's own threshold.
        self._is_proven = not purpose.may_train
        self._taught_in: tuple[str, ...] = ()
        self.audits = AuditsSoFar(spec)
        self.recent_scores = RecentScores()
        self.guard = Guard(spec.guard_window)
        self.head: Head | None = None
        self.calibration: Calibration = UNCALIBRATED
        self.refits = 0
        self.fitted_rows = 0

    @property
    def may_decide(self) -> bool:
        """Whether the head has shown that it is better than its base, and not since that it is worse."""
        return self.calibration.is_fitted and not self.guard.has_fallen_back and self._is_proven

    def take_in(self, audits: Sequence[HeldAgainst]) -> None:
        """Take in a batch's audits: what was predicted before each was known, and the cases as examples."""
        for each in audits:
            pending, audited, lesson = each
            self.audits.score(each)
            if self._purpose.audits_act and pending.score is not None:
                self.recent_scores.audited(lesson.case.comment_id)
            if lesson.audit_reason.is_fair and pending.head is not None:
                head, base = (is_right(plan, audited) for plan in (pending.head, pending.base))
                self.guard.take_in(Compared(head, base, audited.is_violation, 1 / lesson.audit_probability))
        if self._purpose.may_train:
            self.audits.take_for_examples(audits, self._reader)

    def is_fit_due(self) -> bool:
        """Whether audits that may be trained on have grown enough for another fit."""
        return self._purpose.may_train and self.audits.is_fit_due

    def is_threshold_due(self) -> bool:
        """Whether audits that may not be trained on have grown enough to move the threshold."""
        return not self._purpose.may_train and self.audits.is_threshold_due()

    def refit(self) -> None:
        """Fit the head on all audits so far."""
        # On one core: a fit is thousands of small products, and threads that share one wait for each other. A stream
        # of 2,000 audits took 4.2 to 5.9 s of CPU on two threads and 1.2 to 1.7 s on one, to the same weights.
        # And scikit-learn need not check constants anew for every fit, of which there are ten and more.
        with _threads().limit(limits=1, user_api="blas"), config_context(skip_parameter_validation=True):
            self._fit()

    def _fit(self) -> None:
        examples = self.audits.examples
        rows = self._reader.learnt_rows(
            [each.numbers for each in examples], [each.known for each in examples]
        )
        # liblinear wants them sorted, and would sort each part of them that it is given.
        rows.sort_indices()
        is_cross_fitted = self.audits.is_cross_fit_due and self._cross_fit(rows)
        self.head = fit_head(rows, [each.outcome for each in examples], self._strengths)
        self.audits.fitted()
        self.refits += 1
        self.fitted_rows += len(examples)
        self.recalibrate()
        if is_cross_fitted:
            self._compare_again()
        self._is_proven |= not self.audits.are_few

    @property
    def _strengths(self) -> Strengths:
        spec, reader = self._spec, self._reader
        way = self._way or Way(1.0, reads_conduct=self.audits.violations_are_rare)
        return Strengths(spec.strength, spec.text_strength, reader.before_text, reader.conduct, way)

    def _cross_fit(self, rows: csr_matrix) -> bool:
        """Judge ways to fit by the folds of the audits so far; return whether heads can be judged by them too."""
        examples = self.audits.examples
        found = cross_fitted(
            rows,
            np.array([each.outcome is not None for each in examples]),
            np.array([each.fold for each in examples]),
            np.array([each.weight for each in examples]),
            self._strengths,
            reads_conduct=self.audits.violations_are_rare,
        )
        if found is None:
            return False
        self._way = found.way
        self.audits.cross_fitted(found.scores)
        return self.audits.are_few

    def _compare_again(self) -> None:
        """Hold head and base against each other by the folds: the audits before the first head count too.

        While audits are few the head has to show that its F1 is more than the base's (`proof.py`): where both are
        right of the same audits it has shown nothing, and is the worse of the two on what comes. Once audits are many,
        the guard has to show that it is less.
        """
        threshold = self.calibration.threshold
        scored = self.audits.scored
        shown = [each.shown for each in self.audits.examples if each.shown is not None]
        truth = np.array([each.is_violation for each in scored])
        weights = np.array([each.weight for each in scored])
        says = np.array([each.score >= threshold for each in scored])
        base_says = truth == np.array([each.base_is_right for each in shown])
        # Where nobody knows who wrote, every comment is somebody else's.
        users = [place if each.user is None else each.user for place, each in enumerate(shown)]
        near_copies = [each.near_copies for each in shown]
        self._is_proven = is_proven(Answers(says, base_says, truth, weights), users, near_copies)
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

    def recalibrate(self) -> None:
        """Take calibration and threshold from the predictions so far, where they are enough."""
        # Few recent comments were scored by a head that knew as much as this one does: audits stand for them.
        by_folds = self._purpose.may_train and self.audits.are_few
        if not self.audits.scored or not (self.recent_scores or by_folds):
            return
        scored, outcomes, given = zip(*self.audits.scored, strict=True)
        scores, weights, is_violation = np.array(scored), np.array(given), np.array(outcomes, dtype=np.bool_)
        stands_for = Alone.beside_audits if self._purpose.audits_act else Alone.everywhere
        least = self._spec.least_effective_sample
        calibration = calibrate(
            scores,
            is_violation,
            weights,
            stands_for(scores, weights) if by_folds else self.recent_scores.alone,
            least=least,
            acts_from=self._purpose.acts_from,
        )
        # What was once calibrated stays until there is enough for another: a run may begin with a calibration.
        if calibration.effective_sample_size >= least or not self.calibration.is_fitted:
            self.calibration = calibration

    def snapshot(self) -> ModelSnapshot | None:
        """Return the head with all it was trained on, null while there is none."""
        if self.head is None:
            return None
        return ModelSnapshot(
            head=self.head,
            calibration=self.calibration,
            vocabulary=self._reader.vocabulary,
            options=self._reader.options,
            examples=tuple(self.audits.examples),
            chats=self._taught_in,
            way=self._strengths.way,
            peculiar=self._reader.peculiar,
        )

    def begin_with(self, snapshot: ModelSnapshot) -> None:
        """Begin with the head, and all it was trained on, of another run.

        Its calibration holds until this run's own audits are enough for another.
        """
        width = len(snapshot.examples[0].numbers)
        self.head = snapshot.head
        if self._spec.scope != "channel" and snapshot.peculiar:
            self.head = snapshot.head.without(slice(width + WIDTH, width + WIDTH + len(snapshot.peculiar)))
        self._reader.begin_with(snapshot.vocabulary, snapshot.options, width, snapshot.peculiar)
        self._way = snapshot.way
        self.calibration = snapshot.calibration
        self._is_proven = True
        self.audits.begin_with(snapshot.examples)
        self._taught_in = snapshot.chats


@cache
def _threads() -> ThreadpoolController:
    """Return what limits threads: of the process, and not a Student's own, who is copied to be asked apart."""
    return ThreadpoolController()
