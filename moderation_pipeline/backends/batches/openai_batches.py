"""OpenAI's batch interface: files up and down, and how far a batch is."""

from __future__ import annotations

from moderation_pipeline.backends.batches.batched_model import BatchDoor, BatchState, BatchStatus
from moderation_pipeline.backends.chat.openai import OpenAIModel

ENDED_BADLY = ("failed", "expired", "cancelled")


class OpenAIBatches(BatchDoor):
    """Batches of one OpenAI endpoint."""

    def __init__(self, model: OpenAIModel) -> None:
        self._client = model.client

    async def submit(self, lines: bytes) -> str:
        """Upload the calls and begin a batch of them."""
        sdk = self._client.sdk
        with self._client.errors_as_ours():
            file = await sdk.files.create(file=("calls.jsonl", lines), purpose="batch")
            batch = await sdk.batches.create(
                input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
            )
        return batch.id

    async def state(self, batch_id: str) -> BatchState:
        """Ask how far the batch is; an expired one may have answers all the same."""
        sdk = self._client.sdk
        with self._client.errors_as_ours():
            batch = await sdk.batches.retrieve(batch_id)
            if batch.status != "completed" and batch.status not in ENDED_BADLY:
                return BatchState(BatchStatus.PENDING, detail=batch.status)
            files = [each for each in (batch.output_file_id, batch.error_file_id) if each is not None]
            lines = b"\n".join([(await sdk.files.content(each)).content for each in files])
        status = BatchStatus.DONE if batch.status == "completed" else BatchStatus.FAILED
        errors = (batch.errors.data if batch.errors is not None else None) or []
        error = "; ".join(each.message for each in errors if each.message)
        return BatchState(status, self._client.caller.redacted_body(lines), batch.status, error)
