"""Tests of a chat's runs as judges: what is held against the labels, and how sure of it a run was."""

from __future__ import annotations

import polars as pl
import pytest

from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline.evaluation.scored.judged_rows import JudgedRows
from moderation_pipeline.evaluation.scored.run_judges import NoLabelsError, judged_runs, verdicts_of
from moderation_pipeline.evaluation.scored.score_metrics import Measured, estimates_frame
from moderation_pipeline_tests.evaluation.worlds import comments, drawn_chat, drawn_plans, metrics, run

LABELS = [True, True, False, None]


def verdicts(judged: JudgedRows, name: str) -> list[tuple[bool | None, float | None]]:
    return list(judged.rows.select(f"flag:{name}", pl.col(f"score:{name}").round(3)).iter_rows())


def sure(of: Run, **confidences: list[float]) -> Run:
    """A run whose Student and Expert are as sure as said, comment by comment."""
    tables = {
        name: getattr(of, name).with_columns(confidence=pl.Series(values, dtype=pl.Float64))
        for name, values in confidences.items()
    }
    return Run(**{**{slot: getattr(of, slot) for slot in Run.__slots__}, **tables})


def test_a_verdict_is_the_plan_that_stood_and_its_score_how_likely_that_says_a_violation_is() -> None:
    chat = comments([{"label_is_violation": label} for label in LABELS])
    hybrid = run(
        "hybrid",
        chat,
        student=["allow none", "warn spam", "allow none", "allow none"],
        audits={0: "ban hate"},
    )
    hybrid = sure(hybrid, student_decisions=[0.9, 0.8, 0.7, 0.6], expert_audits=[0.95])
    judged = judged_runs(chat, [hybrid])
    assert verdicts(judged, "hybrid") == [(True, 0.95), (True, 0.8), (False, 0.3)]
    assert judged.rows["row"].to_list() == [0, 1, 2], "the comment without a label is judged by nobody"


def test_labels_as_expert_do_not_mark_themselves() -> None:
    chat = comments([{"label_is_violation": label} for label in LABELS])
    marked = run("learned_labels", chat, student=["allow none"] * 4, audits={0: "ban hate"})
    assert verdicts(judged_runs(chat, [marked]), "learned_labels")[0][0] is False


def test_what_was_left_undecided_has_neither_verdict_nor_score() -> None:
    chat = comments([{"label_is_violation": label} for label in LABELS])
    alone = run("student_only", chat, student=["ban hate", None, "allow none", None])
    assert verdicts(judged_runs(chat, [alone]), "student_only")[1] == (None, None)


def test_the_scores_are_those_of_the_metrics() -> None:
    chat = drawn_chat(3, size=800)
    of = run("student_only", chat, student=drawn_plans(3, 800))
    row = metrics(chat, of)
    found = estimates_frame(Measured.of(judged_runs(chat, [of]))).row(0, named=True)
    for name in ("precision", "recall", "f1", "macro_f1"):
        for end in ("", "_low", "_high"):
            assert found[f"{name}{end}"] == pytest.approx(row[f"{name}{end}"], abs=1e-12)


def test_who_labelled_is_the_one_that_promises_least() -> None:
    sources = ["dataset", "synthetic", "moderators"]
    mixed = comments([{"label_is_violation": True, "label_source": each} for each in sources])
    alone = run("student_only", mixed, student=["ban hate"] * 3)
    assert judged_runs(mixed, [alone]).label_source == "generator"


def test_a_chat_without_labels_is_refused_and_told_where_to_look() -> None:
    chat = comments([{}] * 3)
    with pytest.raises(NoLabelsError, match="'demo' has no labels"):
        judged_runs(chat, [run("student_only", chat, student=["ban hate"] * 3)])


def test_verdicts_are_the_same_with_clusters_by_number_and_no_threshold_chosen() -> None:
    chat = drawn_chat(3, size=300)
    of = run("student_only", chat, student=drawn_plans(3, 300))
    named, numbered = judged_runs(chat, [of]).rows, verdicts_of(chat, [of]).rows
    assert numbered.drop("cluster").equals(named.select(numbered.drop("cluster").columns))
    assert numbered["cluster"].n_unique() == named["cluster"].n_unique() < named.height
    assert named.schema["cluster"] == pl.String
