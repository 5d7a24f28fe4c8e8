from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from moderation_pipeline.statistics.ranking import Area, Ranking, pseudo_values

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def scored(rows: int, seed: int, *, ties: bool) -> tuple[Floats, Flags]:
    """Scores that tell violations apart somewhat; with ties there are a dozen values."""
    random = np.random.default_rng(seed)
    violation = random.random(rows) < 0.3
    scores = random.normal(size=rows) + violation
    return (np.round(scores * 2) / 2 if ties else scores), violation


def areas(scores: Floats, violation: Flags) -> dict[str, Area]:
    ranking = Ranking.of(scores, violation)
    return {"auroc": ranking.auroc(violation), "auprc": ranking.average_precision(violation)}


def by_scikit(name: str, scores: Floats, violation: Flags, weight: Floats) -> float:
    area = roc_auc_score if name == "auroc" else average_precision_score
    return float(area(violation, scores, sample_weight=weight))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("name", ["auroc", "auprc"])
def test_an_area_is_scikit_learns(name: str, ties: bool) -> None:
    scores, violation = scored(400, 1, ties=ties)
    assert areas(scores, violation)[name].value == pytest.approx(
        by_scikit(name, scores, violation, np.ones(400))
    )


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("name", ["auroc", "auprc"])
def test_what_a_row_adds_is_what_scikit_learns_area_changes_by_when_it_weighs_more(
    name: str, ties: bool
) -> None:
    scores, violation = scored(60, 2, ties=ties)
    step, found = 1e-6, areas(scores, violation)[name]
    for row in range(60):
        more, less = np.ones(60), np.ones(60)
        more[row] += step
        less[row] -= step
        slope = (by_scikit(name, scores, violation, more) - by_scikit(name, scores, violation, less)) / (
            2 * step
        )
        assert found.influence[row] == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("name", ["auroc", "auprc"])
def test_what_rows_add_sums_to_nought_and_pseudo_values_to_the_area(name: str) -> None:
    scores, violation = scored(300, 3, ties=True)
    found = areas(scores, violation)[name]
    assert found.influence.sum() == pytest.approx(0, abs=1e-12)
    assert pseudo_values(found, violation).sum() / violation.sum() == pytest.approx(found.value)


@pytest.mark.parametrize("name", ["auroc", "auprc"])
def test_resampled_pseudo_values_spread_as_the_area_computed_anew_in_each_resample(name: str) -> None:
    scores, violation = scored(1_500, 4, ties=False)
    values, random = pseudo_values(areas(scores, violation)[name], violation), np.random.default_rng(5)
    linear, anew = [], []
    for _ in range(400):
        drawn = random.integers(1_500, size=1_500)
        linear.append(values[drawn].sum() / violation[drawn].sum())
        anew.append(areas(scores[drawn], violation[drawn])[name].value)
    assert np.std(linear) == pytest.approx(np.std(anew), rel=0.06)


def test_the_best_threshold_is_the_best_of_all_that_scikit_learn_knows() -> None:
    scores, violation = scored(500, 6, ties=True)
    precision, recall, bounds = precision_recall_curve(violation, scores)
    f1 = 2 * precision[:-1] * recall[:-1] / np.maximum(precision[:-1] + recall[:-1], 1e-12)
    best = Ranking.of(scores, violation).best_threshold()
    assert f1[bounds == best][0] == pytest.approx(f1.max())


def test_a_row_without_a_score_ranks_below_all_others_and_is_flagged_at_no_threshold() -> None:
    scores, violation = np.array([0.2, np.nan, 0.9]), np.array([False, True, True])
    ranking = Ranking.of(scores, violation)
    assert ranking.auroc(violation).value == pytest.approx(0.5)
    assert ranking.best_threshold() == 0.9


def test_without_a_violation_nothing_is_ranked() -> None:
    ranking = Ranking.of(np.array([0.1, 0.7]), np.array([False, False]))
    assert not ranking.has_both
    assert ranking.best_threshold() is None
