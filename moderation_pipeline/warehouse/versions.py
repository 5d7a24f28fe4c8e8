"""Versions of what shapes a result: of a chat's comments by their content, of code by its source.

They are what `data_version` and Dagster's `code_version` say; a config's own is `NamedConfig.config_hash`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import polars as pl

from moderation_pipeline.warehouse.tables import LABELS

PACKAGE = Path(__file__).parent.parent

HASHED_AS_USED = ("defaults/configs/", "defaults/sanctions/")
"""Data of which a run uses one file, whose own hash is in its provenance: a new one beside it changes no run."""

_IMPORT = re.compile(r"^ *from moderation_pipeline([\w.]*) import (\([^)]*\)|.*)$", re.MULTILINE)
_NAMED = re.compile(r'"moderation_pipeline((?:\.\w+)+):\w+"')
_DATA = re.compile(r'files\(\s*"moderation_pipeline([\w.]*)"\s*\)((?:\s*/\s*"[^"]+")*)')
"""How every import of ours, every class named to be imported late ("module:Class"), and every data file is written; a
test holds imports and data files against the syntax tree."""

ROWS_AT_A_TIME = 100_000


def comments_version(comments: pl.DataFrame) -> str:
    """Return sixteen hex digits of everything the comments say, in order.

    Hashed as text, not as Parquet or by Polars, whose bytes and hashes change between their releases: an
    upgrade must not make paid runs look as if they were of other comments.
    """
    # A chat without scores is what it was before there were any: a column of nulls more would outdate every run.
    names = [name for name in comments.columns if name != "scores" or comments[name].count()]
    digest = hashlib.blake2b("\x1f".join(names).encode(), digest_size=8)
    as_text = [_as_text(name).fill_null("\x00") for name in names]
    for rows in comments.iter_slices(ROWS_AT_A_TIME):
        lines = rows.select(line=pl.concat_str(as_text, separator="\x1f"))["line"]
        digest.update(lines.str.join("\x1e")[0].encode())
    return digest.hexdigest()


def _as_text(name: str) -> pl.Expr:
    if name != "scores":
        return pl.col(name).cast(pl.String)
    said = pl.format(
        "{}={}", pl.element().struct.field("column"), pl.element().struct.field("score").fill_null(-1.0)
    )
    return pl.col(name).list.eval(said).list.join("\x1d")


def labels_version(comments: pl.DataFrame) -> str:
    """Return sixteen hex digits of what the labels say of which comment."""
    return comments_version(comments.select("comment_id", *LABELS))


@cache
def source_version(*modules: str, package: Path = PACKAGE) -> str:
    """Return eight hex digits of the source of modules, and of all that they import, code and data files.

    A module is named within the package (`"comments.ingest"`), or whole (`__name__`). Whatever a data file's reader
    names as `files("moderation_pipeline.room") / "name"` belongs to it, so that nobody keeps a list.

    The sources are read, not imported: that would load scikit-learn to find out whether it is needed. Imports that
    only type checkers see count too: a version that changes too often is a nuisance, one too seldom a wrong table.
    """
    sources: dict[str, bytes] = {}
    waiting = [package.joinpath(*_within(module).split(".")).with_suffix(".py") for module in modules]
    while waiting:
        path = waiting.pop()
        name = path.relative_to(package).as_posix()
        if name not in sources and not name.startswith(HASHED_AS_USED):
            sources[name], named = _read(path, package)
            waiting.extend(named)
    digest = hashlib.blake2b(digest_size=4)
    for name, content in sorted(sources.items()):
        digest.update(name.encode() + b"\x1f" + content + b"\x1e")
    return digest.hexdigest()


@cache
def _read(path: Path, package: Path) -> tuple[bytes, tuple[Path, ...]]:
    """Return what a file holds, and the files that it names: most of them are read by every stage."""
    content = path.read_bytes()
    return content, tuple(named_by(content.decode(), package)) if path.suffix == ".py" else ()


def _within(module: str) -> str:
    return module.removeprefix("moderation_pipeline.")


def named_by(source: str, package: Path = PACKAGE) -> Iterator[Path]:
    """Yield the files of the package that a module imports or reads."""
    for room, names in _IMPORT.findall(source):
        place = package.joinpath(*room.split("."))
        if (module := place.with_suffix(".py")).is_file():
            yield module
            continue
        yield place / "__init__.py"
        for name in re.findall(r"\w+", names):
            if (module := place / f"{name}.py").is_file():
                yield module
    yield from (package.joinpath(*room.split(".")).with_suffix(".py") for room in _NAMED.findall(source))
    for room, parts in _DATA.findall(source):
        named = package.joinpath(*room.split("."), *re.findall(r'"([^"]+)"', parts))
        yield from (each for each in ([named] if named.is_file() else named.rglob("*")) if is_data(each))


def is_data(path: Path) -> bool:
    """Whether a path of the package is a file that some module reads, and no code."""
    return path.is_file() and path.suffix not in (".py", ".pyc")
