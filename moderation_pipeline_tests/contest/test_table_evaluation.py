"""From a table to frames: files and frames alike, what is counted, what may not be guessed."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from moderation_pipeline import evaluate
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.evaluation.scored.score_evaluation import Evaluation
from moderation_pipeline.report.scored_tables.evidence_sentences import coverage_sentences
from moderation_pipeline.report.scored_tables.score_page import score_page
from moderation_pipeline.report.scored_tables.score_sentences import verdict
from moderation_pipeline_tests.contest.labelled_tables import annotated_table, labelled_table

GOOD = {"good": "good", "poor": "poor"}


@cache
def usual() -> Evaluation:
    """The usual table with its two scores, judged once; not to be changed."""
    return evaluate(
        labelled_table(),
        text="comment",
        label="toxic",
        score=GOOD,
        category="kind",
        group="about",
        configs=(),
    )


def row_of(frame: pl.DataFrame, judge: str) -> dict[str, object]:
    return frame.row(by_predicate=pl.col("judge") == judge, named=True)


def test_the_package_offers_evaluate_and_stays_light_until_it_is_asked_for() -> None:
    program = (
        "import sys, moderation_pipeline; light = 'polars' in sys.modules; "
        "from moderation_pipeline import evaluate; print(light, 'dagster' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_the_numbers_of_a_score_are_scikit_learns() -> None:
    table = labelled_table()
    found = row_of(usual().judges, "good")
    truth, scores = table["toxic"].to_numpy(), table["good"].to_numpy()
    assert found["f1"] == pytest.approx(f1_score(truth, scores >= 0.5))
    assert found["auroc"] == pytest.approx(roc_auc_score(truth, scores))
    assert found["auprc"] == pytest.approx(average_precision_score(truth, scores))


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "feather"])
def test_a_file_says_what_the_frame_says(tmp_path: Path, ending: str) -> None:
    table, path = labelled_table(120), tmp_path / f"table.{ending}"
    if ending == "csv":
        table.write_csv(path)
    elif ending == "jsonl":
        table.write_ndjson(path)
    elif ending == "feather":
        table.write_ipc(path)
    else:
        table.write_parquet(path)
    of_file, of_frame = (
        evaluate(each, text="comment", label="toxic", score=GOOD, user="author", configs=()).judges
        for each in (path, table)
    )
    estimates = ("judge", "tp", "fp", "fn", "tn", "f1", "auroc", "auprc")
    assert of_file.select(estimates).equals(of_frame.select(estimates))


def test_the_keyless_configs_stand_beside_the_scores_and_cost_nothing() -> None:
    found = evaluate(labelled_table(), text="comment", label="toxic", score=GOOD)
    assert found.judges["judge"].to_list() == ["good", "poor", "rules", "careful_rules"]
    rules = row_of(found.judges, "rules")
    assert (rules["usd_per_1000"], rules["kind"]) == (0.0, "config")
    assert isinstance(rules["recall"], float)
    assert rules["recall"] > 0.9


def test_the_better_score_is_told_apart_and_the_same_score_twice_is_not() -> None:
    table = labelled_table(1_500).with_columns(again="good")
    found = evaluate(table, text="comment", label="toxic", score={**GOOD, "again": "again"}, configs=())
    f1 = found.differences.filter(estimate="f1")
    better = f1.row(by_predicate=(pl.col("judge") == "good") & (pl.col("other") == "poor"), named=True)
    same = f1.row(by_predicate=(pl.col("judge") == "good") & (pl.col("other") == "again"), named=True)
    assert 0 < better["difference_low"] < better["difference"] < better["difference_high"]
    assert (same["difference"], same["difference_low"], same["difference_high"]) == (0, 0, 0)


def test_fewer_rows_show_only_larger_differences() -> None:
    def smallest(rows: int) -> float:
        found = evaluate(
            labelled_table(rows, users=rows), text="comment", label="toxic", score=GOOD, configs=()
        )
        return float(found.differences.filter(estimate="f1")["smallest_shown"][0])

    assert smallest(200) > 1.5 * smallest(2_000)


def test_who_flips_is_counted_and_shown_row_by_row() -> None:
    table, found = labelled_table(), usual()
    alone = table.filter((pl.col("good") >= 0.5) & (pl.col("poor") < 0.5))
    flips = found.flips.row(0, named=True)
    assert (flips["flagged_alone"], flips["violations_among"]) == (alone.height, alone["toxic"].sum())
    shown = found.flipped.filter(flagged_by="good")
    assert sorted(shown["text"]) == sorted(alone["comment"])
    assert shown.height + found.flipped.filter(flagged_by="poor").height == found.flipped.height


def test_categories_and_groups_are_looked_at_one_by_one() -> None:
    found = usual()
    assert set(found.categories["category"]) == {"insult", "threat"}
    assert found.categories.filter(judge="good")["violations"].sum() == found.facts.violations
    assert found.groups.filter(judge="good")["rows"].sum() == found.facts.rows


def test_a_categorys_areas_are_scikit_learns_of_its_violations_against_all_innocent_rows() -> None:
    table, found = labelled_table(), usual()
    threats = table.filter((pl.col("kind") == "threat") | (pl.col("toxic") == 0))
    row = found.categories.row(
        by_predicate=(pl.col("category") == "threat") & (pl.col("judge") == "poor"), named=True
    )
    truth, scores = threats["toxic"].to_numpy(), threats["poor"].to_numpy()
    assert row["auroc"] == pytest.approx(roc_auc_score(truth, scores))
    assert row["auprc"] == pytest.approx(average_precision_score(truth, scores))
    assert row["recall"] == pytest.approx(((scores >= 0.5) & (truth == 1)).sum() / truth.sum())
    assert row["auroc_low"] < row["auroc"] < row["auroc_high"]


def test_errors_weigh_what_is_said_of_them() -> None:
    table = labelled_table()
    harm = {"missed": 2, "threat": 10, "wrongful": 0.5}
    found = evaluate(table, text="comment", label="toxic", score=GOOD, category="kind", harm=harm, configs=())
    missed = table.filter((pl.col("toxic") == 1) & (pl.col("poor") < 0.5))
    wrong = table.filter((pl.col("toxic") == 0) & (pl.col("poor") >= 0.5)).height
    threats = missed.filter(kind="threat").height
    weight = 10 * threats + 2 * (missed.height - threats) + 0.5 * wrong
    assert row_of(found.judges, "poor")["harm_per_1000"] == pytest.approx(1_000 * weight / table.height)


def test_what_is_decided_alone_is_what_lies_furthest_from_the_threshold() -> None:
    table = labelled_table(1_000)
    found = evaluate(table, text="comment", label="toxic", score=GOOD, configs=())
    half = found.coverage.row(
        by_predicate=(pl.col("judge") == "poor") & (pl.col("asked_share") == 0.5), named=True
    )
    surest = table.sort((pl.col("poor") - 0.5).abs(), descending=True).head(500)
    assert half["errors"] == ((surest["poor"] >= 0.5) != (surest["toxic"] == 1)).sum()
    assert half["risk_low"] < half["risk"] < half["risk_high"]
    assert half["risk"] < found.coverage.filter(judge="poor")["risk"][-1]


def test_the_last_row_of_what_is_decided_alone_is_all_that_has_a_verdict() -> None:
    table = labelled_table(500).with_columns(
        good=pl.when(pl.int_range(pl.len()) % 50 > 0).then("good"),
        poor=pl.when(pl.col("poor") > 0.4).then("poor"),
    )
    found = evaluate(table, text="comment", label="toxic", score=GOOD, configs=())
    for name in GOOD:
        known = table.drop_nulls(name)
        errors = int(((known[name] >= 0.5) != (known["toxic"] == 1)).sum())
        last = found.coverage.filter(judge=name).row(-1, named=True)
        assert (last["decided"], last["errors"]) == (known.height, errors)
    said = coverage_sentences(found.coverage)
    assert said[0].startswith("good errs on")
    assert "gives a verdict on" in said[1]


def test_intervals_take_a_users_rows_as_one() -> None:
    table = labelled_table(300, users=300).with_columns(author=pl.format("u{}", pl.int_range(pl.len())))
    said_again = [table.with_columns(comment=pl.format("{} word{}", "comment", pl.lit(i))) for i in range(6)]
    by_row, by_user = (
        row_of(
            evaluate(
                pl.concat(said_again), text="comment", label="toxic", score=GOOD, user=user, configs=()
            ).judges,
            "poor",
        )
        for user in (None, "author")
    )
    narrow, wide = (float(each["recall_high"]) - float(each["recall_low"]) for each in (by_row, by_user))  # type: ignore[arg-type]
    assert wide == pytest.approx(narrow * 6**0.5, rel=0.2)


def test_every_row_is_labelled_or_left_out_and_counted() -> None:
    table = labelled_table(100).with_columns(
        toxic=pl.when(pl.int_range(pl.len()) < 10).then(None).otherwise("toxic"),
        comment=pl.when(pl.int_range(pl.len()) >= 95).then(pl.lit("")).otherwise("comment"),
    )
    found = evaluate(table, text="comment", label="toxic", score=GOOD, configs=())
    assert found.facts.rows == 85
    assert any("10 have no label, 5 have no text" in note for note in found.notes)


def test_what_each_value_of_a_label_was_taken_for_is_said_and_what_is_no_label_is_left_out() -> None:
    table = labelled_table(200).with_columns(
        verdict=pl.when(pl.int_range(pl.len()) < 20)
        .then(pl.lit("unsure"))
        .otherwise(pl.col("toxic").replace_strict({1: "bad", 0: "fine"}))
    )
    rest = table.filter(pl.col("verdict") != "unsure")

    def judged(*no_label: str) -> Evaluation:
        return evaluate(
            table, text="comment", label="verdict=bad", no_label=no_label, score="good", configs=()
        )

    found = judged("unsure")
    assert (found.facts.rows, found.facts.violations) == (180, rest["toxic"].sum())
    bad, fine = (rest.filter(verdict=each).height for each in ("bad", "fine"))
    taken = f"'bad' ({bad}) was taken for a violation, 'fine' ({fine}) for none, 'unsure' for no label."
    assert f"Of label 'verdict', {taken}" in found.notes
    assert any("'unsure' (20) for none" in note for note in judged().notes)


def test_values_that_usually_mean_yes_and_no_need_no_word_beside_one_that_is_no_label() -> None:
    table = labelled_table(200).with_columns(
        verdict=pl.when(pl.int_range(pl.len()) < 20)
        .then(pl.lit("?"))
        .otherwise(pl.col("toxic").replace_strict({1: "yes", 0: "no"}))
    )
    found = evaluate(table, text="comment", label="verdict", no_label="?", score="good", configs=())
    assert (found.facts.rows, found.facts.violations) == (180, table[20:]["toxic"].sum())


def test_an_unexplained_value_of_a_label_is_never_proposed_as_the_violation() -> None:
    table = labelled_table(50).with_columns(verdict=pl.lit("unsure"))
    with pytest.raises(ModerationError, match=r"--label 'verdict=VALUE,VALUE'.*--no-label VALUE"):
        evaluate(table, text="comment", label="verdict", score="good", configs=())


def test_decimal_commas_and_percentages_are_scores_and_that_is_said() -> None:
    table = labelled_table(300).with_columns(
        comma=pl.col("good").cast(pl.String).str.replace(".", ",", literal=True),
        percentage=pl.format("{} %", pl.col("good") * 100),
    )
    for column, said in (("comma", "a comma was taken"), ("percentage", "300 are percentages")):
        for written in (column, *([f"{column}/100"] if column == "percentage" else [])):
            scores = {"plain": "good", "written": written}
            found = evaluate(table, text="comment", label="toxic", score=scores, configs=())
            plain, other = (row_of(found.judges, name) for name in scores)
            assert other["auroc"] == pytest.approx(plain["auroc"])
            assert other["tp"] == plain["tp"]
            assert any(said in note for note in found.notes)


def test_a_score_of_which_a_low_one_is_the_bad_one_can_be_turned() -> None:
    table = labelled_table().with_columns(safe=1 - pl.col("good"))
    found = evaluate(
        table, text="comment", label="toxic", score={"good": "good", "turned": "1-safe"}, configs=()
    )
    good, turned = (row_of(found.judges, name) for name in ("good", "turned"))
    assert turned["auroc"] == pytest.approx(good["auroc"])
    assert turned["what"] == "1 less column safe, flags from 0.5"


def test_a_table_says_the_same_under_another_name(tmp_path: Path) -> None:
    for name in ("one.csv", "other.csv"):
        labelled_table(300).write_csv(tmp_path / name)
    one, other = (
        evaluate(tmp_path / name, text="comment", label="toxic", score=GOOD, configs=()).judges
        for name in ("one.csv", "other.csv")
    )
    assert one.equals(other)


def test_what_is_no_score_is_counted_and_flagged_by_none() -> None:
    table = labelled_table(100).with_columns(
        good=pl.when(pl.int_range(pl.len()) < 7).then(pl.lit("n/a")).otherwise(pl.col("good").cast(pl.String))
    )
    found = evaluate(table, text="comment", label="toxic", score=GOOD, configs=())
    assert row_of(found.judges, "good")["without_verdict"] == 7
    assert any("7 are no number ('n/a'): no score there" in note for note in found.notes)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"score": {"good": "percent"}}, "--score 'NAME=percent/100'"),
        ({"score": {"good": "logit"}}, r"1 / \(1 \+ exp\(-x\)\)"),
        ({"score": {"good": "author"}}, "holds no score: it holds 'u"),
        ({"score": {"good": "gud"}}, "no column 'gud'"),
        ({"label": "about"}, "--label 'about=VALUE,VALUE'"),
        ({"label": "about=birds"}, "no row holds 'birds'. The label holds '(cats|dogs)'"),
        ({"score": {"rules": "good"}, "configs": ("student_only",)}, "Choose another name"),
        ({"score": {"good": "GOOD"}}, "no column 'GOOD'. Did you mean 'good'"),
        ({"threshold": {"good": 70}}, "from 0 to 1, such as NAME=0.7. If it is out of 100, write good=0.7"),
        ({"threshold": {"gud": 0.3}}, "no score is called 'gud'"),
        ({"configs": ("hybird",)}, "no keyless config"),
        ({"score": (), "configs": ()}, "nobody to judge"),
        ({"annotator": "author"}, "needs both columns"),
        ({"score": {"good": "listed"}}, "holds List"),
        ({"harm": {"threat": 3}}, "'threat' is no kind of error"),
        ({"harm": {"missed": -1}}, "no weight of 0 or more"),
        ({"time": "author"}, "'u[0-9]+' is no time.* Write the column's times as ISO 8601, or leave --time"),
        ({"time": "is_about_cats"}, "--time is_about_cats holds Boolean, which is no time"),
        ({"label": "nobody"}, "No row of the frame has both a text and a label"),
    ],
)
def test_what_cannot_be_understood_is_said_with_what_would_be(asked: dict[str, object], said: str) -> None:
    table = labelled_table(60).with_columns(
        percent=pl.col("good") * 100,
        logit=(pl.col("good") / (1 - pl.col("good"))).log(),
        listed=pl.concat_list("good"),
        nobody=pl.lit(None, pl.Int64),
        is_about_cats=pl.col("about") == "cats",
    )
    usual: dict[str, object] = {"text": "comment", "label": "toxic", "score": GOOD, "configs": ()}
    with pytest.raises(ModerationError, match=said):
        evaluate(table, **{**usual, **asked})  # type: ignore[arg-type]


@pytest.mark.parametrize("label", [[0] * 30, [1] * 30, [1, *[0] * 29], [1], [1, 0]])
def test_a_table_that_can_show_little_is_judged_as_far_as_it_goes(label: list[int]) -> None:
    table = pl.DataFrame(
        {"text": [f"line {i}" for i in range(len(label))], "bad": label, "p": [0.6] * len(label)}
    )
    found = evaluate(table, text="text", label="bad", score="p")
    assert score_page(found)
    assert verdict(found)


def test_a_table_without_rows_is_refused() -> None:
    with pytest.raises(ModerationError, match="has no row"):
        evaluate(labelled_table(20).clear(), text="comment", label="toxic", score=GOOD)


def test_rows_with_a_time_are_a_stream_and_those_without_see_only_their_users() -> None:
    table = pl.DataFrame(
        {
            "text": ["buy my painting now at example dot test"] * 12,
            "bad": [1] * 12,
            "p": [0.6] * 12,
            "sent": [f"2026-01-01T00:00:{i:02d}Z" for i in range(12)],
        }
    )
    as_stream, alone = (
        evaluate(table, text="text", label="bad", score="p", time=time, configs=("expert_only",))
        for time in ("sent", None)
    )
    flagged = [row_of(each.judges, "careful_rules")["tp"] for each in (as_stream, alone)]
    assert flagged[0] >= flagged[1]  # type: ignore[operator]


def test_a_score_out_of_a_hundred_is_read_where_it_is_said() -> None:
    table = labelled_table().with_columns(percent=pl.col("good") * 100)
    found = evaluate(
        table, text="comment", label="toxic", score=["good", "pc=percent/100"], configs=()
    ).judges
    assert row_of(found, "pc")["f1"] == row_of(found, "good")["f1"]


def test_labels_of_several_columns_are_votes_and_an_even_row_has_no_label() -> None:
    table = annotated_table()
    found = evaluate(table, text="text", label=["rater_1", "rater_2"], score="p", configs=())
    assert found.facts.rows == (table["rater_1"] == table["rater_2"]).sum()
    assert any("as many annotators say yes as no" in note for note in found.notes)


def test_a_row_per_annotator_says_what_a_column_per_annotator_says() -> None:
    wide = annotated_table()
    raters = ["rater_1", "rater_2", "rater_3"]
    long = wide.unpivot(on=raters, index=["id", "text", "p"], variable_name="rater", value_name="toxic")
    of_wide = evaluate(wide, text="text", label="rater_1,rater_2,rater_3", score="p", configs=())
    of_long = evaluate(long, text="text", label="toxic", annotator="rater", item="id", score="p", configs=())
    assert of_long.facts.alpha == pytest.approx(of_wide.facts.alpha)
    counts = ("judge", "held_against_others_on", "tp", "fp", "fn", "tn")
    assert of_long.annotators.select(counts).equals(of_wide.annotators.select(counts))


def test_each_annotator_is_held_against_the_others_and_the_careless_one_comes_out_last() -> None:
    found = evaluate(
        annotated_table(600), text="text", label="rater_1,rater_2,rater_3", score="p", configs=()
    )
    f1 = {row["judge"]: row["f1"] for row in found.annotators.iter_rows(named=True)}
    assert f1["rater_1"] > f1["rater_2"] > f1["rater_3"]
    assert f1["p"] > f1["any one annotator"]
    assert found.facts.alpha is not None
    assert 0.3 < found.facts.alpha < 0.7


def test_an_archive_and_a_frame_of_another_library_are_told_what_would_do(tmp_path: Path) -> None:
    workbook = tmp_path / "table.xlsx"
    workbook.write_bytes(b"PK\x03\x04" + b"\0" * 64)
    with pytest.raises(ModerationError, match=r"save its table as \.xlsx"):
        evaluate(workbook, text="comment", label="toxic", score="good")
    with pytest.raises(ModerationError, match=r"polars\.from_pandas"):
        evaluate({"comment": ["a"]}, text="comment", label="toxic", score="good")  # type: ignore[arg-type]


def test_a_column_of_texts_among_which_some_are_numbers_is_called_no_score() -> None:
    frame = pl.DataFrame({"text": ["hi", "2", "ho"], "bad": [1, 0, 0]})
    with pytest.raises(ModerationError, match="column 'text' holds no score: it holds 'hi', 'ho'"):
        evaluate(frame, text="text", label="bad", score="s=text", configs=())
