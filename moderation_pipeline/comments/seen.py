"""What a table's columns were seen to hold while it was read, and what of that its owner must be told.

A map that matches nothing gives labels that are all innocent, and nobody notices. That is known only when all
is read, so counts are kept meanwhile: of a label's values as many as can be shown, of others none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from moderation_pipeline.comments.columns import ColumnsError
from moderation_pipeline.comments.values import EMPTY, spelling

MOST_VALUES = 1_000
"""Different values counted of a column: one with more is no label."""

SHOWN = 10


class Seen:
    """What the columns behind one of ours held, and how often what was made of them is null or false."""

    def __init__(self, ours: str, theirs: Sequence[str]) -> None:
        self.ours = ours
        self._theirs = " and ".join(repr(name) for name in theirs)
        self.values: Counter[str] = Counter()
        self.foreign: Counter[str] = Counter()
        self._met: set[str] = set()
        self._rows = 0
        self._nulls = 0
        self._innocent = 0

    def count(self, text: pl.Series) -> None:
        """Count the values of one of the columns."""
        for value, count in text.fill_null("").value_counts().iter_rows():
            if value in self.values or len(self.values) < MOST_VALUES:
                self.values[value] += count
            self._met.add(spelling(value))

    def count_foreign(self, text: pl.Series) -> None:
        """Count values that are none of ours."""
        for value, count in text.value_counts().iter_rows():
            if value in self.foreign or len(self.foreign) < MOST_VALUES:
                self.foreign[value] += count

    def came_to(self, ours: pl.Series) -> None:
        """Count what was made of the values."""
        self._rows += ours.len()
        self._nulls += ours.null_count()
        if ours.dtype == pl.Boolean:
            self._innocent += int((~ours).sum())
        elif self.ours == "label_action":
            self._innocent += int((ours == "allow").sum())

    def unmet(self, listed: Iterable[str]) -> list[str]:
        """Return what was listed and is no value of the columns; an empty cell needn't be there."""
        return [value for value in listed if spelling(value) not in self._met and value.lower() not in EMPTY]

    def shown(self) -> str:
        """Return the commonest values, with how often each is there."""
        return shown(self.values)

    def notes(self) -> list[str]:
        """Say that a column came to nothing, or to no violation anywhere."""
        if not self._rows:
            return []
        what = f"{self.ours} (column {self._theirs})"
        held = f" The column holds {self.shown()}." if set(self.values) - {""} else ""
        if self._nulls == self._rows:
            return [f"{what} is null in all {self._rows:,} rows.{held}"]
        if self._innocent and self._innocent + self._nulls == self._rows:
            said = "allow" if self.ours == "label_action" else "false"
            return [f"{what} is {said} in every row that has it, so nothing is a violation.{held}"]
        return []


def shown(values: Counter[str]) -> str:
    """Return the commonest values, with how often each is there."""
    most = ", ".join(f"{value[:80]!r} ({count:,} times)" for value, count in values.most_common(SHOWN))
    return most + (" and others" if len(values) > SHOWN else "")


class SpellingsError(ColumnsError):
    """Values that are listed ones in another spelling: only what is listed counts, so that they would be innocent."""

    def __init__(self, path: Path, others: Mapping[str, str], seen: Seen) -> None:
        found = shown(Counter({value: seen.values[value] for value in others}))
        meant = ", ".join(map(repr, dict.fromkeys(others.values())))
        super().__init__(
            f"{path}: the column of {seen.ours} holds {found}, which differs from {meant} in case, spaces or width "
            "alone. Only what is listed counts: list every spelling, or write the column alike."
        )


class UnmetValuesError(ColumnsError):
    """Values that a map lists and its column never has: its owner means others."""

    def __init__(self, path: Path, key: str, unmet: Sequence[str], seen: Seen) -> None:
        named = ", ".join(repr(value) for value in unmet)
        super().__init__(
            f"{path}: {seen.ours} lists {named} under {key}, but its column never holds that. It holds "
            f"{seen.shown() or 'nothing'}. Write the values as the file has them, and leave out those that it "
            f"doesn't have."
        )
