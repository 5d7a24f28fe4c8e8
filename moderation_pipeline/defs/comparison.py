"""The fifth stage: a chat's configs side by side, once its runs are through.

The runs of a chat are collected here for `plots` and `report` too: all three look at the same ones.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import dagster as dg
import polars as pl

from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.defs.checking import OWNERS, declared, holds
from moderation_pipeline.defs.metrics import GROUP
from moderation_pipeline.defs.partitions import chats, from_chat_to_run
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.slugs import RunKey
from moderation_pipeline.warehouse import laws
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMPARED, METRICS
from moderation_pipeline.warehouse.versions import comments_version, source_version

if TYPE_CHECKING:
    from moderation_pipeline.evaluation.judged import Run

Partitions = dict[str, pl.DataFrame]
"""A table's partitions by `chat|config`."""


RUN_TABLES = tuple(table.name for table in COMPARED if table is not METRICS)


def of_every_config(*names: str) -> dict[str, dg.AssetIn]:
    """Return inputs that are a chat's partitions under every config that was run, the others left out."""
    return {
        name: dg.AssetIn(
            partition_mapping=from_chat_to_run,
            metadata={"allow_missing_partitions": True},
            dagster_type=dict,
        )
        for name in names
    }


class NothingToCompareError(ModerationError):
    """A chat without a run that could be compared."""

    def __init__(self, chat: str, left_out: Mapping[str, str]) -> None:
        why = "; ".join(f"{config}: {reason}" for config, reason in left_out.items()) or "none was made"
        super().__init__(
            f"Chat {chat!r} has no run to compare ({why}). 'moderation run {chat}' makes them, as does a "
            f"backfill of the job moderate in the UI."
        )


class ChatRuns(NamedTuple):
    """The runs of a chat that can be compared, and why others can't, by config."""

    runs: "list[Run]"
    left_out: dict[str, str]


def collect_runs(
    chat: str, comments: pl.DataFrame, folder: DataFolder, tables: Mapping[str, Partitions]
) -> ChatRuns:
    """Return the chat's runs, by config; a run of other comments or of another config is left out.

    A run is of other comments when the chat's file has changed since, of another config when its YAML has.

    Raises:
        NothingToCompareError: no run is left.
    """
    from moderation_pipeline.evaluation.comparable import in_part, made, stale
    from moderation_pipeline.evaluation.judged import Run

    whole = {
        table.name: {RunKey.parse(key).config: key for key in sorted(tables[table.name])}
        for table in COMPARED
    }
    library = ConfigLibrary(folder)
    every = [run for rows in tables["metrics"].values() for run in made(rows)]
    left_out = {**in_part(whole), **stale(every, library, comments_version(comments))}
    runs = [
        Run(config=library.load(config), **{name: tables[name][key] for name in RUN_TABLES})
        for config, key in whole["metrics"].items()
        if config not in left_out
    ]
    if not runs:
        raise NothingToCompareError(chat, left_out)
    return ChatRuns(runs, left_out)


WHAT_DECIDED = dg.AssetDep("provenance", partition_mapping=from_chat_to_run)
"""What of its runs was decided by which code (`of_other_code`): of those compared, and with no number of theirs."""


@dg.asset(
    partitions_def=chats,
    ins=of_every_config("metrics", *RUN_TABLES),
    deps=[WHAT_DECIDED],
    group_name=GROUP,
    kinds={"polars", "parquet"},
    owners=OWNERS,
    code_version=source_version(__name__),
)
def comparison(
    context: dg.AssetExecutionContext,
    comments: pl.DataFrame,
    data_folder: dg.ResourceParam[DataFolder],
    **tables: Partitions,
) -> dg.MaterializeResult[pl.DataFrame]:
    """One row per config of a chat: its metrics, and their paired differences to the default config."""
    from moderation_pipeline.evaluation.comparable import of_other_code, other_code_sentence
    from moderation_pipeline.evaluation.config_comparison import compare

    chat = context.partition_key
    collected = collect_runs(chat, comments, data_folder, tables)
    for config, reason in collected.left_out.items():
        context.log.warning(f"Config {config!r} is left out of the comparison: {reason}.")
    other_code = of_other_code(data_folder, chat, [run.name for run in collected.runs])
    if (sentence := other_code_sentence(chat, other_code)) is not None:
        context.log.warning(sentence)
    version = comments_version(comments)
    versions = {run.name: version for run in collected.runs}
    table = compare(chat=chat, comments=comments, runs=collected.runs, data_versions=versions)
    return dg.MaterializeResult(value=table, metadata=_told(table, collected))


SHOWN = ("config", "regime", "comments", "audits", "f1", "system_agreement_rate", "list_cost_usd")


def _told(table: pl.DataFrame, collected: ChatRuns) -> dict[str, Any]:
    best = table.filter(pl.col("is_best"))["config"].to_list()
    records = [dg.TableRecord(row) for row in table.select(SHOWN).iter_rows(named=True)]
    return {
        "configs": table.height,
        "configs_left_out": len(collected.left_out),
        "best": best[0] if best else "none: there are neither labels nor an Expert's plans to judge by",
        "comparison": dg.MetadataValue.table(records, schema=_shown_schema(table)),
    }


def _shown_schema(table: pl.DataFrame) -> dg.TableSchema:
    return dg.TableSchema([dg.TableColumn(name, str(table.schema[name])) for name in SHOWN])


@dg.multi_asset_check(
    specs=[
        declared(
            "comparison",
            "every_config_is_compared_once",
            "One row per config.",
            of=chats,
            reads=[dg.AssetDep("comments")],
        ),
        declared(
            "comparison",
            "runs_are_of_the_same_comments",
            "Every config is judged on all of the chat's comments, so that differences are paired.",
            of=chats,
            reads=[dg.AssetDep("comments")],
        ),
    ]
)
def comparison_checks(comparison: pl.DataFrame, comments: pl.DataFrame) -> Iterator[dg.AssetCheckResult]:
    """Ask whether the stored comparison compares like with like."""
    yield holds("comparison", "every_config_is_compared_once", laws.repeated(comparison, "config"))
    others = comparison.filter(pl.col("comments") != comments.height)
    yield holds("comparison", "runs_are_of_the_same_comments", others.select("config", "comments"))
