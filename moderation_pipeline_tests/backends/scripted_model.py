"""A language model that follows a script, and raises when the script runs out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from moderation_pipeline.backends.language_model import (
    LanguageModel,
    LanguageModelError,
    Message,
    ModelIdentity,
    Reply,
    Request,
)

Step = Reply | LanguageModelError | str


class ScriptedModel(LanguageModel):
    """Answers with each step of the script in turn; `asked` keeps the requests."""

    def __init__(self, steps: Sequence[Step], *, model: str = "scripted") -> None:
        self._steps = list(steps)
        self._model = model
        self.asked: list[Request] = []
        self.closed = False

    @property
    def identity(self) -> ModelIdentity:
        return ModelIdentity("openai", "http://scripted/v1", self._model)

    async def complete(self, request: Request) -> Reply:
        self.asked.append(request)
        await asyncio.sleep(0)  # as any real call would, it lets others go first
        step = self._steps.pop(0)
        if isinstance(step, LanguageModelError):
            raise step
        return reply(step) if isinstance(step, str) else step

    async def aclose(self) -> None:
        self.closed = True


class GatedModel(ScriptedModel):
    """Answers only when the gate is opened: for calls that must be in flight at the same time."""

    def __init__(self, steps: Sequence[Step]) -> None:
        super().__init__(steps)
        self.gate = asyncio.Event()

    async def reached(self, calls: int) -> None:
        """Wait until so many calls stand at the gate: a store may take its time."""
        while len(self.asked) < calls:
            await asyncio.sleep(0.005)

    async def complete(self, request: Request) -> Reply:
        self.asked.append(request)
        await self.gate.wait()
        step = self._steps.pop(0)
        if isinstance(step, LanguageModelError):
            raise step
        return reply(step) if isinstance(step, str) else step


def reply(text: str, *, usd: float | None = 0.01) -> Reply:
    return Reply(text, "scripted-1", prompt_tokens=100, completion_tokens=10, list_cost_usd=usd, cost_usd=usd)


def request(text: str = "hello") -> Request:
    return Request((Message("system", "Be brief."), Message("user", text)))
