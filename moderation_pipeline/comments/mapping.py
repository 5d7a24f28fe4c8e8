"""A table's columns turned into ours: the rows of a chunk, and those that can't be read with the reason.

Which columns are meant is said in `columns.py`, what one value means in `values.py`, and how a file becomes
columns of values in `readers/`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from moderation_pipeline.comments.columns import (
    Column,
    ColumnsError,
    ColumnsSpec,
    FlagColumn,
    MappedColumn,
    TextColumn,
    TimeColumn,
)
from moderation_pipeline.comments.record import CHUNK_SCHEMA, OPTIONAL_SCHEMA
from moderation_pipeline.comments.values import Converted, UnfitTypeError, as_flags, as_text, as_times
from moderation_pipeline.plan import Action, Category

FLAGS = ("is_moderator", "is_broadcaster", "is_subscriber", "is_first_message", "is_me", "is_emote_only")
CLOSED_SETS: Mapping[str, Sequence[str]] = {
    "label_action": [action.value for action in Action],
    "label_category": [category.value for category in Category],
}
LABELS_AND_SPLIT = [name for name in OPTIONAL_SCHEMA if name != "shared_from"]
ORDER = "order_"
"""Begins the names of the columns by which rows are put in order; they leave before anything is stored."""


class Rows(NamedTuple):
    """The rows that could be read (a chunk's columns, labels, split, columns of order), and why the others could not.

    `unreadable` has a row's index in the frame that was given, and the reason.
    """

    comments: pl.DataFrame
    unreadable: list[tuple[int, str]]


class TableMapping:
    """Turns frames of a table's columns into ours, as a spec says."""

    def __init__(self, spec: ColumnsSpec, path: Path) -> None:
        self.spec = spec
        self._notes: dict[str, None] = {}
        self._path = path
        self._foreign_labels: dict[str, Counter[str]] = {}

    @property
    def notes(self) -> list[str]:
        """What was taken for granted, each once."""
        return list(self._notes)

    def rows(self, table: pl.DataFrame, numbers: Sequence[int]) -> Rows:
        """Return the rows of `table`, which has the spec's columns; `numbers` are their lines."""
        converted = [
            self._converted(name, column, table[column.column]) for name, column in self.spec.columns()
        ]
        order = [table[name].alias(f"{ORDER}{at}") for at, name in enumerate(self.spec.order_by)]
        lines = pl.Series("line_number", numbers, pl.Int64)
        ours = pl.DataFrame([lines, *(each.values for each in converted), *order])
        schema = {**CHUNK_SCHEMA, **OPTIONAL_SCHEMA}
        absent = [
            pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in ours.columns
        ]
        complete = (
            ours.with_columns(*absent)
            .with_columns(*_labels(), pl.col(*FLAGS, "is_held").fill_null(value=False))
            .select(*CHUNK_SCHEMA, *LABELS_AND_SPLIT, *(each.name for each in order))
        )
        reasons = _reasons(converted)
        unreadable = [(index, reason) for index, reason in enumerate(reasons) if reason is not None]
        return Rows(complete.filter(reasons.is_null()), unreadable)

    def check_labels(self) -> None:
        """Say, once all is read, what labels there were that are none of ours.

        Raises:
            ColumnsError: there were some; it lists them, how often each is there, and how to map them.
        """
        for name, values in self._foreign_labels.items():
            column: Column = getattr(self.spec, name)
            found = ", ".join(f"{value!r} ({count:,} times)" for value, count in values.most_common(10))
            allowed = ", ".join(CLOSED_SETS.get(name, ("true", "false")))
            example = values.most_common(1)[0][0]
            fix = f"map: {{{example}: other}}" if name in CLOSED_SETS else f"true_for: [{example}]"
            raise ColumnsError(
                f"{self._path}: {name} (column {column.column!r}) holds {found}. Allowed: {allowed}. Say "
                f"what they mean, for example {name}: {{column: {column.column}, {fix}}}."
            )

    def _converted(self, name: str, column: Column, values: pl.Series) -> Converted:
        try:
            match column:
                case TextColumn():
                    return _text(column, values)
                case TimeColumn():
                    times = as_times(values, column.seconds_after)
                    self._notes.update(dict.fromkeys(times.notes))
                    return times.converted.named(name)
                case FlagColumn():
                    return self._flags(name, column, values)
                case MappedColumn():
                    return self._of_closed_set(name, column, values)
                case _:
                    text = as_text(values)
                    return Converted(text.set(text == "", None)).named(name)
        except UnfitTypeError as error:
            raise ColumnsError(f"{self._path}: {name} can't be column {column.column!r}, {error}.") from None

    def _flags(self, name: str, column: FlagColumn, values: pl.Series) -> Converted:
        flags = as_flags(values, column.true_for, column.null_for)
        if name == "label_is_violation" and flags.bad is not None:
            self._count_foreign(name, as_text(values).filter(flags.bad))
            return Converted(flags.values).named(name)
        return flags._replace(reason=f"{name} is neither true nor false").named(name)

    def _of_closed_set(self, name: str, column: MappedColumn, values: pl.Series) -> Converted:
        text = as_text(values)
        text = text.set(text.is_in(["", *column.null_for]), None)
        if column.map:
            text = text.replace(list(column.map), list(column.map.values()))
        foreign = ~text.is_in(CLOSED_SETS[name])
        if foreign.any():
            self._count_foreign(name, text.filter(foreign))
        return Converted(text).named(name)

    def _count_foreign(self, name: str, values: pl.Series) -> None:
        if not values.is_empty():
            self._foreign_labels.setdefault(name, Counter()).update(values.to_list())


def _text(column: TextColumn, values: pl.Series) -> Converted:
    text = as_text(values)
    if column.separator is not None:
        text = text.str.replace_all(rf"\s*{pl.escape_regex(column.separator)}\s*", "\n")
    return Converted(text, text.is_null(), "no text").named("text")


def _reasons(converted: Sequence[Converted]) -> pl.Series:
    """Return for each row the first reason for which it can't be read, null where it can."""
    height = len(converted[0].values)
    reasons = pl.Series([None], dtype=pl.String).new_from_index(0, height)
    for each in converted:
        if each.bad is not None:
            reasons = reasons.set(each.bad & reasons.is_null(), each.reason)
    return reasons


def _labels() -> list[pl.Expr]:
    """Complete labels from each other: no violation is category none, any category else is a violation.

    A label `reply` alone doesn't say whether something was wrong (a caring reply to self-harm).
    """
    action, category = pl.col("label_action"), pl.col("label_category")
    by_action = pl.when(action != Action.REPLY.value).then(action != Action.ALLOW.value)
    violation = pl.coalesce("label_is_violation", category != Category.NONE.value, by_action)
    labels = pl.col("label_is_violation", "label_action", "label_category")
    harmless = pl.when(~violation).then(pl.lit(Category.NONE.value))
    return [
        violation.alias("label_is_violation"),
        pl.coalesce(category, harmless).alias("label_category"),
        pl.when(pl.any_horizontal(labels.is_not_null()))
        .then(pl.coalesce("label_source", pl.lit("dataset")))
        .alias("label_source"),
    ]
