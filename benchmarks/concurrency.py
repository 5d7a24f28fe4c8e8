"""How close to the latency of a server 64 calls at a time come, and what a call costs in CPU.

    python benchmarks/concurrency.py [--calls 20000] [--environments FOLDER | --litellm-python PATH …]

One local server, a process of its own, answers every call after 200 ms. In one run, against it:
  ours        the stack around OpenAI's SDK as runs use it (cache off; structured output and metering on)
  SDK         OpenAI's SDK over aiohttp, and over its default client
  raw         aiohttp alone, the floor
  others      LiteLLM and inspect_ai, each in an environment of its own, for they want other OpenAI SDKs: made
              under --environments where it isn't there yet, or named by its Python; skipped aloud else
  loop        the moderation loop of the `moderate` job, with a Student and an Expert both remote

The bound is calls / 64 x 200 ms. Each client makes 256 calls first, which are not counted; the loop makes none.
CPU is the client's process's own, per counted call; a call here is about 170 tokens of prompt and reply. Start-up is
a new process's imports, and for the loop building the agents besides.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson
from openai import AsyncOpenAI, DefaultAioHttpClient

from moderation_pipeline.agents.build_agents import Agents
from moderation_pipeline.agents.prompted.prompt_expert import PromptExpert
from moderation_pipeline.agents.prompted.prompt_student import PromptStudent
from moderation_pipeline.backends.chat.chat_backends import chat_endpoint
from moderation_pipeline.backends.chat.chat_wire import Abilities, body_of
from moderation_pipeline.backends.language_model import LanguageModel, Message, ReplySchema, Request
from moderation_pipeline.backends.wrappers.concurrency import AdaptiveModel, Gate
from moderation_pipeline.backends.wrappers.metering import MeteredModel
from moderation_pipeline.backends.wrappers.prices import PriceList
from moderation_pipeline.backends.wrappers.retry import RetryingModel
from moderation_pipeline.config.model_specs import OpenAIExpertSpec, OpenAISpec
from moderation_pipeline.config.run_config import Config, NamedConfig
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.moderation.loop import moderate
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.moderation.scripted import chat_of

IN_FLIGHT = 64
LATENCY_S = 0.2
WARM_UP_CALLS = 256
SCHEMA = ReplySchema.of(
    "verdict",
    {
        "type": "object",
        "properties": {
            "category": {"type": "string"},
            "action": {"type": "string"},
            "confidence": {"type": "number"},
        },
        "required": ["category", "action", "confidence"],
        "additionalProperties": False,
    },
)
WANTED = {"litellm": ["litellm"], "inspect_ai": ["inspect_ai", "openai"]}
"""What each of the others is installed from."""

Call = Callable[[int], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Measured:
    """What so many calls took, and what was needed before the first."""

    seconds: float
    cpu_ms_per_call: float
    calls: int
    start_up_s: float | None = None

    @property
    def share_of_bound(self) -> float:
        """How much of the best that latency allows was reached."""
        return self.calls / IN_FLIGHT * LATENCY_S / self.seconds


def request(number: int) -> Request:
    """Return a question of some 130 tokens, another one each time."""
    rules = (
        "You moderate a chat. Judge the comment by what it does to people, not by the words it holds. " * 5
    )
    return Request(
        (Message("system", rules), Message("user", f"hello number {number}")), SCHEMA, max_tokens=60
    )


@contextmanager
def server() -> Iterator[str]:
    """Run the slow server as a process of its own; give its base URL."""
    command = [sys.executable, "-m", "moderation_pipeline_tests.backends.chat_server"]
    process = subprocess.Popen(
        [*command, "--latency-ms", str(LATENCY_S * 1000)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


async def at_once(call: Call, calls: int) -> None:
    """Make so many calls, 64 in flight at a time."""
    numbers = iter(range(calls))

    async def worker() -> None:
        for number in numbers:
            await call(number)

    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))


async def measured(call: Call, calls: int) -> Measured:
    """Warm up, make the calls, and measure."""
    await at_once(call, WARM_UP_CALLS)
    began, cpu = time.perf_counter(), time.process_time()
    await at_once(call, calls)
    seconds = time.perf_counter() - began
    return Measured(seconds, (time.process_time() - cpu) / calls * 1000, calls)


def stack(base_url: str) -> LanguageModel:
    """Return what runs use, without the cache: every call here is another one, and none is stored."""
    spec = OpenAISpec(model="tiny", base_url=base_url, concurrency=IN_FLIGHT)
    model = MeteredModel(chat_endpoint(spec, {}), PriceList([]))
    return RetryingModel(AdaptiveModel(model, Gate(IN_FLIGHT)))


async def ours(base_url: str, calls: int) -> Measured:
    model = stack(base_url)
    await model.prepare()
    try:
        return await measured(lambda number: model.complete(request(number)), calls)
    finally:
        await model.aclose()


async def sdk_over_aiohttp(base_url: str, calls: int) -> Measured:
    return await _sdk(AsyncOpenAI(api_key="-", base_url=base_url, http_client=DefaultAioHttpClient()), calls)


async def sdk_by_default(base_url: str, calls: int) -> Measured:
    return await _sdk(AsyncOpenAI(api_key="-", base_url=base_url), calls)


async def _sdk(client: AsyncOpenAI, calls: int) -> Measured:
    async def call(number: int) -> object:
        body = body_of(request(number), "tiny", Abilities())
        return await client.chat.completions.create(**body)  # type: ignore[call-overload]

    async with client:
        return await measured(call, calls)


async def raw(base_url: str, calls: int) -> Measured:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def call(number: int) -> object:
            body = orjson.dumps(body_of(request(number), "tiny", Abilities()))
            headers = {"content-type": "application/json"}
            async with session.post(f"{base_url}/chat/completions", data=body, headers=headers) as response:
                return orjson.loads(await response.read())

        return await measured(call, calls)


OTHERS = """
import asyncio, sys, time, json
base_url, calls, which = sys.argv[1], int(sys.argv[2]), sys.argv[3]
rules = "You moderate a chat. Judge the comment by what it does to people, not by the words it holds. " * 5
schema = json.loads(sys.argv[4])
began = time.perf_counter()
if which == "litellm":
    import litellm
    litellm.suppress_debug_info = True
    async def call(number):
        await litellm.acompletion(model="openai/tiny", api_base=base_url, api_key="-", max_tokens=60, temperature=0,
            messages=[{"role": "system", "content": rules}, {"role": "user", "content": f"hello number {number}"}],
            response_format={"type": "json_schema",
                             "json_schema": {"name": "verdict", "strict": True, "schema": schema}})
else:
    from inspect_ai.model import (ChatMessageSystem, ChatMessageUser, GenerateConfig, ResponseSchema, get_model)
    from inspect_ai.util import JSONSchema
    config = GenerateConfig(max_tokens=60, temperature=0, max_connections=64,
        response_schema=ResponseSchema(name="verdict", json_schema=JSONSchema.model_validate(schema)))
    model = get_model("openai/tiny", base_url=base_url, api_key="-", config=config, responses_api=False)
    async def call(number):
        await model.generate([ChatMessageSystem(content=rules), ChatMessageUser(content=f"hello number {number}")])
start_up = time.perf_counter() - began
async def at_once(calls):
    numbers = iter(range(calls))
    async def worker():
        for number in numbers:
            await call(number)
    await asyncio.gather(*(worker() for _ in range(64)))
async def main():
    await at_once(256)
    began, cpu = time.perf_counter(), time.process_time()
    await at_once(calls)
    print(json.dumps([time.perf_counter() - began, (time.process_time() - cpu) / calls * 1000, start_up]))
asyncio.run(main())
"""


def environment(which: str, folder: Path | None) -> str | None:
    """Return the Python of an environment that has the client; it is made in the folder, if one is given."""
    if folder is None:
        return None
    python = folder / which / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder / which)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *WANTED[which]], check=True)
    return str(python)


def other(which: str, python: str | None, base_url: str, calls: int) -> Measured | None:
    """Run LiteLLM or inspect_ai in an environment of its own; nothing, said aloud, where it isn't there."""
    if python is None:
        print(f"  {which}: SKIPPED, no environment has it (--environments FOLDER makes one)", flush=True)
        return None
    command = [python, "-c", OTHERS, base_url, str(calls), which, SCHEMA.json]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"  {which}: SKIPPED, it failed ({done.stderr.strip().splitlines()[-1:]})", flush=True)
        return None
    seconds, cpu_ms, start_up_s = orjson.loads(done.stdout.strip().splitlines()[-1])
    return Measured(seconds, cpu_ms, calls, start_up_s)


def imports_s(modules: str) -> float:
    """Return how long a new process needs to start and import the modules."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {modules}"], check=True)
    return time.perf_counter() - began


def loop(base_url: str, comments: int, *, feedback_lag: int, batch_size: int) -> Measured:
    """Moderate a chat, Student and Expert both remote, every fourth comment audited."""
    import_s = imports_s(
        "moderation_pipeline.agents.build_agents, moderation_pipeline.moderation.loop, "
        "moderation_pipeline.backends.chat.openai"
    )
    began = time.perf_counter()
    student = OpenAISpec(model="tiny", base_url=base_url, concurrency=IN_FLIGHT)
    expert = OpenAIExpertSpec(model="large", base_url=base_url, concurrency=IN_FLIGHT)
    config = Config.model_validate(
        {
            "student": student.model_dump(),
            "expert": expert.model_dump(),
            "memory": None,
            "audit": {"policy": "random", "rate": 0.25},
            "loop": {"batch_size": batch_size, "feedback_lag": feedback_lag},
        }
    )
    shared = stack(base_url)  # one gate for both, so that 64 is the bound of all calls together
    agents = Agents(PromptStudent(shared, student), PromptExpert(shared, expert), None)
    chat = chat_of([f"hello number {number}" for number in range(comments)])
    folder = DataFolder(Path(tempfile.mkdtemp()))
    named = NamedConfig(name="benchmark", path=folder.root, config=config)
    ladder = Ladder(load_sanctions("default", folder))
    start_up_s = import_s + time.perf_counter() - began
    began, cpu = time.perf_counter(), time.process_time()
    tables = moderate(chat, named, agents=agents, memory=None, ladder=ladder)
    seconds = time.perf_counter() - began
    calls = comments + tables.expert_audits.height
    assert tables.student_decisions["reply_error"].null_count() == comments
    return Measured(seconds, (time.process_time() - cpu) / calls * 1000, calls, start_up_s)


def show(name: str, result: Measured) -> None:
    more = "" if result.start_up_s is None else f", {result.start_up_s:.1f} s to start"
    print(
        f"  {name:<34} {result.calls:>6,} calls {result.seconds:7.1f} s"
        f" {result.share_of_bound:6.2f} of the bound {result.cpu_ms_per_call:6.2f} ms CPU a call{more}",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--calls", type=int, default=20_000, help="calls of ours and of the loop; the others make 2,000"
    )
    parser.add_argument("--environments", type=Path, help="where the others' environments are, or are made")
    parser.add_argument("--litellm-python", help="a Python with litellm")
    parser.add_argument("--inspect-python", help="a Python with inspect_ai and openai")
    arguments = parser.parse_args()
    few = min(2_000, arguments.calls)
    with server() as base_url:
        print(
            f"{IN_FLIGHT} calls in flight, {LATENCY_S * 1000:.0f} ms each, {WARM_UP_CALLS} calls of warm-up\n"
        )
        show("raw aiohttp", asyncio.run(raw(base_url, few)))
        show("ours", asyncio.run(ours(base_url, arguments.calls)))
        show("OpenAI's SDK over aiohttp", asyncio.run(sdk_over_aiohttp(base_url, few)))
        show("OpenAI's SDK, default client", asyncio.run(sdk_by_default(base_url, few)))
        others = {"litellm": arguments.litellm_python, "inspect_ai": arguments.inspect_python}
        for which, named in others.items():
            python = named or environment(which, arguments.environments)
            if (measured_there := other(which, python, base_url, few)) is not None:
                show(which, measured_there)
        print()
        for feedback_lag, batch_size, calls in (
            (1, 1024, arguments.calls),
            (1, 256, few),
            (1, 64, few),
            (0, 64, few),
        ):
            result = loop(base_url, calls * 4 // 5, feedback_lag=feedback_lag, batch_size=batch_size)
            show(f"loop, lag {feedback_lag}, batches of {batch_size:,}", result)


if __name__ == "__main__":
    main()
