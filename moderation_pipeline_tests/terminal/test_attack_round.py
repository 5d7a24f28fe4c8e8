"""`moderation attack` as a user calls it, with keyless configs and the real suite."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from moderation_pipeline.attacks.attack_suite import attack_suite
from moderation_pipeline.cli import called_with
from moderation_pipeline.terminal.attack_round import Resistance
from moderation_pipeline.terminal.exit_codes import ExitCode
from moderation_pipeline.warehouse.tables import ATTACK_RESULTS


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of its own."""
    monkeypatch.setenv("MODERATION_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.mark.parametrize("config", ["student_only", "student_memory", "hybrid", "expert_only"])
def test_the_keyless_configs_withstand_the_suite(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = called_with(["attack", config])

    told = capsys.readouterr()
    assert code == ExitCode.OK, told.err
    assert "attacks made a caught violation look milder" in told.err
    assert "homoglyphs" in told.out


def test_results_are_json_for_scripts_and_count_every_attack(capsys: pytest.CaptureFixture[str]) -> None:
    assert called_with(["attack", "student_only", "--json"]) == ExitCode.OK

    rows = json.loads(capsys.readouterr().out)
    assert sum(row["attacks"] for row in rows) == len(attack_suite())
    assert set(rows[0]) == set(ATTACK_RESULTS.schema)
    assert {(row["chat"], row["config"]) for row in rows} == {("attacks", "student_only")}


def test_a_config_that_catches_nothing_plain_has_shown_nothing_and_fails(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "configs").mkdir(parents=True)
    text = (
        "description: waits for labels\nregime: expert_only\nstudent: none\n"
        "expert: {backend: labels}\naudit: {policy: all}\n"
    )
    (data / "configs" / "blind.yaml").write_text(text, "utf-8")

    assert called_with(["attack", "blind"]) == ExitCode.FAILED
    assert "Nothing was caught even without an attack" in capsys.readouterr().err


def test_an_unknown_config_is_a_mistake_that_names_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert called_with(["attack", "hybird"]) == ExitCode.USAGE
    assert "hybrid" in capsys.readouterr().err


@pytest.mark.parametrize(("succeeded", "is_passed"), [(0, True), (1, True), (2, False)])
def test_more_than_one_success_in_a_hundred_fails(succeeded: int, is_passed: bool) -> None:
    results = pl.DataFrame({"caught_without": [100], "succeeded": [succeeded]})

    found = Resistance(results, succeeded / 100, [])

    assert found.is_passed == is_passed
    assert f"{succeeded} of 100" in found.verdict
