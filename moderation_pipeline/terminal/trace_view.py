"""`run --trace`: each comment as it is decided, the action first, so that the left edge says it at a glance.

What there is to tell is in `moderation/trace.py`, which also writes the log that every run leaves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from moderation_pipeline.agents.verdict import Verdict
from moderation_pipeline.moderation.trace import RunObserver, Settled
from moderation_pipeline.terminal.harmless import harmless
from moderation_pipeline.terminal.screen import number

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

STYLES = {
    "allow": "green",
    "reply": "cyan",
    "warn": "yellow",
    "delete": "magenta",
    "timeout": "red",
    "ban": "bold red",
    "undecided": "bold blue",
}

ACTION_WIDTH = 13
MOST_MEMORIES = 3
INDENT = " " * ACTION_WIDTH


class TraceView(RunObserver):
    """Draws every settled comment on a console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def begins(self, chat: str, config: str, comments: int) -> None:
        """Head the run."""
        self._console.rule(f"{chat} under {config}: {comments:,} comments")

    def settled(self, batch: Sequence[Settled]) -> None:
        """Draw a batch."""
        for each in batch:
            for line in lines(each):
                self._console.print(line)


def lines(settled: Settled) -> Iterator[Text]:
    """Return how a comment is drawn: what was done and the comment, then who said what, then the outcome."""
    from rich.text import Text

    case, sanction = settled.case, settled.sanction
    done = sanction.action + (f" {sanction.duration_s}s" if sanction.duration_s else "")
    who = f"{case.user_name or case.user_id or 'someone'} in {case.channel}"
    head = Text(done.ljust(ACTION_WIDTH), STYLES.get(sanction.action, ""))
    head.append(harmless(f"#{case.position} {who}: "), "dim")
    head.append(harmless(case.text), "default")
    yield head
    if settled.decided is not None:
        yield _said("student", settled.decided)
    if settled.audited is not None:
        yield _said("expert", settled.audited).append_text(_agreement(settled))
    yield Text(INDENT + harmless(_outcome(settled)), "dim")


def _said(who: str, verdict: Verdict) -> Text:
    from rich.text import Text

    line = Text(f"{INDENT}{who:<8}", "dim")
    plan = verdict.plan
    if plan is None:
        return line.append(harmless(f"gave no plan: {verdict.receipt.reply_error}"), "bold blue")
    line.append(f"{plan.action}", STYLES[plan.action])
    what = "" if not plan.is_violation else f" for {plan.category}"
    line.append(f"{what}, {plan.confidence:.2f}", "default")
    rule = f" [{plan.rule}]" if plan.rule else ""
    line.append(harmless(f"{rule} {plan.reasoning}"), "italic dim")
    if verdict.memory_ids:
        more = "…" if len(verdict.memory_ids) > MOST_MEMORIES else ""
        line.append(f"  memories {', '.join(verdict.memory_ids[:MOST_MEMORIES])}{more}", "dim")
    return line


def _agreement(settled: Settled) -> Text:
    from rich.text import Text

    if settled.agrees is None:
        return Text()
    return Text("  ✓ agrees", "green") if settled.agrees else Text("  ✗ disagrees", "bold yellow")


def _outcome(settled: Settled) -> str:
    sanction = settled.sanction
    parts = [f"by {sanction.decided_by}"]
    if settled.choice.reason is not None:
        parts.append(f"audited: {settled.choice.reason}, p {number(settled.choice.probability)}")
    if sanction.decided_by == "ladder":
        parts.append(sanction.reason)
    if sanction.strikes:
        parts.append(f"{sanction.strikes} strike{'s' if sanction.strikes > 1 else ''}")
    if sanction.under_sanction:
        parts.append("was silenced already")
    if sanction.is_shadow:
        parts.append("shadow: nothing was done")
    parts.append(_cost(settled))
    return " · ".join(parts)


def _cost(settled: Settled) -> str:
    costs = [
        verdict.receipt.cost_usd for verdict in (settled.decided, settled.audited) if verdict is not None
    ]
    known = [cost for cost in costs if cost is not None]
    return "cost unknown" if len(known) < len(costs) else f"${number(sum(known))}"
