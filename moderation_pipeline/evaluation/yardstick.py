"""Which expert_only run a config's agreement is measured against: that of its own Expert, and no other.

A chat may have several runs in which an Expert judged everything. Agreement with a stranger says nothing about a
config, so one whose own Expert has no such run is measured by its audits alone; one that has no Expert is held
against the usual one. How plans are laid beside each other is `judged.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.evaluation.judged import Run

USUAL = "expert_only"
"""The run that a config without an Expert is held against, where there are several."""

HOW_HARD_IT_IS_ASKED = {
    *(
        "concurrency",
        "requests_per_minute",
        "tokens_per_minute",
        "timeout_s",
        "attempts",
        "batch",
        "batch_size",
        "device",
        "price",
        "may_train_on",
    ),
}
"""What a spec says of an Expert that makes it no other judge."""


def yardstick_of(named: NamedConfig, others: Iterable[NamedConfig]) -> str | None:
    """Return the name of the config, of regime expert_only, whose plans the config's are held against."""
    # Of one that has no Expert: who takes violations to be as rare as it does, before who is called as usual.
    expected = named.config.expected_violations_per_1000
    full = sorted(
        (each for each in others if each.config.regime == "expert_only"),
        key=lambda each: (
            each.config.expected_violations_per_1000 != expected,
            each.name != USUAL,
            each.name,
        ),
    )
    if named.config.expert == "none":
        return full[0].name if full else None
    return next((each.name for each in full if judge_of(each) == judge_of(named)), None)


def reference_of(run: Run, runs: Sequence[Run]) -> pl.DataFrame | None:
    """Return the audits of the run that this one's plans are held against, if it is among `runs`."""
    name = yardstick_of(run.config, (each.config for each in runs))
    return next((each.expert_audits for each in runs if each.name == name), None)


def yardsticks(configs: Sequence[NamedConfig]) -> dict[str, list[str]]:
    """Return, by expert_only config, whose agreement is measured against it."""
    measured: dict[str, list[str]] = {}
    for each in configs:
        against = yardstick_of(each, configs)
        if against is not None and against != each.name and each.config.regime != "expert_only":
            measured.setdefault(against, []).append(each.name)
    return dict(sorted(measured.items()))


def told(configs: Sequence[NamedConfig]) -> str | None:
    """Return which config is measured against which; null where there is no choice."""
    full = [each for each in configs if each.config.regime == "expert_only"]
    if len(full) < 2:
        return None
    held = yardsticks(configs)
    against = [f"that of {', '.join(names)} against {_named(configs, name)}" for name, names in held.items()]
    alone = [each.name for each in full if each.name not in held]
    nobody = [f"nobody's against {_named(configs, name)}, whose Expert no other config has" for name in alone]
    return f"Agreement is measured with each config's own Expert: {'; '.join((*against, *nobody))}."


def _named(configs: Sequence[NamedConfig], name: str) -> str:
    judge = next(judge_of(each) for each in configs if each.name == name)
    return f"{name} ({judge.get('model') or judge.get('backend')})"


def judge_of(named: NamedConfig) -> Mapping[str, Any]:
    """Return what a config says of its Expert that makes it this judge and no other.

    Not all of it stands in `expert`: careful rules go by how rare violations are taken to be, and a model is shown the
    channel's own rules. Neither is anything to the others.
    """
    config = named.config
    if config.expert == "none":
        return {}
    judge = config.expert.model_dump(mode="json", exclude=HOW_HARD_IT_IS_ASKED)
    match config.expert.backend:
        case "labels":
            return judge
        case "careful_rules":
            expected = config.expected_violations_per_1000
            return {**judge, "expected": None if expected is None else expected.model_dump(mode="json")}
        case _:
            return {**judge, "rules": config.rules}
