from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from moderation_pipeline.certificates.certified_basis import basis_of, provenance_of
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.evaluation.comparable import RunOfOtherCommentsError
from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline.terminal.listings import NoSuchChatError, NothingRunError
from moderation_pipeline.terminal.questions.changes_answers import (
    NoOutcomesKeptError,
    ThresholdError,
    flips,
    flips_since_accepted,
    what_if,
)
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import (
    ACCEPTED_RUN,
    ACTION_LOG,
    COMMENTS,
    EXPERT_AUDITS,
    INGESTION,
    METRIC_HISTORY,
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


def test_what_flips_between_runs_of_two_versions_may_be_the_code_s(folder: DataFolder) -> None:
    for config in ("student_only", "hybrid"):
        named = ConfigLibrary(folder).load(config)
        kept = provenance_of(named, basis_of(named, folder, "demo"), "demo")
        write_table(kept, folder, PROVENANCE, "demo", config)
    assert "version" not in flips(folder, "demo", "student_only", "hybrid").said

    path = write_table(
        kept.with_columns(agents_version=pl.lit("older")), folder, PROVENANCE, "demo", "hybrid"
    )
    os.utime(path, (1, 1))
    said = flips(folder, "demo", "student_only", "hybrid").said
    assert "the code's and not the config's: hybrid (decided by an older version of this package)" in said


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


def accept(folder: DataFolder, *outcomes: dict[str, object]) -> None:
    """Keep an earlier run of `hybrid` as the accepted one, by what was done about c0, c1, …."""
    of_run = {
        "chat": "demo",
        "config": "hybrid",
        "run_id": "then",
        "accepted_at": datetime(2026, 3, 1, 4, tzinfo=UTC),
    }
    rows = [{**of_run, "comment_id": f"c{n}", **each} for n, each in enumerate(outcomes)]
    write_table(rows_of(ACCEPTED_RUN, *rows), folder, ACCEPTED_RUN, "demo", "hybrid")


ALLOWED: dict[str, object] = {"action": "allow", "category": "none", "under_sanction": False}
BANNED: dict[str, object] = {"action": "ban", "category": "hate", "under_sanction": False, "rule": "R9"}


def test_what_flipped_between_two_runs_of_one_config_is_told_by_category_and_rule_with_the_lines(
    folder: DataFolder,
) -> None:
    accept(folder, ALLOWED, ALLOWED, BANNED)
    changed: dict[str, object] = {
        "chat": "demo",
        "config": "hybrid",
        "run_id": "now",
        "changed_since_accepted": ["code", "Student's model"],
    }
    write_table(rows_of(METRIC_HISTORY, changed), folder, METRIC_HISTORY, "demo", "hybrid")

    found = flips_since_accepted(folder, "demo", "hybrid")

    assert (
        "accepted 2026-03-01 04:00 UTC to the run there is now: 2 of 3 comments fare otherwise" in found.said
    )
    assert found.said.endswith("Changed since: code, Student's model.")
    assert found.totals.filter(pl.col("action") == "ban").row(0) == ("ban", 1, 0)
    keys = ("way", "category_before", "category_after", "rule_before", "rule_after")
    assert found.rules.select(keys).rows() == [
        ("harsher", "none", "harassment", None, "R1"),
        ("milder", "hate", "none", "R9", "R1"),
    ]
    assert found.lines.select("comment_id", "rule_before", "rule_after").rows() == [
        ("c1", None, "R1"),
        ("c2", "R9", "R1"),
    ]
    asked = (
        "select comment_id, action_before, action, rule_before from flips_since_accepted order by position"
    )
    assert query(folder, asked).rows() == [("c1", "allow", "delete", None), ("c2", "ban", "allow", "R9")]


def test_comments_that_came_or_went_since_are_not_among_what_flipped(folder: DataFolder) -> None:
    accept(folder, ALLOWED, ALLOWED)
    found = flips_since_accepted(folder, "demo", "hybrid")
    assert "1 of 2 comments fare otherwise" in found.said
    assert found.lines["comment_id"].to_list() == ["c1"]


def test_a_run_that_was_not_made_again_is_the_accepted_one_itself(folder: DataFolder) -> None:
    accept(folder, ALLOWED, {**ALLOWED, "action": "delete", "category": "harassment"}, ALLOWED)
    same: dict[str, object] = {"chat": "demo", "config": "hybrid", "run_id": "then"}
    write_table(rows_of(METRIC_HISTORY, same), folder, METRIC_HISTORY, "demo", "hybrid")
    found = flips_since_accepted(folder, "demo", "hybrid")
    assert found.lines.is_empty()
    assert "is the accepted one" in found.said


def test_of_a_run_accepted_before_outcomes_were_kept_no_flip_is_told_and_why_is(folder: DataFolder) -> None:
    with pytest.raises(NoOutcomesKeptError, match="accepted none"):
        flips_since_accepted(folder, "demo", "hybrid")
    accept(folder, {}, {}, {})
    with pytest.raises(NoOutcomesKeptError, match=r"2026-03-01 04:00 UTC.*moderation accept demo hybrid"):
        flips_since_accepted(folder, "demo", "hybrid")
    assert query(folder, "from flips_since_accepted").is_empty()
