"""Tests of the names of runs: what is written is read, and what is no run says how one is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.slugs import SLUG, BadSlugError, RunKey, VersionedRun

slugs = st.from_regex(SLUG, fullmatch=True)


@given(slugs, slugs)
def test_a_run_is_read_as_it_was_written(chat: str, config: str) -> None:
    assert RunKey.parse(str(RunKey(chat, config))) == (chat, config)


@given(slugs, slugs)
def test_a_run_of_versions_tells_which_run_it_is(chat: str, config: str) -> None:
    written = str(VersionedRun(chat, config, "c0ffee", "facade"))

    assert written == f"{chat}|{config}|c0ffee|facade"
    assert VersionedRun.parse(written).key == RunKey(chat, config)


def test_a_run_reads_as_its_partition_does_wherever_it_is_printed() -> None:
    assert f"{RunKey('stream', 'hybrid')}" == "stream|hybrid"


def test_what_names_no_run_is_refused() -> None:
    with pytest.raises(ValueError, match=r"as 'chat\|config'"):
        RunKey.parse("stream")
    with pytest.raises(BadSlugError, match=r"Config name 'b\|c' is not allowed"):
        RunKey.parse("a|b|c")
