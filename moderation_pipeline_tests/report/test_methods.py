"""How a report's numbers were computed: what it cites has an entry, and of which data they are stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from moderation_pipeline.contest.table_evaluation import evaluate
from moderation_pipeline.evaluation.config_comparison import compare
from moderation_pipeline.evaluation.scored.score_evaluation import Facts
from moderation_pipeline.report.scored_tables.score_methods import score_methods
from moderation_pipeline.report.scored_tables.score_page import score_page
from moderation_pipeline.report.words.methods import Methods, methods
from moderation_pipeline.report.words.number_queries import Shown
from moderation_pipeline.report.words.references import bibtex
from moderation_pipeline_tests.contest.labelled_tables import labelled_table
from moderation_pipeline_tests.evaluation.worlds import drawn_chat, drawn_runs

PAPER = re.compile(r"@(?:article|book)\{[a-z]+(\d{4})\w*,.*?author\s*=\s*\{(\w+),", re.DOTALL)


def of_a_chat() -> Methods:
    chat = drawn_chat(1)
    runs = drawn_runs(1, chat)
    shown = Shown("night_shift", "hybrid", "hybrid", None, has_certificates=False)
    found = methods(chat, runs, compare(chat="night_shift", comments=chat, runs=runs), shown)
    assert found is not None
    return found


def of_a_table(name: str = "table.csv") -> Facts:
    return Facts(name, rows=10, violations=2, clusters=3, has_users=True, label_source="human", data="ab12")


@pytest.mark.parametrize("made", [of_a_chat, lambda: score_methods(of_a_table())], ids=["chat", "table"])
def test_every_paper_that_has_an_entry_is_named_in_the_paragraph(made: object) -> None:
    found = made()  # type: ignore[operator]
    papers = PAPER.findall(found.bibtex)
    assert papers
    for year, author in papers:
        assert re.search(rf"{author}.{{0,40}}{year}", found.paragraph), (author, year)


def test_a_chat_says_of_which_comments_and_configs_its_numbers_are() -> None:
    found = of_a_chat()
    assert "exact binomial bounds (Clopper and Pearson 1934)" in found.paragraph
    assert "1,000 resamples by NumPy's generator, seeded with BLAKE2b of the chat's name" in found.paragraph
    assert "a basic bootstrap's of audits (400 resamples" in found.paragraph
    assert "night\\_shift" in found.bibtex
    assert "student\\_only" in found.bibtex


def test_what_a_table_is_called_breaks_no_entry() -> None:
    entry = bibtex("50 % of a_b & {c}#1 \\ ~^$", "data ab12", ())
    assert r"50 \% of a\_b \& \{c\}\#1 \textbackslash{} \textasciitilde{}\textasciicircum{}\$" in entry


def test_the_page_of_a_table_says_of_which_file_it_is_and_in_which_frame_each_number_stands(
    tmp_path: Path,
) -> None:
    path = tmp_path / "table.csv"
    labelled_table().write_csv(path)
    found = evaluate(path, text="comment", label="toxic", score={"good": "good"}, configs=())
    page = score_page(found)
    assert found.facts.data is not None
    assert len(found.facts.data) == 64
    assert page.count(f"data {found.facts.data}") == 2, "in the entry, and at the foot"
    frames = {name for _, names in score_methods(found.facts).frames for name in names.split(", ")}
    assert frames == set(dict(found.frames()))
