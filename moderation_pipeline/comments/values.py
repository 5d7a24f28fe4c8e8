"""Columns of foreign values made into texts, flags and times; what can't be is marked, never guessed away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import polars as pl

from moderation_pipeline.comments.times import LATEST_US, us_from_datetime, us_from_iso

TRUE = ("true", "1", "yes", "y", "t")
FALSE = ("false", "0", "no", "n", "f")
NOTHING = ("", "null", "none", "nan")

EARLIEST_S, LATEST_S, LATEST_MS = 1e8, 1e11, 1e14
"""A bare number is a time in seconds, milliseconds or microseconds since 1970 by its size. Below 1973 it is
more likely an offset from some start, which has to be said."""

NO_TIME = "no time that can be read; seconds from a start need sent_at: {column: …, seconds_after: …}"


class UnfitTypeError(TypeError):
    """A column of a type that can't be what it is said to be."""

    def __init__(self, dtype: pl.DataType) -> None:
        super().__init__(f"which holds {dtype}; texts, numbers, flags and times are understood")


class Converted(NamedTuple):
    """A column of ours; `bad` marks rows whose value can't be read, for `reason`."""

    values: pl.Series
    bad: pl.Series | None = None
    reason: str = ""

    def named(self, name: str) -> Converted:
        """Return the same under our column's name."""
        return self._replace(values=self.values.alias(name))


class Times(NamedTuple):
    """Times in microseconds since 1970, and what was taken for granted about them."""

    converted: Converted
    notes: list[str]


def as_text(values: pl.Series) -> pl.Series:
    """Return the values as texts; whole numbers without a decimal point, however they were stored.

    Raises:
        UnfitTypeError: the values are lists, structs or bytes.
    """
    dtype = values.dtype
    if dtype == pl.String:
        return values
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        raise UnfitTypeError(dtype)
    if dtype.is_float() and bool(((values % 1) == 0).all()):
        return values.cast(pl.Int64).cast(pl.String)
    return values.cast(pl.String)


def as_flags(values: pl.Series, true_for: Sequence[str], null_for: Sequence[str]) -> Converted:
    """Return booleans: by `true_for` where it is given, else by what usually means true and false."""
    text = as_text(values)
    says_nothing = text.is_null() | text.is_in(list(null_for))
    if true_for:
        flags = text.is_in(list(true_for)).set(says_nothing, None)
        return Converted(flags)
    lower = text.str.strip_chars().str.to_lowercase()
    known = lower.is_in([*TRUE, *FALSE])
    says_nothing |= lower.is_in(NOTHING)
    flags = lower.is_in(TRUE).set(~known | says_nothing, None)
    bad = (~known & ~says_nothing).fill_null(value=False)
    return Converted(flags, bad if bad.any() else None)


def as_times(values: pl.Series, seconds_after: datetime | None) -> Times:
    """Return microseconds since 1970 (UTC) for times, ISO 8601 texts or numbers."""
    if values.dtype.is_nested() or values.dtype in (pl.Binary, pl.Object, pl.Boolean):
        raise UnfitTypeError(values.dtype)
    if values.dtype == pl.String:
        return _of_texts(values, seconds_after)
    if values.dtype.is_numeric():
        return _of_numbers(values.cast(pl.Float64), values.is_not_null(), seconds_after)
    notes = []
    if values.dtype == pl.Date or getattr(values.dtype, "time_zone", None) is None:
        notes = [TAKEN_AS_UTC] if values.null_count() < len(values) else []
    stamps = values.cast(pl.Datetime("us")) if values.dtype == pl.Date else values.dt.cast_time_unit("us")
    return Times(_within_range(stamps.to_physical().cast(pl.Int64), values.is_not_null()), notes)


TAKEN_AS_UTC = "The times have no zone; they were taken as UTC."


def _of_texts(values: pl.Series, seconds_after: datetime | None) -> Times:
    text = values.str.strip_chars()
    is_given = (text != "").fill_null(value=False)
    numbers = text.cast(pl.Float64, strict=False)
    if seconds_after is not None or (is_given.any() and numbers.is_not_null().sum() == is_given.sum()):
        return _of_numbers(numbers, is_given, seconds_after)
    stamps = pl.Series([None if each is None else us_from_iso(each) for each in text], dtype=pl.Int64)
    # A date's own dashes come early; only an offset or a Z stands behind the time.
    zoneless = is_given & ~text.str.contains(r"(?:Z|z|[+-]\d\d(?::?\d\d)?)$").fill_null(value=True)
    zoneless |= is_given & text.str.contains(r"^\d{4}-\d\d-\d\d$").fill_null(value=False)
    return Times(_within_range(stamps, is_given), [TAKEN_AS_UTC] if zoneless.any() else [])


def _of_numbers(numbers: pl.Series, is_given: pl.Series, seconds_after: datetime | None) -> Times:
    number = pl.lit(numbers)
    if seconds_after is not None:
        start = us_from_datetime(seconds_after) or 0
        stamps = start + (number * 1_000_000).round()
    else:
        stamps = (
            pl.when(number < EARLIEST_S)
            .then(None)
            .when(number < LATEST_S)
            .then((number * 1_000_000).round())
            .when(number < LATEST_MS)
            .then((number * 1_000).round())
            .otherwise(number.round())
        )
    notes = [] if seconds_after is not None or not is_given.any() else [TAKEN_BY_SIZE]
    stamp_series = pl.select(stamps.cast(pl.Int64, strict=False).alias("us")).to_series()
    return Times(_within_range(stamp_series, is_given), notes)


TAKEN_BY_SIZE = "The times are numbers; by their size they were taken as seconds, ms or µs since 1970."


def _within_range(stamps: pl.Series, is_given: pl.Series) -> Converted:
    good = ((stamps > 0) & (stamps < LATEST_US)).fill_null(value=False)
    bad = is_given & ~good
    return Converted(stamps.set(~good, None), bad if bad.any() else None, NO_TIME)
