"""What the readers of tables share: a spec or a guess first, then rows to columns of ours, a chunk at a time.

The formats are its neighbours `jsonl.py`, `csv_table.py` and `columnar.py`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import polars as pl

from moderation_pipeline.comments.columns import ColumnsError, ColumnsSpec, MissingColumnsError
from moderation_pipeline.comments.guessing import guessed_columns, looks_like_a_label, not_said
from moderation_pipeline.comments.mapping import TableMapping
from moderation_pipeline.comments.ordering import Order
from moderation_pipeline.comments.readers.reader import Reader
from moderation_pipeline.comments.record import RAW_LIMIT, Chunk, RejectedLine
from moderation_pipeline.comments.source import Source

ROWS_AT_A_TIME = 16_384


class Batch(NamedTuple):
    """Consecutive rows: their columns, the lines they stand in, and what could not be cut into columns."""

    table: pl.DataFrame
    numbers: Sequence[int]
    rejected: Sequence[RejectedLine] = ()


BY_RECORDS = (
    "Name another column, or, if the file holds each column's values together, write it as records: "
    "to_json('table.json', orient='records') in pandas."
)


class ObjectColumnError(ColumnsError):
    """A column that holds objects or lists: none of them is an id, a text or a time."""

    def __init__(self, path: Path, column: str, names: Sequence[str]) -> None:
        parts = [name for name in names if name.startswith(f"{column}.")]
        is_numbered = all(name.rpartition(".")[2].isdigit() for name in parts)
        fix = BY_RECORDS if is_numbered else f"Name one of its parts: {', '.join(parts[:20])}."
        super().__init__(f"{path}: column {column!r} holds objects or lists, which are no values. {fix}")


class TableReader(Reader):
    """Reads a table. A subclass says what its columns are called and gives their values."""

    def __init__(self, spec: ColumnsSpec | None = None) -> None:
        super().__init__()
        self._given = spec
        self._guessed: frozenset[str] = frozenset()
        self.spec = spec

    @property
    def order(self) -> Order:
        """A table's own: `order_by` where its spec has that, else a shuffle, else time."""
        return Order(is_table=True, shuffle_seed=self.spec.shuffle_seed if self.spec is not None else None)

    @classmethod
    def may_hold(cls, head: bytes) -> bool:
        """Whether a file that begins with `head` may be such a table, its columns being said."""
        return cls.recognises(head)

    @abstractmethod
    def column_names(self, source: Source) -> list[str]:
        """Return what the file calls its columns."""

    @abstractmethod
    def batches(self, source: Source, columns: Sequence[str]) -> Iterator[Batch]:
        """Yield the rows with those columns, ROWS_AT_A_TIME or so at a time."""

    def chunks(self, source: Source) -> Iterator[Chunk]:
        """Yield the rows as comments.

        Raises:
            ColumnsError: the spec names a column that isn't there, no column looks like the text, or labels
                have values that are none of ours.
        """
        if self._given is not None and self._given.encoding is not None:
            source = replace(source, encoding=self._given.encoding)
        spec = self._resolved(source)
        self.spec = spec
        mapping = TableMapping(spec, source.path, self._guessed)
        for batch in self.batches(source, spec.theirs()):
            rows = mapping.rows(batch.table, batch.numbers)
            bad = [
                RejectedLine(batch.numbers[index], reason, _shown(batch.table, index))
                for index, reason in rows.unreadable
            ]
            records = len(batch.numbers) + len(batch.rejected)
            yield Chunk(rows.comments, rejected=[*batch.rejected, *bad], records=records)
        self.check_columns(source)
        mapping.check_labels()
        self.notes.extend([*mapping.notes, *_order_said(spec)])

    @property
    def is_id_guessed(self) -> bool:
        """Whether nobody said which column the comments' id is."""
        return "comment_id" in self._guessed

    def guessed_theirs(self) -> set[str]:
        """Return the file's columns that nobody named: what is odd about them is said, and no error."""
        columns = dict(self.spec.columns()) if self.spec is not None else {}
        return {theirs for ours in self._guessed for theirs in columns[ours].sources()}

    def whole(self, source: Source, columns: Sequence[str]) -> Batch:
        """Return those columns of the whole file as they are, the text's first: what they mean is the caller's to say.

        Raises:
            ColumnsError: the file has no such column.
        """
        names = self.column_names(source)
        if missing := self.missing(columns, names):
            raise self.no_columns(source, missing, names)
        batches = list(self.batches(source, columns))
        self.check_columns(source)
        return Batch(
            pl.concat([each.table for each in batches], how="vertical_relaxed"),
            [number for each in batches for number in each.numbers],
            [line for each in batches for line in each.rejected],
        )

    def missing(self, columns: Sequence[str], names: Sequence[str]) -> list[str]:
        """Return which of the columns (the text's first) the file doesn't have, as far as its beginning tells."""
        return [name for name in columns if name not in names]

    def check_columns(self, source: Source) -> None:
        """Look, once all is read, whether the file had the columns, where its beginning doesn't tell.

        Raises:
            ColumnsError: it has one nowhere.
        """

    def no_columns(self, source: Source, missing: Sequence[str], names: Sequence[str]) -> ColumnsError:
        """Return the error for columns that aren't there."""
        whole = next((name for name in missing if any(each.startswith(f"{name}.") for each in names)), None)
        if whole is not None:
            return ObjectColumnError(source.path, whole, names)
        return MissingColumnsError(source.path, missing, names)

    def _resolved(self, source: Source) -> ColumnsSpec:
        names = self.column_names(source)
        if self._given is None or self._given.text is None:
            guess = guessed_columns(names, source.path, self._given)
            self.notes.extend(guess.notes)
            self._guessed = guess.guessed
            spec = guess.spec
        else:
            spec = self._given
        if missing := self.missing(spec.theirs(), names):
            raise self.no_columns(source, missing, names)
        self._say_what_is_unread(spec, names)
        return spec

    def _say_what_is_unread(self, spec: ColumnsSpec, names: Sequence[str]) -> None:
        theirs = spec.theirs()
        unread = [name for name in names if name not in theirs]
        if unread:
            more = f" and {len(unread) - MOST_NAMED:,} more" if len(unread) > MOST_NAMED else ""
            named = ", ".join(name or "one without a name" for name in unread[:MOST_NAMED])
            self.notes.append(f"Columns that were not read: {named}{more}.")
        is_text_said = self._given is not None and self._given.text is not None
        if is_text_said and (missed := not_said(spec, unread)):
            options = " ".join(f"--column {ours}={theirs}" for ours, theirs in missed.items())
            self.notes.append(
                f"Where the text is said, nothing else is guessed. Read these too with {options}."
            )
        like_labels = [name for name in unread if looks_like_a_label(name)]
        labels = {ours for ours, _ in spec.columns() if ours in TELLING}
        if like_labels and not labels.intersection(TELLING[1:]):
            alone = "label_category alone was read as a label: a row without a category has none"
            self.notes.append(
                f"Of these, {', '.join(like_labels[:MOST_LABELS])} may be labels or scores, and "
                f"{alone if labels else 'no label is guessed'}. Say what is a violation: --column "
                f"'label_is_violation={{column: {like_labels[0]}, true_for: [1]}}', or at_least: 0.5 for a score; "
                f"several columns as column: [a, b]. A model's scores that a Student shall decide by: --column "
                f"'scores=[{like_labels[0]}]'."
            )


def _order_said(spec: ColumnsSpec) -> list[str]:
    """Say in which order the rows are, where no time says it."""
    if spec.order_by:
        return [f"The rows are in the order of {', '.join(spec.order_by)}."]
    if spec.shuffle_seed is not None:
        return [f"The rows were shuffled, with the seed {spec.shuffle_seed}."]
    if spec.sent_at is None:
        return ["No column is a time, so the rows are in the file's order (else: order_by, shuffle_seed)."]
    return []


TELLING = ("label_category", "label_action", "label_is_violation")
"""Columns that label: of the first a null is no innocent row, unless one of the others says so."""

MOST_LABELS = 8
MOST_NAMED = 100
"""Columns named in a note; an object with ids as its keys has thousands."""


def _shown(table: pl.DataFrame, index: int) -> str:
    row = table.row(index, named=True)
    return "; ".join(f"{name}={str(value)[:RAW_LIMIT]}" for name, value in row.items())[:RAW_LIMIT]
