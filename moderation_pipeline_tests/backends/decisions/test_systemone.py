"""System One over HTTP: against a server of our own, a real one (`sparrow-decider`), and TypeSafe's SDK."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from socket import create_server

import pytest
from sparrow_decider import Decider
from typesafe_sdk import AsyncTypeSafeClient, Choice, Noul, Score

from moderation_pipeline.agents.deciding.question_set import policy_questions
from moderation_pipeline.backends.decisions.decision_model import (
    DecisionReply,
    DecisionRequest,
    Distribution,
    Refusal,
    Unusable,
    yes_no,
)
from moderation_pipeline.backends.decisions.systemone import SystemOneModel
from moderation_pipeline.backends.decisions.systemone_wire import questions_of
from moderation_pipeline.backends.language_model import (
    CallTimedOutError,
    ConnectionFailedError,
    FatalBackendError,
    GarbledReplyError,
    LanguageModelError,
    RateLimitedError,
    RejectedRequestError,
    ServerFailedError,
    TooLongError,
)
from moderation_pipeline_tests.backends.asked import HARM, KEY, KIND, RULE, asking, endpoint
from moderation_pipeline_tests.backends.decision_server import (
    Body,
    DecisionServer,
    Fault,
    cut,
    garbage,
    serving,
    status,
)


async def decided(url: str, request: DecisionRequest, *, timeout_s: float = 5.0) -> DecisionReply:
    model = SystemOneModel(endpoint(url, timeout_s=timeout_s))
    try:
        return await model.decide(request)
    finally:
        await model.aclose()


def ask(server: DecisionServer, request: DecisionRequest, **more: float) -> DecisionReply:
    return asyncio.run(decided(server.base_url, request, **more))


def test_every_kind_of_question_is_answered_with_a_distribution() -> None:
    with serving(DecisionServer()) as server:
        reply = ask(server, asking("R1=0.9 category=hate"))
    assert reply.answers["R1"] == yes_no(0.9)
    kind, harm = reply.answers["category"], reply.answers["harm"]
    assert isinstance(kind, Distribution)
    assert isinstance(harm, Distribution)
    assert dict(kind.probabilities) == pytest.approx({"none": 0.08, "hate": 0.84, "spam": 0.08})
    assert dict(harm.probabilities) == pytest.approx({"mild": 0.8, "grave": 0.2})  # levels by their names
    assert (reply.reply.model, reply.reply.prompt_tokens, reply.reply.completion_tokens) == (
        "decider-1.0",
        1_000,
        0,
    )


def test_the_request_is_of_the_form_that_typesafes_own_sdk_sends() -> None:
    """The SDK is the oracle: it is given the same questions, and its body must be ours."""
    request = asking("R1=0.9")

    async def by_the_sdk(url: str) -> None:
        async with AsyncTypeSafeClient(api_key=KEY, base_url=url) as client:
            await client.system_one(
                model="decider",
                state={"comment": {"user": "ann", "text": "R1=0.9"}},
                questions={
                    "R1": Noul(
                        instructions=RULE.instructions, criteria={"true": "it insults", "false": "it doesn't"}
                    ),
                    "category": Choice(
                        instructions=KIND.instructions,
                        criteria={"none": "fine", "hate": "against a group", "spam": "an advertisement"},
                    ),
                    "harm": Score(instructions=HARM.instructions, criteria=["a tease", "a threat"]),
                },
            )

    with serving(DecisionServer()) as server:
        asyncio.run(by_the_sdk(server.base_url))
        ask(server, request)
    theirs, ours = server.bodies
    assert ours == theirs
    assert [headers["Authorization"] for headers in server.headers] == [f"Bearer {KEY}"] * 2


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/"])
def test_the_address_may_or_may_not_end_in_v1(end: str) -> None:
    with serving(DecisionServer()) as server:
        reply = asyncio.run(decided(server.base_url + end, asking("hi")))
    assert reply.reply.model == "decider-1.0"


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"R1": None}, Unusable("no answer")),
        ({"R1": {"type": "noul"}}, Unusable("'None' is no probability")),
        ({"R1": {"type": "noul", "noul": 1.5}}, Unusable("probability 1.5 is outside [0, 1]")),
        ({"R1": {"type": "choice", "noul": 0.5}}, Unusable("asked for noul, answered 'choice'")),
        ({"R1": {"type": "refusal"}}, Refusal()),
    ],
)
def test_a_broken_answer_is_that_questions_alone(change: Body, answer: object) -> None:
    def broken(reply: Body) -> Body:
        return {**reply, "answers": {**reply["answers"], **change}}

    with serving(DecisionServer(changes=broken)) as server:
        reply = ask(server, asking("hi"))
    assert reply.answers["R1"] == answer
    assert isinstance(reply.answers["category"], Distribution)
    assert reply.reply.prompt_tokens == 1_000


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (status(429, {"error": "slow down"}, retry_after="3"), RateLimitedError),
        (status(500, {"error": "oh"}), ServerFailedError),
        (status(401, {"error": f"bad key {KEY}"}), FatalBackendError),
        (status(404, {"error": "no such model"}), FatalBackendError),
        (status(422, {"detail": [{"loc": ["body", "questions"], "msg": "too many"}]}), RejectedRequestError),
        (status(400, {"error": "state is longer than the context window"}), TooLongError),
        (garbage, GarbledReplyError),
        (status(200, {"model": "decider-1.0"}), GarbledReplyError),
        (status(200, [1, 2]), GarbledReplyError),
        (cut, ConnectionFailedError),
    ],
)
def test_each_way_to_fail_is_the_error_that_says_what_to_do(
    fault: Fault, error: type[LanguageModelError]
) -> None:
    with serving(DecisionServer(faults=[fault])) as server, pytest.raises(error) as caught:
        ask(server, asking("hi"))
    assert type(caught.value) is error
    assert KEY not in str(caught.value)


def test_a_rate_limit_says_how_long_to_wait() -> None:
    faults = [status(429, {"error": "slow down"}, retry_after="3")]
    with serving(DecisionServer(faults=faults)) as server, pytest.raises(RateLimitedError) as caught:
        ask(server, asking("hi"))
    assert caught.value.retry_after_s == 3


def test_a_server_that_never_answers_times_out() -> None:
    def late(request: object) -> None:  # noqa: ARG001
        time.sleep(0.6)

    with serving(DecisionServer(faults=[late])) as server, pytest.raises(CallTimedOutError):
        ask(server, asking("hi"), timeout_s=0.2)


@pytest.fixture(scope="module")
def sparrow() -> Iterator[str]:
    """The address of a real System One server, started for this module."""
    with closing(create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    serve = f"from sparrow_decider.cli import main; main(['serve', '--port', '{port}'])"
    command = [sys.executable, "-c", serve]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            while not _answers(url):
                assert process.poll() is None, "sparrow-decider ended before it answered"
                time.sleep(0.05)
            yield url
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url):
            return True
    except OSError:
        return False


def test_a_real_server_answers_every_question_of_the_policy(sparrow: str) -> None:
    questions = policy_questions().questions
    reply = asyncio.run(decided(sparrow, asking("you are an idiot", *questions)))
    assert reply.reply.model == "sparrow-nano-general-v1.1"
    assert list(reply.answers) == [question.name for question in questions]
    assert {type(answer) for answer in reply.answers.values()} == {Distribution}


def test_a_real_servers_answers_are_those_it_gives_without_us(sparrow: str) -> None:
    request = asking("you are an idiot")
    direct = Decider.load().ask(request.state, questions_of(request))
    reply = asyncio.run(decided(sparrow, request))
    yes, kind = reply.answers["R1"], reply.answers["category"]
    assert isinstance(yes, Distribution)
    assert isinstance(kind, Distribution)
    assert yes.of("true") == direct["R1"]["noul"]
    assert dict(kind.probabilities) == direct["category"]["probabilities"]
