"""Which class asks which decision model. What is put around it is in `run_models.py`."""

from __future__ import annotations

from collections.abc import Mapping

from moderation_pipeline.backends.chat.chat_backends import chat_endpoint, endpoint_of
from moderation_pipeline.backends.decisions.decision_model import DecisionModel
from moderation_pipeline.backends.language_model import LanguageModel
from moderation_pipeline.backends.spec_classes import ClassesBySpec, place_of
from moderation_pipeline.config.decision_specs import (
    ChatDecisionsSpec,
    ClassifierSpec,
    DecisionSpec,
    HfDecisionsSpec,
    OpenAIDecisionsSpec,
    OpenAIModerationsSpec,
    SystemOneSpec,
)
from moderation_pipeline.config.model_specs import Address

DECISION_MODELS: ClassesBySpec[DecisionModel] = ClassesBySpec(
    {
        SystemOneSpec: "moderation_pipeline.backends.decisions.systemone:SystemOneModel",
        OpenAIDecisionsSpec: "moderation_pipeline.backends.decisions.openai_decisions:OpenAIDecisions",
        OpenAIModerationsSpec: "moderation_pipeline.backends.decisions.openai_moderations:OpenAIModerations",
        ChatDecisionsSpec: "moderation_pipeline.backends.decisions.chat_decisions:ChatDecisions",
        HfDecisionsSpec: "moderation_pipeline.backends.decisions.hf_decisions:HfDecisions",
        ClassifierSpec: "moderation_pipeline.backends.decisions.classifier:ClassifierModel",
    }
)
"""A class behind an address is built from its `Endpoint`, one on this machine from the keys that say where it is, and
one that asks a chat model from that."""


def decision_backend(spec: DecisionSpec, variables: Mapping[str, str]) -> DecisionModel:
    """Return the bare backend of a spec.

    Raises:
        UnusableBackendError: no key, no extra `local`.
    """
    if isinstance(spec, ChatDecisionsSpec):
        return asked_token_by_token(spec, chat_endpoint(spec, variables))
    model = DECISION_MODELS.of(spec)
    if isinstance(spec, Address):
        return model(endpoint_of(spec, variables))
    place = place_of(spec)
    del place["backend"]
    return model(**place)


def asked_token_by_token(spec: ChatDecisionsSpec, model: LanguageModel) -> DecisionModel:
    """Return the decision model that a chat model is, whatever is around it."""
    return DECISION_MODELS.of(spec)(model, spec.top_logprobs)
