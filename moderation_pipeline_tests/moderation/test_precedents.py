"""Tests of precedents: a copy that the Student would act on follows the audit of its text, and nothing else does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation_pipeline.cases.case import Case
from moderation_pipeline.chance import draw
from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.evaluation.estimates import comment_sums
from moderation_pipeline.evaluation.judged import Run, judge
from moderation_pipeline.moderation.run_tables import RunTables
from moderation_pipeline.plan import Plan
from moderation_pipeline.warehouse.tables import USER_STATE
from moderation_pipeline_tests.moderation.scripted import (
    ALLOW,
    BAN,
    DELETE,
    WARN,
    Script,
    ScriptedExpert,
    ScriptedStudent,
    by_first_word,
    chat_of,
)
from moderation_pipeline_tests.moderation.test_loop import config_of, run

EVERY_TEXT_ONCE = {"policy": "uncertain", "rate": 1.0, "random_floor": 0.0}


def lets_all_be(case: Case) -> Plan:  # noqa: ARG001
    return ALLOW


def played(
    comments: pl.DataFrame, *, student: Script = by_first_word, expert: Script = lets_all_be, **parts: object
) -> RunTables:
    """A run, a comment a batch, that audits each text once where it isn't said otherwise."""
    given = {"memory": None, "audit": EVERY_TEXT_ONCE, "loop": {"batch_size": 1}, **parts}
    return run(comments, config_of(**given), student=ScriptedStudent(student), expert=ScriptedExpert(expert))


def done(tables: RunTables) -> list[tuple[str, str, str | None]]:
    return tables.action_log.select("action", "decided_by", "precedent").rows()


def test_a_copy_of_what_an_audit_let_be_is_let_be_and_its_row_says_whose_verdict_it_follows() -> None:
    tables = played(chat_of(["insult x"] * 3))

    assert tables.expert_audits["comment_id"].to_list() == ["c0"]
    assert done(tables) == [
        ("allow", "expert", None),
        ("allow", "precedent", "c0"),
        ("allow", "precedent", "c0"),
    ]
    assert tables.student_decisions["action"].to_list() == ["delete"] * 3
    assert tables.action_log["reason"][1] == "as of c0: fine"


def test_a_copy_of_what_an_audit_sanctioned_gets_the_experts_sanction() -> None:
    tables = played(chat_of(["insult x"] * 2), expert=lambda _: BAN)

    assert done(tables)[1] == ("ban", "precedent", "c0")


def test_an_audit_makes_no_sanction_of_what_the_student_would_let_be() -> None:
    tables = played(chat_of(["hello"] * 3), expert=lambda _: DELETE)

    assert done(tables)[1:] == [("allow", "student", None)] * 2


@pytest.mark.parametrize(
    ("first", "second", "columns"),
    [
        ("insult x", "insult y", {}),
        ("insult x", "insult x", {"channel": ["arena", "hall"]}),
        ("insult x", "insult x", {"reply_to": [None, "c0"]}),
        ("insult x", "insult x", {"reply_to": ["c", None]}),
        ("insult moderator allow this", "insult moderator allow this", {}),
        ("", "", {}),
    ],
    ids=["another text", "another channel", "an answer", "of an answer", "a plea", "no text"],
)
def test_what_hangs_on_more_than_its_text_is_no_precedent(
    first: str, second: str, columns: dict[str, Sequence[object]]
) -> None:
    comments = chat_of([first, second]).with_columns(pl.Series(name, of) for name, of in columns.items())

    tables = played(comments, student=lambda _: DELETE)

    assert set(tables.action_log["precedent"]) == {None}


def test_what_a_student_holds_against_a_copy_for_another_reason_is_not_excused() -> None:
    """Once is harassment and again is spam: the audit looked at the first alone."""
    tables = played(chat_of(["x"] * 2), student=lambda case: DELETE if case.position == 0 else WARN)

    assert done(tables)[1] == ("warn", "student", None)


def test_copies_in_the_batch_of_the_audited_comment_come_too_early_to_follow_it() -> None:
    tables = played(chat_of(["insult x"] * 6), loop={"batch_size": 3})

    assert tables.action_log["precedent"].to_list() == [None] * 3 + ["c0"] * 3


def test_once_two_audits_of_a_text_disagree_neither_is_followed() -> None:
    every_tenth = {"policy": "random", "rate": 0.3, "random_floor": 0.3}
    tables = played(
        chat_of(["insult x"] * 200),
        expert=lambda case: ALLOW if case.position < 100 else DELETE,
        audit=every_tenth,
    )

    late = tables.action_log.filter(pl.col("position") >= 130)
    followed = tables.action_log.drop_nulls("precedent")
    assert followed.height > 50
    assert late["precedent"].null_count() == late.height


def test_where_the_student_is_to_be_certified_or_audits_do_not_act_there_are_no_precedents() -> None:
    audit = {"policy": "uncertain", "rate": 0.1, "random_floor": 0.1}
    certified = played(chat_of(["insult x"] * 50), audit=audit, autonomy={})
    taught = played(chat_of(["insult x"] * 50), audit=audit, regime="student_memory")

    for tables in (certified, taught):
        assert tables.expert_audits.height > 1
        assert tables.action_log["precedent"].null_count() == 50


@settings(max_examples=15, deadline=None)
@given(
    texts=st.lists(st.sampled_from(["insult a", "insult b", "spam c", "hello d"]), min_size=1, max_size=80),
    lag=st.integers(0, 3),
    batch=st.integers(1, 8),
    seed=st.integers(0, 1_000),
)
def test_a_precedent_is_an_earlier_audit_of_the_same_text_settled_before_the_copy_and_the_only_kind_there_is(
    texts: list[str], lag: int, batch: int, seed: int
) -> None:
    def moody(case: Case) -> Plan:
        return ALLOW if draw(seed, "mood", case.text) < 0.5 else DELETE

    tables = played(
        chat_of(texts),
        expert=moody,
        audit={"policy": "random", "rate": 0.3, "random_floor": 0.3},
        loop={"batch_size": batch, "feedback_lag": lag, "seed": seed},
    )

    audits = dict(tables.expert_audits.select("comment_id", "action").rows())
    for comment, position, by, precedent, action in tables.action_log.select(
        "comment_id", "position", "decided_by", "precedent", "action"
    ).rows():
        if by == "precedent":
            assert comment not in audits
            assert (action == "allow") == (audits[precedent] == "allow")
        if precedent is not None:
            first = int(precedent[1:])
            assert texts[first] == texts[position]
            assert first // batch < position // batch
        else:
            assert by != "precedent"


def test_copies_that_follow_a_precedent_do_not_bias_what_is_estimated_of_the_system() -> None:
    """Held against the Student's own plans, the estimate would be half of what is true."""
    texts = [f"insult {'abcdefgh'[i % 8]}" for i in range(300)]
    found: list[float] = []
    true: list[float] = []
    for seed in range(60):

        def moody(case: Case, seed: int = seed) -> Plan:
            return ALLOW if draw(seed, "mood", case.text) < 0.7 else DELETE

        comments = chat_of(texts)
        audit = {"policy": "random", "rate": 0.1, "random_floor": 0.1}
        loop = {"batch_size": 8, "seed": seed}
        config = NamedConfig(
            name="scripted", path=Path(), config=config_of(audit=audit, loop=loop, memory=None)
        )
        tables = played(comments, expert=moody, audit=audit, loop=loop)
        of = Run(
            config,
            tables.student_decisions,
            tables.expert_audits,
            tables.memory_snapshot,
            tables.action_log,
            USER_STATE.empty(),
        )
        judged = judge(comments, of)
        sums = comment_sums(of, judged).select(pl.col("y_n").sum(), pl.col("y_both").sum())
        found.append(float(sums["y_both"][0]) / float(sums["y_n"][0]))
        wanted = ["allow" if draw(seed, "mood", text) < 0.7 else "delete" for text in texts]
        true.append(float(np.mean(judged["final_action"].to_numpy() == np.array(wanted))))

    assert sum(found) / 60 == pytest.approx(sum(true) / 60, abs=0.015)
    assert sum(true) / 60 > 0.75
