"""Sums of columns by key, the same to the last bit whatever Polars' threads do, at a few milliseconds a column.

What is resampled of them is `bootstrap.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

Numbers = npt.NDArray[np.int64]


class Groups(NamedTuple):
    """Which group each row is in, numbered from 0 in order of appearance, and the row at which each appears."""

    of_row: Numbers
    first: Numbers


def groups_of(keys: Sequence[pl.Series]) -> Groups:
    """Return the groups of rows that are equal in every key; null is a value of its own, like any other."""
    code = _codes(keys[0])
    for key in keys[1:]:
        more = _codes(key)
        code = _compact(code) * (int(more.max(initial=0)) + 1) + more
    return _in_order_of_appearance(code)


def numbered(values: pl.Series) -> pl.Series:
    """Return each value's number, from 0 in order of appearance; null is a value of its own, like any other."""
    return pl.Series(values.name, groups_of([values]).of_row, pl.UInt32)


def added_up_by(keys: Sequence[str], rows: pl.DataFrame) -> pl.DataFrame:
    """Return the sums of all other columns by key, in order of appearance, added up one row after another.

    Polars adds up a group's floats in whatever order its threads have it; the last bits then decide which users are of
    one kind, and with it what is drawn.
    """
    groups = groups_of([rows[key] for key in keys])
    added = [
        pl.Series(name, _added_up(groups, rows[name].to_numpy())) for name in rows.columns if name not in keys
    ]
    return rows.select(keys)[groups.first].with_columns(added)


def _added_up(groups: Groups, values: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """Return the sums of a column. Noughts add nothing, and most columns of most runs are little else."""
    some, code = np.flatnonzero(values), groups.of_row
    if 2 * some.size < values.size:
        values, code = values[some], code[some]
    return np.bincount(code, values.astype(np.float64), minlength=groups.first.size).astype(np.float64)


def _codes(values: pl.Series) -> Numbers:
    """Return numbers, from 0, that tell the values apart."""
    if values.dtype == pl.String:
        # Categories of their own: the usual ones are shared by all that the process ever made.
        values = values.cast(pl.Categorical(pl.Categories.random())).to_physical()
    if not values.dtype.is_integer():
        values = values.rank("dense")
    least = int(values.min() or 0)  # type: ignore[arg-type]
    codes = values.cast(pl.Int64) - least + 1
    return codes.fill_null(0).to_numpy().astype(np.int64)


def _compact(code: Numbers) -> Numbers:
    """Return the codes with few gaps, so that those of several keys together stay whole numbers of 64 bits."""
    if code.size and int(code.max()) > 4 * code.size:
        return np.unique(code, return_inverse=True)[1].astype(np.int64)
    return code


def _in_order_of_appearance(code: Numbers) -> Groups:
    code = _compact(code)
    first = np.full(int(code.max(initial=-1)) + 1, -1, dtype=np.int64)
    # Written backwards, so that of several rows the first is what stays.
    first[code[::-1]] = np.arange(code.size - 1, -1, -1)
    there = np.flatnonzero(first >= 0)
    order = there[np.argsort(first[there], kind="stable")]
    number = np.empty(first.size, dtype=np.int64)
    number[order] = np.arange(order.size)
    return Groups(number[code], first[order])
