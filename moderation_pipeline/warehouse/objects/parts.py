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
    DOUBTED_LABELS,
    FLIPPED,
    INGESTION,
    LOOP_TABLES,
    METRIC_HISTORY,
    PROBE_RESULTS,
    REJECTED_LINES,
    TABLES,
    Table,
)

Kind = Literal["log", "read", "run", "compared", "asked", "attacked", "probed"]
"""A chat's files, its tables, a run's tables, log and heads, a chat's comparison and report, what else was asked of it;
a config's attacks and probes."""

TABLES_IN = "warehouse/"
CHAT_FILES, RESULTS, MODELS = "chats", "results", "models"
PLACES = (*TABLES, CHAT_FILES, RESULTS, MODELS)
"""Where files of parts are: in a table's folder, or one of these beside the warehouse."""

TABLES_OF: dict[Kind, tuple[Table, ...]] = {
    "log": (),
    "read": (COMMENTS, REJECTED_LINES, INGESTION),
    "run": (*LOOP_TABLES, *AFTER_LOOP, METRIC_HISTORY, ACCEPTED_RUN),
    "compared": (COMPARISON,),
    "asked": (FLIPPED, DOUBTED_LABELS),
    "attacked": (ATTACK_RESULTS,),
    "probed": (PROBE_RESULTS,),
}
RUN_LOG = ".jsonl"
BESIDE_LOG = ".dsa.jsonl"
"""What the ends of a run's files in its chat's results are: its log, and its statements of reasons."""


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
        results = folder.run_log(part.chat, part.config).parent
        yield from (*results.glob(f"{part.config}{RUN_LOG}*"), results / f"{part.config}{BESIDE_LOG}")
        head = folder.learned_head(part.chat, part.config)
        yield from (*head.parent.glob(f"{head.name}.*"), *(head.iterdir() if head.is_dir() else ()))
    elif part.kind == "compared":
        yield from (
            path
            for path in (folder.results / part.chat).rglob("*")
            if path.is_file() and RUN_LOG not in path.name
        )


def place_of(path: str) -> str:
    """Return in which of `PLACES` a file is, by its way from the data folder."""
    return path.removeprefix(TABLES_IN).partition("/")[0]
