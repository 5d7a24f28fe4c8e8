"""What a config's model could be asked otherwise: other forms of the prompt, other questions, other thresholds.

A candidate is the config with one part changed. How they are asked and compared is this room's other modules'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, get_args

from moderation_pipeline.agents.prompted.prompt_form import PromptForm, form_of
from moderation_pipeline.config.decision_specs import ChatDecisionsSpec, DecidingSpec, Thresholds
from moderation_pipeline.config.model_specs import ModelSpec, RemoteExpert
from moderation_pipeline.config.run_config import Config, NamedConfig
from moderation_pipeline.errors import ModerationError

MILD_FROM = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9)
"""From which probability a rule counts as broken, as it is tried: closer together where rare violations are."""

Part = Literal["student", "expert"]


class NothingToTuneError(ModerationError):
    """A config that asks no model anything."""

    def __init__(self, named: NamedConfig) -> None:
        student, expert = (
            part if isinstance(part, str) else part.backend
            for part in (named.config.student, named.config.expert)
        )
        super().__init__(
            f"Config {named.name!r} ({named.path}) has nothing to tune: its Student is {student}, its Expert {expert}, "
            "and tuned is how one language or decision model is asked. Give a config whose Student is one, or whose "
            "Expert is a language model; of tiers or of a head's base make a config of its own."
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to ask: what is changed in which part of the config, and the config that comes of it.

    `asks` is equal for candidates whose calls are the same: what a reply is worth at another threshold costs nothing.
    """

    part: Part
    changes: Mapping[str, Any]
    config: Config
    asks: str

    @property
    def label(self) -> str:
        """The changes as one would write them."""
        return ", ".join(f"{key}: {_told(value)}" for key, value in self.changes.items())


def candidates_of(named: NamedConfig) -> list[Candidate]:
    """Return the ways to ask the config's model, the one that it has first.

    Raises:
        NothingToTuneError: it asks none, or asks one through tiers or a head.
    """
    student, expert = named.config.student, named.config.expert
    if isinstance(student, ModelSpec | DecidingSpec):
        return list(_candidates(named.config, "student", student))
    if isinstance(expert, ModelSpec) and student == "none":
        return list(_candidates(named.config, "expert", expert))
    raise NothingToTuneError(named)


def _candidates(config: Config, part: Part, spec: ModelSpec | DecidingSpec) -> Iterator[Candidate]:
    ways = _forms(spec) if isinstance(spec, ModelSpec) else _thresholds(spec)
    for changes in ways:
        changed = spec.model_validate({**spec.model_dump(mode="json"), **_with_defaults(spec, changes)})
        if isinstance(changed, RemoteExpert):  # a sample can't wait for a batch
            changed = changed.model_copy(update={"batch": False})
        alone: dict[str, Any] = {"fallback": None, "memory": None, "budget": None, "student": "none"}
        yield Candidate(
            part,
            changes,
            config.model_copy(update={**alone, "expert": "none", part: changed}),
            asks=str({key: value for key, value in changes.items() if key != "thresholds"}),
        )


def _forms(spec: ModelSpec) -> Iterator[Mapping[str, Any]]:
    now = form_of(spec).form  # type: ignore[arg-type]  # every ModelSpec of a config is a language model's
    for form in (now, *(each for each in PromptForm if each is not now)):
        yield {"prompt": form.value}


def _thresholds(spec: DecidingSpec) -> Iterator[Mapping[str, Any]]:
    """Return the thresholds as they are, then others, for each of the questions that the model can be asked."""
    own: Mapping[str, Any] = spec.thresholds.model_dump(mode="json", exclude_none=True)
    asked: tuple[Mapping[str, Any], ...] = ({},)
    if isinstance(spec, ChatDecisionsSpec):
        every = get_args(ChatDecisionsSpec.model_fields["asks"].annotation)
        asked = tuple({"asks": each} for each in (spec.asks, *(e for e in every if e != spec.asks)))
    yield {**asked[0], "thresholds": {"default": own["default"]}}
    for questions, mild in product(asked, MILD_FROM):
        if questions != asked[0] or mild != own["default"].get("mild"):
            default = Thresholds(mild=mild).model_dump(mode="json")
            yield {**questions, "thresholds": {"default": default}}


def _with_defaults(spec: ModelSpec | DecidingSpec, changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the changes with a config's own thresholds of single categories, which stay as they are."""
    if not isinstance(spec, DecidingSpec):
        return changes
    own = spec.thresholds.model_dump(mode="json", exclude_none=True)
    return {**changes, "thresholds": {**own, **changes["thresholds"]}}


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_told(each)}" for key, each in value.items()) + "}"
    return f"{value:g}" if isinstance(value, float) else str(value)
