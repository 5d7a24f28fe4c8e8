from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from moderation_pipeline.statistics.bootstrap import (
    LEAST_USERS,
    MANY_USERS,
    Trials,
    by_cluster,
    effective_number,
    interval,
    resample,
)


def sums(users: int, seed: int = 0, *, distinct: bool = False) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    hits = random.integers(0, 3, size=users).astype(float)
    if distinct:
        hits += random.random(users)
    return pl.DataFrame({"cluster": [f"u{i}" for i in range(users)], "hits": hits, "n": np.full(users, 3.0)})


def test_the_same_words_give_the_same_resamples_and_other_words_give_others() -> None:
    one, same, other = (resample(sums(50), seed=words).resamples["hits"] for words in ("a", "a", "b"))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_every_resample_draws_as_many_users_as_there_are() -> None:
    for distinct in (False, True):
        found = resample(sums(2_000, distinct=distinct), seed="x", resamples=20)
        assert np.allclose(found.resamples["n"], 3.0 * 2_000)
        assert found.total["n"][0] == 3.0 * 2_000


def test_many_users_of_many_kinds_spread_as_their_sums_do() -> None:
    hits = np.random.default_rng(0).integers(0, 10_000, size=MANY_USERS).astype(float)
    users = pl.DataFrame({"cluster": np.arange(MANY_USERS), "hits": hits})
    drawn = resample(users, seed="x", resamples=200).resamples["hits"]
    assert drawn.mean() == pytest.approx(hits.sum(), rel=0.001)
    assert drawn.std() == pytest.approx(hits.std() * np.sqrt(MANY_USERS), rel=0.2)


def test_drawing_kinds_of_users_spreads_as_drawing_the_users_themselves_does() -> None:
    users = sums(400)
    kinds = resample(users, seed="x").resamples["hits"]
    random = np.random.default_rng(1)
    hits = users["hits"].to_numpy()
    plain = np.array([hits[random.integers(400, size=400)].sum() for _ in range(1_000)])
    assert kinds.std() == pytest.approx(plain.std(), rel=0.1)
    assert kinds.mean() == pytest.approx(plain.mean(), rel=0.01)


def test_users_who_write_alike_make_the_interval_wider_than_single_comments_would() -> None:
    random = np.random.default_rng(3)
    right = (random.random(60) < 0.7).astype(float)
    lines = pl.DataFrame({"cluster": np.repeat(np.arange(60), 20).astype(str), "hits": np.repeat(right, 20)})
    by_user = resample(lines, seed="x").resamples["hits"].std()
    by_line = (
        resample(lines.with_columns(cluster=pl.int_range(pl.len()).cast(pl.String)), seed="x")
        .resamples["hits"]
        .std()
    )
    assert by_user > 3 * by_line


def test_too_few_users_get_an_estimate_without_an_interval() -> None:
    found = resample(sums(LEAST_USERS - 1), seed="x")
    assert interval(0.5, found.resamples["hits"]) == (0.5, None, None)
    assert interval(float("nan"), found.resamples["hits"]) == (None, None, None)


def test_where_all_agree_the_interval_is_the_exact_binomial_one_and_not_certainty() -> None:
    found = interval(1.0, np.ones(1_000), trials=Trials(20, 500))
    assert found.high == 1.0
    assert found.low == pytest.approx(beta.ppf(0.025, 20, 1))
    assert interval(0.0, np.zeros(1_000), trials=Trials(20, 500)).high == pytest.approx(
        beta.ppf(0.975, 1, 20)
    )


def test_what_is_no_share_is_not_widened() -> None:
    assert interval(0.0, np.zeros(1_000)) == (0.0, 0.0, 0.0)


def test_an_estimate_that_most_resamples_leave_undefined_gets_no_interval() -> None:
    drawn = np.where(np.arange(1_000) < 500, np.nan, 0.5)
    assert interval(0.5, drawn) == (0.5, None, None)


@given(
    st.floats(0, 1),
    st.lists(st.floats(0, 1), min_size=1, max_size=50),
    st.floats(0, 500),
    st.floats(0, 5_000),
)
def test_an_interval_holds_its_estimate_and_a_share_stays_a_share(
    estimate: float, drawn: list[float], users: float, comments: float
) -> None:
    found = interval(estimate, np.array(drawn), trials=Trials(users, comments))
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= estimate <= found.high <= 1


def test_one_heavy_user_counts_as_about_one() -> None:
    sizes = np.array([1, 100])
    assert effective_number(np.array([10_000.0, 1.0]), sizes) == pytest.approx(1.02, abs=0.01)
    assert effective_number(np.array([2.0, 2.0]), sizes) == pytest.approx(101)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    truth, held = 0.3, 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        rate = random.beta(3, 7, size=80)
        lines = pl.DataFrame(
            {"cluster": [f"u{i}" for i in range(80)], "hits": random.binomial(10, rate) * 1.0}
        )
        drawn = resample(lines, seed=str(seed), resamples=400).resamples["hits"] / 800
        found = interval(float(lines["hits"].sum()) / 800, drawn)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth <= found.high
    assert 0.90 <= held / 200 <= 0.99


def test_a_few_heavy_comments_that_agree_do_not_make_an_interval_narrow() -> None:
    drawn = np.linspace(0.985, 0.995, 1_000)
    found = interval(0.99, drawn, trials=Trials(users=90, comments=20))
    assert found.low is not None
    assert found.low < 0.85


def test_where_many_carry_the_rarer_outcome_percentiles_stand_alone() -> None:
    drawn = np.linspace(0.45, 0.55, 1_000)
    assert interval(0.5, drawn, trials=Trials(users=500, comments=5_000)) == interval(0.5, drawn)


def test_sums_of_floats_are_the_same_whatever_the_threads_do() -> None:
    random = np.random.default_rng(0)
    frame = pl.DataFrame(
        {"cluster": random.integers(0, 500, 1_339).astype(str), "n": random.normal(size=1_339) / 7}
    )
    found = {by_cluster(frame)["n"].to_numpy().tobytes() for _ in range(200)}
    assert len(found) == 1
    assert by_cluster(frame)["n"].sum() == pytest.approx(frame["n"].sum())


SUMS = """
import hashlib
import numpy as np, polars as pl
from moderation_pipeline.statistics.bootstrap import resample

made = np.random.default_rng(1)
sums = pl.DataFrame({name: made.random(3000) for name in "abcdefghijkl"}).with_columns(cluster=pl.int_range(3000))
drawn = resample(sums, seed="arena").resamples
print(hashlib.sha256(b"".join(drawn[name].tobytes() for name in sorted(drawn))).hexdigest())
"""


def test_resamples_are_the_same_to_the_bit_however_many_cores_linear_algebra_may_use() -> None:
    printed = {
        subprocess.run(
            [sys.executable, "-c", "import moderation_pipeline\n" + SUMS],
            env={**os.environ, "OPENBLAS_NUM_THREADS": cores, "OMP_NUM_THREADS": cores},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for cores in ("1", "2", "5")
    }
    assert len(printed) == 1
