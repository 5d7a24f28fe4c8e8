"""Tests of the sanction ladder: steps, immunity, the circuit breaker and shadow mode."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from moderation_pipeline.agents.build_agents import Agents
from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.config.sanctions import SanctionsError, SanctionsSpec, load_sanctions
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.moderation.loop import moderate
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.moderation.scripted import ScriptedStudent, chat_of
from moderation_pipeline_tests.moderation.test_standings import ALONE, action_log_of

STEPS = "default: {warn: [warn, timeout 60s, ban], delete: [delete], timeout: [timeout 10m], ban: [ban]}"


def sanctions_from(folder: Path, text: str) -> SanctionsSpec:
    (folder / "sanctions").mkdir(exist_ok=True)
    (folder / "sanctions" / "mine.yaml").write_text(text)
    return load_sanctions("mine", DataFolder(folder))


def test_a_warning_counts_against_the_next_offence_but_is_no_strike() -> None:
    log = action_log_of(chat_of(["spam"] * 3, users=["mallory"] * 3, seconds=[0, 10, 100]))

    assert log["action"].to_list() == ["warn", "timeout", "timeout"]
    assert log["duration_s"].to_list() == [None, 60, 600]
    assert log["strikes"].to_list() == [0, 1, 2]
    assert log["decided_by"].to_list() == ["student", "ladder", "ladder"]


@pytest.mark.parametrize("role", ["is_moderator", "is_broadcaster"])
def test_moderators_and_the_broadcaster_are_immune(role: str) -> None:
    log = action_log_of(chat_of(["insult"]).with_columns(pl.lit(True).alias(role)))

    assert log["action"].to_list() == ["allow"]
    assert log["category"].to_list() == ["harassment"]
    assert log["decided_by"].to_list() == ["ladder"]
    assert log["strikes"].to_list() == [0]


def test_standing_does_not_travel_between_channels() -> None:
    comments = chat_of(["insult", "insult"], users=["mallory"] * 2).with_columns(
        channel=chat_of(["a", "b"])["comment_id"]
    )

    assert action_log_of(comments)["action"].to_list() == ["delete", "delete"]


def test_too_many_bans_turn_the_rest_of_the_run_to_shadow_mode(tmp_path: Path) -> None:
    spec = sanctions_from(
        tmp_path,
        f"circuit_breaker: {{max_ban_share: 0.1, after_comments: 10}}\nladders:\n  {STEPS}\n",
    )
    users = [f"u{i}" for i in range(15)]
    ladder = Ladder(spec)

    log = moderate(
        chat_of(["hello"] * 9 + ["threat"] * 6, users=users),
        NamedConfig(name="alone", path=tmp_path, config=ALONE),
        agents=Agents(ScriptedStudent(), None, None),
        memory=None,
        ladder=ladder,
    ).action_log

    assert log["is_shadow"].to_list() == [False] * 11 + [True] * 4
    assert log["action"].to_list()[9:] == ["ban"] * 6
    assert ladder.tripped_at == 10


def test_shadow_mode_decides_and_marks_every_action() -> None:
    folder = DataFolder.find()
    log = moderate(
        chat_of(["insult", "hello"]),
        NamedConfig(name="alone", path=folder.root, config=ALONE),
        agents=Agents(ScriptedStudent(), None, None),
        memory=None,
        ladder=Ladder(load_sanctions("default", folder), shadow=True),
    ).action_log

    assert log["action"].to_list() == ["delete", "allow"]
    assert log["is_shadow"].to_list() == [True, True]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ladders: {}", "must map 'default'"),
        ("ladders: {default: {warn: [mute]}}", "step 'mute' is not one of"),
        ("ladders: {default: {scold: [warn]}}", "scold"),
        ("ladders: {default: {}, rudeness: {}}", "unknown category 'rudeness'"),
        ("strikes: 3\nladders: {default: {}}", "strikes"),
        ("ladders: [", "not valid YAML"),
    ],
)
def test_a_sanctions_file_that_can_not_be_used_is_named_with_what_is_wrong(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(SanctionsError, match=says) as error:
        sanctions_from(tmp_path, text)

    assert "mine.yaml" in str(error.value)


def test_unknown_sanctions_are_an_error_that_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(SanctionsError, match="There are: default"):
        load_sanctions("lenient", DataFolder(tmp_path))
