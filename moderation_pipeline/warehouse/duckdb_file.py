"""The DuckDB file of views, for other people's shells: written when a definition changes, held by nobody.

A process that holds the file open for writing shuts out every other, so the project's own queries never open
it (`views.py` has theirs). Whether it has to be written is therefore not asked of the file itself, but of the
text of the definitions kept in the warehouse.

Its views find the warehouse beside the file, so that a copied or moved folder answers from itself. Attached to another
database they can't tell where they are, and go by the folder for which they were defined last.

A shell reads the partitions' own paths. A query of its that meets one in the very moment in which it is
rewritten may fail or mix two versions (`hardlinks.py` has the numbers); asked again, it is right.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import duckdb

from moderation_pipeline.warehouse.column_meanings import OF_VIEW, comment_statements
from moderation_pipeline.warehouse.files import ensure_schema_files, replaced_atomically
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import TABLES
from moderation_pipeline.warehouse.upgrading import upgraded
from moderation_pipeline.warehouse.views import create_statement, view_definitions

DEFINITIONS = "_views.sql"

COLUMNS = (
    "select table_name, column_name from duckdb_columns() where not internal and list_contains(?, table_name)"
)

OLDEST_READER = "v1.0.0"
"""The file is kept in the storage format that shells since DuckDB 1.0 read; left alone, 2.0 writes one that
1.5 refuses (measured)."""


class Refreshed(NamedTuple):
    """What became of the file, and in words; `unwritable` it is mostly because another process holds it."""

    outcome: Literal["current", "written", "unwritable"]
    says: str


def refresh_duckdb_file(folder: DataFolder) -> Refreshed:
    """Define the views anew in the DuckDB file where their text has changed, or the folder has moved."""
    try:
        upgrades = upgraded(folder)
        ensure_schema_files(folder)
        refreshed = _refreshed(folder)
    except OSError as error:
        return Refreshed("unwritable", _unwritable(folder, error))
    if not upgrades:
        return refreshed
    outcome = "written" if refreshed.outcome == "current" else refreshed.outcome
    return Refreshed(outcome, " ".join([*upgrades, refreshed.says]))


def repair_duckdb_file(folder: DataFolder) -> str | None:
    """Define the views of an existing file anew where they are those of another folder or release, and say so."""
    if not folder.duckdb.exists():
        return None
    refreshed = refresh_duckdb_file(folder)
    return refreshed.says if refreshed.outcome == "written" else None


def _refreshed(folder: DataFolder) -> Refreshed:
    definitions = view_definitions(folder, of_file=folder.duckdb)
    defined = [create_statement(name, select) for name, select in definitions.items()]
    commented = comment_statements({table.name: table.schema for table in TABLES.values()})
    # What the columns of views over views are is known once they are defined; what is said of them, before.
    meant = (f"-- {name}: {said}" for name, said in OF_VIEW.items())
    script = "".join(f"{statement};\n" for statement in (*defined, *commented, *meant))
    kept = folder.warehouse / DEFINITIONS
    if folder.duckdb.exists() and kept.exists() and kept.read_text("utf-8") == script:
        return Refreshed("current", f"{folder.duckdb} is up to date.")
    try:
        _define_in_file(folder, definitions)
    except (duckdb.IOException, duckdb.ConnectionException, duckdb.TransactionException) as error:
        # The last where the path holds a '?', before which DuckDB ends the name of its log.
        return Refreshed("unwritable", _unwritable(folder, error))
    with replaced_atomically(kept) as temporary:
        temporary.write_text(script, "utf-8")
    return Refreshed("written", f"{folder.duckdb} now holds {len(definitions)} views.")


def _define_in_file(folder: DataFolder, definitions: dict[str, str]) -> None:
    with duckdb.connect(
        str(folder.duckdb), config={"storage_compatibility_version": OLDEST_READER}
    ) as connection:
        connection.begin()  # of all statements: each would be written to the disk, and waited for, by itself
        # As one script: DuckDB takes a third longer for the statements one by one.
        connection.execute(";".join(create_statement(name, select) for name, select in definitions.items()))
        columns: dict[str, list[str]] = {}
        for view, column in connection.execute(COLUMNS, [list(definitions)]).fetchall():
            columns.setdefault(view, []).append(column)
        connection.execute(";".join(comment_statements(columns)))
        connection.commit()


def _unwritable(folder: DataFolder, error: Exception) -> str:
    first_line = str(error).splitlines()[0]
    return (
        f"The views in {folder.duckdb} have changed, but the file can't be written now ({first_line}). "
        "The run goes on without it; it is brought up to date by the next run once the file is free."
    )
