"""Tests of what voids a stored certificate."""

from __future__ import annotations

from pathlib import Path

from moderation_pipeline.config_library import ConfigLibrary
from moderation_pipeline.moderation.certified_basis import Basis, basis_of, changes
from moderation_pipeline.warehouse.folder import DataFolder


def basis_with(folder: DataFolder, *, step: str, rules: str, rate: float) -> Basis:
    for place in (folder.configs, folder.sanctions, folder.rules):
        place.mkdir(parents=True, exist_ok=True)
    (folder.configs / "mine.yaml").write_text(
        f"extends: certified\nsanctions: house\nrules: house\naudit: {{rate: {rate}}}\n"
    )
    default = Path(__file__).parents[2] / "moderation_pipeline/defaults/sanctions/default.yaml"
    text = default.read_text("utf-8")
    (folder.sanctions / "house.yaml").write_text(f"{text}\n{step}")
    (folder.rules / "house.md").write_text(rules)
    return basis_of(ConfigLibrary(folder).load("mine"), folder)


def test_a_changed_sanctions_file_of_the_same_name_is_seen(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    before = basis_with(folder, step="", rules="- be kind", rate=0.3)
    sanctions = folder.sanctions / "house.yaml"
    expiry = [line for line in sanctions.read_text().splitlines() if line.startswith("strikes_expire")]
    changed = "strikes_expire_after_s: 60"
    text = sanctions.read_text()
    sanctions.write_text(text.replace(expiry[0], changed) if expiry else f"{changed}\n{text}")

    after = basis_of(ConfigLibrary(folder).load("mine"), folder)
    assert changes(before, after) == ["its sanctions"]


def test_changed_rules_and_a_changed_config_are_seen_and_nothing_else(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    before = basis_with(folder, step="", rules="- be kind", rate=0.3)

    assert changes(before, basis_with(folder, step="", rules="- be kind", rate=0.3)) == []
    after = basis_with(folder, step="# a remark changes nothing", rules="- be kinder", rate=0.4)
    assert changes(before, after) == ["its config, Student or Expert", "the channel's rules"]
