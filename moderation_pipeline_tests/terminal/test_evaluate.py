"""`moderation evaluate` as it is typed: a table, a page, frames, JSON; the data folder is left alone."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from moderation_pipeline.terminal.exit_codes import ExitCode
from moderation_pipeline_tests.contest.labelled_tables import annotated_table, labelled_table
from moderation_pipeline_tests.test_cli import Moderation, moderation

__all__ = ["moderation"]

ASKED = ("--text", "comment", "--label", "toxic", "--score", "ours=good", "--score", "theirs=poor")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    labelled_table(200).write_csv(path)
    return path


def test_it_ends_with_a_table_an_answer_and_a_page(moderation: Moderation, table: Path) -> None:
    done = moderation("evaluate", str(table), *ASKED, "--user", "author", "--category", "kind")
    assert done.code == ExitCode.OK
    assert [name for name in ("ours", "theirs", "rules", "careful_rules") if name not in done.stdout] == []
    assert "highest F1" in done.stdout
    assert "Report: table.evaluation.html" in done.stderr
    assert "<h2" in (table.parent / "table.evaluation.html").read_text("utf-8")
    assert not (table.parent / "data").exists()


def test_json_holds_every_frame_and_csv_writes_them(moderation: Moderation, table: Path) -> None:
    done = moderation("evaluate", str(table), *ASKED, "--no-configs", "--json", "--csv", "frames")
    found = json.loads(done.stdout)
    assert {row["judge"] for row in found["judges"]} == {"ours", "theirs"}
    assert found["facts"]["rows"] == 200
    written = pl.read_csv(table.parent / "frames" / "differences.csv")
    assert written.height == len(found["differences"])


def test_several_annotators_are_named_with_commas(moderation: Moderation, tmp_path: Path) -> None:
    annotated_table().write_ndjson(tmp_path / "rated.jsonl")
    asked = ("--text", "text", "--label", "rater_1,rater_2,rater_3", "--score", "p", "--no-configs")
    done = moderation("evaluate", str(tmp_path / "rated.jsonl"), *asked)
    assert "Krippendorff's alpha" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--text", "coment", "--label", "toxic", "--score", "good"),
            "no column 'coment'. Did you mean 'comment'?",
        ),
        (("--text", "comment", "--label", "kind", "--score", "good"), "--label 'kind="),
        (("--text", "comment", "--label", "toxic", "--no-configs"), "nobody to judge"),
    ],
)
def test_a_mistake_is_said_in_a_sentence(
    moderation: Moderation, table: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = moderation("evaluate", str(table), *arguments)
    assert done.code == ExitCode.USAGE
    assert said in done.stderr


def test_what_is_no_file_or_no_table_is_said(moderation: Moderation, tmp_path: Path) -> None:
    assert "does not exist" in moderation("evaluate", "nowhere.csv", *ASKED).stderr
    assert "is a folder" in moderation("evaluate", str(tmp_path), *ASKED).stderr


def test_nothing_in_a_table_reaches_the_terminal_as_a_control(moderation: Moderation, tmp_path: Path) -> None:
    evil = "p\x1b[31m\u202e"
    scores = pl.Series(evil, ["0.9", "0.1", "\x1b]0;owned\x07"] * 10)
    labelled_table(30).with_columns(scores).write_parquet(tmp_path / "evil.parquet")
    asked = ("--text", "comment", "--label", "toxic", "--score", f"{evil}={evil}", "--no-configs")
    done = moderation("evaluate", str(tmp_path / "evil.parquet"), *asked)
    assert done.code == ExitCode.OK
    assert not any(bad in done.stdout + done.stderr for bad in ("\x1b", "\x07", "\u202e"))
