"""Configs: closed models of one YAML file each, and their loading (ready-made, the user's own, `extends`).

What the pieces *do* is in their rooms; here is only what may be written, and what is said when it is wrong.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from moderation_pipeline.closed import Closed as Closed
from moderation_pipeline.config_errors import (
    NONE_ALLOWED,
    ConfigError,
    Written,
    closest,
    worded,
)
from moderation_pipeline.decision_specs import (
    ClassifierSpec,
    HfDecisionsSpec,
    OpenAIDecisionsSpec,
    OpenAIModerationsSpec,
    SystemOneSpec,
)
from moderation_pipeline.model_specs import (
    HfExpertSpec,
    HfSpec,
    OpenAIExpertSpec,
    OpenAISpec,
    TogetherExpertSpec,
    TogetherStudentSpec,
)
from moderation_pipeline.slugs import check_slug, slugify
from moderation_pipeline.warehouse.folder import DataFolder


class RulesSpec(Closed):
    """Keyless fast rules over the normalised text and its context."""

    backend: Literal["rules"] = "rules"


class CarefulRulesSpec(Closed):
    """Keyless careful rules: slower, with obfuscation, targets, quotation and the user's recent lines."""

    backend: Literal["careful_rules"] = "careful_rules"


class LabelsSpec(Closed):
    """The chat's own labels as the Expert: a comment without a label can't be audited."""

    backend: Literal["labels"] = "labels"


def _a_name_is_a_backend(value: object) -> object:
    """Read `student: rules` as `student: {backend: rules}`, and `{tiers: […]}` as of the backend `tiers`."""
    if isinstance(value, Mapping) and "tiers" in value:
        return {"backend": "tiers", **value}
    return {"backend": value} if isinstance(value, str) else value


ByBackend = Field(discriminator="backend")
Short = BeforeValidator(_a_name_is_a_backend)

BaseSpec = Annotated[
    RulesSpec
    | TogetherStudentSpec
    | OpenAISpec
    | HfSpec
    | SystemOneSpec
    | OpenAIDecisionsSpec
    | HfDecisionsSpec
    | OpenAIModerationsSpec
    | ClassifierSpec,
    ByBackend,
    Short,
]
"""A Student that stands alone: what a learned one can be a head on."""


class LearnedSpec(Closed):
    """A head trained on the audits, on top of `base`, any other Student.

    The base decides until `least_audits` audits are in. Refits come when audits have grown by the factor
    `refit_growth`; `strength` is scikit-learn's C. Thresholds are the head's own until the weighted audits are
    worth `least_effective_sample`. The guard compares head and base on the last `guard_window` random audits.
    """

    backend: Literal["learned"] = "learned"
    base: BaseSpec = RulesSpec()
    least_audits: int = Field(default=60, ge=10)
    refit_growth: float = Field(default=1.1, gt=1)
    strength: float = Field(default=1.0, gt=0)
    least_effective_sample: float = Field(default=50, ge=10)
    guard_window: int = Field(default=300, ge=20)


TierSpec = Annotated[
    RulesSpec
    | LearnedSpec
    | TogetherStudentSpec
    | OpenAISpec
    | HfSpec
    | SystemOneSpec
    | OpenAIDecisionsSpec
    | HfDecisionsSpec
    | OpenAIModerationsSpec
    | ClassifierSpec,
    ByBackend,
    Short,
]


class TiersSpec(Closed):
    """Several Students asked in turn: a comment goes on only while the one before is unsure, or failed.

    Unsure is a doubt of at least `unsure_from` (1 is as near as can be to deciding otherwise; for the rules it
    is 1 - confidence): one number, or one for each tier but the last.
    """

    backend: Literal["tiers"] = "tiers"
    tiers: tuple[TierSpec, ...]
    unsure_from: tuple[Annotated[float, Field(ge=0, le=1)], ...] = (0.2,)

    @field_validator("unsure_from", mode="before")
    @classmethod
    def _a_number_is_for_all(cls, value: object) -> object:
        return (value,) if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _one_bound_each(self) -> TiersSpec:
        if not 2 <= len(self.tiers) <= 5:
            raise ValueError(f"tiers are from 2 to 5 Students, and here is {len(self.tiers)}")
        if len(self.unsure_from) not in (1, len(self.tiers) - 1):
            raise ValueError(
                f"unsure_from has {len(self.unsure_from)} numbers for {len(self.tiers)} tiers: give one, or "
                f"{len(self.tiers) - 1}, one for each tier but the last, which passes nothing on"
            )
        return self


StudentSpec = Annotated[
    RulesSpec
    | LearnedSpec
    | TogetherStudentSpec
    | OpenAISpec
    | HfSpec
    | SystemOneSpec
    | OpenAIDecisionsSpec
    | HfDecisionsSpec
    | OpenAIModerationsSpec
    | ClassifierSpec
    | TiersSpec,
    ByBackend,
    Short,
]
ExpertSpec = Annotated[
    CarefulRulesSpec | LabelsSpec | RulesSpec | TogetherExpertSpec | OpenAIExpertSpec | HfExpertSpec,
    ByBackend,
    Short,
]


def _none_or_spec(value: object) -> str:
    return "none" if value == "none" else NONE_ALLOWED


NoAgent = Annotated[Literal["none"], Tag("none")]
"""`student: none` or `expert: none`: nobody has that part."""

NoneOrSpec = Discriminator(_none_or_spec)
"""Decides what was meant before it is validated, so that an error names only the backend at fault."""


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
    harmed more than it helped is retired after `retire_after_uses` audited uses.
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
    vote: VoteSpec = VoteSpec()
    start_from: str | None = None

    @model_validator(mode="after")
    def _model_is_sberts(self) -> MemorySpec:
        if self.model is not None and self.embedder != "sbert":
            raise ValueError(f"model is sbert's; with embedder: {self.embedder}, leave it out")
        return self

    @field_validator("start_from")
    @classmethod
    def _names_a_run(cls, value: str | None) -> str | None:
        if value is not None:
            chat, bar, config = value.partition("|")
            if not bar:
                raise ValueError("must name another chat's run as 'chat|config'")
            check_slug(chat, "Chat")
            check_slug(config, "Config")
        return value


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

    `uncertain` audits where the Student doubts (by margin or entropy), `severity` besides that every ban and
    timeout of `long_timeout_s` or more before it acts, `committee` where base and learned head disagree,
    `novelty` what is far from all audited comments. `usd` bounds what a run's audits may cost at list price.
    """

    policy: Literal["all", "none", "random", "uncertain", "severity", "committee", "novelty"] = "uncertain"
    measure: Literal["margin", "entropy"] = "margin"
    long_timeout_s: int = Field(default=600, ge=1)
    usd: float | None = Field(default=None, gt=0)
    rate: float = Field(default=0.05, ge=0, le=1)
    random_floor: RandomFloor = RandomFloor()

    @property
    def floor(self) -> RandomFloor:
        """The floor by proposed action."""
        return self.random_floor


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
        if self.audit.policy in ("random", "uncertain") and floor > self.audit.rate:
            raise ValueError(
                f"audit.rate {self.audit.rate} is the share of all audits, random_floor included, which is "
                f"{floor} at least: raise the rate or lower the floor"
            )
        if self.expert == "none" and self.audit.policy != "none":
            raise ValueError("audits need an Expert: set audit: {policy: none}, or name an expert")
        return self

    @property
    def audits_act(self) -> bool:
        """Whether an audit's plan replaces the Student's."""
        return self.regime in ("hybrid", "expert_only")


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


READY_MADE = resources.files("moderation_pipeline.defaults")
DEFAULT_CONFIG = "hybrid"
KEYLESS_REGIMES = ("student_only", "student_memory", "hybrid", "expert_only")
"""What `moderation run` runs when no config is named."""


class ConfigLibrary:
    """The configs that can be named: the ready-made ones, and the user's own, which win.

    A name is made from the file's, as a slug. A user's file that extends its own name extends the ready-made
    config it replaces.

    Raises:
        ConfigError: two files of the user's folder would have one name.
    """

    def __init__(self, folder: DataFolder) -> None:
        self._ready_made = _yaml_files(Path(str(READY_MADE / "configs")))
        self._own = _yaml_files(folder.configs)
        self._folder = folder.configs

    def names(self) -> list[str]:
        """Return the names, sorted."""
        return sorted({**self._ready_made, **self._own})

    def path(self, name: str) -> Path:
        """Return the file of the config of that name.

        Raises:
            ConfigError: no such config.
        """
        path = self._own.get(name) or self._ready_made.get(name)
        if path is None:
            raise ConfigError(
                f"There is no config {name!r}.{closest(name, self.names())} Configs are: "
                f"{', '.join(self.names())}. A file {self._folder / 'NAME.yaml'} makes one more."
            )
        return path

    def is_own(self, name: str) -> bool:
        """Whether the config is the user's own, rather than ready-made."""
        return name in self._own

    def load(self, name: str) -> NamedConfig:
        """Return the config of that name.

        Raises:
            ConfigError: no such config, a file that is no YAML mapping, a key or value that is not allowed,
                or `extends` that runs in a circle.
        """
        path = self.path(name)
        files = self._written(name, path)
        merged: dict[str, Any] = {}
        for file in reversed(files):
            merged = _overlaid(merged, file.content)
        try:
            return NamedConfig(name=name, path=path, config=Config.model_validate(merged))
        except ValidationError as error:
            raise ConfigError(worded(error, files)) from None

    def _written(self, name: str, path: Path) -> list[Written]:
        """Return what the config's own file says, then what it extends, then what that extends."""
        files: list[Written] = []
        names = [name]
        while True:
            content = _read_mapping(path)
            parent = content.pop("extends", None)
            files.append(Written(path, content))
            if parent is None:
                return files
            replaced = self._ready_made.get(name) if parent == name and path == self._own.get(name) else None
            if parent in names and replaced is None:
                raise ConfigError(f"{path}: extends: goes in a circle: {' -> '.join([*names, parent])}.")
            path = replaced or self._parent(str(parent), path)
            name = str(parent)
            names.append(name)

    def _parent(self, name: str, extended_by: Path) -> Path:
        try:
            return self.path(name)
        except ConfigError as error:
            raise ConfigError(f"{extended_by}: extends: {error}") from None


def _yaml_files(folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        name = slugify(path.stem)
        if name in files:
            raise ConfigError(
                f"{files[name]} and {path} would both be the config {name!r}: rename one of them."
            )
        files[name] = path
    return files


def _read_mapping(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{path}{place}: this is not valid YAML: {error.problem}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} can't be read as YAML in UTF-8: {error}.") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(
            f"{path} holds a {type(content).__name__}, where keys such as 'student: {{backend: rules}}' go."
        )
    return content


def _overlaid(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `under` with `over` laid on it, part by part; a part whose backend changes is replaced whole.

    So is one that becomes tiers, or ceases to be: the keys of the one are no keys of the other.
    """
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            changed = "backend" in value and value["backend"] != below.get("backend")
            changed |= "tiers" in value or ("tiers" in below and "backend" in value)
            result[key] = dict(value) if changed else _overlaid(below, value)
        else:
            result[key] = value
    return result
