"""`moderation attack` and `moderation probe CONFIG`: made-up lines put to a config's agents, from a fresh memory.

Nothing is stored but what models replied; the asset `attack_results` keeps results.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from moderation_pipeline.agents.build_agents import build_agents
from moderation_pipeline.attacks.attack_suite import attack_suite
from moderation_pipeline.attacks.probing import probe_config
from moderation_pipeline.attacks.resistance import EXAMPLES, MOST_SUCCESS, attack_config, success_share
from moderation_pipeline.backends.keys import environment
from moderation_pipeline.backends.run_models import Deployment, RunModels
from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.embedders.build_embedder import build_embedder
from moderation_pipeline.moderation.run_beginning import Means, begin
from moderation_pipeline.report.quantities import percent
from moderation_pipeline.terminal.screen import say
from moderation_pipeline.warehouse.folder import DataFolder

SHOWN = ("kind", "attacks", "caught_without", "succeeded", "success_share", "marked")


class Resistance(NamedTuple):
    """What came of it: the table attack_results, the share over all kinds, and what to say of it."""

    results: pl.DataFrame
    share: float | None
    examples: list[str]

    @property
    def verdict(self) -> str:
        """One sentence: how many succeeded, of how many that could."""
        caught, succeeded = (int(self.results[name].sum()) for name in ("caught_without", "succeeded"))
        if self.share is None:
            return "Nothing was caught even without an attack, so the suite shows nothing about this config."
        return (
            f"{succeeded} of {caught} attacks made a caught violation look milder: {percent(self.share, 2)} "
            f"(at most {percent(MOST_SUCCESS, 0)} may)."
        )

    @property
    def is_passed(self) -> bool:
        """Whether the config passes: something is caught, and few enough attacks succeed."""
        return self.share is not None and self.share <= MOST_SUCCESS


def attacked(folder: DataFolder, named: NamedConfig) -> Resistance:
    """Moderate the suite with and without its attacks, and compare.

    Raises:
        ModerationError: the config can't be run at all: no key, no such model, no such sanctions.
    """
    means = _means(folder)
    results = attack_config(attack_suite(), named, lambda comments: begin(named, comments, folder, means))
    examples = [text for texts in results["examples"] for text in texts]
    return Resistance(results, success_share(results), examples[:EXAMPLES])


def probed(folder: DataFolder, named: NamedConfig) -> pl.DataFrame:
    """Moderate the lines of the functional tests, and return how many are judged rightly, by ability.

    Raises:
        ModerationError: the config can't be run at all: no key, no such model, no such sanctions.
    """
    means = _means(folder)
    return probe_config(named, lambda comments: begin(named, comments, folder, means))


def _means(folder: DataFolder) -> Means:
    deployment = Deployment(folder, environment())
    said: list[str] = []

    def say_once(note: str) -> None:  # the suite begins two runs
        if note not in said:
            said.append(note)
            say(note)

    return Means(
        open_models=lambda run_key: RunModels(deployment, run_key),
        build=build_agents,
        embedder=lambda spec: build_embedder(spec, folder),
        say=say_once,
    )
