"""What tokens cost: the user's prices, then the project's own dated file, then the package `genai-prices`.

A price that nobody knows is null, never 0. Who meters calls with it is `metering.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from moderation_pipeline.backends.key_hosts import own_hosts
from moderation_pipeline.backends.language_model import ModelIdentity, Reply
from moderation_pipeline.bounded_yaml import read_yaml
from moderation_pipeline.errors import ModerationError

SHIPPED = resources.files("moderation_pipeline.defaults") / "prices.yaml"
MILLION = 1_000_000

Backend = Literal[
    "together",
    "openai",
    "hf",
    "systemone",
    "openai_decisions",
    "openai_moderations",
    "hf_decisions",
    "classifier",
]
LOCAL = frozenset({"hf", "hf_decisions", "classifier"})
"""Backends on this machine: their tokens cost nothing."""


class PricesError(ModerationError):
    """A price file that can't be read: the file, the entry, what is allowed."""


class TokenPrice(BaseModel):
    """Dollars per million tokens of a model; `endpoint` narrows it to one server, `model: "*"` widens it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: Backend
    model: str
    endpoint: str | None = None
    input_usd_per_million: float = Field(ge=0)
    cached_input_usd_per_million: float | None = Field(default=None, ge=0)
    output_usd_per_million: float = Field(ge=0)
    as_of: date | None = None
    source: str

    def fits(self, identity: ModelIdentity, model: str) -> bool:
        """Whether this is the price of the model at that endpoint."""
        return (
            self.backend == identity.backend
            and self.model in (model, "*")
            and (self.endpoint is None or self.endpoint.rstrip("/") == identity.endpoint)
        )

    def usd(self, prompt_tokens: int, completion_tokens: int, cached_prompt_tokens: int = 0) -> float:
        """Return what so many tokens cost."""
        cached_price = self.cached_input_usd_per_million
        cached = min(cached_prompt_tokens, prompt_tokens) if cached_price is not None else 0
        dollars = (prompt_tokens - cached) * self.input_usd_per_million
        dollars += cached * (cached_price or 0.0) + completion_tokens * self.output_usd_per_million
        return dollars / MILLION


class PriceList:
    """Prices by precedence: the first entry that fits is the price."""

    def __init__(self, entries: Sequence[TokenPrice], shipped: Sequence[TokenPrice] = ()) -> None:
        """Take the user's own prices, which hold wherever they fit, and those of providers, at their own hosts."""
        self.entries = (*entries, *shipped)
        self._own = len(entries)
        self._found: dict[tuple[ModelIdentity, str | None], TokenPrice | None] = {}

    @classmethod
    def load(cls, overrides: Path | None = None) -> PriceList:
        """Return the shipped prices, under those of the file `overrides`, if it exists.

        Raises:
            PricesError: a file that is no list of prices, or has a key or value that is not allowed.
        """
        own = _read(overrides) if overrides is not None and overrides.exists() else []
        return cls(own, _read(Path(str(SHIPPED))))

    def with_own(self, identity: ModelIdentity, usd_per_million: float | None) -> PriceList:
        """Return the list with a config's own price of that model before all others; the same where it says none."""
        if usd_per_million is None or identity.backend in LOCAL:
            return self
        own = TokenPrice(
            backend=cast(Backend, identity.backend),
            model="*",  # whatever name the reply gives it
            endpoint=identity.endpoint,
            input_usd_per_million=usd_per_million,
            output_usd_per_million=usd_per_million,
            source="the config",
        )
        return PriceList([own, *self.entries[: self._own]], self.entries[self._own :])

    def price(self, identity: ModelIdentity, named: str | None = None) -> TokenPrice | None:
        """Return the price of the model as the reply names it, else as it was asked for; null if unknown."""
        if (identity, named) not in self._found:
            self._found[identity, named] = self._look_up(identity, named)
        return self._found[identity, named]

    def usd(self, identity: ModelIdentity, reply: Reply) -> float | None:
        """Return what the reply costs at list price; null where price or tokens are unknown."""
        price = self.price(identity, reply.model)
        if price is None or reply.prompt_tokens is None or reply.completion_tokens is None:
            return None
        return price.usd(reply.prompt_tokens, reply.completion_tokens, reply.cached_prompt_tokens)

    def _look_up(self, identity: ModelIdentity, named: str | None) -> TokenPrice | None:
        if identity.backend in LOCAL:
            return _own_machine(identity)
        models = [model for model in (named, identity.model) if model]
        # A server of one's own may speak a provider's protocol, and name its models alike.
        is_theirs = identity.backend != "together" or urlsplit(identity.endpoint).hostname in own_hosts(
            "TOGETHER"
        )
        for model in models:
            for entry in self.entries if is_theirs else self.entries[: self._own]:
                if entry.fits(identity, model):
                    return entry
        if not is_theirs:
            return None
        return next((found for model in models if (found := _packaged(identity, model))), None)


def unknown_price(identity: ModelIdentity) -> str:
    """Return what to say of a model whose cost will be unknown, and how to make it known."""
    backend, endpoint, model = identity
    return (
        f"Nobody knows what {model!r} of {backend} at {endpoint} costs, so cost_usd is null. If the server is your "
        "own, `price: 0` beside the model in the config says so; else say there in dollars what a million tokens cost, "
        f"or put it into data/prices.yaml: - {{backend: {backend}, model: {model!r}, input_usd_per_million: 1, "
        "output_usd_per_million: 4, source: my own}"
    )


def _own_machine(identity: ModelIdentity) -> TokenPrice:
    return TokenPrice(
        backend=cast(Backend, identity.backend),
        model=identity.model,
        input_usd_per_million=0,
        output_usd_per_million=0,
        source="this machine",
    )


def _packaged(identity: ModelIdentity, model: str) -> TokenPrice | None:
    """Return what the package `genai-prices` knows: it is asked what a thousand tokens of each kind cost.

    A thousand, not a million: some models cost more beyond a long context.
    """
    from genai_prices import Usage, __version__, calc_price

    provider_id = "together" if identity.backend == "together" else None
    url = None if provider_id else identity.endpoint

    def per_million(usage: Usage) -> float:
        if provider_id:
            return float(calc_price(usage, model, provider_id=provider_id).total_price) * 1000
        return float(calc_price(usage, model, provider_api_url=url).total_price) * 1000

    try:
        return TokenPrice(
            backend=cast(Backend, identity.backend),
            model=model,
            input_usd_per_million=per_million(Usage(input_tokens=1000)),
            cached_input_usd_per_million=per_million(Usage(input_tokens=1000, cache_read_tokens=1000)),
            output_usd_per_million=per_million(Usage(output_tokens=1000)),
            source=f"genai-prices {__version__}",
        )
    except LookupError:
        return None


def _read(path: Path) -> Sequence[TokenPrice]:
    try:
        content = read_yaml(path.read_text(encoding="utf-8")) or []
        if not isinstance(content, list):
            raise PricesError(f"{path} holds a {type(content).__name__}; allowed is a list of prices.")
        return [TokenPrice.model_validate(entry) for entry in content]
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PricesError(f"{path} is not valid YAML: {error}") from None
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(part) for part in problem["loc"])
        allowed = ", ".join(TokenPrice.model_fields)
        raise PricesError(f"{path}: {key}: {problem['msg']}. A price has the keys {allowed}.") from None
