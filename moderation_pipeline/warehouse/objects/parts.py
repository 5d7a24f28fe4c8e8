"""What is published together, and which of a data folder's files that is.

A part is what one job makes of one chat, or of a run: it is replaced whole, so that no two workers' makings of it are
ever mixed, and two jobs of a chat don't undo each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from moderation_pipeline.warehouse.files import partition_path
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import (
    ACCEPTED_RUN,
    AFTER_LOOP,
    ATTACK_RESULTS,
    COMMENTS,
    COMPARISON,
    INGESTION,
    LOOP_TABLES,
    METRIC_HISTORY,
    REJECTED_LINES,
    TABLES,
    Table,
)

Kind = Literal["log", "read", "run", "compared", "attacked"]
"""A chat's files, its tables, a run's tables, log and heads, a chat's comparison and report, a config's attacks."""

TABLES_IN = "warehouse/"
CHAT_FILES, RESULTS, MODELS = "chats", "results", "models"
PLACES = (*TABLES, CHAT_FILES, RESULTS, MODELS)
"""Where files of parts are: in a table's folder, or one of these beside the warehouse."""

TABLES_OF: dict[Kind, tuple[Table, ...]] = {
    "log": (),
    "read": (COMMENTS, REJECTED_LINES, INGESTION),
    "run": (*LOOP_TABLES, *AFTER_LOOP, METRIC_HISTORY, ACCEPTED_RUN),
    "compared": (COMPARISON,),
    "attacked": (ATTACK_RESULTS,),
}
RUN_LOG = ".jsonl"


class PublishedPart(NamedTuple):
    """What is replaced at once: its kind, its chat, and its config where it has one, else an empty text."""

    kind: Kind
    chat: str
    config: str = ""


def part_files(folder: DataFolder, part: PublishedPart, log: tuple[Path, ...] = ()) -> list[Path]:
    """Return the files and folders that there are of a part, sorted; a chat's own are told by `log`."""
    return sorted(path for path in _places(folder, part, log) if path.exists())


def _places(folder: DataFolder, part: PublishedPart, log: tuple[Path, ...]) -> Iterator[Path]:
    for table in TABLES_OF[part.kind]:
        yield partition_path(folder, table, part.chat, part.config or None)
    if part.kind == "log":
        yield from log
    elif part.kind == "run":
        yield from folder.run_log(part.chat, part.config).parent.glob(f"{part.config}{RUN_LOG}*")
        head = folder.learned_head(part.chat, part.config)
        yield from (*head.parent.glob(f"{head.name}.*"), *(head.iterdir() if head.is_dir() else ()))
    elif part.kind == "compared":
        results = (folder.results / part.chat).rglob("*")
        yield from (path for path in results if path.is_file() and RUN_LOG not in path.name)


def place_of(path: str) -> str:
    """Return in which of `PLACES` a file is, by its way from the data folder."""
    return path.removeprefix(TABLES_IN).partition("/")[0]
