"""The last stage: what a lead moderator reads about a chat."""

import re

import dagster as dg
import polars as pl

from moderation_pipeline.certificates.certified_basis import changes_since
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.defs.checking import OWNERS
from moderation_pipeline.defs.comparison import (
    RUN_TABLES,
    WHAT_DECIDED,
    Partitions,
    collect_runs,
    of_every_config,
)
from moderation_pipeline.defs.partitions import chats
from moderation_pipeline.defs.plots import GROUP, REPORTS_AT
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.slugs import RunKey
from moderation_pipeline.warehouse.files import replaced_atomically
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import CERTIFICATES, EXPERT_ERRORS
from moderation_pipeline.warehouse.versions import source_version

PICTURE = re.compile(r"!\[([^\]]*)\]\([^)\s]+\)")

CERTIFIED_TABLES = ("certificates", "expert_errors")


@dg.asset(
    partitions_def=chats,
    ins=of_every_config("metrics", *CERTIFIED_TABLES, *RUN_TABLES),
    deps=["plots", WHAT_DECIDED],
    group_name=GROUP,
    kinds={"markdown", "html"},
    owners=OWNERS,
    code_version=source_version(__name__),
)
def report(
    context: dg.AssetExecutionContext,
    comments: pl.DataFrame,
    ingestion: pl.DataFrame,
    rejected_lines: pl.DataFrame,
    comparison: pl.DataFrame,
    data_folder: dg.ResourceParam[DataFolder],
    **tables: Partitions,
) -> dg.MaterializeResult[None]:
    """The chat's report, as Markdown and as one HTML page: verdict, comparison, plots, cases and users."""
    from moderation_pipeline.evaluation.comparable import of_other_code
    from moderation_pipeline.report.figure_files import load_figures
    from moderation_pipeline.report.label_words.label_testimony import label_word
    from moderation_pipeline.report.label_words.label_voice import ACTS
    from moderation_pipeline.report.limits import label_sources
    from moderation_pipeline.report.page import render_report
    from moderation_pipeline.report.report_parts import CertificatesShown

    chat, by_acts = context.partition_key, ACTS in label_sources(comments)
    collected = collect_runs(chat, comments, data_folder, tables)
    rendered = render_report(
        chat=chat,
        comments=comments,
        runs=collected.runs,
        left_out=collected.left_out,
        other_code=of_other_code(data_folder, chat, [run.name for run in collected.runs]),
        comparison=comparison,
        figures=load_figures(data_folder.plots(chat)),
        ingestion=ingestion,
        rejected_lines=rejected_lines,
        certified=CertificatesShown(
            certificates=pl.concat([CERTIFICATES.empty(), *tables["certificates"].values()]),
            expert_errors=pl.concat([EXPERT_ERRORS.empty(), *tables["expert_errors"].values()]),
            changed=_changed(tables["certificates"], data_folder),
            labels={
                row["config"]: label_word(row, by_acts=by_acts) for row in comparison.iter_rows(named=True)
            },
        ),
        plots_at=data_folder.plots(chat).name,
    )
    pages = {
        data_folder.report(chat, "md"): rendered.markdown,
        data_folder.report(chat, "html"): rendered.html,
    }
    beside = {data_folder.disagreements(chat) / name: page for name, page in rendered.beside.items()}
    for path, page in {**beside, **pages}.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced_atomically(path) as temporary:
            temporary.write_text(page, "utf-8")
    for path in data_folder.disagreements(chat).glob("*.html"):
        if path not in beside:  # of an earlier report that had more of them
            path.unlink()
    return dg.MaterializeResult(
        metadata={
            "characters": len(rendered.markdown),
            **{path.suffix[1:]: dg.MetadataValue.path(path) for path in pages},
            "page": dg.MetadataValue.url(f"{REPORTS_AT}/{chat}"),
            "report": dg.MetadataValue.md(without_pictures(rendered.markdown, f"{REPORTS_AT}/{chat}")),
        }
    )


def without_pictures(markdown: str, page: str) -> str:
    """Return the report as the UI can show it: a picture's file is out of its reach, what the picture says is not.

    The pictures themselves are in the metadata of `plots`, and would be stored twice here.
    """
    return PICTURE.sub(rf"*\1* ([picture]({page}))", markdown)


def _changed(certificates: Partitions, folder: DataFolder) -> dict[str, list[str]]:
    """Return by config what its certificates rest on that has changed since."""
    library = ConfigLibrary(folder)
    changed: dict[str, list[str]] = {}
    for key, rows in certificates.items():
        name = RunKey.parse(key).config
        try:
            changed[name] = changes_since(rows, library.load(name), folder)
        except ModerationError:  # a report of what was done does not fail for what can't be done again
            changed[name] = ["a file that its config names"]
    return changed
