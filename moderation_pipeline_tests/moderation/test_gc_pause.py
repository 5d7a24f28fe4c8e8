"""Tests of how often garbage is looked for: seldom while a run goes on, and as before once it is over."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from moderation_pipeline.moderation.gc_pause import NEW_OBJECTS, seldom_collected


@pytest.fixture
def thresholds() -> Iterator[tuple[int, int, int]]:
    before, usual = gc.get_threshold(), (700, 10, 10)
    gc.set_threshold(*usual)
    yield usual
    gc.set_threshold(*before)


def test_garbage_is_looked_for_seldom_and_then_as_before(thresholds: tuple[int, int, int]) -> None:
    with seldom_collected():
        assert gc.get_threshold() == (NEW_OBJECTS, *thresholds[1:])
    assert gc.get_threshold() == thresholds


@pytest.mark.parametrize("first", [0, 5 * NEW_OBJECTS], ids=["not at all", "more seldom yet"])
def test_what_whoever_runs_it_has_set_to_be_more_seldom_stays(
    first: int, thresholds: tuple[int, int, int]
) -> None:
    gc.set_threshold(first, *thresholds[1:])
    with seldom_collected():
        assert gc.get_threshold()[0] == first
