from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from moderation_pipeline.cli import Session, cli
from moderation_pipeline.config.config_errors import ConfigError, meaning_of
from moderation_pipeline.config.config_keys import config_keys
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.key_meanings import key_meanings
from moderation_pipeline.config.run_config import Config
from moderation_pipeline.config.sanctions import SanctionsSpec
from moderation_pipeline.warehouse.folder import DataFolder


def test_every_key_says_what_it_means() -> None:
    assert [each.key for each in config_keys() if not each.meaning] == []
    assert set(SanctionsSpec.model_fields) == set(key_meanings(SanctionsSpec))


@pytest.mark.parametrize(
    ("key", "allowed", "default"),
    [
        ("memory.top_k", "a whole number at least 1, at most 100", "5"),
        ("audit.measure", "margin, entropy", '"margin"'),
        ("student[openai].model", "text", "must be said"),
        ("student[learned].strength", "a number above 0", "0.5"),
        ("shadow", "true or false", "false"),
        ("budget.when_spent", "stop, rules", '"stop"'),
        ("fallback", "rules, null", "null"),
        ("student[openai].shows_memories", "true, false, auto", '"auto"'),
    ],
)
def test_a_key_is_listed_with_what_is_allowed_and_what_holds_without_it(
    key: str, allowed: str, default: str
) -> None:
    (found,) = [each for each in config_keys() if each.key == key]
    assert (found.allowed, found.default) == (allowed, default)


def test_the_backends_that_an_agent_may_have_are_named() -> None:
    (student,) = [each for each in config_keys() if each.key == "student"]
    assert student.allowed.startswith("none, rules, learned, together, openai, hf")


@pytest.mark.parametrize(
    ("location", "begins"),
    [
        (("memory", "top_k"), "How many memories are recalled"),
        (("student", "none_allowed", "openai", "max_tokens"), "How long a reply"),
        (("student", "none_allowed", "tiers", "tiers", 0, "hf", "device"), "Where it runs"),
    ],
)
def test_the_meaning_of_a_key_is_found_where_an_error_says_it_is(
    location: tuple[str | int, ...], begins: str
) -> None:
    assert str(meaning_of(Config, location)).startswith(begins)


def test_an_error_says_what_the_key_means(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.configs.mkdir()
    (folder.configs / "mine.yaml").write_text("memory: {retire_after_uses: 0}\n")
    with pytest.raises(
        ConfigError, match=r"got 0.*It means: A memory that harmed more than it helped is retired"
    ):
        ConfigLibrary(folder).load("mine")


def test_the_terminal_lists_the_keys_that_begin_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODERATION_DATA", str(tmp_path))
    listed = CliRunner().invoke(cli, ["configs", "--keys", "loop", "--json"], obj=Session())
    assert [line for line in ("batch_size", "feedback_lag", "seed") if line not in listed.output] == []
    assert "memory" not in listed.output
