from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from moderation_pipeline.evaluation.config_comparison import compare
from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline.terminal.summary import comparison_of, print_comparison
from moderation_pipeline.warehouse.files import partition_path
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import (
    COMMENTS,
    COMPARISON,
    EXPERT_AUDITS,
    LOOP_TABLES,
    METRICS,
    PROVENANCE,
    STUDENT_DECISIONS,
    USER_STATE,
    Table,
)
from moderation_pipeline.warehouse.versions import comments_version
from moderation_pipeline_tests.evaluation.worlds import drawn_chat, drawn_runs, run
from moderation_pipeline_tests.warehouse.rows import rows_of, write_table


def stored(tmp_path: Path, chat: pl.DataFrame, runs: list[Run]) -> DataFolder:
    """A warehouse in which the runs are compared as they stand."""
    folder = DataFolder(tmp_path)
    version = comments_version(chat)
    table = compare(
        chat="demo", comments=chat, runs=runs, data_versions={each.name: version for each in runs}
    )
    write_table(chat, folder, COMMENTS, "demo")
    write_table(table, folder, COMPARISON, "demo")
    for each in runs:
        row = table.filter(pl.col("config") == each.name).select(list(METRICS.schema))
        write_table(row, folder, METRICS, "demo", each.name)
        keep_loop(folder, each.name)
        write_table(each.student_decisions, folder, STUDENT_DECISIONS, "demo", each.name)
        write_table(each.expert_audits, folder, EXPERT_AUDITS, "demo", each.name)
    return folder


def keep_loop(folder: DataFolder, config: str) -> None:
    """Store the other tables that a whole run has, without rows."""
    for table in (USER_STATE, *LOOP_TABLES):
        write_table(table.empty(), folder, table, "demo", config)


def test_runs_of_other_comments_are_named_below_the_comparison(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chat = drawn_chat(1)
    runs = drawn_runs(1, chat)
    folder = stored(tmp_path, chat, runs[:1])
    old = comparison_of(folder, "demo").select(list(METRICS.schema))
    for each in runs[1:3]:
        row = old.with_columns(config=pl.lit(each.name), data_version=pl.lit("older"))
        write_table(row, folder, METRICS, "demo", each.name)
        keep_loop(folder, each.name)

    print_comparison(folder, comparison_of(folder, "demo"))

    said = " ".join(capsys.readouterr().out.split())
    assert "hybrid and student_memory (the chat's comments have changed since)" in said
    assert "moderation run demo -c hybrid -c student_memory" in said


@pytest.mark.parametrize(
    ("table", "is_cut_off", "said_of_it"),
    [
        (METRICS, True, "Not among the configs compared, though moderated before: {} (its"),
        (
            PROVENANCE,
            True,
            "code's and not the config's: {} (by which version it was decided is unknown: its",
        ),
        (
            PROVENANCE,
            False,
            "code's and not the config's: {} (by which version it was decided is unknown: its",
        ),
    ],
)
def test_a_run_of_which_a_table_is_damaged_is_named_below_the_comparison(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], table: Table, *, is_cut_off: bool, said_of_it: str
) -> None:
    chat = drawn_chat(1)
    runs = drawn_runs(1, chat)
    folder = stored(tmp_path, chat, runs[:2])
    path = partition_path(folder, table, "demo", runs[1].name)
    whole = path.read_bytes()
    path.write_bytes(whole[:-40] if is_cut_off else whole[:4] + bytes(200) + whole[204:])

    print_comparison(folder, comparison_of(folder, "demo"))

    said = " ".join(capsys.readouterr().out.split())
    assert f"{said_of_it.format(runs[1].name)} table {table.name} is missing or damaged)" in said
    assert said.count("missing or damaged") == 1
    assert f"moderation run demo -c {runs[1].name}" in said


def test_runs_that_older_code_decided_are_named_below_the_comparison(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chat = drawn_chat(1)
    runs = drawn_runs(1, chat)[:3]
    folder = stored(tmp_path, chat, runs)
    for made_at, (each, version) in enumerate(zip(runs, ("one", "two", "two"), strict=True)):
        row: dict[str, object] = {"chat": "demo", "config": each.name, "agents_version": version}
        path = write_table(rows_of(PROVENANCE, row), folder, PROVENANCE, "demo", each.name)
        os.utime(path, (made_at, made_at))

    print_comparison(folder, comparison_of(folder, "demo"))

    said = " ".join(capsys.readouterr().out.split())
    assert f"code's and not the config's: {runs[0].name} (decided by an older version" in said
    assert said.count("older version") == 1
    assert f"moderation run demo -c {runs[0].name}" in said


def test_a_config_that_ran_as_its_fallback_is_starred_and_one_number_has_one_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chat = drawn_chat(1)
    folder = stored(tmp_path, chat, [run("local", chat, student=["allow none"] * chat.height)])

    print_comparison(folder, comparison_of(folder, "demo"))

    said = capsys.readouterr().out
    assert "local*" in said
    assert "* local: not hf: rules stood in as its Student." in said
    assert "ends as Expert" in said


def test_a_cost_is_at_list_price_and_that_of_estimated_tokens_starred(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chat = drawn_chat(1)
    hybrid = next(each for each in drawn_runs(1, chat) if each.name == "hybrid")
    guessed = hybrid.student_decisions.with_columns(
        tokens_are_estimated=True, list_cost_usd=0.001, cost_usd=0.0
    )
    folder = stored(tmp_path, chat, [replace(hybrid, student_decisions=guessed)])

    comparison = comparison_of(folder, "demo")
    print_comparison(folder, comparison)

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    cost = next(line[-2] for line in lines if line[:1] == ["hybrid*"])
    assert comparison["cost_usd_per_1000_comments"].to_list() == [0.0]
    assert comparison["list_cost_usd_per_1000_comments"].to_list() == [pytest.approx(float(cost))]
    said = " ".join(" ".join(line) for line in lines)
    assert (
        f"its cost is an estimate, for the server doesn't say the tokens of {guessed.height:,} answers"
        in said
    )
    assert "hybrid*" in said
