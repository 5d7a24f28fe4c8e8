"""Questions and requests for the tests of decision models: one of each kind."""

from __future__ import annotations

from moderation_pipeline.backends.chat.sdk_client import Endpoint
from moderation_pipeline.backends.decisions.decision_model import NO, YES, DecisionRequest, Option, Question

RULE = Question("R1", "yes_no", "Is it an insult?", (Option(YES, "it insults"), Option(NO, "it doesn't")))
KIND = Question(
    "category",
    "choice",
    "Which kind is it?",
    (Option("none", "fine"), Option("hate", "against a group"), Option("spam", "an advertisement")),
)
HARM = Question("harm", "score", "How bad is it?", (Option("mild", "a tease"), Option("grave", "a threat")))

KEY = "sk-not-a-real-key-4711"


def asking(text: str, *questions: Question) -> DecisionRequest:
    return DecisionRequest({"comment": {"user": "ann", "text": text}}, questions or (RULE, KIND, HARM))


def endpoint(base_url: str, *, model: str = "decider", timeout_s: float = 5.0) -> Endpoint:
    return Endpoint(model, KEY, "TYPESAFE_API_KEY", base_url, timeout_s)
