"""How many runs are made at once by processes of this machine, and which of them must wait for others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from moderation_pipeline.certificates.certified_basis import begun_from
from moderation_pipeline.comments.chat_files import chat_file
from moderation_pipeline.config.needs import needs
from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.warehouse.damage import is_damaged
from moderation_pipeline.warehouse.files import partition_path
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMMENTS

WORTH_A_PROCESS = 100_000
"""How many comments there must be to decide, over all runs: below, processes cost what they save, for each begins with
seconds of imports."""

BYTES_A_COMMENT = 200
"""About how long a comment is in a file that was not read yet."""

RUN_BYTES, RUN_BYTES_A_COMMENT = 500_000_000, 5_000
"""About what a run holds in memory; half of what is free is taken at most."""

ASKED_OF_NOBODY = frozenset({"labels"})
"""What a config may need and still be made beside others unasked: a model's provider has limits that all share, and a
local model takes all cores by itself."""


def processes_for(
    folder: DataFolder, chats: Sequence[str], configs: Sequence[NamedConfig], asked: int | None
) -> int:
    """Return how many processes make the runs: as many as were asked for, else as pays and as the machine holds."""
    runs = len(chats) * len(configs)
    if asked is not None:
        return min(asked, runs)
    if any(set(needs(each.config)) - ASKED_OF_NOBODY for each in configs):
        return 1
    sizes = [_comments(folder, chat) for chat in chats]
    if sum(sizes) * len(configs) < WORTH_A_PROCESS:
        return 1
    fit = _free_bytes() // 2 // (RUN_BYTES + RUN_BYTES_A_COMMENT * max(sizes))
    return max(1, min(runs, _cores(), fit))


def in_turns(chat: str, configs: Sequence[NamedConfig]) -> list[list[NamedConfig]]:
    """Return the configs in groups that may be made at once, each after the one before.

    Those that audit everything come first: agreement of the others is measured against their plans. A run that
    starts from the memory or the head of another one waits for that.
    """
    experts = [each for each in configs if each.config.regime == "expert_only"]
    groups, left = [experts] if experts else [], [each for each in configs if each not in experts]
    while left:
        waiting = {each.name for each in left}
        now = [each for each in left if not _starts(each) & {(chat, name) for name in waiting - {each.name}}]
        groups.append(now or left[:1])  # of a circle somebody is first, and starts from what there is
        left = [each for each in left if each not in groups[-1]]
    return groups


def are_apart(chats: Sequence[str], configs: Sequence[NamedConfig]) -> bool:
    """Whether no run of one of the chats starts from a run of another: else they are made one after the other."""
    return not any(start in chats for each in configs for start, _ in _starts(each))


def _starts(named: NamedConfig) -> set[tuple[str, str]]:
    return {(start.chat, start.config) for start in begun_from(named.config)}


def _comments(folder: DataFolder, chat: str) -> int:
    """Return how many comments a chat has, as they were read last; before that, as its files' size says."""
    table = partition_path(folder, COMMENTS, chat)
    if table.exists() and not is_damaged(table):
        return int(pl.scan_parquet(table).select(pl.len()).collect().item())
    path = chat_file(folder, chat)
    return 0 if path is None else sum(map(_size, _files(path))) // BYTES_A_COMMENT


def _files(path: Path) -> list[Path]:
    return [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]


def _size(path: Path) -> int:
    return path.stat().st_size


def _cores() -> int:
    """Return on how many cores this process may run, its container's share counted."""
    from joblib import cpu_count  # takes a third of a second

    return int(cpu_count())


def _free_bytes() -> int:
    """Return how much memory may be taken: what the system calls available, or what it has, where it doesn't say.

    A container may have less.
    """
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text("ascii").splitlines())
        free = int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError):
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([free, *_left_of_container()])


CONTAINER = Path("/sys/fs/cgroup")


def _left_of_container() -> list[int]:
    """Return what is left of a container's memory, where this is one that is bounded; by Linux's control groups."""
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            bound, taken = ((CONTAINER / name).read_text("ascii").strip() for name in (limit, used))
        except OSError:
            continue
        return [int(bound) - int(taken)] if bound.isdecimal() else []
    return []
