from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from moderation_pipeline.certificates.certified_basis import basis_of, provenance_of
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.evaluation.comparable import RunOfOtherCommentsError
from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline.terminal.listings import NoSuchChatError, NothingRunError
from moderation_pipeline.terminal.questions.changes_answers import ThresholdError, flips, what_if
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import (
    ACTION_LOG,
    COMMENTS,
    EXPERT_AUDITS,
    INGESTION,
    METRICS,
    PROVENANCE,
    STUDENT_DECISIONS,
)
from moderation_pipeline.warehouse.views import query
from moderation_pipeline_tests.evaluation.worlds import comments, run
from moderation_pipeline_tests.warehouse.rows import rows_of, write_table


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """A chat of three comments, run under two configs that differ about the second and the third."""
    folder = DataFolder(tmp_path)
    chat = comments([{"label_is_violation": each} for each in (False, True, False)])
    write_table(chat, folder, COMMENTS, "demo")
    for name, plans in (
        ("student_only", ["allow none", "allow none", "ban hate"]),
        ("hybrid", ["allow none", "delete harassment", "allow none"]),
    ):
        store(run(name, chat, student=plans), folder)
    return folder


def store(made: Run, folder: DataFolder) -> None:
    confident = made.student_decisions.with_columns(confidence=pl.lit(0.7), rule=pl.lit("R1"))
    log = made.action_log.with_columns(decided_by=pl.lit("student"), reason=pl.lit("why"))
    write_table(confident, folder, STUDENT_DECISIONS, "demo", made.name)
    write_table(made.expert_audits, folder, EXPERT_AUDITS, "demo", made.name)
    write_table(log, folder, ACTION_LOG, "demo", made.name)


def test_what_flipped_is_told_by_way_category_and_rule_with_the_lines(folder: DataFolder) -> None:
    found = flips(folder, "demo", "student_only", "hybrid")

    assert "2 of 3 comments fare otherwise, 1 more harshly and 1 more mildly" in found.said
    assert found.totals.filter(pl.col("action") == "ban").row(0) == ("ban", 1, 0)
    assert found.rules.select("way", "category_after", "rule_after", "labelled_violations").rows() == [
        ("harsher", "harassment", "R1", 1),
        ("milder", "none", "R1", 0),
    ]
    assert found.costliest(1)["text"].to_list() == ["line 2"], "a ban first"


def test_a_threshold_spares_whom_the_student_was_less_sure_about(folder: DataFolder) -> None:
    found = what_if(folder, "demo", "hybrid", ["harassment=.8"], None)

    assert "1 of 3 comments fare otherwise, 0 more harshly and 1 more mildly" in found.said
    assert "kept no probability of what it let through" in found.said
    assert found.lines.select("before", "after").rows() == [("delete", "allow")]


@pytest.mark.parametrize("given", ["harassment", "harassment=2", "harassment=x", "harassmnet=.8", "none=.5"])
def test_a_threshold_that_can_not_be_read_is_refused_with_what_is_allowed(
    folder: DataFolder, given: str
) -> None:
    with pytest.raises(
        ThresholdError, match=r"CATEGORY=SHARE, such as harassment=\.8.*Categories are: harassment"
    ):
        what_if(folder, "demo", "hybrid", [given], None)


def test_a_run_of_other_comments_is_not_replayed_over_these(folder: DataFolder) -> None:
    write_table(comments([{}] * 5), folder, COMMENTS, "demo")
    with pytest.raises(RunOfOtherCommentsError, match="moderation run demo -c hybrid"):
        what_if(folder, "demo", "hybrid", [], None)


def test_a_chat_or_a_run_that_is_not_there_is_named(folder: DataFolder) -> None:
    with pytest.raises(NothingRunError):
        flips(folder, "demo", "student_only", "expert_only")
    with pytest.raises(NoSuchChatError):
        what_if(folder, "dmeo", "hybrid", [], None)


def test_a_run_of_other_comments_of_the_same_ids_is_not_replayed_over_these(folder: DataFolder) -> None:
    write_table(
        rows_of(METRICS, {"chat": "demo", "config": "hybrid", "data_version": "before"}),
        folder,
        METRICS,
        "demo",
        "hybrid",
    )
    write_table(rows_of(INGESTION, {"chat": "demo", "data_version": "before"}), folder, INGESTION, "demo")
    assert what_if(folder, "demo", "hybrid", [], None).lines.is_empty()

    write_table(rows_of(INGESTION, {"chat": "demo", "data_version": "now"}), folder, INGESTION, "demo")
    with pytest.raises(RunOfOtherCommentsError):
        what_if(folder, "demo", "hybrid", [], None)


def test_a_run_is_replayed_under_its_config_as_it_was_then(folder: DataFolder) -> None:
    now = ConfigLibrary(folder).load("hybrid")
    then = now.model_copy(update={"config": now.config.model_copy(update={"sanctions": "strict"})})
    under_strict = what_if(folder, "demo", "hybrid", [], "strict").lines
    assert under_strict.height

    kept = provenance_of(then, basis_of(then, folder, "demo"), "demo")
    write_table(kept, folder, PROVENANCE, "demo", "hybrid")
    found = what_if(folder, "demo", "hybrid", [], None)
    assert found.lines.equals(under_strict)
    assert "Since that run" not in found.said

    write_table(kept.with_columns(sanctions_version=pl.lit("older")), folder, PROVENANCE, "demo", "hybrid")
    assert "Since that run its sanctions file changed" in what_if(folder, "demo", "hybrid", [], None).said


def test_what_moderators_let_be_is_not_called_innocent(folder: DataFolder) -> None:
    found = flips(folder, "demo", "student_only", "hybrid")
    assert found.costliest(2)["label"].to_list() == ["innocent", "violation"]

    chat = comments(
        [{"label_is_violation": each, "label_source": "moderators"} for each in (False, True, False)]
    )
    write_table(chat, folder, COMMENTS, "demo")
    found = flips(folder, "demo", "student_only", "hybrid")
    assert found.costliest(2)["label"].to_list() == ["let be", "acted on"]
    assert "they may not have seen" in found.said


def test_what_a_silenced_user_writes_is_among_the_totals(folder: DataFolder) -> None:
    chat = comments([{}, {}])
    write_table(chat, folder, COMMENTS, "demo")
    made = run("hybrid", chat, student=["ban hate", "delete harassment"])
    silenced = made.action_log.with_columns(under_sanction=pl.col("comment_id") == chat["comment_id"][1])
    store(replace(made, action_log=silenced), folder)
    store(run("student_only", chat, student=["allow none", "allow none"]), folder)

    found = flips(folder, "demo", "hybrid", "student_only")
    in_sql = query(folder, "select comment_id from flips where chat = 'demo' order by position")
    assert in_sql["comment_id"].to_list() == found.lines["comment_id"].to_list()
    totals = found.totals
    assert totals.filter(action="silenced").row(0) == ("silenced", 1, 0)
    assert totals.filter(action="delete").row(0) == ("delete", 0, 0)
