"""A causal model on this machine, through transformers: by path or hub name, on CPU or GPU (extra `local`).

Concurrent calls become batches of like length, in one thread (`local_work.py`); how a batch is written is
`hf_generation.py`'s, which alone imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from moderation_pipeline.backends.language_model import (
    EmptyReplyError,
    LanguageModel,
    ModelIdentity,
    Reply,
    Request,
    TooLongError,
)
from moderation_pipeline.backends.local.local_work import LocalWork, cannot_load, needs_local_extra


class HfModel(LanguageModel):
    """A local model. It is loaded at the first call, in the one thread that all its work is done in."""

    def __init__(self, model: str, *, device: str = "auto", batch_size: int = 16) -> None:
        check_usable(model)
        self._model = model
        self._device = device
        self._work: LocalWork[Request, Reply | TooLongError] = LocalWork(
            self._load, batch_size, size=_characters
        )

    @property
    def identity(self) -> ModelIdentity:
        """The model's path or hub name, on this machine."""
        return ModelIdentity("hf", "local", self._model)

    async def complete(self, request: Request) -> Reply:
        """Wait for a place in a batch, and return what the model writes."""
        reply = await self._work.do(request)
        if isinstance(reply, TooLongError):
            raise reply
        if not reply.text.strip():
            raise EmptyReplyError("the model wrote nothing", reply=reply)
        return reply

    async def aclose(self) -> None:
        """Wait for the batch that is being written."""
        await self._work.aclose()

    def _load(self) -> Callable[[Sequence[Request]], Sequence[Reply | TooLongError]]:
        from moderation_pipeline.backends.local.hf_generation import Generator

        return Generator(self._model, self._device).write


def check_usable(model: str) -> None:
    """Find out, before the first comment, whether the model can be had; its weights are not read yet.

    Raises:
        UnusableBackendError: the extra `local` is not installed, or there is no such model.
    """
    needs_local_extra("hf")
    from transformers import AutoConfig

    try:
        AutoConfig.from_pretrained(model)
    except (OSError, ValueError) as error:
        raise cannot_load("hf", model, error) from None


def _characters(request: Request) -> int:
    return sum(len(message.content) for message in request.messages)
