"""Questions in SQL: the user's query over the warehouse's views, or the list of views where there is none."""

from __future__ import annotations

import re

import duckdb
import polars as pl

from moderation_pipeline.errors import ModerationError, closest
from moderation_pipeline.warehouse.column_meanings import meaning_of
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import TABLES
from moderation_pipeline.warehouse.views import ANSWERS, QUESTIONS, query


class QueryError(ModerationError):
    """A query that DuckDB can't run, in DuckDB's words."""


def answer(folder: DataFolder, sql: str | None, *, is_unsafe: bool = False) -> pl.DataFrame:
    """Return the rows of a query; without one, a row per view. An unsafe one may read and write any file.

    Raises:
        QueryError: DuckDB can't run it.
    """
    if sql is None:
        return _views()
    try:
        return query(folder, sql, may_leave=is_unsafe)
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
