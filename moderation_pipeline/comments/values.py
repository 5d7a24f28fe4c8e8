"""Columns of foreign values made into texts, flags and times; what can't be is marked, never guessed away."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from math import inf
from typing import NamedTuple

import polars as pl

from moderation_pipeline.comments.times import (
    LATEST_US,
    WallClock,
    time_written,
    us_from_datetime,
)
from moderation_pipeline.errors import ModerationError

TRUE = ("true", "1", "yes", "y", "t", "on")
FALSE = ("false", "0", "no", "n", "f", "off")
NOTHING = ("", "null", "none", "nan")
EMPTY = ("", "null", "nan", "<na>", "\\n")
"""What stands in a cell with nothing in it, in lower case; `none` may be a label's name for no violation."""

DELETED = "[deleted]"
"""What Reddit and its archives write for every author whose account is gone: many people, and no user."""

EARLIEST_S, LATEST_S, LATEST_MS, LATEST_MICROSECONDS = 1e8, 1e11, 1e14, 1e17
"""A bare number is a time in seconds, milliseconds, microseconds or nanoseconds since 1970 by its size. Below 1973 it
is more likely an offset from some start, which has to be said."""


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
    if dtype.is_float():
        known = values.fill_nan(None)
        is_whole = bool(((known % 1) == 0).all()) and bool((known.abs() < MOST_EXACT).all())
        return (known.cast(pl.Int64) if is_whole else known).cast(pl.String)
    try:
        return values.cast(pl.String)
    except pl.exceptions.InvalidOperationError:
        raise UnfitTypeError(dtype) from None


MOST_EXACT = 2.0**63
"""Floats from here on are no Int64."""

NUMBER = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,3})?", re.ASCII)


@lru_cache(maxsize=65_536)
def spelling(value: str) -> str:
    """Return a value as it is compared with what an owner wrote: 1, 1.0 and "01" are one, and True and true.

    So are letters with accents, which a Mac may write as two: what looks alike is alike.
    """
    plain = value.strip() if value.isascii() else unicodedata.normalize("NFC", value.strip())
    if NUMBER.fullmatch(plain):
        number = Decimal(plain).normalize()
        return str(number) if number else "0"
    return plain.lower() if plain.lower() in ("true", "false") else plain


def is_one_of(text: pl.Series, listed: Iterable[str]) -> pl.Series:
    """Return whether each value is one of those that an owner listed; null for null."""
    wanted = {spelling(each) for each in listed}
    found = [value for value in text.drop_nulls().unique() if spelling(value) in wanted]
    return text.is_in(found)


def written_otherwise(listed: Sequence[str], values: Iterable[str]) -> dict[str, str]:
    """Return the values that are none of those an owner listed, but for case, spaces or widths of letters.

    Each with the listed one that it seems to be: what isn't listed is false, so that one of two spellings is innocent.
    """
    own = {spelling(each) for each in listed}
    folded = {_folded(each): each for each in listed}
    others = (value for value in values if spelling(value) not in own)
    return {value: folded[_folded(value)] for value in others if _folded(value) in folded}


def _folded(value: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())


def rounded_ids(values: pl.Series) -> int:
    """Return how many ids are numbers that were rounded, so that several users may have become one.

    A spreadsheet writes 1.08418E+17 for 108418273645092864, and a float holds 53 bits of it.
    """
    if values.dtype.is_float():
        return int((values.abs() >= MOST_EXACT_ID).sum())
    return int(values.str.contains(ROUNDED).sum()) if values.dtype == pl.String else 0


def rounded_note(number: int, column: str) -> str:
    """Return what is to be said of a column (as it is called) of which so many values are rounded."""
    return (
        f"{number:,} values of {column} are rounded numbers (1.08418E+17, or a float of so many digits): different ids "
        "may have become one. Write ids as texts."
    )


MOST_EXACT_ID = 2.0**53
"""Whole numbers from here on are not all floats."""
ROUNDED = r"^\s*\d(?:[.,]\d+)?[eE]\+?\d+\s*$"


def replaced(text: pl.Series, replacements: Mapping[str, str]) -> pl.Series:
    """Return the values, those that an owner listed replaced by what he wrote for them."""
    wanted = {spelling(theirs): ours for theirs, ours in replacements.items()}
    found = [value for value in text.drop_nulls().unique() if spelling(value) in wanted]
    return text.replace(found, [wanted[spelling(value)] for value in found])


def is_empty(text: pl.Series, listed: Sequence[str] = ()) -> pl.Series:
    """Return whether there is nothing in a cell; what an owner listed is something."""
    nothing = [each for each in EMPTY if each not in {value.lower() for value in listed}]
    return text.is_null() | text.str.strip_chars().str.to_lowercase().is_in(nothing)


def as_flags(values: pl.Series, true_for: Sequence[str], null_for: Sequence[str]) -> Converted:
    """Return booleans: by `true_for` where it is given, else by what usually means true and false."""
    text = as_text(values)
    says_nothing = is_empty(text, true_for) | is_one_of(text, null_for).fill_null(value=True)
    if true_for:
        return Converted(is_one_of(text, true_for).set(says_nothing, None))
    lower = text.str.strip_chars().str.to_lowercase().str.replace(r"^([01])[.,]0*$", "$1")
    known = lower.is_in([*TRUE, *FALSE])
    says_nothing |= lower.is_in(NOTHING)
    flags = lower.is_in(TRUE).set(~known | says_nothing, None)
    bad = (~known & ~says_nothing).fill_null(value=False)
    return Converted(flags, bad if bad.any() else None)


def as_flags_from(values: pl.Series, at_least: float, null_for: Sequence[str]) -> Converted:
    """Return booleans: true from a number on; what is no number is marked."""
    text = as_text(values)
    says_nothing = is_empty(text) | is_one_of(text, null_for).fill_null(value=True)
    numbers = _with_point(text.str.strip_chars()).cast(pl.Float64, strict=False).fill_nan(None)
    bad = numbers.is_null() & ~says_nothing
    return Converted((numbers >= at_least).set(says_nothing, None), bad if bad.any() else None)


def any_true(flags: Sequence[Converted]) -> Converted:
    """Return whether any flag of a row is true; null where none is and one is null."""
    together = pl.DataFrame([each.values.alias(str(at)) for at, each in enumerate(flags)])
    values = together.select(pl.any_horizontal(pl.all())).to_series()
    bad = [each.bad for each in flags if each.bad is not None]
    return Converted(values, pl.select(pl.any_horizontal(bad)).to_series() if bad else None)


class ScoreSpan(NamedTuple):
    """From where to where numbers go, how many there are, and how many of them are above 1."""

    lowest: float
    highest: float
    numbers: int
    above_one: int


class ScoreRangeError(ModerationError):
    """Scores that are no probabilities: what they span, and what turns them into some."""

    def __init__(self, table: str, column: str, out_of: float, span: ScoreSpan) -> None:
        lowest, highest, numbers, above_one = span
        spans = f"{table}: scores in column {column!r} go from {lowest:.10g} to {highest:.10g}"
        if out_of != 1:
            spans += f" after division by {out_of:g}"
        elif lowest >= 0 and highest <= 100:
            super().__init__(
                f"{spans}, {above_one:,} of {numbers:,} above 1, and a score is a probability from 0 to 1. If all of "
                "them are out of 100, those up to 1 too, say so: "
                f"{{column: {column}, out_of: 100}} in the columns file, or --score 'NAME={column}/100'; out of "
                "another number, write that."
            )
            return
        super().__init__(
            f"{spans}, and a score is a probability from 0 to 1. Turn them into some first: 1 / (1 + exp(-x)) for "
            "log-odds, 1 - x where a low score is the bad one (of scores from 0 to 1: --score 'NAME=1-COLUMN'), an "
            "empty cell where a number stands for no score."
        )


class NoScoreError(ModerationError):
    """A column of scores in which no value is a number."""

    def __init__(self, table: str, column: str, examples: Sequence[str]) -> None:
        found = f"it holds {', '.join(map(repr, examples))}" if examples else "it is empty"
        super().__init__(
            f"{table}: column {column!r} holds no score: {found}. A score is a number from 0 to 1, a percentage with "
            "its sign, or true and false. Name another column."
        )


DECIMAL_COMMA = r"^[+-]?\d*,\d+$"
"""What a program writes for 0.5 where commas are decimal; what it separates by thousand is no score anyway."""


def _with_point(text: pl.Series) -> pl.Series:
    """Return numbers with a decimal point where they have a decimal comma, everything else as it is."""
    has_comma = text.str.contains(DECIMAL_COMMA).fill_null(value=False)
    pointed = text.str.replace(",", ".", literal=True)
    return pl.select(pl.when(has_comma).then(pointed).otherwise(text)).to_series()


PERCENT_SIGN = r"^[%％]\s*|\s*[%％]+$"
"""Behind the number, after whatever space keeps it on its line; in Turkish before it."""

MIXED = 0.05
"""Where more of the scores out of 100 are up to 1, some may be no such scores."""

DIGITS = 15
"""So many decimals of a score that was computed are kept: 55.6 of 100 is .556, and 1 less .9 is .1 and not below it."""

ROUNDING = 1e-6
"""By so much a score may miss 0 or 1: models that compute with few digits give 1.0000001."""


def computed(scores: pl.Series) -> pl.Series:
    """Return scores that were computed of others as they would have been written, to meet thresholds alike."""
    return scores.round(DIGITS)


class ScoreReader:
    """Reads a column of scores, a chunk after the other; what is none is null, counted, and never guessed."""

    def __init__(self, column: str, out_of: float = 1.0) -> None:
        self.column = column
        self._out_of = out_of
        self._rows = self._empty = self._percentages = self._commas = self._flags = self._rounded = 0
        self._foreign: Counter[str] = Counter()
        self._lowest, self._highest = inf, -inf
        self._numbers = self._above_one = self._small = 0

    def read(self, values: pl.Series) -> pl.Series:
        """Return probabilities; null where a cell is empty or holds no number.

        A percentage with its sign is one whatever the scores are out of, a comma is a decimal point, and so are true
        and false scores: of whoever only says yes and no.

        Raises:
            UnfitTypeError: the values are lists, structs or bytes.
        """
        text = as_text(values)
        nothing = is_empty(text)
        plain = text.str.strip_chars()
        is_percentage = plain.str.contains(PERCENT_SIGN).fill_null(value=False)
        plain = plain.str.replace(PERCENT_SIGN, "")
        pointed = _with_point(plain)
        scores = pointed.cast(pl.Float64, strict=False)
        out_of = pl.Series([self._out_of]).new_from_index(0, len(text)).set(is_percentage, 100.0)
        flags = plain.str.to_lowercase().replace_strict(["true", "false"], [1.0, 0.0], default=None)
        scores = scores.set(~scores.is_finite().fill_null(value=False), None)
        self._small += int(((scores > 0) & (scores <= 1) & ~is_percentage).sum())
        shares = computed(scores / out_of).zip_with(out_of != 1, scores)
        numbers = self._within(shares).zip_with(flags.is_null(), flags)
        self._percentages += int(is_percentage.sum())
        self._commas += int((pointed != plain).sum())
        self._flags += len(flags) - flags.null_count()
        self._rows += len(text)
        self._empty += int(nothing.sum())
        self._foreign.update(text.filter(numbers.is_null() & ~nothing).to_list())
        known = numbers.drop_nulls().to_numpy()
        if known.size:
            self._lowest = min(self._lowest, float(known.min()))
            self._highest = max(self._highest, float(known.max()))
            self._numbers += known.size
            self._above_one += int((known > 1).sum())
        return numbers

    def _within(self, numbers: pl.Series) -> pl.Series:
        """Return the numbers, those that miss 0 or 1 by rounding as 0 or 1."""
        within = numbers.clip(0, 1)
        is_rounded = ((numbers != within) & ((numbers - within).abs() <= ROUNDING)).fill_null(value=False)
        self._rounded += int(is_rounded.sum())
        return within.zip_with(is_rounded, numbers)

    def check(self, table: str) -> None:
        """Look, once all of a table is read, whether they were scores.

        Raises:
            NoScoreError: not one value is a number, or few are and those are no probabilities.
            ScoreRangeError: some are no probabilities.
        """
        is_out_of_range = self._lowest < 0 or self._highest > 1
        is_text = is_out_of_range and self._foreign.total() > self._numbers
        if self._rows and (self._lowest > self._highest or is_text):
            raise NoScoreError(table, self.column, [value for value, _ in self._foreign.most_common(3)])
        if self._rows and is_out_of_range:
            span = ScoreSpan(self._lowest, self._highest, self._numbers, self._above_one)
            raise ScoreRangeError(table, self.column, self._out_of, span)

    @property
    def note(self) -> str:
        """What was understood: from where to where the scores go, and how many rows have none."""
        missing = self._empty + self._foreign.total()
        known = f"{self._rows - missing:,} scores in {self.column!r}, from {self._lowest:.3g} to {self._highest:.3g}"
        taken = [f"{self._percentages:,} are percentages"] if self._percentages else []
        taken += [f"in {self._commas:,} a comma was taken for the decimal point"] if self._commas else []
        taken += [f"{self._flags:,} are true or false, taken for 1 and 0"] if self._flags else []
        taken += [f"{self._rounded:,} missed 0 or 1 by rounding"] if self._rounded else []
        known += f" ({', '.join(taken)})" if taken else ""
        if self._out_of > 1 and MIXED * self._numbers < self._small < self._numbers:
            known += (
                f"; {self._small:,} were between 0 and 1 before they were divided by {self._out_of:g}: if those are "
                "probabilities already, the column mixes two scales"
            )
        parts = [f"{self._empty:,} are empty"] if self._empty else []
        if self._foreign:
            examples = ", ".join(repr(value[:40]) for value, _ in self._foreign.most_common(3))
            parts.append(f"{self._foreign.total():,} are no number ({examples})")
        return f"{known}; {' and '.join(parts)}: no score there." if parts else f"{known}."


class TimeReader:
    """Reads a column's times, a chunk after the other: the hour that comes twice is told apart by order.

    `otherwise` is what an error says of times that can't be read: what to write differs between a columns file and
    who has none.
    """

    def __init__(
        self,
        *,
        column: str = "…",
        seconds_after: datetime | None = None,
        time_format: str | None = None,
        clock: WallClock | None = None,
        otherwise: str | None = None,
    ) -> None:
        self._otherwise = otherwise or (
            f"Other times need sent_at: {{column: {column}, format: '%d/%m/%Y %H:%M'}}, "
            f"seconds from a start {{column: {column}, seconds_after: 2024-01-05T10:00:00Z}}"
        )
        self._start_us = (us_from_datetime(seconds_after) or 0) if seconds_after is not None else None
        self._format = time_format
        self._clock = clock
        self._notes: dict[str, None] = {}
        self.example: str | None = None

    @property
    def notes(self) -> list[str]:
        """What was taken for granted about the times."""
        clock = self._clock
        notes = list(self._notes)
        if clock is not None and clock.twice:
            notes.append(
                f"{clock.twice:,} times are in an hour that came twice, when the clocks were put back; which "
                f"of the two was told by the times before them."
            )
        if clock is not None and clock.skipped:
            notes.append(
                f"{clock.skipped:,} times are in an hour that the clocks left out; check the zone {clock.zone}."
            )
        return notes

    def read(self, values: pl.Series) -> Converted:
        """Return microseconds since 1970 (UTC) for times, texts of them or numbers.

        Raises:
            UnfitTypeError: the values are of another type.
        """
        dtype = values.dtype
        if dtype == pl.String:
            return self._of_texts(values)
        if dtype.is_numeric():
            return self._of_numbers(values.cast(pl.Float64), values.is_not_null(), values)
        if dtype not in (pl.Date, pl.Datetime):
            raise UnfitTypeError(dtype)
        has_no_zone = getattr(dtype, "time_zone", None) is None
        if has_no_zone and self._clock is not None:
            local: list[datetime | None] = values.cast(pl.Datetime("us")).to_list()
            return self._of_moments(local, values.is_not_null(), values)
        if has_no_zone and values.null_count() < len(values):
            self._notes[TAKEN_AS_UTC] = None
        stamps = values.cast(pl.Datetime("us")) if dtype == pl.Date else values.dt.cast_time_unit("us")
        return self._within_range(stamps.to_physical().cast(pl.Int64), values.is_not_null(), values)

    def _of_texts(self, values: pl.Series) -> Converted:
        text = values.str.strip_chars()
        is_given = ~is_empty(text)
        if self._format is None:
            numbers = text.cast(pl.Float64, strict=False)
            if self._start_us is not None or (
                is_given.any() and numbers.is_not_null().sum() == is_given.sum()
            ):
                return self._of_numbers(numbers, is_given, text)
        moment = time_written if self._format is None else self._formatted
        moments = [moment(each) if given else None for each, given in zip(text, is_given, strict=True)]
        return self._of_moments(moments, is_given, text)

    def _formatted(self, text: str) -> datetime | None:
        try:
            return datetime.strptime(text, self._format or "")
        except ValueError:
            return None

    def _of_moments(
        self, moments: Sequence[datetime | None], is_given: pl.Series, written: pl.Series
    ) -> Converted:
        if self._clock is None:
            stamps = [None if each is None else us_from_datetime(each) for each in moments]
            if any(each is not None and each.tzinfo is None for each in moments):
                self._notes[TAKEN_AS_UTC] = None
        else:
            stamps = [None if each is None else _in_zone(each, self._clock) for each in moments]
        return self._within_range(pl.Series(stamps, dtype=pl.Int64), is_given, written)

    def _of_numbers(self, numbers: pl.Series, is_given: pl.Series, written: pl.Series) -> Converted:
        number = pl.lit(numbers)
        if self._start_us is not None:
            stamps = self._start_us + (number * 1_000_000).round()
        else:
            stamps = (
                pl.when(number < EARLIEST_S)
                .then(None)
                .when(number < LATEST_S)
                .then((number * 1_000_000).round())
                .when(number < LATEST_MS)
                .then((number * 1_000).round())
                .when(number < LATEST_MICROSECONDS)
                .then(number.round())
                .otherwise((number / 1_000).round())
            )
            if is_given.any():
                self._notes[TAKEN_BY_SIZE] = None
        stamp_series = pl.select(stamps.cast(pl.Int64, strict=False).alias("us")).to_series()
        return self._within_range(stamp_series, is_given, written)

    def _within_range(self, stamps: pl.Series, is_given: pl.Series, written: pl.Series) -> Converted:
        good = ((stamps > 0) & (stamps < LATEST_US)).fill_null(value=False)
        bad = is_given & ~good
        if bad.any() and self.example is None:
            self.example = str(written.filter(bad)[0])[:40]
        return Converted(stamps.set(~good, None), bad if bad.any() else None, self._reason())

    def _reason(self) -> str:
        if self._format is not None:
            return f"{self.example!r} is no time of the format {self._format!r}"
        return (
            f"{self.example!r} is no time that can be read: allowed are ISO 8601 (2024-01-05 10:00:00Z) and "
            f"numbers since 1970. {self._otherwise}"
        )


def _in_zone(when: datetime, clock: WallClock) -> int | None:
    try:
        return us_from_datetime(when if when.tzinfo is not None else clock.read(when))
    except OverflowError:
        return None


TAKEN_AS_UTC = "The times have no zone; they were taken as UTC."
TAKEN_BY_SIZE = "The times are numbers; by their size they were taken as seconds, ms, µs or ns since 1970."
