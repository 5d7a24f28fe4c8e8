"""Every page that the project writes, under axe-core's rules: light and dark, a phone's width and a desk's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from moderation_pipeline.contest.table_evaluation import evaluate
from moderation_pipeline.report.scored_tables.score_page import score_page
from moderation_pipeline_tests.contest.labelled_tables import labelled_table
from moderation_pipeline_tests.evaluation.worlds import drawn_chat, drawn_runs
from moderation_pipeline_tests.report.test_page import report

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core comes with the extra dev")


@pytest.fixture(scope="module")
def pages() -> Mapping[str, str]:
    """A report with its figures, the pages of its disagreements, and that of an evaluated table."""
    chat = drawn_chat(1, size=150)
    drawn = report(chat, drawn_runs(1, chat), figures=True)
    # Without the keyless configs: their loop can't run beside that of a browser.
    scored = evaluate(
        labelled_table(), text="comment", label="toxic", score={"good": "good", "poor": "poor"}, configs=()
    )
    return {"report.html": drawn.html, "table.html": score_page(scored), **drawn.beside}


# A scheme changes colours and a width what stands where: neither breaks a rule only beside the other.
@pytest.mark.parametrize(("scheme", "width"), [("light", 400), ("dark", 1_400)])
@pytest.mark.parametrize("name", ["report.html", "table.html", "search.html", "page-1.html"])
def test_axe_finds_no_violation(
    browser: Browser, tmp_path: Path, pages: Mapping[str, str], name: str, scheme: str, width: int
) -> None:
    path = tmp_path / name
    path.write_text(pages[name], "utf-8")
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    found = axe.Axe().run(page)
    page.close()
    assert found.violations_count == 0, found.generate_report()


def test_on_paper_a_wide_table_has_no_shade_of_scrolling_on_it(
    browser: Browser, pages: Mapping[str, str]
) -> None:
    """A printer drew the shade that says "there is more" as a black line through the last column."""
    page = browser.new_page()
    try:
        page.set_content(pages["report.html"])
        page.emulate_media(media="print")
        shades = page.eval_on_selector_all(
            ".wide", "all => all.map(each => getComputedStyle(each).backgroundImage)"
        )
        assert shades
        assert set(shades) == {"none"}
    finally:
        page.close()
