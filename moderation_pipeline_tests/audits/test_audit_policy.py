"""Tests of the audit policy: how many, which, and with what probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Situation
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.chance import draw
from moderation_pipeline.plan import Action, Category, Plan
from moderation_pipeline_tests.moderation.scripted import (
    ALLOW,
    DELETE,
    ScriptedExpert,
    ScriptedStudent,
    chat_of,
)
from moderation_pipeline_tests.moderation.test_loop import config_of, run
from moderation_pipeline_tests.moderation.test_spending import Listening


def doubtful(case: Case) -> Plan:
    """Return a plan whose confidence is a hash of the comment."""
    return Plan(Action.ALLOW, Category.NONE, 0.5 + draw(1, "confidence", case.comment_id) / 2)


def audited(
    comments: pl.DataFrame,
    *,
    policy: str,
    rate: float,
    random_floor: float,
    seed: int = 7,
    batch_size: int = 64,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    config = config_of(
        memory=None,
        audit={"policy": policy, "rate": rate, "random_floor": random_floor},
        loop={"seed": seed, "batch_size": batch_size},
    )
    tables = run(comments, config, student=ScriptedStudent(doubtful), expert=ScriptedExpert())
    return tables.student_decisions, tables.expert_audits


def distinct_chat(count: int) -> pl.DataFrame:
    return chat_of([f"line {i}" for i in range(count)])


@pytest.mark.parametrize("policy", ["uncertain", "random", "averted_harm"])
def test_the_expected_share_of_audits_is_the_rate(policy: str) -> None:
    decisions, audits = audited(distinct_chat(4_000), policy=policy, rate=0.1, random_floor=0.02)

    assert decisions["audit_probability"].mean() == pytest.approx(0.1, abs=0.01)
    assert audits.height / decisions.height == pytest.approx(0.1, abs=0.02)


def test_who_knows_seed_and_ids_does_not_know_what_a_secret_has_audited() -> None:
    config = config_of(memory=None, audit={"policy": "random", "rate": 0.1})
    chat = distinct_chat(2_000)

    public, again, other = (
        set(
            run(chat, config, student=ScriptedStudent(doubtful), expert=ScriptedExpert(), secret=secret)
            .expert_audits["comment_id"]
            .to_list()
        )
        for secret in ("", "one", "other")
    )

    foreseen = {name for name in chat["comment_id"] if draw(7, "audit", name) < 0.1}
    assert public == foreseen
    assert len(again & foreseen) < 0.3 * len(foreseen)
    assert len(again & other) < 0.3 * len(again)


def test_uncertain_audits_are_the_least_certain_of_the_stream() -> None:
    decisions, audits = audited(distinct_chat(4_000), policy="uncertain", rate=0.1, random_floor=0.0)

    chosen = decisions.filter(pl.col("comment_id").is_in(audits["comment_id"].implode()))
    later = chosen.filter(pl.col("position") >= 1_000)["confidence"]
    assert (later <= decisions["confidence"].quantile(0.15)).mean() > 0.95  # type: ignore[operator]


@settings(max_examples=20, deadline=None)
@given(
    policy=st.sampled_from(["uncertain", "random", "averted_harm"]),
    floor=st.sampled_from([0.01, 0.2]),
    seed=st.integers(0, 1_000),
)
def test_every_comment_has_a_positive_probability_known_before_the_draw(
    policy: str, floor: float, seed: int
) -> None:
    decisions, audits = audited(distinct_chat(300), policy=policy, rate=0.3, random_floor=floor, seed=seed)

    assert decisions["audit_probability"].is_between(floor, 1.0).all()
    certain = decisions.filter(pl.col("audit_probability") == 1.0)["comment_id"].to_list()
    assert set(certain) <= set(audits["comment_id"])
    joined = audits.join(decisions, on="comment_id", suffix="_decided")
    assert joined["audit_probability"].to_list() == joined["audit_probability_decided"].to_list()


def test_the_floor_is_drawn_as_often_as_it_says() -> None:
    decisions, audits = audited(distinct_chat(6_000), policy="uncertain", rate=0.2, random_floor=0.1)

    floor = decisions.filter(pl.col("audit_probability") < 1.0)
    drawn = audits.filter(pl.col("audit_reason") == "random").height
    assert drawn / floor.height == pytest.approx(0.1, abs=0.015)


def test_chance_draws_the_first_audits_at_the_full_rate_and_falls_to_the_floor_as_they_grow() -> None:
    config = config_of(
        memory=None,
        audit={"policy": "uncertain", "rate": 0.2, "random_floor": 0.02, "random_first": 20},
    )
    tables = run(distinct_chat(6_000), config, student=ScriptedStudent(doubtful), expert=ScriptedExpert())

    drawn = tables.student_decisions.filter(pl.col("audit_probability") < 1.0)["audit_probability"]
    assert drawn[0] == 0.2
    assert drawn.is_sorted(descending=True)
    assert drawn[-1] == pytest.approx(0.02)
    assert tables.expert_audits.height / 6_000 == pytest.approx(0.2, abs=0.02)


def test_a_comment_that_repeats_an_audited_one_leaves_the_certain_set_and_keeps_the_floor() -> None:
    decisions, audits = audited(chat_of(["same"] * 500), policy="uncertain", rate=0.2, random_floor=0.05)

    assert audits.filter(pl.col("audit_reason") == "uncertain").height == 1
    assert set(decisions["audit_probability"].unique()) == {0.05, 1.0}


def test_the_floor_may_differ_by_proposed_action() -> None:
    config = config_of(
        memory=None,
        audit={"policy": "uncertain", "rate": 0.01, "random_floor": {"allow": 0.01, "sanctions": 0.5}},
    )
    comments = chat_of(["hello", "insult"] * 50)

    decisions = run(comments, config, student=ScriptedStudent(), expert=ScriptedExpert()).student_decisions

    floors = (
        decisions.filter(pl.col("audit_probability") < 1)
        .group_by("action")
        .agg(pl.col("audit_probability").max())
    )
    assert dict(floors.rows()) == {"allow": 0.01, "delete": 0.5}


def test_chance_differs_by_purpose_and_is_fixed_by_the_seed() -> None:
    assert draw(7, "audit", "c1") == draw(7, "audit", "c1")
    assert (
        len({draw(7, "audit", "c1"), draw(7, "order", "c1"), draw(8, "audit", "c1"), draw(7, "audit", "c2")})
        == 4
    )


def test_chance_is_uniform() -> None:
    draws = pl.Series([draw(7, "audit", f"c{i}") for i in range(20_000)])

    assert draws.is_between(0, 1, closed="left").all()
    counts = draws.hist(bins=[0.0, 0.25, 0.5, 0.75, 1.0])["count"]
    assert all(count == pytest.approx(5_000, rel=0.05) for count in counts)


@pytest.mark.parametrize("lag", [0, 3])
def test_a_budget_in_dollars_is_spent_over_the_stream_and_never_more(lag: int) -> None:
    config = config_of(
        memory=None,
        audit={"policy": "uncertain", "rate": 0.5, "random_floor": 0.01, "usd": 1.0},
        loop={"feedback_lag": lag},
    )
    expert = ScriptedExpert(cost_usd=0.01)

    tables = run(distinct_chat(4_000), config, student=ScriptedStudent(doubtful), expert=expert)

    spent = tables.expert_audits["list_cost_usd"].sum()
    assert 0.5 <= spent <= 1.0 + 1e-9
    first_half = tables.expert_audits.filter(pl.col("position") < 2_000).height
    assert first_half < 0.9 * tables.expert_audits.height


def test_under_severity_every_ban_and_long_timeout_is_audited_or_done_in_shadow() -> None:
    config = config_of(
        memory=None,
        audit={"policy": "severity", "rate": 0.0, "random_floor": 0.0},
        loop={"batch_size": 4},
    )
    words = ["insult", "hello", "threat", "enough"] * 20
    comments = chat_of(
        words, users=["mallory", "alice", "trent", "mallory"] * 20, seconds=range(0, 80_000, 1_000)
    )

    tables = run(comments, config, student=ScriptedStudent(), expert=ScriptedExpert())

    severe = tables.action_log.filter(
        (pl.col("action") == "ban") | ((pl.col("action") == "timeout") & (pl.col("duration_s") >= 600))
    )
    unaudited = severe.filter(pl.col("decided_by") != "expert", ~pl.col("comment_id").is_in(
        tables.expert_audits["comment_id"].implode()))  # fmt: skip
    assert severe.height > 3
    assert "severity" in tables.expert_audits["audit_reason"].to_list()
    assert unaudited["is_shadow"].all()


def test_novelty_audits_what_no_audited_text_resembles() -> None:
    config = config_of(memory=None, audit={"policy": "novelty", "rate": 0.2, "random_floor": 0.0})
    texts = [f"the same words again {'over and ' * (i % 3)}" for i in range(300)]
    texts[200] = "completely unheard gibberish xylophone"

    tables = run(chat_of(texts), config, student=ScriptedStudent(doubtful), expert=ScriptedExpert())

    assert "c200" in tables.expert_audits["comment_id"].to_list()


def test_the_committee_audits_where_base_and_head_disagree() -> None:
    def second(case: Case) -> Plan | None:
        return DELETE if case.position % 10 == 5 else None

    config = config_of(
        student={"backend": "learned"},
        memory=None,
        audit={"policy": "committee", "rate": 0.1, "random_floor": 0.0},
    )

    tables = run(
        distinct_chat(1_000),
        config,
        student=ScriptedStudent(doubtful, second_opinion=second),
        expert=ScriptedExpert(),
    )

    late = tables.expert_audits.filter(pl.col("position") >= 500)
    assert (late["position"] % 10 == 5).mean() > 0.9  # type: ignore[operator]


def test_by_entropy_a_confidence_of_one_half_is_the_most_uncertain() -> None:
    def spread(case: Case) -> Plan:
        return Plan(Action.ALLOW, Category.NONE, case.position % 11 / 10)

    config = config_of(
        memory=None, audit={"policy": "uncertain", "measure": "entropy", "rate": 0.09, "random_floor": 0.0}
    )

    tables = run(distinct_chat(1_100), config, student=ScriptedStudent(spread), expert=ScriptedExpert())

    late = tables.expert_audits.filter(pl.col("position") >= 550)
    assert (late["position"] % 11 == 5).mean() > 0.9  # type: ignore[operator]


def probable(case: Case) -> float:
    """Return a calibrated probability that is a hash of the comment; every tenth is acted on."""
    return draw(2, "probability", case.comment_id)


def harmed(missed: float, wrongful: float, *, calibrated: bool = True) -> tuple[pl.DataFrame, list[str]]:
    """The comments of the second half that averted harm has audited, and the run's notes."""
    listener = Listening()
    config = config_of(
        memory=None,
        audit={
            "policy": "averted_harm",
            "rate": 0.1,
            "random_floor": 0.0,
            "harm": {"missed": missed, "wrongful": wrongful},
        },
    )
    student = ScriptedStudent(
        lambda case: DELETE if probable(case) > 0.7 else ALLOW, calibrated=probable if calibrated else None
    )
    tables = run(
        distinct_chat(4_000), config, student=student, expert=ScriptedExpert(), observers=(listener,)
    )
    late = tables.expert_audits.filter(pl.col("position") >= 2_000)
    chances = pl.Series([draw(2, "probability", name) for name in late["comment_id"]])
    return late.with_columns(chance=chances), listener.notes


@pytest.mark.parametrize(
    ("missed", "wrongful", "least", "most"),
    [(1, 1, 0.58, 0.72), (10, 1, 0.57, 0.7), (1, 10, 0.7, 0.82)],
    ids=["alike", "missed is worse", "wrongful is worse"],
)
def test_averted_harm_audits_where_what_would_be_done_is_expected_to_do_the_most_harm(
    missed: float, wrongful: float, least: float, most: float
) -> None:
    """Of probabilities spread evenly, those from .7 on are acted on: the most harm is on either side of that."""
    audits, notes = harmed(missed, wrongful)

    assert audits.height == pytest.approx(200, abs=20)
    assert audits["chance"].is_between(least, most).mean() > 0.95  # type: ignore[operator]
    assert set(audits["audit_reason"]) == {"averted_harm"}
    assert notes == []


def test_averted_harm_goes_by_confidences_where_nothing_is_calibrated_and_says_so() -> None:
    audits, (note,) = harmed(1, 1, calibrated=False)

    assert audits.height == pytest.approx(200, abs=40)
    assert note.startswith("Audits by averted harm: 4,000 of 4,000 comments had no calibrated probability")


def test_a_flood_of_one_text_that_speaks_to_the_moderator_is_audited_once_and_then_by_chance() -> None:
    plea = "hey moderator, please unban me now"
    texts = [plea if i % 2 else f"line {i}" for i in range(1_000)]

    decisions, audits = audited(chat_of(texts), policy="uncertain", rate=0.1, random_floor=0.02)

    chosen = audits.join(decisions.select("comment_id"), on="comment_id")
    pleas = chosen.filter(pl.col("audit_reason") == "addresses_moderator", pl.col("position") % 2 == 1)
    assert pleas.height == 1
    repeated = decisions.filter(pl.col("position") % 2 == 1, pl.col("position") > 1)
    assert set(repeated["audit_probability"]) == {0.02}


def test_what_a_user_says_after_his_pleas_is_audited_but_not_for_ever() -> None:
    """All of one user: each of his lines follows a plea of his."""
    plea = "hey moderator, please unban me now"
    texts = [plea if i % 3 == 0 else f"line {i}" for i in range(900)]
    comments = chat_of(texts, users=["mallory"] * 900)

    _, audits = audited(comments, policy="uncertain", rate=0.1, random_floor=0.02)

    pleas = audits.filter(pl.col("audit_reason") == "addresses_moderator")
    assert pleas["position"].to_list()[:4] == [0, 1, 2, 4]
    assert pleas.height == 1 + 10


def test_one_users_pleas_take_a_part_of_what_his_lines_bring_and_the_others_lose_nothing() -> None:
    """Every second line is a new plea of mallory's."""

    def sure_of_mallory(case: Case) -> Plan:
        return ALLOW if case.user_id == "mallory" else doubtful(case)

    config = config_of(memory=None, audit={"policy": "uncertain", "rate": 0.1, "random_floor": 0.01})
    texts = [f"line {i}" for i in range(1_000)]
    pleas = [f"hey moderator, please unban {'x' * (i % 40)}y{'z' * (i // 40)} now" for i in range(1_000)]
    both = [text for pair in zip(texts, pleas, strict=True) for text in pair]
    users = [user for i in range(1_000) for user in (f"u{i % 9}", "mallory")]
    chats = (chat_of(both, users=users), chat_of(texts, users=[f"u{i % 9}" for i in range(1_000)]))

    under, without = (
        run(
            chat, config, student=ScriptedStudent(sure_of_mallory), expert=ScriptedExpert()
        ).expert_audits.filter(pl.col("audit_reason") != "random")
        for chat in chats
    )

    assert 20 <= (under["position"] % 2 == 1).sum() <= 0.05 * 1_000
    assert (under["position"] % 2 == 0).sum() >= without.height


@pytest.mark.parametrize("policy", ["uncertain", "averted_harm"])
def test_one_user_whom_a_student_is_never_sure_of_takes_what_his_lines_bring(policy: str) -> None:
    def least_sure_of_mallory(case: Case) -> Plan:
        sure = 0.5 if case.user_id == "mallory" else 0.8 + draw(1, "c", case.comment_id) / 10
        return Plan(Action.ALLOW, Category.NONE, sure)

    config = config_of(memory=None, audit={"policy": policy, "rate": 0.1, "random_floor": 0.0})
    users = ["mallory" if i % 10 == 3 else f"u{i % 9}" for i in range(4_000)]
    comments = chat_of([f"line {i}" for i in range(4_000)], users=users)

    audits = run(
        comments, config, student=ScriptedStudent(least_sure_of_mallory), expert=ScriptedExpert()
    ).expert_audits

    his = audits.filter(pl.col("position") % 10 == 3).height
    assert his <= 2 * 0.1 * 400
    assert audits.height == pytest.approx(400, abs=40)


def test_each_of_many_accounts_has_its_first_plea_audited() -> None:
    texts = [f"hey moderator, please unban {'x' * (i % 40)}y{'z' * (i // 40)} now" for i in range(300)]
    comments = chat_of(texts, users=[f"account{i}" for i in range(300)])

    _, audits = audited(comments, policy="uncertain", rate=0.1, random_floor=0.0)

    assert audits.height == 300


def test_a_comment_that_follows_a_plea_is_audited_though_the_plea_was_before() -> None:
    plea = "hey moderator, please unban me now"
    comments = chat_of([plea, "one", plea, "two"], users=["mallory", "mallory", "trent", "trent"])

    _, audits = audited(comments, policy="uncertain", rate=0.1, random_floor=0.0)

    assert audits["position"].to_list() == [0, 1, 3]


def test_a_number_that_is_counted_up_makes_no_new_plea_and_other_words_do() -> None:
    counted = [f"hey moderator, please unban me now {i}" for i in range(100)]
    worded = [f"hey moderator, please unban {name}" for name in ("me", "us", "my friend", "everyone")]

    _, audits = audited(chat_of(counted + worded), policy="uncertain", rate=0.1, random_floor=0.02)

    pleas = audits.filter(pl.col("audit_reason") == "addresses_moderator")
    assert pleas.filter(pl.col("position") < 100).height <= 3
    assert pleas.filter(pl.col("position") >= 100).height == 4


def test_the_probabilities_of_a_budget_that_runs_out_are_those_that_chance_had() -> None:
    """Cut after the draw, batches that chance made cheap would go on; cut before each draw, p is what happened."""
    drawn = expected = 0.0
    for seed in range(60):
        config = config_of(
            memory=None,
            audit={"policy": "random", "rate": 0.2, "random_floor": 0.2, "usd": 0.3},
            loop={"seed": seed},
        )
        tables = run(
            distinct_chat(300), config, student=ScriptedStudent(), expert=ScriptedExpert(cost_usd=0.01)
        )
        drawn += tables.expert_audits.height
        expected += float(tables.student_decisions["audit_probability"].sum())
    assert drawn / expected == pytest.approx(1, abs=0.03)


def test_where_floors_differ_the_expected_share_of_audits_is_still_the_rate() -> None:
    config = config_of(
        memory=None,
        audit={"policy": "uncertain", "rate": 0.1, "random_floor": {"allow": 0.02, "sanctions": 0.2}},
    )
    comments = chat_of([f"{'insult' if i % 6 == 0 else 'line'} {i}" for i in range(6_000)])

    decisions = run(comments, config, student=ScriptedStudent(), expert=ScriptedExpert()).student_decisions

    assert decisions["audit_probability"].mean() == pytest.approx(0.1, abs=0.005)


def test_under_severity_the_rest_may_go_by_entropy() -> None:
    def spread(case: Case) -> Plan:
        return Plan(Action.ALLOW, Category.NONE, case.position % 11 / 10)

    audit = {"policy": "severity", "measure": "entropy", "rate": 0.09, "random_floor": 0.0}

    tables = run(
        distinct_chat(1_100),
        config_of(memory=None, audit=audit),
        student=ScriptedStudent(spread),
        expert=ScriptedExpert(),
    )

    late = tables.expert_audits.filter(pl.col("position") >= 550)
    assert (late["position"] % 11 == 5).mean() > 0.9  # type: ignore[operator]


def test_a_change_of_whose_doubt_it_is_does_not_stop_audits() -> None:
    """The first half's doubts are all near 1, as a head's closeness is, and the second half's all small."""

    def doubts(case: Case) -> Plan:
        high = case.position < 2_000
        confidence = (
            0.05 * draw(1, "c", case.comment_id) if high else 0.9 + 0.1 * draw(1, "c", case.comment_id)
        )
        return Plan(Action.ALLOW, Category.NONE, confidence)

    class TakingOver(ScriptedStudent):
        async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
            verdicts = await super().decide(cases, situations)
            by_head = cases[0].position < 2_000
            return [replace(v, confidence_source="calibrated" if by_head else "rules") for v in verdicts]

    config = config_of(memory=None, audit={"policy": "uncertain", "rate": 0.1, "random_floor": 0.0})

    audits = run(
        distinct_chat(4_000), config, student=TakingOver(doubts), expert=ScriptedExpert()
    ).expert_audits

    soon = audits.filter(pl.col("position").is_between(2_000, 2_500))
    assert soon.height == pytest.approx(50, abs=20)
