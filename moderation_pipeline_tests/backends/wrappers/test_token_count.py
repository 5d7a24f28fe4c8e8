"""Tokens that no server counted."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.backends.wrappers.token_count import counted, roughly_counted
from moderation_pipeline_tests.backends.small_models import needs_local, tiny


@given(st.text())
def test_a_rough_count_is_a_token_for_four_bytes(text: str) -> None:
    assert 4 * roughly_counted(text) - 3 <= max(1, len(text.encode())) <= max(1, 4 * roughly_counted(text))


def test_a_model_that_this_machine_doesn_t_have_is_counted_roughly() -> None:
    assert counted("nobody/has-this-model", "twelve bytes") == 3


@pytest.mark.local
def test_the_model_s_own_tokenizer_counts_where_it_is_here(tmp_path: Path) -> None:
    needs_local()
    folder = str(tiny(tmp_path))

    # A byte a token, for no merge was learnt of such bytes; roughly counted, it is one.
    assert counted(folder, "\N{SNOWMAN}") == 3
    assert counted(folder, "") == 0
