"""Where others decided than a config names first: a budget that was spent, a fallback or a base that stepped in.

Sentences for the report's limits. That it happens is decided in `moderation/` and `agents/build_agents.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from moderation_pipeline.cases.chosen import DecidedBy
from moderation_pipeline.cases.tier_names import BASE, BASE_INSTEAD, HEAD
from moderation_pipeline.config.agent_specs import LearnedSpec, TiersSpec
from moderation_pipeline.config.run_config import Config
from moderation_pipeline.config.yaml_model import Closed
from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline.report.quantities import count, plural

KEYLESS = frozenset({"rules", "careful_rules"})
"""Who stands in: a model never does."""


def stood_in(run: Run) -> Iterator[str]:
    """Yield who decided instead of the config's models, and about how many comments."""
    yield from _of_the_budget(run)
    yield from _of_the_agents(run)
    yield from _of_the_base(run)
    fallen_back = int((run.action_log["decided_by"] == DecidedBy.FALLBACK).sum())
    if fallen_back:
        yield (
            f"{plural(fallen_back, 'comment')} under {run.name} {_were(fallen_back)} decided by the fallback, the "
            "rules: nobody else gave a plan for them."
        )


def _of_the_budget(run: Run) -> Iterator[str]:
    degraded = run.student_decisions.select("position", "degraded").drop_nulls("degraded").sort("position")
    if degraded.is_empty():
        return
    by_rules = int((degraded["degraded"] == "rules").sum())
    yield (
        f"The budget of {run.name} was spent: from comment {count(int(degraded['position'][0]))} on nothing was "
        f"audited, and the rules decided {plural(by_rules, 'comment')}."
    )


def _of_the_agents(run: Run) -> Iterator[str]:
    bought = run.student_decisions.select("backend", "degraded").filter(pl.col("degraded").is_null())
    for each in replaced(run.config.config, bought["backend"], run.expert_audits["backend"]):
        yield (
            f"{run.name} names {each.asked_for} as its {each.part}, but {each.decided} decided: its model could not be "
            "used here."
        )


class Replaced(NamedTuple):
    """A part of a config, which models it names, and who decided in their place."""

    part: str
    asked_for: str
    decided: str


def replaced(config: Config, student: pl.Series, expert: pl.Series) -> Iterator[Replaced]:
    """Yield the parts of a config that keyless agents stood in for altogether, of the backends that answered."""
    for part, spec, backends in (("Student", config.student, student), ("Expert", config.expert, expert)):
        asked_for, decided = _backends(spec), set(backends.drop_nulls().unique())
        if asked_for and decided and decided <= KEYLESS and not decided & asked_for:
            yield Replaced(part, " and ".join(sorted(asked_for)), " and ".join(sorted(decided)))


def marks(config: Config, student: pl.Series, expert: pl.Series) -> list[str]:
    """Return what is to be said beside a config's name wherever its numbers stand, in a few words each.

    A config that ran as its fallback is not what its name says, and one whose Expert is the labels was taught by what
    the others are judged by.
    """
    said = [
        f"not {each.asked_for}: {each.decided} stood in as its {each.part}"
        for each in replaced(config, student, expert)
    ]
    if config.expert != "none" and config.expert.backend == "labels":
        said.append("its Expert is the labels")
    return said


def marks_of(run: Run) -> list[str]:
    """Return the marks of a run."""
    return marks(run.config.config, run.student_decisions["backend"], run.expert_audits["backend"])


def _of_the_base(run: Run) -> Iterator[str]:
    """Yield how much of what a learned head was to decide its base decided, and why."""
    tiers = run.student_decisions.select("position", "tier").drop_nulls("tier").sort("position")["tier"]
    parts = tiers.str.split("/").list.last()
    by_head = parts.is_in([HEAD, BASE_INSTEAD]).arg_true()
    before = parts if by_head.is_empty() else parts.head(int(by_head[0]))
    early, worse = int((before == BASE).sum()), int((parts == BASE_INSTEAD).sum())
    if early and by_head.is_empty():
        yield (
            f"The learned head of {run.name} decided nothing: too few comments were audited by chance to calibrate "
            "it, so its base decided. A longer chat or a higher audit.random_floor would do."
        )
    elif early:
        yield (
            f"The first {plural(early, 'comment')} under {run.name} {_were(early)} decided by the base alone, until "
            "enough audits were behind the learned head."
        )
    if worse:
        yield (
            f"{plural(worse, 'comment')} under {run.name} {_were(worse)} decided by the base, because its learned "
            "head did worse on the latest audits."
        )


def _backends(spec: Closed | str) -> set[str]:
    if isinstance(spec, TiersSpec):
        return set().union(*(_backends(tier) for tier in spec.tiers))
    if isinstance(spec, LearnedSpec):
        return _backends(spec.base)
    return set() if isinstance(spec, str) else {str(getattr(spec, "backend", ""))}


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
