"""Decision models and classifiers on this machine, through the real transformers code; needs the extra `local`.

The models are tiny, made on the spot, and know nothing: what is tested is the form, never the judgement.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from moderation_pipeline.agents.deciding.decision_student import DecisionStudent
from moderation_pipeline.agents.deciding.question_set import label_questions, policy_questions
from moderation_pipeline.backends.decisions.classifier import ClassifierModel
from moderation_pipeline.backends.decisions.decision_model import (
    DecisionModel,
    DecisionReply,
    DecisionRequest,
    Distribution,
)
from moderation_pipeline.backends.decisions.hf_decisions import HfDecisions
from moderation_pipeline.backends.decisions.systemone import SystemOneModel
from moderation_pipeline.backends.keys import UnusableBackendError
from moderation_pipeline.backends.language_model import RejectedRequestError
from moderation_pipeline.backends.run_models import Deployment, RunModels
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.config.decision_specs import ClassifierSpec, HfDecisionsSpec
from moderation_pipeline.plan import Category
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.agents.cases import cases_of, situations_of
from moderation_pipeline_tests.backends.asked import RULE, asking, endpoint
from moderation_pipeline_tests.backends.small_models import needs_local, tiny

pytestmark = pytest.mark.local

LABELS = {"toxic": Category.HARASSMENT, "spammy": Category.SPAM, "fine": Category.NONE}


@pytest.fixture(scope="module")
def decider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny chat model whose tokenizer knows `Yes` and `No`: it is read by their likelihood."""
    folder = tiny(tmp_path_factory.mktemp("decider"))
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["Yes", "No"])
    tokenizer.save_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.resize_token_embeddings(len(tokenizer))
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny classifier of three labels."""
    folder = tiny(tmp_path_factory.mktemp("classifier"))
    from transformers import AutoTokenizer, LlamaConfig, LlamaForSequenceClassification

    config = LlamaConfig.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.eos_token
    tokenizer.save_pretrained(folder)
    config.pad_token_id = tokenizer.pad_token_id
    config.id2label = dict(enumerate(LABELS))
    config.label2id = {label: i for i, label in enumerate(LABELS)}
    LlamaForSequenceClassification(config).save_pretrained(folder)
    return folder


def answer(model: DecisionModel, requests: Sequence[DecisionRequest]) -> list[DecisionReply]:
    async def all_at_once() -> list[DecisionReply]:
        try:
            return await asyncio.gather(*(model.decide(request) for request in requests))
        finally:
            await model.aclose()

    return asyncio.run(all_at_once())


def test_a_chat_model_on_this_machine_answers_every_question_of_the_policy(decider: Path) -> None:
    questions = policy_questions().questions
    requests = [asking(text, *questions) for text in ("you are an idiot", "gg")]
    first, second = answer(HfDecisions(str(decider)), requests)
    assert {type(each) for each in first.answers.values()} == {Distribution}
    assert list(first.answers) == [question.name for question in questions]
    assert first.answers != second.answers  # each of its own state
    assert first.reply.prompt_tokens is not None
    assert first.reply.prompt_tokens > len(questions) * 20  # one prompt a question


def test_a_model_whose_tokens_can_not_be_told_apart_is_of_no_use(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    without_yes = tiny(tmp_path_factory.mktemp("without_yes"))
    with pytest.raises(UnusableBackendError, match="not distinct single tokens"):
        answer(HfDecisions(str(without_yes)), [asking("hello", RULE)])


def test_a_classifiers_scores_are_those_of_transformers_own_pipeline(classifier: Path) -> None:
    from transformers import pipeline

    texts = ["you are an idiot", "gg", "buy followers now"]
    model = ClassifierModel(str(classifier), labels=list(LABELS), device="cpu")
    questions = label_questions(LABELS).questions
    replies = answer(model, [asking(text, *questions) for text in texts])
    direct = pipeline("text-classification", model=str(classifier), device="cpu", top_k=None)
    for text, reply in zip(texts, replies, strict=True):
        expected = {each["label"]: pytest.approx(each["score"], abs=1e-5) for each in direct([text])[0]}
        scores = {
            name: each.of("true") for name, each in reply.answers.items() if isinstance(each, Distribution)
        }
        assert scores == expected


def test_a_label_map_that_is_not_the_models_says_what_its_labels_are(classifier: Path) -> None:
    with pytest.raises(UnusableBackendError, match=r"own are fine, spammy, toxic: they differ in .*LABEL_1"):
        answer(ClassifierModel(str(classifier), labels=["LABEL_1"]), [asking("hi")])


def test_a_model_that_is_not_there_is_an_error_that_says_so(tmp_path: Path) -> None:
    needs_local()
    for model in (HfDecisions(str(tmp_path)), ClassifierModel(str(tmp_path), labels=["toxic"])):
        with pytest.raises(UnusableBackendError, match="can't be loaded"):
            answer(model, [asking("hi")])


def decided(folder: Path, spec: HfDecisionsSpec | ClassifierSpec, run: str) -> list[Verdict]:
    questions = label_questions(LABELS) if isinstance(spec, ClassifierSpec) else policy_questions()
    cases = cases_of("you are an idiot", "gg")

    async def decide() -> list[Verdict]:
        with RunModels(Deployment(DataFolder(folder), {}), run) as models:
            student = DecisionStudent(models.decision_model(spec), questions, spec)
            verdicts = await student.decide(cases, situations_of(cases))
            await student.aclose()
            return verdicts

    return asyncio.run(decide())


@pytest.mark.parametrize("kind", ["decider", "classifier"])
def test_what_a_local_model_decided_costs_nothing_and_is_not_decided_again(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    folder = str(request.getfixturevalue(kind))
    spec = HfDecisionsSpec(model=folder) if kind == "decider" else ClassifierSpec(model=folder, labels=LABELS)
    first, again = decided(tmp_path, spec, "first"), decided(tmp_path, spec, "again")
    assert [verdict.plan is not None for verdict in first] == [True, True]
    assert {verdict.receipt.list_cost_usd for verdict in first} == {0.0}
    assert {verdict.receipt.model for verdict in first} == {folder}
    assert [verdict.probabilities for verdict in again] == [verdict.probabilities for verdict in first]
    assert all(verdict.receipt.is_cached for verdict in again)


@pytest.fixture(scope="module")
def served(decider: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `transformers serve` with the tiny model, as a process of its own."""
    pytest.importorskip(
        "fastapi", reason="transformers serve needs fastapi and uvicorn (transformers[serving])"
    )
    home = tmp_path_factory.mktemp("hf")
    (home / "hub").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(decider), "--device", "cpu"]
    with subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            while not _answers(f"http://127.0.0.1:{port}/health"):
                assert server.poll() is None, "transformers serve ended before it answered"
                time.sleep(0.3)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def remote(url: str, model: Path) -> SystemOneModel:
    return SystemOneModel(endpoint(url, model=str(model), timeout_s=600))


def test_transformers_serve_answers_over_system_one_as_the_pipeline_does_here(
    served: str, decider: Path
) -> None:
    request = asking("you are an idiot", *policy_questions().questions)
    (there,) = answer(remote(served, decider), [request])
    (here,) = answer(HfDecisions(str(decider), device="cpu"), [request])
    assert there.reply.prompt_tokens == here.reply.prompt_tokens
    for name, given in there.answers.items():
        ours = here.answers[name]
        assert isinstance(given, Distribution)
        assert isinstance(ours, Distribution)
        # The server may load the model in half precision.
        assert dict(given.probabilities) == pytest.approx(dict(ours.probabilities), abs=0.05)


def test_transformers_serve_takes_64_questions_and_says_so_of_more(served: str, decider: Path) -> None:
    from dataclasses import replace

    many = [replace(RULE, name=f"R{i}") for i in range(65)]
    with pytest.raises(RejectedRequestError, match="422"):
        answer(remote(served, decider), [asking("hi", *many)])
