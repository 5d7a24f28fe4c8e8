"""Together's batch interface: its SDK uploads only files on disk, and answers in its own words for states."""

from __future__ import annotations

import tempfile
from pathlib import Path

from moderation_pipeline.backends.batches.batched_model import BatchDoor, BatchState, BatchStatus
from moderation_pipeline.backends.chat.together import TogetherModel
from moderation_pipeline.backends.language_model import GarbledReplyError

ENDED_BADLY = ("FAILED", "EXPIRED", "CANCELLED")


class TogetherBatches(BatchDoor):
    """Batches of Together's."""

    def __init__(self, model: TogetherModel) -> None:
        self._client = model.client

    async def submit(self, lines: bytes) -> str:
        """Upload the calls and begin a batch of them."""
        sdk = self._client.sdk
        with tempfile.TemporaryDirectory() as folder, self._client.errors_as_ours():
            path = Path(folder) / "calls.jsonl"
            path.write_bytes(lines)
            file = await sdk.files.upload(path, purpose="batch-api", check=False)
            created = await sdk.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions")
        if created.job is None or created.job.id is None:
            said = self._client.caller.redacted(str(created.warning))
            raise GarbledReplyError(f"Together began no batch ({said})")
        return created.job.id

    async def state(self, batch_id: str) -> BatchState:
        """Ask how far the batch is; an expired one may have answers all the same."""
        sdk = self._client.sdk
        with self._client.errors_as_ours():
            batch = await sdk.batches.retrieve(batch_id)
            if batch.status != "COMPLETED" and batch.status not in ENDED_BADLY:
                return BatchState(BatchStatus.PENDING, detail=str(batch.status))
            files = [each for each in (batch.output_file_id, batch.error_file_id) if each is not None]
            lines = b"\n".join([await (await sdk.files.content(each)).read() for each in files])
        status = BatchStatus.DONE if batch.status == "COMPLETED" else BatchStatus.FAILED
        return BatchState(
            status, self._client.caller.redacted_body(lines), str(batch.status), batch.error or ""
        )
