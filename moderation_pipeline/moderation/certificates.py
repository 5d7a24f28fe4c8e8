"""Certificates: what a run may do alone, shown by random audits of what it decided alone.

Certified is the system alone: the comments decided without certain audit (p < 1) from a stated position on.
Random audits of those are the evidence; certain audits are outcomes. The bound is `time_uniform.py`'s and holds
at every look, however the Student learns, for all rows at once: half of the allowed error is spent on the rows
that speak of everything, half on those of one action and category. Refits and new memories by the configured
rule don't void a certificate, for they are what is certified; another served model or an alarm of `drift.py`
does, and a new window begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import polars as pl

from moderation_pipeline.agents.plan import Action, Category, Plan
from moderation_pipeline.config import AuditSpec, AutonomySpec, NamedConfig
from moderation_pipeline.moderation.drift import DriftDetector
from moderation_pipeline.moderation.time_uniform import ErrorBound
from moderation_pipeline.warehouse.tables import CERTIFICATES

Denominator = Literal["sanctions", "comments", "allowed"]
Status = Literal["valid", "not_yet", "void"]

ALL = "all"
SANCTIONS = tuple(action for action in Action if action.is_sanction)
VIOLATIONS = tuple(category for category in Category if category is not Category.NONE)
DETAILED_ROWS = len(SANCTIONS) * len(VIOLATIONS) * 2 + len(VIOLATIONS)
"""Sanctions by action and category, per sanction and per comment; missed violations by category."""

OVERALL_ROWS = 3
PER_1000 = 1 / 1000


class RowKey(NamedTuple):
    """What one certificate is about; `all` and `all` for everything."""

    action: str
    category: str
    denominator: Denominator


class DecidedAlone(NamedTuple):
    """A comment decided without certain audit: the Student's plan, and what a random audit of it said."""

    position: int
    plan: Plan
    probability: float
    audited: Plan | None
    model: str | None


class Certificate(NamedTuple):
    """A row of the table certificates without its keys; `bound` and `target` are shares of the denominator."""

    key: RowKey
    comments: int
    audits: int
    errors: int
    bound: float
    target: float
    confidence: float
    status: Status
    reason: str
    audits_needed: int
    floor: float
    window_from: int
    window_to: int


def is_wrongful(plan: Plan, audited: Plan) -> bool:
    """Whether a sanction was put on a comment that the Expert would not have sanctioned."""
    return plan.action.is_sanction and not audited.action.is_sanction


def is_missed(plan: Plan, audited: Plan) -> bool:
    """Whether a comment was let through that the Expert would have sanctioned."""
    return audited.action.is_sanction and not plan.action.is_sanction


@dataclass(slots=True)
class _Row:
    """One certificate as it goes: its bound, and once it was valid the watch for drift."""

    target: float
    alpha: float
    bound: ErrorBound
    detector: DriftDetector | None = None
    is_valid: bool = False

    def take_in(self, probability: float, is_error: bool | None) -> bool:
        """Count one comment, and return whether it drifted."""
        self.bound.take_in(probability, is_error)
        if self.detector is None or is_error is None:
            return False
        return self.detector.alarms_at(is_error=is_error)

    def look(self) -> bool:
        """Work the bound out anew, and return whether the target is met."""
        self.is_valid = self.bound.meets(self.target, self.alpha)
        if self.is_valid and self.detector is None:
            self.detector = DriftDetector(self.target)
        return self.is_valid


@dataclass(slots=True)
class Ledger:
    """All certificates of one run, kept up batch by batch in stream order."""

    autonomy: AutonomySpec
    audit: AuditSpec
    _rows: dict[RowKey, _Row] = field(default_factory=dict)
    _window_from: int = 0
    _window_to: int = -1
    _models: set[str | None] = field(default_factory=set)
    _void_because: str | None = None

    def take_in(self, batch: list[DecidedAlone]) -> None:
        """Count a batch of comments that the system decided alone, then look at every row that changed."""
        for comment in batch:
            self._watch_model(comment)
            drifted = [key for key, row in self._rows_of(comment) if self._counted(key, row, comment)]
            self._window_to = comment.position
            if drifted:
                self._void(f"errors became more frequent at {_named(drifted[0])}", comment.position + 1)
        if batch:
            for row in self._rows.values():
                row.look()

    def may_act_alone(self, plan: Plan) -> bool:
        """Whether the certificates in force cover the plan: both targets of its sanction, or that of letting go."""
        if not plan.action.is_sanction:
            return self._is_valid(RowKey(ALL, ALL, "allowed"))
        return all(self._is_valid(RowKey(plan.action, plan.category, of)) for of in ("sanctions", "comments"))

    def certificates(self) -> Iterator[Certificate]:
        """Return the rows: those for everything first, then by action and category."""
        for key in (RowKey(ALL, ALL, of) for of in ("sanctions", "comments", "allowed")):
            self._row(key)
        for key in sorted(self._rows, key=lambda each: (each.action != ALL, each)):
            yield self._certificate(key, self._rows[key])

    def _is_valid(self, key: RowKey) -> bool:
        row = self._rows.get(key)
        return row is not None and row.is_valid

    def _watch_model(self, comment: DecidedAlone) -> None:
        if self._models and comment.model not in self._models:
            self._void(f"the served model became {comment.model}", comment.position)
            self._models.clear()
        self._models.add(comment.model)

    def _void(self, reason: str, position: int) -> None:
        """Begin a new window; what was certified before no longer holds."""
        if any(row.is_valid for row in self._rows.values()):
            self._void_because = reason
        self._rows.clear()
        self._window_from = position

    def _rows_of(self, comment: DecidedAlone) -> list[tuple[RowKey, _Row]]:
        """Return the rows in whose denominator the comment is; rows of the comments' kind see every comment."""
        plan = comment.plan
        if plan.action.is_sanction:
            keys = [RowKey(ALL, ALL, "sanctions"), RowKey(plan.action, plan.category, "sanctions")]
            self._row(RowKey(plan.action, plan.category, "comments"))
        else:
            keys = [RowKey(ALL, ALL, "allowed")]
            if comment.audited is not None and is_missed(plan, comment.audited):
                self._row(RowKey(Action.ALLOW, comment.audited.category, "allowed"))
            keys += [key for key in self._rows if key.denominator == "allowed" and key.action != ALL]
        self._row(RowKey(ALL, ALL, "comments"))
        keys += [key for key in self._rows if key.denominator == "comments"]
        return [(key, self._row(key)) for key in keys]

    def _counted(self, key: RowKey, row: _Row, comment: DecidedAlone) -> bool:
        return row.take_in(comment.probability, self._error(key, comment))

    def _error(self, key: RowKey, comment: DecidedAlone) -> bool | None:
        """Return whether the comment is an error of this row's kind, null where it was not audited."""
        plan, audited = comment.plan, comment.audited
        if audited is None:
            return None
        if key.denominator == "allowed":
            return is_missed(plan, audited) and key.category in (ALL, audited.category)
        is_its_own = key.action == ALL or (key.action == plan.action and key.category == plan.category)
        return is_wrongful(plan, audited) and is_its_own

    def _row(self, key: RowKey) -> _Row:
        if key not in self._rows:
            self._rows[key] = _Row(self._target(key), self._alpha(key), ErrorBound(self._floor(key)))
            self._rows[key].bound.comments = self._comments_before(key)
        return self._rows[key]

    def _comments_before(self, key: RowKey) -> int:
        """Return the comments that a row opened late has missed: it would have counted them, all without error."""
        whole = self._rows.get(RowKey(ALL, ALL, key.denominator))
        is_late = key.action != ALL and key.denominator != "sanctions" and whole is not None
        return whole.bound.comments if is_late and whole is not None else 0

    def _target(self, key: RowKey) -> float:
        per_1000 = {
            "sanctions": self.autonomy.max_wrongful_per_1000_sanctions,
            "comments": self.autonomy.max_wrongful_per_1000_comments,
            "allowed": self.autonomy.max_missed_per_1000_allowed,
        }
        return per_1000[key.denominator] * PER_1000

    def _alpha(self, key: RowKey) -> float:
        half = (1 - self.autonomy.confidence) / 2
        return half / (OVERALL_ROWS if key.action == ALL else DETAILED_ROWS)

    def _floor(self, key: RowKey) -> float:
        """Return the least probability of those comments that can be an error of this row's kind."""
        floor = self.audit.floor.allow if key.denominator == "allowed" else self.audit.floor.sanctions
        return max(floor, self.audit.rate) if self.audit.policy == "random" else floor

    def _certificate(self, key: RowKey, row: _Row) -> Certificate:
        bound = row.bound.bound(row.alpha)
        is_valid = row.look()
        status: Status = "valid" if is_valid else "void" if self._void_because else "not_yet"
        return Certificate(
            key,
            row.bound.comments,
            row.bound.audits,
            row.bound.errors,
            bound,
            row.target,
            self.autonomy.confidence,
            status,
            self._reason(status, row),
            row.bound.audits_needed(row.target, row.alpha),
            row.bound.least_probability,
            self._window_from,
            self._window_to,
        )

    def _reason(self, status: Status, row: _Row) -> str:
        if status == "valid":
            return "the target is met"
        if status == "void":
            return f"void: {self._void_because}"
        needed = row.bound.audits_needed(row.target, row.alpha)
        return f"{needed:,} further random audits without an error would do"


def _named(key: RowKey) -> str:
    return f"{key.action}/{key.category} per {key.denominator}"


def certify(
    student_decisions: pl.DataFrame, expert_audits: pl.DataFrame, named: NamedConfig, chat: str
) -> pl.DataFrame:
    """Return the table certificates of a run, from its stored decisions and audits alone.

    Looked at after every batch, as the loop did. Without `autonomy` in the config there is nothing to certify,
    and no rows.
    """
    config = named.config
    if config.autonomy is None:
        return CERTIFICATES.empty()
    ledger = Ledger(config.autonomy, config.audit)
    for batch in _batches(student_decisions, expert_audits, config.loop.batch_size):
        ledger.take_in(batch)
    judged_by = _judges(expert_audits)
    rows = [
        (chat, named.name, *each.key, *each[1:9], each.audits_needed, each.floor, judged_by, *each[11:])
        for each in ledger.certificates()
    ]
    return pl.DataFrame(rows, schema=CERTIFICATES.schema, orient="row")


def _batches(decisions: pl.DataFrame, audits: pl.DataFrame, batch_size: int) -> Iterator[list[DecidedAlone]]:
    audited = {row[0]: row[1:] for row in audits.select("comment_id", "action", "category").iter_rows()}
    columns = ("comment_id", "position", "action", "category", "audit_probability", "model")
    ordered = decisions.sort("position").select(columns)
    for start in range(0, ordered.height, batch_size):
        yield [
            DecidedAlone(
                position,
                Plan(Action(action), Category(category), 1.0),
                probability,
                _plan_of(audited.get(comment_id)),
                model,
            )
            for comment_id, position, action, category, probability, model in ordered.slice(
                start, batch_size
            ).iter_rows()
            if action is not None and 0 < probability < 1
        ]


def _plan_of(audited: tuple[str | None, str | None] | None) -> Plan | None:
    if audited is None or audited[0] is None or audited[1] is None:
        return None
    return Plan(Action(audited[0]), Category(audited[1]), 1.0)


def _judges(audits: pl.DataFrame) -> str:
    """Return whose judgement the errors are measured against: the backends and models that audited."""
    names = audits.select(pl.concat_str("backend", "model", separator=" ", ignore_nulls=True)).to_series()
    return ", ".join(sorted(set(names.drop_nulls()))) or "nobody"
