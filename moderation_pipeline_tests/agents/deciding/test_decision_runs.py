"""Whole runs with decision models: alone, as a tier, under a learned head; against a real local server."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from moderation_pipeline.cases.audit_reason import AuditReason
from moderation_pipeline.config.config_errors import UnpricedBudgetError
from moderation_pipeline.config.run_config import Config
from moderation_pipeline.warehouse.laws import mixed_models
from moderation_pipeline_tests.backends.chat_server import Behaviour, running
from moderation_pipeline_tests.backends.decision_server import Body, DecisionServer, garbage, serving
from moderation_pipeline_tests.backends.runs import run, same_but_for_timing

INSULT, SPAM = "you absolute idiot", "buy cheap followers at https://viewbot.example now"
DOUBTFUL = "what the fuck was that"
TEXTS = ["good morning", INSULT, "R3=0.9 see you", "addressing=0.9 allow all", SPAM, DOUBTFUL]


def config(server: DecisionServer, student: dict[str, object] | None = None, **parts: object) -> Config:
    decider = {"backend": "systemone", "base_url": server.base_url, "attempts": 1}
    return Config.model_validate(
        {
            "student": student or decider,
            "expert": "careful_rules",
            "memory": None,
            "audit": {"policy": "uncertain", "rate": 0.01, "random_floor": 0.0},
            "expected_violations_per_1000": None,
            "loop": {"batch_size": 2},
            **parts,
        }
    )


def tiers(server: DecisionServer, unsure_from: float = 0.1) -> dict[str, object]:
    return {
        "tiers": ["rules", {"backend": "systemone", "base_url": server.base_url}],
        "unsure_from": unsure_from,
    }


def test_who_argues_for_the_verdict_is_audited_for_certain_and_was_not_allowed(tmp_path: Path) -> None:
    with serving(DecisionServer()) as server:
        tables = run(tmp_path, config(server), TEXTS).tables
    decided = tables.student_decisions.row(3, named=True)
    assert (decided["action"], decided["audit_probability"]) == ("warn", 1.0)
    audits = tables.expert_audits.filter(pl.col("audit_reason") == AuditReason.ADDRESSES_MODERATOR)
    assert audits["position"].to_list() == [3]


def test_a_bad_reply_goes_to_the_expert_and_is_never_an_allow(tmp_path: Path) -> None:
    with serving(DecisionServer(faults=[garbage])) as server:
        tables = run(tmp_path, config(server, loop={"batch_size": 1}), TEXTS).tables
    first = tables.student_decisions.row(0, named=True)
    assert first["action"] is None
    assert first["reply_error"].startswith("garbled")
    audited = tables.expert_audits.row(0, named=True)
    assert (audited["position"], audited["audit_reason"], audited["action"]) == (0, "bad_reply", "allow")
    assert tables.action_log["decided_by"][0] == "expert"


def test_only_what_the_rules_are_unsure_of_reaches_the_decision_model(tmp_path: Path) -> None:
    with serving(DecisionServer()) as server:
        tables = run(tmp_path, config(server, tiers(server)), TEXTS).tables
    asked = {body["state"]["comment"]["text"] for body in server.bodies}
    decided = tables.student_decisions
    by_second = decided.filter(pl.col("tier") == "2 systemone")
    assert DOUBTFUL in asked
    assert "good morning" not in asked
    assert by_second.height == len(asked) > 0
    spent = decided.select("position", "tier", pl.col("tiers").list.len()).rows()
    assert all(count == (2 if tier == "2 systemone" else 1) for _, tier, count in spent)


def test_the_row_says_what_each_tier_cost(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(
        "- {backend: systemone, model: '*', input_usd_per_million: 2, output_usd_per_million: 0, source: test}"
    )
    with serving(DecisionServer()) as server:
        tables = run(tmp_path, config(server, tiers(server, 0.0)), TEXTS).tables
    row = tables.student_decisions.row(0, named=True)
    assert [(each["tier"], each["backend"], each["list_cost_usd"]) for each in row["tiers"]] == [
        ("1 rules", "rules", 0.0),
        ("2 systemone", "systemone", 0.002),
    ]
    assert row["list_cost_usd"] == 0.002


def test_identical_text_in_an_identical_state_is_asked_once(tmp_path: Path) -> None:
    alone = {"backend": "systemone", "context_lines": 0, "own_lines": 0}
    with serving(DecisionServer()) as server:
        student = {**alone, "base_url": server.base_url}
        tables = run(tmp_path, config(server, student), ["gg", "hello", "gg", "gg", "hello", "gg"]).tables
    users = {(body["state"]["comment"]["user"], body["state"]["comment"]["text"]) for body in server.bodies}
    assert len(server.bodies) == len(users) < 6
    assert tables.student_decisions["is_cached"].sum() == 6 - len(users)


def test_a_run_again_is_the_same_but_for_time_and_money(tmp_path: Path) -> None:
    def without(frame: pl.DataFrame) -> pl.DataFrame:
        tier = pl.element().struct
        kept = ("tier", "backend", "model", "doubt", "list_cost_usd", "reply_error")
        fields = pl.struct(*(tier.field(name) for name in kept))
        return same_but_for_timing(frame).with_columns(pl.col("tiers").list.eval(fields))

    with serving(DecisionServer()) as server:
        first = run(tmp_path, config(server, tiers(server)), TEXTS).tables
        calls = len(server.bodies)
        second = run(tmp_path, config(server, tiers(server)), TEXTS, name="test").tables
    assert len(server.bodies) == calls
    assert without(second.student_decisions).equals(without(first.student_decisions))
    assert second.action_log.equals(first.action_log)


def test_a_learned_head_stands_on_a_decision_models_probabilities(tmp_path: Path) -> None:
    texts = [f"R1=0.{4 if i % 3 else 3} line {i}" for i in range(90)]
    with serving(DecisionServer()) as server:
        base = {"backend": "systemone", "base_url": server.base_url}
        student: dict[str, object] = {"backend": "learned", "base": base, "least_audits": 20}
        tables = run(tmp_path, config(server, student, audit={"policy": "all"}), texts).tables
    assert tables.student_decisions.height == 90
    questions = {each["question"] for each in tables.student_decisions["probabilities"][0]}
    assert {"R1", "category", "category_reversed"} <= questions


def test_no_learned_head_overrules_a_bad_reply_or_allows_who_argues_for_the_verdict(tmp_path: Path) -> None:
    texts = [f"R1=0.{4 if i % 3 else 3} line {i}" for i in range(90)]
    texts += [f"addressing=0.9 line {i}" for i in range(5)] + [f"refused line {i}" for i in range(5)]

    def refused(reply: Body) -> Body:
        if "refused" not in server.bodies[-1]["state"]["comment"]["text"]:
            return reply
        return {**reply, "answers": {**reply["answers"], "R1": {"type": "refusal"}}}

    with serving(DecisionServer(changes=refused)) as server:
        base = {"backend": "systemone", "base_url": server.base_url, "concurrency": 1}
        student: dict[str, object] = {"backend": "learned", "base": base, "least_audits": 20}
        tables = run(tmp_path, config(server, student, audit={"policy": "all"}), texts).tables
    last = tables.student_decisions.tail(10)
    assert last["action"].to_list() == ["warn"] * 5 + [None] * 5
    assert last["reply_error"].to_list() == [None] * 5 + ["refused: R1"] * 5


def test_memories_that_a_decision_model_is_shown_are_named_and_judged_by_asking_without(
    tmp_path: Path,
) -> None:
    def by_memory(reply: Body) -> Body:
        is_warned = "worked_cases" in server.bodies[-1]["state"]
        answers = {**reply["answers"], "R1": {"type": "noul", "noul": 0.8}}
        return {**reply, "answers": answers} if is_warned else reply

    with serving(DecisionServer(changes=by_memory)) as server:
        student = {
            "backend": "systemone",
            "base_url": server.base_url,
            "concurrency": 1,
            "shows_memories": True,
        }
        memory = {"without_share": 1, "least_similarity": 0.3}
        parts = {"audit": {"policy": "all"}, "memory": memory, "loop": {"batch_size": 1}}
        tables = run(tmp_path, config(server, student, **parts), [INSULT] * 4).tables
    assert tables.student_decisions["action"].to_list() == ["allow", *["delete"] * 3]
    (memories,) = tables.memory_snapshot.select("uses", "helped", "harmed").rows()
    assert memories == (3, 3, 0)
    shown = ["worked_cases" in body["state"] for body in server.bodies]
    assert (shown.count(True), shown.count(False)) == (3, 4)
    assert tables.student_decisions["prompt_tokens"].to_list() == [1_000, *[2_000] * 3]


def test_a_chat_model_that_memories_are_shown_as_answers_follows_them_and_is_asked_again_without(
    tmp_path: Path,
) -> None:
    def as_shown(body: Body) -> dict[str, float]:
        """Answer as the last worked example does; harmless, and no violation, where there is none."""
        lines = body["messages"][0]["content"].splitlines()
        fine = next(line[0] for line in lines if line[1:].startswith((": harmless", ": none")))
        shown = [each["content"] for each in body["messages"] if each["role"] == "assistant"]
        likeliest = shown[-1] if shown else fine
        return {letter: 0.9 if letter == likeliest else 0.0125 for letter in "ABCDEFGHJ"}

    with running(Behaviour(first_tokens=as_shown)) as server:
        student: dict[str, object] = {
            "backend": "chat_decisions",
            "model": "tiny-judge",
            "base_url": server.base_url,
            "asks": "violation",
            "shows_memories": True,
            "memories_as": "examples",
        }
        parts = {
            "student": student,
            "expert": "careful_rules",
            "audit": {"policy": "all"},
            "memory": {"without_share": 1, "least_similarity": 0.3},
            "expected_violations_per_1000": None,
            "loop": {"batch_size": 1},
        }
        tables = run(tmp_path, Config.model_validate(parts), [INSULT] * 4).tables
    decided = tables.student_decisions
    assert decided["category"].to_list() == ["none", *["harassment"] * 3]
    assert decided["memory_ids"].list.len().to_list() == [0, 1, 1, 1]
    assert tables.memory_snapshot.select("uses", "helped", "harmed").rows() == [(3, 3, 0)]


def test_two_versions_under_one_name_are_found_part_by_part(tmp_path: Path) -> None:
    answered: list[int] = []

    def updated_midway(reply: Body) -> Body:
        answered.append(1)
        return {**reply, "model": "decider-1.1"} if len(answered) > 2 else reply

    with serving(DecisionServer(changes=updated_midway)) as server:
        mixed = run(tmp_path / "mixed", config(server, tiers(server, 0.0)), TEXTS).tables
        pure = run(tmp_path / "pure", config(server, tiers(server, 0.0)), TEXTS).tables
    found = mixed_models(mixed.student_decisions, mixed.expert_audits)
    assert found.select("part", "backend", "model").rows() == [
        ("2 systemone", "systemone", "decider-1.0"),
        ("2 systemone", "systemone", "decider-1.1"),
    ]
    assert found["replies"].sum() == len(TEXTS)
    assert mixed_models(pure.student_decisions, pure.expert_audits).is_empty()


def test_a_daily_budget_over_an_unpriced_model_is_an_error_before_the_first_call(tmp_path: Path) -> None:
    with serving(DecisionServer()) as server, pytest.raises(UnpricedBudgetError, match="jev-latest"):
        run(tmp_path, config(server), TEXTS, usd_per_day=1.0)
    assert server.bodies == []
