"""Which Student and which Expert a config may name: rules, labels, learned heads, tiers, models.

What language models and decision models take is in `model_specs.py` and `decision_specs.py`; the rest of a
config is in `run_config.py`. What the agents *do* is in `agents/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PlainSerializer,
    PlainValidator,
    Tag,
    field_validator,
    model_validator,
)

from moderation_pipeline.config.config_errors import NONE_ALLOWED
from moderation_pipeline.config.decision_specs import DecisionSpec, ScoresSpec
from moderation_pipeline.config.model_specs import AuditSource, LanguageModelExpert, LanguageModelStudent
from moderation_pipeline.config.yaml_model import Closed
from moderation_pipeline.slugs import RunKey


class RulesSpec(Closed):
    """Keyless fast rules over the normalised text and its context."""

    backend: Literal["rules"] = "rules"
    """Keyless fast rules."""


class CarefulRulesSpec(AuditSource):
    """Keyless careful rules: slower, with obfuscation, targets, quotation and the user's recent lines."""

    backend: Literal["careful_rules"] = "careful_rules"
    """Keyless careful rules."""


class LabelsSpec(AuditSource):
    """The chat's own labels as the Expert: a comment without a label can't be audited."""

    backend: Literal["labels"] = "labels"
    """The chat's own labels."""


def _a_name_is_a_backend(value: object) -> object:
    """Read `student: rules` as `student: {backend: rules}`, and `{tiers: […]}` as of the backend `tiers`."""
    if isinstance(value, Mapping) and "tiers" in value:
        return {"backend": "tiers", **value}
    return {"backend": value} if isinstance(value, str) else value


ByBackend = Field(discriminator="backend")
Short = BeforeValidator(_a_name_is_a_backend)

ModelStudent = LanguageModelStudent | DecisionSpec
"""A model of any kind as the Student."""

BaseSpec = Annotated[RulesSpec | ModelStudent | ScoresSpec, ByBackend, Short]
"""A Student that stands alone: what a learned one can be a head on."""


def _a_run(value: object) -> RunKey:
    return value if isinstance(value, RunKey) else RunKey.parse(str(value))


StartFrom = Annotated[
    RunKey, PlainValidator(_a_run, json_schema_input_type=str), PlainSerializer(str, return_type=str)
]
"""Another chat's run, written as "chat|config"."""


class LearnedSpec(Closed):
    """A head trained on the audits, on top of any other Student."""

    backend: Literal["learned"] = "learned"
    """A head that learns from audits."""
    base: BaseSpec = RulesSpec()
    """The Student that decides until the head does, and whose answers the head reads."""
    least_audits: int = Field(default=30, ge=10)
    """How many audits it takes before a head is fitted."""
    refit_growth: float = Field(default=1.1, gt=1)
    """The head is fitted again when audits have grown by this factor."""
    strength: float = Field(default=0.5, gt=0)
    """How much the head may make of few audits: scikit-learn's C."""
    text_strength: float | None = Field(default=10, gt=0)
    """The same, for the part of the head that reads the text alone; null: there is no such part."""
    most_examples: int = Field(default=20_000, ge=5_000)
    """Of audits that were violations, and of others, the head is fitted on so many at most, of more on a sample."""
    least_effective_sample: float = Field(default=30, ge=10)
    """The head decides once the audits it was judged by, each weighted by 1 / its probability, are worth so many
    equal ones."""
    scope: Literal["channel", "all"] = "all"
    """Whether what was acted on in a channel counts there more, or less, than elsewhere: the others are the prior."""
    guard_window: int = Field(default=300, ge=20)
    """On how many recent random audits head and base are compared."""
    start_from: StartFrom | None = None
    """Another chat's run, as "chat|config", whose head this one begins with, and all it was trained on."""


TierSpec = Annotated[RulesSpec | LearnedSpec | ModelStudent | ScoresSpec, ByBackend, Short]


class TiersSpec(Closed):
    """Several Students asked in turn: a comment goes on only while the one before is unsure, or failed."""

    backend: Literal["tiers"] = "tiers"
    """Several Students in turn; written as {tiers: […]}."""
    tiers: tuple[TierSpec, ...]
    """The Students, the cheapest first: two to five."""
    unsure_from: tuple[Annotated[float, Field(ge=0, le=1)], ...] = (0.2,)
    """From which doubt on a comment goes to the next (1 is as near as can be to deciding otherwise; for the rules
    it is 1 - confidence): one number, or one for each tier but the last."""

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


StudentSpec = Annotated[RulesSpec | LearnedSpec | ModelStudent | ScoresSpec | TiersSpec, ByBackend, Short]
ExpertSpec = Annotated[CarefulRulesSpec | LabelsSpec | LanguageModelExpert, ByBackend, Short]


def _none_or_spec(value: object) -> str:
    return "none" if value == "none" else NONE_ALLOWED


NoAgent = Annotated[Literal["none"], Tag("none")]
"""`student: none` or `expert: none`: nobody has that part."""

NoneOrSpec = Discriminator(_none_or_spec)
"""Decides what was meant before it is validated, so that an error names only the backend at fault."""
