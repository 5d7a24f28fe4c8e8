"""What the proof of a refactoring runs, what it finds, and what it leaves aside: on warehouses of a few rows."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
import pytest

import moderation_pipeline
from benchmarks.same_tables import checkout_in, compare, keyless_configs
from benchmarks.tables_compared import SOURCE_VERSIONS, WHEN, compared, is_left_aside
from moderation_pipeline.config.run_config import KEYLESS_REGIMES
from moderation_pipeline.warehouse.files import SCHEMA_FILE, ensure_schema_files, partition_path
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import (
    ACTION_LOG,
    PROVENANCE,
    STUDENT_DECISIONS,
    TABLES,
    Table,
)
from moderation_pipeline_tests.warehouse.rows import rows_of, write_table

ROOT = Path(moderation_pipeline.__file__).parent.parent
RUN = {"chat": "arena", "config": "hybrid"}
Row = dict[str, object]


class Pair:
    """Two warehouses that begin alike, without rows."""

    def __init__(self, folder: Path) -> None:
        self.before, self.after = DataFolder(folder / "before"), DataFolder(folder / "after")
        for side in (self.before, self.after):
            ensure_schema_files(side)

    def write(self, table: Table, before: list[Row], after: list[Row]) -> None:
        """Write a run's rows of a table, those before and those after."""
        for side, rows in ((self.before, before), (self.after, after)):
            frame = rows_of(table, *({**RUN, **row} for row in rows))
            write_table(frame, side, table, RUN["chat"], RUN["config"])

    def differing(self, *expected: str) -> dict[str, str]:
        """Return the lines of the tables that differ, by table."""
        tables = compared(self.before.root, self.after.root, expected)
        return {each.table: each.line() for each in tables if each.unexpected}


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def test_one_changed_value_is_found_with_its_column_key_and_both_values(pair: Pair) -> None:
    rows: list[Row] = [{"comment_id": "c1", "category": "none"}, {"comment_id": "c2", "category": "none"}]
    pair.write(ACTION_LOG, rows, [rows[0], {"comment_id": "c2", "category": "spam"}])

    line = pair.differing()["action_log"]

    assert "category at arena/hybrid row 1 (comment_id 'c2'): 'none' → 'spam' (1 rows)" in line
    assert set(pair.differing()) == {"action_log"}


def test_warehouses_that_say_the_same_are_equal_and_all_their_rows_were_compared(pair: Pair) -> None:
    rows: list[Row] = [{"comment_id": "c1", "strikes": 1}, {"comment_id": "c2", "strikes": None}]
    pair.write(ACTION_LOG, rows, rows)

    tables = {each.table: each for each in compared(pair.before.root, pair.after.root)}

    assert set(tables) == set(TABLES)
    assert (tables["action_log"].partitions, tables["action_log"].rows) == (1, 2)
    assert pair.differing() == {}


def test_the_version_of_the_source_is_left_aside_and_a_version_of_content_is_not(pair: Pair) -> None:
    pair.write(PROVENANCE, [{"agents_version": "aaaa"}], [{"agents_version": "bbbb"}])
    assert pair.differing() == {}

    pair.write(PROVENANCE, [{"config_hash": "aaaa"}], [{"config_hash": "bbbb"}])
    assert "config_hash" in pair.differing()["provenance"]


def test_nothing_else_is_left_aside_than_versions_of_source_and_what_measures_time() -> None:
    columns = {name for table in TABLES.values() for name in table.schema}
    aside = {name for name in columns if is_left_aside(name)}
    measured = {f"{part}latency_ms_{p}" for part in ("", "student_", "expert_") for p in ("p50", "p95")}
    assert aside == {"latency_ms", *measured, *SOURCE_VERSIONS, *WHEN}


def test_a_tiers_latency_is_left_aside_and_its_doubt_is_not(pair: Pair) -> None:
    def decided(latency_ms: float, doubt: float) -> list[Row]:
        return [{"tiers": [{"tier": "1 rules", "latency_ms": latency_ms, "doubt": doubt}]}]

    pair.write(STUDENT_DECISIONS, decided(1.0, 0.2), decided(7.0, 0.2))
    assert pair.differing() == {}

    pair.write(STUDENT_DECISIONS, decided(1.0, 0.2), decided(1.0, 0.3))
    assert "tiers at arena/hybrid row 0" in pair.differing()["student_decisions"]


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, 0.0), (0.0, None), (float("nan"), None), (0.1 + 0.2, 0.3)],
)
def test_null_nought_not_a_number_and_the_last_bit_are_told_apart(
    pair: Pair, before: float | None, after: float | None
) -> None:
    pair.write(STUDENT_DECISIONS, [{"confidence": before}], [{"confidence": after}])
    assert "confidence" in pair.differing()["student_decisions"]


def test_an_empty_list_is_not_null(pair: Pair) -> None:
    pair.write(STUDENT_DECISIONS, [{"memory_ids": []}], [{"memory_ids": None}])
    assert "memory_ids" in pair.differing()["student_decisions"]


def test_rows_in_another_order_differ(pair: Pair) -> None:
    rows: list[Row] = [{"comment_id": "c1"}, {"comment_id": "c2"}]
    pair.write(ACTION_LOG, rows, rows[::-1])
    assert "comment_id at arena/hybrid row 0: 'c1' → 'c2' (2 rows)" in pair.differing()["action_log"]


def test_a_row_more_differs_though_all_rows_before_it_are_equal(pair: Pair) -> None:
    pair.write(ACTION_LOG, [{"comment_id": "c1"}], [{"comment_id": "c1"}, {"comment_id": "c2"}])
    assert "arena/hybrid has 1 → 2 rows" in pair.differing()["action_log"]


def test_a_partition_of_one_side_alone_differs(pair: Pair) -> None:
    pair.write(ACTION_LOG, [{}], [{}])
    partition_path(pair.before, ACTION_LOG, *RUN.values()).unlink()
    assert "partition arena/hybrid is only after" in pair.differing()["action_log"]


def test_a_folder_that_only_follows_others_runs_lacks_the_files_without_rows_and_is_equal(pair: Pair) -> None:
    pair.write(ACTION_LOG, [{}], [{}])
    (pair.after.warehouse / ACTION_LOG.name / SCHEMA_FILE).unlink()
    assert not pair.differing()


def test_an_expected_difference_is_said_and_fails_nothing_but_hides_no_other(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    pair.write(ACTION_LOG, [{"reason": "a", "strikes": 1}], [{"reason": "b", "strikes": 1}])
    assert compare(pair.before.root, pair.after.root, []) == 1
    assert compare(pair.before.root, pair.after.root, ["action_log.reason"]) == 0
    assert "equal (as expected, reason differs)" in capsys.readouterr().out

    pair.write(ACTION_LOG, [{"reason": "a", "strikes": 1}], [{"reason": "b", "strikes": 2}])
    assert "strikes at" in pair.differing("action_log.reason")["action_log"]


@pytest.mark.parametrize("misspelt", ["action_log.raeson", "actions.reason", "reason"])
def test_an_expectation_of_no_column_is_an_error(pair: Pair, misspelt: str) -> None:
    with pytest.raises(SystemExit, match=misspelt):
        pair.differing(misspelt)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (pl.DataFrame({"b": [1]}), "column a of arena is only before"),
        (pl.DataFrame({"a": [1], "b": [1], "c": [1]}), "column c of arena is only after"),
        (pl.DataFrame({"a": [1.0], "b": [1]}), "column a of arena is Int64 → Float64"),
        (pl.DataFrame({"b": [1], "a": [1]}), "columns of arena are in another order from a → b on"),
    ],
)
def test_columns_types_and_their_order_are_compared(tmp_path: Path, changed: pl.DataFrame, said: str) -> None:
    for side, frame in (("before", pl.DataFrame({"a": [1], "b": [1]})), ("after", changed)):
        path = tmp_path / side / "warehouse" / "ours" / "arena.parquet"
        path.parent.mkdir(parents=True)
        frame.write_parquet(path)

    (table,) = compared(tmp_path / "before", tmp_path / "after")

    assert said in table.line()
    assert table.unexpected


def test_long_values_are_shown_from_where_they_part_and_hostile_ones_escaped(pair: Pair) -> None:
    long = "\x1b[2J" + 500 * "x"
    pair.write(ACTION_LOG, [{"reason": f"{long}one"}], [{"reason": f"{long}other"}])
    line = pair.differing()["action_log"]
    assert "xone'" in line
    assert "xother'" in line
    assert len(line) < 300

    pair.write(ACTION_LOG, [{"reason": "\x1b[2J"}], [{"reason": "a"}])
    assert "'\\x1b[2J' → 'a'" in pair.differing()["action_log"]


def test_two_folders_without_tables_are_not_called_equal(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="No table in"):
        compared(tmp_path / "before", tmp_path / "after")


def test_the_configs_that_are_run_need_no_key_no_network_and_no_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of somebody who would pay for it")

    found = keyless_configs(checkout_in(ROOT, tmp_path / "data", sys.executable))

    assert {*KEYLESS_REGIMES, "hybrid_random", "certified", "learned", "learned_labels"} <= set(found)
    assert not {"openai", "together", "decisions", "hybrid_decisions", "local"} & set(found)


def test_an_interpreter_that_imports_another_checkouts_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text("utf-8"), "utf-8")
    with pytest.raises(SystemExit, match="not from"):
        checkout_in(tmp_path, tmp_path / "data", sys.executable).check_origin()


def test_a_folder_with_something_in_it_is_no_new_data_folder(tmp_path: Path) -> None:
    (tmp_path / "warehouse").mkdir()
    with pytest.raises(SystemExit, match="is not empty"):
        checkout_in(ROOT, tmp_path, sys.executable)
