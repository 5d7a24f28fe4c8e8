"""A real language model behind a real server, as Student and Expert: tokens, cost, cache and resume.

SmolLM2-135M judges badly (it punishes what is harmless), and that is not what is tested here.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError

import pytest

from moderation_pipeline.backends.language_model import LanguageModel, Message, Reply, Request
from moderation_pipeline.backends.run_models import Deployment, RunModels
from moderation_pipeline.config.model_specs import HfSpec, LanguageModelSpec, TogetherStudentSpec
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.backends.runs import config_with, run
from moderation_pipeline_tests.backends.small_models import smollm2

pytestmark = [pytest.mark.llm, pytest.mark.local]

COMMENTS = [
    "gg well played everyone",
    "you are an idiot, uninstall",
    "I will find you and hurt you",
    "that boss is insane, kill it already",
]


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return smollm2(tmp_path_factory.mktemp("models") / "smollm2")


@pytest.fixture(scope="module")
def base_url(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the model with transformers' own server, as a process of its own."""
    home = tmp_path_factory.mktemp("hf")
    (home / "hub").mkdir()  # without it /v1/models fails
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(Path(sys.executable).with_name("transformers")),
        "serve",
        str(model_folder),
        "--device",
        "cpu",
    ]
    server = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not _answers(f"http://127.0.0.1:{port}/health"):
            assert server.poll() is None, "transformers serve ended before it answered"
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url) as response:
            return bool(response.status == 200)
    except (URLError, ConnectionError):
        return False


def test_a_chat_is_moderated_and_asked_about_once(base_url: str, model_folder: Path, tmp_path: Path) -> None:
    spec = {
        "backend": "openai",
        "model": str(model_folder),
        "base_url": base_url,
        "prompt": "category",
        "max_tokens": 32,
        "context_lines": 1,
        "own_lines": 0,
        "timeout_s": 1800,
        "concurrency": 1,
    }
    config = config_with(base_url, student=spec, expert=spec, audit={"policy": "all"})
    first = run(tmp_path, config, COMMENTS, finishes=False).tables
    resumed = run(tmp_path, config, COMMENTS).tables
    again = run(tmp_path, config, COMMENTS, name="another").tables

    decisions = first.student_decisions
    assert decisions.height == first.expert_audits.height == first.action_log.height == len(COMMENTS)
    assert (decisions["prompt_tokens"] > 200).all()
    assert (decisions["completion_tokens"] > 0).all()
    assert not decisions["tokens_are_estimated"].any()
    assert (decisions["cost_usd"] > 0).all()
    assert decisions["model"].str.contains("smollm2").all()
    # The server accepts `logprobs` and ignores it: confidence is never said to come from there.
    assert "logprobs" not in set(decisions["confidence_source"])
    failed = decisions["action"].is_null()
    assert failed.equals(decisions["reply_error"].is_not_null())
    # Killed before it was finished, the run keeps its costs and asks nothing again.
    assert resumed.student_decisions.equals(decisions)
    assert again.student_decisions["is_cached"].all()
    assert again.student_decisions["cost_usd"].sum() == 0
    assert again.expert_audits["list_cost_usd"].equals(first.expert_audits["list_cost_usd"])


def asked_twice(spec: LanguageModelSpec, folder: Path) -> list[Reply]:
    """Ask the model of a spec two questions at once, through everything that is around it."""

    async def both(model: LanguageModel) -> list[Reply]:
        questions = ("Say hello.", "Name a colour.")
        requests = [Request((Message("user", text),), max_tokens=12) for text in questions]
        try:
            return await asyncio.gather(*(model.complete(request) for request in requests))
        finally:
            await model.aclose()

    with RunModels(Deployment(DataFolder(folder), {"THE_KEY": "any"}), "run") as models:
        return asyncio.run(both(models.language_model(spec)))


def test_two_calls_go_over_together_s_sdk(base_url: str, model_folder: Path, tmp_path: Path) -> None:
    spec = TogetherStudentSpec(
        model=str(model_folder), base_url=base_url, api_key_env="THE_KEY", timeout_s=1800, concurrency=1
    )
    replies = asked_twice(spec, tmp_path)

    assert all(reply.text.strip() and reply.completion_tokens for reply in replies)
    assert all(reply.cost_usd is None for reply in replies)  # nobody knows its price, and unknown isn't 0


def test_two_calls_go_through_transformers_on_this_machine(model_folder: Path, tmp_path: Path) -> None:
    replies = asked_twice(HfSpec(model=str(model_folder)), tmp_path)

    assert all(reply.text.strip() and reply.completion_tokens for reply in replies)
    assert all(reply.cost_usd == 0.0 for reply in replies)
