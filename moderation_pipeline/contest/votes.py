"""Labels of several annotators, a column each or a row each: single votes, and what most of them say.

What their agreement is worth is `evaluation/scored/`'s business. Where as many say yes as no there is no label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class Votes:
    """One row per vote: `row` (of the item's first), `annotator`, `vote`; and what is to be said of them.

    `items` has for each `row` of the table the `first` of its item, and is null where each row is an item.
    """

    votes: pl.DataFrame
    items: pl.DataFrame | None = None
    notes: tuple[str, ...] = ()

    def take(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the items of the rows, each with its number of `votes`, and what most say unless they are even.

        Of an item that is in several rows each column holds the first value that one of them has: a text or a score is
        often written once.
        """
        counted = self.votes.group_by("row").agg(yes=pl.col("vote").sum(), votes=pl.len())
        label = pl.when(2 * pl.col("yes") != pl.col("votes")).then(2 * pl.col("yes") > pl.col("votes"))
        items = self._by_item(rows, pl.all().drop_nulls().first())
        counted = counted.select("row", "votes", label=label)
        return items.join(counted, on="row", how="left", maintain_order="left")

    def differing(self, rows: pl.DataFrame) -> dict[str, int]:
        """Return for each column on how many items its rows hold different values, of which the first counts."""
        differ = self._by_item(rows, pl.all().drop_nulls().n_unique() > 1).drop("row")
        return {} if self.items is None else {each.name: int(each.sum()) for each in differ if each.sum()}

    def _by_item(self, rows: pl.DataFrame, of_an_item: pl.Expr) -> pl.DataFrame:
        """Return the rows, those of an item made into one, under the number of its first."""
        if self.items is None:
            return rows
        together = rows.join(self.items, on="row", how="inner", maintain_order="left").drop("row")
        return together.group_by(row="first", maintain_order=True).agg(of_an_item)


def in_columns(rows: pl.Series, flags: Sequence[tuple[str, pl.Series]]) -> Votes:
    """Return the votes of a table with a column per annotator."""
    frames = [
        pl.DataFrame({"row": rows.cast(pl.Int64), "annotator": name, "vote": values})
        for name, values in flags
    ]
    votes = pl.concat(frames).drop_nulls()
    return Votes(votes, notes=_evens(votes))


def in_rows(rows: pl.Series, items: pl.Series, annotators: pl.Series, flags: pl.Series) -> Votes:
    """Return the votes of a table with a row per annotator and item; an annotator's second vote is left out."""
    table = pl.DataFrame({"row": rows.cast(pl.Int64), "item": items, "annotator": annotators, "vote": flags})
    known = table.filter(pl.col("item").is_not_null() & pl.col("annotator").is_not_null())
    known = known.with_columns(place="row").with_columns(pl.col("row").first().over("item"))
    first = known.drop_nulls("vote").unique(["item", "annotator"], keep="first", maintain_order=True)
    notes = _evens(first)
    again = known.drop_nulls("vote").height - first.height
    if again:
        notes += (
            f"{again:,} rows are another label by the same annotator of the same item; the first counts.",
        )
    if nameless := table.height - known.height:
        notes += (f"{nameless:,} rows name no item or no annotator, and are left out.",)
    return Votes(first.select("row", "annotator", "vote"), known.select(row="place", first="row"), notes)


def _evens(votes: pl.DataFrame) -> tuple[str, ...]:
    even = votes.group_by("row").agg(is_even=2 * pl.col("vote").sum() == pl.len())["is_even"].sum()
    return (f"On {even:,} items as many annotators say yes as no: they have no label.",) if even else ()
