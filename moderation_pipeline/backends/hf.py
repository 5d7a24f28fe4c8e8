"""A causal model on this machine, through transformers: by path or hub name, on CPU or GPU (extra `local`).

Here concurrent calls become batches of like length, in one thread; how a batch is written is
`hf_generation.py`'s, which alone imports torch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from moderation_pipeline.backends.keys import UnusableBackendError
from moderation_pipeline.backends.language_model import (
    EmptyReplyError,
    LanguageModel,
    ModelIdentity,
    Reply,
    Request,
    TokenLogprob,
    TooLongError,
)

if TYPE_CHECKING:
    from moderation_pipeline.backends.hf_generation import Generator


class Waiting(NamedTuple):
    """A call that waits for its batch."""

    request: Request
    reply: asyncio.Future[Reply]


@dataclass(frozen=True, slots=True)
class Generated:
    """What the model wrote for one prompt."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    finish_reason: str
    logprobs: tuple[tuple[str, float], ...] | None


class HfModel(LanguageModel):
    """A local model. It is loaded at the first call, in the one thread that all its work is done in."""

    def __init__(self, model: str, *, device: str = "auto", batch_size: int = 16) -> None:
        check_usable(model)
        self._model = model
        self._device = device
        self._batch_size = batch_size
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hf")
        self._generator: Generator | None = None
        self._waiting: list[Waiting] = []
        self._worker: asyncio.Task[None] | None = None

    @property
    def identity(self) -> ModelIdentity:
        """The model's path or hub name, on this machine."""
        return ModelIdentity("hf", "local", self._model)

    async def complete(self, request: Request) -> Reply:
        """Wait for a place in a batch, and return what the model writes."""
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(request, reply))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.ensure_future(self._work())
        return await reply

    async def aclose(self) -> None:
        """Wait for the batch that is being written."""
        if self._worker is not None:
            await asyncio.gather(self._worker, return_exceptions=True)
        self._thread.shutdown(wait=True)

    async def _work(self) -> None:
        in_line = 0
        # Calls that are being begun get in line before the first batch is cut.
        while in_line < len(self._waiting):
            in_line = len(self._waiting)
            await asyncio.sleep(0)
        while self._waiting:
            self._waiting.sort(key=lambda each: _characters(each.request))
            batch, self._waiting = self._waiting[: self._batch_size], self._waiting[self._batch_size :]
            requests = [each.request for each in batch]
            loop = asyncio.get_running_loop()
            try:
                written = await loop.run_in_executor(self._thread, self._write, requests)
            except Exception as error:
                for each in batch:
                    _settle(each.reply, error)
                continue
            for each, generated in zip(batch, written, strict=True):
                _settle(each.reply, self._reply(generated))

    def _write(self, requests: Sequence[Request]) -> list[Generated | TooLongError]:
        from moderation_pipeline.backends.hf_generation import Generator

        if self._generator is None:
            self._generator = Generator(self._model, self._device)
        return self._generator.write(requests)

    def _reply(self, generated: Generated | TooLongError) -> Reply | Exception:
        if isinstance(generated, TooLongError):
            return generated
        reply = Reply(
            text=generated.text,
            model=self._model,
            prompt_tokens=generated.prompt_tokens,
            completion_tokens=generated.completion_tokens,
            finish_reason=generated.finish_reason,
            logprobs=_named(generated.logprobs),
        )
        return reply if generated.text.strip() else EmptyReplyError("the model wrote nothing", reply=reply)


def check_usable(model: str) -> None:
    """Find out, before the first comment, whether the model can be had; its weights are not read yet.

    Raises:
        UnusableBackendError: the extra `local` is not installed, or there is no such model.
    """
    try:
        import torch  # noqa: F401
        from transformers import AutoConfig
    except ImportError as error:
        raise UnusableBackendError(
            f"The config asks for backend 'hf', but {error.name} is not installed. Install the extra "
            "`local` (pip install 'moderation-pipeline[local]'), or let `fallback: rules` step in."
        ) from None
    try:
        AutoConfig.from_pretrained(model)
    except (OSError, ValueError) as error:
        raise no_such_model(model, error) from None


def no_such_model(model: str, error: Exception) -> UnusableBackendError:
    """Return the error of a model that can't be loaded."""
    return UnusableBackendError(
        f"The config asks for the local model {model!r}, but it can't be loaded ({error}). Give a folder "
        "with a causal model in it, or a hub name that this machine can reach, or let `fallback: rules` step in."
    )


def _characters(request: Request) -> int:
    return sum(len(message.content) for message in request.messages)


def _named(pairs: tuple[tuple[str, float], ...] | None) -> tuple[TokenLogprob, ...] | None:
    return None if pairs is None else tuple(TokenLogprob(*pair) for pair in pairs)


def _settle(reply: asyncio.Future[Reply], outcome: Reply | Exception) -> None:
    if reply.done():
        return  # whoever asked was cancelled meanwhile
    if isinstance(outcome, Exception):
        reply.set_exception(outcome)
    else:
        reply.set_result(outcome)
