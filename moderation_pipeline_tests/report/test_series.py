from __future__ import annotations

import polars as pl
import pytest

from moderation_pipeline.evaluation.judged import Run, judge
from moderation_pipeline.evaluation.yardstick import reference_of
from moderation_pipeline.report import series
from moderation_pipeline_tests.evaluation.worlds import REPLY, Row, comments, drawn_chat, drawn_runs, run


def judged(chat: pl.DataFrame, *runs: Run) -> dict[str, pl.DataFrame]:
    return {one.name: judge(chat, one, reference_of(one, runs)) for one in runs}


def test_every_comment_is_in_the_action_distribution_once() -> None:
    chat = comments([{}] * 4)
    done = run(
        "student_only",
        chat,
        student=["ban hate", "ban hate", "warn spam", None],
        carried_out=["ban", "allow", "warn", "undecided"],
        under_sanction=[False, True, False, False],
    )
    shares = series.action_distribution(judged(chat, done))
    counted = dict(shares.filter(pl.col("comments") > 0).select("action", "comments").iter_rows())
    assert counted == {"warn": 1, "ban": 1, "undecided": 1, "under sanction": 1}
    assert shares["action"].to_list() == list(series.ACTIONS)


def test_memory_grows_where_a_lesson_was_learnt_and_counts_what_it_began_with() -> None:
    chat = comments([{}] * 10)
    own: Row = {"chat": "demo", "source_chat": "demo", "source_config": "hybrid"}
    memories: list[Row] = [
        {**own, "learnt_at_position": 3},
        {**own, "learnt_at_position": 3},
        {**own, "learnt_at_position": 7, "retired_because": "harmed"},
        {**own, "source_chat": "another", "learnt_at_position": 5_000},
    ]
    grown = series.memory_growth(
        {"hybrid": run("hybrid", chat, student=["allow none"] * 10, memories=memories)}
    )
    assert grown.select("position", "memories").rows() == [(0, 1), (3, 3), (7, 4), (9, 4)]
    assert series.memory_growth(
        {"student_only": run("student_only", chat, student=["allow none"] * 10)}
    ).is_empty()


def test_cost_adds_up_to_the_whole_and_is_null_from_the_first_unknown_price_on() -> None:
    chat = comments([{}] * 3)
    paid = {**REPLY, "cost_usd": 0.5, "list_cost_usd": None}
    bought = run("hybrid", chat, student=["allow none"] * 3, audits={1: "allow none"}, expert_reply=paid)
    points = series.cumulative_cost(judged(chat, bought))
    assert points["cost_usd"].to_list() == [0.0, 0.5, 0.5]
    assert points["list_cost_usd"].to_list() == [0.0, None, None]
    assert points["audits"].to_list() == [0, 1, 1]
    assert points["replies"].to_list() == [1, 3, 4]


def test_agreement_over_time_is_exact_where_the_expert_judged_everything() -> None:
    chat = drawn_chat(1)
    runs = drawn_runs(1, chat)
    windows = series.agreement_over_time(judged(chat, *runs), {one.name: one for one in runs})
    assert windows["basis"].unique().to_list() == ["reference"]
    frame = judged(chat, *runs)["hybrid"]
    agree = (pl.col("student_action") == pl.col("reference_action")) & (
        pl.col("student_category") == pl.col("reference_category")
    )
    weighted = (pl.col("agreement_rate") * pl.col("comments")).sum() / pl.col("comments").sum()
    own = windows.filter(pl.col("config") == "hybrid").select(weighted).item()
    assert own == pytest.approx(frame.select(agree.mean()).item())
    assert "expert_only" not in windows["config"]


def test_agreement_over_time_from_audits_makes_windows_that_hold_enough_of_them() -> None:
    chat = drawn_chat(1)
    hybrid = drawn_runs(1, chat)[2]
    windows = series.agreement_over_time(judged(chat, hybrid), {"hybrid": hybrid})
    audits = hybrid.expert_audits.height
    assert windows["basis"].unique().to_list() == ["audits"]
    assert windows.height == audits // series.LEAST_AUDITS
    assert windows["compared"].sum() == audits


def test_a_confusion_has_four_cells_even_where_some_are_empty() -> None:
    chat = comments(
        [{"label_is_violation": True, "label_category": "hate"}, {"label_is_violation": False}, {}]
    )
    frames = judged(chat, run("student_only", chat, student=["ban hate", "allow none", "ban hate"]))
    assert series.confusion(frames)["comments"].to_list() == [1, 0, 0, 1]
    categories = series.category_confusion(frames["student_only"])
    assert categories.rows() == [("hate", "hate", 1), ("none", "none", 1)]


def test_a_long_series_is_thinned_and_keeps_its_ends() -> None:
    chat = comments([{}] * 1_000)
    points = series.cumulative_cost(judged(chat, run("student_only", chat, student=["allow none"] * 1_000)))
    assert points.height == series.POINTS
    assert (points["position"][0], points["position"][-1]) == (0, 999)


def test_a_learning_curve_needs_labels_audits_and_a_student() -> None:
    chat, unlabelled = drawn_chat(3), drawn_chat(3, labels=False)

    curve = series.learning_curve(judged(chat, *drawn_runs(3, chat)))
    assert set(curve["config"]) == {"student_memory", "hybrid"}
    assert series.learning_curve(judged(unlabelled, *drawn_runs(3, unlabelled))).is_empty()


def test_a_learning_curve_ends_at_the_share_audited_and_the_f1_of_its_last_window() -> None:
    chat = drawn_chat(5)
    rows = judge(chat, drawn_runs(5, chat)[2])
    curve = series.learning_curve({"hybrid": rows})
    last = curve.filter(pl.col("who") == "Student").row(-1, named=True)

    assert last["audit_share"] == pytest.approx(rows["audited"].mean())
    longest = -(-rows.height * series.LEAST_VIOLATIONS // int(rows["label"].sum()))
    window = rows.tail(max(rows.height // 5, longest))
    flagged, label = window["student_category"] != "none", window["label"]
    assert last["f1"] == pytest.approx(
        2 * int((flagged & label).sum()) / (int(flagged.sum()) + int(label.sum()))
    )
