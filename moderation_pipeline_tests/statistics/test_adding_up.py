from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.statistics.adding_up import added_up_by, groups_of, numbered

TEXTS = st.lists(st.one_of(st.none(), st.sampled_from(["", "gg", "ez", "é", "a\x1fb"])), max_size=30)
NUMBERS = st.integers(min_value=-(2**62), max_value=2**62)


def by_appearance(values: Sequence[object]) -> list[int]:
    """Each value's number, the obvious way."""
    known: dict[object, int] = {}
    return [known.setdefault(value, len(known)) for value in values]


@given(TEXTS)
def test_texts_are_numbered_in_the_order_in_which_they_appear_and_null_is_one_of_them(
    texts: list[str | None],
) -> None:
    assert numbered(pl.Series(texts, dtype=pl.String)).to_list() == by_appearance(texts)


@given(st.lists(st.tuples(st.one_of(st.none(), NUMBERS), st.sampled_from("abc"), st.booleans()), max_size=30))
def test_rows_are_a_group_where_they_are_equal_in_every_key(
    rows: list[tuple[int | None, str, bool]],
) -> None:
    kinds = (pl.Int64, pl.String, pl.Boolean)
    keys = [pl.Series([row[at] for row in rows], dtype=kind) for at, kind in enumerate(kinds)]
    found = groups_of(keys)
    assert found.of_row.tolist() == by_appearance(rows)
    assert found.first.tolist() == [rows.index(row) for at, row in enumerate(rows) if rows.index(row) == at]


def test_sums_by_several_keys_are_too_and_rows_without_one_are_a_group() -> None:
    random = np.random.default_rng(1)
    frame = pl.DataFrame(
        {
            "cluster": random.integers(0, 40, 2_000).astype(str),
            "text": pl.Series([None if i % 7 == 0 else i % 5 for i in range(2_000)]),
            "n": random.normal(size=2_000) / 7,
        }
    )
    found = [added_up_by(("cluster", "text"), frame) for _ in range(100)]
    assert len({each["n"].to_numpy().tobytes() for each in found}) == 1
    polars = frame.group_by("cluster", "text", maintain_order=True).agg(pl.col("n").sum())
    assert found[0].drop("n").equals(polars.drop("n"))
    assert found[0]["n"].to_list() == pytest.approx(polars["n"].to_list())


def test_noughts_and_flags_and_what_is_unknown_add_up_as_they_did_one_by_one() -> None:
    frame = pl.DataFrame(
        {
            "who": ["a", "b", "a", "c", "b", "a"],
            "nothing": [0.0] * 6,
            "rare": [0.0, 0.0, 0.5, 0.0, 0.0, 0.0],
            "flag": [True, False, False, False, False, True],
            "unknown": [1.0, None, 1.0, 1.0, 1.0, 1.0],
        }
    )
    found = added_up_by(["who"], frame)
    assert found["who"].to_list() == ["a", "b", "c"]
    assert found["nothing"].to_list() == [0, 0, 0]
    assert found["rare"].to_list() == [0.5, 0, 0]
    assert found["flag"].to_list() == [2, 0, 0]
    assert np.isnan(found["unknown"].to_list()).tolist() == [False, True, False]
