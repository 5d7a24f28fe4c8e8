"""Beside the flow: the questions that people ask of a run or a chat, each made only when it is asked.

What is answered is what `moderation what-if`, `compare`, `moderators`, `labels`, `probe` and `evaluate` say; here it
is kept as a table, so that it can be asked in SQL. None is part of a job, and none but `probe_results` asks a model.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl
from pydantic import Field

from moderation_pipeline.certificates.certified_basis import run_basis
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.defs.checking import OWNERS, declared, holds
from moderation_pipeline.defs.comparison import RUN_TABLES, Partitions, collect_runs, of_every_config
from moderation_pipeline.defs.partitions import chats, configs, from_chat_to_run, runs
from moderation_pipeline.defs.resources import AgentBuilder, Embedders
from moderation_pipeline.errors import ModerationError, closest
from moderation_pipeline.evaluation.reasons_stated import state_reasons
from moderation_pipeline.moderation.run_beginning import begin
from moderation_pipeline.slugs import RunKey
from moderation_pipeline.warehouse import laws
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.io_manager import partition_names
from moderation_pipeline.warehouse.tables import (
    DOUBTED_LABELS,
    FAIRNESS,
    FLIPPED,
    INGESTION,
    METRICS,
    MODERATORS_BESIDE,
    PROBE_RESULTS,
    PROVENANCE,
    USER_STATE,
    WHAT_IF,
    Table,
)
from moderation_pipeline.warehouse.versions import source_version

if TYPE_CHECKING:
    from moderation_pipeline.plan import Category

GROUP = "questions"
KINDS = {"polars", "parquet"}
OF_ITS_CHAT = {"comments": dg.AssetIn(partition_mapping=from_chat_to_run)}
Made = dg.MaterializeResult[pl.DataFrame]


class WhatIf(dg.Config):
    """What would be changed: the least probability to act on, by category, and the ladder that is climbed."""

    thresholds: dict[str, float] = Field(default_factory=dict)
    sanctions: str | None = None


class ThresholdOfNothingError(ModerationError):
    """A threshold of what is no category, or that is no probability."""

    def __init__(self, name: str, share: float, known: list[str]) -> None:
        super().__init__(
            f"thresholds says {{{name}: {share:g}}}; it wants a category and a share above 0 and up to 1, such as"
            f" {{harassment: 0.8}}.{closest(name, known)} Categories are: {', '.join(known)}."
        )


@dg.asset(
    partitions_def=runs,
    ins=OF_ITS_CHAT,
    group_name=GROUP,
    kinds=KINDS,
    owners=OWNERS,
    code_version=source_version(__name__),
)
def what_if(
    context: dg.AssetExecutionContext,
    config: WhatIf,
    comments: pl.DataFrame,
    student_decisions: pl.DataFrame,
    expert_audits: pl.DataFrame,
    action_log: pl.DataFrame,
    data_folder: dg.ResourceParam[DataFolder],
) -> Made:
    """One row per comment that would fare otherwise under other thresholds or another ladder; no model is asked."""
    from moderation_pipeline.evaluation.outcome_changes import changes
    from moderation_pipeline.moderation.acting_anew import Stored
    from moderation_pipeline.moderation.replayed import acted_under, asked_in_words

    named = _config_of(context, data_folder, comments, action_log)
    least = _thresholds(config.thresholds)
    stored = Stored(student_decisions, expert_audits, action_log)
    after = acted_under(comments, stored, named.config, data_folder, least=least, sanctions=config.sanctions)
    found, asked = changes(comments, action_log, after), asked_in_words(least, config.sanctions)
    rows = found.lines.with_columns(pl.lit(asked).alias("asked"))
    ways = {f"comments_{way}": number for way, number in rows["way"].value_counts().iter_rows()}
    return _made(context, WHAT_IF, rows, asked=asked, **ways)


def _config_of(
    context: dg.AssetExecutionContext, folder: DataFolder, comments: pl.DataFrame, action_log: pl.DataFrame
) -> NamedConfig:
    """Return the config of the run that is asked about as it was then, if that is of the comments there are."""
    _refuse_other_comments(context, folder, comments, action_log)
    chat, name = partition_names(context.partition_key)
    return run_basis(read_table(folder, PROVENANCE, chat, name), ConfigLibrary(folder).load(str(name))).named


def _refuse_other_comments(
    context: dg.AssetExecutionContext, folder: DataFolder, comments: pl.DataFrame, action_log: pl.DataFrame
) -> None:
    from moderation_pipeline.evaluation.comparable import refuse_other_comments

    chat, name = partition_names(context.partition_key)
    ingestion, metrics = read_table(folder, INGESTION, chat), read_table(folder, METRICS, chat, name)
    refuse_other_comments(str(chat), str(name), comments, action_log, ingestion=ingestion, metrics=metrics)


def _thresholds(given: dict[str, float]) -> dict["Category", float]:
    from moderation_pipeline.moderation.replayed import NAMED
    from moderation_pipeline.plan import Category

    for name, share in given.items():
        if name not in NAMED or not 0 < share <= 1:
            raise ThresholdOfNothingError(name, share, NAMED)
    return {Category(name): share for name, share in given.items()}


@dg.asset(
    partitions_def=chats,
    ins=of_every_config("metrics", "accepted_run", *RUN_TABLES),
    group_name=GROUP,
    kinds=KINDS,
    owners=OWNERS,
    code_version=source_version(__name__),
)
def flipped(
    context: dg.AssetExecutionContext,
    comments: pl.DataFrame,
    data_folder: dg.ResourceParam[DataFolder],
    **tables: Partitions,
) -> Made:
    """One row per two runs of a chat and change of category and rule: of two configs, or of one since it was accepted.

    The lines are in the views `flips` and `flips_since_accepted`.
    """
    from moderation_pipeline.evaluation.history.accepted_runs import keeps_outcomes
    from moderation_pipeline.evaluation.outcome_changes import flips_by_rule, how_it_fared

    collected = collect_runs(context.partition_key, comments, data_folder, tables).runs
    now = {run.name: how_it_fared(run) for run in collected}
    accepted = {RunKey.parse(key).config: rows for key, rows in tables["accepted_run"].items()}
    frames = [
        flips_by_rule(comments, now[one], now[other]).with_columns(
            config=pl.lit(one), other_config=pl.lit(other), accepted_run_id=pl.lit(None, pl.String)
        )
        for one, other in combinations(now, 2)
    ]
    frames += [
        flips_by_rule(comments, before, now[name]).with_columns(
            config=pl.lit(name), other_config=pl.lit(name), accepted_run_id=pl.lit(before["run_id"][0])
        )
        for name, before in accepted.items()
        if name in now and keeps_outcomes(before)
    ]
    rows = pl.concat(frames, how="vertical_relaxed") if frames else FLIPPED.empty()
    between, since = (
        int(rows.filter(of)["comments"].sum())
        for of in (pl.col("accepted_run_id").is_null(), pl.col("accepted_run_id").is_not_null())
    )
    return _made(context, FLIPPED, rows, comments=between, comments_since_accepted=since)


@dg.asset(
    partitions_def=runs,
    ins=OF_ITS_CHAT,
    group_name=GROUP,
    kinds=KINDS,
    owners=OWNERS,
    code_version=source_version(__name__),
    output_required=False,
)
def moderators_beside(
    context: dg.AssetExecutionContext,
    comments: pl.DataFrame,
    action_log: pl.DataFrame,
    data_folder: dg.ResourceParam[DataFolder],
) -> Iterator[Made]:
    """One row per answer to who acts, the config or the human moderators, with both their consistencies."""
    from moderation_pipeline.evaluation.moderators_compared import NoModeratorsError, moderators_compared

    _refuse_other_comments(context, data_folder, comments, action_log)
    try:
        found = moderators_compared(comments, action_log)
    except NoModeratorsError as error:
        return _unanswered(context, error)
    rows = found.counts.with_columns(
        again_by_moderators=pl.lit(found.again_by_moderators, pl.Float64),
        again_by_config=pl.lit(found.again_by_config, pl.Float64),
    )
    counts = {f"comments_{who.replace(' ', '_')}": number for who, number, *_ in found.counts.iter_rows()}
    yield _made(context, MODERATORS_BESIDE, rows, **counts)


@dg.asset(
    partitions_def=chats,
    group_name=GROUP,
    kinds=KINDS,
    owners=OWNERS,
    code_version=source_version(__name__),
    output_required=False,
)
def doubted_labels(context: dg.AssetExecutionContext, comments: pl.DataFrame) -> Iterator[Made]:
    """One row per label that looks wrong by what is written elsewhere in the chat, the most doubtful first."""
    from moderation_pipeline.evaluation.doubtful_labels import TooFewLabelsError, label_doubts

    try:
        found = label_doubts(comments)
    except TooFewLabelsError as error:
        return _unanswered(context, error)
    yield _made(context, DOUBTED_LABELS, found.doubted, labels=found.labelled, doubted=found.doubted.height)


@dg.asset(
    partitions_def=runs,
    ins=OF_ITS_CHAT,
    group_name=GROUP,
    kinds=KINDS,
    owners=OWNERS,
    code_version=source_version(__name__),
    output_required=False,
)
def fairness(
    context: dg.AssetExecutionContext,
    comments: pl.DataFrame,
    student_decisions: pl.DataFrame,
    expert_audits: pl.DataFrame,
    memory_snapshot: pl.DataFrame,
    action_log: pl.DataFrame,
    data_folder: dg.ResourceParam[DataFolder],
) -> Iterator[Made]:
    """One row per group that innocent comments name, and per language: how often the run flags them, and the rest."""
    from moderation_pipeline.evaluation.judged import Run
    from moderation_pipeline.evaluation.scored.false_alarms import fairness_frame
    from moderation_pipeline.evaluation.scored.run_judges import NoLabelsError, verdicts_of

    named = _config_of(context, data_folder, comments, action_log)
    run = Run(named, student_decisions, expert_audits, memory_snapshot, action_log, USER_STATE.empty())
    try:
        judged = verdicts_of(comments, [run])
    except NoLabelsError as error:
        return _unanswered(context, error)
    # By names that are no words of SQL's own.
    rows = fairness_frame(judged).rename({"by": "told_by", "group": "group_name"})
    worse = rows.filter(pl.col("difference_low") > 0)["group_name"].to_list()
    said = ", ".join(worse) or "none"
    yield _made(context, FAIRNESS, rows, groups=rows.height, flagged_more_often_than_the_rest=said)


PROBED = {
    "right": "right_lines",
    "share": "right_share",
    "low": "right_share_low",
    "high": "right_share_high",
    "open": "open_lines",
    "wrong": "wrong_examples",
}
"""Columns of `probe_config` as the table has them, by names that are no words of SQL's own."""


@dg.asset(
    partitions_def=configs,
    group_name=GROUP,
    kinds=KINDS,
    owners=OWNERS,
    code_version=source_version(__name__),
)
def probe_results(
    context: dg.AssetExecutionContext,
    data_folder: dg.ResourceParam[DataFolder],
    agents: AgentBuilder,
    embedders: Embedders,
) -> Made:
    """One row per ability: how many of its made-up lines the config judges rightly. Asks the config's models."""
    from moderation_pipeline.attacks.probing import probe_config

    named = ConfigLibrary(data_folder).load(context.partition_key)
    means = agents.means(embedders, data_folder, context.log.warning)
    found = probe_config(named, lambda comments: begin(named, comments, data_folder, means))
    rows = found.rename(PROBED).with_columns(chat=pl.lit(PROBE_RESULTS.only_chat), config=pl.lit(named.name))
    counts = {name: int(rows[name].sum()) for name in ("lines", "right_lines", "open_lines")}
    return dg.MaterializeResult(value=_as(PROBE_RESULTS, rows), metadata=counts)


@dg.asset(
    partitions_def=runs,
    deps=["comments", "student_decisions", "expert_audits", "action_log", "metrics"],
    group_name=GROUP,
    kinds={"json"},
    owners=OWNERS,
    code_version=source_version(__name__),
)
def dsa_statements(
    context: dg.AssetExecutionContext, data_folder: dg.ResourceParam[DataFolder]
) -> dg.MaterializeResult[None]:
    """A file of statements of reasons, one a sanction, in the fields of the EU's DSA transparency database.

    The rows of the view `dsa_statements`; nothing is sent anywhere. Beside it the error rate of automated means, which
    a transparency report has to give, with its interval.
    """
    chat, config = partition_names(context.partition_key)
    stated = state_reasons(data_folder, chat, str(config))
    return dg.MaterializeResult(
        metadata={
            "statements": stated.statements,
            "statements_beyond_published_limits": stated.refused_statements,
            "file": dg.MetadataValue.path(stated.path),
            **stated.error_rate,
        }
    )


def _unanswered(context: dg.AssetExecutionContext, why: ModerationError) -> None:
    """Say why a question has no answer for this chat: no table is made, for an empty one would be an answer.

    Nor does the run fail, or whoever makes all assets of a chat without labels would find every run red.
    """
    context.log.warning(f"Not answered, and no table made: {why}")


def _made(context: dg.AssetExecutionContext, table: Table, rows: pl.DataFrame, **told: int | str) -> Made:
    chat, config = partition_names(context.partition_key)
    rows = rows.with_columns(chat=pl.lit(chat))
    if config is not None:
        rows = rows.with_columns(config=pl.lit(config))
    return dg.MaterializeResult(value=_as(table, rows), metadata={"rows": rows.height, **told})


def _as(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(pl.col(name).cast(dtype) for name, dtype in table.schema.items())


@dg.multi_asset_check(
    specs=[declared("what_if", "every_change_is_a_change", "Before and after differ in every row.", of=runs)]
)
def what_if_checks(what_if: pl.DataFrame) -> dg.AssetCheckResult:
    """Ask whether every stored change is one."""
    same = pl.col("category_before").eq_missing(pl.col("category_after"))
    alike = what_if.filter((pl.col("before") == pl.col("after")) & same)
    return holds("what_if", "every_change_is_a_change", alike)


@dg.multi_asset_check(
    specs=[declared("moderators_beside", "each_answer_stands_once", "One row per answer.", of=runs)]
)
def moderators_beside_checks(moderators_beside: pl.DataFrame) -> dg.AssetCheckResult:
    """Ask whether each answer is counted once."""
    return holds("moderators_beside", "each_answer_stands_once", laws.repeated(moderators_beside, "who_acts"))


@dg.multi_asset_check(
    specs=[
        declared("fairness", "false_alarms_lie_within_their_intervals", "Rates and differences do.", of=runs)
    ]
)
def fairness_checks(fairness: pl.DataFrame) -> dg.AssetCheckResult:
    """Ask whether rates and differences lie within their intervals."""
    outside = laws.outside_intervals(fairness, ["false_positive_rate", "difference"])
    return holds("fairness", "false_alarms_lie_within_their_intervals", outside)


@dg.multi_asset_check(
    specs=[declared("flipped", "every_pair_is_of_two_runs", "No run flips against itself.", of=chats)]
)
def flipped_checks(flipped: pl.DataFrame) -> dg.AssetCheckResult:
    """Ask whether every stored pair is one: two configs, or a config and its accepted run."""
    same = pl.col("config") == pl.col("other_config")
    alone = flipped.filter(same == pl.col("accepted_run_id").is_null())
    return holds("flipped", "every_pair_is_of_two_runs", alone)


@dg.multi_asset_check(
    specs=[declared("doubted_labels", "every_label_is_doubted_once", "One row per comment.", of=chats)]
)
def doubted_labels_checks(doubted_labels: pl.DataFrame) -> dg.AssetCheckResult:
    """Ask whether each label is doubted once."""
    return holds("doubted_labels", "every_label_is_doubted_once", laws.repeated(doubted_labels, "comment_id"))
