"""What the cells of a table are taken for: labels, scores, and items that are in several rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import cohen_kappa_score

from moderation_pipeline import evaluate
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.evaluation.scored.score_evaluation import Evaluation
from moderation_pipeline.report.scored_tables.score_page import score_page
from moderation_pipeline.report.scored_tables.score_sentences import (
    flip_sentences,
    verdict,
    what_was_read,
)
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


SPACES = ("\u00a0", "\u202f", " ", "")
"""What stands before the sign of a percentage: nothing, or a space that keeps it on the number's line."""


@pytest.mark.parametrize("written", [f"{{}}{space}%" for space in SPACES] + ["%{}", "{}\uff05"])
def test_a_percentage_is_one_whatever_space_stands_before_its_sign_and_on_whichever_side_it_is(
    written: str,
) -> None:
    table = labelled_table(60).with_columns(share=(pl.col("good") * 100).round(2))
    as_text = pl.Series(
        "share", [written.format(f"{value:.2f}").replace(".", ",") for value in table["share"]]
    )
    shares = judged(table, score="judge=share/100")
    assert (
        judged(table.with_columns(as_text), score="judge=share")
        .judges["auroc"]
        .equals(shares.judges["auroc"])
    )


def test_yes_and_no_written_with_a_decimal_comma_are_yes_and_no() -> None:
    table = labelled_table(60)
    written = table.with_columns(pl.format("{},0", "toxic").alias("toxic"))
    assert judged(written).facts == judged(table).facts


def test_a_label_from_a_number_on_may_be_asked_for_with_a_decimal_comma() -> None:
    table = labelled_table(60).with_columns(share=pl.col("toxic") * 0.6 + 0.2)
    assert judged(table, label="share>=0,5").facts.violations == table["toxic"].sum()


@pytest.mark.parametrize(
    "written",
    ["share>0.5", "share<0.5", "share==1", "share<=2", "share>=much", "share!=0", "share>=0.5,toxic>=0.5"],
)
def test_a_comparison_that_is_not_understood_is_called_one_and_no_unknown_column(written: str) -> None:
    with pytest.raises(ModerationError, match=r"COLUMN=VALUE,VALUE.*COLUMN>=NUMBER"):
        judged(labelled_table(60).with_columns(share="toxic"), label=written)


@pytest.mark.parametrize("values", [(1, 2), (-1, 1), (0, 4)])
def test_numbers_that_say_neither_yes_nor_no_are_proposed_no_bound_that_all_of_them_may_reach(
    values: tuple[int, int],
) -> None:
    innocent, bad = values
    table = labelled_table(60).with_columns(grade=pl.when(pl.col("toxic") == 1).then(bad).otherwise(innocent))
    with pytest.raises(ModerationError, match=r"--label 'grade>=NUMBER'") as error:
        judged(table, label="grade")
    assert "0.5" not in str(error.value)


@pytest.mark.parametrize("other", ["Hate", "HATE ", "ｈate"])
def test_a_violation_that_is_written_in_two_ways_is_not_innocent_in_one_of_them(other: str) -> None:
    table = in_words(labelled_table(100)).with_columns(
        said=pl.when(pl.col("said") == "hate").then(pl.lit(other)).otherwise("said")
    )
    table[0, "said"] = "hate"
    if other.strip() == "HATE":
        other = "HATE"
    with pytest.raises(ModerationError, match=rf"'{other}\s?' \(\d+ times\).*'hate'"):
        judged(table, label="said=hate,insult")
    assert (
        judged(table, label=f"said=hate,{other},insult").facts.violations == (table["said"] != "fine").sum()
    )


def test_rows_of_a_word_for_nothing_in_place_of_a_text_are_said_with_the_word() -> None:
    table = labelled_table(100).with_columns(
        comment=pl.when(pl.int_range(pl.len()) < 5).then(pl.lit("null")).otherwise("comment")
    )
    assert any("5 have no text ('null', 5 times)" in note for note in judged(table).notes)


def test_users_whose_ids_were_rounded_are_not_told_apart_without_a_word() -> None:
    ids = pl.int_range(pl.len()) % 7 + 1_084_182_736_450_928_600
    table = labelled_table(100).with_columns(exact=ids, rounded=ids.cast(pl.Float64))
    written = table.with_columns(rounded=pl.Series([f"{value:.5E}" for value in table["rounded"]]))
    assert not any("rounded" in note for note in judged(table, user="exact").notes)
    for each in (table, written):
        assert any(
            "100 values of 'rounded' are rounded" in note for note in judged(each, user="rounded").notes
        )


def test_a_table_in_an_old_encoding_is_read_aloud_and_in_the_one_that_is_said(tmp_path: Path) -> None:
    table = labelled_table(60).with_columns(pl.format("{} идиот", "comment").alias("comment"))
    path = tmp_path / "table.csv"
    path.write_bytes(table.write_csv().encode("cp1251"))
    asked = {"text": "comment", "label": "toxic", "score": "good", "configs": ()}
    guessed = evaluate(path, **asked)  # type: ignore[arg-type]
    assert any("60 lines are not UTF-8" in note for note in guessed.notes)
    assert not any("not UTF-8" in note for note in evaluate(path, encoding="cp1251", **asked).notes)  # type: ignore[arg-type]
    with pytest.raises(ModerationError, match="cp1521"):
        evaluate(path, encoding="cp1521", **asked)  # type: ignore[arg-type]


def test_judges_that_are_level_are_ahead_together_and_not_one_of_them() -> None:
    table = labelled_table(200).with_columns(twin="good")
    said = verdict(judged(table, score=["good", "twin", "poor"]))
    assert said[0].startswith("good and twin have the highest F1 at their thresholds: ")
    assert not any("Between it and twin" in each for each in said)


def test_a_difference_of_shares_is_told_from_minus_1_to_1_and_one_above_is_none_to_be_shown() -> None:
    table = labelled_table(14, seed=7)
    found = judged(table, score=["good", "poor"], user="author")
    by_f1 = found.differences.filter(pl.col("estimate") == "f1")
    assert (by_f1["difference_low"] < 0).all()
    assert (found.differences["difference_low"].drop_nulls() >= -1).all()
    assert (found.differences["difference_high"].drop_nulls() <= 1).all()
    assert (found.differences["smallest_shown"].drop_nulls() < 1).all()
    assert "These rows could have shown none, however large." in " ".join(verdict(found))


def test_few_users_are_called_few_users_and_not_few_rows() -> None:
    table = labelled_table(300, users=4)
    said = " ".join(verdict(judged(table, score=["good", "poor"], user="author")))
    assert "can't be told: there are too few users" in said


def test_one_row_is_one_violation() -> None:
    table = labelled_table(100).with_columns(most="good")
    first = table["toxic"].arg_max()
    assert first is not None
    table = table.with_columns(
        most=pl.when(pl.int_range(pl.len()) == first).then(1 - pl.col("good").round()).otherwise("good")
    )
    said = flip_sentences(judged(table, score=["good", "most"]))
    assert all("1 violations" not in each for each in said)
    assert any("(1 violation by the labels)" in each for each in said)


def test_judges_of_the_same_f1_have_it_together_where_nothing_has_an_interval_too() -> None:
    table = labelled_table(300, users=4).with_columns(twin="good")
    said = verdict(judged(table, score=["good", "twin"], user="author"))
    assert said[0].startswith("good and twin have the same F1 at their thresholds: ")


def test_errors_by_weight_are_no_more_than_if_every_row_were_one() -> None:
    copied = labelled_table(300).with_columns(
        comment=pl.when(pl.int_range(pl.len()) % 5 < 3).then(pl.lit("the same line")).otherwise("comment"),
        poor=pl.when(pl.int_range(pl.len()) % 5 < 3).then(0.9).otherwise("poor"),
    )
    found = judged(copied, score="poor", user="author").judges
    assert found["harm_per_1000"].item() < found["harm_per_1000_high"].item() <= 1_000


def test_rows_without_a_group_are_counted() -> None:
    table = labelled_table(100).with_columns(
        about=pl.when(pl.int_range(pl.len()) < 7).then(None).otherwise("about")
    )
    assert any("7 rows have nothing in 'about'" in note for note in judged(table, group="about").notes)


def test_scores_out_of_a_hundred_of_which_many_are_up_to_1_are_said_to_be_perhaps_of_two_scales() -> None:
    table = labelled_table(200).with_columns(
        mixed=pl.when(pl.int_range(pl.len()) % 2 == 0).then("good").otherwise(100 * pl.col("good")),
        percent=100 * pl.col("good").clip(0.02, 1),
    )
    assert any("mixes two scales" in note for note in judged(table, score="a=mixed/100").notes)
    assert not any("mixes two scales" in note for note in judged(table, score="a=percent/100").notes)


def test_kappa_goes_below_nought_and_so_does_its_interval() -> None:
    table = labelled_table(300).with_columns(
        chance=pl.Series(np.random.default_rng(3).random(300)), turned=1 - pl.col("poor")
    )
    found = judged(table, score=["chance", "turned"]).judges
    drawn = np.random.default_rng(4).integers(300, size=(400, 300))
    for row in found.iter_rows(named=True):
        flags = (table[row["judge"]] >= 0.5).to_numpy()
        label = table["toxic"].to_numpy()
        by_row = [cohen_kappa_score(label[each], flags[each]) for each in drawn]
        low, high = np.quantile(by_row, [0.025, 0.975])
        assert (row["kappa_low"], row["kappa_high"]) == pytest.approx((low, high), abs=0.04)
    assert found["kappa_high"][1] < 0


def test_where_labels_are_of_one_kind_there_is_no_kappa() -> None:
    found = judged(labelled_table(100).with_columns(toxic=pl.lit(0))).judges
    assert found["kappa"].item() is None


def test_authors_whose_accounts_are_gone_are_not_resampled_as_one() -> None:
    gone = pl.int_range(pl.len()) % 2 == 0
    table = labelled_table(300).with_columns(
        deleted=pl.when(gone).then(pl.lit("[deleted]")).otherwise("author"),
        nobody=pl.when(gone).then(None).otherwise("author"),
    )
    found, known = judged(table, user="deleted"), judged(table, user="nobody")
    assert found.judges.equals(known.judges)
    assert any("150 rows of [deleted]" in note for note in found.notes)


def test_the_page_says_of_which_column_a_group_is() -> None:
    page = score_page(judged(labelled_table(100), group=["about", "author"]))
    assert '<th scope="row">cats<span class="note">about</span></th>' in page
    assert '<span class="note">author</span></th>' in page
