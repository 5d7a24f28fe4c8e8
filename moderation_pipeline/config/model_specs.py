"""What a config may say about a language model: which, where, and how much it is shown.

Models are built from these in `backends/run_models.py`; they are parts of a `Config` (`run_config.py`). Keys never
stand here: a spec names at most the environment variable that holds one.
"""

from __future__ import annotations

from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from moderation_pipeline.config.yaml_model import Closed


class ModelSpec(Closed):
    """What every language model is told: how long it may answer, how much of the chat it is shown.

    `context_lines` are lines of the channel before the comment, `own_lines` the user's own earlier ones.
    `prompt: brief` states the rules in a quarter of the words, for models with little context or on a CPU.
    """

    model: str = Field(min_length=1)
    max_tokens: int = Field(default=300, ge=32, le=8_192)
    temperature: float = Field(default=0.0, ge=0, le=2)
    context_lines: int = Field(default=6, ge=0, le=50)
    own_lines: int = Field(default=3, ge=0, le=20)
    prompt: Literal["full", "brief"] = "full"


class Address(Closed):
    """Where a model is asked, and how hard. Its key is read from the environment or .env, never from here.

    `api_key_env` names the variable. With a `base_url` of one's own no key is sent unless it is named: a key
    for one provider must not reach another. `concurrency` bounds how many calls fly at once.
    """

    backend: str
    model: str
    base_url: str | None = None
    api_key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    concurrency: int = Field(default=64, ge=1, le=1_024)
    timeout_s: float = Field(default=60.0, gt=0, le=3_600)
    attempts: int = Field(default=5, ge=1, le=20)

    key_named: ClassVar[str]
    """The environment variable of the provider's key."""

    @property
    def key_variable(self) -> str | None:
        """The environment variable that holds the key; null where none is sent."""
        return self.api_key_env or (None if self.base_url else self.key_named)

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
    key_named: ClassVar[str] = "TOGETHER_API_KEY"


class OpenAISpec(RemoteSpec):
    """A model of OpenAI's (OPENAI_API_KEY), or of any server that speaks its protocol at `base_url`."""

    backend: Literal["openai"] = "openai"
    key_named: ClassVar[str] = "OPENAI_API_KEY"


class HfSpec(ModelSpec):
    """A causal model of Hugging Face's on this machine, by path or hub name; needs the extra `local`."""

    backend: Literal["hf"] = "hf"
    model: str = Field(default="Qwen/Qwen2.5-0.5B-Instruct", min_length=1)
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$")
    batch_size: int = Field(default=16, ge=1, le=512)


class TogetherStudentSpec(TogetherSpec):
    """A small model of Together's as the Student."""

    model: str = Field(default="Qwen/Qwen2.5-7B-Instruct-Turbo", min_length=1)


class AuditSource(Closed):
    """What gives audits. `may_train_on` is false where its terms forbid training on what it says.

    Such audits recalibrate thresholds and count in estimates, and never reach a fit.
    """

    may_train_on: bool = True


class AsExpert(AuditSource):
    """What only an Expert is told. Shown the Student's plan it is anchored, and its replies aren't shared."""

    sees_student: bool = False


class RemoteExpert(AsExpert, RemoteSpec):
    """What only an Expert behind an address is told.

    `batch: true` sends audits through the provider's batch interface: half the price, within a day. The loop's
    `feedback_lag` is then how many batches of comments may be decided before their audits are needed.
    """

    batch: bool = False


class TogetherExpertSpec(TogetherSpec, RemoteExpert):
    """A large model of Together's as the Expert."""

    model: str = Field(default="meta-llama/Llama-3.3-70B-Instruct-Turbo", min_length=1)
    max_tokens: int = Field(default=500, ge=32, le=8_192)


class OpenAIExpertSpec(OpenAISpec, RemoteExpert):
    """A model behind OpenAI's protocol as the Expert."""

    max_tokens: int = Field(default=500, ge=32, le=8_192)


class HfExpertSpec(HfSpec, AsExpert):
    """A local model as the Expert."""

    max_tokens: int = Field(default=500, ge=32, le=8_192)


LanguageModelStudent = TogetherStudentSpec | OpenAISpec | HfSpec
"""A language model as the Student. A new provider stands here, and below where it may be the Expert."""

LanguageModelExpert = TogetherExpertSpec | OpenAIExpertSpec | HfExpertSpec
"""A language model as the Expert."""

LanguageModelSpec = LanguageModelStudent | LanguageModelExpert
"""What a language model is built from (`backends/run_models.py`)."""
