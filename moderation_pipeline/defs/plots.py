"""The sixth stage: a chat's figures, as files under data/results and inline in the UI."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

from moderation_pipeline.defs.checking import OWNERS
from moderation_pipeline.defs.comparison import RUN_TABLES, Partitions, collect_runs, of_every_config
from moderation_pipeline.defs.partitions import chats
from moderation_pipeline.warehouse.folder import DataFolder, has_shared_store
from moderation_pipeline.warehouse.versions import source_version

if TYPE_CHECKING:
    from moderation_pipeline.report.figure import Figure

GROUP = "reporting"
REPORTS_AT = "/reports"
"""Where `moderation ui` shows a chat's page, beside Dagster's own (`webserver.py`)."""


@dg.asset(
    partitions_def=chats,
    ins=of_every_config("metrics", *RUN_TABLES),
    group_name=GROUP,
    kinds={"altair", "png", "html"},
    owners=OWNERS,
    code_version=source_version(__name__),
)
def plots(
    context: dg.AssetExecutionContext,
    comments: pl.DataFrame,
    comparison: pl.DataFrame,
    data_folder: dg.ResourceParam[DataFolder],
    **tables: Partitions,
) -> dg.MaterializeResult[None]:
    """The chat's figures, as PNG and interactive HTML: memory, agreement, cost, actions of every config."""
    from moderation_pipeline.report.figure_files import save_figures
    from moderation_pipeline.report.figures import draw_figures

    chat = context.partition_key
    runs = collect_runs(chat, comments, data_folder, tables).runs
    figures = draw_figures(comments=comments, runs=runs, comparison=comparison)
    folder = data_folder.plots(chat)
    files = save_figures(figures, folder, chat=chat, cache=data_folder.cache)
    return dg.MaterializeResult(
        metadata={"files": len(files), "folder": dg.MetadataValue.path(folder), **shown(figures, chat)}
    )


def shown(figures: Sequence["Figure"], chat: str) -> dict[str, dg.MarkdownMetadataValue]:
    """Return the figures as the UI shows them: the picture itself, or the sentence that stands for it.

    Where machines share a store a link stands for the picture: Dagster writes metadata down twice, which is a megabyte
    of the database each time that a chat is compared.
    """
    shows = _linked if has_shared_store() else _inline
    return {figure.name: dg.MetadataValue.md(shows(figure, chat)) for figure in figures}


def _linked(figure: "Figure", chat: str) -> str:
    return f"{figure.headline} ([picture]({REPORTS_AT}/{chat}))"


def _inline(figure: "Figure", chat: str) -> str:  # noqa: ARG001  (as `_linked`)
    from moderation_pipeline.report.templating import image_address

    if figure.svg is None:
        return figure.headline
    # The SVG: it is as wide as drawn, and Dagster's dialog cuts off what is wider than itself, as the PNG is.
    return f"![{figure.title}]({image_address(figure.svg)})\n\n{figure.headline}"
