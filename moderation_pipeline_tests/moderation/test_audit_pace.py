"""Tests of the pace: the threshold is NumPy's quantile, over the latest doubts alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.config import AuditSpec
from moderation_pipeline.moderation.audit_pace import HISTORY, AuditPace, quantile

SHARES = st.floats(0, 1)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), SHARES)
def test_the_quantile_is_numpys_to_the_last_bit(values: list[float], share: float) -> None:
    assert quantile(np.array(values), share) == float(np.quantile(values, share))


@pytest.mark.parametrize("batch", [64, 1_000, HISTORY + 1_000], ids=["small", "wraps", "more than is kept"])
def test_the_threshold_is_taken_from_the_latest_doubts_alone(batch: int) -> None:
    pace = AuditPace(AuditSpec(rate=0.05))
    for _ in range(HISTORY // batch + 1):
        pace.begin([0.9] * batch, batch, already=0)
    for _ in range(HISTORY // batch + 1):
        pace.begin([0.1] * batch, batch, already=0)
    assert pace.begin([], batch, already=0) == 0.1
