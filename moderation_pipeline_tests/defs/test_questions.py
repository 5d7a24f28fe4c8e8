"""The assets that answer a question: made only when asked for, by the same rooms as the commands, kept as tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
import polars as pl
import pytest

from moderation_pipeline.definitions import defs
from moderation_pipeline.defs.jobs import JOBS
from moderation_pipeline.defs.partitions import run_key
from moderation_pipeline.evaluation.comparable import RunOfOtherCommentsError
from moderation_pipeline.terminal.listings import NothingRunError
from moderation_pipeline.terminal.questions import changes_answers, labels_answers, reasons_answers
from moderation_pipeline.warehouse.files import partition_path, read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.laws import beyond_dsa_limits, dsa_refusals
from moderation_pipeline.warehouse.tables import (
    ACCEPTED_RUN,
    ACTION_LOG,
    DOUBTED_LABELS,
    FAIRNESS,
    FLIPPED,
    METRICS,
    MODERATORS_BESIDE,
    PROBE_RESULTS,
    WHAT_IF,
)
from moderation_pipeline.warehouse.views import query
from moderation_pipeline_tests.defs.conftest import CHAT, Home, home_in
from moderation_pipeline_tests.warehouse.rows import write_table

QUESTIONS = (
    *(
        "what_if",
        "flipped",
        "moderators_beside",
        "doubted_labels",
        "fairness",
        "probe_results",
        "dsa_statements",
    ),
)


def ask(
    instance: dg.DagsterInstance, asset: str, partition: str, config: dict[str, Any] | None = None
) -> dg.ExecuteInProcessResult:
    job = dg.define_asset_job("ask", selection=dg.AssetSelection.assets(asset))
    definitions = dg.Definitions.merge(defs, dg.Definitions(jobs=[job]))
    run_config = {} if config is None else {"ops": {asset: {"config": config}}}
    result = definitions.resolve_job_def("ask").execute_in_process(
        instance=instance, partition_key=partition, run_config=run_config
    )
    assert all(check.passed for check in result.get_asset_check_evaluations())
    return result


def told(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    (event,) = result.get_asset_materialization_events()
    return {name: value.value for name, value in event.materialization.metadata.items()}


@pytest.fixture(scope="module")
def moderated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The small chat under two configs; the questions that are asked about it add tables and change none."""
    with home_in(tmp_path_factory.mktemp("questions")) as home:
        for job, partition in (
            ("ingest", CHAT),
            ("moderate", run_key(CHAT, "hybrid")),
            ("moderate", run_key(CHAT, "student_only")),
        ):
            defs.resolve_job_def(job).execute_in_process(instance=home.instance, partition_key=partition)
        yield home


def test_none_of_them_is_in_a_job_of_the_flow() -> None:
    for job in JOBS:
        selected = {
            key.to_user_string() for key in defs.resolve_job_def(job.name).asset_layer.selected_asset_keys
        }
        assert selected.isdisjoint(QUESTIONS)


def test_a_runs_questions_are_answered_as_the_commands_answer_them(moderated: Home) -> None:
    folder, instance = moderated
    key = run_key(CHAT, "hybrid")
    asked = {"thresholds": {"harassment": 0.95}, "sanctions": "strict"}
    what_if = told(ask(instance, "what_if", key, asked))
    by_command = changes_answers.what_if(folder, CHAT, "hybrid", ["harassment=.95"], "strict")
    stored = read_table(folder, WHAT_IF, CHAT, "hybrid")
    assert stored["comment_id"].to_list() == by_command.lines["comment_id"].to_list()
    assert what_if["asked"] == "harassment from 0.95 on, sanctions strict"
    assert query(folder, "select count(*) from what_if").item() == stored.height > 0

    flipped = ask(instance, "flipped", CHAT)
    pairs = read_table(folder, FLIPPED, CHAT)
    between = changes_answers.flips(folder, CHAT, "hybrid", "student_only")
    assert pairs["comments"].sum() == between.lines.height == told(flipped)["comments"]
    assert set(pairs.select("config", "other_config").rows()) == {("hybrid", "student_only")}
    assert told(flipped)["comments_since_accepted"] == 0, "no run was made again"

    doubted = told(ask(instance, "doubted_labels", CHAT))
    assert read_table(folder, DOUBTED_LABELS, CHAT).height == doubted["doubted"]
    assert labels_answers.doubtful(folder, CHAT).lines.height == doubted["doubted"]

    groups = told(ask(instance, "fairness", key))["groups"]
    assert read_table(folder, FAIRNESS, CHAT, "hybrid").height == groups
    assert query(folder, "select told_by, group_name, difference from fairness").height == groups


def test_what_flipped_since_the_accepted_run_is_kept_beside_what_flips_between_configs(
    moderated: Home,
) -> None:
    folder, instance = moderated
    accepted = read_table(folder, ACCEPTED_RUN, CHAT, "hybrid")
    let_be = accepted.with_columns(action=pl.lit("allow"), category=pl.lit("none"), run_id=pl.lit("then"))
    write_table(let_be, folder, ACCEPTED_RUN, CHAT, "hybrid")
    try:
        flipped = told(ask(instance, "flipped", CHAT))
    finally:
        write_table(accepted, folder, ACCEPTED_RUN, CHAT, "hybrid")
    since = read_table(folder, FLIPPED, CHAT).filter(pl.col("accepted_run_id") == "then")
    assert set(since.select("config", "other_config").rows()) == {("hybrid", "hybrid")}
    acted = query(
        folder,
        f"select count(*) from action_log where chat = '{CHAT}' and config = 'hybrid'"
        " and action <> 'allow' and not under_sanction",
    ).item()
    assert since["comments"].sum() == flipped["comments_since_accepted"] == acted > 0


def test_statements_for_the_eu_are_written_when_asked_for_and_keep_to_its_limits(
    moderated: Home,
) -> None:
    folder, instance = moderated
    assert not list(folder.results.rglob("*.dsa.jsonl"))
    found = told(ask(instance, "dsa_statements", run_key(CHAT, "student_only")))
    (path,) = folder.results.rglob("*.dsa.jsonl")
    statements = pl.read_ndjson(path)
    carried_out = read_table(folder, ACTION_LOG, CHAT, "student_only").filter(
        pl.col("action").is_in(["delete", "timeout", "ban"])
        & ~pl.col("under_sanction")
        & ~pl.col("is_shadow")
    )
    assert statements.height == found["statements"] == carried_out.height > 0
    assert found["statements_beyond_published_limits"] == 0
    assert isinstance(found["wrongful_sanction_share"], float)
    assert "text" not in statements.columns
    by_asset = path.read_bytes()
    path.unlink()
    by_command = reasons_answers.statements(folder, CHAT, "student_only")
    assert path.read_bytes() == by_asset
    assert by_command.as_json()["path"] == str(path)
    assert f"{statements.height} statements of reasons" in by_command.said[0]
    assert "The published limits refuse none of them." in by_command.said
    assert "Error rate of automated means: " in by_command.said[2]
    assert "95 % interval" in by_command.said[2]


def test_a_statement_that_the_database_would_refuse_is_a_culprit(moderated: Home) -> None:
    rows = query(moderated.folder, "from dsa_statements")
    assert beyond_dsa_limits(rows).is_empty()
    long = rows.with_columns(decision_facts=pl.lit("x" * 5_001))
    assert beyond_dsa_limits(long).height == rows.height
    twice = pl.concat([rows, rows.head(1)])
    assert beyond_dsa_limits(twice).height == 2
    for name, day in (("content_date", date(1999, 12, 31)), ("application_date", date(2019, 12, 31))):
        assert beyond_dsa_limits(rows.with_columns(pl.lit(day).alias(name))).height == rows.height
    ended = rows.with_columns(end_date_service_restriction=pl.col("application_date").dt.offset_by("-1d"))
    assert beyond_dsa_limits(ended).height == rows.height
    undated = rows.with_columns(pl.lit(None, pl.Date).alias("content_date"), puid=pl.lit("a b"))
    assert dsa_refusals(undated) == {
        "a puid that is none": rows.height,
        "a puid that is there twice": rows.height,
        "no date, for the comment has no time": rows.height,
    }
    assert dsa_refusals(rows) == dsa_refusals(rows.clear()) == {}


def test_statements_of_a_run_that_was_never_made_are_refused(moderated: Home) -> None:
    with pytest.raises(NothingRunError):
        reasons_answers.statements(moderated.folder, CHAT, "expert_only")
    assert not moderated.folder.run_log(CHAT, "expert_only").with_name("expert_only.dsa.jsonl").exists()


def test_abilities_are_kept_by_config(folder: DataFolder, instance: dg.DagsterInstance) -> None:
    found = told(ask(instance, "probe_results", "student_only"))
    stored = read_table(folder, PROBE_RESULTS, "probes", "student_only")
    assert stored["right_lines"].sum() == found["right_lines"]
    asked = (
        "select ability, right_lines, open_lines, right_share_low from probe_results order by ability limit 1"
    )
    assert query(folder, asked).height == 1
    assert stored.height > 5


@pytest.mark.parametrize("asset", ["what_if", "moderators_beside", "fairness"])
def test_a_run_of_other_comments_of_the_same_ids_is_refused_as_the_commands_refuse_it(
    moderated: Home, asset: str
) -> None:
    stored = read_table(moderated.folder, METRICS, CHAT, "hybrid")
    before = stored.with_columns(data_version=pl.lit("before"))
    try:
        write_table(before, moderated.folder, METRICS, CHAT, "hybrid")
        with pytest.raises(Exception, match="is of other comments than the chat"):
            ask(moderated.instance, asset, run_key(CHAT, "hybrid"))
        with pytest.raises(RunOfOtherCommentsError):
            changes_answers.what_if(moderated.folder, CHAT, "hybrid", [], None)
    finally:
        write_table(stored, moderated.folder, METRICS, CHAT, "hybrid")


def test_moderators_who_never_acted_are_none_to_hold_a_config_against_and_fail_no_run(
    moderated: Home,
) -> None:
    ended = ask(moderated.instance, "moderators_beside", run_key(CHAT, "hybrid"))
    assert ended.success
    assert ended.get_asset_materialization_events() == []
    assert not partition_path(moderated.folder, MODERATORS_BESIDE, CHAT, "hybrid").exists()
    logged = [entry.user_message for entry in moderated.instance.all_logs(ended.run_id)]
    assert any("Not answered, and no table made: What the moderators of chat" in each for each in logged)


def test_a_threshold_of_no_category_is_refused_with_those_there_are(moderated: Home) -> None:
    with pytest.raises(Exception, match="Categories are: harassment"):
        ask(moderated.instance, "what_if", run_key(CHAT, "hybrid"), {"thresholds": {"harrassment": 0.8}})


def test_the_strict_ladder_that_comes_along_hits_some_harder_and_nobody_milder(moderated: Home) -> None:
    ways = changes_answers.what_if(moderated.folder, CHAT, "student_only", [], "strict").lines["way"]
    assert set(ways) == {"harsher"}
