"""What tests put in the place of a deployment's own: an Expert, a builder of agents, an embedder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import polars as pl

from moderation_pipeline.agents.build_agents import Agents, Models
from moderation_pipeline.agents.expert import Expert
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.verdict import Receipt, Verdict
from moderation_pipeline.config.run_config import Config
from moderation_pipeline.defs.resources import AgentBuilder
from moderation_pipeline.embedders.embedder import Embedder, Vectors
from moderation_pipeline.plan import Action, Category, Plan


class SternExpert(Expert):
    """Bans whatever it is shown."""

    async def audit(self, cases: Sequence[Case]) -> list[Verdict]:
        plan = Plan(Action.BAN, Category.OTHER, 1.0, "the stern Expert bans everything")
        return [Verdict(plan, Receipt("stern")) for _ in cases]


class SternAgents(AgentBuilder):
    """Builds what a config names, but for its Expert."""

    def build(self, config: Config, comments: pl.DataFrame, models: Models, own_rules: str = "") -> Agents:
        return replace(super().build(config, comments, models, own_rules), expert=SternExpert())


class LengthEmbedder(Embedder):
    """Texts of one length are the same to it. It keeps what all of its kind were asked for."""

    name = "length"
    asked: ClassVar[list[str]] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked.extend(texts)
        angles = np.array([len(text) for text in texts], dtype=np.float32)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).reshape(len(texts), 2)
