"""`moderation promote` on a chat whose labels tell configs apart, as a lead moderator would type it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moderation_pipeline.synthetic.synthetic_chat import SyntheticSettings, write_synthetic
from moderation_pipeline.terminal.exit_codes import ExitCode
from moderation_pipeline_tests.program import moderation


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat under the default config and the same without audits."""
    folder = tmp_path_factory.mktemp("promoting")
    write_synthetic(folder / "data" / "chats" / "evening.jsonl", SyntheticSettings(comments=600))
    done = moderation(folder, "run", "evening", "-c", "hybrid", "-c", "student_only")
    assert done.returncode == ExitCode.OK, done.stderr
    return folder


def test_a_config_whose_runs_are_worse_or_missing_is_refused_and_one_with_a_reason_is_champion(
    folder: Path,
) -> None:
    missing = moderation(folder, "promote", "evening", "learned")
    assert missing.returncode == ExitCode.USAGE
    assert "moderation run evening -c learned" in missing.stderr
    accepted = moderation(
        folder, "promote", "evening", "student_only", "--accept", "no Expert to be had", "--by", "ann"
    )
    assert accepted.returncode == ExitCode.OK, accepted.stderr
    (entry,) = json.loads(moderation(folder, "promote", "--json").stdout)
    assert (entry["config"], entry["instead_of"], entry["by"]) == ("student_only", "hybrid", "ann")
    assert entry["accepted"] == "no Expert to be had"
    assert "student_only against hybrid: evening F1" in entry["why"]

    again = moderation(folder, "run", "evening", "-c", "champion", "--json")
    assert again.returncode == ExitCode.OK, again.stderr
    asked = "select config, accepted_because from accepted_run group by all order by config"
    told = json.loads(moderation(folder, "sql", asked, "--json").stdout)
    assert told == [
        {"config": "hybrid", "accepted_because": "the first run of this config on this chat"},
        {"config": "student_only", "accepted_because": "no Expert to be had"},
    ]
    counted = "select config, count(*) as made from metric_history group by config order by config"
    times = json.loads(moderation(folder, "sql", counted, "--json").stdout)
    assert times == [{"config": "hybrid", "made": 1}, {"config": "student_only", "made": 3}]


def test_a_run_of_a_config_that_is_no_champion_is_accepted_alone_and_one_that_is_stale_is_not(
    folder: Path,
) -> None:
    run = moderation(folder, "run", "evening", "-c", "expert_only")
    assert run.returncode == ExitCode.OK, run.stderr
    before = moderation(folder, "promote", "--json").stdout
    accepted = moderation(folder, "accept", "evening", "expert_only", "the May version")
    assert accepted.returncode == ExitCode.OK, accepted.stderr
    asked = "select distinct accepted_because from accepted_run where config = 'expert_only'"
    assert json.loads(moderation(folder, "sql", asked, "--json").stdout) == [
        {"accepted_because": "the May version"}
    ]
    assert moderation(folder, "promote", "--json").stdout == before

    never = moderation(folder, "accept", "evening", "learned", "why not")
    assert (never.returncode, "has not been moderated" in never.stderr) == (ExitCode.USAGE, True)
    (folder / "data" / "configs").mkdir(exist_ok=True)
    (folder / "data" / "configs" / "expert_only.yaml").write_text(
        "extends: expert_only\nloop: {batch_size: 7}\n"
    )
    stale = moderation(folder, "accept", "evening", "expert_only", "why not")
    assert (stale.returncode, "the config has changed since" in stale.stderr) == (ExitCode.USAGE, True)


def test_who_promotes_the_champion_again_is_told_how_its_run_is_accepted(folder: Path) -> None:
    first = moderation(folder, "promote", "evening", "hybrid", "--accept", "back again")
    assert first.returncode == ExitCode.OK, first.stderr
    again = moderation(folder, "promote", "evening", "hybrid")
    assert again.returncode == ExitCode.USAGE
    assert "'moderation accept evening hybrid REASON'" in again.stderr


def test_a_name_that_is_neither_chat_nor_channel_is_said_with_those_there_are(folder: Path) -> None:
    refused = moderation(folder, "promote", "evenin", "hybrid")
    assert refused.returncode == ExitCode.USAGE
    assert "Did you mean 'evening'?" in refused.stderr
