"""False alarms by group: which words name whom, differences against simulated truth, corrected for the groups."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import polars as pl
import pytest
import yaml

from moderation_pipeline.evaluation.scored.false_alarms import fairness_frame
from moderation_pipeline.evaluation.scored.identity_terms import NAMES_NONE, names, patterns
from moderation_pipeline.evaluation.scored.judged_rows import Judge, JudgedRows

JUDGE = Judge("model", "score", 0.5)
SAID = {
    "women": "my sister is a woman",
    "Muslims": "he is Muslim.",
    "Jews": "a jewish friend",
    "disabled people": "she is deaf",
    NAMES_NONE: "what a game",
}


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("Trans women paint, too", {"women", "trans people"}),
        ("black is the best colour for it", set()),
        ("a black man sang", {"black people"}),
        ("der Jude und die Juden", {"Jews"}),
        ("womens", set()),
        ("GAY!", {"gay and bisexual people"}),
        ("hace años que los musulmanes viven aquí", {"Muslims"}),
    ],
)
def test_a_group_is_named_by_its_words_alone(text: str, groups: set[str]) -> None:
    named = names(pl.Series([text])).row(0, named=True)
    assert {name for name, is_named in named.items() if is_named} == (groups or {NAMES_NONE})


def test_no_word_of_the_list_names_two_groups_but_by_a_word_within_it() -> None:
    path = files("moderation_pipeline.evaluation.scored") / "identity_terms.yaml"
    listed = yaml.safe_load(path.read_text("utf-8"))
    of = [(word, group) for group, said in listed.items() for word in {w for ws in said.values() for w in ws}]
    assert len({word for word, _ in of}) == len(of)
    assert set(listed) == set(patterns())
    assert all("en" in said for said in listed.values())


def judged(
    seed: int, rates: dict[str, float], per_group: int = 300, language: list[str] | None = None
) -> JudgedRows:
    random = np.random.default_rng(seed)
    groups = [name for name in rates for _ in range(per_group)]
    rows = pl.DataFrame(
        {
            "text": [SAID[name] for name in groups],
            "label": [False] * len(groups),
            "cluster": [f"u{i}" for i in range(len(groups))],
            "shared_text": pl.Series([None] * len(groups), dtype=pl.String),
            "group:language": language or ["en"] * len(groups),
            JUDGE.flag: [random.random() < rates[name] for name in groups],
        }
    )
    return JudgedRows(rows, (JUDGE,), seed=f"f{seed}")


def test_a_group_that_is_flagged_more_often_though_innocent_is_told_apart() -> None:
    found = fairness_frame(judged(1, {**dict.fromkeys(SAID, 0.05), "Muslims": 0.3}))
    by_group = {row["group"]: row for row in found.iter_rows(named=True)}
    assert by_group["Muslims"]["difference_low"] > 0.1
    assert by_group["women"]["difference_low"] < 0 < by_group["women"]["difference_high"]
    assert by_group[NAMES_NONE]["difference"] is None
    assert (
        by_group["Muslims"]["false_positive_rate_low"] < 0.3 < by_group["Muslims"]["false_positive_rate_high"]
    )


def test_of_equal_groups_some_is_told_apart_in_some_5_of_100_worlds() -> None:
    worlds = 80
    wronged = 0
    for seed in range(worlds):
        found = fairness_frame(judged(seed, dict.fromkeys(SAID, 0.2), 150)).drop_nulls("difference")
        wronged += any(
            row["difference_low"] > 0 or row["difference_high"] < 0 for row in found.iter_rows(named=True)
        )
    assert wronged / worlds < 0.05 + 3 * np.sqrt(0.05 * 0.95 / worlds)


def test_languages_are_held_against_all_others_and_one_alone_against_nobody() -> None:
    size = 200 * len(SAID)
    half = ["en"] * (size // 2) + ["de"] * (size // 2)
    found = fairness_frame(judged(2, dict.fromkeys(SAID, 0.1), 200, half))
    assert set(found.filter(by="language")["group"]) == {"en", "de"}
    assert fairness_frame(judged(2, dict.fromkeys(SAID, 0.1), 200)).filter(by="language").is_empty()


def test_a_group_of_few_innocent_rows_is_not_told() -> None:
    assert fairness_frame(judged(3, dict.fromkeys(SAID, 0.1), 10)).is_empty()


def test_a_group_of_whom_nobody_was_flagged_has_a_difference_without_bounds() -> None:
    found = fairness_frame(judged(4, {**dict.fromkeys(SAID, 0.2), "Jews": 0.0}))
    row = found.row(by_predicate=pl.col("group") == "Jews", named=True)
    assert (row["false_positive_rate"], row["difference_low"]) == (0.0, None)
    assert row["false_positive_rate_high"] > 0
