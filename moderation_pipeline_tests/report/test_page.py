from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from html import unescape
from pathlib import Path

import polars as pl
import pytest
from markdown_it import MarkdownIt
from playwright.sync_api import Browser, Dialog, Page

from moderation_pipeline.evaluation.comparable import NO_CONFIG, OLDER_CODE, OTHER_COMMENTS
from moderation_pipeline.evaluation.config_comparison import compare
from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline.report.figures import draw_figures
from moderation_pipeline.report.markup import pieces
from moderation_pipeline.report.page import Report, render_report
from moderation_pipeline.report.report_parts import CATEGORIES, DISAGREEMENTS
from moderation_pipeline.report.templating import read_template
from moderation_pipeline.warehouse.tables import INGESTION, REJECTED_LINES
from moderation_pipeline_tests.evaluation.hostile import HOSTILE
from moderation_pipeline_tests.evaluation.test_foreseen import twin
from moderation_pipeline_tests.evaluation.worlds import Row, comments, drawn_chat, drawn_runs, rows, run


def report(chat: pl.DataFrame, runs: list[Run], *, figures: bool = False) -> Report:
    table = compare(chat="demo", comments=chat, runs=runs)
    return render_report(
        chat="demo",
        comments=chat,
        runs=runs,
        comparison=table,
        figures=draw_figures(comments=chat, runs=runs, comparison=table) if figures else [],
        ingestion=rows(
            INGESTION,
            [
                {
                    "chat": "demo",
                    "file_hash": "f00d" * 8,
                    "format": "irc",
                    "records": 22,
                    "comments": 20,
                    "rejected": 2,
                    "ignored": 0,
                    "moderation_events": 0,
                    "merged": 0,
                }
            ],
        ),
        rejected_lines=rows(
            REJECTED_LINES,
            [{"chat": "demo", "line_number": i, "reason": "no <b>time</b>", "raw": "x"} for i in (3, 4)],
        ),
    )


def hostile_report() -> Report:
    """Every hostile text as a comment, a name, a channel, a reasoning and a description at once."""
    given: list[Row] = [
        {
            "text": text,
            "normalised": f"{i}",
            "user_name": text,
            "channel": text,
            "label_is_violation": i % 2 == 0,
            "label_source": "dataset",
        }
        for i, text in enumerate(HOSTILE)
    ]
    chat = comments(given)
    one = run(
        "hybrid",
        chat,
        student=["ban hate"] * chat.height,
        audits=dict.fromkeys(range(chat.height), "allow none"),
        carried_out=["ban"] * chat.height,
    )
    reasons = pl.Series("reason", list(HOSTILE))
    named = one.config.model_copy(
        update={"config": one.config.config.model_copy(update={"description": HOSTILE[0]})}
    )
    attacked = replace(
        one,
        config=named,
        student_decisions=one.student_decisions.with_columns(reasons.alias("reasoning")),
        expert_audits=one.expert_audits.with_columns(reasons.reverse().alias("reasoning")),
        action_log=one.action_log.with_columns(reasons),
    )
    return report(chat, [attacked])


@pytest.fixture(scope="module")
def made() -> Report:
    """A drawn chat's report with its figures."""
    chat = drawn_chat(1)
    return report(chat, drawn_runs(1, chat), figures=True)


@pytest.fixture(scope="module")
def hostile() -> Report:
    return hostile_report()


def visited(page: Page, address: str) -> list[str]:
    """Whatever a page did that no report may do: dialogs, scripts' words, requests to elsewhere."""
    seen: list[str] = []

    def dismissed(dialog: Dialog) -> None:
        seen.append(f"dialog {dialog.message}")
        dialog.dismiss()

    page.on("dialog", dismissed)
    page.on("console", lambda message: seen.append(message.text))
    page.on("request", lambda request: seen.append(request.url))
    page.goto(address)
    page.wait_for_load_state("networkidle")
    return [each for each in seen if not each.startswith(("file:", "data:"))]


def literal(text: str) -> str:
    return " ".join("".join(piece.text for piece in pieces(text)).split())


def test_hostile_text_is_shown_literally_in_the_html_page(
    browser: Browser, hostile: Report, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    path.write_text(hostile.html, "utf-8")
    page = browser.new_page()
    assert visited(page, path.as_uri()) == []
    shown = " ".join(page.inner_text("main").split())
    cards = {" ".join(said.split()) for said in page.locator(".said").all_inner_texts()}
    assert cards == {literal(text) for text in HOSTILE}
    assert all(literal(text) in shown for text in HOSTILE)
    assert (
        page.locator(
            "main img, main script, main iframe, main svg, main a:not([href^='#'], [href^='disagreements/'])"
        ).count()
        == 0
    )
    page.close()


def test_hostile_text_is_shown_literally_in_the_rendered_markdown(
    browser: Browser, hostile: Report, tmp_path: Path
) -> None:
    body = (
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(hostile.markdown)
    )
    path = tmp_path / "markdown.html"
    path.write_text(f"<!doctype html><meta charset=utf-8><main>{body}</main>", "utf-8")
    page = browser.new_page()
    assert visited(page, path.as_uri()) == []
    shown = " ".join(page.inner_text("main").replace("⟨", "").replace("⟩", "").split())
    assert [text for text in HOSTILE if literal(text) not in shown] == []
    assert (
        page.locator(
            "main img, main script, main iframe, main svg, main a, main h4, main s, main input"
        ).count()
        == 0
    )
    assert page.locator("main table").count() == 2
    assert {
        len(row.locator("td").all()) for row in page.locator("main table:last-of-type tbody tr").all()
    } == {7}
    page.close()


def test_the_page_allows_no_script_and_no_address_but_its_own_style(hostile: Report) -> None:
    policy = re.findall('Content-Security-Policy" content="([^"]+)"', hostile.html)
    assert len(policy) == 1
    assert policy[0].startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "<script" not in hostile.html
    assert not re.search(r'(src|href)="(?!data:|#|disagreements/)', hostile.html)


@pytest.mark.parametrize("width", [360, 1_100])
def test_the_page_fits_its_window_and_shows_every_plot(
    browser: Browser, made: Report, tmp_path: Path, width: int
) -> None:
    path = tmp_path / "report.html"
    path.write_text(made.html, "utf-8")
    page = browser.new_page(viewport={"width": width, "height": 800})
    assert visited(page, path.as_uri()) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    images = page.locator(".figure img")
    assert images.count() == 7
    assert all(image.evaluate("image => image.complete && image.naturalWidth > 0") for image in images.all())
    assert page.evaluate("getComputedStyle(document.querySelector('.verdict')).borderLeftWidth") == "4px"
    page.close()


def test_a_reader_is_told_what_was_run_and_what_to_make_of_it(made: Report) -> None:
    for page in (made.html, made.markdown.replace("\\", "")):
        assert "300 comments by 40 users in 2 channels, written between 2026-03-01 18:00 and" in page
        assert "2 (9.1\u00a0%) of 22 records could not be read" in page
        assert "wrong by the labels" in page.lower()
        assert "student_only would sanction" in page  # whom the verdict recommends
        assert "of them wrongly by the labels (at most" in page
    assert made.html.count('<article class="card">') == 20
    assert 10 < made.html.count('<details class="card case') <= DISAGREEMENTS
    assert "![" in made.markdown
    assert "](plots/cost_comparison.png)" in made.markdown


def test_where_the_expert_alone_is_recommended_it_is_said_whose_the_cases_are() -> None:
    chat = drawn_chat(1)
    right = {i: "ban hate" if label else "allow none" for i, label in enumerate(chat["label_is_violation"])}
    made = report(chat, [*drawn_runs(1, chat)[:3], run("expert_only", chat, audits=right)])
    for page in (made.html, made.markdown.replace("\\", "")):
        assert "judges this chat best" in page
        assert "expert_only asks the Expert about every comment, so that nobody disagrees with it" in page
        assert "cases and users are of hybrid." in page


def opened(browser: Browser, made: Report, tmp_path: Path, width: int = 1_100) -> Page:
    path = tmp_path / "report.html"
    path.write_text(made.html, "utf-8")
    page = browser.new_page(viewport={"width": width, "height": 800})
    assert visited(page, path.as_uri()) == []
    return page


def test_disagreements_are_chosen_without_a_script_and_opened_in_what_stood_around_them(
    browser: Browser, made: Report, tmp_path: Path
) -> None:
    page = opened(browser, made, tmp_path)
    every = page.locator(".case:visible").count()
    page.get_by_label("the Student", exact=True).first.check()
    student = page.locator(".case:visible").count()
    page.locator("#c-expert").check()
    expert = page.locator(".case:visible").count()
    page.locator("#c-same").check()
    assert 0 < student < every
    assert student + expert + page.locator(".case:visible").count() == every
    page.locator("#c-any").check()
    page.locator(".case summary").nth(1).click()
    case = page.locator(".case").nth(1)
    assert "In the channel" in case.inner_text()
    assert case.locator(".lines li:visible").count() >= 3
    page.close()


TERMS = (
    *("config", "Student", "Expert", "audit", "label", "violation", "flagged", "plan", "sanction", "shadow"),
    *(
        "certified",
        "memory",
        "memories",
        "precision",
        "recall",
        "F1",
        "95 % interval",
        "position",
        "random_floor",
    ),
    *("list price", "AUROC", "strike", "level", "learned head", "bootstrap", "Wilson", "under sanction"),
    *("kappa", "calibration", "p-value", "posterior", "logit", "ECE", "quantile", "propensity", "backend"),
)
"""Words of the trade: those that a page uses, and some that it had better not."""


def test_no_word_of_the_trade_stands_on_the_page_without_its_meaning(made: Report) -> None:
    page, _, words = unescape(made.html).replace("\u00a0", " ").partition('<h2 id="words">')
    said = re.sub(
        r"<style>.*?</style>|<pre.*?</pre>|data:[^\"]*|<code>.*?</code>|<[^>]*>", " ", page, flags=re.DOTALL
    )
    explained = " ".join(re.findall(r"<dt>(.*?)</dt>", words)).replace("memory", "memory memories")
    used = {term for term in TERMS if re.search(rf"(?<![\w-]){re.escape(term)}(?![\w-])", said)}
    assert {term for term in used if term.lower() not in explained.lower()} == set()


def test_every_category_can_be_chosen() -> None:
    style = read_template("report.css")
    assert [name for name in CATEGORIES if f"#a-{name}:checked) .case:not(.of-{name})" not in style] == []


def test_a_wide_table_keeps_its_first_column_and_shows_that_it_goes_on(
    browser: Browser, made: Report, tmp_path: Path
) -> None:
    page = opened(browser, made, tmp_path, width=400)
    box, head = page.locator(".wide").first, page.locator(".wide tbody th").first
    assert box.evaluate("box => box.scrollWidth > box.clientWidth")
    before = head.bounding_box()
    box.evaluate("box => { box.scrollLeft = 200 }")
    assert head.bounding_box() == before
    assert "gradient" in box.evaluate("box => getComputedStyle(box).backgroundImage")
    page.close()


def test_a_run_of_other_comments_or_of_other_code_is_named_on_the_page() -> None:
    chat = drawn_chat(1)
    runs = drawn_runs(1, chat)[:1]
    made = render_report(
        chat="demo",
        comments=chat,
        runs=runs,
        comparison=compare(chat="demo", comments=chat, runs=runs),
        figures=[],
        left_out={"hybrid": OTHER_COMMENTS, "gone": NO_CONFIG},
        other_code={runs[0].name: OLDER_CODE},
    )
    for text in (unescape(made.html), made.markdown.replace("\\", "")):
        assert "hybrid (the chat's comments have changed since)" in text
        assert "gone (its config is no longer there)" in text
        assert "moderation run demo -c hybrid" in text
        assert f"not the config's: {runs[0].name} (decided by an older version of this package)" in text
        assert "Perhaps not all was decided by the same code." in text, "a version may be unknown"
        assert "since the chat last changed (2 others ran before and are not shown)" in text


def test_a_config_that_ran_as_its_fallback_is_marked_where_its_numbers_stand() -> None:
    chat = drawn_chat(1)
    made = run("local", chat, student=["allow none"] * chat.height)
    assert "not hf: rules stood in as its Student" in report(chat, [made]).html


def test_the_same_tables_make_the_same_report() -> None:
    chat = drawn_chat(1)
    assert report(chat, drawn_runs(1, chat)) == report(chat, drawn_runs(1, chat))


def test_a_chat_without_anything_still_has_a_report() -> None:
    bare = render_report(
        chat="demo",
        comments=comments([]),
        runs=[],
        comparison=compare(chat="demo", comments=comments([]), runs=[]),
        figures=[],
    )
    assert "The chat has not been moderated under any config yet." in bare.html
    assert "The chat has no comments." in bare.markdown.replace("\\", "")


def test_comments_of_nobody_known_are_no_user() -> None:
    chat = drawn_chat(3, users=20).with_columns(
        user_id=pl.lit(None, pl.String), user_name=pl.lit(None, pl.String)
    )
    nobody = report(chat, drawn_runs(2, chat)).markdown
    assert "300 comments of users whom nobody knows in 2 channels" in nobody
    assert "of nobody known" in nobody.partition("## Users who would be sanctioned")[2].split(chr(10))[2]
    assert "by 1 user" not in nobody
    some = drawn_chat(3, users=20).with_columns(user_id=pl.when(pl.col("position") > 9).then("user_id"))
    assert "(10 of nobody known) in 2 channels" in report(some, drawn_runs(2, some)).markdown


def test_where_labels_are_what_moderators_did_the_report_calls_nobody_innocent_and_nothing_a_violation(
    made: Report,
) -> None:
    chat = drawn_chat(3, users=20).with_columns(
        label_source=pl.when(pl.col("label_is_violation").is_not_null()).then(pl.lit("moderators"))
    )
    shown = report(chat, drawn_runs(2, chat), figures=True)
    for page, other in ((shown.markdown, made.markdown), (shown.html, made.html)):
        assert "comments that the moderators let be" in page
        assert "{wrongly}" not in page + other
        assert "labelled innocent" in other
        before, glossary, after = page.partition(">Words</h2>" if "<h2" in page else "## Words")
        assert glossary
        for word in ("innocent", "violations by the labels", "Wrong by the labels", "against the labels"):
            assert word not in before + after.partition("How it was computed")[2]


def test_a_twin_says_how_well_moderators_are_foreseen_and_what_they_may_have_overlooked() -> None:
    chat = comments(
        [
            {"label_is_violation": i % 5 == 0, "text": f"<i>{i}</i>", "normalised": f"{i % 40}"}
            for i in range(200)
        ]
    )
    made = report(chat, [twin(chat, [0.8 if i % 5 == 0 else i / 1000 for i in range(200)])])
    for page in (made.html, made.markdown.replace("\\", "")):
        assert "40 lines acted on among 200" in page
        assert "they acted on 100.0\u00a0% of its copies" in page
        assert "19.9\u00a0%" in page
    assert "<i>" not in made.html
    assert made.html.count("1.000 [1.000, 1.000]") == 2


def test_an_overlooked_line_that_was_said_twice_was_said_once_more() -> None:
    chat = comments([{"label_is_violation": i % 5 == 0, "normalised": f"{i % 100}"} for i in range(200)])
    made = report(chat, [twin(chat, [0.8 if i % 5 == 0 else i / 1000 for i in range(200)])])
    for page in (made.html, made.markdown):
        assert "· and once more ·" in page
        assert "1 more times" not in page


def test_a_chat_without_times_or_users_names_positions_instead() -> None:
    chat = comments([{"sent_at": None, "user_id": None, "user_name": None}] * 3)
    made = report(chat, [run("hybrid", chat, student=["ban hate"] * 3, audits={0: "allow none"})])
    assert "unknown user in arena, comment 1" in made.html
    assert "3 (100.0\u00a0%) of the comments have no time" in made.html


def test_a_user_who_has_no_name_is_called_by_his_id() -> None:
    chat = comments([{"sent_at": None, "user_id": "u-77", "user_name": None}] * 3)
    made = report(chat, [run("hybrid", chat, student=["ban hate"] * 3, audits={0: "allow none"})])
    assert "u-77 in arena, comment 1" in made.html
    assert "unknown user" not in made.html


def test_dates_are_those_of_the_chat_and_never_today(made: Report) -> None:
    assert f"{datetime.now():%Y-%m-%d}" not in made.html
