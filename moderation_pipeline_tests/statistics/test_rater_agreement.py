from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from moderation_pipeline.statistics.rater_agreement import alpha, alpha_sums


def alpha_of(items: list[list[int]]) -> float:
    labels, yes = (np.array([f(each) for each in items], dtype=float) for f in (len, sum))
    return float(alpha({name: sums.sum(keepdims=True) for name, sums in alpha_sums(labels, yes).items()})[0])


def by_pairs(items: list[list[int]]) -> float:
    """Krippendorff's definition, pair by pair: a second implementation."""
    paired = [each for each in items if len(each) > 1]
    values = [value for each in paired for value in each]
    observed = sum(sum(a != b for a, b in permutations(each, 2)) / (len(each) - 1) for each in paired) / len(
        values
    )
    expected = sum(a != b for a, b in permutations(values, 2)) / (len(values) * (len(values) - 1))
    return 1 - observed / expected


def test_the_binary_example_of_krippendorffs_own_paper_comes_out() -> None:
    """Krippendorff 2011, section A: two observers, ten units."""
    one, other = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert alpha_of([list(pair) for pair in zip(one, other, strict=True)]) == pytest.approx(0.095, abs=0.0005)


def test_alpha_is_that_of_all_pairs_where_items_have_different_numbers_of_labels() -> None:
    random = np.random.default_rng(1)
    items = [list(map(int, random.random(random.integers(1, 6)) < 0.4)) for _ in range(40)]
    assert alpha_of(items) == pytest.approx(by_pairs(items))


def test_full_agreement_is_one_and_all_labels_alike_are_undefined() -> None:
    assert alpha_of([[1, 1, 1], [0, 0, 0]]) == 1
    assert np.isnan(alpha_of([[1, 1], [1, 1]]))


def test_an_item_with_one_label_says_nothing() -> None:
    items = [[1, 1], [0, 1], [0, 0]]
    assert alpha_of([*items, [1], [0]]) == alpha_of(items)
