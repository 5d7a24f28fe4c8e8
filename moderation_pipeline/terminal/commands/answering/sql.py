"""`moderation sql`: ask the warehouse. Answers without starting Dagster."""

from __future__ import annotations

import sys

import click

from moderation_pipeline.terminal.screen import (
    print_csv,
    print_frame,
    print_rows_as_lists,
    say,
)
from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.argument("query", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per row.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV; what a spreadsheet would run begins with '.")
@click.option(
    "--records", "-x", "as_records", is_flag=True, help="Print each row as a list, a column a line."
)
@click.option("--columns", metavar="VIEW", help="List the columns of a view and what they mean instead.")
@click.option("--unsafe", is_flag=True, help="Let the query read and write other files, and load extensions.")
def sql(
    query: str | None, as_json: bool, as_csv: bool, as_records: bool, columns: str | None, unsafe: bool
) -> None:
    """Ask the warehouse in SQL (DuckDB's). Without a QUERY: list the views.

    \b
    moderation sql "select config, f1, audit_share from metrics where chat = 'synthetic'"
    moderation sql "select text, student_action, expert_action from disagreements limit 5" --json
    moderation sql "from user_evenings where user_name = 'mallory'" --csv > mallory.csv
    moderation sql "from metrics where chat = 'stream'" -x
    moderation sql --columns metrics
    echo "from sanctioned_users" | moderation sql -

    A query never waits for a run, nor a run for a query. It reads the warehouse and nothing else: no other file, no
    address, no extension of DuckDB's, unless --unsafe says so. Rows of runs made before their chat or config changed
    stay: views of questions mark them (is_stale), and where they may be in an answer that is said beside it.
    """
    from moderation_pipeline.terminal.questions import sql_answers
    from moderation_pipeline.warehouse.damage import left_out_told
    from moderation_pipeline.warehouse.duckdb_file import repair_duckdb_file
    from moderation_pipeline.warehouse.tables import TABLES

    folder, text = DataFolder.find(), sys.stdin.read() if query == "-" else query
    if (repaired := repair_duckdb_file(folder)) is not None:
        say(repaired)
    for sentence in left_out_told(folder, TABLES):
        say(sentence)
    frame, stale = (
        sql_answers.SqlAnswer(sql_answers.columns_of(folder, columns))
        if columns is not None
        else sql_answers.answer(folder, text, is_unsafe=unsafe)
    )
    if as_csv:
        print_csv(frame)
    elif as_records and not as_json:
        print_rows_as_lists(frame)
    else:
        print_frame(frame, as_json=as_json)
    if stale is not None:
        say(stale)
    if text is None and columns is None and not (as_json or as_csv):
        say(
            '\nmoderation sql "select * from VIEW limit 5" shows a view, moderation sql --columns VIEW its columns.'
        )
