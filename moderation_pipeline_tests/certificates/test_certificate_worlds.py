"""A small part of `benchmarks/certificates.py`: certificates hold at every look, and they come."""

from __future__ import annotations

from benchmarks.certificates import alarms_in, look_at, stated_audits
from moderation_pipeline.certificates.certificate_rows import RowKey

WORLDS = 6
EVERYTHING = RowKey("all", "all", "sanctions")


def test_hardly_any_world_has_a_false_certificate_at_any_look() -> None:
    false = [seed for seed in range(WORLDS) if look_at(seed, comments=8_000, is_hard=True).false]

    assert len(false) <= 1


def test_where_errors_are_half_the_target_the_certificate_comes_in_most_worlds() -> None:
    stated = stated_audits(EVERYTHING)
    seen = [look_at(seed, comments=24_000, is_hard=False) for seed in range(WORLDS)]

    in_time = [each for each in seen if each.audits_until_valid.get(EVERYTHING, stated + 1) <= stated]
    assert all(each.audits[EVERYTHING] >= stated for each in seen)
    assert len(in_time) >= WORLDS - 3


def test_where_sanctions_are_audited_likelier_than_the_rest_only_drift_alarms() -> None:
    """Errors at .4 of every target, under the floors of `certified`, in a world long enough for many audits."""
    seen = alarms_in(1, comments=700_000)

    assert seen.calm_audits > 8_000
    assert not seen.is_false
    assert seen.audits_until_alarm is not None
    assert seen.audits_until_alarm < 2_000
