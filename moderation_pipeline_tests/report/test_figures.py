from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
import pytest
from playwright.sync_api import Browser

from moderation_pipeline.evaluation.config_comparison import compare
from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline.report import charts, series
from moderation_pipeline.report.chart_style import Marks, Titled, end_labels, percent_ticks
from moderation_pipeline.report.figure import Figure
from moderation_pipeline.report.figure_files import load_figures, save_figures
from moderation_pipeline.report.figures import draw_figures
from moderation_pipeline.report.label_words.label_voice import OF_ACTS, OF_TRUTH, LabelVoice
from moderation_pipeline.report.quantities import of_thousand
from moderation_pipeline.report.rendering import render
from moderation_pipeline_tests.evaluation.worlds import REPLY, comments, drawn_chat, drawn_runs, run

NAMES = [
    "cost_comparison",
    "agreement_over_time",
    "memory_growth",
    "cumulative_cost",
    "action_distribution",
    "confusion",
    "learning_curve",
]


def drawn(chat: pl.DataFrame, runs: list[Run]) -> dict[str, Figure]:
    table = compare(chat="demo", comments=chat, runs=runs)
    return {figure.name: figure for figure in draw_figures(comments=chat, runs=runs, comparison=table)}


@pytest.fixture(scope="module")
def figures() -> dict[str, Figure]:
    chat = drawn_chat(1)
    return drawn(chat, drawn_runs(1, chat))


def test_a_labelled_chat_has_seven_figures_each_a_png_an_svg_and_a_valid_chart(
    figures: dict[str, Figure],
) -> None:
    assert list(figures) == NAMES
    for figure in figures.values():
        assert figure.png is not None
        assert figure.png.startswith(b"\x89PNG")
        assert figure.svg is not None
        assert figure.svg.startswith("<svg")
        assert figure.spec is not None
        alt.Chart.from_json(figure.spec, validate=True)


@pytest.mark.parametrize("name", ["memory_growth", "agreement_over_time", "cumulative_cost"])
def test_configs_are_told_apart_by_dash_and_shape_and_name_not_by_colour_alone(
    figures: dict[str, Figure], name: str
) -> None:
    spec = str(figures[name].spec)
    assert '"strokeDash"' in spec
    assert '"shape"' in spec
    assert "hybrid" in str(figures[name].svg)


def test_every_axis_with_numbers_says_what_it_counts(figures: dict[str, Figure]) -> None:
    for figure in figures.values():
        for x in _channels(json.loads(str(figure.spec)), ("x", "y")):
            assert x.get("type") != "quantitative" or x.get("field") == "label_at" or x.get("title")


def _channels(node: object, names: tuple[str, ...]) -> list[dict[str, object]]:
    if isinstance(node, list):
        return [found for child in node for found in _channels(child, names)]
    if not isinstance(node, dict):
        return []
    own = [node["encoding"][name] for name in names if name in node.get("encoding", {})]
    return own + [found for child in node.values() for found in _channels(child, names)]


def test_without_labels_the_confusion_is_a_sentence_and_no_empty_chart() -> None:
    chat = drawn_chat(1, labels=False)
    confusion = drawn(chat, drawn_runs(1, chat))["confusion"]
    assert (confusion.spec, confusion.png) == (None, None)
    assert confusion.headline == "This chat has no labels, so nobody can say which verdicts were wrong."


def test_a_lone_student_without_labels_has_sentences_where_there_is_nothing_to_draw() -> None:
    chat = comments([{}] * 20)
    figures = drawn(chat, [run("student_only", chat, student=["allow none"] * 20)])
    assert figures["memory_growth"].headline == "None of these configs has a memory, so none grew."
    assert figures["agreement_over_time"].headline.startswith("There is no Expert's plan")
    assert figures["cost_comparison"].headline.startswith(
        "What each config costs; how good it is can't be said"
    )
    assert figures["action_distribution"].png is not None


def test_a_memory_that_never_grew_says_that_nobody_disagreed() -> None:
    chat = comments([{}] * 20)
    runs = [run("hybrid", chat, student=["allow none"] * 20, audits={3: "allow none"})]
    headline = drawn(chat, runs)["memory_growth"].headline
    assert headline == "Nothing was learnt: in 1 audit the Expert never disagreed with the Student."


def test_dollars_are_drawn_where_any_were_spent_and_audits_where_none_were() -> None:
    chat = comments([{}] * 20)
    plans = ["allow none"] * 20
    paid = {**REPLY, "list_cost_usd": 0.002, "cost_usd": 0.0}
    free = drawn(chat, [run("hybrid", chat, student=plans, audits={3: "allow none"})])
    dear = drawn(chat, [run("hybrid", chat, student=plans, student_reply=paid)])
    priceless = run("openai", chat, student=plans, student_reply={**REPLY, "list_cost_usd": None})
    unknown = drawn(chat, [priceless])
    mixed = drawn(chat, [run("hybrid", chat, student=plans, audits={3: "allow none"}), priceless])
    assert free["cumulative_cost"].headline == "No run cost money; hybrid asked the Expert 1 time"
    assert dear["cumulative_cost"].headline == "The whole chat costs $0.04 under hybrid"
    assert unknown["cumulative_cost"].headline.startswith("What these runs cost is unknown")
    assert mixed["cumulative_cost"].headline.startswith(
        "What openai costs is unknown, and no other run cost money; hybrid"
    )
    assert "free of charge" not in "".join(figure.how for figure in mixed.values())


def test_an_empty_chat_is_all_sentences() -> None:
    chat = comments([])
    figures = drawn(chat, [run("hybrid", chat, student=[])])
    assert [name for name, figure in figures.items() if figure.png] == []


def test_no_run_at_all_is_one_sentence() -> None:
    chat = comments([{}])
    assert [figure.headline for figure in drawn(chat, []).values()] == ["There is no run to compare."]


def test_labels_at_line_ends_never_overlap_and_stay_on_the_chart() -> None:
    ends = pl.DataFrame({"config": list("abcd"), "value": [1.0, 0.99, 0.99, 0.2]})
    places = end_labels(ends, "value", 0.0, 1.0)["label_at"].sort().to_list()
    assert all(after - before >= 0.05 for before, after in pairwise(places))
    assert max(places) <= 1.0


def test_figures_come_back_from_their_files_as_they_were_saved(
    figures: dict[str, Figure], tmp_path: Path
) -> None:
    words = Figure("confusion", "Confusion", "There are no labels.", "")
    first = save_figures(list(figures.values()), tmp_path, chat="demo", cache=tmp_path / "cache")
    assert len(first) == 3 * len(figures) + 2  # the list, and the library that all pages share
    assert sum(path.stat().st_size for path in first if path.suffix == ".html") < 1_000_000
    kept = [figures["memory_growth"], words]
    save_figures(kept, tmp_path, chat="demo", cache=tmp_path / "cache")
    assert load_figures(tmp_path) == kept
    assert not (tmp_path / "confusion.png").exists()
    assert load_figures(tmp_path / "elsewhere") == []


def test_interactive_pages_draw_without_a_network(
    browser: Browser, figures: dict[str, Figure], tmp_path: Path
) -> None:
    save_figures(list(figures.values()), tmp_path, chat="demo", cache=tmp_path / "cache")
    context = browser.new_context(offline=True)
    page = context.new_page()
    problems: list[str] = []
    asked: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    for name in NAMES:
        page.goto((tmp_path / f"{name}.html").as_uri())
        page.wait_for_selector("#chart svg text")
        assert page.locator("#chart svg").count() >= 1
    context.close()
    assert problems == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def test_no_letter_of_a_figure_is_cut_off_in_a_readers_font(
    browser: Browser, figures: dict[str, Figure]
) -> None:
    """The fonts are the reader's: here one of the widest that browsers fall back to, beside the browser's own."""
    drawings = {name: str(figure.svg) for name, figure in figures.items()}
    drawings |= {
        "confusion by acts": render(confusion_by(OF_ACTS)).svg,
        "to the end": render(learning_to_the_end()).svg,
    }
    page = browser.new_page(viewport={"width": 1_400, "height": 900})
    for font in ("Helvetica, Arial, sans-serif", "DejaVu Sans, Verdana"):
        for name, drawing in drawings.items():
            svg = drawing.replace("Helvetica, Arial, sans-serif", font)
            page.set_content(f"<!doctype html><body style='margin:0'>{svg}</body>")
            assert page.evaluate(BEYOND) == [], (name, font)
            assert page.evaluate(ON_EACH_OTHER) == [], (name, font)
    page.close()


def confusion_by(voice: LabelVoice) -> dict[str, Any]:
    """A square whose lines are named in a voice."""
    cells = pl.DataFrame(
        {
            "config": ["one"] * 4,
            "label": [True, True, False, False],
            "flagged": [True, False] * 2,
            "comments": [9] * 4,
        }
    )
    return charts.confusion(cells, voice, Titled("t", "h"))


def learning_to_the_end() -> dict[str, Any]:
    """Learning curves of a config that audits every comment."""
    points = pl.DataFrame(
        [("one", who, at, at / 9, 0.1 * at) for who in ("Student", "system") for at in range(10)],
        schema=["config", "who", "position", "audit_share", "f1"],
        orient="row",
    )
    return charts.learning_curve(points, Marks(["one"]), Titled("t", "h"))


BEYOND = """() => {
    const frame = document.querySelector("svg").getBoundingClientRect()
    return [...document.querySelectorAll("svg text")].filter(each => {
        const box = each.getBoundingClientRect()
        return box.width && (box.left < frame.left - 1 || box.right > frame.right + 1
            || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
    }).map(each => each.textContent)
}"""
"""The texts of a drawing that reach out of it."""

ON_EACH_OTHER = """() => {
    const texts = [...document.querySelectorAll("svg text")].filter(each => each.textContent.trim())
    const boxes = texts.map(each => each.getBoundingClientRect())
    const found = []
    boxes.forEach((one, at) => boxes.slice(at + 1).forEach((other, after) => {
        const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left)
        const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top)
        if (wide > 1 && high > 4) found.push([texts[at].textContent, texts[at + 1 + after].textContent])
    }))
    return found
}"""
"""Pairs of texts that lie on each other."""


@pytest.mark.parametrize(
    ("low", "high", "style"),
    [(0.5, 1.0, ".0%"), (0.94, 1.0, ".0%"), (0.968, 1.0, ".1%"), (0.0, 0.011, ".1%"), (0.0, 0.004, ".2%")],
)
def test_no_two_ticks_read_alike(low: float, high: float, style: str) -> None:
    assert percent_ticks(low, high) == style


def test_what_is_not_all_or_not_none_is_drawn_as_neither() -> None:
    """d3 rounds 99.96 % to 100 % and .04 % to 0 %, and so did the labels at the lines' ends."""
    title = Titled("t", "h")
    windows = series.AGREEMENT.to_frame().vstack(
        pl.DataFrame(
            [("one", "audits", 0, 9.0, 9, 9, 0.53), ("one", "audits", 1, 19.0, 9, 9, 0.99996)],
            schema=series.AGREEMENT,
            orient="row",
        )
    )
    cells = pl.DataFrame(
        {
            "config": ["one"] * 4,
            "label": [True, True, False, False],
            "flagged": [True, False, True, False],
            "comments": [9_999, 1, 1, 9_999],
        }
    )
    for chart in (
        charts.agreement_over_time(windows, Marks(["one"]), title),
        charts.action_distribution(shares_of("one"), title),
        charts.confusion(cells, OF_TRUTH, title),
    ):
        drawn_texts = re.findall(r"<text[^>]*>([^<]*)</text>", render(chart).svg)
        shares = [re.sub(r"\s", "", text) for text in drawn_texts if "%" in text]
        assert any("99.9" in each for each in shares)
        # "100%" alone is the axis' own end.
        assert not [each for each in shares if re.search(r"100(\.0+)?%", each) and each != "100%"]
        assert not [each for each in shares if re.search(r"(?<![.\d])0(\.0+)?%", each)]


@pytest.mark.parametrize("configs", [1, 2, 3, 5])
def test_an_axis_stands_under_each_panel_and_under_none_that_is_not_there(configs: int) -> None:
    """Under the place of a fourth panel stood the axis of three."""
    names = [f"config_{i}" for i in range(configs)]
    shares = pl.concat([shares_of(name) for name in names])
    svg = render(charts.action_distribution(shares, Titled("t", "h"))).svg
    assert svg.count(">per 1,000 comments<") == configs
    assert all(f">{name} · " in svg for name in names)


def shares_of(config: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "config": [config] * 2,
            "action": ["allow", "ban"],
            "comments": [2_499, 1],
            "share": [0.9996, 0.0004],
        }
    )


def test_agreement_that_audits_alone_tell_of_is_not_claimed_of_all_comments(
    figures: dict[str, Figure],
) -> None:
    chat = drawn_chat(1)
    runs = drawn_runs(1, chat)
    by_audits = drawn(chat, [each for each in runs if each.name == "hybrid"])["agreement_over_time"]
    assert by_audits.headline.endswith(", going by its audits")
    assert "going by" not in figures["agreement_over_time"].headline


def test_no_chart_writes_a_number_that_it_rounds_itself(figures: dict[str, Figure]) -> None:
    written = [
        (figure.name, channel["format"])
        for figure in figures.values()
        for channel in text_channels(json.loads(figure.spec or "{}"))
        if channel.get("format", ",d") != ",d"  # whole numbers are rounded by nobody
    ]
    assert written == []
    assert not any("format(" in (figure.spec or "") for figure in figures.values())


def test_the_plot_says_of_a_half_what_the_page_says_of_it() -> None:
    chat = drawn_chat(1, size=20)
    runs = drawn_runs(1, chat)[:1]
    half = compare(chat="demo", comments=chat, runs=runs).with_columns(audit_share=pl.lit(0.0485))
    spec = draw_figures(comments=chat, runs=runs, comparison=half)[0].spec or ""
    assert of_thousand(0.0485) == "49"
    assert '"cost": "49"' in spec or '"cost":"49"' in spec


def text_channels(spec: object) -> Iterator[dict[str, str]]:
    """Yield what is encoded as a text or a tooltip anywhere in a chart."""
    if isinstance(spec, list):
        for each in spec:
            yield from text_channels(each)
    elif isinstance(spec, dict):
        for name in ("text", "tooltip"):
            found = spec.get("encoding", {}).get(name, [])
            yield from (
                each for each in (found if isinstance(found, list) else [found]) if isinstance(each, dict)
            )
        for each in spec.values():
            yield from text_channels(each)
