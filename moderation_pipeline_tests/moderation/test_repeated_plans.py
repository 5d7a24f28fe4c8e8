"""A Student that says the same of everything, over whole runs against a real local server, and row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from moderation_pipeline.agents.build_agents import build_agents
from moderation_pipeline.backends.run_models import Deployment, RunModels
from moderation_pipeline.cases.verdict import Receipt, Verdict
from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.moderation.loop import moderate
from moderation_pipeline.moderation.repeated_plans import IN_A_ROW, RepeatedPlans
from moderation_pipeline.moderation.trace import RunObserver
from moderation_pipeline.plan import Plan
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.agents.cases import cases_of
from moderation_pipeline_tests.backends.chat_server import Behaviour, Body, judge, running
from moderation_pipeline_tests.backends.runs import config_with
from moderation_pipeline_tests.moderation.scripted import ALLOW, DELETE, chat_of


class Notes(RunObserver):
    """Keeps what is said aloud."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def noted(self, note: str) -> None:
        self.said.append(note)

    def settled(self, batch: Sequence[object]) -> None:
        """Look at no batch."""


def said_of(
    plans: Sequence[Plan], texts: Sequence[str] | None = None, model: str | None = "tiny"
) -> list[str]:
    """Return what is said of a run whose Student gave these plans."""
    said: list[str] = []
    following = RepeatedPlans(said.append)
    receipt = Receipt(backend="openai", model=model, prompt_version="", latency_ms=None)
    cases = cases_of(*(texts or [f"line {i}" for i in range(len(plans))]))
    following.decided(cases, [Verdict(plan, receipt, confidence_source="stated") for plan in plans])
    following.end()
    return said


def test_a_row_of_one_plan_is_said_once_while_it_goes_on_and_counted_at_the_end() -> None:
    first, last = said_of([DELETE] * 50)
    assert first.startswith(
        f"tiny gave {IN_A_ROW} different comments in a row the same plan, word for word (delete harassment: an insult)"
    )
    assert "50 different comments" in last


def test_one_other_plan_begins_a_new_row() -> None:
    assert said_of([*[DELETE] * (IN_A_ROW - 1), ALLOW, *[DELETE] * (IN_A_ROW - 1)]) == []


def said_of_none(*plans: Plan | None) -> list[str]:
    said: list[str] = []
    following = RepeatedPlans(said.append)
    receipt = Receipt(backend="openai", model="tiny", prompt_version="", latency_ms=None)
    broken = replace(receipt, reply_error="unreadable: there is no JSON object")
    verdicts = [Verdict(plan, receipt if plan else broken, confidence_source="stated") for plan in plans]
    following.decided(cases_of(*[f"line {i}" for i in range(len(plans))]), verdicts)
    following.end()
    return said


def test_a_row_of_replies_without_a_plan_is_said_before_they_cost_more() -> None:
    (said,) = said_of_none(*[None] * 50)

    assert said.startswith(
        f"tiny gave {IN_A_ROW} different comments in a row no plan that can be used, the last with"
    )
    assert "there is no JSON object" in said
    assert said_of_none(*[None] * (IN_A_ROW - 1), ALLOW, *[None] * (IN_A_ROW - 1)) == []


def test_the_same_text_again_makes_no_row_longer() -> None:
    assert said_of([DELETE] * 50, ["the same"] * 50) == []


@pytest.mark.parametrize("reasoning", ["", "It breaks no rule."])
def test_that_a_calm_chat_is_let_be_without_a_reason_of_the_models_own_is_no_row(reasoning: str) -> None:
    assert said_of([replace(ALLOW, reasoning=reasoning)] * 50) == []
    assert "or nothing at all happens in this chat" in said_of([ALLOW] * 50)[0]


def test_who_is_no_model_may_say_the_same_of_everything() -> None:
    assert said_of([DELETE] * 50, model=None) == []


def test_a_run_whose_model_copies_one_plan_says_so_before_its_end(tmp_path: Path) -> None:
    def copies(body: Body) -> Body:
        return {**judge(body), "category": "spam", "action": "warn", "reasoning": "It sells followers."}

    notes = Notes()
    with running(Behaviour(answer=copies)) as server:
        config = config_with(server.base_url, expert="none", audit={"policy": "none"}, memory=None)
        named = NamedConfig(name="copies", path=tmp_path / "copies.yaml", config=config)
        comments = chat_of([f"hello {i}" for i in range(60)])
        with RunModels(Deployment(DataFolder(tmp_path), {}), "test|copies") as models:
            agents = build_agents(config, comments, models)
            ladder = Ladder(load_sanctions("default", DataFolder(tmp_path)))
            moderate(comments, named, agents=agents, memory=None, ladder=ladder, observers=[notes])
    assert [note for note in notes.said if "word for word (warn spam: It sells followers.)" in note]
