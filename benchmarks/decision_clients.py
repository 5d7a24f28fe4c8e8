"""What a System One call costs in CPU: ours (aiohttp itself), `typesafe-sdk`, OpenAI's SDK over aiohttp.

One local server in a process of its own, all questions of the policy in each call, 64 calls in flight. Prints
seconds and milliseconds of this process's CPU per call. Run: python -m benchmarks.decision_clients
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection

import httpx2
from openai import AsyncOpenAI, DefaultAioHttpClient
from typesafe_sdk import AsyncTypeSafeClient

from moderation_pipeline.agents.deciding.question_set import policy_questions
from moderation_pipeline.backends.chat.sdk_client import Endpoint
from moderation_pipeline.backends.decisions.decision_model import DecisionRequest
from moderation_pipeline.backends.decisions.systemone import SystemOneModel
from moderation_pipeline.backends.decisions.systemone_wire import questions_of
from moderation_pipeline_tests.backends.decision_server import DecisionServer, serving

IN_FLIGHT = 64
WARM_UP = 128

QUESTIONS = policy_questions().questions

Ask = Callable[[int], Awaitable[object]]


def request(number: int) -> DecisionRequest:
    return DecisionRequest({"comment": {"user": "ann", "text": f"line {number}"}}, QUESTIONS)


def serve(connection: Connection) -> None:
    with serving(DecisionServer()) as server:
        connection.send(server.base_url)
        connection.recv()


async def timed(ask: Ask, calls: int) -> tuple[float, float]:
    """Return the seconds of all calls, and the milliseconds of CPU of one."""
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def one(number: int) -> None:
        async with gate:
            await ask(number)

    await asyncio.gather(*(one(-i) for i in range(WARM_UP)))
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(one(i) for i in range(calls)))
    return time.perf_counter() - began, (time.process_time() - cpu) / calls * 1000


async def ours(url: str, calls: int) -> tuple[float, float]:
    model = SystemOneModel(Endpoint("decider", "key", "KEY", url))
    try:
        return await timed(lambda i: model.decide(request(i)), calls)
    finally:
        await model.aclose()


async def typesafe(url: str, calls: int) -> tuple[float, float]:
    async with AsyncTypeSafeClient(api_key="key", base_url=url) as client:
        return await timed(
            lambda i: client.system_one(
                model="decider",
                state=request(i).state,  # type: ignore[arg-type]
                questions=questions_of(request(i)),  # type: ignore[arg-type]
            ),
            calls,
        )


async def openais(url: str, calls: int) -> tuple[float, float]:
    client = AsyncOpenAI(
        api_key="key", base_url=f"{url}/v1", max_retries=0, http_client=DefaultAioHttpClient()
    )
    async with client:

        def ask(number: int) -> Awaitable[object]:
            asked = request(number)
            body = {"model": "decider", "state": asked.state, "questions": questions_of(asked)}
            return client.post("/systemone", cast_to=httpx2.Response, body=body)

        return await timed(ask, calls)


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    process.start()
    url = here.recv()
    print(f"{calls} calls, {IN_FLIGHT} in flight, {len(QUESTIONS)} questions each")
    for name, client in (
        ("ours (aiohttp)", ours),
        ("typesafe-sdk", typesafe),
        ("openai SDK's post", openais),
    ):
        seconds, cpu_ms = asyncio.run(client(url, calls))
        print(f"{name:20} {seconds:6.2f} s   {cpu_ms:5.2f} ms of CPU a call")
    here.send("stop")
    process.join()


if __name__ == "__main__":
    main()
