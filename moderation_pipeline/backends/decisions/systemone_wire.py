"""The System One form of questions and answers: what `systemone` and `hf_decisions` share. Transport is theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from moderation_pipeline.backends.decisions.decision_model import (
    NO,
    YES,
    Answer,
    DecisionRequest,
    Question,
    Refusal,
    Unusable,
    distribution,
    yes_no,
)
from moderation_pipeline.backends.language_model import JsonValue

TYPES = {"yes_no": "noul", "choice": "choice", "score": "score"}


def questions_of(request: DecisionRequest) -> dict[str, JsonValue]:
    """Return the questions as System One takes them: by name, with criteria in the form of their type."""
    return {question.name: _question(question) for question in request.questions}


def _question(question: Question) -> JsonValue:
    meanings: dict[str, JsonValue] = {option.name: option.meaning for option in question.options}
    criteria: JsonValue = meanings
    if question.kind == "yes_no":
        criteria = {option: meanings[option] for option in (YES, NO)}
    if question.kind == "score":
        criteria = list(meanings.values())
    return {"type": TYPES[question.kind], "instructions": question.instructions, "criteria": criteria}


def answers_of(questions: Sequence[Question], answers: object) -> dict[str, Answer]:
    """Return the answer to each question; what is missing or of another type is unusable."""
    given = answers if isinstance(answers, Mapping) else {}
    return {question.name: _answer(question, given.get(question.name)) for question in questions}


def _answer(question: Question, given: object) -> Answer:
    if not isinstance(given, Mapping):
        return Unusable("no answer")
    if given.get("type") == "refusal":
        return Refusal()
    if given.get("type") != TYPES[question.kind]:
        return Unusable(f"asked for {TYPES[question.kind]}, answered {str(given.get('type'))[:40]!r}")
    if question.kind == "yes_no":
        return yes_no(given.get("noul"))
    probabilities = given.get("probabilities")
    if not isinstance(probabilities, Mapping):
        return Unusable("no probabilities")
    if question.kind == "score":  # levels come back by their number
        names = {str(i): option.name for i, option in enumerate(question.options)}
        return distribution(
            question, [(names.get(str(level), str(level)), p) for level, p in probabilities.items()]
        )
    return distribution(question, [(str(option), p) for option, p in probabilities.items()])
