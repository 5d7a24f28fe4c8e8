from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from moderation_pipeline.statistics.paired_tests import holm, mcnemar


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_mcnemar_is_the_exact_sign_test_of_the_rows_on_which_one_alone_is_right(one: int, other: int) -> None:
    if one + other:
        assert mcnemar(one, other) == pytest.approx(binomtest(one, one + other).pvalue, rel=1e-9, abs=1e-300)


def test_two_who_are_right_on_the_same_rows_are_not_told_apart() -> None:
    assert mcnemar(0, 0) == 1.0


def test_holm_multiplies_the_smallest_by_all_and_the_next_by_one_less() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_lies_between_the_value_and_bonferronis(p_values: list[float]) -> None:
    corrected = holm(p_values)
    for p, q in zip(p_values, corrected, strict=True):
        assert p <= q <= min(1.0, p * len(p_values)) or q == pytest.approx(p)
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    assert [corrected[i] for i in order] == sorted(corrected)
