"""An agent's answer about one case: the plan, and what it cost to get it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from moderation_pipeline.cases.audit_reason import AuditReason
from moderation_pipeline.plan import NOT_JUDGED, Plan


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where an answer came from and what it cost: the receipt columns of the warehouse.

    `model` is as the reply names it. `cost_usd` is what this run paid, `list_cost_usd` what it would have
    cost without the cache; both are null where the price is unknown, 0 for keyless backends.
    `reply_mended` names what had to be mended before the reply could be read (`reply_parsing.py`).
    """

    backend: str
    model: str | None = None
    prompt_version: str | None = None
    prompt_tokens: int | None = 0
    completion_tokens: int | None = 0
    cost_usd: float | None = 0.0
    list_cost_usd: float | None = 0.0
    latency_ms: float | None = 0.0
    is_cached: bool = False
    reply_error: str | None = None
    tokens_are_estimated: bool = False
    reply_mended: tuple[str, ...] = ()


def added_up(receipts: Sequence[Receipt]) -> Receipt:
    """Return the last receipt with the tokens, dollars and time of all; one unknown makes the sum unknown."""
    if len(receipts) == 1:
        return receipts[0]
    return replace(
        receipts[-1],
        prompt_tokens=known_sum([each.prompt_tokens for each in receipts]),
        completion_tokens=known_sum([each.completion_tokens for each in receipts]),
        cost_usd=known_sum([each.cost_usd for each in receipts]),
        list_cost_usd=known_sum([each.list_cost_usd for each in receipts]),
        latency_ms=known_sum([each.latency_ms for each in receipts]),
        tokens_are_estimated=any(each.tokens_are_estimated for each in receipts),
    )


def shared_out(receipt: Receipt, index: int, count: int) -> Receipt:
    """Return one comment's part of what a request about `count` of them took; each waited for the whole of it."""
    cost, listed = receipt.cost_usd, receipt.list_cost_usd
    return replace(
        receipt,
        prompt_tokens=_part(receipt.prompt_tokens, index, count),
        completion_tokens=_part(receipt.completion_tokens, index, count),
        cost_usd=None if cost is None else cost / count,
        list_cost_usd=None if listed is None else listed / count,
    )


def _part(tokens: int | None, index: int, count: int) -> int | None:
    """Return one comment's part of a request's tokens; the first bear what doesn't divide."""
    return None if tokens is None else tokens // count + (index < tokens % count)


N = TypeVar("N", int, float)


def known_sum(values: Sequence[N | None]) -> N | None:
    """Return the sum, null where one of the values is."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


class OptionProbability(NamedTuple):
    """The probability of one option of one question."""

    question: str
    option: str
    probability: float


class Contribution(NamedTuple):
    """Something that spoke for (positive) or against (negative) the plan; kind: signal, feature or memory."""

    kind: str
    name: str
    weight: float


class TierReceipt(NamedTuple):
    """What one tier's answer cost, and how unsure it was; the last one asked is the one that decided."""

    tier: str
    receipt: Receipt
    doubt: float | None


class LearntSuspicion(NamedTuple):
    """How likely a violation is; only once it `is_calibrated` is it a probability, before that it ranks."""

    probability: float
    is_calibrated: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """A plan with its receipt. `plan` is null where the reply was bad (law 4); the receipt says why.

    `without_memory` is what would have been decided without the memories in `memory_ids`, where that is
    known: it is what a memory's worth is measured by; `probabilities_without_memory` are those behind it.
    `doubt` in [0, 1] is how near the agent was to deciding otherwise; left out, it is 1 - confidence. The two
    differ where the threshold is not one half.
    `closeness` is how few comments lie between this one and the threshold: 1 less their share of recent ones, on
    either side. Where it is given, audits that look for doubt go by it.
    `learnt_suspicion` is what a head that audits taught thinks of a violation, whoever decided.
    `second_opinion` is what another part of the same agent proposed: the base under a learned head.
    `must_audit` says why the comment has to be audited whatever the doubt, where it does. `tier` is the one of
    several Students that decided, `tiers` what each of those asked cost; the receipt is then their sum.
    `not_judged` says why the agent is no judge of the comment, where it is none: no reply failed, and the plan, if
    there is one, is what a text without anything in it gets, which a learned head may still read. It doesn't stand.
    """

    plan: Plan | None
    receipt: Receipt
    confidence_source: str = "rules"
    probabilities: tuple[OptionProbability, ...] = ()
    memory_ids: tuple[str, ...] = ()
    explanation: tuple[Contribution, ...] = ()
    tier: str | None = None
    without_memory: Plan | None = None
    probabilities_without_memory: tuple[OptionProbability, ...] = ()
    doubt: float | None = None
    must_audit: AuditReason | None = None
    second_opinion: Plan | None = None
    closeness: float | None = None
    learnt_suspicion: LearntSuspicion | None = None
    tiers: tuple[TierReceipt, ...] = ()
    not_judged: str | None = None

    @property
    def uncertainty(self) -> float:
        """The doubt, 1 - confidence where none is given, and 1 where there is no plan to be sure of."""
        if self.plan is None or self.not_judged is not None:
            return 1.0
        return 1.0 - self.plan.confidence if self.doubt is None else self.doubt

    @property
    def standing(self) -> Verdict:
        """The verdict as it stands: without a plan where the comment was not judged."""
        return self if self.not_judged is None else replace(self, plan=None, confidence_source=NOT_JUDGED)
