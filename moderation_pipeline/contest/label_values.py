"""A label's column: which of its values are violations, which say nothing, and what is to be said of that.

How the labels of a row become one is in `votes.py`; what is asked of a column, in `asked.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from moderation_pipeline.comments.values import (
    Converted,
    as_flags,
    as_flags_from,
    as_text,
    is_empty,
    is_one_of,
    written_otherwise,
)
from moderation_pipeline.contest.asked import Asked, AskedError, LabelAsked
from moderation_pipeline.errors import closest


def label_flags(asked: LabelAsked, no_label: Sequence[str], values: pl.Series) -> pl.Series:
    """Return a label's column as yes and no; null where it says nothing.

    Raises:
        AskedError: it holds something else, and nobody said what that means.
    """
    text = as_text(values)
    flags = _flags(asked, no_label, values)
    if flags.bad is not None:
        raise AskedError(_what_it_holds(asked, text, flags.bad))
    return flags.values


def _what_it_holds(asked: LabelAsked, text: pl.Series, bad: pl.Series) -> str:
    """Say what a label's column holds that nobody explained, and how to explain it.

    No value is proposed as the violation: whoever copies a wrong one gets an answer all the same.
    """
    column, foreign = asked.column, _by_number(text.filter(bad))
    found = ", ".join(f"{value!r} ({times:,} times)" for value, times in foreign[:5])
    if asked.at_least is not None:
        return (
            f"Label {column!r} holds {found}. From {asked.at_least:g} on a row is a violation, so that it must hold "
            "numbers; what is no label at all needs a word, and is left out: --no-label VALUE."
        )
    allowed = f"Label {column!r} holds {found}. Allowed are true and false, 1 and 0, yes and no."
    numbers = text.filter(bad).str.strip_chars().str.replace(",", ".").cast(pl.Float64, strict=False)
    if not numbers.null_count():
        # Of numbers beyond 0 and 1 any bound that is proposed may be one that all of them reach.
        bound = 0.5 if numbers.is_between(0, 1).all() else "NUMBER"
        return (
            f"{allowed} Say from which number on a row is a violation, --label '{column}>={bound}', or which of them "
            f"are: --label '{column}=VALUE,VALUE'."
        )
    return (
        f"{allowed} Say which of its values are violations, several with commas: --label '{column}=VALUE,VALUE'. What "
        f"is no label at all needs a word too, and is left out: --no-label VALUE."
    )


def _by_number(text: pl.Series) -> list[tuple[str, int]]:
    """Return the values that there are and how often, the most frequent first."""
    counted = (
        text.alias("value").value_counts(name="times").sort(["times", "value"], descending=[True, False])
    )
    return [(str(value), int(times)) for value, times in counted.rows()]


def _flags(asked: LabelAsked, no_label: Sequence[str], values: pl.Series) -> Converted:
    if asked.at_least is not None:
        return as_flags_from(values, asked.at_least, no_label)
    return as_flags(values, asked.true_for, no_label)


def label_meanings(asked: Asked, frame: pl.DataFrame, names: Sequence[str]) -> list[str]:
    """Say which values were taken for violations, which for none and which for no label, where that was asked for.

    Raises:
        AskedError: a value that is said to be a violation, or no label, is nowhere, or there in two spellings.
    """
    labels = {each: as_text(frame[each.column]) for each in asked.labels_of(names)}
    for value in asked.no_label:
        _refuse_unmet("--no-label", value, [*labels.values()])
    for each in labels:
        for value in each.true_for:
            _refuse_unmet(
                f"--label '{each.column}={','.join(each.true_for)}'",
                value,
                [text for other, text in labels.items() if value in other.true_for],
            )
        _refuse_spellings(each, asked.no_label, labels[each])
    return [_meaning(each, asked.no_label, text) for each, text in labels.items() if each.true_for]


def _refuse_unmet(option: str, value: str, labels: Sequence[pl.Series]) -> None:
    """Refuse a value that none of the labels holds: the one that was meant was taken for something else."""
    if any(is_one_of(text, [value]).any() for text in labels):
        return
    there = [each for text in labels for each, _ in _by_number(text.filter(~is_empty(text)))]
    raise AskedError(
        f"{option}: no row holds {value!r}.{closest(value, there)} The label holds {', '.join(map(repr, there[:10]))}."
    )


def _refuse_spellings(asked: LabelAsked, no_label: Sequence[str], text: pl.Series) -> None:
    """Refuse values that are a listed one in another spelling: they would be innocent, or violations, by a letter."""
    if asked.at_least is not None:
        return
    values = dict(_by_number(text.drop_nulls()))
    others = written_otherwise([*asked.true_for, *no_label], values)
    if others:
        found = ", ".join(f"{value!r} ({values[value]:,} times)" for value in others)
        meant = ", ".join(map(repr, dict.fromkeys(others.values())))
        raise AskedError(
            f"Label {asked.column!r} holds {found}, which differs from {meant} in case, spaces or width alone. "
            "Only what is listed counts: list every spelling, with commas, or write the column alike."
        )


SHOWN = 8
"""So many values of a label are named; whoever has more has no column of words."""


def _meaning(asked: LabelAsked, no_label: Sequence[str], text: pl.Series) -> str:
    flags = _flags(asked, no_label, text).values
    left_out = f", {', '.join(map(repr, no_label))} for no label" if no_label else ""
    return (
        f"Of label {asked.column!r}, {_values_listed(text.filter(flags))} was taken for a violation, "
        f"{_values_listed(text.filter(~flags))} for none{left_out}."
    )


def _values_listed(text: pl.Series) -> str:
    values = _by_number(text)
    listed = ", ".join(f"{value!r} ({times:,})" for value, times in values[:SHOWN])
    return f"{listed} and {len(values) - SHOWN:,} values more" if len(values) > SHOWN else listed or "nothing"


def words_for_nothing(asked: Asked, frame: pl.DataFrame, names: Sequence[str]) -> str:
    """Return which words were taken for no label though nobody said so: of one person's labels 'none' may be one."""
    written = [
        text.filter(_flags(each, asked.no_label, text).values.is_null() & (text.str.strip_chars() != ""))
        for each in asked.labels_of(names)
        for text in (as_text(frame[each.column]),)
    ]
    together = pl.concat(written)
    words = together.filter(~together.is_in(asked.no_label))
    return "" if words.is_empty() else f" ({listed_values(words)})"


def listed_values(text: pl.Series) -> str:
    """Return the commonest values, with how often each is there."""
    return ", ".join(f"{value!r}, {times:,} times" for value, times in _by_number(text)[:SHOWN])
