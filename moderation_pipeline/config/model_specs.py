"""What a config may say about a language model: which, where, and how much it is shown.

Models are built from these in `backends/run_models.py`; they are parts of a `Config` (`run_config.py`). Keys never
stand here: a spec names at most the environment variable that holds one.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from moderation_pipeline.config.yaml_model import Closed


class ModelSpec(Closed):
    """What every language model is told: how long it may answer, how much of the chat it is shown."""

    model: str = Field(min_length=1)
    """The model's name, as its provider spells it."""
    max_tokens: int = Field(default=300, ge=32, le=8_192)
    """How long a reply may be."""
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    """How long a model that thinks before it answers should think; what it thinks counts towards `max_tokens`. Left
    out, nothing is said of it, as a model that doesn't think would have it."""
    temperature: float = Field(default=0.0, ge=0, le=2)
    """How freely it answers; 0 is the same reply each time, as far as the model keeps to it."""
    context_lines: int = Field(default=6, ge=0, le=50)
    """How many lines of the channel before the comment it is shown."""
    own_lines: int = Field(default=3, ge=0, le=20)
    """How many of the user's own earlier lines it is shown."""
    prompt: Literal["auto", "full", "brief", "examples", "category", "category_examples"] = "auto"
    """How it is asked. full: the whole policy, for a whole plan. brief: the policy in a line a rule, for a plan to fill
    in. category: the same, for the category alone, from which the action follows in code. examples and
    category_examples show worked examples besides. auto goes by the size in the model's name, and says so."""

    shows_memories: bool | Literal["auto"] = "auto"
    """Whether a Student is shown what was recalled: earlier comments like this one, with how they were decided and why.
    auto: not where the model's name tells at most 4 billion parameters, for no such model was seen to be helped."""
    comments_per_request: int = Field(default=1, ge=1, le=20)
    """How many comments a Student is asked about at a time. Above 1 the policy is paid once for all of them, and
    verdicts move with their neighbours; `max_tokens` is for each of them."""


class Address(Closed):
    """Where a model is asked, and how hard. Its key is read from the environment or .env, never from here."""

    backend: str
    """Whose protocol it speaks."""
    model: str
    """The model's name, as its provider spells it."""
    base_url: str | None = None
    """The server's address where it isn't the provider's; then no key is sent unless `api_key_env` names one, for
    a key for one provider must not reach another."""
    api_key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """The environment variable that holds the key. It is sent to its provider's own hosts, to this machine, and where
    `moderation allow` let it."""
    concurrency: int = Field(default=64, ge=1, le=1_024)
    """How many calls may fly at once."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    """How many requests the endpoint allows a minute, over all runs and machines that share a reply store; calls are
    spaced so that no more are sent. Left out, only the endpoint's own refusals slow them down."""
    tokens_per_minute: int | None = Field(default=None, ge=1)
    """How many tokens it allows a minute, of prompts and replies together; a call counts as the most that it may take
    until its reply says less."""
    timeout_s: float = Field(default=60.0, gt=0, le=3_600)
    """How many seconds a call may take."""
    attempts: int = Field(default=5, ge=1, le=20)
    """How often a call is tried where nobody answers."""
    price: float | None = Field(default=None, ge=0)
    """What a million tokens cost in dollars, read and written alike; 0 for a server of your own. Left out, the price is
    looked up (data/prices.yaml, then what is shipped)."""

    key_named: ClassVar[str]
    """The environment variable of the provider's key."""

    @property
    def key_variable(self) -> str | None:
        """The environment variable that holds the key; null where none is sent."""
        return self.api_key_env or (None if self.base_url else self.key_named)

    @model_serializer(mode="wrap")
    def _without_limits_that_are_none(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write a limit only where there is one: other configs keep the hash under which their runs are stored."""
        written: dict[str, Any] = write(self)
        for name in ("requests_per_minute", "tokens_per_minute"):
            if written.get(name, 0) is None:
                del written[name]
        return written

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an address such as http://localhost:8000/v1")
        if parts.username or parts.password or parts.query:
            raise ValueError("must hold no user, password or query: keys are read from the environment")
        return value.rstrip("/")


class RemoteSpec(ModelSpec, Address):
    """A language model behind an address."""


class TogetherSpec(RemoteSpec):
    """A model of Together's (TOGETHER_API_KEY)."""

    backend: Literal["together"] = "together"
    """Together (TOGETHER_API_KEY)."""
    key_named: ClassVar[str] = "TOGETHER_API_KEY"


class OpenAISpec(RemoteSpec):
    """A model of OpenAI's (OPENAI_API_KEY), or of any server that speaks its protocol at `base_url`."""

    backend: Literal["openai"] = "openai"
    """OpenAI (OPENAI_API_KEY), or any server that speaks its protocol, at `base_url`."""
    key_named: ClassVar[str] = "OPENAI_API_KEY"


class HfSpec(ModelSpec):
    """A causal model of Hugging Face's on this machine, by path or hub name; needs the extra `local`."""

    backend: Literal["hf"] = "hf"
    """A model on this machine (extra `local`)."""
    model: str = Field(default="Qwen/Qwen2.5-0.5B-Instruct", min_length=1)
    """A path, or a name on the hub."""
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$")
    """Where it runs; auto: the GPU where there is one."""
    batch_size: int = Field(default=16, ge=1, le=512)
    """How many comments are read at a time."""


class TogetherStudentSpec(TogetherSpec):
    """A small model of Together's as the Student."""

    model: str = Field(default="Qwen/Qwen3.5-9B", min_length=1)
    """The model's name at Together."""


class AuditSource(Closed):
    """What gives audits."""

    may_train_on: bool = True
    """False where the source's terms forbid training on what it says: its audits then move thresholds and count in
    estimates, and never reach a fit."""


class AsExpert(AuditSource):
    """What only an Expert is told."""

    sees_student: bool = False
    """Whether it is shown the Student's plan: then it is anchored by it, and its replies aren't shared between
    configs."""

    @model_validator(mode="after")
    def _audits_one_at_a_time(self) -> AsExpert:
        if getattr(self, "comments_per_request", 1) != 1:
            raise ValueError(
                "comments_per_request is for Students: an audit is of one comment, for in the company of others it "
                "couldn't be shared between configs"
            )
        return self


class RemoteExpert(AsExpert, RemoteSpec):
    """What only an Expert behind an address is told."""

    batch: bool = False
    """Whether audits go through the provider's batch interface: half the price, within a day; `loop.feedback_lag`
    is then how many batches may be decided before their audits are needed."""


class TogetherExpertSpec(TogetherSpec, RemoteExpert):
    """A large model of Together's as the Expert."""

    model: str = Field(default="openai/gpt-oss-120b", min_length=1)
    """The model's name at Together."""
    max_tokens: int = Field(default=500, ge=32, le=8_192)
    """How long a reply may be."""


class OpenAIExpertSpec(OpenAISpec, RemoteExpert):
    """A model behind OpenAI's protocol as the Expert."""

    max_tokens: int = Field(default=500, ge=32, le=8_192)
    """How long a reply may be."""


class HfExpertSpec(HfSpec, AsExpert):
    """A local model as the Expert."""

    max_tokens: int = Field(default=500, ge=32, le=8_192)
    """How long a reply may be."""


LanguageModelStudent = TogetherStudentSpec | OpenAISpec | HfSpec
"""A language model as the Student. A new provider stands here, and below where it may be the Expert."""

LanguageModelExpert = TogetherExpertSpec | OpenAIExpertSpec | HfExpertSpec
"""A language model as the Expert."""

LanguageModelSpec = LanguageModelStudent | LanguageModelExpert
"""What a language model is built from (`backends/run_models.py`)."""
