"""Tests of the pace: the threshold is NumPy's quantile, over the latest doubts alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.backends.budget import UnpricedBudgetError
from moderation_pipeline.config import AuditSpec
from moderation_pipeline.moderation.audit_doubts import Doubt
from moderation_pipeline.moderation.audit_pace import BANKED, HISTORY, AuditPace, quantile

SHARES = st.floats(0, 1)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), SHARES)
def test_the_quantile_is_numpys_to_the_last_bit(values: list[float], share: float) -> None:
    assert quantile(np.array(values), share) == float(np.quantile(values, share))


def doubts(value: float, count: int, scale: str = "rules") -> list[Doubt]:
    return [Doubt(scale, value)] * count


@pytest.mark.parametrize("batch", [64, 1_000, HISTORY + 1_000], ids=["small", "wraps", "more than is kept"])
def test_the_threshold_is_taken_from_the_latest_doubts_alone(batch: int) -> None:
    pace = AuditPace(AuditSpec(rate=0.05))
    for value in (0.9, 0.1):
        for _ in range(HISTORY // batch + 1):
            pace.begin(doubts(value, batch), [0.01] * batch, already=0)
    assert pace.begin(doubts(0.5, 1), [0.01] * batch, already=0) == {"rules": 0.1}


def test_doubts_of_another_scale_have_a_threshold_of_their_own() -> None:
    pace = AuditPace(AuditSpec(rate=0.05))
    for _ in range(10):
        pace.begin(doubts(0.99, 64, "closeness"), [0.01] * 64, already=0)
        pace.begin(doubts(0.2, 64, "rules"), [0.01] * 64, already=0)
    both = [*doubts(0.5, 1, "rules"), *doubts(0.5, 1, "closeness")]
    assert pace.begin(both, [0.01] * 2, already=0) == {"rules": 0.2, "closeness": 0.99}


def test_what_must_be_audited_starves_the_rest_for_no_longer_than_is_banked() -> None:
    pace = AuditPace(AuditSpec(rate=0.05))
    for _ in range(100):
        pace.begin(doubts(0.5, 64), [0.01] * 64, already=64)
    assert not pace.allows_another
    for _ in range(BANKED // 64 + 64):
        pace.begin(doubts(0.5, 64), [0.01] * 64, already=0)
    assert pace.allows_another


def test_no_more_is_reserved_than_a_budget_has_left_and_what_did_not_fit_ends_it() -> None:
    pace = AuditPace(AuditSpec(rate=0.05, usd=1.0))

    assert pace.reserve(10, 0.6)
    assert pace.reserve(10, 0.4)
    pace.charge(10, 0.1)  # the first cost less than it might have
    assert not pace.is_spent
    assert pace.reserve(10, 0.5)
    assert not pace.reserve(10, 0.2)
    assert pace.is_spent
    assert not pace.reserve(10, 0.0)


def test_a_budget_can_not_be_kept_where_nobody_knows_the_price() -> None:
    with pytest.raises(UnpricedBudgetError, match=r"audit\.usd of \$1"):
        AuditPace(AuditSpec(usd=1.0)).reserve(10, None)
