"""What the cells of a table are taken for: labels, scores, and items that are in several rows."""

from __future__ import annotations

import polars as pl
import pytest

from moderation_pipeline import evaluate
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.evaluation.scored.score_evaluation import Evaluation
from moderation_pipeline.report.scored_tables.score_page import score_page
from moderation_pipeline.report.scored_tables.score_sentences import verdict, what_was_read
from moderation_pipeline_tests.contest.labelled_tables import annotated_table, labelled_table


def judged(table: pl.DataFrame, **asked: object) -> Evaluation:
    usual: dict[str, object] = {"text": "comment", "label": "toxic", "score": "good", "configs": ()}
    return evaluate(table, **{**usual, **asked})  # type: ignore[arg-type]


def in_words(table: pl.DataFrame) -> pl.DataFrame:
    """Return the table with the label `said`: hate and insult are violations, fine is none."""
    kinds = pl.when(pl.col("kind") == "threat").then(pl.lit("hate")).otherwise(pl.lit("insult"))
    return table.with_columns(said=pl.when(pl.col("toxic") == 1).then(kinds).otherwise(pl.lit("fine")))


def test_every_value_that_is_called_a_violation_must_be_there() -> None:
    with pytest.raises(ModerationError, match=r"no row holds 'insullt'\. Did you mean 'insult'\?"):
        judged(in_words(labelled_table(100)), label="said=hate,insullt")


def test_of_several_annotators_one_may_never_have_said_a_value() -> None:
    table = in_words(labelled_table(100)).with_columns(
        other=pl.when(pl.col("toxic") == 1).then(pl.lit("hate")).otherwise(pl.lit("fine"))
    )
    found = judged(table, label=["said=hate,insult", "other=hate,insult"])
    assert found.facts.violations == table["toxic"].sum()


def test_a_label_from_a_number_on_reads_decimal_commas_and_refuses_words() -> None:
    table = labelled_table(60).with_columns(
        share=pl.when(pl.col("toxic") == 1).then(pl.lit("0,8")).otherwise(pl.lit("0,1"))
    )
    assert judged(table, label="share>=0.5").facts.violations == table["toxic"].sum()
    with pytest.raises(
        ModerationError, match=r"From 0\.5 on a row is a violation, so that it must hold numbers"
    ):
        judged(table, label="about>=0.5")


@pytest.mark.parametrize("threshold", [0.1, 0.2, 0.3, 0.4, 0.6, 0.7])
def test_a_turned_score_meets_its_threshold_as_the_written_one_would(threshold: float) -> None:
    table = labelled_table(50).with_columns(safe=pl.lit(round(1 - threshold, 1)))
    found = judged(table, score="bad=1-safe", threshold=threshold)
    assert found.judges["tp"].item() + found.judges["fp"].item() == table.height


def test_percentages_tie_with_the_same_scores_written_as_shares() -> None:
    table = labelled_table(300).with_columns(share=pl.col("good").round(3))
    percentages = pl.format("{} %", (1_000 * pl.col("share")).round().cast(pl.Int64) / 10)
    mixed = (
        pl.when(pl.int_range(pl.len()) % 2 == 0).then(percentages).otherwise(pl.col("share").cast(pl.String))
    )
    found = judged(table.with_columns(mixed=mixed), score=["share", "mixed"]).judges
    assert found["auprc"].n_unique() == found["auroc"].n_unique() == found["best_threshold"].n_unique() == 1


def test_true_and_false_are_scores_of_who_only_says_yes_and_no() -> None:
    table = labelled_table(200).with_columns(flagged=pl.col("good") >= 0.5)
    found = judged(table, score=["good", "flagged"])
    assert found.judges["f1"].n_unique() == 1
    assert any("200 are true or false, taken for 1 and 0" in note for note in found.notes)


def test_a_score_misses_0_or_1_by_rounding_alone_and_what_spans_more_is_said_digit_by_digit() -> None:
    table = labelled_table(60)
    near = table.with_columns(near=pl.when(pl.int_range(pl.len()) < 3).then(1.0000001).otherwise("good"))
    assert any("3 missed 0 or 1 by rounding" in note for note in judged(near, score="near").notes)
    far = table.with_columns(far=pl.when(pl.int_range(pl.len()) < 3).then(1.00002).otherwise("good"))
    with pytest.raises(ModerationError, match=r"to 1\.00002"):
        judged(far, score="far")


@pytest.mark.parametrize("price", [-1.0, float("nan"), float("inf")])
def test_a_price_is_dollars(price: float) -> None:
    with pytest.raises(ModerationError, match="a price is dollars, 0 or more"):
        judged(labelled_table(30), price={"good": price})


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_a_weight_is_a_number(weight: float) -> None:
    with pytest.raises(ModerationError, match="no weight of 0 or more"):
        judged(labelled_table(30), harm={"missed": weight})


def long_table() -> pl.DataFrame:
    """Return a row per annotator and item, by annotator."""
    return annotated_table(60).unpivot(
        index=["id", "text", "p"],
        on=["rater_1", "rater_2", "rater_3"],
        variable_name="who",
        value_name="label",
    )


def by_item(table: pl.DataFrame) -> Evaluation:
    return judged(table, text="text", label="label", score="p", annotator="who", item="id")


def test_an_item_in_several_rows_has_what_any_of_them_says() -> None:
    whole, is_last = by_item(long_table()), pl.col("who") == "rater_3"
    once = long_table().with_columns(pl.when(is_last).then(pl.col("text", "p")))
    shown = ("rows", "tp", "fp", "fn", "tn", "auroc", "without_verdict")
    assert by_item(once).judges.select(shown).equals(whole.judges.select(shown))
    assert not any("differ" in note for note in whole.notes)


def test_where_the_rows_of_an_item_differ_that_is_said() -> None:
    other = pl.when(pl.col("who") == "rater_2").then(pl.col("p") / 2).otherwise("p")
    assert (
        "On 60 items the rows differ in 'p'; the first value counts."
        in by_item(long_table().with_columns(p=other)).notes
    )


def test_shares_of_rows_and_of_violations_are_said_alike() -> None:
    table = pl.DataFrame(
        {"comment": [f"line {i}" for i in range(400)], "toxic": [i < 109 for i in range(400)]}
    )
    found = judged(table.with_columns(good=0.6))
    assert "400 labelled rows, 109 of them violations by the labels (27.3\u00a0%)." in found.notes


def test_a_table_of_violations_alone_says_that_precision_tells_nothing_and_what_was_no_label() -> None:
    table = labelled_table(100).with_columns(
        said=pl.when(pl.col("toxic") == 1).then(pl.lit("yes")).otherwise(pl.lit("none"))
    )
    found = judged(table, label="said")
    assert any("precision is 1 whatever is flagged" in sentence for sentence in verdict(found))
    assert not any("AUROC" in sentence for sentence in verdict(found))
    none = 100 - table["toxic"].sum()
    assert any(f"of the others {none} have no label ('none', {none} times)" in note for note in found.notes)


def test_where_one_user_wrote_everything_there_is_no_interval_and_that_is_said() -> None:
    said = what_was_read(judged(labelled_table(100).with_columns(author=pl.lit("x")), user="author"))
    assert "no estimate has an interval, by 1 user or cluster" in said
    assert "in brackets 95 %" not in said


def test_violations_without_a_category_are_counted() -> None:
    table = labelled_table(200).with_columns(kind=pl.when(pl.col("kind") == "threat").then("kind"))
    missing = table.filter((pl.col("toxic") == 1) & pl.col("kind").is_null()).height
    assert (
        f"{missing} violations have no category in 'kind': they are in no line of it."
        in judged(table, category="kind").notes
    )


@pytest.mark.parametrize("source", ["moderators", "model"])
def test_whose_labels_are_not_the_truth_has_no_row_called_innocent(source: str) -> None:
    table = labelled_table(200).with_columns(comment=pl.format("my sister said {}", "comment"))
    found = judged(table, label_source=source, category="kind", group="about", configs=("student_only",))
    assert "innocent" not in score_page(found)
    assert "violations by the labels" not in score_page(found)
