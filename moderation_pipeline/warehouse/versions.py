"""Versions of what shapes a result: of a chat's comments by their content, of code by its source.

They are what `data_version` and Dagster's `code_version` say; a config's own is `NamedConfig.config_hash`.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

import polars as pl

from moderation_pipeline.warehouse.tables import LABELS

PACKAGE = "moderation_pipeline"
SHAPING = (".py", ".md", ".yaml", ".txt", ".j2")
"""Endings of files whose text shapes results: code, prompts, questions, lexicon, templates."""

ROWS_AT_A_TIME = 100_000


def comments_version(comments: pl.DataFrame) -> str:
    """Return sixteen hex digits of everything the comments say, in order.

    Hashed as text, not as Parquet or by Polars, whose bytes and hashes change between their releases: an
    upgrade must not make paid runs look as if they were of other comments.
    """
    digest = hashlib.blake2b("\x1f".join(comments.columns).encode(), digest_size=8)
    as_text = [pl.col(name).cast(pl.String).fill_null("\x00") for name in comments.columns]
    for rows in comments.iter_slices(ROWS_AT_A_TIME):
        lines = rows.select(line=pl.concat_str(as_text, separator="\x1f"))["line"]
        digest.update(lines.str.join("\x1e")[0].encode())
    return digest.hexdigest()


def labels_version(comments: pl.DataFrame) -> str:
    """Return sixteen hex digits of what the labels say of which comment."""
    return comments_version(comments.select("comment_id", *LABELS))


@cache
def source_version(*parts: str) -> str:
    """Return eight hex digits of the source of parts of the package: `"memory"`, `"config.py"`.

    Read, not imported: that would load scikit-learn to find out whether it is needed.
    """
    digest = hashlib.blake2b(digest_size=4)
    root = resources.files(PACKAGE)
    for part in sorted(parts):
        for name, content in _sources(part, root / part):
            digest.update(name.encode() + b"\x1f" + content)
    return digest.hexdigest()


def _sources(name: str, place: Traversable) -> list[tuple[str, bytes]]:
    if place.is_file():
        return [(name, place.read_bytes())] if name.endswith(SHAPING) else []
    inside = sorted(place.iterdir(), key=lambda each: each.name)
    return [source for each in inside for source in _sources(f"{name}/{each.name}", each)]
