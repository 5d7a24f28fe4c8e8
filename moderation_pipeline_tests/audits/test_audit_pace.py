"""Tests of the pace: the threshold is NumPy's quantile, over the latest doubts alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.audits.audit_doubts import Doubt
from moderation_pipeline.audits.audit_pace import OF_DOUBT, OF_HARM, AuditPace, quantile
from moderation_pipeline.config.config_errors import UnpricedBudgetError
from moderation_pipeline.config.run_config import AuditSpec

SHARES = st.floats(0, 1)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), SHARES)
def test_the_quantile_is_numpys_to_the_last_bit(values: list[float], share: float) -> None:
    assert quantile(np.array(values), share) == float(np.quantile(values, share))


def doubts(value: float, count: int, scale: str = "rules") -> list[Doubt]:
    return [Doubt(scale, value)] * count


@pytest.mark.parametrize(
    "batch", [64, 1_000, OF_DOUBT.history + 1_000], ids=["small", "wraps", "more than is kept"]
)
def test_the_threshold_is_taken_from_the_latest_doubts_alone(batch: int) -> None:
    pace = AuditPace(AuditSpec(rate=0.05))
    for value in (0.9, 0.3):
        for _ in range(OF_DOUBT.history // batch + 1):
            pace.begin(doubts(value, batch), [0.01] * batch, already=0)
    mixed = [*doubts(0.2, 2), *doubts(0.5, 1), *doubts(0.3, 1)]
    assert pace.begin(mixed, [0.01] * batch, already=0) == [2, 3]


def test_doubts_are_ranked_within_their_own_scale() -> None:
    """Closeness is near 1 where doubts are small: on one scale, no doubt would ever be worth an audit."""
    pace = AuditPace(AuditSpec(rate=0.5))
    for _ in range(10):
        pace.begin([Doubt("closeness", 0.9 + i / 1_000) for i in range(64)], [0.01] * 64, already=0)
        pace.begin([Doubt("rules", i / 1_000) for i in range(64)], [0.01] * 64, already=32)
    both = [Doubt("closeness", 0.901), Doubt("rules", 0.062), Doubt("closeness", 0.95), Doubt("rules", 0.001)]
    assert pace.begin(both, [0.01] * 4, already=0)[:2] == [1, 2]


def test_the_first_batch_of_a_scale_is_ranked_by_itself() -> None:
    pace = AuditPace(AuditSpec(rate=0.05))
    for _ in range(10):
        pace.begin(doubts(0.9, 64, "closeness"), [0.01] * 64, already=4)
    worthy = pace.begin([Doubt("rules", i / 100) for i in range(64)], [0.01] * 64, already=0)
    assert 0 < len(worthy) < 10
    assert worthy[0] == 63


def test_what_must_be_audited_starves_the_rest_for_no_longer_than_is_banked() -> None:
    pace = AuditPace(AuditSpec(rate=0.05))
    for _ in range(100):
        pace.begin(doubts(0.5, 64), [0.01] * 64, already=64)
    assert not pace.allows_another
    for _ in range(OF_DOUBT.banked // 64 + 64):
        pace.begin(doubts(0.5, 64), [0.01] * 64, already=0)
    assert pace.allows_another


def test_no_more_is_reserved_than_a_budget_has_left_and_what_did_not_fit_ends_it() -> None:
    pace = AuditPace(AuditSpec(rate=0.05, usd=1.0))

    assert pace.reserve(0.6)
    assert pace.reserve(0.4)
    pace.batch_reserved()
    pace.charge(2, 0.5)  # they cost half of what they might have
    assert not pace.is_spent
    assert pace.reserve(0.4)
    assert not pace.reserve(0.2)
    assert pace.is_spent
    assert not pace.reserve(0.0)


def test_a_budget_can_not_be_kept_where_nobody_knows_the_price() -> None:
    with pytest.raises(UnpricedBudgetError, match=r"audit\.usd of \$1"):
        AuditPace(AuditSpec(usd=1.0)).reserve(None)


def test_what_is_saved_of_harm_is_spent_where_there_is_more_of_it_though_that_comes_late() -> None:
    """After 4,000 calm comments come 400 of which each is worse than any before: far more than their share is had."""
    found = {}
    for policy, span in (("uncertain", OF_DOUBT), ("averted_harm", OF_HARM)):
        pace = AuditPace(AuditSpec.model_validate({"policy": policy, "rate": 0.05}))
        for _ in range(80):
            pace.begin([Doubt("calibrated", 0.0)] * 50, [0.01] * 50, already=0)
        taken = 0
        for batch in range(8):
            worthy = pace.begin([Doubt("calibrated", 1 + batch)] * 50, [0.01] * 50, already=0)
            while worthy and pace.allows_another:
                worthy.pop()
                pace.take_one()
                taken += 1
        found[policy] = taken
        assert taken <= (span.banked + 400) * 0.05
    assert found["averted_harm"] > 2 * found["uncertain"]
