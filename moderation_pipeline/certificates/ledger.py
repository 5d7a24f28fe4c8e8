"""The ledger of certificates: what a run may do alone, by random audits of what it decided alone.

Certified is the system alone: the comments decided without certain audit (p < 1) from a stated position on.
Random audits of those are the evidence; certain audits are outcomes. The bound is `time_uniform.py`'s and holds
at every look, however the Student learns, for all rows at once: each spends a part of the allowed error
(`certificate_rows.share_of_allowed_error`). Refits and new memories by the configured
rule don't void a certificate, for they are what is certified; another served model or an alarm of `drift.py`
does, and a new window begins. The table is made in
`certify.py`; what voids a stored row is in `certified_basis.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import Literal, NamedTuple

from moderation_pipeline.cases.chosen import DecidedBy
from moderation_pipeline.cases.settled import RULES
from moderation_pipeline.certificates.certificate_rows import (
    ALL,
    OF_EVERYTHING,
    RowKey,
    denominators_of,
    errors_of,
    population_of,
    rows_asked_of,
    share_of_allowed_error,
)
from moderation_pipeline.certificates.decided_alone import DecidedAlone, NoAudit
from moderation_pipeline.config.run_config import AuditSpec, AutonomySpec
from moderation_pipeline.plan import Action, Category, Plan
from moderation_pipeline.statistics.drift import DriftDetector
from moderation_pipeline.statistics.time_uniform import ErrorBound, Population

Status = Literal["valid", "not_yet", "void"]

PER_1000 = 1 / 1000


class RowTerms(NamedTuple):
    """A row's target, its share of the allowed error, and the least audit probability of what can be an error."""

    target: float
    alpha: float
    floor: float


class RowStanding(NamedTuple):
    """A row at a look; `alpha` is its share of the allowed error."""

    key: RowKey
    comments: int
    audits: int
    errors: int
    target: float
    alpha: float
    is_valid: bool


class Certificate(NamedTuple):
    """A row of the table certificates without its keys; `bound` and `target` are shares of the denominator.

    `unread_audits` are those of the errors at which nothing is known but that the audit could not be read.
    `acts_alone` says whether the plans that the row is about are carried out without the Expert, which asks for
    more rows than this one; null where the row is about no such plans.
    """

    key: RowKey
    comments: int
    audits: int
    errors: int
    unread_audits: int
    bound: float
    target: float
    confidence: float
    status: Status
    acts_alone: bool | None
    reason: str
    audits_needed: int
    floor: float
    window_from: int
    window_to: int


@dataclass(slots=True)
class _Row:
    """One certificate as it goes: its bound, and once it was valid the watch for drift."""

    target: float
    alpha: float
    bound: ErrorBound
    detector: DriftDetector | None = None
    is_valid: bool = False
    unread_audits: int = 0
    _ruled_out: float | None = None
    _watched_until: int = 0

    def found_error(self, probability: float, *, is_unread: bool) -> None:
        """Take in an error of this row's kind, or an audit that can't be read and is held to be one."""
        self.bound.found_error(probability)
        self.unread_audits += is_unread
        self._ruled_out = None

    def has_drifted(self, error_at: float | None) -> bool:
        """Show the watch one random audit, and return whether it alarms."""
        if self.detector is None:
            return False
        comments = self.bound.comments - self._watched_until
        self._watched_until = self.bound.comments
        return self.detector.alarms_at(comments=comments, error_at=error_at)

    def look(self) -> bool:
        """Return whether the target is met; the bound is worked out anew only after an error."""
        if self._ruled_out is None:
            self._ruled_out = self.bound.errors_ruled_out(self.alpha)
        self.is_valid = self.bound.comments > 0 and self.target * self.bound.comments >= self._ruled_out
        if self.is_valid and self.detector is None:
            self.detector = DriftDetector(self.target, self.bound.least_probability)
            self._watched_until = self.bound.comments
        return self.is_valid


@dataclass(slots=True)
class Ledger:
    """All certificates of one run, kept up batch by batch in stream order.

    A comment counts once per population, not once per row: all rows of one denominator share theirs, but for
    sanctions, of which each action and category has its own.
    """

    autonomy: AutonomySpec
    audit: AuditSpec
    _rows: dict[RowKey, _Row] = field(default_factory=dict)
    _populations: dict[RowKey, Population] = field(default_factory=dict)
    _kinds: dict[tuple[str, str], int] = field(default_factory=dict)
    _windows: int = 0
    _window_from: int = 0
    _window_to: int = -1
    _models: dict[tuple[str, str | None], str | None] = field(default_factory=dict)
    _void_because: str | None = None

    def take_in(self, batch: list[DecidedAlone]) -> None:
        """Count a batch of comments that the system decided alone, then look at every row."""
        for comment in batch:
            self._watch_models(comment)
            self._count(comment)
            self._window_to = comment.position
            if comment.is_audited:
                drifted = self._audited(comment)
                if drifted is not None:
                    self._void(f"errors became more frequent at {'/'.join(drifted)}", comment.position + 1)
        if batch:
            for row in self._rows.values():
                row.look()

    def may_act_alone(self, plan: Plan) -> bool:
        """Whether the certificates in force cover the plan (`rows_asked_of`)."""
        return all(map(self._is_valid, rows_asked_of(plan)))

    def objection(
        self, plan: Plan, decided_by: DecidedBy, probability: float, degraded: str | None
    ) -> str | None:
        """Return why a plan may not be carried out without the Expert; null where it may.

        Certified is the Student itself, on comments that chance alone may bring to the Expert: neither the rules
        in its place, nor a comment that can't be audited (any more), nor one whose certain audit brought no plan.
        """
        if decided_by is not DecidedBy.STUDENT or degraded == RULES:
            return "others decided in the certified Student's place"
        if probability <= 0:
            return "it could not be audited"
        if probability >= 1:
            return "its audit decided nothing"
        return None if self.may_act_alone(plan) else "not certified to act alone"

    def certificates(self) -> Iterator[Certificate]:
        """Return the rows: those for everything first, then by action and category."""
        for key in OF_EVERYTHING:
            self._row(key)
        for row in self._rows.values():
            row.look()
        for key in sorted(self._rows, key=lambda each: (each.action != ALL, each)):
            yield self._certificate(key, self._rows[key])

    @property
    def window_from(self) -> int:
        """Return the position from which on comments count."""
        return self._window_from

    def standings(self) -> Iterator[RowStanding]:
        """Yield how each row stood at the last look, without working its bound out."""
        for key, row in self._rows.items():
            bound = row.bound
            yield RowStanding(
                key=key,
                comments=bound.comments,
                audits=bound.audits,
                errors=bound.errors,
                target=row.target,
                alpha=row.alpha,
                is_valid=row.is_valid,
            )

    def terms(self, key: RowKey) -> RowTerms:
        """Return on what terms a row is certified in the present window, whether it is open or not."""
        return RowTerms(self._target(key), self._alpha(key), self._floor(key))

    def _is_valid(self, key: RowKey) -> bool:
        row = self._rows.get(key)
        return row is not None and row.is_valid

    def _watch_models(self, comment: DecidedAlone) -> None:
        """Void what was certified once a part that answered is served by another model than before.

        Each part has a model of its own: tiers that take turns are no change.
        """
        for part, backend, model in comment.answered:
            before = self._models.setdefault((part, backend), model)
            if before != model:
                self._models[part, backend] = model
                self._void(f"the served model of {part} ({backend}) became {model}", comment.position)

    def _void(self, reason: str, position: int) -> None:
        """Begin a new window; what was certified before no longer holds."""
        if any(row.is_valid for row in self._rows.values()):
            self._void_because = reason
        self._rows.clear()
        self._populations.clear()
        self._kinds.clear()
        self._windows += 1
        self._window_from = position

    def _count(self, comment: DecidedAlone) -> None:
        """Count the comment in each population it belongs to, and open the rows of its sanction."""
        keys, plan = denominators_of(comment.plan), comment.plan
        if plan.action.is_sanction:
            self._kinds.setdefault((plan.action, plan.category), len(self._kinds))
        # Not asked of "comments": only sanctions can be wrongful, and only their floor is promised there.
        self._row(keys[0]).bound.refuse_less_than_promised(comment.probability)
        for key in keys:
            self._row(key)
            if key in self._populations:
                self._populations[key].take_in(is_audited=comment.is_audited)

    def _audited(self, comment: DecidedAlone) -> RowKey | None:
        """Take in what the audit found, and return a row at which errors have become more frequent."""
        errors, is_unread = errors_of(comment), comment.audited is NoAudit.UNREAD
        for key in errors:
            self._row(key).found_error(comment.probability, is_unread=is_unread)
        seen = {*denominators_of(comment.plan), *errors}
        shared = {key.denominator for key in seen if key.denominator != "sanctions"}
        watching = [
            key
            for key, row in self._rows.items()
            if row.detector is not None and (key in seen or key.denominator in shared)
        ]
        error_at = dict.fromkeys(errors, comment.probability)
        drifted = [key for key in watching if self._rows[key].has_drifted(error_at.get(key))]
        return drifted[0] if drifted else None

    def _row(self, key: RowKey) -> _Row:
        row = self._rows.get(key)
        if row is None:
            population = self._populations.setdefault(population_of(key), Population())
            terms = self.terms(key)
            row = _Row(terms.target, terms.alpha, ErrorBound(terms.floor, population))
            self._rows[key] = row
        return row

    def _target(self, key: RowKey) -> float:
        per_1000 = {
            "sanctions": self.autonomy.max_wrongful_per_1000_sanctions,
            "comments": self.autonomy.max_wrongful_per_1000_comments,
            "allowed": self.autonomy.max_missed_per_1000_allowed,
        }
        return per_1000[key.denominator] * PER_1000

    def _alpha(self, key: RowKey) -> float:
        """Return a row's part of the allowed error; a kind that has not appeared would be the next."""
        allowed = (1 - self.autonomy.confidence) * _share_of_window(self._windows)
        before = self._kinds.get((key.action, key.category), len(self._kinds))
        return allowed * share_of_allowed_error(key, before)

    def _floor(self, key: RowKey) -> float:
        """Return the least probability of those comments that can be an error of this row's kind."""
        chance = self.audit.chance
        return chance.allow if key.denominator == "allowed" else chance.sanctions

    def _certificate(self, key: RowKey, row: _Row) -> Certificate:
        bound = row.bound.bound(row.alpha)
        status: Status = "valid" if row.is_valid else "void" if self._void_because else "not_yet"
        return Certificate(
            key=key,
            comments=row.bound.comments,
            audits=row.bound.audits,
            errors=row.bound.errors,
            unread_audits=row.unread_audits,
            bound=bound,
            target=row.target,
            confidence=self.autonomy.confidence,
            status=status,
            acts_alone=self._acts_alone(key),
            reason=self._reason(key, status, row),
            audits_needed=self._audits_needed(key, row),
            floor=row.bound.least_probability,
            window_from=self._window_from,
            window_to=self._window_to,
        )

    def _acts_alone(self, key: RowKey) -> bool | None:
        """Return whether what a row is about is carried out alone; of all sanctions, and of what was missed, null."""
        if key == RowKey(ALL, ALL, "allowed"):
            return self._is_valid(key)
        if key.action == ALL or key.denominator == "allowed":
            return None
        return self.may_act_alone(Plan(Action(key.action), Category(key.category), 1.0))

    def _audits_needed(self, key: RowKey, row: _Row) -> int:
        """Return how many further random audits it takes, if none finds an error.

        Per comment, errors can only be among sanctions, which are audited likelier than the rest: what counts is
        how many comments go by, so the audits are those that so many comments bring at the share seen so far.
        """
        if key.denominator != "comments" or not row.bound.audits:
            return row.bound.audits_needed(row.target, row.alpha)
        share = row.bound.audits / row.bound.comments
        return ceil(row.bound.comments_needed(row.target, row.alpha) * share)

    def _reason(self, key: RowKey, status: Status, row: _Row) -> str:
        if status == "valid":
            return "the target is met"
        if status == "void":
            return f"void: {self._void_because}"
        needed = self._audits_needed(key, row)
        return f"{needed:,} further random audits without an error would do"


FIRST_WINDOW = 0.9
"""Of the allowed error, what the first window may spend; the rest is for all that follow, however many."""


def _share_of_window(windows_before: int) -> float:
    if windows_before == 0:
        return FIRST_WINDOW
    return (1 - FIRST_WINDOW) / (windows_before * (windows_before + 1))
