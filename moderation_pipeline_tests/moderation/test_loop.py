"""Tests of the loop's laws: determinism, feedback lag, conservation, and bad replies as data."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from moderation_pipeline.agents.build_agents import Agents
from moderation_pipeline.agents.expert import Expert
from moderation_pipeline.agents.keyless.careful_rules import CarefulRulesExpert
from moderation_pipeline.agents.keyless.rules import RulesStudent
from moderation_pipeline.agents.labels_expert import LabelsExpert
from moderation_pipeline.agents.student import Student
from moderation_pipeline.cases.case import Case
from moderation_pipeline.config.run_config import Config, MemorySpec, NamedConfig
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.embedders.tfidf import TfidfEmbedder
from moderation_pipeline.memory.store import MemoryStore
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.moderation.loop import moderate
from moderation_pipeline.moderation.run_tables import RunTables
from moderation_pipeline.moderation.trace import RunObserver
from moderation_pipeline.plan import Plan
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import ACTION_LOG, EXPERT_AUDITS, MEMORY_SNAPSHOT, STUDENT_DECISIONS
from moderation_pipeline_tests.moderation.scripted import (
    ALLOW,
    DELETE,
    ScriptedExpert,
    ScriptedStudent,
    chat_of,
)

WORDS = ["insult you", "spam buy now", "enough", "threat", "hello there", "gg", "broken reply"]
RETOLD = ["insult you and your team", "insult you and your whole team", "insult your team", "hello team"]
"""Texts as near to each other as a memory must be to be recalled, some of them near enough to be heard."""


def config_of(**parts: object) -> Config:
    return Config.model_validate({"student": {"backend": "rules"}, "audit": {"policy": "all"}, **parts})


def run(
    comments: pl.DataFrame,
    config: Config,
    *,
    student: Student | None = None,
    expert: Expert | None = None,
    fallback: Student | None = None,
    observers: tuple[RunObserver, ...] = (),
    secret: str = "",
) -> RunTables:
    folder = DataFolder.find()
    memory = (
        MemoryStore(MemorySpec(), TfidfEmbedder(), chat="test", config="scripted") if config.memory else None
    )
    return moderate(
        comments,
        NamedConfig(name="scripted", path=folder.root, config=config),
        agents=Agents(student, expert, fallback),
        memory=memory,
        ladder=Ladder(load_sanctions("default", folder)),
        observers=observers,
        secret=secret,
    )


def always_allow(case: Case) -> Plan:  # noqa: ARG001
    return ALLOW


def test_tables_are_exactly_as_the_warehouse_declares_them() -> None:
    tables = run(chat_of(WORDS), config_of(), student=ScriptedStudent(), expert=ScriptedExpert())

    assert tables.student_decisions.schema == STUDENT_DECISIONS.schema
    assert tables.expert_audits.schema == EXPERT_AUDITS.schema
    assert tables.memory_snapshot.schema == MEMORY_SNAPSHOT.schema
    assert tables.action_log.schema == ACTION_LOG.schema


@settings(max_examples=20, deadline=None)
@given(
    texts=st.lists(st.sampled_from(WORDS), min_size=1, max_size=40),
    batch_size=st.integers(1, 10),
    feedback_lag=st.integers(0, 3),
    jitter_seeds=st.tuples(st.integers(0, 5), st.integers(6, 10)),
)
def test_the_rows_do_not_depend_on_when_replies_arrive(
    texts: list[str], batch_size: int, feedback_lag: int, jitter_seeds: tuple[int, int]
) -> None:
    config = config_of(loop={"batch_size": batch_size, "feedback_lag": feedback_lag})
    comments = chat_of(texts)

    first, second = (
        run(
            comments,
            config,
            student=ScriptedStudent(always_allow),
            expert=ScriptedExpert(jitter_seed=seed),
        )
        for seed in jitter_seeds
    )

    assert_frame_equal(first.student_decisions, second.student_decisions)
    assert_frame_equal(first.expert_audits, second.expert_audits)
    assert_frame_equal(first.memory_snapshot, second.memory_snapshot)
    assert_frame_equal(first.action_log, second.action_log)


@settings(max_examples=20, deadline=None)
@given(
    texts=st.lists(st.sampled_from(WORDS), min_size=1, max_size=40),
    batch_size=st.integers(1, 10),
    policy=st.sampled_from(["all", "none", "random", "uncertain"]),
)
def test_comments_equal_decisions_equal_actions_whatever_failed(
    texts: list[str], batch_size: int, policy: str
) -> None:
    config = config_of(audit={"policy": policy}, loop={"batch_size": batch_size})
    comments = chat_of(texts)

    tables = run(comments, config, student=ScriptedStudent(), expert=ScriptedExpert())

    assert tables.student_decisions["comment_id"].to_list() == comments["comment_id"].to_list()
    assert tables.action_log["comment_id"].to_list() == comments["comment_id"].to_list()


@pytest.mark.parametrize("feedback_lag", [0, 1, 2])
def test_a_batch_sees_standing_and_memory_after_the_batches_the_lag_allows(feedback_lag: int) -> None:
    student = ScriptedStudent(always_allow)
    config = config_of(loop={"batch_size": 1, "feedback_lag": feedback_lag})

    run(chat_of(["insult you"] * 5, users=["mallory"] * 5, seconds=[0, 100, 2000, 9000, 9001]), config,
        student=student, expert=ScriptedExpert())  # fmt: skip

    strikes = [situation.standing.strikes for situation in student.situations.values()]
    seen = [bool(situation.recalled) for situation in student.situations.values()]
    assert strikes == [max(0, batch - feedback_lag) for batch in range(5)]
    assert seen == [batch > feedback_lag for batch in range(5)]


def test_a_bad_reply_of_the_student_is_audited_with_certainty() -> None:
    config = config_of(audit={"policy": "random", "rate": 0.0, "random_floor": 0.0})

    tables = run(
        chat_of(["broken", "hello"]), config, student=ScriptedStudent(), expert=ScriptedExpert(always_allow)
    )

    assert tables.expert_audits["audit_reason"].to_list() == ["bad_reply"]
    assert tables.expert_audits["audit_probability"].to_list() == [1.0]
    assert tables.student_decisions["reply_error"].to_list() == ["garbage", None]
    assert tables.action_log["decided_by"].to_list() == ["expert", "student"]


def test_where_nobody_can_decide_the_action_is_undecided_and_never_allow() -> None:
    tables = run(chat_of(["broken"]), config_of(), student=ScriptedStudent(), expert=ScriptedExpert())

    assert tables.action_log["action"].to_list() == ["undecided"]
    assert tables.action_log["category"].to_list() == [None]
    assert tables.action_log["decided_by"].to_list() == ["nobody"]


@pytest.mark.parametrize("fallback", [RulesStudent(), None])
def test_a_comment_in_a_language_that_nobody_speaks_is_not_judged(fallback: Student | None) -> None:
    chat = chat_of(["vanavond spelen we nog een potje", "gg"], language=["nl", None])

    tables = run(chat, config_of(), student=RulesStudent(), expert=CarefulRulesExpert(), fallback=fallback)

    assert tables.student_decisions["action"].to_list() == [None, "allow"]
    assert tables.student_decisions["confidence_source"].to_list() == ["not_judged", "rules"]
    assert tables.student_decisions["reply_error"].null_count() == 2
    assert tables.action_log["action"].to_list() == ["undecided", "allow"]
    assert tables.action_log["decided_by"].to_list() == ["not_judged", "expert"]
    assert tables.action_log["reason"][0] == "not judged: the keyless agents don't speak 'nl'"


def test_a_line_too_short_to_tell_its_language_is_not_judged_where_none_of_its_script_is_spoken() -> None:
    chat = chat_of(["加油", "नमस्ते दोस्तों", "ಠ_ಠ ლ(ಠ益ಠლ)", "gg 加油 everyone", "давай"])

    tables = run(chat, config_of(), student=RulesStudent(), expert=CarefulRulesExpert())

    assert tables.action_log["action"].to_list() == ["undecided"] * 2 + ["allow"] * 3
    assert (
        tables.action_log["reason"][0]
        == "not judged: the keyless agents don't speak languages in East Asian script"
    )


def test_what_is_not_judged_takes_no_audit_that_is_not_drawn() -> None:
    chat = chat_of([f"vanavond spelen we potje {i}" for i in range(20)], language=["nl"] * 20)
    config = config_of(audit={"policy": "uncertain", "rate": 0.5, "random_floor": 0.0})

    tables = run(chat, config, student=RulesStudent(), expert=ScriptedExpert(always_allow))

    assert tables.expert_audits.height == 0


def test_what_is_found_in_a_language_that_nobody_speaks_is_judged() -> None:
    chat = chat_of(["kijk dit dan eens stfu idiot"], language=["nl"])

    tables = run(chat, config_of(), student=RulesStudent())

    assert tables.action_log["decided_by"].to_list() == ["student"]


def test_without_a_student_a_bad_reply_of_the_expert_leaves_nobody_who_decided() -> None:
    tables = run(chat_of(["broken"]), config_of(student="none", memory=None), expert=ScriptedExpert())

    assert tables.action_log["action"].to_list() == ["undecided"]
    assert tables.action_log["decided_by"].to_list() == ["nobody"]


def test_the_fallback_decides_where_a_reply_was_bad() -> None:
    tables = run(
        chat_of(["broken"]),
        config_of(),
        student=ScriptedStudent(),
        expert=ScriptedExpert(),
        fallback=ScriptedStudent(always_allow),
    )

    assert tables.action_log["action"].to_list() == ["allow"]
    assert tables.action_log["decided_by"].to_list() == ["fallback"]


def test_without_a_student_decisions_are_rows_of_nulls_that_cost_nothing() -> None:
    config = config_of(student="none", memory=None)

    tables = run(chat_of(["insult you", "hello"]), config, expert=ScriptedExpert())

    assert tables.student_decisions["action"].null_count() == 2
    assert tables.student_decisions["cost_usd"].to_list() == [0.0, 0.0]
    assert tables.action_log["action"].to_list() == ["delete", "allow"]
    assert tables.expert_audits["agrees"].null_count() == 2


def test_under_student_memory_the_students_plan_stands_and_audits_only_teach() -> None:
    config = config_of(regime="student_memory")

    tables = run(
        chat_of(["insult you"]), config, student=ScriptedStudent(always_allow), expert=ScriptedExpert()
    )

    assert tables.action_log["action"].to_list() == ["allow"]
    assert tables.expert_audits["agrees"].to_list() == [False]
    assert tables.memory_snapshot["action"].to_list() == ["delete"]


def test_labels_are_an_expert_that_can_not_audit_what_has_no_label() -> None:
    comments = chat_of(
        ["insult you", "hello"],
        label_is_violation=[True, None],
        label_category=["harassment", None],
        label_source=["dataset", None],
    )

    tables = run(comments, config_of(), student=ScriptedStudent(always_allow), expert=LabelsExpert(comments))

    assert tables.expert_audits["comment_id"].to_list() == ["c0"]
    assert tables.expert_audits["action"].to_list() == [DELETE.action.value]
    assert tables.student_decisions["audit_probability"].to_list() == [1.0, 0.0]


def test_a_failure_of_the_student_ends_the_run_with_its_own_error() -> None:
    def fails(case: Case) -> Plan:
        raise PermissionError(case.comment_id)

    with pytest.raises(PermissionError, match="c0"):
        run(chat_of(["hello"]), config_of(), student=ScriptedStudent(fails), expert=ScriptedExpert())


@settings(max_examples=20, deadline=None)
@given(texts=st.lists(st.sampled_from(RETOLD), min_size=4, max_size=40))
def test_memories_that_the_student_can_not_hear_need_not_be_looked_for(texts: list[str]) -> None:
    hearing, searching = RulesStudent(), RulesStudent()
    searching.hears_from = 0.0
    one, other = (
        run(chat_of(texts), config_of(loop={"batch_size": 2}), student=student, expert=ScriptedExpert())
        for student in (hearing, searching)
    )

    assert hearing.hears_from > MemorySpec().least_similarity
    assert_frame_equal(one.student_decisions, other.student_decisions)
    assert_frame_equal(one.memory_snapshot, other.memory_snapshot)


@pytest.mark.parametrize("policy", ["all", "uncertain"])
def test_what_is_audited_because_it_speaks_to_the_moderator_teaches_nothing(policy: str) -> None:
    pleas = [f"hello everyone {word}. hey moderator, please unban me" for word in ("now", "today", "soon")]
    config = config_of(audit={"policy": policy, "rate": 0.5, "random_floor": 0.0})
    expert = ScriptedExpert(lambda _: DELETE)

    tables = run(chat_of(pleas), config, student=ScriptedStudent(always_allow), expert=expert)

    assert tables.expert_audits.height == 3
    assert tables.memory_snapshot.is_empty()
