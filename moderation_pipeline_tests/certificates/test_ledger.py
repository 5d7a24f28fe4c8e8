"""Tests of certificates: when they are valid, when void, and what may be done without."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from moderation_pipeline.certificates.certificate_rows import VIOLATIONS, RowKey
from moderation_pipeline.certificates.certificate_table import certify
from moderation_pipeline.certificates.certified_basis import Basis
from moderation_pipeline.certificates.decided_alone import Answered, DecidedAlone, NoAudit
from moderation_pipeline.certificates.ledger import Certificate, Ledger
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.run_config import AuditSpec, AutonomySpec, NamedConfig
from moderation_pipeline.plan import SANCTIONS as SANCTIONS_OF_PLANS
from moderation_pipeline.plan import Action, Category, Plan
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import CERTIFICATES
from moderation_pipeline_tests.moderation.scripted import (
    ALLOW,
    DELETE,
    TIMEOUT,
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


BASIS = Basis("config", "sanctions", "rules", "agents", "", "")
SANCTIONS = RowKey("all", "all", "sanctions")


def decided(
    count: int, plan: Plan, audited: Plan | NoAudit, *, start: int = 0, model: str = "m"
) -> list[DecidedAlone]:
    """Return comments decided alike, every other one audited."""
    by = (Answered("student", "openai", model),)
    return [
        DecidedAlone(start + i, plan, 0.5, audited if i % 2 else NoAudit.NOT_DRAWN, by) for i in range(count)
    ]


def row_of(ledger: Ledger, key: RowKey) -> Certificate:
    return next(each for each in ledger.certificates() if each.key == key)


def status_of(ledger: Ledger, key: RowKey) -> str:
    return row_of(ledger, key).status


def test_an_audit_that_cannot_be_read_counts_as_every_error_it_could_have_found() -> None:
    ledger = Ledger(LENIENT, AUDIT)

    ledger.take_in(decided(600, DELETE, NoAudit.UNREAD))
    ledger.take_in(decided(600, ALLOW, NoAudit.UNREAD, start=600))

    assert not ledger.may_act_alone(DELETE)
    assert not ledger.may_act_alone(ALLOW)
    rows = {each.key: each for each in ledger.certificates()}
    missed = [RowKey("allow", category, "allowed") for category in VIOLATIONS]
    erring = [
        SANCTIONS,
        RowKey("delete", "harassment", "sanctions"),
        RowKey("all", "all", "allowed"),
        *missed,
    ]
    for key in (*erring, RowKey("all", "all", "comments")):
        assert (rows[key].errors, rows[key].unread_audits, rows[key].status) == (300, 300, "not_yet")
        assert rows[key].bound > 0.3


def test_one_unread_audit_among_many_is_counted_and_certifies_all_the_same() -> None:
    ledger = Ledger(LENIENT, AUDIT)

    ledger.take_in([*decided(600, DELETE, DELETE), DecidedAlone(600, DELETE, 0.5, NoAudit.UNREAD)])

    row = row_of(ledger, SANCTIONS)
    assert (row.status, row.errors, row.unread_audits) == ("valid", 1, 1)


def test_enough_clean_audits_make_a_certificate_valid_and_let_the_system_act_alone() -> None:
    ledger = Ledger(LENIENT, AUDIT)

    assert not ledger.may_act_alone(DELETE)
    ledger.take_in(decided(600, DELETE, DELETE))

    assert ledger.may_act_alone(DELETE)
    assert not ledger.may_act_alone(ALLOW)
    assert status_of(ledger, RowKey("all", "all", "sanctions")) == "valid"
    assert status_of(ledger, RowKey("all", "all", "allowed")) == "not_yet"


def test_a_sanction_two_rungs_too_hard_is_as_wrong_as_one_where_there_should_be_none() -> None:
    ban, warn = (Plan(action, Category.HARASSMENT, 1.0) for action in (Action.BAN, Action.WARN))
    ledger = Ledger(LENIENT, AUDIT)

    ledger.take_in(decided(100, ban, warn))
    ledger.take_in(decided(100, ban, DELETE, start=100))
    ledger.take_in(decided(100, TIMEOUT, DELETE, start=200))
    ledger.take_in([each._replace(tells_how_hard=False) for each in decided(100, ban, DELETE, start=300)])

    assert row_of(ledger, SANCTIONS).errors == 100
    assert row_of(ledger, RowKey("ban", "harassment", "sanctions")).errors == 100
    assert row_of(ledger, RowKey("timeout", "other", "sanctions")).errors == 0


def test_a_kind_of_sanction_waits_for_the_rows_about_everything() -> None:
    """Deletions are without an error, but one comment in four is a wrongful timeout: together they miss both."""
    ledger = Ledger(LENIENT, AUDIT)
    ledger.take_in(decided(1_000, TIMEOUT, ALLOW))
    ledger.take_in(decided(3_000, DELETE, DELETE, start=1_000))

    own = [status_of(ledger, RowKey("delete", "harassment", of)) for of in ("sanctions", "comments")]
    assert own == ["valid", "valid"]
    assert status_of(ledger, RowKey("all", "all", "comments")) == "not_yet"
    assert not ledger.may_act_alone(DELETE)


def test_many_kinds_that_err_seldom_do_not_err_often_together() -> None:
    """Eight kinds at 3 wrongful in 1,000 comments each: all let act, they would make 24, where the target is 10."""
    autonomy = AutonomySpec(
        max_wrongful_per_1000_sanctions=900,
        max_wrongful_per_1000_comments=10,
        max_missed_per_1000_allowed=500,
    )
    floors = AuditSpec.model_validate({"rate": 0.3, "random_floor": {"allow": 0.05, "sanctions": 0.2}})
    ledger, comments, wronged = Ledger(autonomy, floors), 30_000, 0
    for batch in eight_kinds(comments):
        wronged += sum(is_wrong and ledger.may_act_alone(each.plan) for each, is_wrong in batch)
        ledger.take_in([each for each, _ in batch])

    assert wronged <= comments / 100


def eight_kinds(comments: int) -> Iterator[list[tuple[DecidedAlone, bool]]]:
    """Yield batches of comments of which eight in a hundred are sanctions, a kind each, wrong in 30 of 100."""
    random = np.random.default_rng(3)
    kinds = [Plan(Action.DELETE, category, 1.0) for category in VIOLATIONS]
    for start in range(0, comments, 500):
        kind, is_wrong, is_drawn = (
            random.integers(100, size=500),
            random.random(500) < 0.3,
            random.random(500),
        )
        yield [
            _of_kind(
                start + i, kinds[kind[i]] if kind[i] < len(kinds) else None, bool(is_wrong[i]), is_drawn[i]
            )
            for i in range(500)
        ]


def _of_kind(position: int, plan: Plan | None, is_wrong: bool, drawn: float) -> tuple[DecidedAlone, bool]:
    probability = 0.05 if plan is None else 0.2
    is_wrong = is_wrong and plan is not None
    right = ALLOW if plan is None or is_wrong else plan
    audited = right if drawn < probability else NoAudit.NOT_DRAWN
    return DecidedAlone(position, plan or ALLOW, probability, audited), is_wrong


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


def test_another_served_model_of_the_expert_voids_what_was_certified() -> None:
    ledger = Ledger(LENIENT, AUDIT)
    for start, version in ((0, "e1"), (600, "e2")):
        by = (Answered("expert", "together", version),)
        ledger.take_in([each._replace(answered=by) for each in decided(600, DELETE, DELETE, start=start)])
        ledger.take_in(decided(1, DELETE, DELETE, start=start + 600))

    assert ledger.window_from == 600


def test_tiers_that_take_turns_are_no_change_of_model() -> None:
    """The first tier has no model, the second always the same one."""
    ledger = Ledger(LENIENT, AUDIT)
    asked = (Answered("together", "together", "m"),)

    ledger.take_in(
        [
            each._replace(answered=asked if number % 3 else ())
            for number, each in enumerate(decided(600, DELETE, DELETE))
        ]
    )

    assert ledger.window_from == 0
    assert ledger.may_act_alone(DELETE)

    other = (Answered("another tier", "together", "n"), Answered("together", "together", "m2"))
    ledger.take_in([each._replace(answered=other) for each in decided(2, DELETE, DELETE, start=600)])
    assert ledger.window_from == 600
    assert "together (together) became m2" in row_of(ledger, SANCTIONS).reason


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
        RowKey("all", "all", "allowed"),
        RowKey("delete", "harassment", "sanctions"),
    ]
    ledger = Ledger(LENIENT, AUDIT)
    spent = []

    for window in range(200):
        ledger.take_in(decided(2, DELETE, DELETE, start=2 * window, model=f"m{window}"))
        spent.append(sum(ledger.terms(key).alpha for key in overall))

    assert spent[0] > 0.5 * (1 - LENIENT.confidence)
    assert all(later < earlier for earlier, later in pairwise(spent))
    assert sum(spent) < 0.7 * (1 - LENIENT.confidence)


def test_all_rows_together_spend_no_more_than_the_allowed_error_and_the_first_kind_most() -> None:
    """Both rows of a kind rest on one bound, and kinds get their part as they appear: the first waits least."""
    ledger = Ledger(LENIENT, AUDIT)
    kinds = [Plan(action, category, 1.0) for action in SANCTIONS_OF_PLANS for category in VIOLATIONS]
    for number, plan in enumerate(kinds):
        ledger.take_in(decided(1, plan, plan, start=number))
    missed = [RowKey("allow", category, "allowed") for category in VIOLATIONS]
    of_kinds = [RowKey(plan.action, plan.category, "sanctions") for plan in kinds]
    everything = [SANCTIONS, RowKey("all", "all", "allowed")]

    spent = [ledger.terms(key).alpha for key in (*everything, *of_kinds, *missed)]

    assert sum(spent) <= 1 - LENIENT.confidence
    assert ledger.terms(of_kinds[0]).alpha == ledger.terms(SANCTIONS).alpha
    assert ledger.terms(of_kinds[0]).alpha > 30 * 0.025 * 0.9 / 72
    for plan in kinds:
        own = [ledger.terms(RowKey(plan.action, plan.category, of)).alpha for of in ("sanctions", "comments")]
        assert own[0] == own[1]


def test_without_an_error_the_first_kind_of_the_ready_made_config_acts_after_some_23000_comments() -> None:
    """39,200 where every row had an equal part: what a user really waits for."""
    named = ConfigLibrary(DataFolder(Path("/nonexistent"))).load("certified").config
    assert named.autonomy is not None
    ledger, at = Ledger(named.autonomy, named.audit), 0
    floors = {DELETE: named.audit.chance.sanctions, ALLOW: named.audit.chance.allow}
    while not ledger.may_act_alone(DELETE):
        batch = [DELETE, *[ALLOW] * 19]
        ledger.take_in(
            [
                DecidedAlone(at + i, plan, floors[plan], plan if i else NoAudit.NOT_DRAWN)
                for i, plan in enumerate(batch)
            ]
        )
        at += len(batch)

    assert 22_500 <= at <= 23_500


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
    certificates = certify(tables.student_decisions, tables.expert_audits, named, "test", BASIS)
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
    assert certify(tables.student_decisions, tables.expert_audits, named, "test", BASIS).is_empty()
