"""How often a run that failed is tried again, and in which order chats are asked anew, by real runs of a server's."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from moderation_pipeline.config.champions import Champions, Promotion
from moderation_pipeline.terminal.exit_codes import ExitCode
from moderation_pipeline.warehouse.files import partition_path
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import PROVENANCE
from moderation_pipeline_tests.backends.chat_server import running
from moderation_pipeline_tests.program import moderation
from moderation_pipeline_tests.warehouse.rows import rows_of, write_table

ASKED = """
student: {{backend: openai, model: tiny-judge, base_url: "{base_url}", price: 1000}}
expert: none
audit: {{policy: none}}
loop: {{batch_size: 2}}
"""
CONFIG = "student_only"
"""A ready-made name: which configs there are, Dagster's definitions read when they are loaded."""

CHATS = ("monday", "tuesday")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two chats of eight comments, under a config whose calls cost dollars."""
    (tmp_path / "data" / "chats").mkdir(parents=True)
    (tmp_path / "data" / "configs").mkdir()
    for chat in CHATS:
        lines = "".join(f"ann,{chat} says {number}\n" for number in range(8))
        (tmp_path / "data" / "chats" / f"{chat}.csv").write_text(f"user_name,text\n{lines}")
    return tmp_path


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_run_for_which_the_day_has_no_money_left_is_not_tried_again_today(folder: Path, jobs: str) -> None:
    with running() as server:
        (folder / "data" / "configs" / f"{CONFIG}.yaml").write_text(ASKED.format(base_url=server.base_url))
        (folder / "data" / "nights.yaml").write_text(
            "configs: [student_only]\nusd_per_day: 0.01\nretries: 3\n"
        )
        night = moderation(folder, "run", "--night", "--jobs", jobs)

    assert night.returncode == ExitCode.FAILED
    assert "goes on tomorrow" in night.stderr
    assert "Trying again" not in night.stderr
    assert "Failed: monday, tuesday (2 of 2 chats)." in night.stderr


def test_a_day_s_money_that_is_enough_for_one_chat_goes_to_each_in_its_turn(folder: Path) -> None:
    settings, data = "configs: [student_only]\nfresh: true\nusd_per_day: {usd}\n", DataFolder(folder / "data")
    with running() as server:
        (folder / "data" / "configs" / f"{CONFIG}.yaml").write_text(ASKED.format(base_url=server.base_url))
        (folder / "data" / "nights.yaml").write_text(settings.format(usd=1_000))
        for since, chat in enumerate(reversed(CHATS)):  # when each was decided last
            decided = partition_path(data, PROVENANCE, chat, CONFIG)
            write_table(rows_of(PROVENANCE, {"chat": chat, "config": CONFIG}), data, PROVENANCE, chat, CONFIG)
            os.utime(decided, (1_000_000 + since, 1_000_000 + since))
        (folder / "data" / "chats" / "wednesday.csv").write_text("user_name,text\nann,hello there\n")
        night = moderation(folder, "run", "--night")

    assert night.returncode == ExitCode.OK, night.stderr
    assert [line.split(":")[0] for line in night.stdout.splitlines()] == ["wednesday", "tuesday", "monday"]


@pytest.mark.parametrize("fresh", ["false", "true"])
def test_a_chat_whose_champion_is_gone_fails_in_its_turn_be_models_asked_anew_or_not(
    folder: Path, fresh: str
) -> None:
    promotion = Promotion(
        scope="chat",
        name="monday",
        config="gone",
        config_hash="0",
        instead_of="hybrid",
        promoted_at=datetime(2026, 1, 1, tzinfo=UTC),
        by="ann",
        why="better",
    )
    kept = Champions(promotions=(promotion,)).model_dump(mode="json")
    (folder / "data" / "champions.yaml").write_text(yaml.safe_dump(kept))
    (folder / "data" / "nights.yaml").write_text(f"configs: [champion]\nchats: [monday]\nfresh: {fresh}\n")

    night = moderation(folder, "run", "--night")

    assert night.returncode == ExitCode.FAILED
    assert "'gone'" in night.stderr
    assert "Failed: monday (1 of 1 chats)." in night.stderr
