"""All disagreements beside the report: found, opened, called right or wrong, saved; hostile text does nothing."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import polars as pl
import pytest
from playwright.sync_api import Browser, Page, expect

from moderation_pipeline.report.disagreement_pages.case_pages import A_PAGE, MOST, as_data, case_pages
from moderation_pipeline.report.report_parts import CasesShown, cases
from moderation_pipeline_tests.evaluation.hostile import HOSTILE
from moderation_pipeline_tests.evaluation.worlds import comments, run
from moderation_pipeline_tests.report.test_page import literal, visited

LINES = A_PAGE + 20


def found(texts: list[str]) -> CasesShown:
    """Cases in which the Student bans and the Expert lets be, the first one hateful, all others spam."""
    chat = comments(
        [
            {"text": text, "normalised": str(i), "label_is_violation": i % 2 == 0, "user_name": f"user{i}"}
            for i, text in enumerate(texts)
        ]
    )
    plans: list[str | None] = ["ban hate", *["ban spam"] * (len(texts) - 1)]
    hybrid = run("hybrid", chat, student=plans, audits=dict.fromkeys(range(chat.height), "allow none"))
    return cases(chat, hybrid, None, MOST)


def written(folder: Path, shown: CasesShown) -> Path:
    for name, page in case_pages("demo", "hybrid", *shown):
        (folder / name).write_text(page, "utf-8")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = [f"line {i} about painting" for i in range(LINES)]
    return written(tmp_path_factory.mktemp("pages"), found(texts))


@pytest.fixture
def page(browser: Browser) -> Page:
    return browser.new_context(accept_downloads=True).new_page()


def test_every_disagreement_is_on_a_page_and_the_pages_are_linked(folder: Path, page: Page) -> None:
    page.goto((folder / "page-1.html").as_uri())
    assert page.locator("details.case").count() == A_PAGE
    page.click("a[rel=next]")
    assert page.locator("details.case").count() == LINES - A_PAGE
    assert page.locator("a[rel=next]").count() == 0


def test_the_search_goes_over_all_of_them_by_words_and_choices_and_opens_one(
    folder: Path, page: Page
) -> None:
    page.goto((folder / "search.html").as_uri())
    assert page.inner_text("#found") == f"{LINES} of {LINES}"
    page.fill("#words", "LINE painting user117")
    assert page.inner_text("#found") == f"1 of {LINES}"
    page.click("#results a")
    assert page.locator("details.case[open] .said").inner_text() == "line 117 about painting"
    page.go_back()
    page.fill("#words", "")
    page.select_option("#about", "of-hate")
    assert page.locator("#results li").count() == 1


def test_what_is_called_right_or_wrong_is_kept_and_saved_as_labels(folder: Path, page: Page) -> None:
    page.goto(f"{(folder / 'page-1.html').as_uri()}#case-1")
    card = page.locator("#case-1")
    card.locator("button[data-says=wrong]").click()
    page.locator("#case-2 > summary").click()
    page.locator("#case-2 button[data-says=right]").click()
    page.reload()
    expect(page.locator("#counted")).to_have_text("2 were said so far.", timeout=0)
    assert card.locator("button[data-says=wrong]").get_attribute("aria-pressed") == "true"
    with page.expect_download() as download:
        page.click("#export")
    lines = [json.loads(line) for line in Path(download.value.path()).read_text("utf-8").splitlines()]
    assert download.value.suggested_filename == "demo.reviews.jsonl"
    # Under hybrid the audit's plan stands: nothing was done, so wrong means that it is a violation.
    assert [(each["was_right"], each["label_is_violation"]) for each in lines] == [
        (False, True),
        (True, False),
    ]
    assert pl.DataFrame(lines)["text"].str.starts_with("line").all()
    card.locator("button[data-says=wrong]").click()
    assert page.inner_text("#counted") == "1 was said so far.", "said twice is taken back"


def test_what_is_said_on_two_pages_that_are_open_at_once_is_all_kept(folder: Path, page: Page) -> None:
    beside = page.context.new_page()
    for each in (page, beside):
        each.goto((folder / "page-1.html").as_uri())
    for case, each in enumerate((page, beside), start=1):
        each.locator(f"#case-{case} > summary").click()
        each.locator(f"#case-{case} button[data-says=right]").click()
    for each in (page, beside):
        expect(each.locator("#counted")).to_have_text("2 were said so far.", timeout=0)
    beside.close()


def test_hostile_text_is_shown_literally_and_does_nothing(browser: Browser, tmp_path: Path) -> None:
    shown = written(tmp_path, found(list(HOSTILE)))
    for name in ("page-1.html", "search.html"):
        page = browser.new_page()
        assert visited(page, (shown / name).as_uri()) == []
        texts = " ".join(page.inner_text("main").replace("⟨", "").replace("⟩", "").split())
        assert [text for text in HOSTILE if literal(text) not in texts] == []
        assert page.locator("main img, main script, main iframe, main svg").count() == 0
        page.close()


def test_the_pages_allow_one_script_each_and_no_address(folder: Path) -> None:
    for path in folder.glob("*.html"):
        policy = path.read_text("utf-8").partition('Content-Security-Policy" content="')[2].partition('"')[0]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert policy.count("sha256-") == 2
        assert "http" not in policy


def test_data_can_not_end_the_element_that_it_stands_in() -> None:
    written = str(as_data({"text": "</script><!--&\u2028"}))
    assert not set("<>&\u2028") & set(written)
    assert json.loads(written) == {"text": "</script><!--&\u2028"}


def test_of_more_than_there_are_pages_of_it_is_said_how_many_there_are() -> None:
    shown = found(["one line", "another line"])
    (_, search), *_ = case_pages("demo", "hybrid", shown.cases, 12_000)
    assert "12,000 disagreements" in search
    assert "the 2 costliest" in search


def test_as_many_as_there_are_pages_of_keep_below_three_megabytes_a_page() -> None:
    (case,) = found(["Ж" * 500]).cases
    # The page of the search and the first of cases, as all the others are: of equal ones, as many on each.
    pages = list(islice(case_pages("demo", "hybrid", [case] * MOST, MOST), 2))
    assert [name for name, _ in pages] == ["search.html", "page-1.html"]
    assert max(len(html.encode()) for _, html in pages) < 3_000_000
