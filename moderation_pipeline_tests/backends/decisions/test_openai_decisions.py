"""OpenAI's decisions and moderations, against a local server built from the SDK's own types."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from openai.types.decision_create_params import DecisionCreateParams
from pydantic import TypeAdapter

from moderation_pipeline.agents.deciding.question_set import label_questions, policy_questions
from moderation_pipeline.backends.decisions.decision_model import (
    DecisionModel,
    DecisionReply,
    DecisionRequest,
    Distribution,
    Refusal,
    Unusable,
)
from moderation_pipeline.backends.decisions.openai_decisions import OpenAIDecisions
from moderation_pipeline.backends.decisions.openai_moderations import OpenAIModerations
from moderation_pipeline.backends.language_model import (
    ConnectionFailedError,
    FatalBackendError,
    GarbledReplyError,
    LanguageModelError,
    RateLimitedError,
    RefusedReplyError,
)
from moderation_pipeline.config.decision_specs import OpenAIModerationsSpec
from moderation_pipeline_tests.backends.asked import KEY, RULE, asking, endpoint
from moderation_pipeline_tests.backends.decision_server import (
    Body,
    DecisionServer,
    Fault,
    cut,
    garbage,
    serving,
    status,
)


async def asked_of(model: DecisionModel, request: DecisionRequest) -> DecisionReply:
    try:
        return await model.decide(request)
    finally:
        await model.aclose()


def decide(server: DecisionServer, request: DecisionRequest) -> DecisionReply:
    return asyncio.run(asked_of(OpenAIDecisions(endpoint(server.base_url + "/v1")), request))


def moderate(server: DecisionServer, request: DecisionRequest) -> DecisionReply:
    return asyncio.run(asked_of(OpenAIModerations(endpoint(server.base_url + "/v1")), request))


def test_every_kind_of_question_is_answered_with_a_distribution() -> None:
    with serving(DecisionServer()) as server:
        reply = decide(server, asking("R1=0.9 category=hate"))
    yes, kind, harm = (reply.answers[name] for name in ("R1", "category", "harm"))
    assert isinstance(yes, Distribution)
    assert isinstance(kind, Distribution)
    assert isinstance(harm, Distribution)
    assert yes.of("true") == 0.9
    assert dict(kind.probabilities) == pytest.approx({"none": 0.08, "hate": 0.84, "spam": 0.08})
    assert dict(harm.probabilities) == pytest.approx({"mild": 0.8, "grave": 0.2})
    assert (reply.reply.model, reply.reply.prompt_tokens, reply.reply.completion_tokens) == (
        "decider-1.0",
        1_000,
        11,
    )
    assert reply.reply.cached_prompt_tokens == 400


def test_what_is_sent_is_what_the_sdk_itself_takes() -> None:
    with serving(DecisionServer()) as server:
        decide(server, asking("hi", *policy_questions().questions))
    (body,) = server.bodies
    TypeAdapter(DecisionCreateParams).validate_python(body)
    assert len(body["questions"]) == len(policy_questions().questions)


def test_the_criteria_of_both_sides_are_part_of_what_a_predicate_asks() -> None:
    with serving(DecisionServer()) as server:
        decide(server, asking("hi"))
    assert server.bodies[0]["questions"][0] == {
        "type": "predicate",
        "name": "R1",
        "instructions": "Is it an insult?\nTrue: it insults\nFalse: it doesn't",
    }


def test_one_question_may_be_refused_and_the_others_answered() -> None:
    with serving(DecisionServer()) as server:
        reply = decide(server, asking("refuse=R1"))
    assert reply.answers["R1"] == Refusal()
    assert isinstance(reply.answers["category"], Distribution)


def test_answers_whose_questions_cannot_be_told_are_none() -> None:
    def one_less(reply: Body) -> Body:
        return {**reply, "answers": [{**answer, "name": None} for answer in reply["answers"][1:]]}

    def twice(reply: Body) -> Body:
        other = {**reply["answers"][0], "probability": 0.123}
        return {**reply, "answers": [*reply["answers"], other]}

    with serving(DecisionServer(changes=one_less)) as server:
        shifted = decide(server, asking("R1=0.9", RULE, replace(RULE, name="R2")))
    with serving(DecisionServer(changes=twice)) as server:
        said_twice = decide(server, asking("R1=0.9", RULE, replace(RULE, name="R2")))

    assert [type(each) for each in shifted.answers.values()] == [Unusable, Unusable]
    assert [type(each) for each in said_twice.answers.values()] == [Unusable, Distribution]


def test_an_answer_without_a_name_is_the_one_of_its_place() -> None:
    def nameless(reply: Body) -> Body:
        return {**reply, "answers": [{**answer, "name": None} for answer in reply["answers"]]}

    with serving(DecisionServer(changes=nameless)) as server:
        reply = decide(server, asking("R1=0.9"))
    answer = reply.answers["R1"]
    assert isinstance(answer, Distribution)
    assert answer.of("true") == 0.9


def test_answers_that_are_missing_are_unusable() -> None:
    def shorter(reply: Body) -> Body:
        return {**reply, "answers": reply["answers"][:1]}

    with serving(DecisionServer(changes=shorter)) as server:
        reply = decide(server, asking("hi"))
    assert reply.answers["category"] == Unusable("no answer")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (status(429, {"error": {"message": "slow down"}}, retry_after="3"), RateLimitedError),
        (status(401, {"error": {"message": f"bad key {KEY}"}}), FatalBackendError),
        (status(400, {"error": {"message": "no", "code": "content_filter"}}), RefusedReplyError),
        (garbage, GarbledReplyError),
        (status(200, {"model": "x"}), GarbledReplyError),
        (cut, ConnectionFailedError),
    ],
)
def test_each_way_to_fail_is_the_error_that_says_what_to_do(
    fault: Fault, error: type[LanguageModelError]
) -> None:
    for ask in (decide, moderate):
        with serving(DecisionServer(faults=[fault])) as server, pytest.raises(error) as caught:
            ask(server, asking("hi"))
        assert KEY not in str(caught.value)


def test_moderations_give_a_score_for_each_of_their_own_categories() -> None:
    questions = label_questions(OpenAIModerationsSpec.labels).questions
    with serving(DecisionServer()) as server:
        reply = moderate(server, asking("sexual/minors=0.97", *questions))
    scores = {name: each.of("true") for name, each in reply.answers.items() if isinstance(each, Distribution)}
    assert scores == {question.name: 0.02 for question in questions} | {"sexual/minors": 0.97}
    assert (reply.reply.model, reply.reply.prompt_tokens) == ("decider-1.0", 0)
    assert server.bodies[0]["input"] == "sexual/minors=0.97"  # the comment, and nothing around it


def test_a_category_without_a_score_is_unusable() -> None:
    def fewer(reply: Body) -> Body:
        del reply["results"][0]["category_scores"]["hate"]
        return reply

    with serving(DecisionServer(changes=fewer)) as server:
        reply = moderate(server, asking("hi", *label_questions(OpenAIModerationsSpec.labels).questions))
    assert reply.answers["hate"] == Unusable("no score")
