"""Questions in SQL: the user's query over the warehouse's views, or the list of views where there is none."""

from __future__ import annotations

import re
from typing import NamedTuple

import duckdb
import polars as pl

from moderation_pipeline.errors import ModerationError, closest
from moderation_pipeline.warehouse.column_meanings import meaning_of
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import TABLES
from moderation_pipeline.warehouse.views import ANSWERS, QUESTIONS, mentioned, query, query_and_stale

OF_RUNS = [*(name for name, table in TABLES.items() if table.partition == "run"), "comparison", *QUESTIONS]
"""Views that hold what runs made; `metric_history` and `run_history` too, of which the last time may be stale."""

NAMED = 5
"""How many stale runs are named."""


class QueryError(ModerationError):
    """A query that DuckDB can't run, in DuckDB's words."""


class SqlAnswer(NamedTuple):
    """Rows, and in a sentence which stale runs may be among what they count; null where none, or where it was asked."""

    rows: pl.DataFrame
    stale: str | None = None


def answer(folder: DataFolder, sql: str | None, *, is_unsafe: bool = False) -> SqlAnswer:
    """Return the answer to a query; without one, a row per view. An unsafe one may read and write any file.

    Of runs that the answer's own columns rule out nothing is said. Whether a config's file has changed and has not run
    since is not looked at.

    Raises:
        QueryError: DuckDB can't run it.
    """
    if sql is None:
        return SqlAnswer(_views())
    try:
        if "stale" in sql.lower() or not mentioned(sql, OF_RUNS):
            return SqlAnswer(query(folder, sql, may_leave=is_unsafe))
        rows, stale = query_and_stale(folder, sql, may_leave=is_unsafe)
        return SqlAnswer(rows, _told(stale, rows))
    except duckdb.CatalogException as error:
        raise QueryError(_with_our_views(error)) from None
    except duckdb.PermissionException as error:
        first_line = str(error).splitlines()[0]
        raise QueryError(
            f"{first_line}. A query reads the warehouse alone: no other file, no address, no extension. With --unsafe "
            "it may read and write whatever you may."
        ) from None
    except duckdb.Error as error:
        raise QueryError(str(error)) from None


def _told(stale: pl.DataFrame, answered: pl.DataFrame) -> str | None:
    for key in {"chat", "config"} & set(answered.columns):
        if answered[key].dtype == pl.String:
            stale = stale.filter(pl.col(key).is_in(answered[key].unique().implode()))
    if stale.is_empty():
        return None
    named = "; ".join(f"{config} on {chat} ({why})" for chat, config, why in stale.head(NAMED).iter_rows())
    more = f" and {stale.height - NAMED:,} more" if stale.height > NAMED else ""
    return (
        f"Stale runs may be among these rows: {named}{more}. All are in the view stale_runs; views of questions have a"
        " column is_stale."
    )


def columns_of(folder: DataFolder, view: str) -> pl.DataFrame:
    """Return a row per column of a view: its name, type and meaning, where one is written down.

    Raises:
        QueryError: there is no such view.
    """
    if view not in (*TABLES, *QUESTIONS):
        raise QueryError(_no_such_view(view))
    described = query(folder, f'describe "{view}"')
    return pl.DataFrame(
        [
            (name, kind, meaning_of(view, name))
            for name, kind in described.select("column_name", "column_type").rows()
        ],
        schema={"column": pl.String, "type": pl.String, "meaning": pl.String},
        orient="row",
    )


def _no_such_view(name: str) -> str:
    names = [*TABLES, *QUESTIONS]
    return f"There is no view {name!r}.{closest(name, names)} Views are: {', '.join(names)}."


def _with_our_views(error: duckdb.CatalogException) -> str:
    """Return the error with our views in place of DuckDB's guess, which knows only those the query names."""
    missing = re.search(r"Table with name (\S+) does not exist", str(error))
    if missing is None:
        return str(error)
    return _no_such_view(missing[1])


def _views() -> pl.DataFrame:
    tables = [(name, f"{table.row_is}, per {table.partition}") for name, table in TABLES.items()]
    return pl.DataFrame(
        [*tables, *((name, ANSWERS.get(name, "a question")) for name in QUESTIONS)],
        schema=["view", "one row is"],
        orient="row",
    )
