"""What of a run is out at once: batches that are being decided, and batches whose audits are under way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from moderation_pipeline.agents.build_agents import Agents
from moderation_pipeline.agents.expert import AuditsByBatch
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.settled import AuditChoice
from moderation_pipeline.cases.situation import Situation
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.config.run_config import Config


@dataclass(slots=True)
class BeingDecided:
    """A batch, the `number`th, that is being decided."""

    number: int
    cases: list[Case]
    situations: list[Situation]
    deciding: asyncio.Task[list[Verdict]] | None


@dataclass(slots=True)
class InFlight:
    """A batch that was decided and whose audits are under way."""

    number: int
    cases: list[Case]
    situations: list[Situation]
    decided: Sequence[Verdict | None]
    choices: list[AuditChoice]
    audits: asyncio.Task[list[Verdict]] | None
    degraded: Sequence[str | None]


class AuditBill(NamedTuple):
    """What the audits of a batch came to, which the audit policy is still to be told."""

    batch: int
    audits: int
    usd: float


def begins_ahead(config: Config, agents: Agents) -> bool:
    """Return whether a batch may be put to the Student while the one before is not yet decided.

    Not where what it is asked, or which audits are chosen, hangs on what that one or its elders bring: where the
    Student learns, a budget watches the run, or audits are chosen by the sanctions that are in force. Nor where audits
    are sent for hours: as many as can be are sent before the run waits.
    """
    student = agents.student
    return (
        config.loop.feedback_lag > 0
        and student is not None
        and not student.learns
        and config.budget is None
        and config.audit.policy != "severity"
        and not isinstance(agents.expert, AuditsByBatch)
    )


async def abandon(asked: Sequence[asyncio.Task[list[Verdict]] | None]) -> None:
    """Cancel what a run that failed has still asked for, so that nothing is spent after it ended."""
    tasks = [task for task in asked if task is not None]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
