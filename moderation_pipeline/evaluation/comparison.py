"""Several configs on one chat: their metrics side by side, and paired differences to the default config.

Differences are paired comment by comment: all configs are resampled together, user by user (`bootstrap`), so
what makes a chat hard for one and all cancels out.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from moderation_pipeline.config import DEFAULT_CONFIG
from moderation_pipeline.evaluation.bootstrap import NOTHING, Interval, Resampled, interval, resample
from moderation_pipeline.evaluation.estimates import DEFINITIONS, comment_sums, value
from moderation_pipeline.evaluation.judged import Run, judge, reference_of
from moderation_pipeline.evaluation.metrics import Number, metrics_row, unknown_costs
from moderation_pipeline.warehouse.tables import COMPARISON, DIFFERENCES

QUALITIES = ("f1", "system_agreement_rate")
"""What configs are ranked by: the first that any of them has. Labels judge better than an Expert does."""


def compare(
    *,
    chat: str,
    comments: pl.DataFrame,
    runs: Sequence[Run],
    default_config: str = DEFAULT_CONFIG,
    data_versions: dict[str, str] | None = None,
) -> pl.DataFrame:
    """Return one row of COMPARISON per run, in the order given.

    Agreement of runs that audited nothing is measured against the run of expert_only, if it is among `runs`.
    Where the default config is not among them, the differences to it are null.
    """
    if not runs:
        return COMPARISON.empty()
    reference = reference_of(runs)
    judged = {run.name: judge(comments, run, reference) for run in runs}
    joint = _resampled_together(chat, runs, judged)
    parts = {run.name: joint.part(f"{number}.") for number, run in enumerate(runs)}
    unknown = {name: unknown_costs(frame) for name, frame in judged.items()}
    rows = [
        metrics_row(
            comments,
            run,
            judged[run.name],
            parts[run.name],
            data_version=(data_versions or {}).get(run.name, ""),
        )
        for run in runs
    ]
    table = pl.concat(rows).with_columns(chat=pl.lit(chat))
    quality, best = _best(table)
    extra = []
    for run in runs:
        row: dict[str, Number] = {
            "config": run.name,
            "is_default": run.name == default_config,
            "default_config": default_config,
            "quality": quality,
            "is_best": None if best is None else run.name == best,
        }
        for name in DIFFERENCES:
            known = default_config in parts and not ({name} & (unknown[run.name] | unknown[default_config]))
            found = _difference(name, parts[run.name], parts[default_config]) if known else NOTHING
            _put(row, f"{name}_minus_default", found)
        against_best = _difference(quality, parts[run.name], parts[best]) if quality and best else NOTHING
        _put(row, "quality_minus_best", against_best)
        extra.append(row)
    joined = table.join(pl.DataFrame(extra, infer_schema_length=None), on="config", maintain_order="left")
    return joined.select(pl.col(name).cast(kind) for name, kind in COMPARISON.schema.items())


def _resampled_together(chat: str, runs: Sequence[Run], judged: dict[str, pl.DataFrame]) -> Resampled:
    frames = [comment_sums(run, judged[run.name]) for run in runs]
    columns = [
        frame.select(pl.exclude("cluster").name.prefix(f"{number}.")) for number, frame in enumerate(frames)
    ]
    return resample(pl.concat([frames[0].select("cluster"), *columns], how="horizontal"), seed=chat)


def _best(table: pl.DataFrame) -> tuple[str | None, str | None]:
    """Return the quality that configs are ranked by, and the config with most of it; the first of equals."""
    for quality in QUALITIES:
        ranked = table.filter(pl.col(quality).is_not_null()).sort(
            quality, descending=True, maintain_order=True
        )
        if ranked.height:
            return quality, str(ranked["config"][0])
    return None, None


def _difference(name: str, one: Resampled, other: Resampled) -> Interval:
    ratios = DEFINITIONS[name]
    point = value(ratios, one.total) - value(ratios, other.total)
    return interval(float(point[0]), value(ratios, one.resamples) - value(ratios, other.resamples))


def _put(row: dict[str, Number], name: str, found: Interval) -> None:
    row[name], row[f"{name}_low"], row[f"{name}_high"] = found
