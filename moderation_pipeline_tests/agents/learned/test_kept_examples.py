"""Tests of what a head is fitted on: all that it was taught, and of too much a fair sample."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from moderation_pipeline.agents.conduct.conduct_levels import NOT_LOOKED_AT
from moderation_pipeline.agents.learned.kept_examples import KeptExamples
from moderation_pipeline.agents.learned.model_snapshot import ALWAYS_LEARNT, Example, HowAudited
from moderation_pipeline.agents.learned.reading.feature_rows import Known
from moderation_pipeline.agents.learned.reading.vocabulary import Numbered

WORDLESS = Numbered(np.empty(0, dtype=np.int32), np.empty(0), 0)


def example(number: int, *, is_violation: bool = False) -> Example:
    outcome = "delete/other" if is_violation else None
    return Example(Known("arena", NOT_LOOKED_AT, WORDLESS), np.array([float(number)]), outcome)


def taught(kept: KeptExamples, count: int, *, is_violation: bool = False) -> None:
    for number in range(count):
        place = kept.place_of(f"c{number}", is_violation=is_violation)
        if place is not None:
            kept.put(place, example(number, is_violation=is_violation))


def numbers(kept: KeptExamples) -> list[int]:
    return [int(each.numbers[0]) for each in kept.examples]


def test_up_to_the_bound_all_are_kept_in_their_order() -> None:
    kept = KeptExamples(50)

    taught(kept, 50)

    assert numbers(kept) == list(range(50))


def test_of_too_many_a_fair_sample_is_kept_over_all_that_came() -> None:
    kept = KeptExamples(200)

    taught(kept, 2_000)

    assert len(kept.examples) == 200
    early = sum(number < 1_000 for number in numbers(kept))
    assert 70 < early < 130


def test_the_rarer_kind_is_kept_whole_beside_a_sample_of_the_other() -> None:
    kept = KeptExamples(100)

    taught(kept, 1_000)
    taught(kept, 40, is_violation=True)

    assert sum(each.outcome is not None for each in kept.examples) == 40
    assert len(kept.examples) == 140
    assert kept.are_of_both_kinds


def test_what_a_run_begins_with_counts_among_them() -> None:
    kept = KeptExamples(100)

    kept.begin_with([example(-1)] * 60)
    taught(kept, 500)

    assert len(kept.examples) == 100
    assert 0 < numbers(kept).count(-1) < 60


def test_what_a_run_begins_with_is_judged_in_no_fold() -> None:
    kept = KeptExamples(100)
    own = replace(
        example(1),
        shown=HowAudited(2, weight=5.0, is_fair=True, base_is_right=False, user=None, near_copies=None),
    )

    kept.begin_with([own])

    assert (own.fold, own.weight) == (2, 5.0)
    assert (kept.examples[0].fold, kept.examples[0].weight) == (ALWAYS_LEARNT, 1.0)
