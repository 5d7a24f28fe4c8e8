from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moderation_pipeline
from moderation_pipeline.warehouse.tables import COMMENTS
from moderation_pipeline.warehouse.versions import comments_version, source_version
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


def test_the_version_of_code_changes_with_any_source_of_its_rooms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "package"
    (package / "room").mkdir(parents=True)
    monkeypatch.setattr("moderation_pipeline.warehouse.versions.resources.files", lambda _: package)

    def version_after(path: str, content: str) -> str:
        (package / path).write_text(content)
        source_version.cache_clear()
        return source_version("room")

    versions = [
        version_after("room/code.py", "a = 1"),
        version_after("room/code.py", "a = 2"),
        version_after("room/prompt.md", "Be kind."),
        version_after("room/lexicon.yaml", "words: []"),
    ]
    assert len(set(versions)) == 4
    assert version_after("room/notes.pyc", "compiled") == versions[-1]
    assert version_after("elsewhere.py", "a = 3") == versions[-1]
    source_version.cache_clear()


def test_a_version_can_be_of_a_single_file() -> None:
    assert Path(moderation_pipeline.__file__).with_name("config.py").exists()
    assert source_version("config.py") != source_version("slugs.py")
