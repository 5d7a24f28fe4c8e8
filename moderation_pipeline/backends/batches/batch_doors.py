"""Which class opens which provider's batch interface. How calls wait for a batch is `batched_model.py`'s."""

from __future__ import annotations

from typing import Any

from moderation_pipeline.backends.batches.batched_model import BatchDoor
from moderation_pipeline.backends.chat.chat_endpoint import ChatEndpoint
from moderation_pipeline.backends.spec_classes import ClassesBySpec
from moderation_pipeline.config.model_specs import OpenAISpec, RemoteSpec, TogetherSpec

BATCH_DOORS: ClassesBySpec[BatchDoor] = ClassesBySpec(
    {
        TogetherSpec: "moderation_pipeline.backends.batches.together_batches:TogetherBatches",
        OpenAISpec: "moderation_pipeline.backends.batches.openai_batches:OpenAIBatches",
    }
)
"""Each class is built from its provider's endpoint."""


def batch_door(spec: RemoteSpec, endpoint: ChatEndpoint[Any]) -> BatchDoor:
    """Return the batch interface of a spec's provider, through its endpoint."""
    return BATCH_DOORS.of(spec)(endpoint)
