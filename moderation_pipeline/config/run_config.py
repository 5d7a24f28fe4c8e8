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

from pydantic import Field, Tag, field_validator, model_validator

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
from moderation_pipeline.config.replacing import Replacement
from moderation_pipeline.config.yaml_model import Closed
from moderation_pipeline.plan import SANCTIONS, Action, Category

DEFAULT_CONFIG = "hybrid"
SYNTHETIC_EXPECTED = {"synthetic": 150.0}
"""Of the generated chat, whose scenes are there to be found."""

KEYLESS_REGIMES = ("student_only", "student_memory", "hybrid", "expert_only")
"""What `moderation run` runs when no config is named."""


class VoteSpec(Closed):
    """Which recalled memories are heard by a Student that can't read them, and when they say nothing.

    A vote is followed where it is surer than the Student, as far as memories may turn a plan.
    """

    least_similarity: float = Field(default=0.8, ge=0, le=1)
    """How near a memory must be to be heard, as similarity of its state to the case's."""
    least_margin: float = Field(default=0.05, ge=0, le=1)
    """Two sides whose trust differs by less than this cancel out."""


class MemorySpec(Closed):
    """What is remembered: what retrieves, how many at a time, how many are kept, and from whom."""

    embedder: Literal["tfidf", "minilm", "sbert"] = "tfidf"
    """What finds memories: tfidf counts words and characters; minilm is all-MiniLM-L6-v2 without torch (extra
    `minilm`); sbert is any sentence-transformers model (extra `local`)."""
    model: str | None = None
    """The hub name or local path of the model, for sbert alone."""
    top_k: int = Field(default=5, ge=1, le=100)
    """How many memories are recalled for a comment."""
    capacity: int = Field(default=50_000, ge=1)
    """How many memories are kept; beyond it those that are worth least are forgotten."""
    scope: Literal["channel", "all"] = "all"
    """Whether only what was learnt in the comment's own channel is recalled, or everything."""
    least_similarity: float = Field(default=0.5, gt=0, le=1)
    """Memories less near than this are not recalled."""
    merge_similarity: float = Field(default=0.95, gt=0, le=1)
    """Memories nearer than this are the same lesson."""
    user_share: float = Field(default=0.1, gt=0, le=1)
    """The share of active memories, each counted once for every user who taught it, that one user may be behind."""
    user_share_from: int = Field(default=100, ge=1)
    """While fewer are active, `user_share` is of so many: it holds from the first memory on."""
    retire_after_uses: int = Field(default=5, ge=1)
    """A memory that harmed more than it helped is retired after so many judged uses."""
    without_share: float = Field(default=0.05, ge=0, le=1)
    """Of the comments at which a paid Student was shown memories, the share that is asked about again without
    them, so that memories can be judged; each is one more call. Keyless Students tell for nothing."""
    vote: VoteSpec = VoteSpec()
    """How memories are heard by Students that can't read them."""
    start_from: StartFrom | None = None
    """Another chat's run, as "chat|config", whose memories this run begins with."""

    @model_validator(mode="after")
    def _model_is_sberts(self) -> MemorySpec:
        if self.model is not None and self.embedder != "sbert":
            raise ValueError(f"model is sbert's; with embedder: {self.embedder}, leave it out")
        return self


class RandomFloor(Closed):
    """The least audit probability of every comment, by what the Student proposed. A number means both."""

    allow: float = Field(default=0.01, ge=0, le=1)
    """The chance of an audit where the Student would let the comment be."""
    sanctions: float = Field(default=0.01, ge=0, le=1)
    """The chance of an audit where the Student proposes to act."""

    @model_validator(mode="before")
    @classmethod
    def _a_number_means_both(cls, data: Any) -> Any:
        is_number = isinstance(data, int | float) and not isinstance(data, bool)
        return {"allow": data, "sanctions": data} if is_number else data


class HarmSpec(Closed):
    """What an error of either kind does, one against the other."""

    missed: float = Field(default=1, gt=0)
    """The harm of a violation that is let be."""
    wrongful: float = Field(default=1, gt=0)
    """The harm of a sanction where nothing was violated."""
    of_category: dict[Category, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """The harm of a missed violation of a category, where it is not `missed`: it weighs what a run did wrong
    (`harm_per_1000_comments`) and decides nothing."""
    of_action: dict[Action, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """The harm of a wrongful warn, delete, timeout or ban, where it is not `wrongful`: it weighs what a run did wrong
    and decides nothing."""

    @field_validator("of_category")
    @classmethod
    def _violations_alone(cls, weights: dict[Category, float]) -> dict[Category, float]:
        if Category.NONE in weights:
            raise ValueError("none is no violation that could be missed")
        return weights

    @field_validator("of_action")
    @classmethod
    def _sanctions_alone(cls, weights: dict[Action, float]) -> dict[Action, float]:
        if mild := [action.value for action in weights if not action.is_sanction]:
            raise ValueError(f"{', '.join(mild)} sanctions nobody: {', '.join(SANCTIONS)} may be wrongful")
        return weights

    @property
    def acts_from(self) -> float:
        """The probability of a violation from which acting is expected to do less harm than letting be."""
        return self.wrongful / (self.wrongful + self.missed)


class AuditSpec(Closed):
    """Which comments the Expert audits.

    Under `random` audits that must be (bad replies, what speaks to the moderator) come on top of the rate, for
    certificates rest on that chance.
    """

    policy: Literal[
        "all", "none", "random", "uncertain", "severity", "committee", "novelty", "averted_harm"
    ] = "uncertain"
    """What is audited for certain: `uncertain` where the Student is nearest to deciding otherwise, `severity`
    besides that every ban and long timeout before it acts, `committee` where base and learned head disagree,
    `novelty` what is far from all audited comments, `averted_harm` where an audit is expected to avert the most
    harm, `random` nothing (the rate is everyone's chance)."""
    harm: HarmSpec = HarmSpec()
    """What a missed violation and a wrongful sanction weigh, wherever errors are weighed. Under `averted_harm` audits
    go by it, and a learned Student acts from the probability on from which acting is expected to do less harm than
    letting be."""
    measure: Literal["margin", "entropy"] = "margin"
    """How doubt is measured under `uncertain`: by margin or entropy."""
    long_timeout_s: int = Field(default=600, ge=1)
    """From how many seconds on a timeout is a long one, for `severity`."""
    usd: float | None = Field(default=None, gt=0)
    """What a run's audits may cost at list price; null: no bound but the run's own."""
    rate: float = Field(default=0.05, ge=0, le=1)
    """The expected share of all comments that is audited, floor included."""
    random_floor: RandomFloor = RandomFloor()
    """Everyone's least chance of an audit: without one, no rate can be estimated."""
    secret: bool = False
    """Whether a secret of the data folder goes into the draws: else who knows seed and ids knows what is audited."""
    random_first: int = Field(default=0, ge=0)
    """So many audits chance draws at the full rate; then everyone's chance falls, as those grow, to `random_floor`."""

    @property
    def chance(self) -> RandomFloor:
        """The least chance of an audit by proposed action: under `random` the rate is the floor of those below."""
        if self.policy == "none":
            return RandomFloor(allow=0, sanctions=0)
        least = self.rate if self.policy == "random" else 0.0
        floor = self.random_floor
        return RandomFloor(allow=max(floor.allow, least), sanctions=max(floor.sanctions, least))

    def chance_after(self, drawn: int) -> RandomFloor:
        """Return everyone's chance of an audit once chance has drawn so many: never less than `chance`."""
        least = self.chance
        if self.policy == "none" or not self.random_first:
            return least
        now = self.rate * self.random_first / max(self.random_first, drawn)
        return RandomFloor(allow=max(least.allow, now), sanctions=max(least.sanctions, now))


class LoopSpec(Closed):
    """How the stream is cut: `batch_size: 1` with `feedback_lag: 0` is the exact sequential loop."""

    batch_size: int = Field(default=64, ge=1, le=10_000)
    """How many comments are decided at a time."""
    feedback_lag: int = Field(default=0, ge=0, le=1_000)
    """How many batches may be decided while the audits of those before are under way."""
    seed: int = 7
    """What chance is drawn from: the same seed, the same audits."""


class AutonomySpec(Closed):
    """What must be shown before the system may act alone, by random audits of what it decided alone.

    Three targets and never one: where violations are rare, a system that allows everything wrongs nobody, and
    one that sanctions hardly anyone wrongs few. All hold at once, at every look, with `confidence`.
    """

    max_wrongful_per_1000_sanctions: float = Field(default=50, gt=0, lt=1000)
    """Of 1,000 sanctions, how many may be wrong."""
    max_wrongful_per_1000_comments: float = Field(default=1, gt=0, lt=1000)
    """Of 1,000 comments, how many may be sanctioned wrongly."""
    max_missed_per_1000_allowed: float = Field(default=10, gt=0, lt=1000)
    """Of 1,000 comments let through, how many may be violations."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """How sure it must be that all targets hold."""


class BudgetSpec(Closed):
    """What a run may cost at list price, and what happens when that is spent."""

    usd_per_run: float = Field(gt=0)
    """What a run may cost, in dollars at list price, whatever was cached."""
    when_spent: Literal["stop", "rules"] = "stop"
    """Whether the run then stops, to be resumed, or the rules decide the rest."""


class ExpectedSpec(Closed):
    """How many of 1,000 comments are thought to break a rule. A number is for every chat.

    The keyless rules weigh what they find by it: what is usual in a channel can't be what is rare in it.
    """

    usual: float = Field(default=2, gt=0, le=1000)
    """In a chat that isn't named below: a live chat's, where moderators act on 2 to 4 comments of 1,000."""
    chats: Mapping[str, Annotated[float, Field(gt=0, le=1000)]] = SYNTHETIC_EXPECTED
    """By the name of the chat: the synthetic one, made to show what can be found, has its own."""

    @model_validator(mode="before")
    @classmethod
    def _a_number_is_for_every_chat(cls, data: Any) -> Any:
        is_number = isinstance(data, int | float) and not isinstance(data, bool)
        return {"usual": data, "chats": {}} if is_number else data

    def share_of(self, chat: str) -> float:
        """Return the share of a chat's comments that are expected to break a rule."""
        return self.chats.get(chat, self.usual) / 1000


Regime = Literal["student_only", "student_memory", "hybrid", "expert_only"]


class Config(Closed):
    """One way to moderate a chat. A run is a chat moderated under one config."""

    description: str = ""
    """One line that says what the config is for."""
    regime: Regime
    """The family of configs it is compared with; left out, it follows from the rest. Only student_memory must be
    said: its audits teach, and the Student's plan stands all the same."""
    student: Annotated[Annotated[StudentSpec, Tag(NONE_ALLOWED)] | NoAgent, NoneOrSpec] = RulesSpec()
    """Who decides every comment; none: the Expert alone."""
    expert: Annotated[Annotated[ExpertSpec, Tag(NONE_ALLOWED)] | NoAgent, NoneOrSpec] = CarefulRulesSpec()
    """Who audits; none: nobody."""
    memory: MemorySpec | None = MemorySpec()
    """What is remembered of disagreements; null: nothing."""
    audit: AuditSpec = AuditSpec()
    """Which comments are audited."""
    expected_violations_per_1000: ExpectedSpec | None = ExpectedSpec()
    """How rare violations are, for the rules; null: not known, and the rules go by the text alone."""
    loop: LoopSpec = LoopSpec()
    """How the stream is cut into batches."""
    rules: str | None = None
    """The channel's own rules: the name of a file under data/rules, without .md."""
    sanctions: str = "default"
    """What repetition leads to: the name of a file under data/sanctions, or a ready-made one."""
    shadow: bool = False
    """Whether everything is recorded and nothing acts."""
    budget: BudgetSpec | None = None
    """What the run may cost; null: no bound."""
    autonomy: AutonomySpec | None = None
    """What must be shown before the system may act alone; null: nothing is asked, and everything acts."""
    log: Literal["zstd", "plain", "none"] = "zstd"
    """The log of each comment: compressed (`zstdcat`), plain, or none. It decides nothing."""
    fallback: Literal["rules"] | None = None
    """Who decides where an agent can't: the rules, or nobody (then the comment is undecided)."""

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


DECIDES_NOTHING: dict[str, Any] = {"log": True, "audit": {"harm": {"of_category", "of_action"}}}
"""Keys in which two configs may differ and still decide alike."""


class NamedConfig(Closed):
    """A config with the name it has as a partition, the file it came from, and what that replaces.

    `replaces` counts the files that it extends too.
    """

    name: str
    path: Path
    config: Config
    replaces: tuple[Replacement, ...] = ()

    @property
    def config_hash(self) -> str:
        """Sixteen hex digits of everything in the config that decides, `extends` resolved and defaults filled in."""
        text = json.dumps(self.config.model_dump(mode="json", exclude=DECIDES_NOTHING), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
