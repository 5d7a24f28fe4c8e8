"""A small part of `benchmarks/poisoning.py`: chat users can't turn the judge, and the scripts bite where they could."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.poisoning import Row, measured, outcome_of
from benchmarks.poisoning_scripts import GREETING, SCRIPTS, Line, alone, talk

BEFORE = 250


def row_of(name: str, config: str) -> Row:
    (script,) = [each for each in SCRIPTS if each.name == name]
    return measured(script, config, BEFORE)


@pytest.mark.parametrize("config", ["student_memory", "hybrid", "imitating"])
@pytest.mark.parametrize(
    "script",
    ["greeting and plea, one user", "greeting and plea, 30 accounts", "egging on", "excused by pleas"],
)
def test_no_innocent_is_sanctioned_and_no_sanction_averted_by_what_others_had_audited(
    script: str, config: str
) -> None:
    row = row_of(script, config)

    assert (row.innocents_sanctioned, row.averted) == (0, 0)
    assert row.is_within_bounds


@pytest.mark.parametrize("of_one", [False, True])
@pytest.mark.parametrize("script", ["insult behind padding", "egging on", "quoted first"])
def test_no_head_turns_against_innocents_or_for_the_rude_by_lines_said_again_and_again(
    script: str, *, of_one: bool
) -> None:
    """After six hundred lines of talk there are audits enough for heads: each bit when folds alone proved one."""
    (played,) = [each for each in SCRIPTS if each.name == script]

    row = measured(alone(played) if of_one else played, "certified", 600)

    assert (row.innocents_sanctioned, row.averted) == (0, 0)
    assert row.is_within_bounds


@pytest.mark.parametrize("config", ["hybrid", "averted_harm"])
@pytest.mark.parametrize("script", ["plea flood", "order flood", "doubt flood"])
def test_no_user_takes_more_than_three_times_his_share_of_audits(script: str, config: str) -> None:
    assert row_of(script, config).is_within_bounds


@pytest.mark.parametrize("config", ["student_only", "hybrid", "expert_only"])
@pytest.mark.parametrize("script", ["insulting names", "last of seven", "names as licence"])
def test_nobody_is_sanctioned_for_a_name_or_for_what_others_said(script: str, config: str) -> None:
    assert row_of(script, config).is_within_bounds


def test_every_bound_is_looked_at(tmp_path: Path) -> None:
    """What the measure looks at, and each bound by itself."""
    lines = [Line("rook", "you stupid idiot"), Line("kite", GREETING), *talk(0, 5)]

    assert outcome_of(lines, "student_only", tmp_path).sanctioned == {0}
    row = row_of("plea flood", "student_only")
    assert row.is_within_bounds
    assert not row._replace(innocents_sanctioned=1).is_within_bounds
    assert not row._replace(averted=1).is_within_bounds
    assert not row._replace(audits_of_one=9, times_his_share=3.1).is_within_bounds
