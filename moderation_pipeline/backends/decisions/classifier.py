"""A text classifier on this machine: any transformers text-classification model, by path or hub name.

Its questions are its labels: each label's score is the answer to the yes/no question of that name. What a label
means in this project is the config's label map. Needs the extra `local`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from moderation_pipeline.backends.decisions.decision_model import (
    DecisionModel,
    DecisionReply,
    DecisionRequest,
    comment_text,
    yes_no,
)
from moderation_pipeline.backends.keys import UnusableBackendError
from moderation_pipeline.backends.language_model import ModelIdentity, Reply
from moderation_pipeline.backends.local.local_work import (
    LocalWork,
    cannot_load,
    local_device,
    needs_local_extra,
)

BACKEND = "classifier"


class Scores(NamedTuple):
    """The score of every label, and the tokens that were read."""

    by_label: Mapping[str, float]
    tokens: int


class ClassifierModel(DecisionModel):
    """A local classifier as a decision model: shown the comment's text alone."""

    def __init__(
        self, model: str, *, labels: Iterable[str] = (), device: str = "auto", batch_size: int = 16
    ) -> None:
        needs_local_extra(BACKEND)
        self._model = model
        self._labels = frozenset(labels)
        self._device = device
        self._work: LocalWork[str, Scores] = LocalWork(self._load, batch_size)

    @property
    def identity(self) -> ModelIdentity:
        """The model's path or hub name, on this machine."""
        return ModelIdentity(BACKEND, "local", self._model)

    async def decide(self, request: DecisionRequest) -> DecisionReply:
        """Return the score of each label that a question is named after."""
        scores = await self._work.do(comment_text(request.state))
        return DecisionReply(
            answers={each.name: yes_no(scores.by_label.get(each.name)) for each in request.questions},
            reply=Reply(text="", model=self._model, prompt_tokens=scores.tokens, completion_tokens=0),
        )

    async def aclose(self) -> None:
        """Wait for the batch under way."""
        await self._work.aclose()

    def _load(self) -> Callable[[Sequence[str]], list[Scores]]:
        from transformers import pipeline

        try:
            classify: Any = pipeline(
                "text-classification", model=self._model, device=local_device(self._device), top_k=None
            )
        except (OSError, ValueError, KeyError) as error:
            raise cannot_load(BACKEND, self._model, error) from None
        known = set(classify.model.config.label2id)
        if unmapped := known ^ self._labels:
            raise UnusableBackendError(
                f"The config's labels for the classifier {self._model!r} are {_listed(self._labels)}, but the "
                f"model's own are {_listed(known)}: they differ in {_listed(unmapped)}. Map every label of the "
                "model to a category, `none` for what is no violation."
            )
        return lambda texts: _scored(classify, texts)


def _scored(classify: Any, texts: Sequence[str]) -> list[Scores]:
    """Classify a batch; text beyond the model's length is cut, as it was trained on."""
    results = classify(list(texts), batch_size=len(texts), truncation=True)
    tokens = classify.tokenizer(list(texts), truncation=True)["input_ids"]
    return [
        Scores({str(each["label"]): float(each["score"]) for each in result}, len(ids))
        for result, ids in zip(results, tokens, strict=True)
    ]


def _listed(labels: Sequence[str] | set[str] | frozenset[str]) -> str:
    return ", ".join(sorted(labels)) or "none"
