"""What a config may say about decision models as Students: which, where, and from which probability on they act.

Thresholds stand beside the model and not in the sanctions file: they do not travel from one model to another (a
public benchmark has F1 .51 at the shipped threshold of one model and .96 at the right one), while what a proposed
action becomes is the same whoever proposed it. Models are built from these in `decision_backends.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, create_model, field_validator, model_validator

from moderation_pipeline.config.model_specs import Address
from moderation_pipeline.config.yaml_model import Closed
from moderation_pipeline.plan import Category


def _as_list(value: object) -> object:
    """Return one name as a list of it."""
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], Field(min_length=1), BeforeValidator(_as_list)]


class Thresholds(Closed):
    """From which probability of a broken rule which action follows.

    Where only a milder one is given, those above it are raised to it: `{mild: 0.9}` is enough.
    """

    mild: float | None = Field(default=0.5, gt=0, le=1)
    """From which probability of a broken rule its mild action follows; null: never."""
    plain: float | None = Field(default=0.75, gt=0, le=1)
    """From which probability of a broken rule its plain action follows; null: never."""
    grave: float | None = Field(default=0.95, gt=0, le=1)
    """From which probability of a broken rule its grave action follows; null: never."""

    @model_validator(mode="before")
    @classmethod
    def _what_is_left_out_follows(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        given = dict(data)
        for name, milder in (("plain", "mild"), ("grave", "plain")):
            below, usual = given.get(milder, ...), cls.model_fields[name].default
            if name not in given and below is None:
                given[name] = None
            elif name not in given and isinstance(below, int | float):
                given[name] = max(below, usual)
        return given

    @model_validator(mode="after")
    def _rise(self) -> Thresholds:
        given = [each for each in (self.mild, self.plain, self.grave) if each is not None]
        if given != sorted(given):
            raise ValueError(
                f"must rise: mild {self.mild}, plain {self.plain}, grave {self.grave}; a firmer action "
                "needs at least the probability of a milder one"
            )
        if self.mild is None and given:
            raise ValueError(
                "mild is null, so plain and grave must be null too: the category is switched off"
            )
        return self


class OfCategories(Closed):
    """Thresholds by category; those of `default` hold where a category has none of its own."""

    default: Thresholds = Thresholds()
    """Where a category has none of its own."""

    def of(self, category: Category) -> Thresholds:
        """Return the thresholds of a category."""
        own: Thresholds | None = getattr(self, category.value, None)
        return own or self.default


if TYPE_CHECKING:
    CategoryThresholds = OfCategories
else:
    CategoryThresholds = create_model(
        "CategoryThresholds",
        __base__=OfCategories,
        **{
            each.value: (Thresholds | None, Field(default=None, description=f"Those of {each.value}."))
            for each in Category
            if each is not Category.NONE
        },
    )


class DecidingSpec(Closed):
    """What every decision model is told."""

    model: str = Field(min_length=1)
    """The model's name, as its provider spells it."""
    thresholds: CategoryThresholds = CategoryThresholds()
    """From which probabilities it acts; they do not travel from one model to another."""


class AskingSpec(DecidingSpec):
    """What a model that takes questions is told besides: what it is shown, and how much at a time."""

    addressing_threshold: float = Field(default=0.5, gt=0, le=1)
    """A comment that speaks to its judge with at least this probability is audited, and never allowed."""
    context_lines: int = Field(default=4, ge=0, le=50)
    """How many lines of the channel before the comment it is shown."""
    own_lines: int = Field(default=2, ge=0, le=20)
    """How many of the user's own earlier lines it is shown."""
    shows_memories: bool = False
    """Whether it is shown what was recalled."""
    comments_per_request: int = Field(default=1, ge=1, le=50)
    """Above 1 is cheaper and moves verdicts: in a public measurement 18 of 150 crossed their threshold when only
    their neighbours in the request changed."""


class SystemOneSpec(AskingSpec, Address):
    """A model behind System One's protocol: TypeSafe's (TYPESAFE_API_KEY), or any server at `base_url`."""

    backend: Literal["systemone"] = "systemone"
    """System One: TypeSafe's (TYPESAFE_API_KEY), or any server at `base_url`."""
    model: str = Field(default="jev-latest", min_length=1)
    """The model's name."""
    key_named: ClassVar[str] = "TYPESAFE_API_KEY"


class OpenAIDecisionsSpec(AskingSpec, Address):
    """A model behind OpenAI's decisions endpoint (OPENAI_API_KEY)."""

    backend: Literal["openai_decisions"] = "openai_decisions"
    """OpenAI's decisions endpoint (OPENAI_API_KEY)."""
    model: str = Field(default="gpt-6-luna", min_length=1)
    """The model's name."""
    key_named: ClassVar[str] = "OPENAI_API_KEY"


class ChatDecisionsSpec(AskingSpec, Address):
    """A chat model behind OpenAI's protocol whose answers are read from its log-probabilities (OPENAI_API_KEY)."""

    backend: Literal["chat_decisions"] = "chat_decisions"
    """A chat model of OpenAI's (OPENAI_API_KEY), or of any server at `base_url`, that gives log-probabilities."""
    asks: Literal["rules", "category", "violation"] = "rules"
    """What it is asked. rules: a yes/no question for each rule, and whether the comment speaks to its judge: nine calls
    a comment. category: which kind of violation it is, in both orders, for it is partial to some letters: two calls.
    violation: whether it is harmful or harmless, in both orders, and then which kind it would be: four."""
    memories_as: Literal["data", "examples"] = "data"
    """How it is shown memories, where `shows_memories` is true. data: beside the comment, with their plans. examples:
    before the comment, each as if it had been asked about and answered as the memory says. A 0.5B model followed such
    examples and told no more than their vote (docs/measured.md)."""
    top_logprobs: int = Field(default=20, ge=2, le=20)
    """Of how many tokens the log-probability is asked for; some servers give no more than 5, where `category` may miss
    some of its nine letters."""
    comments_per_request: Literal[1] = 1
    """Each question is a call of its own, so that more comments in one would save nothing."""
    key_named: ClassVar[str] = "OPENAI_API_KEY"


class HfDecisionsSpec(AskingSpec):
    """A decision or chat model on this machine, by path or hub name; needs the extra `local`."""

    backend: Literal["hf_decisions"] = "hf_decisions"
    """A decision or chat model on this machine (extra `local`)."""
    model: str = Field(default="Qwen/Qwen2.5-0.5B-Instruct", min_length=1)
    """A path, or a name on the hub."""
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$")
    """Where it runs; auto: the GPU where there is one."""


class OpenAIModerationsSpec(DecidingSpec, Address):
    """OpenAI's moderation endpoint (OPENAI_API_KEY): free, shown the comment's text alone."""

    backend: Literal["openai_moderations"] = "openai_moderations"
    """OpenAI's moderation endpoint (OPENAI_API_KEY): free."""
    model: str = Field(default="omni-moderation-latest", min_length=1)
    """The model's name."""

    labels: ClassVar[Mapping[str, Category]] = {
        "harassment": Category.HARASSMENT,
        "harassment/threatening": Category.THREAT,
        "hate": Category.HATE,
        "hate/threatening": Category.THREAT,
        "sexual": Category.SEXUAL,
        "sexual/minors": Category.SEXUAL,
        "self-harm": Category.SELF_HARM,
        "self-harm/intent": Category.SELF_HARM,
        "self-harm/instructions": Category.THREAT,
        "illicit": Category.OTHER,
        "illicit/violent": Category.OTHER,
        "violence": Category.THREAT,
        "violence/graphic": Category.OTHER,
    }
    """The endpoint's own categories, as it names them, and what each of them is here."""
    key_named: ClassVar[str] = "OPENAI_API_KEY"


class ClassifierSpec(DecidingSpec):
    """A text classifier on this machine, by path or hub name; needs the extra `local`."""

    backend: Literal["classifier"] = "classifier"
    """A text classifier on this machine (extra `local`)."""
    labels: dict[str, Category] = Field(min_length=1)
    """What each of the model's labels means here: `{toxic: harassment, neutral: none}`."""
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$")
    """Where it runs; auto: the GPU where there is one."""
    batch_size: int = Field(default=16, ge=1, le=512)
    """How many comments are read at a time."""

    @field_validator("labels")
    @classmethod
    def _says_something(cls, labels: dict[str, Category]) -> dict[str, Category]:
        if set(labels.values()) == {Category.NONE}:
            raise ValueError("every label means none: at least one must be a category")
        return labels


class ScoresSpec(Closed):
    """Scores that the chat came with, in columns of its own: what somebody's models have said already."""

    backend: Literal["scores"] = "scores"
    """Scores in the chat's own columns (its columns file says `scores: [TOXICITY, INSULT]`)."""
    columns: dict[Category, Names] = Field(min_length=1)
    """Which columns speak for which category: `{harassment: INSULT, hate: [IDENTITY_ATTACK, RACISM]}`."""
    thresholds: CategoryThresholds = CategoryThresholds()
    """From which scores it acts; they do not travel from one model to another."""

    @model_validator(mode="after")
    def _each_speaks_for_one_violation(self) -> ScoresSpec:
        if Category.NONE in self.columns:
            raise ValueError("a score speaks for a violation, and none is no category of one")
        columns = list(self.of_columns())
        if sum(map(len, self.columns.values())) > len(columns):
            raise ValueError(f"a column speaks for two categories, or twice for one, of {', '.join(columns)}")
        return self

    def of_columns(self) -> dict[str, Category]:
        """Return what each column speaks for."""
        return {column: category for category, columns in self.columns.items() for column in columns}


DecisionSpec = (
    SystemOneSpec
    | OpenAIDecisionsSpec
    | ChatDecisionsSpec
    | HfDecisionsSpec
    | OpenAIModerationsSpec
    | ClassifierSpec
)
"""A decision model as the Student, and what one is built from. A new provider stands here."""
