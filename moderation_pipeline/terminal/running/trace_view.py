"""`run --trace`: each comment as it is decided, the action first, so that the left edge says it at a glance.

What there is to tell is in `moderation/trace.py`, which also writes the log that every run leaves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from moderation_pipeline.cases.chosen import DecidedBy
from moderation_pipeline.cases.settled import Settled
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.moderation.trace import RunObserver
from moderation_pipeline.rounding import rounded
from moderation_pipeline.terminal.escaping import harmless
from moderation_pipeline.terminal.screen import number
from moderation_pipeline.text.visible import shortened

STYLES = {
    "allow": "green",
    "reply": "cyan",
    "warn": "yellow",
    "delete": "magenta",
    "timeout": "red",
    "ban": "bold red",
    "undecided": "bold blue",
}

ACTION_WIDTH = 14
MOST_OF_REPLY = 120
MOST_MEMORIES = 3


class TraceView(RunObserver):
    """Draws every settled comment on a console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def begins(self, chat: str, config: str, comments: int) -> None:
        """Head the run."""
        self._console.print(f"── {chat} under {config}: {comments:,} comments ──", style="bold")

    def noted(self, note: str) -> None:
        """Print what is to be said loudly."""
        self._console.print(harmless(f"Note: {note}"), style="bold yellow", markup=False)

    def settled(self, batch: Sequence[Settled]) -> None:
        """Draw a batch: the action on the left, what was written and said wrapped beside it."""
        table = Table.grid()
        table.add_column(width=ACTION_WIDTH)
        table.add_column(overflow="fold")
        for each in batch:
            for line in lines(each):
                table.add_row(*line)
        self._console.print(table)


class TraceLine(NamedTuple):
    """One line of the trace: what stands on the left edge, and the rest."""

    edge: Text
    rest: Text


def lines(settled: Settled) -> Iterator[TraceLine]:
    """Return how a comment is drawn: what was done and the comment, who said what, how it came out.

    Where nobody but the Student had a say, its line tells the outcome too.
    """
    yield TraceLine(_done(settled), _comment(settled))
    outcome = Text(harmless(_outcome(settled)), "dim")
    blank = Text()
    if settled.decided is not None:
        said = _said("student", settled.decided)
        if settled.audited is None and settled.sanction.decided_by is DecidedBy.STUDENT:
            yield TraceLine(blank, said.append(" · ", "dim").append_text(outcome))
            return
        yield TraceLine(blank, said)
    if settled.audited is not None:
        yield TraceLine(blank, _said("expert", settled.audited).append_text(_agreement(settled)))
    yield TraceLine(blank, outcome)


def _done(settled: Settled) -> Text:
    sanction = settled.sanction
    duration = f" {sanction.duration_s}s" if sanction.duration_s else ""
    return Text(sanction.action + duration, STYLES.get(sanction.action, ""))


def _comment(settled: Settled) -> Text:
    case = settled.case
    who = f"{case.user_name or case.user_id or 'someone'} in {case.channel}"
    return Text(harmless(f"#{case.position} {who}: "), "dim").append(harmless(case.text), "not dim")


def _said(who: str, verdict: Verdict) -> Text:
    line = Text(f"{who:<8}", "dim")
    plan = verdict.plan
    if plan is None:
        return line.append(harmless(f"gave no plan: {verdict.receipt.reply_error}"), "bold blue")
    line.append(f"{plan.action}", STYLES[plan.action])
    rule = f", rule {plan.rule}" if plan.rule and plan.is_violation else ""
    what = f" for {plan.category}{rule}" if plan.is_violation else ""
    line.append(harmless(f"{what}, {rounded(plan.confidence, 2)}: {plan.reasoning}"), "not dim")
    if verdict.memory_ids:
        more = "…" if len(verdict.memory_ids) > MOST_MEMORIES else ""
        line.append(f" · memories {', '.join(verdict.memory_ids[:MOST_MEMORIES])}{more}", "cyan")
    return line


def _agreement(settled: Settled) -> Text:
    if settled.agrees is None:
        return Text()
    return Text(" ✓ agrees", "green") if settled.agrees else Text(" ✗ disagrees", "bold yellow")


def _outcome(settled: Settled) -> str:
    sanction = settled.sanction
    parts = [f"by {sanction.decided_by}"]
    if sanction.reply_text is not None:
        parts.append(f"says {shortened(sanction.reply_text, MOST_OF_REPLY)!r}")
    if settled.choice.reason is not None:
        parts.append(f"audited: {settled.choice.reason} (p {number(settled.choice.probability)})")
    if sanction.decided_by in (DecidedBy.LADDER, DecidedBy.PRECEDENT):
        parts.append(sanction.reason)
    if sanction.strikes:
        parts.append(f"{sanction.strikes} strike{'s' if sanction.strikes > 1 else ''}")
    if sanction.under_sanction:
        parts.append("was silenced already")
    if sanction.is_shadow:
        parts.append("shadow: nothing was done")
    return " · ".join([*parts, _cost(settled)])


def _cost(settled: Settled) -> str:
    answers = [verdict for verdict in (settled.decided, settled.audited) if verdict is not None]
    costs = [verdict.receipt.cost_usd for verdict in answers]
    known = [cost for cost in costs if cost is not None]
    about = "about " if sum(known) and any(each.receipt.tokens_are_estimated for each in answers) else ""
    return "cost unknown" if len(known) < len(costs) else f"{about}${number(sum(known))}"
