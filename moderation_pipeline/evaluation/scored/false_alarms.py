"""How often a judge flags innocent rows, by the group of people that they name and by their language, against the rest.

A row that names a group is held against those that name none; one in a language, against all others. The differences of
a judge hold together for all groups (`statistics.max_t`): of twenty groups one would otherwise seem wronged by chance.
Rates have their own intervals. What is innocent is the labels' to say, and labels may be unfair themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from moderation_pipeline.evaluation.copied_texts import CopiedTexts, copied_texts
from moderation_pipeline.evaluation.estimates import KEYS, Ratio
from moderation_pipeline.evaluation.run_metrics import difference_of, interval_of
from moderation_pipeline.evaluation.scored.identity_terms import NAMES_NONE, names
from moderation_pipeline.evaluation.scored.judged_rows import Judge, JudgedRows
from moderation_pipeline.statistics.bootstrap import NOTHING, Interval, Resampled, resample
from moderation_pipeline.statistics.max_t import together
from moderation_pipeline.text.language import languages

LEAST_INNOCENT = 30
"""Of a group with fewer innocent rows nothing is told: whether it fares worse can't be seen."""

MOST_LANGUAGES = 12
UNTOLD = "too short to tell"
RATE = (Ratio({"flagged": 1.0}, {"rows": 1.0}),)

FAIRNESS = {
    "judge": pl.String,
    "by": pl.String,
    "group": pl.String,
    "innocent": pl.Int64,
    "flagged": pl.Int64,
    "false_positive_rate": pl.Float64,
    "false_positive_rate_low": pl.Float64,
    "false_positive_rate_high": pl.Float64,
    "difference": pl.Float64,
    "difference_low": pl.Float64,
    "difference_high": pl.Float64,
}
"""`by` is identity or language. `difference` is to the rows that name no group, or to those of all other languages."""


class _Group(NamedTuple):
    """A group's rows, and those that it is held against; null where it is nobody."""

    by: str
    name: str
    own: pl.Series
    others: pl.Series | None


def fairness_frame(judged: JudgedRows) -> pl.DataFrame:
    """Return one row per judge and group that enough innocent rows are of."""
    innocent = judged.rows.filter(~pl.col("label"))
    groups = [*_by_identity(innocent), *_by_language(innocent)]
    if not groups:
        return pl.DataFrame(schema=FAIRNESS)
    frames = [_of_judge(judged, judge, innocent, groups) for judge in judged.judges]
    return pl.concat(frames) if frames else pl.DataFrame(schema=FAIRNESS)


def _by_identity(innocent: pl.DataFrame) -> list[_Group]:
    named = names(innocent["text"])
    large = [name for name in named.columns if named[name].sum() >= LEAST_INNOCENT]
    if NAMES_NONE not in large or len(large) < 2:
        return []
    rest = named[NAMES_NONE]
    return [
        _Group("identity", NAMES_NONE, rest, None),
        *(_Group("identity", name, named[name], rest) for name in large if name != NAMES_NONE),
    ]


def _by_language(innocent: pl.DataFrame) -> list[_Group]:
    told = innocent["group:language"] if "group:language" in innocent.columns else languages(innocent["text"])
    said = told.fill_null(UNTOLD).alias("language")
    counted = said.value_counts().sort("count", "language", descending=[True, False])
    large = counted.filter(pl.col("count") >= LEAST_INNOCENT)["language"].head(MOST_LANGUAGES).to_list()
    if len(set(large) - {UNTOLD}) < 2:
        return []
    return [_Group("language", name, said == name, said != name) for name in large]


class _Parts(NamedTuple):
    """The rows that are added up, once each by a name, and by which names a group and what it is held against go."""

    rows: dict[str, pl.Series]
    own: list[str]
    others: list[str | None]


def _parts(groups: list[_Group]) -> _Parts:
    """Return the rows of all groups: what several groups are held against is added up once."""
    parts = _Parts({}, [], [])
    for group in groups:
        parts.own.append(_part(parts.rows, group.own))
        parts.others.append(None if group.others is None else _part(parts.rows, group.others))
    return parts


def _part(rows: dict[str, pl.Series], held: pl.Series) -> str:
    known = next((name for name, each in rows.items() if each is held), str(len(rows)))
    rows[known] = held
    return known


def _of_judge(judged: JudgedRows, judge: Judge, innocent: pl.DataFrame, groups: list[_Group]) -> pl.DataFrame:
    flag, parts = innocent[judge.flag].fill_null(value=False), _parts(groups)
    sums: dict[str, pl.Series] = {}
    for name, held in parts.rows.items():
        sums |= {f"{name}.rows": held, f"{name}.flagged": held & flag}
    # As they are, a bit each: a million rows of fifty groups would be gigabytes of numbers.
    frame = innocent.select(KEYS).hstack([held.alias(name) for name, held in sums.items()])
    resampled = resample(frame.drop("shared_text"), seed=judged.seed)
    copied = _copied(frame)
    apart = _apart(resampled, copied, groups, parts)
    rows = [
        (
            *(judge.name, group.by, group.name),
            *_measured(resampled, copied, parts.own[at]),
            *apart.get(at, NOTHING),
        )
        for at, group in enumerate(groups)
    ]
    return pl.DataFrame(rows, schema=FAIRNESS, orient="row")


def _copied(frame: pl.DataFrame) -> CopiedTexts:
    """Return what copies do to the rates of all groups at once, by what is before the dot of their two sums."""
    of = [name.removesuffix(".rows") for name in frame.columns if name.endswith(".rows")]
    rates = {each: (Ratio({f"{each}.flagged": 1.0}, {f"{each}.rows": 1.0}),) for each in of}
    return copied_texts(frame, rates, of)


def _measured(
    resampled: Resampled, copied: CopiedTexts, name: str
) -> tuple[int, int, float | None, float | None, float | None]:
    own = resampled.part(f"{name}.")
    found = interval_of(RATE, own, copied.added[name])
    return round(float(own.total["rows"][0])), round(float(own.total["flagged"][0])), *found


def _apart(
    resampled: Resampled, copied: CopiedTexts, groups: list[_Group], parts: _Parts
) -> Mapping[int, Interval]:
    """Return by group how far it is from the rest; those of one kind hold together.

    Of a group of which nobody was flagged, or everybody, resamples never vary: the difference stands without bounds.
    """
    found: dict[int, Interval] = {}
    for by in ("identity", "language"):
        held = {
            at: (parts.own[at], others)
            for at, (group, others) in enumerate(zip(groups, parts.others, strict=True))
            if group.by == by and others is not None
        }
        differences = []
        for own, others in held.values():
            copies = copied.to_difference(copied, own, others)
            one, rest = (resampled.part(f"{each}.") for each in (own, others))
            differences.append(difference_of(RATE, one, rest, copies))
        for (at, (own, _)), each in zip(held.items(), together(differences), strict=True):
            found[at] = each if _varies(resampled, own) else Interval(each.estimate, None, None)
    return found


def _varies(resampled: Resampled, part: str) -> bool:
    flagged, rows = (float(resampled.total[f"{part}.{name}"][0]) for name in ("flagged", "rows"))
    return bool(np.isfinite(rows) and 0 < flagged < rows)
