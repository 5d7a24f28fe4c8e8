from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation_pipeline.evaluation.config_comparison import Row, compare, focus_of, recommended
from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline.evaluation.run_metrics import measured_run
from moderation_pipeline.warehouse.tables import COMPARISON, DIFFERENCES, ESTIMATES, METRICS_COLUMNS
from moderation_pipeline_tests.evaluation.worlds import (
    REPLY,
    comments,
    config,
    drawn_chat,
    drawn_plans,
    drawn_runs,
    run,
)


def renamed(one: Run, name: str) -> Run:
    """The same run under another config's name."""
    return replace(one, config=config(one.name).model_copy(update={"name": name}))


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_a_run_differs_from_itself_by_nothing_at_all(seed: int) -> None:
    chat = drawn_chat(seed)
    hybrid = drawn_runs(seed, chat)[2]
    table = compare(chat="demo", comments=chat, runs=[hybrid, renamed(hybrid, "twin")])
    twin = table.row(1, named=True)
    for name in DIFFERENCES:
        found = [twin[f"{name}_minus_default{end}"] for end in ("", "_low", "_high")]
        assert found in ([0.0] * 3, [None] * 3), name


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.booleans())
def test_every_interval_holds_its_estimate_and_every_share_is_a_share(seed: int, labels: bool) -> None:
    chat = drawn_chat(seed, labels=labels)
    table = compare(chat="demo", comments=chat, runs=drawn_runs(seed, chat))
    for name in ESTIMATES:
        for value, low, high in table.select(name, f"{name}_low", f"{name}_high").iter_rows():
            assert (low is None) == (high is None)
            if low is not None:
                assert low <= value <= high
                assert name.endswith("comments") or (low >= 0 and high <= 1)
    for name in DIFFERENCES:
        bounds = table.select(f"{name}_minus_default_low", f"{name}_minus_default_high").drop_nulls()
        assert name.endswith("comments") or all(-1 <= low <= high <= 1 for low, high in bounds.iter_rows())


def test_a_comparison_repeats_the_metrics_of_each_run() -> None:
    chat = drawn_chat(5)
    runs = drawn_runs(5, chat)
    table = compare(chat="demo", comments=chat, runs=runs, data_versions={"hybrid": "v1"})
    assert table.schema == COMPARISON.schema
    alone = measured_run(chat, runs[2], data_version="v1", reference=runs[3].expert_audits).metrics
    bounds = [f"{name}{end}" for name in ESTIMATES for end in ("_low", "_high")]
    same = [name for name in METRICS_COLUMNS if name not in bounds]
    assert table.filter(config="hybrid").select(same).equals(alone.select(same))


def test_a_difference_is_paired_so_what_is_hard_for_both_cancels_out() -> None:
    chat = drawn_chat(7, size=600, users=60)
    plans = drawn_plans(7, 600)
    better = [
        ("allow none" if not label else plan) if i % 10 == 0 else plan
        for i, (label, plan) in enumerate(zip(chat["label_is_violation"], plans, strict=True))
    ]
    runs = [run("hybrid", chat, student=plans), run("student_memory", chat, student=better)]
    row = compare(chat="demo", comments=chat, runs=runs).row(1, named=True)
    width = row["f1_minus_default_high"] - row["f1_minus_default_low"]
    assert row["f1_minus_default"] > 0
    assert width < 0.7 * (row["f1_high"] - row["f1_low"])


def test_without_the_default_config_there_are_no_differences_to_it() -> None:
    chat = drawn_chat(1)
    table = compare(chat="demo", comments=chat, runs=drawn_runs(1, chat)[:1])
    assert table["f1_minus_default"].to_list() == [None]
    assert table["f1"].null_count() == 0
    assert focus_of(table) == "student_only"


def test_labels_rank_configs_before_the_expert_does_and_equals_go_to_the_cheaper() -> None:
    chat = drawn_chat(2)
    runs = drawn_runs(2, chat)
    table = compare(chat="demo", comments=chat, runs=[runs[1], runs[0]])
    assert table["f1"].n_unique() == 1
    assert table.filter("is_best")["config"].to_list() == ["student_only"]
    assert table["quality"].to_list() == ["f1"] * 2
    unlabelled = compare(chat="demo", comments=drawn_chat(2, labels=False), runs=runs)
    assert unlabelled["quality"].to_list() == ["system_agreement_rate"] * 4
    assert unlabelled.filter("is_best")["config"].to_list() == ["hybrid"]


def test_agreement_measured_on_different_things_is_not_subtracted() -> None:
    chat = drawn_chat(3)
    table = compare(chat="demo", comments=chat, runs=drawn_runs(3, chat))
    row = table.filter(config="student_only").row(0, named=True)
    assert (row["agreement_basis"], row["agreement_rate_minus_default"]) == ("reference", None)
    assert row["reference_agreement_rate_minus_default"] == 0.0


def test_an_unknown_price_leaves_the_difference_in_cost_unknown() -> None:
    chat = comments([{}] * 12)
    free = run("hybrid", chat, student=["allow none"] * 12)
    dear = run(
        "student_only", chat, student=["allow none"] * 12, student_reply={**REPLY, "list_cost_usd": None}
    )
    row = compare(chat="demo", comments=chat, runs=[free, dear]).row(1, named=True)
    assert row["list_cost_usd_per_1000_comments_minus_default"] is None
    assert row["cost_usd_per_1000_comments_minus_default"] == 0.0


def test_nothing_to_compare_is_an_empty_table() -> None:
    assert compare(chat="demo", comments=comments([]), runs=[]).equals(COMPARISON.empty())


def test_weighted_audits_find_the_agreement_of_a_full_audit_on_average() -> None:
    chat = drawn_chat(11)
    student, expert = drawn_plans(1), drawn_plans(2)
    full = np.mean([s == e for s, e in zip(student, expert, strict=True)])
    chance = np.where(np.arange(300) % 3 == 0, 0.9, 0.3)
    found = []
    for seed in range(30):
        drawn = np.random.default_rng(seed).random(300) < chance
        audits = {int(i): expert[i] for i in np.flatnonzero(drawn)}
        audited = run("hybrid", chat, student=student, audits=audits, probability=list(chance))
        found.append(compare(chat="demo", comments=chat, runs=[audited])["agreement_rate"][0])
    assert np.mean(found) == pytest.approx(full, abs=0.02)


def costing(name: str, usd: float | None, audits: int, *, best: bool = False, behind: float = 0.01) -> Row:
    """A config that is the best or not shown to be worse, with what it costs per 1,000 of 1,000 comments."""
    return {
        "config": name,
        "regime": "expert_only" if audits == 1_000 else "hybrid",
        "is_default": name == "default",
        "is_best": best,
        "quality_minus_best": 0.0 if best else -behind,
        "quality_minus_best_high": 0.01,
        "list_cost_usd_per_1000_comments": usd,
        "audits": audits,
    }


@pytest.mark.parametrize(
    ("other", "chosen"),
    [
        (costing("other", 0.0, 48), "best"),  # 48 audits and 49 are chance's
        (costing("other", 0.0, 20), "other"),
        (costing("other", 0.0, 3, behind=0.001), "other"),
        (costing("other", 0.0, 49), "best"),
    ],
)
def test_of_configs_that_cost_alike_the_better_is_recommended(other: Row, chosen: str) -> None:
    assert recommended([other, costing("best", 0.0, 49, best=True)])["config"] == chosen


def test_money_counts_before_audits_and_a_tenth_of_it_does_not() -> None:
    best = costing("best", 1.0, 50, best=True)

    assert recommended([best, costing("other", 0.5, 400)])["config"] == "other"
    assert recommended([best, costing("other", 0.95, 50)])["config"] == "best"
    assert recommended([best, costing("other", None, 0)])["config"] == "best"


def test_headlines_and_cases_are_of_the_recommended_config_and_not_of_the_default() -> None:
    best, default = costing("best", 0.0, 20, best=True), costing("default", 0.0, 500)

    assert focus_of(pl.DataFrame([default, best])) == "best"


def test_where_the_expert_alone_is_recommended_cases_are_of_the_default_for_nobody_disagrees_with_it() -> (
    None
):
    expert, default = costing("expert", 0.0, 1_000, best=True), costing("default", 9.0, 100)

    assert recommended([expert, default])["config"] == "expert"
    assert focus_of(pl.DataFrame([expert, default])) == "default"
