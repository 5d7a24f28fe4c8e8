"""OpenAI Decisions: predicates, choices and scores through OpenAI's SDK, where one question may be refused."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from moderation_pipeline.backends.chat.openai_client import OpenAIClient
from moderation_pipeline.backends.chat.sdk_client import Endpoint
from moderation_pipeline.backends.decisions.decision_model import (
    NO,
    YES,
    Answer,
    DecisionModel,
    DecisionReply,
    DecisionRequest,
    Question,
    Refusal,
    Unusable,
    distribution,
    yes_no,
)
from moderation_pipeline.backends.language_model import (
    GarbledReplyError,
    JsonValue,
    LanguageModelError,
    ModelIdentity,
    Reply,
    whole_number,
)

TYPES = {"yes_no": "predicate", "choice": "choice", "score": "score"}


class OpenAIDecisions(DecisionModel):
    """A model behind OpenAI's decisions endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._client = OpenAIClient("openai_decisions", endpoint)

    @property
    def identity(self) -> ModelIdentity:
        """Backend, endpoint and model."""
        return self._client.identity

    async def decide(self, request: DecisionRequest) -> DecisionReply:
        """Ask all questions in one call."""
        questions: list[JsonValue] = [_question(each) for each in request.questions]
        state = request.state
        body: JsonValue = {
            "model": self.identity.model,
            "input": state if isinstance(state, str) else orjson.dumps(state).decode(),
            "questions": questions,
        }
        return self._read(request, await self._client.asked("/decisions", body))

    async def served_models(self) -> list[str] | None:
        """Return the models that the endpoint lists; null where it has no list for this key."""
        try:
            return await self._client.served_models()
        except LanguageModelError:
            return None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _read(self, request: DecisionRequest, reply: object) -> DecisionReply:
        if not isinstance(reply, Mapping) or not isinstance(reply.get("answers"), list):
            raise GarbledReplyError(f"no answers in {str(reply)[:80]!r}")
        usage = reply.get("usage")
        tokens = usage if isinstance(usage, Mapping) else {}
        details = tokens.get("input_tokens_details")
        cached = details.get("cached_tokens") if isinstance(details, Mapping) else None
        return DecisionReply(
            answers=_answers(request, reply["answers"]),
            reply=Reply(
                text="",
                model=str(reply.get("model") or self.identity.model),
                prompt_tokens=whole_number(tokens.get("input_tokens")),
                completion_tokens=whole_number(tokens.get("output_tokens")),
                cached_prompt_tokens=whole_number(cached) or 0,
            ),
        )


def _question(question: Question) -> JsonValue:
    meanings = {option.name: option.meaning for option in question.options}
    told: dict[str, JsonValue] = {
        "type": TYPES[question.kind],
        "name": question.name,
        "instructions": question.instructions,
    }
    if question.kind == "yes_no":  # a predicate has no criteria: they are part of what is asked
        said = f"{question.instructions}\nTrue: {meanings[YES]}\nFalse: {meanings[NO]}"
        return {**told, "instructions": said}
    if question.kind == "choice":
        return {**told, "choices": [{"value": name, "description": said} for name, said in meanings.items()]}
    return {**told, "levels": [{"label": name, "description": said} for name, said in meanings.items()]}


def _answers(request: DecisionRequest, given: list[object]) -> dict[str, Answer]:
    """Match answers to questions by name; an answer without a name is the one of its place, where each has a place.

    Where one is missing, those behind it would be taken for answers to other questions, or about other comments.
    """
    has_places = len(given) == len(request.questions)
    by_name: dict[str, list[object]] = {}
    for place, answer in enumerate(given):
        name = answer.get("name") if isinstance(answer, Mapping) else None
        if name or has_places:
            by_name.setdefault(str(name or request.questions[place].name), []).append(answer)
    return {each.name: _one_answer(each, by_name.get(each.name, [])) for each in request.questions}


def _one_answer(question: Question, given: list[object]) -> Answer:
    differ = any(each != given[0] for each in given)
    return Unusable("two answers that differ") if differ else _answer(question, given[0] if given else None)


def _answer(question: Question, given: object) -> Answer:
    if not isinstance(given, Mapping):
        return Unusable("no answer")
    kind = given.get("type")
    if kind == "refusal":
        return Refusal()
    if kind != TYPES[question.kind]:
        return Unusable(f"asked for {TYPES[question.kind]}, answered {str(kind)[:40]!r}")
    if question.kind == "yes_no":
        return yes_no(given.get("probability"))
    key = "value" if question.kind == "choice" else "label"
    probabilities = given.get("probabilities")
    if not isinstance(probabilities, list):
        return Unusable("no probabilities")
    return distribution(
        question,
        [
            (str(each.get(key)), each.get("probability"))
            for each in probabilities
            if isinstance(each, Mapping)
        ],
    )
