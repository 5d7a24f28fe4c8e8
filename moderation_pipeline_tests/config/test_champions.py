from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from moderation_pipeline.config.champions import Champions, Promotion, Scope, champions, promoted
from moderation_pipeline.config.config_errors import ConfigError
from moderation_pipeline.warehouse.folder import DataFolder


def promotion(scope: Scope, name: str, config: str) -> Promotion:
    return Promotion(
        scope=scope,
        name=name,
        config=config,
        config_hash="abcd",
        instead_of="hybrid",
        promoted_at=datetime(2026, 11, 29, tzinfo=UTC),
        by="ann",
        why="better",
    )


def test_promotions_are_kept_and_the_last_one_holds(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    assert champions(folder) == Champions()
    promoted(folder, promotion("chat", "monday", "learned"))
    promoted(folder, promotion("chat", "monday", "mine"))
    found = champions(folder)
    assert [each.config for each in found.promotions] == ["learned", "mine"]
    assert found.of("chat", "monday") == "mine"
    assert found.of("channel", "monday") is None


def test_a_chat_has_its_own_champion_else_that_of_its_channels_where_they_agree() -> None:
    two = Champions(
        promotions=(
            promotion("channel", "lobby", "learned"),
            promotion("channel", "arena", "learned"),
            promotion("channel", "attic", "mine"),
            promotion("chat", "special", "expert_only"),
        )
    )
    assert two.of_chat("monday", ["lobby", "arena"]) == "learned"
    assert two.of_chat("monday", ["lobby", "attic"]) == "hybrid"
    assert two.of_chat("monday", ["lobby", "unknown"]) == "hybrid"
    assert two.of_chat("special", ["lobby"]) == "expert_only"
    assert two.of_chat("monday", []) == "hybrid"


def test_a_file_that_was_written_by_hand_and_is_wrong_is_named(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.champions.write_text("promotions: [{scope: town, name: x}]\n")
    with pytest.raises(ConfigError, match=r"champions\.yaml"):
        champions(folder)
