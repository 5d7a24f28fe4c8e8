"""Configs: closed models of one YAML file each, and their loading (ready-made ones, the user's own, `extends`).

What the pieces *do* is in their rooms; here is only what may be written, and what is said when it is wrong.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from moderation_pipeline.slugs import check_slug
from moderation_pipeline.warehouse.folder import DataFolder


class Closed(BaseModel):
    """A part of a config: frozen, and a key it doesn't know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RulesSpec(Closed):
    """Keyless fast rules over the normalised text and its context."""

    backend: Literal["rules"] = "rules"


class CarefulRulesSpec(Closed):
    """Keyless careful rules: slower, with obfuscation, targets, quotation and the user's recent lines."""

    backend: Literal["careful_rules"] = "careful_rules"


class LabelsSpec(Closed):
    """The chat's own labels as the Expert: a comment without a label can't be audited."""

    backend: Literal["labels"] = "labels"


StudentSpec = RulesSpec
ExpertSpec = Annotated[CarefulRulesSpec | LabelsSpec | RulesSpec, Field(discriminator="backend")]


class MemorySpec(Closed):
    """What is remembered: which embedder retrieves, how many at a time, how many are kept."""

    embedder: Literal["tfidf", "sbert"] = "tfidf"
    top_k: int = Field(default=5, ge=1, le=100)
    capacity: int = Field(default=50_000, ge=1)
    start_from: str | None = None

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
    """The least audit probability of every comment, by what the Student proposed."""

    allow: float = Field(default=0.01, ge=0, le=1)
    sanctions: float = Field(default=0.01, ge=0, le=1)


class AuditSpec(Closed):
    """Which comments the Expert audits. `rate` is the expected share of all comments, floor included."""

    policy: Literal["all", "none", "random", "uncertain"] = "uncertain"
    rate: float = Field(default=0.05, ge=0, le=1)
    random_floor: float | RandomFloor = Field(default=0.01)

    @property
    def floor(self) -> RandomFloor:
        """The floor by proposed action, however it was written."""
        if isinstance(self.random_floor, RandomFloor):
            return self.random_floor
        return RandomFloor(allow=self.random_floor, sanctions=self.random_floor)


class LoopSpec(Closed):
    """How the stream is cut: `batch_size: 1` with `feedback_lag: 0` is the exact sequential loop."""

    batch_size: int = Field(default=64, ge=1, le=10_000)
    feedback_lag: int = Field(default=0, ge=0, le=1_000)
    seed: int = 7


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
    student: StudentSpec | Literal["none"] = RulesSpec()
    expert: ExpertSpec | Literal["none"] = CarefulRulesSpec()
    memory: MemorySpec | None = MemorySpec()
    audit: AuditSpec = AuditSpec()
    loop: LoopSpec = LoopSpec()
    rules: str | None = None
    sanctions: str = "default"
    shadow: bool = False
    budget: BudgetSpec | None = None
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


class ConfigError(ValueError):
    """A config that can't be used: the file, the key, what it said, what is allowed."""


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
    """The configs that can be named: the ready-made ones, and the user's own, which win."""

    def __init__(self, folder: DataFolder) -> None:
        self._files = {
            **_yaml_files(Path(str(READY_MADE / "configs"))),
            **_yaml_files(folder.configs),
        }

    def names(self) -> list[str]:
        """Return the names, sorted."""
        return sorted(self._files)

    def load(self, name: str) -> NamedConfig:
        """Return the config of that name.

        Raises:
            ConfigError: no such config, a file that is no YAML mapping, a key or value that is not allowed,
                or `extends` that runs in a circle.
        """
        check_slug(name, "Config")
        merged = self._merged(name, ())
        path = self._files[name]
        try:
            return NamedConfig(name=name, path=path, config=Config.model_validate(merged))
        except ValidationError as error:
            raise ConfigError(_worded(error, path)) from None

    def _merged(self, name: str, seen: Sequence[str]) -> dict[str, Any]:
        if name not in self._files:
            wanted_by = f" (extended by {seen[-1]!r})" if seen else ""
            raise ConfigError(
                f"There is no config {name!r}{wanted_by}. Configs are: {', '.join(self.names())}. "
                f"A file data/configs/{name}.yaml would make one."
            )
        if name in seen:
            raise ConfigError(f"Config {name!r} extends itself: {' -> '.join([*seen, name])}.")
        own = _read_mapping(self._files[name])
        parent = own.pop("extends", None)
        if parent is None:
            return own
        return _overlaid(self._merged(str(parent), [*seen, name]), own)


def _yaml_files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    return {check_slug(path.stem, "Config"): path for path in sorted(folder.glob("*.yaml"))}


def _read_mapping(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{path} holds {type(content).__name__}, not a mapping of keys such as 'student:'.")
    return content


def _overlaid(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `under` with `over` laid on it, part by part; a part whose backend changes is replaced whole."""
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            changed = "backend" in value and value["backend"] != below.get("backend")
            result[key] = dict(value) if changed else _overlaid(below, value)
        else:
            result[key] = value
    return result


def _worded(error: ValidationError, path: Path) -> str:
    """Word a pydantic error as: the file, the key, what it says, what is allowed."""
    lines = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"]) or "the file as a whole"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = f"no such key. Allowed here: {', '.join(_allowed_keys(problem['loc']))}"
        elif problem["loc"]:
            message = f"{message} (got {problem['input']!r})"
        lines.append(f"{path}: {key}: {message}")
    return "\n".join(lines)


def _allowed_keys(location: tuple[int | str, ...]) -> list[str]:
    """Return the keys allowed at the place of a misspelt one, from the model's JSON schema."""
    schema = Config.model_json_schema()
    node: Any = schema
    for part in location[:-1]:
        node = _step_into(node, part, schema)
    return sorted(_resolved(node, schema).get("properties", {}))


def _step_into(node: Any, part: int | str, schema: Mapping[str, Any]) -> Any:
    options = [_resolved(option, schema) for option in [node, *node.get("anyOf", []), *node.get("oneOf", [])]]
    for option in options:
        for inner in [option, *(_resolved(each, schema) for each in option.get("oneOf", []))]:
            if part in inner.get("properties", {}):
                return inner["properties"][part]
            if (
                inner.get("properties", {}).get("backend", {}).get("const") == part
                or inner.get("title") == part
            ):
                return inner
    return {}


def _resolved(node: Any, schema: Mapping[str, Any]) -> Any:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    if "properties" not in node:
        for option in [*node.get("anyOf", []), *node.get("oneOf", [])]:
            resolved = _resolved(option, schema)
            if "properties" in resolved:
                return resolved
    return node
