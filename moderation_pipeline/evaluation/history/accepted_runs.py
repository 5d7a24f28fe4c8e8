"""Two runs of the same comments in a pair: a run and the one that was accepted last, a candidate and a champion.

A run made anew overwrites what it decided, so of the accepted one is kept what pairing needs, and how each comment
fared (ACCEPTED_RUN). The first run of a config on a chat is accepted; it stays until another one is (`moderation
accept`, `promote`), or none of its comments is left. Otherwise a slow decline would pass night by night. Users are
resampled with all their comments, as in `config_comparison`.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import NamedTuple

import numpy as np
import polars as pl

from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.evaluation.copied_texts import copied_texts
from moderation_pipeline.evaluation.estimates import DEFINITIONS
from moderation_pipeline.evaluation.run_metrics import difference_of
from moderation_pipeline.evaluation.yardstick import judge_of
from moderation_pipeline.statistics.bootstrap import NOTHING, Interval, by_cluster, resample
from moderation_pipeline.statistics.max_t import NO_SPREAD, together
from moderation_pipeline.statistics.paired_tests import p_of_difference
from moderation_pipeline.statistics.wilson import wilson
from moderation_pipeline.warehouse.tables import ACCEPTED_RUN, METRIC_HISTORY, OUTCOME, PAIRED_SUMS

LEVEL = 0.05
"""Worse with a p below it is worse by more than chance."""

FIRST = "the first run of this config on this chat"
OTHER_COMMENTS = "none of the comments of the accepted run is left"

QUALITIES = {"f1": "F1", "system_agreement_rate": "agreement with the Expert"}
"""What two runs are compared by: the first that both have. Labels judge better than an Expert does."""

COMMENTS_CHANGED = "comments"
MODELS_CHANGED = ("Student's model", "Expert's model")

FLIPPED_BOUND = 0.02
"""The share of comments that may fare otherwise where nothing changed but who answers: providers promise no more than
to answer mostly alike. Beyond it, and beyond chance, the models are others."""

CHANGES = {
    "code_version": "code",
    "config_hash": "config",
    "data_version": COMMENTS_CHANGED,
    "student_models": MODELS_CHANGED[0],
    "expert_models": MODELS_CHANGED[1],
}
"""What may have changed since a run was accepted: code is all that decides, prompts and word lists too; models go by
the names in their replies."""


class Paired(NamedTuple):
    """A difference of qualities (null: none can be known), its 95 % interval, and its p."""

    quality: str | None
    difference: Interval
    p: float | None

    @property
    def is_known(self) -> bool:
        """Whether chance and more than chance can be told apart."""
        return self.p is not None

    def is_worse(self, p: float | None = None) -> bool:
        """Whether it is worse by more than chance; `p` is one that was corrected for others looked at."""
        p = self.p if p is None else p
        return p is not None and p < LEVEL and (self.difference.estimate or 0.0) < 0


UNKNOWN = Paired(None, NOTHING, None)


def paired(before: pl.DataFrame, now: pl.DataFrame, *, seed: str, same_expert: bool) -> Paired:
    """Return how much better `now` is than `before` on the comments of both.

    Args:
        before: `comment_id` and PAIRED_SUMS.
        now: the same with `cluster` and `shared_text`.
        seed: names this use of chance.
        same_expert: whether agreement with the Expert is with one and the same.
    """
    both = now.join(before.select("comment_id", *PAIRED_SUMS), on="comment_id", suffix="_before")
    for quality in QUALITIES:
        if quality == "f1" or same_expert:
            found = _paired(both, quality, seed)
            if not np.isnan(found.difference.estimate or np.nan) or found.p is not None:
                return found
    return UNKNOWN


def _paired(both: pl.DataFrame, quality: str, seed: str) -> Paired:
    keys = both.select("cluster", "shared_text")
    sums = (
        both.select(PAIRED_SUMS),
        both.select(pl.col(f"{name}_before").alias(name) for name in PAIRED_SUMS),
    )
    if both.is_empty():
        return UNKNOWN
    ratios = {quality: DEFINITIONS[quality]}
    copied = [copied_texts(pl.concat([keys, each], how="horizontal"), ratios, (quality,)) for each in sums]
    prefixed = [each.select(pl.all().name.prefix(f"{number}.")) for number, each in enumerate(sums)]
    joint = resample(by_cluster(pl.concat([keys.select("cluster"), *prefixed], how="horizontal")), seed=seed)
    mine, theirs = (joint.part(f"{number}.") for number in range(2))
    difference = difference_of(ratios[quality], mine, theirs, copied[0].to_difference(copied[1], quality))
    (interval,) = together([difference])
    if interval.low is None:
        return Paired(quality if interval.estimate is not None else None, interval, None)
    error = difference.error * difference.stretch
    p = 1.0 if difference.error < NO_SPREAD else p_of_difference(difference.point, error)
    return Paired(quality, interval, p)


def expert_version(named: NamedConfig) -> str:
    """Return a version of who judges under a config: agreement with two judges is no pair."""
    return hashlib.blake2b(repr(judge_of(named)).encode(), digest_size=4).hexdigest()


def accepted(
    history: pl.DataFrame, by_comment: pl.DataFrame, named: NamedConfig, *, because: str
) -> pl.DataFrame:
    """Return the table of an accepted run: that of the history's last row, with its comments' sums and OUTCOME."""
    made = history.tail(1)
    when: datetime = made["finished_at"][0]
    constant = ("chat", "config", "run_id", *CHANGES)
    frame = by_comment.select("comment_id", *PAIRED_SUMS, *OUTCOME).with_columns(
        *(pl.lit(made[name]).first().alias(name) for name in constant),
        accepted_at=pl.lit(when).cast(ACCEPTED_RUN.schema["accepted_at"]),
        accepted_because=pl.lit(because),
        expert_version=pl.lit(expert_version(named)),
    )
    return frame.select(pl.col(name).cast(kind) for name, kind in ACCEPTED_RUN.schema.items())


def keeps_outcomes(accepted_run: pl.DataFrame) -> bool:
    """Whether how comments fared was kept of an accepted run: of those accepted by an older version it was not."""
    return accepted_run["action"].count() > 0


class Held(NamedTuple):
    """The history, its last row held against the accepted run, and the run that is accepted from now on."""

    history: pl.DataFrame
    accepted: pl.DataFrame


def held_against_accepted(
    history: pl.DataFrame,
    before: pl.DataFrame,
    by_comment: pl.DataFrame,
    named: NamedConfig,
    accept: str = "",
) -> Held:
    """Hold a run that was just made against the accepted one.

    `by_comment` has PAIRED_SUMS, and OUTCOME, which is kept. It is accepted itself where there is none, or where
    `accept` says why.
    """
    if before.is_empty() or not before["comment_id"].is_in(by_comment["comment_id"].implode()).any():
        because = FIRST if before.is_empty() else OTHER_COMMENTS
        return Held(history, accepted(history, by_comment, named, because=because))
    last = history.tail(1)
    if before["run_id"][0] == last["run_id"][0]:  # itself, judged again
        because = accept or str(before["accepted_because"][0])
        return Held(history, accepted(history, by_comment, named, because=because))
    same_expert = before["expert_version"][0] == expert_version(named)
    found = paired(before, by_comment, seed=str(before["chat"][0]), same_expert=same_expert)
    changed = [said for name, said in CHANGES.items() if before[name].to_list()[0] != last[name].to_list()[0]]
    row = last.with_columns(
        accepted_run_id=pl.lit(before["run_id"][0]),
        accepted_quality=pl.lit(found.quality, dtype=pl.String),
        **{
            f"quality_minus_accepted{end}": pl.lit(value, dtype=pl.Float64)
            for end, value in zip(("", "_low", "_high"), found.difference, strict=True)
        },
        accepted_p=pl.lit(found.p, dtype=pl.Float64),
        changed_since_accepted=pl.lit(pl.Series([changed], dtype=pl.List(pl.String))),
    )
    history = pl.concat([history.head(-1), row.select(METRIC_HISTORY.schema.names())])
    return Held(history, accepted(history, by_comment, named, because=accept) if accept else before)


def worse_than_accepted(history: pl.DataFrame) -> pl.DataFrame:
    """Return the history's last row where that run is worse than the accepted one by more than chance."""
    last = history.tail(1)
    is_worse = (pl.col("accepted_p") < LEVEL) & (pl.col("quality_minus_accepted") < 0)
    return last.filter(is_worse.fill_null(value=False)).select(
        "accepted_quality",
        "quality_minus_accepted",
        "quality_minus_accepted_low",
        "quality_minus_accepted_high",
        "accepted_run_id",
        "changed_since_accepted",
    )


def unexplained_flips(
    history: pl.DataFrame, accepted_run: pl.DataFrame, action_log: pl.DataFrame
) -> pl.DataFrame:
    """Return how many comments fare otherwise than in the accepted run, where only models can have changed.

    Neither the share that is acted on nor agreement with an Expert that changed as well need move when a provider
    changes a model under its name. Comments of users who were silenced in either are left out: those follow others.

    Returns:
        flipped, comments, accepted_run_id, changed_since_accepted: one row where more than FLIPPED_BOUND of the
        comments flipped, beyond chance; else none.
    """
    last = history.tail(1).filter(~pl.col("run_id").is_in(accepted_run["run_id"].implode()))
    changed = last["changed_since_accepted"].explode().drop_nulls().to_list()
    if last.is_empty() or not set(changed) <= set(MODELS_CHANGED) or not keeps_outcomes(accepted_run):
        return last.clear()
    plan = pl.struct("action", pl.when(pl.col("action") != "allow").then("category"), "duration_s")
    now, before = (
        each.filter(~pl.col("under_sanction").fill_null(value=False)).select("comment_id", plan=plan)
        for each in (action_log, accepted_run)
    )
    both = now.join(before, on="comment_id", suffix="_before")
    flipped = int((both["plan"] != both["plan_before"]).sum())
    if not flipped or wilson(flipped / both.height, both.height)[0] <= FLIPPED_BOUND:
        return last.clear()
    return last.select(
        pl.lit(flipped).alias("flipped"),
        pl.lit(both.height).alias("comments"),
        "accepted_run_id",
        "changed_since_accepted",
    )
