from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.certificates.certified_basis import DECIDING
from moderation_pipeline.warehouse.tables import COMMENTS
from moderation_pipeline.warehouse.versions import (
    PACKAGE,
    comments_version,
    is_data,
    named_by,
    source_version,
)
from moderation_pipeline_tests.warehouse.rows import rows_of

TWO = rows_of(
    COMMENTS,
    {"chat": "arena", "comment_id": "c1", "text": "hi", "position": 0},
    {"chat": "arena", "comment_id": "c2", "text": "ho", "position": 1},
)


def test_the_same_comments_have_the_same_version() -> None:
    assert comments_version(TWO) == comments_version(TWO.clone())
    assert len(comments_version(TWO)) == 16


def test_the_version_is_of_the_content_and_not_of_how_polars_holds_it() -> None:
    """A version that came out otherwise would call every run that was ever paid for one of other comments."""
    assert comments_version(TWO) == comments_version(pl.concat([TWO.head(1), TWO.tail(1)], rechunk=False))
    assert comments_version(TWO.select("comment_id", "text", "position")) == "cc873452905bb612"


@pytest.mark.parametrize(
    "other",
    [
        TWO.with_columns(text=pl.lit("hi")),
        TWO.with_columns(label_is_violation=pl.lit(value=False)),
        TWO.reverse(),
        TWO.head(1),
        TWO.head(0),
        TWO.rename({"text": "words"}),
    ],
    ids=["text", "label", "order", "fewer", "none", "column"],
)
def test_any_difference_is_another_version(other: pl.DataFrame) -> None:
    assert comments_version(other) != comments_version(TWO)


@given(st.lists(st.text(), min_size=1, max_size=4), st.lists(st.text(), min_size=1, max_size=4))
def test_other_texts_are_another_version(one: list[str], other: list[str]) -> None:
    same = comments_version(pl.DataFrame({"text": one})) == comments_version(pl.DataFrame({"text": other}))
    assert same == (one == other)


def package_of(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


SOURCES = {
    "stage.py": (
        "from moderation_pipeline.room.judge import (\n    judge,\n)\n"
        "from moderation_pipeline.room import words\n"
    ),
    "room/__init__.py": "",
    "room/judge.py": "def judge() -> int:\n    from moderation_pipeline.ground import late\n    return late\n",
    "room/words.py": (
        'WORDS = files("moderation_pipeline.room") / "words.yaml"\n'
        'ALL = files("moderation_pipeline.room") / "data"\n'
    ),
    "room/words.yaml": "words: []",
    "room/data/deep/prompt.md": "Be kind.",
    "ground.py": "late = 1",
    "elsewhere.py": "a = 1",
    "defaults/configs/mine.yaml": "seed: 1",
}


@pytest.mark.parametrize(
    "changed",
    [
        "stage.py",
        "room/judge.py",
        "room/words.py",
        "ground.py",
        "room/words.yaml",
        "room/data/deep/prompt.md",
    ],
)
def test_the_version_of_code_changes_with_whatever_it_imports_and_reads(tmp_path: Path, changed: str) -> None:
    before = source_version("moderation_pipeline.stage", package=package_of(tmp_path / "a", SOURCES))
    after = package_of(tmp_path / "b", SOURCES | {changed: SOURCES[changed] + "# changed"})
    assert source_version("stage", package=after) != before


def test_the_version_of_code_stays_where_only_others_change(tmp_path: Path) -> None:
    before = source_version("stage", package=package_of(tmp_path / "a", SOURCES))
    others = {"elsewhere.py": "a = 2", "defaults/configs/mine.yaml": "seed: 2", "room/notes.txt": "new"}
    assert source_version("stage", package=package_of(tmp_path / "b", SOURCES | others)) == before


MODULES = sorted(PACKAGE.rglob("*.py"))


def test_the_imports_that_a_version_follows_are_those_of_the_syntax_tree() -> None:
    for path in MODULES:
        source = path.read_text("utf-8")
        followed = {each for each in named_by(source, PACKAGE) if each.suffix == ".py"}
        assert {each for each in followed if each.stem != "__init__"} == imported_by(source), path


def imported_by(source: str) -> set[Path]:
    """Return the modules of ours that the syntax tree of a source imports, or names for a table of classes."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith("moderation_pipeline") for alias in node.names)
        if isinstance(node, ast.Constant) and re.fullmatch(r"moderation_pipeline[\w.]+:\w+", str(node.value)):
            found.add(PACKAGE.joinpath(*str(node.value).partition(":")[0].split(".")[1:]).with_suffix(".py"))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("moderation_pipeline"):
            place = PACKAGE.joinpath(*str(node.module).split(".")[1:])
            both = [place, *(place / alias.name for alias in node.names)]
            found |= {each.with_suffix(".py") for each in both if each.with_suffix(".py").is_file()}
    return found


def test_every_data_file_of_the_package_is_named_by_its_reader() -> None:
    """Else its change would change no version."""
    named = {each for path in MODULES for each in named_by(path.read_text("utf-8"), PACKAGE)}
    data = {each for each in PACKAGE.rglob("*") if is_data(each)}
    shapes_nothing = {PACKAGE / "py.typed", PACKAGE / "embedders/minilm/LICENSE.txt"}
    for_people = set((PACKAGE / "defaults" / "rules").iterdir())
    assert data - named == shapes_nothing | for_people


def changed_package(tmp_path: Path, name: str, *, old: str = "", new: str) -> Path:
    """Return a copy of the package in which one file says something else."""
    copy = tmp_path / "changed"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    source = (copy / name).read_text("utf-8")
    assert old in source
    (copy / name).write_text(source.replace(old, new, 1) if old else source + new)
    return copy


def test_a_new_word_makes_stored_comments_stale_and_voids_certificates(tmp_path: Path) -> None:
    """The normal form of a comment hangs on the words, and so does what the rules decide."""
    changed = changed_package(tmp_path, "defaults/lexicon.yaml", new="# one more word\n")
    assert source_version("comments.ingest", package=changed) != source_version("comments.ingest")
    assert source_version(DECIDING, package=changed) != source_version(DECIDING)


@pytest.mark.parametrize(
    "name", ["report/conclusion.py", "report/templates/report.html.j2", "report/quantities.py"]
)
def test_another_wording_of_the_report_does_neither(tmp_path: Path, name: str) -> None:
    changed = changed_package(tmp_path, name, new="\n")
    assert source_version("comments.ingest", package=changed) == source_version("comments.ingest")
    assert source_version(DECIDING, package=changed) == source_version(DECIDING)
    assert source_version("defs.report", package=changed) != source_version("defs.report")
