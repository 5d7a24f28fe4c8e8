"""Agents from a config: which class each spec stands for. What a backend needs is passed in."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from moderation_pipeline.agents.careful_rules import CarefulRulesExpert
from moderation_pipeline.agents.expert import Expert
from moderation_pipeline.agents.labels import LabelsExpert
from moderation_pipeline.agents.rules import RulesStudent
from moderation_pipeline.agents.student import Student
from moderation_pipeline.config import CarefulRulesSpec, Config, LabelsSpec


@dataclass(frozen=True, slots=True)
class Agents:
    """Who decides in a run: any of them may be absent. `fallback` decides where a reply was bad (law 4)."""

    student: Student | None
    expert: Expert | None
    fallback: Student | None


def build_agents(config: Config, comments: pl.DataFrame) -> Agents:
    """Return the agents that the config names; `comments` gives the labels to an Expert of labels."""
    return Agents(
        student=None if config.student == "none" else RulesStudent(),
        expert=_expert(config, comments),
        fallback=RulesStudent() if config.fallback == "rules" else None,
    )


def _expert(config: Config, comments: pl.DataFrame) -> Expert | None:
    spec = config.expert
    if spec == "none":
        return None
    if isinstance(spec, LabelsSpec):
        return LabelsExpert(comments)
    if isinstance(spec, CarefulRulesSpec):
        return CarefulRulesExpert()
    raise TypeError(f"No Expert is built from {type(spec).__name__}.")
