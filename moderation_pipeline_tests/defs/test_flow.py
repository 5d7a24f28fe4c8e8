"""The whole flow in this process, on a small chat: what the UI does, without the UI."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import dagster as dg
import polars as pl
import pytest
import zstandard

from moderation_pipeline.definitions import defs
from moderation_pipeline.defs.certificates import certificates_checks
from moderation_pipeline.defs.comments import chat_log_checks
from moderation_pipeline.defs.comparison import comparison_checks
from moderation_pipeline.defs.expert_errors import expert_errors_checks
from moderation_pipeline.defs.metrics import metrics_checks
from moderation_pipeline.defs.moderation_loop import moderation_loop_checks
from moderation_pipeline.defs.partitions import run_key
from moderation_pipeline.defs.questions import (
    doubted_labels_checks,
    fairness_checks,
    flipped_checks,
    moderators_beside_checks,
    what_if_checks,
)
from moderation_pipeline.defs.user_state import user_state, user_state_checks
from moderation_pipeline.synthetic.synthetic_chat import SyntheticSettings, write_synthetic
from moderation_pipeline.warehouse.check_advice import ADVICE
from moderation_pipeline.warehouse.files import partition_path, read_table
from moderation_pipeline.warehouse.folder import DATA_VARIABLE, DataFolder
from moderation_pipeline.warehouse.tables import (
    ACCEPTED_RUN,
    ACTION_LOG,
    CERTIFICATES,
    COMMENTS,
    COMPARISON,
    DOUBTED_LABELS,
    EXPERT_AUDITS,
    EXPERT_ERRORS,
    FAIRNESS,
    FLIPPED,
    INGESTION,
    MEMORY_SNAPSHOT,
    METRIC_HISTORY,
    METRICS,
    MODERATORS_BESIDE,
    PROVENANCE,
    STUDENT_DECISIONS,
    TABLES,
    USER_STATE,
    WHAT_IF,
    Table,
)
from moderation_pipeline.warehouse.versions import comments_version
from moderation_pipeline.warehouse.views import query
from moderation_pipeline_tests.defs.conftest import CHAT, home_in
from moderation_pipeline_tests.defs.conftest import COMMENTS as HEIGHT
from moderation_pipeline_tests.warehouse.rows import rows_of, write_table

ASKED_FOR = (
    "attack_results",
    "probe_results",
    "what_if",
    "flipped",
    "moderators_beside",
    "doubted_labels",
    "fairness",
)
MAY_BE_EMPTY = ("rejected_lines", "memory_snapshot", "certificates", "expert_errors", *ASKED_FOR)


def run(
    instance: dg.DagsterInstance, job: str, partition: str | None, definitions: dg.Definitions = defs
) -> dg.ExecuteInProcessResult:
    return definitions.resolve_job_def(job).execute_in_process(instance=instance, partition_key=partition)


def metadata_of(result: dg.ExecuteInProcessResult, asset: str) -> Mapping[str, object]:
    (event,) = [
        event for event in result.get_asset_materialization_events() if event.asset_key == dg.AssetKey(asset)
    ]
    return {key: value.value for key, value in event.materialization.metadata.items()}


class Once(NamedTuple):
    """A data folder in which the small chat went through, and the runs that read and moderated it last."""

    folder: DataFolder
    instance: dg.DagsterInstance
    read: dg.ExecuteInProcessResult
    moderated: dg.ExecuteInProcessResult


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Once]:
    """The small chat, gone all the way under the default config once; not to be changed."""
    with home_in(tmp_path_factory.mktemp("through")) as (folder, instance):
        read = run(instance, "ingest", CHAT)
        moderated = run(instance, "moderate", run_key(CHAT, "hybrid"))
        run(instance, "compare", CHAT)
        yield Once(folder, instance, read, moderated)


@pytest.fixture(scope="module")
def twice(once: Once, tmp_path_factory: pytest.TempPathFactory) -> Once:
    """A copy of it in which the chat was moderated once more."""
    folder = DataFolder(tmp_path_factory.mktemp("twice") / "data")
    shutil.copytree(once.folder.root, folder.root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(DATA_VARIABLE, str(folder.root))
        again = run(once.instance, "moderate", run_key(CHAT, "hybrid"))
    return once._replace(folder=folder, moderated=again)


class Compared(NamedTuple):
    """A data folder in which the small chat went through under two configs, and the run that compared them."""

    folder: DataFolder
    instance: dg.DagsterInstance
    compared: dg.ExecuteInProcessResult


@pytest.fixture(scope="module")
def two_configs(once: Once, tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """A copy of it in which a second config was run and both were compared; not to be changed."""
    folder = DataFolder(tmp_path_factory.mktemp("two_configs") / "data")
    shutil.copytree(once.folder.root, folder.root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(DATA_VARIABLE, str(folder.root))
        run(once.instance, "moderate", run_key(CHAT, "student_only"))
        return Compared(folder, once.instance, run(once.instance, "compare", CHAT))


@pytest.fixture
def moderated(once: Once, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Once:
    """A copy of it that may be changed, where the chat was read and moderated under the default config."""
    folder = DataFolder(tmp_path / "copy")
    shutil.copytree(once.folder.root, folder.root)
    monkeypatch.setenv(DATA_VARIABLE, str(folder.root))
    return once._replace(folder=folder)


def test_a_chat_goes_through_from_its_file_to_its_report(two_configs: Compared) -> None:
    folder, compared = two_configs.folder, two_configs.compared
    for name, table in TABLES.items():
        stored = read_table(folder, table, CHAT)
        assert stored.schema == table.schema
        assert stored.height > 0 or name in MAY_BE_EMPTY, name
    counts = query(folder, "select config, comments from cost_by_config order by config").rows()
    assert counts == [("hybrid", HEIGHT), ("student_only", HEIGHT)]
    assert metadata_of(compared, "comparison")["configs"] == 2
    assert CHAT in folder.report(CHAT, "md").read_text("utf-8")
    assert folder.report(CHAT, "html").exists()
    assert "](data:image/svg+xml;base64," in str(metadata_of(compared, "plots")["cost_comparison"])
    log = folder.run_log(CHAT, "student_only").with_suffix(".jsonl.zst").read_bytes()
    assert zstandard.ZstdDecompressor().stream_reader(log).read().count(b"\n") == HEIGHT
    assert all(check.passed for check in compared.get_asset_check_evaluations())


def test_every_materialisation_has_numbers_and_says_what_it_was_made_of(once: Once) -> None:
    folder, read, moderated = once.folder, once.read, once.moderated
    assert metadata_of(read, "comments")["comments"] == HEIGHT
    assert metadata_of(read, "ingestion")["records"] == HEIGHT
    decisions = metadata_of(moderated, "student_decisions")
    assert (decisions["comments"], decisions["cost_usd"]) == (HEIGHT, 0.0)
    assert decisions["comments_version"] == comments_version(read_table(folder, COMMENTS, CHAT))
    assert metadata_of(moderated, "expert_audits")["audits"] == metadata_of(moderated, "metrics")["audits"]
    actions = metadata_of(moderated, "action_log")
    assert sum(value for key, value in actions.items() if key.startswith("actions_")) == HEIGHT  # type: ignore[misc]
    assert metadata_of(moderated, "user_state")["users"] == read_table(folder, USER_STATE, CHAT).height


def test_a_run_that_is_repeated_has_the_same_data_version(once: Once, twice: Once) -> None:
    def version(result: dg.ExecuteInProcessResult) -> str | None:
        (event,) = [
            each
            for each in result.get_asset_materialization_events()
            if each.asset_key == dg.AssetKey("action_log")
        ]
        return (event.materialization.tags or {}).get("dagster/data_version")

    assert version(twice.moderated) == version(once.moderated) is not None
    rows = read_table(once.folder, ACTION_LOG, CHAT)
    assert read_table(twice.folder, ACTION_LOG, CHAT).equals(rows)


def test_a_run_made_twice_is_in_its_history_twice_and_says_when_and_by_what(
    twice: Once,
) -> None:
    history = query(twice.folder, "select * from run_history order by made")
    assert history["made"].to_list() == [1, 2]
    assert history["is_latest"].to_list() == [False, True]
    assert history["run_id"][1] == twice.moderated.run_id
    assert history["started_at"][1] <= history["finished_at"][1]
    assert history["f1_change"].to_list() == [None, 0.0]
    assert history["student_models"].to_list() == [["rules"], ["rules"]]
    assert history["expert_models"].to_list() == [["careful_rules"], ["careful_rules"]]
    assert history["code_version"].null_count() == 0


def test_a_run_of_comments_that_are_no_longer_the_chat_s_is_stale(moderated: Once) -> None:
    folder, instance = moderated.folder, moderated.instance
    assert query(folder, "from stale_runs").is_empty()
    write_synthetic(folder.chats / f"{CHAT}.jsonl", SyntheticSettings(comments=HEIGHT, seed=8))
    run(instance, "ingest", CHAT)
    stale = query(folder, "select config, because, data_version_now from stale_runs")
    assert stale.rows() == [
        (
            "hybrid",
            "the chat's comments have changed since",
            comments_version(read_table(folder, COMMENTS, CHAT)),
        )
    ]


def test_an_asset_is_a_function_that_can_be_called_without_dagster(through: DataFolder) -> None:
    result = user_state(read_table(through, ACTION_LOG, CHAT))
    assert isinstance(result, dg.MaterializeResult)
    assert result.value.equals(read_table(through, USER_STATE, CHAT))


def test_runs_of_other_comments_or_of_another_config_are_left_out_of_the_comparison(
    two_configs: Compared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, instance = DataFolder(tmp_path / "copy"), two_configs.instance
    shutil.copytree(two_configs.folder.root, folder.root)
    monkeypatch.setenv(DATA_VARIABLE, str(folder.root))
    stale = read_table(folder, METRICS, CHAT, "student_only").with_columns(data_version=pl.lit("older"))
    write_table(stale, folder, METRICS, CHAT, "student_only")
    compared = run(instance, "compare", CHAT)
    assert query(folder, "select config from comparison")["config"].to_list() == ["hybrid"]
    assert metadata_of(compared, "comparison")["configs_left_out"] == 1
    for table, config in ((METRICS, "student_only"), (PROVENANCE, "hybrid")):
        path = partition_path(folder, table, CHAT, config)
        path.write_bytes(path.read_bytes()[:-40])
    compared = run(instance, "compare", CHAT)
    assert metadata_of(compared, "comparison")["configs_left_out"] == 1
    said = folder.report(CHAT, "md").read_text("utf-8").replace("\\", "")
    assert "student_only (its table metrics is missing or damaged)" in said
    assert "hybrid (by which version it was decided is unknown: its table provenance is missing" in said


def test_a_chat_without_runs_can_not_be_compared_and_says_how_to_make_them(
    instance: dg.DagsterInstance,
) -> None:
    run(instance, "ingest", CHAT)
    with pytest.raises(Exception, match=f"Chat '{CHAT}' has no run to compare.*moderation run {CHAT}"):
        run(instance, "compare", CHAT)


def test_a_chat_whose_file_is_gone_says_which_there_are(instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions("chats", ["gone"])
    with pytest.raises(Exception, match=f"Chat 'gone' has no file in .*Chats there: {CHAT}"):
        run(instance, "ingest", "gone")


def test_the_synthetic_chat_is_written_once_and_not_again(instance: dg.DagsterInstance) -> None:
    assert metadata_of(run(instance, "synthesize", None), "synthetic_comments")["is_rewritten"] is True
    assert metadata_of(run(instance, "synthesize", None), "synthetic_comments")["is_rewritten"] is False


HYBRID = {"chat": CHAT, "config": "hybrid"}
UNMET = {"bound": 0.06, "target": 0.05}
BELOW = {"rate_low": 0.1, "rate_high": 0.2}

OF_OPERATIONS = {
    "few_lines_are_rejected",
    "comments_are_recent",
    "as_much_is_acted_on_as_last_time",
    "it_costs_about_what_it_did_last_time",
}
ELSEWHERE = {"at_most_one_attack_in_a_hundred_succeeds", *OF_OPERATIONS}
"""Checks that hang on more than what this flow stores: `test_attacks.py` and `test_operations.py` see them fail."""

CHECKS: dict[str, tuple[Table, Callable[[pl.DataFrame], pl.DataFrame]]] = {
    "every_comment_is_decided_once": (STUDENT_DECISIONS, lambda rows: rows.head(-1)),
    "every_comment_is_acted_upon_once": (ACTION_LOG, lambda rows: rows.head(-1)),
    "no_action_without_a_decision": (STUDENT_DECISIONS, lambda rows: rows.tail(-1)),
    "audits_say_how_likely_they_were": (
        EXPERT_AUDITS,
        lambda rows: rows.with_columns(audit_probability=pl.lit(0.0)),
    ),
    "no_comment_is_audited_twice": (EXPERT_AUDITS, lambda rows: pl.concat([rows, rows.head(1)])),
    "replies_are_readable": (
        STUDENT_DECISIONS,
        lambda rows: rows.with_columns(reply_error=pl.lit("not JSON")),
    ),
    "one_model_answered": (
        STUDENT_DECISIONS,
        lambda rows: rows.with_columns(model=pl.concat_str(pl.lit("jev-1."), pl.col("position") % 2)),
    ),
    "memory_ids_are_unique": (MEMORY_SNAPSHOT, lambda rows: pl.concat([rows, rows.head(1)])),
    "user_state_equals_the_fold": (USER_STATE, lambda rows: rows.with_columns(strikes=pl.col("strikes") + 1)),
    "every_action_is_some_users": (USER_STATE, lambda rows: rows.tail(-1)),
    "what_decided_a_run_is_known": (PROVENANCE, lambda rows: pl.concat([rows, rows])),
    "a_valid_certificate_meets_its_target": (
        CERTIFICATES,
        lambda _: rows_of(CERTIFICATES, {"chat": CHAT, "config": "hybrid", "status": "valid", **UNMET}),
    ),
    "rates_lie_within_their_intervals": (
        EXPERT_ERRORS,
        lambda _: rows_of(EXPERT_ERRORS, {"chat": CHAT, "config": "hybrid", "rate": 0.9, **BELOW}),
    ),
    "every_comment_is_counted": (METRICS, lambda rows: rows.with_columns(comments=pl.lit(1, pl.Int64))),
    "the_latest_metrics_are_remembered": (
        METRIC_HISTORY,
        lambda rows: rows.with_columns(audits=pl.lit(0, pl.Int64)),
    ),
    "served_models_are_those_of_last_time": (
        METRIC_HISTORY,
        lambda rows: pl.concat([rows.with_columns(expert_models=pl.lit(["last year's"])), rows]),
    ),
    "the_run_is_no_worse_than_the_accepted_one": (
        METRIC_HISTORY,
        lambda rows: rows.with_columns(accepted_p=pl.lit(0.001), quality_minus_accepted=pl.lit(-0.1)),
    ),
    "comments_fare_as_in_the_accepted_run": (
        ACCEPTED_RUN,
        lambda rows: rows.with_columns(run_id=pl.lit("before"), action=pl.lit("ban")),
    ),
    "accepted_comments_are_unique": (ACCEPTED_RUN, lambda rows: pl.concat([rows, rows.head(1)])),
    "intervals_hold_their_estimates": (METRICS, lambda rows: rows.with_columns(audit_share=pl.lit(2.0))),
    "every_record_is_accounted_for": (
        INGESTION,
        lambda rows: rows.with_columns(ignored=pl.lit(1, pl.Int64)),
    ),
    "tables_hold_what_was_counted": (COMMENTS, lambda rows: rows.head(-1)),
    "comment_ids_are_unique": (COMMENTS, lambda rows: pl.concat([rows, rows.head(1)])),
    "positions_count_from_nought": (COMMENTS, lambda rows: rows.sort("position", descending=True)),
    "runs_are_of_the_same_comments": (
        COMPARISON,
        lambda rows: rows.with_columns(comments=pl.lit(1, pl.Int64)),
    ),
    "every_config_is_compared_once": (COMPARISON, lambda rows: pl.concat([rows, rows])),
    "every_change_is_a_change": (
        WHAT_IF,
        lambda _: rows_of(WHAT_IF, {**HYBRID, "before": "ban", "after": "ban"}),
    ),
    "each_answer_stands_once": (
        MODERATORS_BESIDE,
        lambda _: pl.concat([rows_of(MODERATORS_BESIDE, {**HYBRID, "who_acts": "both"})] * 2),
    ),
    "false_alarms_lie_within_their_intervals": (
        FAIRNESS,
        lambda _: rows_of(FAIRNESS, {**HYBRID, "difference": 0.3, "difference_low": 0.4}),
    ),
    "every_pair_is_of_two_runs": (
        FLIPPED,
        lambda _: rows_of(FLIPPED, {**HYBRID, "other_config": "hybrid"}),
    ),
    "every_label_is_doubted_once": (
        DOUBTED_LABELS,
        lambda _: pl.concat([rows_of(DOUBTED_LABELS, {"chat": CHAT, "comment_id": "c1"})] * 2),
    ),
}


ASKED = (
    certificates_checks,
    expert_errors_checks,
    chat_log_checks,
    moderation_loop_checks,
    user_state_checks,
    metrics_checks,
    comparison_checks,
    what_if_checks,
    moderators_beside_checks,
    fairness_checks,
    flipped_checks,
    doubted_labels_checks,
)


def failed_checks(folder: DataFolder, asked: Iterable[dg.AssetChecksDefinition] = ASKED) -> set[str]:
    """Ask these checks of what is stored of the chat and its run, and return those that failed."""
    failed: set[str] = set()
    for checks in asked:
        reads = {
            name: read_table(folder, TABLES[key.to_user_string()], CHAT)
            for name, key in checks.keys_by_input_name.items()
        }
        answers: dg.AssetCheckResult | Iterable[dg.AssetCheckResult] = checks(**reads)  # type: ignore[assignment]
        results = [answers] if isinstance(answers, dg.AssetCheckResult) else answers
        failed |= {str(result.check_name) for result in results if not result.passed}
    return failed


def names_of(checks: dg.AssetChecksDefinition) -> set[str]:
    return {key.name for key in checks.check_keys}


@pytest.fixture(scope="module")
def through(once: Once) -> DataFolder:
    """The data folder in which the small chat has gone all the way; not to be changed."""
    return once.folder


@pytest.fixture
def copied(through: DataFolder, folder: DataFolder) -> DataFolder:
    """A copy of it that may be spoilt."""
    shutil.copytree(through.warehouse, folder.warehouse)
    return folder


def test_no_check_fails_on_what_a_run_stored(through: DataFolder) -> None:
    assert failed_checks(through) == set()


def test_every_check_is_seen_to_fail() -> None:
    assert {key.name for key in defs.resolve_asset_graph().asset_check_keys} == set(CHECKS) | ELSEWHERE


def test_every_check_of_rows_says_what_to_do() -> None:
    shares = {"replies_are_readable", "few_lines_are_rejected"}
    assert set(ADVICE) == (set(CHECKS) | OF_OPERATIONS) - shares


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_fails_where_what_is_stored_breaks_its_law(copied: DataFolder, name: str) -> None:
    table, spoil = CHECKS[name]
    config = "hybrid" if table.partition == "run" else None
    write_table(spoil(read_table(copied, table, CHAT, config)), copied, table, CHAT, config)
    assert name in failed_checks(copied, [each for each in ASKED if name in names_of(each)])


def test_files_that_replace_ready_made_ones_are_named_in_every_runs_log_and_metadata(
    folder: DataFolder, instance: dg.DagsterInstance
) -> None:
    for own in (folder.configs / "hybrid.yaml", folder.sanctions / "default.yaml"):
        own.parent.mkdir(parents=True)
    (folder.configs / "hybrid.yaml").write_text("extends: hybrid\n", "utf-8")
    ready_made = resources.files("moderation_pipeline.defaults") / "sanctions" / "default.yaml"
    (folder.sanctions / "default.yaml").write_text(ready_made.read_text("utf-8"), "utf-8")

    run(instance, "ingest", CHAT)
    moderated = run(instance, "moderate", run_key(CHAT, "hybrid"))

    said = str(metadata_of(moderated, "action_log")["replaces_ready_made"])
    for kind in ("configs/hybrid.yaml", "sanctions/default.yaml"):
        assert str(folder.root / kind) in said
        assert f"moderation_pipeline/defaults/{kind}" in said
    logged = [each.user_message for each in instance.all_logs(moderated.run_id)]
    assert sum("replaces the ready-made" in each for each in logged) >= 2
