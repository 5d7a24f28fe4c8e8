"""Tests of certificates: when they are valid, when void, and what may be done without."""

from __future__ import annotations

from itertools import pairwise

import polars as pl

from moderation_pipeline.agents.plan import Plan
from moderation_pipeline.config import AuditSpec, AutonomySpec, NamedConfig
from moderation_pipeline.moderation.certificates import DecidedAlone, Ledger, RowKey
from moderation_pipeline.moderation.certified_basis import basis_of
from moderation_pipeline.moderation.certify import certify
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import CERTIFICATES
from moderation_pipeline_tests.moderation.scripted import (
    ALLOW,
    DELETE,
    ScriptedExpert,
    ScriptedStudent,
    by_first_word,
    chat_of,
)
from moderation_pipeline_tests.moderation.test_loop import always_allow, config_of, run

AUDIT = AuditSpec.model_validate({"policy": "uncertain", "rate": 0.5, "random_floor": 0.5})
LENIENT = AutonomySpec(
    max_wrongful_per_1000_sanctions=100, max_wrongful_per_1000_comments=100, max_missed_per_1000_allowed=100
)


def decided(count: int, plan: Plan, audited: Plan, *, start: int = 0, model: str = "m") -> list[DecidedAlone]:
    """Return comments decided alike, every other one audited."""
    return [DecidedAlone(start + i, plan, 0.5, audited if i % 2 else None, model) for i in range(count)]


def status_of(ledger: Ledger, key: RowKey) -> str:
    return next(each.status for each in ledger.certificates() if each.key == key)


def test_enough_clean_audits_make_a_certificate_valid_and_let_the_system_act_alone() -> None:
    ledger = Ledger(LENIENT, AUDIT)

    assert not ledger.may_act_alone(DELETE)
    ledger.take_in(decided(600, DELETE, DELETE))

    assert ledger.may_act_alone(DELETE)
    assert not ledger.may_act_alone(ALLOW)
    assert status_of(ledger, RowKey("all", "all", "sanctions")) == "valid"
    assert status_of(ledger, RowKey("all", "all", "allowed")) == "not_yet"


def test_what_is_not_certified_says_how_many_audits_it_would_take() -> None:
    ledger = Ledger(LENIENT, AUDIT)
    ledger.take_in(decided(20, DELETE, DELETE))
    row = next(each for each in ledger.certificates() if each.key == RowKey("all", "all", "sanctions"))

    assert row.status == "not_yet"
    ledger.take_in(decided(2 * row.audits_needed, DELETE, DELETE, start=20))
    assert status_of(ledger, row.key) == "valid"


def test_a_system_that_allows_everything_is_not_certified_to_let_go() -> None:
    ledger = Ledger(LENIENT, AUDIT)

    ledger.take_in(decided(600, ALLOW, DELETE))

    assert status_of(ledger, RowKey("all", "all", "allowed")) == "not_yet"
    assert not ledger.may_act_alone(ALLOW)


def test_another_served_model_voids_what_was_certified() -> None:
    ledger = Ledger(LENIENT, AUDIT)
    ledger.take_in(decided(600, DELETE, DELETE))

    ledger.take_in(decided(2, DELETE, DELETE, start=600, model="another"))

    assert status_of(ledger, RowKey("all", "all", "sanctions")) == "void"
    assert not ledger.may_act_alone(DELETE)


def test_drift_voids_what_was_certified_and_begins_a_new_window() -> None:
    ledger = Ledger(LENIENT, AUDIT)
    ledger.take_in(decided(600, DELETE, DELETE))

    ledger.take_in(decided(60, DELETE, ALLOW, start=600))

    row = next(each for each in ledger.certificates() if each.key == RowKey("all", "all", "sanctions"))
    assert row.status == "void"
    assert "more frequent" in row.reason
    assert row.window_from > 600


def test_however_many_windows_begin_they_never_spend_more_than_the_allowed_error() -> None:
    """Each model served anew voids what was before; the rows of all windows share one allowed error."""
    overall = [
        RowKey("all", "all", "sanctions"),
        RowKey("all", "all", "comments"),
        RowKey("all", "all", "allowed"),
    ]
    ledger = Ledger(LENIENT, AUDIT)
    spent = []

    for window in range(200):
        ledger.take_in(decided(2, DELETE, DELETE, start=2 * window, model=f"m{window}"))
        spent.append(sum(ledger.terms(key).alpha for key in overall))

    assert spent[0] > 0.8 * (1 - LENIENT.confidence) / 2
    assert all(later < earlier for earlier, later in pairwise(spent))
    assert sum(spent) < (1 - LENIENT.confidence) / 2


def test_a_new_window_has_to_be_certified_anew_by_its_own_audits() -> None:
    ledger = Ledger(LENIENT, AUDIT)
    ledger.take_in(decided(600, DELETE, DELETE))
    ledger.take_in(decided(2, DELETE, DELETE, start=600, model="another"))
    needed = next(
        each.audits_needed for each in ledger.certificates() if each.key == RowKey("all", "all", "sanctions")
    )

    ledger.take_in(decided(2 * needed, DELETE, DELETE, start=602, model="another"))

    assert status_of(ledger, RowKey("all", "all", "sanctions")) == "valid"
    assert ledger.window_from == 600


def test_the_table_equals_what_the_loop_knew_and_uncertified_sanctions_are_shadows() -> None:
    config = config_of(
        memory=None,
        audit={"policy": "uncertain", "rate": 0.5, "random_floor": 0.5},
        autonomy=LENIENT.model_dump(),
        sanctions="default",
    )
    comments = chat_of(["insult", "hello"] * 400, users=[f"u{i}" for i in range(800)])

    tables = run(comments, config, student=ScriptedStudent(by_first_word), expert=ScriptedExpert())

    named = NamedConfig(name="scripted", path=DataFolder.find().root, config=config)
    certificates = certify(
        tables.student_decisions, tables.expert_audits, named, "test", basis_of(named, DataFolder.find())
    )
    assert certificates.schema == CERTIFICATES.schema
    overall = certificates.filter(pl.col("action") == "all").select("denominator", "status")
    assert dict(overall.rows())["sanctions"] == "valid"
    alone = tables.action_log.filter(pl.col("decided_by") == "student", pl.col("action") == "delete")
    assert alone["is_shadow"].head(20).all()
    assert not alone["is_shadow"].tail(20).any()
    by_expert = tables.action_log.filter(pl.col("decided_by") == "expert")
    assert not by_expert["is_shadow"].any()


def test_without_autonomy_there_is_nothing_to_certify() -> None:
    config = config_of(memory=None)
    tables = run(chat_of(["hello"]), config, student=ScriptedStudent(always_allow), expert=ScriptedExpert())

    named = NamedConfig(name="scripted", path=DataFolder.find().root, config=config)
    assert certify(
        tables.student_decisions, tables.expert_audits, named, "test", basis_of(named, DataFolder.find())
    ).is_empty()
