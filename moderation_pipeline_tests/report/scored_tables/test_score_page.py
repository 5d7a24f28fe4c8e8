"""The page of an evaluated table: hostile text is shown, never obeyed; what may be claimed depends on who labelled."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import get_args

import polars as pl
import pytest
from playwright.sync_api import Browser

from moderation_pipeline import evaluate
from moderation_pipeline.evaluation.scored.judged_rows import LabelSource
from moderation_pipeline.evaluation.scored.score_evaluation import Evaluation
from moderation_pipeline.report.scored_tables.score_page import score_page
from moderation_pipeline.report.scored_tables.score_sentences import verdict
from moderation_pipeline_tests.contest.labelled_tables import annotated_table, labelled_table
from moderation_pipeline_tests.evaluation.hostile import HOSTILE
from moderation_pipeline_tests.report.test_page import visited


@cache
def evaluated(label_source: LabelSource = "human") -> Evaluation:
    return evaluate(
        labelled_table(300),
        text="comment",
        label="toxic",
        score={"good": "good", "poor": "poor"},
        category="kind",
        group="about",
        label_source=label_source,
        price={"good": 0.4},
        configs=(),
    )


@cache
def page_of(label_source: LabelSource = "human") -> str:
    return score_page(evaluated(label_source))


def test_hostile_texts_categories_and_names_are_shown_and_do_nothing(
    browser: Browser, tmp_path: Path
) -> None:
    size = len(HOSTILE)
    table = pl.DataFrame(
        {
            "text": list(HOSTILE),
            "bad": [i % 2 for i in range(size)],
            "sure": [0.9] * size,
            "mild": [0.1] * size,
            "kind": list(HOSTILE),
        }
    )
    found = evaluate(
        table,
        text="text",
        label="bad",
        score={"<img src=x onerror=alert(1)>": "sure", "mild": "mild"},
        category="kind",
        group="kind",
        configs=(),
    )
    path = tmp_path / "page.html"
    path.write_text(score_page(found), "utf-8")
    page = browser.new_page()
    assert visited(page, path.as_uri()) == []
    assert page.locator("main script, main iframe, main a:not(nav a), main img:not(.figure img)").count() == 0
    assert "<img src=x onerror=alert(1)>" in page.inner_text("main")
    page.close()


@pytest.mark.parametrize("width", [360, 1_100])
def test_the_page_fits_its_window_and_shows_its_charts(browser: Browser, tmp_path: Path, width: int) -> None:
    path = tmp_path / "page.html"
    path.write_text(page_of(), "utf-8")
    page = browser.new_page(viewport={"width": width, "height": 800})
    assert visited(page, path.as_uri()) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".figure img").count() == 3
    page.close()


@pytest.mark.parametrize("source", get_args(LabelSource))
def test_agreement_with_a_model_is_never_called_accuracy_and_is_said_first(source: LabelSource) -> None:
    html = page_of(source)
    is_model = source == "model"
    assert ("agreement with the labelling model" in html) == is_model
    assert ("violations by the labels" in html) == (source == "human")
    assert ("none of it is accuracy" in verdict(evaluated(source))[0]) == is_model


def test_a_difference_that_was_not_found_comes_with_the_smallest_that_could_have_been() -> None:
    table = labelled_table(200).with_columns(also_good=pl.col("good") * 0.98 + 0.005)
    found = evaluate(
        table, text="comment", label="toxic", score=["good", "also_good"], user="author", configs=()
    )
    assert any(
        "no difference was found" in each and "would have shown one of" in each for each in verdict(found)
    )


def test_a_threshold_that_would_do_better_is_named() -> None:
    table = labelled_table(600).with_columns(low=pl.col("good") / 3)
    said = verdict(evaluate(table, text="comment", label="toxic", score="low", configs=()))
    assert any(each.startswith("low flags from 0.5 on; from about 0.1") for each in said)


def test_annotators_are_on_the_page_where_there_are_several() -> None:
    found = evaluate(annotated_table(), text="text", label="rater_1,rater_2,rater_3", score="p", configs=())
    html = score_page(found)
    assert "Krippendorff" in html
    assert "any one annotator" in html
    assert "Krippendorff" not in page_of()


def test_rows_without_a_verdict_are_said_where_they_are_many() -> None:
    table = labelled_table(300).with_columns(half=pl.when(pl.int_range(pl.len()) < 100).then("good"))
    said = verdict(evaluate(table, text="comment", label="toxic", score="half", configs=()))
    assert any("half gives no verdict on 200 rows, which have no score" in each for each in said)


def test_a_score_that_is_the_wrong_way_round_is_named_with_what_turns_it() -> None:
    table = labelled_table().with_columns(safe=1 - pl.col("good"))
    said = verdict(evaluate(table, text="comment", label="toxic", score=["good", "safe"], configs=()))
    assert [each for each in said if "turn it: --score safe=1-COLUMN" in each]
    assert not [each for each in said if each.startswith("good is lower")]


def test_who_ranks_best_is_said_where_that_is_not_who_has_the_highest_f1() -> None:
    table = labelled_table(1_500).with_columns(shy=pl.col("good") / 2.5)
    said = verdict(evaluate(table, text="comment", label="toxic", score=["shy", "poor"], configs=()))
    assert said[0].startswith("poor has the highest F1")
    assert any(each.startswith("Whatever the threshold, shy tells violations") for each in said)
    same = verdict(evaluate(table, text="comment", label="toxic", score=["good", "poor"], configs=()))
    assert not any(each.startswith("Whatever the threshold") for each in same)


def test_precision_is_told_for_a_chat_in_which_violations_are_rarer() -> None:
    table = labelled_table(2_000)
    found = evaluate(table, text="comment", label="toxic", score="good", configs=())
    flagged, innocent = (table["good"] >= 0.5).to_numpy(), (table["toxic"] == 0).to_numpy()
    alarms, recall = flagged[innocent].mean(), flagged[~innocent].mean()
    expected = 100 * 0.01 * recall / (0.01 * recall + 0.99 * alarms)
    assert any(f"so many would be: good {expected:.0f}." in each for each in verdict(found))
    few = pl.concat([table.filter(toxic=1)[:20], table.filter(toxic=0)])
    rare = verdict(evaluate(few, text="comment", label="toxic", score="good", configs=()))
    assert not any("one in a hundred" in each for each in rare)


def test_a_score_that_flags_nothing_and_f1_that_tells_nothing_are_said() -> None:
    table = labelled_table().with_columns(flat=pl.lit(0.3), toxic=1 - pl.col("toxic"))
    said = verdict(evaluate(table, text="comment", label="toxic", score=["flat", "poor"], configs=()))
    assert "flat flags no row from 0.5 on." in said
    assert any("F1 tells little" in each for each in said)
