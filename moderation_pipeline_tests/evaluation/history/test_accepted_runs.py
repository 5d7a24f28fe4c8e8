"""A run in a pair with the one that was accepted: worse by more than chance is seen, chance is not."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from moderation_pipeline.evaluation.history.accepted_runs import (
    FIRST,
    OTHER_COMMENTS,
    Held,
    held_against_accepted,
    keeps_outcomes,
    paired,
    unexplained_flips,
    worse_than_accepted,
)
from moderation_pipeline.warehouse.tables import ACCEPTED_RUN, METRIC_HISTORY, OUTCOME, PAIRED_SUMS
from moderation_pipeline_tests.evaluation.worlds import config
from moderation_pipeline_tests.warehouse.rows import rows_of

FOUR = datetime(2026, 11, 29, 4, tzinfo=UTC)
CONFIG = config("hybrid")


def sums(hits: int, *, of: int = 200, first: int = 0) -> pl.DataFrame:
    """Return comments of a user each, all violations, of which the first ones were found."""
    found = [float(n < hits) for n in range(of)]
    columns = {"tp": found, "fn": [1 - each for each in found]}
    return pl.DataFrame(
        {
            "comment_id": [f"c{first + n}" for n in range(of)],
            "cluster": [f"u{n}" for n in range(of)],
            "shared_text": pl.Series([None] * of, dtype=pl.String),
            **{name: columns.get(name, [0.0] * of) for name in PAIRED_SUMS},
            "action": ["delete" if n < hits else "allow" for n in range(of)],
            "category": ["hate" if n < hits else "none" for n in range(of)],
            "duration_s": pl.Series([None] * of, dtype=pl.Int64),
            "under_sanction": [False] * of,
            "rule": ["R1" if n < hits else None for n in range(of)],
        }
    )


def agreeing(hits: int, *, of: int = 200) -> pl.DataFrame:
    """Return comments without labels, on which the first plans are the Expert's."""
    ones = [1.0] * of
    return sums(0, of=of).with_columns(
        fn=pl.lit(0.0),
        y_n=pl.Series(ones),
        y_squares=pl.Series(ones),
        y_both=pl.Series([float(n < hits) for n in range(of)]),
    )


def history(run_id: str, **columns: object) -> pl.DataFrame:
    said: dict[str, object] = {
        "chat": "arena",
        "config": "hybrid",
        "run_id": run_id,
        "finished_at": FOUR,
        "code_version": "one",
        "config_hash": "a",
        "data_version": "v1",
        "student_models": ["hf small-1"],
        "expert_models": [],
    }
    return rows_of(METRIC_HISTORY, {**said, **columns})


def accepted_first(by_comment: pl.DataFrame) -> Held:
    return held_against_accepted(history("first"), ACCEPTED_RUN.empty(), by_comment, CONFIG)


def test_the_first_run_is_accepted_and_held_against_nothing() -> None:
    held = accepted_first(sums(180))
    assert held.accepted.schema == ACCEPTED_RUN.schema
    assert held.accepted["accepted_because"].unique().to_list() == [FIRST]
    assert held.history["accepted_run_id"].to_list() == [None]
    assert worse_than_accepted(held.history).is_empty()


def test_how_each_comment_fared_is_kept_of_the_accepted_run_alone() -> None:
    first, second = sums(180), sums(120)
    kept = accepted_first(first).accepted
    assert kept.select(*OUTCOME).equals(first.select(*OUTCOME))
    assert keeps_outcomes(kept)
    held = held_against_accepted(history("second"), kept, second, CONFIG)
    assert held.accepted.select(*OUTCOME).equals(first.select(*OUTCOME))


def test_a_run_that_was_accepted_before_outcomes_were_kept_gets_them_when_it_is_judged_again() -> None:
    old = accepted_first(sums(180)).accepted.with_columns(pl.lit(None).alias(name) for name in OUTCOME)
    assert not keeps_outcomes(old)
    same, other = (
        held_against_accepted(history(each), old, sums(180), CONFIG) for each in ("first", "second")
    )
    assert keeps_outcomes(same.accepted)
    assert not keeps_outcomes(other.accepted)


def test_a_run_that_is_worse_is_told_with_what_changed_and_does_not_become_the_measure() -> None:
    before = accepted_first(sums(180)).accepted
    held = held_against_accepted(
        history("second", student_models=["hf small-2"], code_version="two"), before, sums(120), CONFIG
    )
    (culprit,) = worse_than_accepted(held.history).iter_rows(named=True)
    assert culprit["accepted_run_id"] == "first"
    assert culprit["accepted_quality"] == "f1"
    assert culprit["quality_minus_accepted_high"] < 0
    assert culprit["changed_since_accepted"] == ["code", "Student's model"]
    assert held.accepted.equals(before)


def test_a_slow_decline_is_measured_from_where_it_began() -> None:
    before = accepted_first(sums(180)).accepted
    falls = []
    for night, hits in enumerate((176, 172, 168, 164)):
        held = held_against_accepted(history(f"night{night}"), before, sums(hits), CONFIG)
        falls.append(held.history["quality_minus_accepted"][0])
        before = held.accepted
    assert falls == sorted(falls, reverse=True)
    assert not worse_than_accepted(held.history).is_empty()


def test_equal_runs_differ_by_nothing_and_one_comment_is_chance() -> None:
    before = accepted_first(sums(150)).accepted
    same = held_against_accepted(history("second"), before, sums(150), CONFIG).history
    assert same.select("quality_minus_accepted", "accepted_p").row(0) == (0.0, 1.0)
    one_less = held_against_accepted(history("second"), before, sums(149), CONFIG).history
    assert worse_than_accepted(one_less).is_empty()


def test_without_labels_agreement_with_the_same_expert_is_compared_and_with_another_nothing() -> None:
    found = paired(agreeing(180), agreeing(120), seed="arena", same_expert=True)
    assert found.quality == "system_agreement_rate"
    assert found.is_worse()
    other = paired(agreeing(180), agreeing(120), seed="arena", same_expert=False)
    assert other.p is None
    assert not other.is_worse()


def swapped(flips: int) -> pl.DataFrame:
    """Return comments of which so many pairs, one that was hit and one that was not, have changed places."""
    hit = pl.int_range(pl.len())
    was_moved = ((hit < flips) & (pl.col("action") == "delete")) | (hit >= 200 - flips)
    return sums(100).with_columns(
        action=pl.when(was_moved)
        .then(pl.when(pl.col("action") == "delete").then(pl.lit("allow")).otherwise(pl.lit("delete")))
        .otherwise("action")
    )


@pytest.mark.parametrize(
    ("flips", "changed", "told"),
    [
        (30, {}, [60]),  # as much is acted on as before, on others
        (30, {"student_models": ["hf small-2"]}, [60]),
        (30, {"code_version": "two"}, []),
        (30, {"data_version": "v2"}, []),
        (2, {}, []),  # 2 % of them: as providers do
        (0, {}, []),
    ],
)
def test_comments_that_fare_otherwise_where_only_models_can_have_changed_are_told(
    flips: int, changed: dict[str, object], told: list[int]
) -> None:
    before = accepted_first(sums(100)).accepted
    now = swapped(flips)
    held = held_against_accepted(history("second", **changed), before, now, CONFIG)
    found = unexplained_flips(held.history, held.accepted, now)
    assert ([] if found.is_empty() else found["flipped"].to_list()) == told


def test_what_silenced_users_wrote_counts_as_no_flip_and_an_accepted_run_is_held_against_nothing() -> None:
    first = accepted_first(sums(100))
    assert unexplained_flips(first.history, first.accepted, sums(100)).is_empty()
    now = swapped(30).with_columns(under_sanction=pl.lit(value=True))
    held = held_against_accepted(history("second"), first.accepted, now, CONFIG)
    assert unexplained_flips(held.history, held.accepted, now).is_empty()


def test_a_chat_that_grew_is_compared_on_the_comments_of_both() -> None:
    before = accepted_first(sums(150)).accepted
    grown = pl.concat([sums(150), sums(0, of=100, first=200)])
    held = held_against_accepted(history("second", data_version="v2"), before, grown, CONFIG)
    assert held.history["quality_minus_accepted"].to_list() == [0.0]
    assert held.history["changed_since_accepted"].to_list() == [["comments"]]
    assert held.accepted.height == 200


@pytest.mark.parametrize(
    ("accept", "now", "because"),
    [("", sums(10, first=1_000), OTHER_COMMENTS), ("half the price", sums(10), "half the price")],
)
def test_another_run_is_accepted_where_somebody_says_so_or_no_comment_is_left(
    accept: str, now: pl.DataFrame, because: str
) -> None:
    before = accepted_first(sums(150)).accepted
    held = held_against_accepted(history("second"), before, now, CONFIG, accept)
    assert held.accepted["run_id"].unique().to_list() == ["second"]
    assert held.accepted["accepted_because"].unique().to_list() == [because]
