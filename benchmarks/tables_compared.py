"""Two warehouses compared: every table and partition, row for row and column for column, and every type.

How the warehouses are made is in `same_tables.py`. Nothing here imports the package: its layout may be the very
thing in which the two checkouts differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import polars as pl

SOURCE_VERSIONS = frozenset({"agents_version", "code_version"})
"""Versions that hash source, which any refactoring changes. All the others (`data_version`, `config_hash`,
`prompt_version` …) hash what is decided on: if one of them changes, paid runs look as if they were of something else,
and their replies are bought again.
"""

MEASURES_TIME = "latency_ms"
"""Part of the name of every column that measures time.

Law 1 allows `is_cached` and `cost_usd` to differ too, because replies may have been paid for before. Where nothing is
paid and the data folder was empty they can't, so they are compared.
"""

WHEN = frozenset({"run_id", "started_at", "finished_at", "accepted_at", "accepted_run_id"})
"""When a run was made, and as which of Dagster's: never twice the same."""

IDENTIFIES = ("comment_id", "memory_id", "user_id", "kind", "action", "line_number")
"""Columns that say which row it is, best first; the partition says which chat and config."""

WITHOUT_ROWS = "_schema"
"""The file without rows that every table has where runs are made."""

SHOWN = 60


def is_left_aside(column: str) -> bool:
    """Whether a column, or a field within one, may differ between two runs of the same meaning."""
    return column in SOURCE_VERSIONS | WHEN or MEASURES_TIME in column


class Difference(NamedTuple):
    """What differs in a partition: in which column (null: in the rows as such), in how many rows, and how."""

    column: str | None
    rows: int
    where: str


@dataclass(slots=True)
class TableCompared:
    """A table of both warehouses: how much of it was compared, and what differs."""

    table: str
    partitions: int = 0
    rows: int = 0
    differences: list[Difference] = field(default_factory=list)
    expected: frozenset[str] = frozenset()

    @property
    def unexpected(self) -> list[Difference]:
        """What differs and was not said to."""
        return [each for each in self.differences if each.column not in self.expected]

    def line(self) -> str:
        """Return the one line that is printed of the table."""
        counts = f"{self.table:<18}{self.partitions:>3} partitions {self.rows:>9,} rows  "
        allowed = sorted(
            {each.column for each in self.differences if each.column and each.column in self.expected}
        )
        said = f" (as expected, {', '.join(allowed)} differs)" if allowed else ""
        if not self.unexpected:
            return f"{counts}equal{said}"
        first = self.unexpected[0]
        others = sorted({each.column or "rows" for each in self.unexpected} - {first.column or "rows"})
        return f"{counts}differs: {first.where}" + (f"; also {', '.join(others)}" if others else "") + said


def warehouse_of(data_folder: Path) -> Path:
    """Return the folder of tables in a data folder, or leave with a word about where it was looked for."""
    warehouse = data_folder / "warehouse"
    if not any(warehouse.glob("*/*.parquet")):
        raise SystemExit(
            f"No table in {warehouse}. Name a data folder that `python -m benchmarks.same_tables run` filled."
        )
    return warehouse


def compared(before: Path, after: Path, expected: Sequence[str] = ()) -> list[TableCompared]:
    """Compare the tables of two data folders; `expected` are the columns that may differ, as TABLE.COLUMN."""
    sides = (warehouse_of(before), warehouse_of(after))
    names = sorted({path.parent.name for side in sides for path in side.glob("*/*.parquet")})
    _check_expected(expected, sides)
    return [_table(name, sides, expected) for name in names]


def _check_expected(expected: Sequence[str], sides: tuple[Path, Path]) -> None:
    """Leave if an expectation is of no column: misspelt, it would hide nothing and yet seem to have been said."""
    for each in expected:
        table, _, column = each.partition(".")
        schemas = [
            pl.read_parquet_schema(path) for side in sides for path in (side / table).rglob("*.parquet")
        ]
        if not any(column in schema for schema in schemas):
            known = sorted({name for schema in schemas for name in schema})
            allowed = (
                f"The columns of {table} are: {', '.join(known)}." if known else "There is no such table."
            )
            raise SystemExit(f"--expect {each}: {allowed} It is written as TABLE.COLUMN.")


def _table(name: str, sides: tuple[Path, Path], expected: Sequence[str]) -> TableCompared:
    columns = (each.partition(".") for each in expected)
    result = TableCompared(name, expected=frozenset(column for table, _, column in columns if table == name))
    before, after = (
        {path.relative_to(side / name).as_posix(): path for path in (side / name).rglob("*.parquet")}
        for side in sides
    )
    for file in sorted({*before, *after}):
        partition = file.removesuffix(".parquet")
        if file not in before or file not in after:
            if partition == WITHOUT_ROWS:  # a machine on which no run was made follows others' and needs none
                continue
            side = "before" if file in before else "after"
            result.differences.append(Difference(None, 0, f"partition {partition} is only {side}"))
            continue
        frames = [pl.read_parquet(path, hive_partitioning=False) for path in (before[file], after[file])]
        # That file is no partition, but its types are compared all the same.
        result.partitions += partition != WITHOUT_ROWS
        result.rows += frames[0].height
        result.differences += frame_differences(partition, frames[0], frames[1])
    return result


def frame_differences(partition: str, before: pl.DataFrame, after: pl.DataFrame) -> Iterator[Difference]:
    """Yield what differs between two frames of a partition: columns, types, number of rows, values."""
    yield from _schema_differences(partition, before.schema, after.schema)
    common = [name for name, dtype in before.schema.items() if after.schema.get(name) == dtype]
    if before.height != after.height:
        yield Difference(None, 0, f"{partition} has {before.height:,} → {after.height:,} rows")
    height = min(before.height, after.height)
    ours, theirs = before.head(height), after.head(height)
    for name in common:
        if not is_left_aside(name):
            yield from _column_differences(partition, name, ours, theirs)


def _schema_differences(partition: str, before: pl.Schema, after: pl.Schema) -> Iterator[Difference]:
    for name in [*before, *(name for name in after if name not in before)]:
        if name not in before or name not in after:
            side = "before" if name in before else "after"
            yield Difference(name, 0, f"column {name} of {partition} is only {side}")
        elif before[name] != after[name]:
            yield Difference(name, 0, f"column {name} of {partition} is {before[name]} → {after[name]}")
    both = [[name for name in one if name in other] for one, other in ((before, after), (after, before))]
    for ours, theirs in zip(*both, strict=True):
        if ours != theirs:
            yield Difference(
                ours, 0, f"columns of {partition} are in another order from {ours} → {theirs} on"
            )
            return


def _column_differences(
    partition: str, name: str, before: pl.DataFrame, after: pl.DataFrame
) -> Iterator[Difference]:
    expression = _without_time(pl.col(name), before.schema[name])
    ours, theirs = (frame.select(expression).to_series() for frame in (before, after))
    differing = ours.ne_missing(theirs).arg_true()
    if differing.is_empty():
        return
    row = int(differing[0])
    key = next((column for column in IDENTIFIES if column in before.columns), name)
    which = f" ({key} {before[key][row]!r})" if key != name else ""
    values = _shortened(ours.slice(row, 1).to_list()[0], theirs.slice(row, 1).to_list()[0])
    where = f"{name} at {partition} row {row}{which}: {values[0]} → {values[1]} ({len(differing):,} rows)"
    yield Difference(name, len(differing), where)


def _without_time(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return an expression of the value without the fields that are left aside, such as a tier's latency."""
    if isinstance(dtype, pl.List) and isinstance(dtype.inner, pl.Struct):
        kept = [each.name for each in dtype.inner.fields if not is_left_aside(each.name)]
        if len(kept) < len(dtype.inner.fields):
            return value.list.eval(pl.struct(pl.element().struct.field(name) for name in kept))
    return value


def _shortened(before: object, after: object) -> tuple[str, str]:
    """Return both values escaped, for chat is hostile, and where they are long, from where they part."""
    texts = (repr(before), repr(after))
    if max(map(len, texts)) <= SHOWN:
        return texts
    pairs = enumerate(zip(*texts, strict=False))
    parted = next((place for place, (one, other) in pairs if one != other), min(map(len, texts)))
    start = max(0, parted - SHOWN // 3)
    one, other = (
        ("…" if start else "") + text[start : start + SHOWN] + ("…" if len(text) > start + SHOWN else "")
        for text in texts
    )
    return one, other
