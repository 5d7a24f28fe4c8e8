"""`moderation evaluate`: from a labelled table with scores to an answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from moderation_pipeline.terminal.escaping import harmless
from moderation_pipeline.terminal.screen import print_json, say
from moderation_pipeline.warehouse.folder import DataFolder

if TYPE_CHECKING:
    from moderation_pipeline.evaluation.scored.score_evaluation import Evaluation


@click.command()
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--text", metavar="COLUMN", help="The column of texts.")
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="COLUMN",
    help="Which rows are violations: COLUMN, COLUMN=VALUE,VALUE or COLUMN>=NUMBER; a,b,c of several annotators.",
)
@click.option(
    "--score",
    "scores",
    multiple=True,
    metavar="NAME=COLUMN",
    help="A score from 0 to 1 (COLUMN/100: to 100; 1-COLUMN: a low one is the bad one).",
)
@click.option(
    "--threshold",
    "thresholds",
    multiple=True,
    metavar="NAME=NUMBER",
    help="From where on a score flags (0.5).",
)
@click.option("--user", metavar="COLUMN", help="Who wrote it: intervals take a user's rows as one.")
@click.option("--group", "groups", multiple=True, metavar="COLUMN", help="Groups to look at one by one.")
@click.option("--category", metavar="COLUMN", help="What kind of violation a row is.")
@click.option(
    "--cluster", metavar="COLUMN", help="What made rows that belong together (a template), where no user did."
)
@click.option("--time", metavar="COLUMN", help="When it was written, where the rows are a stream.")
@click.option(
    "--annotator", metavar="COLUMN", help="Whose label a row is, in a table of a row per annotator and item."
)
@click.option("--item", metavar="COLUMN", help="What was labelled, with --annotator.")
@click.option(
    "--no-label", multiple=True, metavar="VALUE", help="A value of the label that is none (unsure): left out."
)
@click.option(
    "--encoding", metavar="NAME", help="What TABLE is in, where that is not UTF-8: cp1251, shift_jis."
)
@click.option("--sheet", metavar="NAME", help="Which sheet of a workbook, where several have rows.")
@click.option(
    "--price", "prices", multiple=True, metavar="NAME=DOLLARS", help="What 1,000 rows cost by a score."
)
@click.option(
    "--harm",
    "harm",
    multiple=True,
    metavar="NAME=WEIGHT",
    help="What an error weighs: missed, wrongful, or a category that is missed (1).",
)
@click.option(
    "--label-source",
    type=click.Choice(["human", "moderators", "model"]),
    default="human",
    help="Who labelled: people, moderators who acted, or a model (then it is agreement, and no accuracy).",
)
@click.option(
    "--config",
    "configs",
    multiple=True,
    help="Keyless configs to judge beside (student_only, expert_only); of a chat, which of its runs (all).",
)
@click.option("--no-configs", is_flag=True, help="Judge the scores alone.")
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where the page goes. Default: TABLE.evaluation.html, here.",
)
@click.option(
    "--csv",
    "csv_folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder for all frames as CSV.",
)
@click.option("--json", "as_json", is_flag=True, help="Print all frames as JSON.")
def evaluate(
    table: Path,
    text: str | None,
    labels: tuple[str, ...],
    scores: tuple[str, ...],
    thresholds: tuple[str, ...],
    user: str | None,
    groups: tuple[str, ...],
    category: str | None,
    cluster: str | None,
    time: str | None,
    annotator: str | None,
    item: str | None,
    no_label: tuple[str, ...],
    encoding: str | None,
    sheet: str | None,
    prices: tuple[str, ...],
    harm: tuple[str, ...],
    label_source: str,
    configs: tuple[str, ...],
    no_configs: bool,
    report: Path | None,
    csv_folder: Path | None,
    as_json: bool,
) -> None:
    """Judge the scores of a labelled TABLE (CSV, JSON, Parquet, Arrow, Excel), and the keyless configs beside them.

    Without --text and --label, TABLE is a chat, and its runs are judged by its labels in the same way.

    \b
    moderation evaluate table.csv --text comment --label toxic --score perspective=TOXICITY --score ours=p_toxic
    moderation evaluate tweets.csv --text tweet --label 'class=hate,offensive' --score ours=p --user author
    moderation evaluate rated.jsonl --text text --label rater_1,rater_2,rater_3 --score ours=p
    moderation evaluate stream --config hybrid --config learned

    Nothing is sent anywhere, and the data folder is left alone. A row without a score is flagged by none; what is no
    number is counted and said. Exits with 2 where the table or what was asked of it can't be understood.
    """
    from moderation_pipeline.contest.asked import BESIDE, Asked
    from moderation_pipeline.contest.table_evaluation import evaluate_asked
    from moderation_pipeline.terminal.questions import evaluated

    if text is None or not labels:
        others = (
            text,
            labels,
            scores,
            thresholds,
            user,
            groups,
            category,
            cluster,
            time,
            annotator,
            item,
            no_label,
            encoding,
            sheet,
            prices,
            harm,
        )
        found = _of_a_chat(str(table), configs, has_columns=any(others) or no_configs)
    else:
        asked = Asked(
            text=text,
            labels=labels,
            scores=scores,
            thresholds=thresholds,
            user=user,
            groups=groups,
            category=category,
            cluster=cluster,
            time=time,
            annotator=annotator,
            item=item,
            no_label=no_label,
            encoding=encoding,
            sheet=sheet,
            prices=prices,
            harm=harm,
            label_source=evaluated.label_source(label_source),
            configs=() if no_configs else configs or BESIDE,
        )
        found = evaluate_asked(table, asked)
    for note in found.notes:
        say(harmless(note))
    if as_json:
        print_json(evaluated.as_mapping(found))
    else:
        evaluated.print_evaluation(found)
    page = report or Path(f"{table.stem}.evaluation.html")
    evaluated.write_page(found, page)
    say(f"Report: {page}")
    if csv_folder is not None:
        say(f"Frames: {', '.join(map(str, evaluated.write_frames(found, csv_folder)))}")


def _of_a_chat(chat: str, configs: Sequence[str], *, has_columns: bool) -> Evaluation:
    """Judge a chat's runs; columns are a table's, of which text and label must be known."""
    from moderation_pipeline.terminal.questions.evaluated_runs import evaluate_runs

    if has_columns or Path(chat).exists():
        raise click.UsageError(
            f"Of a table it must be said which columns hold the texts and the labels: moderation evaluate {chat}"
            " --text comment --label toxic. Of a table without texts name its ids and say --no-configs, for the keyless"
            " configs read texts. A chat, by its name, needs neither."
        )
    return evaluate_runs(DataFolder.find(), chat, configs)
