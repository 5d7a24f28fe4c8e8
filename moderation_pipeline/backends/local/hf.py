"""A causal model on this machine, through transformers: by path or hub name, on CPU or GPU (extra `local`).

Concurrent calls become batches of like length, in one thread (`local_work.py`); how a batch is written is
`hf_generation.py`'s, which alone imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
from moderation_pipeline.backends.local.local_work import LocalWork, needs_local_extra


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
        self._work: LocalWork[Request, Generated | TooLongError] = LocalWork(
            self._load, batch_size, size=_characters
        )

    @property
    def identity(self) -> ModelIdentity:
        """The model's path or hub name, on this machine."""
        return ModelIdentity("hf", "local", self._model)

    async def complete(self, request: Request) -> Reply:
        """Wait for a place in a batch, and return what the model writes."""
        generated = await self._work.do(request)
        if isinstance(generated, TooLongError):
            raise generated
        reply = Reply(
            text=generated.text,
            model=self._model,
            prompt_tokens=generated.prompt_tokens,
            completion_tokens=generated.completion_tokens,
            finish_reason=generated.finish_reason,
            logprobs=_named(generated.logprobs),
        )
        if not generated.text.strip():
            raise EmptyReplyError("the model wrote nothing", reply=reply)
        return reply

    async def aclose(self) -> None:
        """Wait for the batch that is being written."""
        await self._work.aclose()

    def _load(self) -> Callable[[Sequence[Request]], Sequence[Generated | TooLongError]]:
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
