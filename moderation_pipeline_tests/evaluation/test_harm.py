"""What errors weigh: by kind, category and action, worked by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from moderation_pipeline.config.run_config import Config, HarmSpec
from moderation_pipeline.evaluation.estimates import DEFINITIONS
from moderation_pipeline.evaluation.harm import Weights, weights_of
from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline.evaluation.run_metrics import interval_of
from moderation_pipeline.statistics.bootstrap import resample
from moderation_pipeline.statistics.clusters import NO_COPIES
from moderation_pipeline_tests.evaluation.worlds import comments, metrics, run

CHAT = comments(
    [
        {"label_is_violation": True, "label_category": "threat"},
        {"label_is_violation": True, "label_category": "spam"},
        {"label_is_violation": False},
        {"label_is_violation": False},
        {"label_is_violation": None},
    ]
)
PLANS = ["allow none", "allow none", "ban hate", "warn spam", "ban hate"]


def weighed(harm: HarmSpec) -> Run:
    plain = run("student_only", CHAT, student=PLANS)
    audit = plain.config.config.audit.model_copy(update={"harm": harm})
    config = plain.config.config.model_copy(update={"audit": audit})
    named = plain.config.model_copy(update={"config": config})
    return Run(named, *(getattr(plain, slot) for slot in Run.__slots__ if slot != "config"))


@pytest.mark.parametrize(
    ("harm", "of_four"),
    [
        (HarmSpec(), 1 + 1 + 1 + 1),
        (HarmSpec(missed=3, wrongful=0.5), 3 + 3 + 0.5 + 0.5),
        (HarmSpec(of_category={"threat": 10}, of_action={"ban": 7}), 10 + 1 + 7 + 1),  # type: ignore[dict-item]
    ],
)
def test_each_error_weighs_what_its_category_or_action_does(harm: HarmSpec, of_four: float) -> None:
    assert metrics(CHAT, weighed(harm))["harm_per_1000_comments"] == pytest.approx(1_000 * of_four / 4)


def test_where_no_error_was_seen_there_is_no_bound_that_says_there_is_none() -> None:
    chat = comments([{"label_is_violation": i % 2 == 0} for i in range(40)])
    row = metrics(chat, run("student_only", chat, student=["ban hate", "allow none"] * 20))
    assert (row["harm_per_1000_comments"], row["harm_per_1000_comments_high"]) == (0, None)


def test_weights_decide_nothing_and_are_in_no_config_hash() -> None:
    plain, heavy = (weighed(each).config for each in (HarmSpec(), HarmSpec(of_action={"ban": 7})))  # type: ignore[dict-item]
    assert plain.config_hash == heavy.config_hash
    assert plain.config_hash != weighed(HarmSpec(missed=2)).config.config_hash, "audits may go by it"


@pytest.mark.parametrize(
    ("harm", "said"),
    [({"of_category": {"none": 2}}, "no violation"), ({"of_action": {"allow": 2}}, "sanctions nobody")],
)
def test_what_is_no_error_has_no_weight(harm: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Config.model_validate({"audit": {"harm": harm}})


def test_weights_are_said_in_a_line() -> None:
    spec = HarmSpec(of_category={"threat": 5}, of_action={"ban": 10})  # type: ignore[dict-item]
    said = "a missed violation weighs 1, threat 5; a wrongful sanction 1, ban 10"
    assert str(weights_of(spec)) == said
    assert str(Weights()) == "a missed violation weighs 1; a wrongful sanction 1"


def test_intervals_of_weighted_errors_hold_the_truth_in_some_95_of_100_worlds() -> None:
    worlds, users, each = 80, 120, 12
    held = 0
    for seed in range(worlds):
        random = np.random.default_rng(seed)
        rate = 0.05 * random.gamma(2, 0.5, users)
        wrong = random.random((users, each)) < rate[:, None]
        weight = np.where(random.random((users, each)) < 0.2, 5.0, 1.0)
        sums = pl.DataFrame(
            {
                "cluster": np.repeat([f"u{i}" for i in range(users)], each),
                "harm": (wrong * weight).ravel(),
                "harm_n": np.ones(users * each),
            }
        )
        resampled = resample(sums, seed=f"harm {seed}")
        found = interval_of(DEFINITIONS["harm_per_1000_comments"], resampled, NO_COPIES, is_share=False)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 1_000 * 0.05 * (0.2 * 5 + 0.8) <= found.high
    assert held / worlds > 0.95 - 3 * np.sqrt(0.95 * 0.05 / worlds)
