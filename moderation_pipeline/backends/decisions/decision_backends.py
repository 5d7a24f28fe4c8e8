"""Decision models from specs: the bare backend of each. What is put around them is in `run_models.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from moderation_pipeline.backends.chat.sdk_client import Endpoint
from moderation_pipeline.backends.decisions.decision_model import DecisionModel
from moderation_pipeline.backends.keys import key_for
from moderation_pipeline.config.decision_specs import (
    ClassifierSpec,
    DecisionSpec,
    HfDecisionsSpec,
    OpenAIDecisionsSpec,
    OpenAIModerationsSpec,
    RemoteDecisionSpec,
    SystemOneSpec,
)


def decision_backend(spec: DecisionSpec, variables: Mapping[str, str]) -> DecisionModel:
    """Return the bare backend of a spec; what it needs is imported here, for those who use it.

    Raises:
        UnusableBackendError: no key, no extra `local`.
    """
    if isinstance(spec, SystemOneSpec):
        from moderation_pipeline.backends.decisions.systemone import SystemOneModel

        return SystemOneModel(_endpoint(spec, variables))
    if isinstance(spec, OpenAIDecisionsSpec):
        from moderation_pipeline.backends.decisions.openai_decisions import OpenAIDecisions

        return OpenAIDecisions(_endpoint(spec, variables))
    if isinstance(spec, OpenAIModerationsSpec):
        from moderation_pipeline.backends.decisions.openai_moderations import OpenAIModerations

        return OpenAIModerations(_endpoint(spec, variables))
    if isinstance(spec, HfDecisionsSpec):
        from moderation_pipeline.backends.decisions.hf_decisions import HfDecisions

        return HfDecisions(spec.model, device=spec.device)
    if isinstance(spec, ClassifierSpec):
        from moderation_pipeline.backends.decisions.classifier import ClassifierModel

        return ClassifierModel(
            spec.model, labels=list(spec.labels), device=spec.device, batch_size=spec.batch_size
        )
    assert_never(spec)


def place_of(spec: DecisionSpec) -> str:
    """Return the spec without what only shapes requests and plans: what is left is where requests go."""
    asking = {"thresholds", "addressing_threshold", "context_lines", "own_lines", "shows_memories"}
    return spec.model_dump_json(exclude={*asking, "comments_per_request"})


def _endpoint(spec: RemoteDecisionSpec, variables: Mapping[str, str]) -> Endpoint:
    return Endpoint(
        model=spec.model,
        key=key_for(spec.backend, spec.key_variable, variables),
        key_variable=spec.key_variable or "(none: name its variable with api_key_env)",
        base_url=spec.base_url,
        timeout_s=spec.timeout_s,
    )
