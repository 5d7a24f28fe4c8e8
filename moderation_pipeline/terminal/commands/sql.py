"""`moderation sql`: ask the warehouse. Answers without starting Dagster."""

from __future__ import annotations

import sys

import click

from moderation_pipeline.terminal.screen import (
    print_frame,
    say,
)
from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.argument("query", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per row.")
@click.option("--unsafe", is_flag=True, help="Let the query read and write other files, and load extensions.")
def sql(query: str | None, as_json: bool, unsafe: bool) -> None:
    """Ask the warehouse in SQL (DuckDB's). Without a QUERY: list the views.

    \b
    moderation sql "select config, f1, audit_share from metrics where chat = 'synthetic'"
    moderation sql "select text, student_action, expert_action from disagreements limit 5" --json
    echo "from sanctioned_users" | moderation sql -

    A query never waits for a run, nor a run for a query. It reads the warehouse and nothing else: no other file, no
    address, no extension of DuckDB's, unless --unsafe says so.
    """
    from moderation_pipeline.terminal import sql_answers
    from moderation_pipeline.warehouse.damage import left_out_told
    from moderation_pipeline.warehouse.duckdb_file import repair_duckdb_file
    from moderation_pipeline.warehouse.tables import TABLES

    text = sys.stdin.read() if query == "-" else query
    folder = DataFolder.find()
    if (repaired := repair_duckdb_file(folder)) is not None:
        say(repaired)
    for sentence in left_out_told(folder, TABLES):
        say(sentence)
    print_frame(sql_answers.answer(folder, text, is_unsafe=unsafe), as_json=as_json)
    if text is None and not as_json:
        say("\nmoderation sql \"select * from VIEW limit 5\" shows a view; 'describe VIEW' its columns.")
