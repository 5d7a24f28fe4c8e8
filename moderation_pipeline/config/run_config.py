"""Configs: what may be written in one YAML file, and what it means when a key is left out.

Which agents can be named is in `agent_specs.py`, how files are found and laid over each other in
`config_library.py`, what is said when they are wrong in `config_errors.py`. What the pieces *do* is in their
rooms.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, Tag, model_validator

from moderation_pipeline.config.agent_specs import (
    CarefulRulesSpec,
    ExpertSpec,
    LearnedSpec,
    NoAgent,
    NoneOrSpec,
    RulesSpec,
    StartFrom,
    StudentSpec,
    TiersSpec,
)
from moderation_pipeline.config.config_errors import NONE_ALLOWED
from moderation_pipeline.config.yaml_model import Closed

DEFAULT_CONFIG = "hybrid"
KEYLESS_REGIMES = ("student_only", "student_memory", "hybrid", "expert_only")
"""What `moderation run` runs when no config is named."""


class VoteSpec(Closed):
    """Which recalled memories are heard by a Student that can't read them, and when they say nothing.

    Heard are those at least `least_similarity` near; two sides whose trust differs by less than
    `least_margin` cancel out. A vote is followed where it is surer than the Student.
    """

    least_similarity: float = Field(default=0.8, ge=0, le=1)
    least_margin: float = Field(default=0.05, ge=0, le=1)


class MemorySpec(Closed):
    """What is remembered: which embedder retrieves, how many at a time, how many are kept, and from whom.

    `embedder`: tfidf counts words and characters; minilm is all-MiniLM-L6-v2 without torch (extra `minilm`);
    sbert is any sentence-transformers model (extra `local`), whose hub name or local path `model` is.
    Memories nearer than `merge_similarity` are the same lesson; less near than `least_similarity` they are
    not recalled. `scope: channel` recalls only what was learnt in the comment's own channel. Once
    `user_share_from` memories are active, at most `user_share` of them may come from one user. A memory that
    harmed more than it helped is retired after `retire_after_uses` judged uses. What would have been decided
    without memories is known at once of keyless Students; a paid one that was shown some is asked again without
    them for `without_share` of those comments, and only such uses, where they are audited, are judged.
    """

    embedder: Literal["tfidf", "minilm", "sbert"] = "tfidf"
    model: str | None = None
    top_k: int = Field(default=5, ge=1, le=100)
    capacity: int = Field(default=50_000, ge=1)
    scope: Literal["channel", "all"] = "all"
    least_similarity: float = Field(default=0.5, gt=0, le=1)
    merge_similarity: float = Field(default=0.95, gt=0, le=1)
    user_share: float = Field(default=0.1, gt=0, le=1)
    user_share_from: int = Field(default=100, ge=1)
    retire_after_uses: int = Field(default=5, ge=1)
    without_share: float = Field(default=0.05, ge=0, le=1)
    vote: VoteSpec = VoteSpec()
    start_from: StartFrom | None = None

    @model_validator(mode="after")
    def _model_is_sberts(self) -> MemorySpec:
        if self.model is not None and self.embedder != "sbert":
            raise ValueError(f"model is sbert's; with embedder: {self.embedder}, leave it out")
        return self


class RandomFloor(Closed):
    """The least audit probability of every comment, by what the Student proposed. A number means both."""

    allow: float = Field(default=0.01, ge=0, le=1)
    sanctions: float = Field(default=0.01, ge=0, le=1)

    @model_validator(mode="before")
    @classmethod
    def _a_number_means_both(cls, data: Any) -> Any:
        is_number = isinstance(data, int | float) and not isinstance(data, bool)
        return {"allow": data, "sanctions": data} if is_number else data


class AuditSpec(Closed):
    """Which comments the Expert audits. `rate` is the expected share of all comments, floor included.

    Under `random` the rate is everyone's chance, and audits that must be (bad replies, what speaks to the
    moderator) come on top: certificates rest on that chance. `uncertain` audits where the Student doubts (by margin
    or entropy), `severity` besides that every ban and timeout of `long_timeout_s` or more before it acts,
    `committee` where base and learned head disagree, `novelty` what is far from all audited comments. `usd` bounds
    what a run's audits may cost at list price.
    """

    policy: Literal["all", "none", "random", "uncertain", "severity", "committee", "novelty"] = "uncertain"
    measure: Literal["margin", "entropy"] = "margin"
    long_timeout_s: int = Field(default=600, ge=1)
    usd: float | None = Field(default=None, gt=0)
    rate: float = Field(default=0.05, ge=0, le=1)
    random_floor: RandomFloor = RandomFloor()

    @property
    def chance(self) -> RandomFloor:
        """The least chance of an audit by proposed action: under `random` the rate is the floor of those below."""
        if self.policy == "none":
            return RandomFloor(allow=0, sanctions=0)
        least = self.rate if self.policy == "random" else 0.0
        floor = self.random_floor
        return RandomFloor(allow=max(floor.allow, least), sanctions=max(floor.sanctions, least))


class LoopSpec(Closed):
    """How the stream is cut: `batch_size: 1` with `feedback_lag: 0` is the exact sequential loop."""

    batch_size: int = Field(default=64, ge=1, le=10_000)
    feedback_lag: int = Field(default=0, ge=0, le=1_000)
    seed: int = 7


class AutonomySpec(Closed):
    """What must be shown before the system may act alone, by random audits of what it decided alone.

    Three targets and never one: where violations are rare, a system that allows everything wrongs nobody, and
    one that sanctions hardly anyone wrongs few. All hold at once, at every look, with `confidence`.
    """

    max_wrongful_per_1000_sanctions: float = Field(default=50, gt=0, lt=1000)
    max_wrongful_per_1000_comments: float = Field(default=1, gt=0, lt=1000)
    max_missed_per_1000_allowed: float = Field(default=10, gt=0, lt=1000)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)


class BudgetSpec(Closed):
    """What a run may cost at list price, and what happens when that is spent."""

    usd_per_run: float = Field(gt=0)
    when_spent: Literal["stop", "rules"] = "stop"


Regime = Literal["student_only", "student_memory", "hybrid", "expert_only"]


class Config(Closed):
    """One way to moderate a chat. A run is a chat moderated under one config.

    `regime` is the family of configs it is compared with; left out, it follows from the rest. Only
    `student_memory` must be said: its audits teach, and the Student's plan stands all the same.
    """

    description: str = ""
    regime: Regime
    student: Annotated[Annotated[StudentSpec, Tag(NONE_ALLOWED)] | NoAgent, NoneOrSpec] = RulesSpec()
    expert: Annotated[Annotated[ExpertSpec, Tag(NONE_ALLOWED)] | NoAgent, NoneOrSpec] = CarefulRulesSpec()
    memory: MemorySpec | None = MemorySpec()
    audit: AuditSpec = AuditSpec()
    loop: LoopSpec = LoopSpec()
    rules: str | None = None
    sanctions: str = "default"
    shadow: bool = False
    budget: BudgetSpec | None = None
    autonomy: AutonomySpec | None = None
    fallback: Literal["rules"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _regime_follows_from_the_rest(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and data.get("regime") is None:
            return {**data, "regime": _implied_regime(data)}
        return data

    @model_validator(mode="after")
    def _regime_fits(self) -> Config:
        if self.regime == "student_only" and (self.expert != "none" or self.memory is not None):
            raise ValueError(
                "regime student_only has no Expert and no memory: set expert: none and memory: null"
            )
        if (self.regime == "expert_only") != (self.student == "none"):
            raise ValueError("regime expert_only and student: none go together; set both or neither")
        if self.regime == "expert_only" and (self.expert == "none" or self.audit.policy != "all"):
            raise ValueError(
                "regime expert_only needs an Expert that audits everything: audit: {policy: all}"
            )
        floor = min(self.audit.random_floor.allow, self.audit.random_floor.sanctions)
        if self.audit.policy not in ("all", "none") and floor > self.audit.rate:
            raise ValueError(
                f"audit.rate {self.audit.rate} is the share of all audits, random_floor included, which is "
                f"{floor} at least: raise the rate or lower the floor"
            )
        if self.expert == "none" and self.audit.policy != "none":
            raise ValueError("audits need an Expert: set audit: {policy: none}, or name an expert")
        if self.audit.policy == "committee" and not _has_head(self.student):
            raise ValueError(
                "audit.policy committee audits where a learned head and its base disagree, and this Student has no "
                "head: set student: {backend: learned, base: …}, or another policy, such as uncertain"
            )
        return self

    @model_validator(mode="after")
    def _autonomy_can_be_shown(self) -> Config:
        """Chance has to bring some of what is decided alone to the Expert, and not all of it."""
        audit = self.audit
        if self.autonomy is None:
            return self
        if audit.policy in ("all", "none"):
            raise ValueError(
                "autonomy is shown by random audits of what the system decides alone, and under audit.policy "
                f"{audit.policy!r} there are none: set it to random, uncertain, severity, committee or novelty, "
                "or leave autonomy out"
            )
        for proposed, chance in audit.chance:
            if not 0 < chance < 1:
                key = (
                    "rate"
                    if chance == audit.rate and audit.policy == "random"
                    else f"random_floor.{proposed}"
                )
                raise ValueError(
                    f"autonomy is shown by random audits of what the system decides alone, and audit.{key} is "
                    f"{chance:g}, which makes {'none' if chance == 0 else 'every audit certain'}: set it above 0 "
                    "and below 1, or leave autonomy out"
                )
        return self

    @property
    def audits_act(self) -> bool:
        """Whether an audit's plan replaces the Student's."""
        return self.regime in ("hybrid", "expert_only")


def _has_head(student: object) -> bool:
    tiers = student.tiers if isinstance(student, TiersSpec) else (student,)
    return any(isinstance(tier, LearnedSpec) for tier in tiers)


def _implied_regime(data: Mapping[str, Any]) -> Regime:
    if data.get("student") == "none":
        return "expert_only"
    if data.get("expert") == "none" and data.get("memory", ...) is None:
        return "student_only"
    return "hybrid"


class NamedConfig(Closed):
    """A config with the name it has as a partition, and the file it came from."""

    name: str
    path: Path
    config: Config

    @property
    def config_hash(self) -> str:
        """Sixteen hex digits of everything the config says, `extends` resolved and defaults filled in."""
        text = json.dumps(self.config.model_dump(mode="json"), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
