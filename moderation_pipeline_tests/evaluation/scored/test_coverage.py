"""Intervals and differences of scores against simulated truth: users who differ, scores that err as their users do."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from moderation_pipeline.evaluation.scored.judged_rows import Judge, JudgedRows
from moderation_pipeline.evaluation.scored.score_metrics import Measured
from moderation_pipeline.evaluation.scored.score_sums import with_chosen
from moderation_pipeline.statistics.max_t import together
from moderation_pipeline.statistics.ranking import Ranking

JUDGES = (Judge("a", "score", 0.5), Judge("b", "score", 0.5))
WORLDS = 60

Floats = NDArray[np.float64]


def world(
    users: int, per_user: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_], Floats, Floats]:
    """Return users, violations, and two scores that are equally good."""
    random = np.random.default_rng(seed)
    user = np.repeat(np.arange(users), per_user)
    violation = random.random(user.size) < 1 / (1 + np.exp(2.2 - random.normal(size=users)[user]))
    of_user = random.normal(0, 0.6, users)[user]
    scores = [1 / (1 + np.exp(1.5 - random.normal(size=user.size) - of_user - 1.8 * violation)) for _ in "ab"]
    return user, violation, scores[0], scores[1]


def rows_of_world(users: int, per_user: int, seed: int) -> pl.DataFrame:
    """Return a world as the rows of two judges, `a` and `b`."""
    user, violation, one, other = world(users, per_user, seed)
    return pl.DataFrame(
        {
            "cluster": [f"u{each}" for each in user],
            "shared_text": pl.Series([None] * user.size, dtype=pl.String),
            "label": violation,
            **{f"score:{name}": scores for name, scores in (("a", one), ("b", other))},
            **{f"flag:{name}": scores >= 0.5 for name, scores in (("a", one), ("b", other))},
        }
    )


def measured(users: int, per_user: int, seed: int) -> Measured:
    rows = rows_of_world(users, per_user, seed)
    return Measured.of(JudgedRows(with_chosen(rows, JUDGES, f"w{seed}"), JUDGES, seed=f"w{seed}"))


@pytest.fixture(scope="module")
def truth() -> dict[str, float]:
    _, violation, scores, _ = world(30_000, 10, 10_000)
    ranking, flagged = Ranking.of(scores, violation), scores >= 0.5
    hits = float((flagged & violation).sum())
    return {
        "auroc": ranking.auroc(violation).value,
        "auprc": ranking.average_precision(violation).value,
        "f1": 2 * hits / float(flagged.sum() + violation.sum()),
        "recall": hits / float(violation.sum()),
    }


@pytest.fixture(scope="module")
def worlds() -> list[Measured]:
    return [measured(100, 10, seed) for seed in range(WORLDS)]


@pytest.mark.parametrize("name", ["auroc", "auprc", "f1", "recall"])
def test_intervals_hold_the_truth_in_some_95_of_100_worlds(
    name: str, truth: dict[str, float], worlds: list[Measured]
) -> None:
    found = [each.estimate(0, name) for each in worlds]
    held = np.mean([each.low <= truth[name] <= each.high for each in found])  # type: ignore[operator]
    assert held > 0.95 - 3 * np.sqrt(0.95 * 0.05 / WORLDS)
    assert np.mean([each.estimate for each in found]) == pytest.approx(truth[name], abs=0.015)


@pytest.mark.parametrize("name", ["auroc", "auprc", "f1"])
def test_two_equal_scores_are_seldom_told_apart(name: str, worlds: list[Measured]) -> None:
    found = [together([each.difference((0, 1), name)])[0] for each in worlds]
    apart = np.mean([not each.low <= 0 <= each.high for each in found])  # type: ignore[operator]
    assert apart < 0.05 + 3 * np.sqrt(0.95 * 0.05 / WORLDS)


def test_a_threshold_chosen_on_other_rows_promises_no_more_than_the_best_one_on_these(
    worlds: list[Measured],
) -> None:
    chosen, best = [], []
    for each in worlds[:20]:
        rows = each.judged.rows
        scores, violation = rows["score:a"].to_numpy(), rows["label"].to_numpy()
        bound = Ranking.of(scores, violation).best_threshold()
        assert bound is not None
        flagged = scores >= bound
        best.append(2 * (flagged & violation).sum() / (flagged.sum() + violation.sum()))
        chosen.append(each.estimate(0, "chosen_f1").estimate)
    assert np.mean(chosen) < np.mean(best)  # type: ignore[arg-type]
