"""Work of a local model: done in one thread, in batches of the calls that wait at the same time.

What is done is the backend's (`hf`, `hf_decisions`, `classifier`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from moderation_pipeline.backends.keys import UnusableBackendError

Q = TypeVar("Q")
A = TypeVar("A")


class LocalWork(Generic[Q, A]):
    """Loads a model at the first call, and answers batches of at most `batch_size`.

    Questions are answered in the order they came; where they have a `size`, the smallest that wait come first,
    so that a batch is of like size.
    """

    def __init__(
        self,
        load: Callable[[], Callable[[Sequence[Q]], Sequence[A]]],
        batch_size: int,
        *,
        size: Callable[[Q], int] = lambda _: 0,
    ) -> None:
        self._load = load
        self._batch_size = batch_size
        self._size = size
        self._answer: Callable[[Sequence[Q]], Sequence[A]] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="local-model")
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def do(self, question: Q) -> A:
        """Wait for a place in a batch, and return its answer."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.ensure_future(self._work())
        return await answer

    async def aclose(self) -> None:
        """Wait for the work under way."""
        if self._worker is not None:
            await asyncio.gather(self._worker, return_exceptions=True)
        self._thread.shutdown(wait=True)

    async def _work(self) -> None:
        in_line = 0
        # Calls that are being begun get in line before the first batch is cut.
        while in_line < len(self._waiting):
            in_line = len(self._waiting)
            await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        while self._waiting:
            self._waiting.sort(key=lambda each: self._size(each[0]))
            batch, self._waiting = self._waiting[: self._batch_size], self._waiting[self._batch_size :]
            try:
                answers = await loop.run_in_executor(self._thread, self._answered, [q for q, _ in batch])
            except Exception as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():  # whoever asked may have been cancelled meanwhile
                    future.set_result(answer)

    def _answered(self, questions: Sequence[Q]) -> Sequence[A]:
        if self._answer is None:
            self._answer = self._load()
        return self._answer(questions)


def needs_local_extra(backend: str) -> None:
    """Make sure that torch and transformers are there.

    Raises:
        UnusableBackendError: they aren't.
    """
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise UnusableBackendError(
            f"The config asks for backend {backend!r}, but {error.name} is not installed. Install the extra "
            "`local` (pip install 'moderation-pipeline[local]'), or let `fallback: rules` step in."
        ) from None


def local_device(device: str) -> str:
    """Return the device to load a model on: `auto` is the GPU where there is one."""
    import torch

    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


def cannot_load(backend: str, model: str, error: Exception) -> UnusableBackendError:
    """Return the error for a model that can't be loaded."""
    return UnusableBackendError(
        f"The config asks backend {backend!r} for the model {model!r}, but it can't be loaded ({error}). Give a "
        "folder with such a model in it, or a hub name that this machine can reach, or let `fallback: rules` step in."
    )
