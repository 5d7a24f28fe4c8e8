"""Tests of certificates at the end of a run: the stored tables say what the loop knew, whatever failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation_pipeline.agents.build_agents import Agents
from moderation_pipeline.agents.keyless.rules import RulesStudent
from moderation_pipeline.agents.student import Student
from moderation_pipeline.agents.tiers import Tier, TieredStudent
from moderation_pipeline.cases.audit_reason import AuditReason
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.settled import Settled
from moderation_pipeline.cases.situation import Situation
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.certificates.certificate_table import certify
from moderation_pipeline.certificates.certified_basis import Basis
from moderation_pipeline.certificates.decided_alone import decided_alone
from moderation_pipeline.certificates.ledger import Certificate, Ledger
from moderation_pipeline.config.run_config import AutonomySpec, Config, NamedConfig
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.moderation.loop import moderate
from moderation_pipeline.moderation.run_tables import RunTables
from moderation_pipeline.moderation.trace import RunObserver
from moderation_pipeline.plan import Plan
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.moderation.scripted import (
    Script,
    ScriptedExpert,
    ScriptedStudent,
    by_first_word,
    chat_of,
)

BASIS = Basis("config", "sanctions", "rules", "agents", "", "")
LENIENT = AutonomySpec(
    max_wrongful_per_1000_sanctions=100, max_wrongful_per_1000_comments=100, max_missed_per_1000_allowed=100
)
INSULTS = 800
UNSURE = 0.5


def certified_config(*, lag: int = 0, batch_size: int = 64, **parts: object) -> Config:
    return Config.model_validate(
        {
            "student": {"backend": "rules"},
            "memory": None,
            "audit": {"policy": "random", "rate": 0.5},
            "autonomy": LENIENT.model_dump(),
            "loop": {"batch_size": batch_size, "feedback_lag": lag},
            "expected_violations_per_1000": None,
            **parts,
        }
    )


def strangers(texts: Sequence[str]) -> pl.DataFrame:
    """A chat in which nobody writes twice, so that the ladder never climbs."""
    return chat_of(texts, users=[f"u{i}" for i in range(len(texts))])


class Served(ScriptedStudent):
    """A Student whose replies name the model that answered, and what it costs at list price."""

    def __init__(
        self,
        model_at: Callable[[int], str | None],
        *,
        script: Script = by_first_word,
        usd: float = 0.0,
        doubt: Callable[[int], float] = lambda _: 0.0,
    ) -> None:
        super().__init__(script)
        self._model_at = model_at
        self._usd = usd
        self._doubt = doubt

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        decided = await super().decide(cases, situations)
        return [self._named(verdict, case) for verdict, case in zip(decided, cases, strict=True)]

    def _named(self, verdict: Verdict, case: Case) -> Verdict:
        model = self._model_at(case.position)
        receipt = replace(verdict.receipt, model=model, list_cost_usd=self._usd)
        return replace(verdict, receipt=receipt, doubt=self._doubt(case.position))

    def worst_case_usd(self, cases: Sequence[Case], situations: Sequence[Situation]) -> float | None:  # noqa: ARG002
        return self._usd * len(cases)


class ServedExpert(ScriptedExpert):
    """An Expert whose replies name a model; each audit costs ten cents."""

    def __init__(
        self, model_at: Callable[[int], str] = lambda _: "e1", *, script: Script = by_first_word
    ) -> None:
        super().__init__(script, cost_usd=0.1)
        self._model_at = model_at

    async def audit(self, cases: Sequence[Case]) -> list[Verdict]:
        audited = await super().audit(cases)
        return [
            replace(verdict, receipt=replace(verdict.receipt, model=self._model_at(case.position)))
            for verdict, case in zip(audited, cases, strict=True)
        ]

    def worst_case_usd(self, cases: Sequence[Case]) -> float | None:
        return 0.1 * len(cases)


class OfTheLoop(RunObserver):
    """Keeps the ledger that the loop keeps, from what it tells of each batch."""

    def __init__(self, config: Config) -> None:
        assert config.autonomy is not None
        self.ledger = Ledger(config.autonomy, config.audit)

    def settled(self, batch: Sequence[Settled]) -> None:
        self.ledger.take_in(list(decided_alone(batch)))


def run(
    comments: pl.DataFrame,
    config: Config,
    student: Student,
    expert: ScriptedExpert,
    *,
    fallback: Student | None = None,
) -> tuple[RunTables, Ledger]:
    folder, kept = DataFolder.find(), OfTheLoop(config)
    tables = moderate(
        comments,
        NamedConfig(name="scripted", path=folder.root, config=config),
        agents=Agents(student, expert, fallback),
        memory=None,
        ladder=Ladder(load_sanctions("default", folder)),
        observers=[kept],
    )
    return tables, kept.ledger


def table_of(tables: RunTables, config: Config) -> pl.DataFrame:
    named = NamedConfig(name="scripted", path=DataFolder.find().root, config=config)
    return certify(tables.student_decisions, tables.expert_audits, named, "test", BASIS)


def in_columns(certificates: Sequence[Certificate]) -> list[tuple[object, ...]]:
    return [
        (
            *(*each.key, each.comments, each.audits, each.errors, each.unread_audits, each.bound),
            *(each.status, each.reason, each.audits_needed, each.window_from, each.window_to),
        )
        for each in certificates
    ]


IN_TABLE = ("action", "category", "denominator", "comments", "audits", "errors", "unread_audits", "bound")
ALSO_IN_TABLE = ("status", "reason", "audits_needed", "window_from", "window_to")


def sanctions_by(tables: RunTables, *deciders: str) -> pl.DataFrame:
    by = pl.col("decided_by").is_in(deciders)
    return tables.action_log.filter(by, pl.col("action") == "delete").sort("position")


def overall(table: pl.DataFrame, of: str) -> dict[str, object]:
    return table.filter(pl.col("action") == "all", pl.col("denominator") == of).row(0, named=True)


@settings(max_examples=20, deadline=None)
@given(
    texts=st.lists(
        st.sampled_from(["insult", "insult unread", "hello", "hello unread", "broken", "spam"]), max_size=60
    ),
    batch_size=st.integers(1, 20),
    lag=st.integers(0, 2),
    models=st.lists(st.sampled_from(["m1", "m2", None]), min_size=1, max_size=3),
    experts=st.lists(st.sampled_from(["e1", "e2"]), min_size=1, max_size=2),
    is_tiered=st.booleans(),
    parts=st.sampled_from(
        [
            {},
            {"audit": {"policy": "uncertain", "rate": 0.5, "random_floor": 0.3}},
            {"audit": {"policy": "uncertain", "rate": 0.5, "random_floor": 0.3, "usd": 1.0}},
            {"budget": {"usd_per_run": 1.0, "when_spent": "rules"}},
        ]
    ),
)
def test_the_stored_tables_say_what_the_loop_knew(
    texts: list[str],
    batch_size: int,
    lag: int,
    models: list[str | None],
    experts: list[str],
    is_tiered: bool,
    parts: dict[str, object],
) -> None:
    config = certified_config(lag=lag, batch_size=batch_size, **parts)
    student: Student = Served(lambda position: models[position * len(models) // 61], usd=0.01)
    if is_tiered:
        rules = Served(lambda _: None, doubt=lambda position: float(position % 3 == 0))
        student = TieredStudent([Tier("rules", rules, UNSURE), Tier("dear", student, 1.0)])
    expert = ServedExpert(lambda position: experts[position * len(experts) // 61], script=unread_where_said)

    tables, ledger = run(strangers(["hello", *texts]), config, student, expert)

    stored = table_of(tables, config).select(*IN_TABLE, *ALSO_IN_TABLE)
    assert stored.rows() == in_columns(list(ledger.certificates()))


def unread_where_said(case: Case) -> Plan | None:
    return None if case.text.endswith("unread") else by_first_word(case)


def test_an_expert_that_fails_at_everything_certifies_nothing() -> None:
    config = certified_config()

    tables, _ = run(
        strangers(["insult", "hello"] * INSULTS),
        config,
        ScriptedStudent(),
        ScriptedExpert(lambda _: None),
    )

    table = table_of(tables, config)
    assert set(table["status"]) == {"not_yet"}
    sanctions = overall(table, "sanctions")
    assert sanctions["unread_audits"] == sanctions["errors"] == sanctions["audits"]
    assert sanctions_by(tables, "student")["is_shadow"].all()


def test_tiers_of_which_one_is_a_model_keep_one_window_and_come_to_act_alone() -> None:
    config = certified_config()
    rules = Served(lambda _: None, doubt=lambda position: float(position // 2 % 3 == 0))
    student = TieredStudent([Tier("rules", rules, UNSURE), Tier("dear", Served(lambda _: "m"), 1.0)])

    tables, ledger = run(strangers(["insult", "hello"] * INSULTS), config, student, ServedExpert())

    assert ledger.window_from == 0
    assert set(tables.student_decisions["model"]) == {None, "m"}
    assert overall(table_of(tables, config), "sanctions")["status"] == "valid"
    assert not sanctions_by(tables, "student")["is_shadow"].tail(20).any()


def test_once_the_money_for_audits_is_spent_nothing_acts_alone() -> None:
    config = certified_config(audit={"policy": "random", "rate": 0.5, "usd": 60})

    tables, _ = run(strangers(["insult"] * 1_600), config, ScriptedStudent(), ServedExpert())

    alone = sanctions_by(tables, "student")
    unaudited = tables.student_decisions.filter(pl.col("audit_probability") == 0)["position"]
    assert overall(table_of(tables, config), "sanctions")["status"] == "valid"
    assert unaudited.len() > 100
    assert not alone.filter(pl.col("position").is_between(unaudited[0] - 64, unaudited[0] - 1))[
        "is_shadow"
    ].any()
    after = alone.filter(pl.col("position").is_in(unaudited.implode()))
    assert after["is_shadow"].all()
    assert after["reason"][0] == "an insult (in shadow: it could not be audited)"


@pytest.mark.parametrize(
    ("degraded", "why"),
    [("audits_off", "it could not be audited"), ("rules", "others decided in the certified Student's place")],
)
def test_once_the_run_has_given_up_audits_or_its_student_nothing_acts_alone(degraded: str, why: str) -> None:
    """An audit costs a hundred decisions: audits are given up first, and some batches later the Student."""
    config = certified_config(budget={"usd_per_run": 25, "when_spent": "rules"}, batch_size=8)

    tables, _ = run(
        strangers(["insult you stupid idiot"] * 800), config, Served(lambda _: "m", usd=0.001), ServedExpert()
    )

    is_degraded = tables.student_decisions.select("position", "degraded")
    log = tables.action_log.join(is_degraded, on="position").filter(pl.col("decided_by") == "student")
    before = log.filter(pl.col("degraded").is_null())
    after = log.filter(pl.col("degraded") == degraded)
    assert not before["is_shadow"].tail(20).any()
    assert after.height > 20
    assert after["is_shadow"].all()
    assert after["reason"].str.ends_with(f"(in shadow: {why})").all()


def test_a_fallback_and_a_students_plan_whose_certain_audit_failed_are_shadows() -> None:
    """The Student fails at `broken`, and the Expert too: the fallback, by rules, decides; both fail at the audit."""
    config = certified_config(fallback="rules")
    both = [
        (f"broken {letter} you stupid idiot", f"insult {letter} at once") for letter in "abcdefghijklmnopqrst"
    ]
    texts = ["insult"] * INSULTS + [text for pair in both for text in pair]

    tables, _ = run(
        strangers(texts),
        config,
        AsksForAudits(),
        ScriptedExpert(lambda case: by_first_word(case) if case.text == "insult" else None),
        fallback=RulesStudent(),
    )

    late = tables.action_log.filter(pl.col("position") >= INSULTS, pl.col("action") != "allow")
    before = sanctions_by(tables, "student").filter(pl.col("position") < INSULTS)
    assert not before["is_shadow"].tail(20).any()
    assert set(late["decided_by"]) == {"fallback", "student"}
    assert late["is_shadow"].all()


class AsksForAudits(ScriptedStudent):
    """Wants whatever is said `at once` audited."""

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        decided = await super().decide(cases, situations)
        return [
            replace(verdict, must_audit=AuditReason.ADDRESSES_MODERATOR)
            if case.text.endswith("at once")
            else verdict
            for verdict, case in zip(decided, cases, strict=True)
        ]
