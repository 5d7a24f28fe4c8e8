"""What a certificate rests on besides the run's rows: the config, and versions of all else that decided.

The loop writes it down as it begins (table `provenance`), so that a certificate is about what decided and not about
what the files say when it is made; whoever reads a certificate later can tell that one of them has changed and it is
void. That the served model changed during the run is `certificates.py`'s to see.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import polars as pl
from pydantic import ValidationError

from moderation_pipeline.config.own_rules import own_rules
from moderation_pipeline.config.run_config import Config, NamedConfig
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.slugs import RunKey
from moderation_pipeline.warehouse.files import partition_path, read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMMENTS, MEMORY_SNAPSHOT, PROVENANCE
from moderation_pipeline.warehouse.versions import labels_version, source_version

DECIDING = "moderation_pipeline.defs.moderation_loop"
"""The asset that decides: the source of all that it imports decides too. Named, for this room imports none of it."""


class Basis(NamedTuple):
    """Versions of what is certified; the names are columns of the tables provenance and certificates.

    The config says who Student and Expert are, so `config_hash` changes with either. `labels_version` is of the
    chat's labels where they are the Expert, `start_version` of the memory and head of the runs that the config
    starts from; both are empty where there is no such thing.
    """

    config_hash: str
    sanctions_version: str
    rules_version: str
    agents_version: str
    labels_version: str
    start_version: str


WHAT_CHANGED = Basis(
    config_hash="its config, Student or Expert",
    sanctions_version="its sanctions",
    rules_version="the channel's rules",
    agents_version="the code, prompts or word lists that decide",
    labels_version="the labels that it is judged by",
    start_version="the run that it started from",
)


def basis_of(named: NamedConfig, folder: DataFolder, chat: str) -> Basis:
    """Return the versions as they are now.

    Raises:
        ModerationError: the sanctions or rules that the config names can't be read.
    """
    config = named.config
    is_judged_by_labels = config.expert != "none" and config.expert.backend == "labels"
    return Basis(
        config_hash=named.config_hash,
        sanctions_version=_version(load_sanctions(config.sanctions, folder).model_dump_json()),
        rules_version=_version(own_rules(config.rules, folder)),
        agents_version=source_version(DECIDING),
        labels_version=labels_version(read_table(folder, COMMENTS, chat)) if is_judged_by_labels else "",
        start_version=_start_version(config, folder),
    )


def changes(certified: Basis, now: Basis) -> list[str]:
    """Return in words what is no longer as it was when the certified run was made."""
    pairs = zip(WHAT_CHANGED, certified, now, strict=True)
    return [what for what, then, today in pairs if then != today]


def changes_since(certificates: pl.DataFrame, named: NamedConfig, folder: DataFolder) -> list[str]:
    """Return in words what a run's stored certificates rest on that is no longer so; nothing without any.

    Raises:
        ModerationError: the sanctions or rules that the config names can't be read.
    """
    if certificates.is_empty():
        return []
    certified = Basis(*certificates.select(Basis._fields).row(0))
    return changes(certified, basis_of(named, folder, str(certificates["chat"][0])))


def prices_version(folder: DataFolder) -> str:
    """Return the version of the data folder's own prices; empty where there are none."""
    path = folder.prices
    return _version(path.read_text("utf-8")) if path.is_file() else ""


def provenance_of(named: NamedConfig, basis: Basis, chat: str, prices: str = "") -> pl.DataFrame:
    """Return the table provenance of a run: what decides it, and the whole config.

    `prices` is the version of what its costs were reckoned by, which no certificate rests on.
    """
    row = {
        "chat": chat,
        "config": named.name,
        **basis._asdict(),
        "prices_version": prices,
        "config_json": named.config.model_dump_json(),
    }
    return pl.DataFrame([row], schema=PROVENANCE.schema)


class UnreadableProvenanceError(ModerationError):
    """A run whose config, as it was then, is no config of this version."""

    def __init__(self, run: RunKey) -> None:
        super().__init__(
            f"The run {run} was decided by a config that this version can't read, so nothing can be"
            f" certified of it: run it again with 'moderation run {run.chat} --config {run.config}'."
        )


class RunBasis(NamedTuple):
    """What a run was decided by, as it was then."""

    named: NamedConfig
    basis: Basis


def run_basis(provenance: pl.DataFrame, now: NamedConfig) -> RunBasis:
    """Return what a run was decided by, from its table provenance; `now` is the config of that name as it is now.

    Raises:
        UnreadableProvenanceError: another version of the package wrote it, with keys that are none any more.
    """
    chat, name, written = provenance.select("chat", "config", "config_json").row(0)
    try:
        config = Config.model_validate_json(written)
    except ValidationError:
        raise UnreadableProvenanceError(RunKey(chat, name)) from None
    return RunBasis(
        now.model_copy(update={"config": config}), Basis(*provenance.select(Basis._fields).row(0))
    )


def _start_version(config: Config, folder: DataFolder) -> str:
    """Return the version of the memories and heads that a run begins with; empty where it begins with nothing."""
    digest, starts = hashlib.blake2b(digest_size=8), begun_from(config)
    for run in starts:
        head = folder.learned_head(*run)
        paths = (
            partition_path(folder, MEMORY_SNAPSHOT, *run),
            *map(head.with_suffix, (".npz", ".json")),
            *(sorted(head.iterdir()) if head.is_dir() else ()),  # of several learned tiers each keeps its own
        )
        for path in paths:
            digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest() if starts else ""


def begun_from(config: Config) -> list[RunKey]:
    """Return the runs whose memories or heads a run under the config begins with."""
    return [RunKey.parse(start) for start in sorted(set(_starts(config.model_dump(mode="json"))))]


def _starts(part: object) -> Iterator[str]:
    """Yield every run that a part of a config starts from: its memory's, and that of any head among its Students."""
    if isinstance(part, Mapping):
        begun: Any = part.get("start_from")
        yield from [begun] if isinstance(begun, str) else []
        for each in part.values():
            yield from _starts(each)
    elif isinstance(part, list):
        for each in part:
            yield from _starts(each)


def _version(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
