"""The sixth stage: a chat's figures, as files under data/results and inline in the UI."""

import base64
from typing import Any

import dagster as dg
import polars as pl

from moderation_pipeline.defs.comparison import RUN_TABLES, Partitions, collect_runs, of_every_config
from moderation_pipeline.defs.metrics import EVALUATION_VERSION, OWNERS
from moderation_pipeline.defs.partitions import chats
from moderation_pipeline.warehouse.folder import DataFolder

GROUP = "reporting"


@dg.asset(
    partitions_def=chats,
    ins=of_every_config("metrics", *RUN_TABLES),
    group_name=GROUP,
    kinds={"altair", "png", "html"},
    owners=OWNERS,
    code_version=EVALUATION_VERSION,
)
def plots(
    context: dg.AssetExecutionContext,
    comments: pl.DataFrame,
    comparison: pl.DataFrame,
    data_folder: dg.ResourceParam[DataFolder],
    **tables: Partitions,
) -> dg.MaterializeResult:
    """The chat's figures, as PNG and interactive HTML: memory, agreement, cost and actions of every config."""
    from moderation_pipeline.evaluation.figures import draw_figures

    chat = context.partition_key
    runs = collect_runs(chat, comments, data_folder, tables).runs
    figures = draw_figures(chat=chat, comments=comments, runs=runs, comparison=comparison)
    return dg.MaterializeResult(
        metadata={figure.name: inline(figure.title, figure.headline, figure.png) for figure in figures}
    )


def inline(title: str, headline: str, png: bytes | None) -> dg.MarkdownMetadataValue:
    """Return a figure as the UI shows it: the picture itself, or the sentence that stands for it."""
    if png is None:
        return dg.MetadataValue.md(headline)
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})")
