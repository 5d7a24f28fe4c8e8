"""Which class asks which provider's chat models. What an endpoint is, is `chat_endpoint.py`'s."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moderation_pipeline.backends.chat.chat_endpoint import AbilitiesMemory, ChatEndpoint
from moderation_pipeline.backends.chat.sdk_client import Endpoint
from moderation_pipeline.backends.key_hosts import check_may_be_sent
from moderation_pipeline.backends.keys import key_for
from moderation_pipeline.backends.spec_classes import ClassesBySpec
from moderation_pipeline.config.decision_specs import ChatDecisionsSpec
from moderation_pipeline.config.model_specs import Address, OpenAISpec, TogetherSpec

CHAT_MODELS: ClassesBySpec[ChatEndpoint[Any]] = ClassesBySpec(
    {
        TogetherSpec: "moderation_pipeline.backends.chat.together:TogetherModel",
        OpenAISpec: "moderation_pipeline.backends.chat.openai:OpenAIModel",
        ChatDecisionsSpec: "moderation_pipeline.backends.chat.openai:OpenAIModel",
    }
)
"""Each class is built from an `Endpoint` and where its abilities are remembered."""


def chat_endpoint(
    spec: Address, variables: Mapping[str, str], memory: AbilitiesMemory | None = None
) -> ChatEndpoint[Any]:
    """Return the endpoint of a spec.

    Raises:
        KeyNotAllowedError: the key may not be sent to that address.
        MissingKeyError: the spec needs a key that is not set.
    """
    return CHAT_MODELS.of(spec)(endpoint_of(spec, variables), memory)


def endpoint_of(spec: Address, variables: Mapping[str, str]) -> Endpoint:
    """Return where a spec's model is asked, with its key.

    Raises:
        KeyNotAllowedError: the key may not be sent to that address.
        MissingKeyError: the spec needs a key that is not set.
    """
    check_may_be_sent(spec)
    return Endpoint(
        model=spec.model,
        key=key_for(spec.backend, spec.key_variable, variables),
        key_variable=spec.key_variable or "(none: name its variable with api_key_env)",
        base_url=spec.base_url,
        timeout_s=spec.timeout_s,
    )
