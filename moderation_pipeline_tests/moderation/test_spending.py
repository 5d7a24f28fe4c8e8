"""A run's budget: counted at list price at batch borders, and what is given up when it is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation_pipeline.agents.build_agents import Agents
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.settled import AUDITS_OFF, RULES, Settled
from moderation_pipeline.cases.situation import Situation
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.config.config_errors import UnpricedBudgetError
from moderation_pipeline.config.run_config import Config, NamedConfig
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.moderation.loop import moderate
from moderation_pipeline.moderation.run_tables import RunTables
from moderation_pipeline.moderation.spending import RunBudgetSpentError
from moderation_pipeline.moderation.trace import RunObserver
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.moderation.scripted import ScriptedExpert, ScriptedStudent, chat_of

CHAT = chat_of([f"hello {i}" for i in range(40)])
LONG_CHAT = chat_of([f"hello {i}" for i in range(300)])


def charged(verdicts: Sequence[Verdict], usd: float) -> list[Verdict]:
    return [
        replace(each, receipt=replace(each.receipt, cost_usd=0.0, list_cost_usd=usd)) for each in verdicts
    ]


class DearStudent(ScriptedStudent):
    """Costs a cent a comment at list price, and two at worst."""

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        return charged(await super().decide(cases, situations), 0.01)

    def worst_case_usd(self, cases: Sequence[Case], situations: Sequence[Situation]) -> float | None:  # noqa: ARG002
        return 0.02 * len(cases)


class DearExpert(ScriptedExpert):
    """Costs ten cents an audit, at best and at worst."""

    async def audit(self, cases: Sequence[Case]) -> list[Verdict]:
        return charged(await super().audit(cases), 0.10)

    def worst_case_usd(self, cases: Sequence[Case]) -> float | None:
        return 0.10 * len(cases)


class UnpricedStudent(ScriptedStudent):
    def worst_case_usd(self, cases: Sequence[Case], situations: Sequence[Situation]) -> float | None:  # noqa: ARG002
        return None


class Listening(RunObserver):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def noted(self, note: str) -> None:
        self.notes.append(note)

    def settled(self, batch: Sequence[Settled]) -> None:
        pass


def run(
    budget: dict[str, object] | None,
    agents: Agents,
    *,
    audit: str = "all",
    lag: int = 0,
    listener: RunObserver | None = None,
) -> RunTables:
    config = Config.model_validate(
        {
            "student": "rules" if agents.student is not None else "none",
            "audit": {"policy": audit},
            "loop": {"batch_size": 4, "feedback_lag": lag},
            "memory": None,
            "budget": budget,
        }
    )
    return run_of(config, agents, listener)


def run_of(
    config: Config, agents: Agents, listener: RunObserver | None = None, *, chat: pl.DataFrame = CHAT
) -> RunTables:
    folder = DataFolder(Path("nowhere"))
    return moderate(
        chat,
        NamedConfig(name="test", path=folder.root, config=config),
        agents=agents,
        memory=None,
        ladder=Ladder(load_sanctions("default", folder)),
        observers=[listener] if listener is not None else [],
    )


def dear() -> Agents:
    return Agents(DearStudent(), DearExpert(), None)


def test_audits_are_given_up_first_and_then_the_model() -> None:
    listener = Listening()
    tables = run({"usd_per_run": 1.5, "when_spent": "rules"}, dear(), listener=listener)
    degraded = tables.student_decisions["degraded"]

    assert degraded.unique(maintain_order=True).to_list() == [None, AUDITS_OFF, RULES]
    unaudited = tables.student_decisions.filter(pl.col("degraded").is_not_null())
    assert (unaudited["audit_probability"] == 0).all()
    assert set(unaudited.filter(pl.col("degraded") == RULES)["backend"]) == {"rules"}
    assert len(listener.notes) == 2
    assert "nothing is audited" in listener.notes[0]


def test_a_run_that_is_to_stop_says_what_was_spent_and_what_to_do() -> None:
    with pytest.raises(RunBudgetSpentError, match=r"budget of \$1.*usd_per_run"):
        run({"usd_per_run": 1.0, "when_spent": "stop"}, dear())


def test_a_budget_that_is_large_enough_changes_nothing() -> None:
    tables = run({"usd_per_run": 100.0}, dear())

    assert tables.student_decisions["degraded"].null_count() == 40
    assert tables.student_decisions.equals(run(None, dear()).student_decisions)


def test_an_expert_alone_leaves_the_rules_to_decide() -> None:
    tables = run({"usd_per_run": 1.0, "when_spent": "rules"}, Agents(None, DearExpert(), None))

    assert tables.expert_audits.height == 10
    rest = tables.student_decisions.filter(pl.col("degraded") == RULES)
    assert rest.height == 30
    assert set(rest["backend"]) == {"rules"}
    assert "undecided" not in set(tables.action_log["action"])


def test_a_budget_over_a_model_without_a_price_is_an_error_before_the_first_comment() -> None:
    with pytest.raises(UnpricedBudgetError, match="the Student's model"):
        run({"usd_per_run": 1.0}, Agents(UnpricedStudent(), None, None), audit="none")


@settings(max_examples=15, deadline=None)
@given(st.floats(0.05, 6), st.integers(0, 3), st.sampled_from(["all", "random"]))
def test_no_budget_is_ever_overrun(usd: float, lag: int, audit: str) -> None:
    tables = run({"usd_per_run": usd, "when_spent": "rules"}, dear(), audit=audit, lag=lag)
    spent = sum(float(t["list_cost_usd"].sum()) for t in (tables.student_decisions, tables.expert_audits))

    assert spent <= usd + 1e-9
    assert tables.action_log.height == 40


def test_the_probabilities_of_a_run_whose_budget_runs_out_are_those_that_chance_had() -> None:
    """Cut after its draws, a batch would go on where chance made it cheap, and its audits be rarer than they say."""
    drawn = expected = 0.0
    for seed in range(60):
        config = Config.model_validate(
            {
                "audit": {"policy": "random", "rate": 0.2, "random_floor": 0.2},
                "loop": {"batch_size": 64, "seed": seed},
                "memory": None,
                "budget": {"usd_per_run": 3.0, "when_spent": "rules"},
            }
        )
        tables = run_of(config, Agents(ScriptedStudent(), DearExpert(), None), chat=LONG_CHAT)
        drawn += tables.expert_audits.height
        expected += float(tables.student_decisions["audit_probability"].sum())
    assert drawn / expected == pytest.approx(1, abs=0.03)


def test_audits_end_at_the_comment_whose_audit_does_not_fit_and_not_before() -> None:
    tables = run({"usd_per_run": 0.35, "when_spent": "rules"}, Agents(ScriptedStudent(), DearExpert(), None))

    assert tables.expert_audits["position"].to_list() == [0, 1, 2]
    assert tables.student_decisions["degraded"].to_list() == [None] * 3 + [AUDITS_OFF] * 37
