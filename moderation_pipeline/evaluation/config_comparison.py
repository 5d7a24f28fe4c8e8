"""Several configs on one chat: their metrics side by side, and paired differences to the default config.

Differences are paired comment by comment: all configs are resampled together, user by user (`bootstrap`), so
what makes a chat hard for one and all cancels out. Their intervals hold for all configs at once (`max_t`): those to
the default among the others, those to the best among all pairs, for who is best was read off the same chat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from moderation_pipeline.config.run_config import DEFAULT_CONFIG
from moderation_pipeline.evaluation.copied_texts import CopiedTexts, copied_texts
from moderation_pipeline.evaluation.estimates import DEFINITIONS, NOT_SHARES, comment_sums
from moderation_pipeline.evaluation.judged import Run, judge, known_of
from moderation_pipeline.evaluation.run_metrics import (
    Number,
    difference_of,
    run_estimates,
    run_facts,
    unknown_estimates,
)
from moderation_pipeline.evaluation.yardstick import reference_of, yardstick_of
from moderation_pipeline.statistics.bootstrap import NOTHING, Interval, Resampled, by_cluster, resample
from moderation_pipeline.statistics.max_t import Difference, of_shares, together
from moderation_pipeline.warehouse.tables import COMPARISON, DIFFERENCES, METRICS

QUALITIES = ("f1", "system_agreement_rate")
"""What configs are ranked by: the first that any of them has. Labels judge better than an Expert does."""

AGREEMENTS = ("reference_agreement_rate", "system_agreement_rate")
"""What two configs can be compared by only where both are measured against the same Expert's plans."""


def compare(
    *,
    chat: str,
    comments: pl.DataFrame,
    runs: Sequence[Run],
    default_config: str = DEFAULT_CONFIG,
    data_versions: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """Return one row of COMPARISON per run, in the order given.

    Agreement of runs that audited nothing is measured against the run of expert_only, if it is among `runs`
    (which one, where there are several, is `yardstick.py`'s to say).
    Where the default config is not among them, the differences to it are null. `data_versions` are by config.
    """
    if not runs:
        return COMPARISON.empty()
    measured = _measured_together(chat, comments, runs, data_versions or {})
    table = pl.DataFrame([each.row for each in measured.values()], schema=METRICS.schema)
    quality, best = _best(table, has_one_yardstick=len(_yardsticks(measured)) == 1)
    rows = _held_against(measured, default_config, quality, best)
    joined = table.with_columns(chat=pl.lit(chat)).join(
        pl.DataFrame(rows, infer_schema_length=None), on="config", maintain_order="left"
    )
    return joined.select(pl.col(name).cast(kind) for name, kind in COMPARISON.schema.items())


Row = Mapping[str, float | int | str | bool | None]
"""A config's row of COMPARISON, by column."""


def recommended(rows: Sequence[Row]) -> Row:
    """Return which of a chat's configs is recommended: of those not shown to be worse than the best the cheapest.

    Of those that cost alike it is the one that scores highest; where none is the best, it is the default, or the first.
    """
    if not any(row["is_best"] for row in rows):
        return next((row for row in rows if row["is_default"]), rows[0])
    level = [row for row in rows if is_level(row)]
    cheapest = min(level, key=lambda row: (_cost(row), _audits(row)))
    alike = [row for row in level if not is_cheaper(cheapest, row)]
    return max(alike, key=lambda row: (bool(row["is_best"]), _number(row, "quality_minus_best", -np.inf)))


def is_level(row: Row) -> bool:
    """Whether a config is the best or not shown to be worse: its interval holds nought, or there is none."""
    if row["quality_minus_best"] is None:
        return bool(row["is_best"])
    return row["quality_minus_best_high"] is None or _number(row, "quality_minus_best_high") >= 0


CHEAPER = 0.9
"""What costs more than so much of another is not called cheaper."""


def is_cheaper(one: Row, other: Row) -> bool:
    """Whether a config costs less than another: money, or audits where that is alike, beyond what chance draws."""
    cost, beside = _cost(one), _cost(other)
    if cost != beside and (cost < CHEAPER * beside or beside < CHEAPER * cost):
        return cost < beside
    audits, more = _audits(one), _audits(other)
    return audits < CHEAPER * more and more - audits > 2 * np.sqrt(audits + more)


def _cost(row: Row) -> float:
    return _number(row, "list_cost_usd_per_1000_comments", np.inf)


def _audits(row: Row) -> float:
    return _number(row, "audits", 0.0)


def _number(row: Row, name: str, unknown: float = 0.0) -> float:
    value = row[name]
    return unknown if value is None else float(value)


def focus_of(comparison: pl.DataFrame) -> str:
    """Return the config that headlines and cases are of: the recommended one, or one beside it that has a Student.

    Where an Expert judges everything by itself nobody disagrees with it: then it is the default, or the first.
    """
    rows = comparison.to_dicts()
    with_student = [row for row in rows if row["regime"] != "expert_only"]
    chosen = recommended(rows)
    if chosen in with_student or not with_student:
        return str(chosen["config"])
    return str(next((row for row in with_student if row["is_default"]), with_student[0])["config"])


@dataclass(frozen=True, slots=True)
class _Measured:
    """One run: its metrics, its sums in the joint resamples, and what can't be compared."""

    row: dict[str, Number]
    resampled: Resampled
    copied: CopiedTexts
    unknown: set[str]
    yardstick: str | None

    def minus(self, other: _Measured, name: str) -> Difference:
        """Return this run's estimate less the other's; undefined where either is unknown or measured unlike."""
        basis = "agreement_basis"
        unlike = name == "agreement_rate" and self.row[basis] != other.row[basis]
        unlike = unlike or (name in AGREEMENTS and self.yardstick != other.yardstick)
        if unlike or name in self.unknown | other.unknown:
            return UNKNOWN
        copied = self.copied.to_difference(other.copied, name)
        return difference_of(DEFINITIONS[name], self.resampled, other.resampled, copied)


UNKNOWN = Difference(float("nan"), np.empty(0))


def _measured_together(
    chat: str, comments: pl.DataFrame, runs: Sequence[Run], versions: Mapping[str, str]
) -> dict[str, _Measured]:
    """Return each run by its config's name, all resampled with the same users.

    A run's comments are summed up by user at once, so that only one run's are held at a time.
    """
    facts, unknown, sums, copied = [], [], [], []
    known = known_of(comments)
    for number, run in enumerate(runs):
        judged = judge(comments, run, reference_of(run, runs), known=known)
        facts.append(run_facts(comments, run, judged, versions.get(run.name)))
        unknown.append(unknown_estimates(run, judged))
        by_comment = comment_sums(run, judged)
        copied.append(copied_texts(by_comment))
        by_user = by_cluster(by_comment.drop("shared_text"))
        sums.append(by_user.select("cluster", pl.exclude("cluster").name.prefix(f"{number}.")))
    users = sums[0].select("cluster")
    joint = resample(
        pl.concat([users, *(frame.drop("cluster") for frame in sums)], how="horizontal"), seed=chat
    )
    parts = [joint.part(f"{number}.") for number in range(len(runs))]
    configs = [run.config for run in runs]
    return {
        run.name: _Measured(
            {**fact, **run_estimates(part, texts, unseen)},
            part,
            texts,
            unseen,
            yardstick_of(run.config, configs),
        )
        for run, fact, part, texts, unseen in zip(runs, facts, parts, copied, unknown, strict=True)
    }


def _held_against(
    measured: Mapping[str, _Measured], default: str, quality: str | None, best: str | None
) -> list[dict[str, Number]]:
    """Return of each config the columns that hold it against the default and against the best."""
    rows: dict[str, dict[str, Number]] = {
        name: {
            "config": name,
            "is_default": name == default,
            "default_config": default,
            "quality": quality,
            "is_best": None if best is None else name == best,
        }
        for name in measured
    }
    for row in rows.values():
        for estimate in DIFFERENCES:
            _put(row, f"{estimate}_minus_default", NOTHING)
        _put(row, "quality_minus_best", NOTHING)
    if default in measured:
        for estimate in DIFFERENCES:
            for name, found in _to_the_default(measured, default, estimate).items():
                _put(rows[name], f"{estimate}_minus_default", found)
    if quality is not None and best is not None:
        for name, found in _to_the_best(measured, quality, best).items():
            _put(rows[name], "quality_minus_best", found)
    return list(rows.values())


def _to_the_default(measured: Mapping[str, _Measured], default: str, estimate: str) -> dict[str, Interval]:
    differences = {name: each.minus(measured[default], estimate) for name, each in measured.items()}
    found = together(list(differences.values()))
    return dict(zip(differences, found if estimate in NOT_SHARES else map(of_shares, found), strict=True))


def _to_the_best(measured: Mapping[str, _Measured], quality: str, best: str) -> dict[str, Interval]:
    """Return how far each is behind the best, in intervals that hold for all pairs of configs together."""
    pairs = [(name, best) for name in measured]
    pairs += [(one, other) for one, other in combinations(measured, 2) if best not in (one, other)]
    found = together([measured[one].minus(measured[other], quality) for one, other in pairs])
    return {name: of_shares(each) for (name, other), each in zip(pairs, found, strict=True) if other == best}


def _yardsticks(measured: Mapping[str, _Measured]) -> set[str | None]:
    return {each.yardstick for each in measured.values() if each.row["system_agreement_rate"] is not None}


def _best(table: pl.DataFrame, *, has_one_yardstick: bool) -> tuple[str | None, str | None]:
    """Return the quality that configs are ranked by, and who has most of it; of equals the cheaper."""
    for quality in QUALITIES:
        if quality in AGREEMENTS and not has_one_yardstick:
            continue
        ranked = table.drop_nulls(quality).sort(
            quality,
            "list_cost_usd_per_1000_comments",
            "audit_share",
            descending=[True, False, False],
            nulls_last=True,
            maintain_order=True,
        )
        if ranked.height:
            return quality, str(ranked["config"][0])
    return None, None


def _put(row: dict[str, Number], name: str, found: Interval) -> None:
    row[name], row[f"{name}_low"], row[f"{name}_high"] = found
