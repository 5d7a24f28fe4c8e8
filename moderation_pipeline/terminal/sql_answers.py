"""Questions in SQL: the user's query over the warehouse's views, or the list of views where there is none."""

from __future__ import annotations

import re

import duckdb
import polars as pl

from moderation_pipeline.errors import ModerationError, closest
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import TABLES
from moderation_pipeline.warehouse.views import QUESTIONS, query


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


def _with_our_views(error: duckdb.CatalogException) -> str:
    """Return the error with our views in place of DuckDB's guess, which knows only those the query names."""
    names = [*TABLES, *QUESTIONS]
    missing = re.search(r"Table with name (\S+) does not exist", str(error))
    if missing is None:
        return str(error)
    return f"There is no view {missing[1]!r}.{closest(missing[1], names)} Views are: {', '.join(names)}."


def _views() -> pl.DataFrame:
    tables = [(name, f"{table.row_is}, per {table.partition}") for name, table in TABLES.items()]
    return pl.DataFrame(
        [*tables, *((name, "a question asked of the tables") for name in QUESTIONS)],
        schema=["view", "one row is"],
        orient="row",
    )
