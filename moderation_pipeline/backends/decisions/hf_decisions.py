"""Decisions on this machine: `transformers.pipeline("decision")`, with any decision or chat model (extra `local`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from moderation_pipeline.backends.decisions.decision_model import (
    DecisionModel,
    DecisionReply,
    DecisionRequest,
)
from moderation_pipeline.backends.decisions.systemone_wire import answers_of, questions_of
from moderation_pipeline.backends.keys import UnusableBackendError
from moderation_pipeline.backends.language_model import GarbledReplyError, ModelIdentity, Reply
from moderation_pipeline.backends.local.local_work import (
    LocalWork,
    cannot_load,
    local_device,
    needs_local_extra,
)

BACKEND = "hf_decisions"


class PipelineReply(NamedTuple):
    """What the pipeline said: its answers in System One's form, and the tokens that it read."""

    answers: Mapping[str, object]
    input_tokens: int


class HfDecisions(DecisionModel):
    """A local decision model. The pipeline takes one request at a time: its batches are of one."""

    def __init__(self, model: str, *, device: str = "auto") -> None:
        needs_local_extra(BACKEND)
        self._model = model
        self._device = device
        self._work: LocalWork[DecisionRequest, PipelineReply | GarbledReplyError] = LocalWork(self._load, 1)

    @property
    def identity(self) -> ModelIdentity:
        """The model's path or hub name, on this machine."""
        return ModelIdentity(BACKEND, "local", self._model)

    async def decide(self, request: DecisionRequest) -> DecisionReply:
        """Answer every question of the request."""
        decided = await self._work.do(request)
        if isinstance(decided, GarbledReplyError):
            raise decided
        return DecisionReply(
            answers=answers_of(request.questions, decided.answers),
            reply=Reply(text="", model=self._model, prompt_tokens=decided.input_tokens, completion_tokens=0),
        )

    async def aclose(self) -> None:
        """Wait for the request under way."""
        await self._work.aclose()

    def _load(self) -> Callable[[Sequence[DecisionRequest]], list[PipelineReply | GarbledReplyError]]:
        from transformers import pipeline

        try:
            decide: Any = pipeline("decision", model=self._model, device=local_device(self._device))
        except (
            OSError,
            ValueError,
            KeyError,
        ) as error:  # KeyError: transformers before 5.23 has no such task
            raise cannot_load(BACKEND, self._model, error) from None
        return _Decider(decide, self._model).answers


class _Decider:
    """The loaded pipeline. Whether it can answer such questions at all is tried before the first comment."""

    def __init__(self, decide: Any, model: str) -> None:
        self._decide = decide
        self._model = model
        self._is_tried = False

    def answers(self, requests: Sequence[DecisionRequest]) -> list[PipelineReply | GarbledReplyError]:
        """Return what the pipeline says to each request; what it can't take is that request's bad reply."""
        if not self._is_tried:
            self._try(replace(requests[0], state=""))
            self._is_tried = True
        answers: list[PipelineReply | GarbledReplyError] = []
        for request in requests:
            try:
                answers.append(self._answer(request))
            except ValueError as error:
                answers.append(GarbledReplyError(str(error)[:300]))
        return answers

    def _try(self, request: DecisionRequest) -> None:
        try:
            self._answer(request)
        except ValueError as error:  # labels that are no single tokens of this model, for one
            raise UnusableBackendError(
                f"The local model {self._model!r} can't answer such questions ({error}). Choose another."
            ) from None

    def _answer(self, request: DecisionRequest) -> PipelineReply:
        """Run the pipeline step by step, so that the tokens it reads can be counted."""
        inputs = self._decide.preprocess({"state": request.state, "questions": questions_of(request)})
        answers: Mapping[str, object] = self._decide.postprocess(self._decide.forward(inputs))
        tokens = sum(int(prompt["input_ids"].shape[-1]) for prompt, _ in inputs["prompts"])
        return PipelineReply(answers, tokens)
