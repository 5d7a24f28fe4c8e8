"""Which runs of a chat can be held against each other: those of the comments and the configs as they are now.

A chat's file may have grown, and a config's YAML may have changed, since a run was made. Such a run is named
wherever the chat's runs are shown: left out without a word, the others would look like all there were.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import polars as pl

from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.damage import DamagedFileError
from moderation_pipeline.warehouse.files import partition_path, read_files
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.laws import not_decided_once
from moderation_pipeline.warehouse.tables import PROVENANCE

OTHER_COMMENTS = "the chat's comments have changed since"
OTHER_CONFIG = "the config has changed since"
NO_CONFIG = "its config is no longer there"


class RunOfOtherCommentsError(ModerationError):
    """A run of other comments than the chat has now."""

    def __init__(self, chat: str, config: str) -> None:
        super().__init__(
            f"The run of {config!r} is of other comments than the chat {chat!r} has now: it has changed since. Run it"
            f" again: moderation run {chat} -c {config}."
        )


def refuse_other_comments(
    chat: str,
    config: str,
    comments: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    ingestion: pl.DataFrame,
    metrics: pl.DataFrame,
) -> None:
    """Refuse a run that decided other comments than the chat has now, for whoever asks something of it.

    Ids don't tell it alone: a table of which a cell was mended, or that was shuffled, numbers its rows as before.
    `ingestion` and `metrics` are the chat's rows and the run's, which say of which comments they were made.

    Raises:
        RunOfOtherCommentsError: it did.
    """
    now, then = (frame["data_version"].drop_nulls().unique() for frame in (ingestion, metrics))
    is_of_others = bool(now.len() and then.len() and not then.is_in(now.implode()).all())
    if is_of_others or not_decided_once(comments, actions).height:
        raise RunOfOtherCommentsError(chat, config)


class Made(NamedTuple):
    """A stored run as it was made: its config, that config's hash, and the version of the comments."""

    config: str
    config_hash: str
    data_version: str


def made(metrics: pl.DataFrame) -> list[Made]:
    """Return the runs that rows of the table metrics are of."""
    return [Made._make(row) for row in metrics.select(Made._fields).iter_rows()]


def stale(runs: Iterable[Made], library: ConfigLibrary, comments_version: str) -> dict[str, str]:
    """Return by config why its run can't be compared with one made now; nothing of those that can."""
    known = set(library.names())
    found: dict[str, str] = {}
    for run in sorted(runs):
        if run.config not in known:
            found[run.config] = NO_CONFIG
        elif run.data_version != comments_version:
            found[run.config] = OTHER_COMMENTS
        elif run.config_hash != library.load(run.config).config_hash:
            found[run.config] = OTHER_CONFIG
    return found


def in_part(whole: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Return by config which table its run lacks that has others; `whole` says by table of which configs it is there.

    A damaged table is none; it may have been set aside.
    """
    return {
        config: _lacks(next(name for name, configs in whole.items() if config not in configs))
        for config in sorted(set().union(*whole.values()))
        if not all(config in configs for configs in whole.values())
    }


def _lacks(table: str) -> str:
    return f"its table {table} is missing or damaged"


def of_other_code(folder: DataFolder, chat: str, configs: Collection[str]) -> dict[str, str]:
    """Return by config why its run may be of other code than the one made last, of those of which that is so.

    An upgrade makes no run due: what was paid for and decided stands until the chat or the config changes.
    """
    made_at: dict[str, float] = {}
    found: dict[str, object] = {}
    for config in configs:
        path = partition_path(folder, PROVENANCE, chat, config)
        # Whatever is the matter with it, it is no number of the run.
        with suppress(DamagedFileError, FileNotFoundError):
            made_at[config] = path.stat().st_mtime
            found[config] = read_files([path], PROVENANCE)["agents_version"].first()
    newest = found[max(found, key=made_at.__getitem__)] if found else None
    why = {config: OLDER_CODE for config, version in found.items() if version != newest}
    unknown = f"{UNKNOWN_CODE}: {_lacks(PROVENANCE.name)}"
    return why | {config: unknown for config in configs if config not in found}


OLDER_CODE = "decided by an older version of this package"
UNKNOWN_CODE = "by which version it was decided is unknown"


def other_code_sentence(chat: str, other_code: Mapping[str, str]) -> str | None:
    """Say which runs `of_other_code` found, and what brings them up to date; null where none."""
    return stale_sentence(chat, other_code, "A difference may be the code's and not the config's")


NOT_COMPARED = "Not among the configs compared, though moderated before"
SHOWN_AS_IT_WAS = "Shown as it was before"


def stale_sentence(chat: str, left_out: Mapping[str, str], what: str = NOT_COMPARED) -> str | None:
    """Say of which runs it is `what`, why, and what brings them up to date; null where of none."""
    if not left_out:
        return None
    why: dict[str, list[str]] = {}
    for config, reason in sorted(left_out.items()):
        why.setdefault(reason, []).append(config)
    said = "; ".join(f"{_listed(configs)} ({reason})" for reason, configs in why.items())
    again = [config for config, reason in sorted(left_out.items()) if reason != NO_CONFIG]
    options = "".join(f" -c {config}" for config in again)
    fix = f" To bring them up to date: moderation run {chat}{options}." if again else ""
    return f"{what}: {said}.{fix}"


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
