"""Tests of what voids a stored certificate."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from moderation_pipeline.certificates.certified_basis import (
    Basis,
    UnreadableProvenanceError,
    basis_of,
    changes,
    provenance_of,
    run_basis,
)
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMMENTS, MEMORY_SNAPSHOT, PROVENANCE
from moderation_pipeline_tests.moderation.scripted import chat_of
from moderation_pipeline_tests.warehouse.rows import write_table

CHAT = "stream"


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
    return basis_of(ConfigLibrary(folder).load("mine"), folder, CHAT)


def test_a_changed_sanctions_file_of_the_same_name_is_seen(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    before = basis_with(folder, step="", rules="- be kind", rate=0.3)
    sanctions = folder.sanctions / "house.yaml"
    expiry = [line for line in sanctions.read_text().splitlines() if line.startswith("strikes_expire")]
    changed = "strikes_expire_after_s: 60"
    text = sanctions.read_text()
    sanctions.write_text(text.replace(expiry[0], changed) if expiry else f"{changed}\n{text}")

    after = basis_of(ConfigLibrary(folder).load("mine"), folder, CHAT)
    assert changes(before, after) == ["its sanctions"]


def test_changed_rules_and_a_changed_config_are_seen_and_nothing_else(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    before = basis_with(folder, step="", rules="- be kind", rate=0.3)

    assert changes(before, basis_with(folder, step="", rules="- be kind", rate=0.3)) == []
    after = basis_with(folder, step="# a remark changes nothing", rules="- be kinder", rate=0.4)
    assert changes(before, after) == ["its config, Student or Expert", "the channel's rules"]


def test_changed_labels_are_seen_where_they_are_the_expert_and_only_there(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.configs.mkdir(parents=True)
    (folder.configs / "by_labels.yaml").write_text("extends: certified\nexpert: {backend: labels}\n")
    library = ConfigLibrary(folder)
    by_labels, by_rules = library.load("by_labels"), library.load("certified")

    def bases(*labels: bool) -> tuple[Basis, Basis]:
        comments = chat_of(["hello", "insult"], label_is_violation=labels)
        write_table(comments.with_columns(chat=pl.lit(CHAT)), folder, COMMENTS, CHAT)
        return basis_of(by_labels, folder, CHAT), basis_of(by_rules, folder, CHAT)

    (labels_before, rules_before), (labels_after, rules_after) = bases(False, True), bases(True, True)
    assert changes(labels_before, labels_after) == ["the labels that it is judged by"]
    assert changes(rules_before, rules_after) == []


def test_another_state_of_the_run_that_was_started_from_is_seen(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.configs.mkdir(parents=True)
    (folder.configs / "mine.yaml").write_text(
        'extends: certified\nstudent: {start_from: "other|learned"}\nmemory: {start_from: "other|hybrid"}\n'
    )
    named = ConfigLibrary(folder).load("mine")
    nothing = basis_of(named, folder, CHAT)

    write_table(MEMORY_SNAPSHOT.empty(), folder, MEMORY_SNAPSHOT, "other", "hybrid")
    memory = basis_of(named, folder, CHAT)
    head = folder.learned_head("other", "learned").with_suffix(".npz")
    head.parent.mkdir(parents=True)
    head.write_bytes(b"weights")

    assert changes(nothing, memory) == ["the run that it started from"]
    assert changes(memory, basis_of(named, folder, CHAT)) == ["the run that it started from"]


@pytest.mark.parametrize("name", ConfigLibrary(DataFolder(Path("/nonexistent"))).names())
def test_what_decided_a_run_is_read_back_as_it_was(name: str) -> None:
    folder = DataFolder(Path("/nonexistent"))
    named = ConfigLibrary(folder).load(name)
    basis = basis_of(named, folder, CHAT)

    stored = provenance_of(named, basis, CHAT)

    assert stored.schema == PROVENANCE.schema
    since = named.model_copy(update={"config": named.config.model_copy(update={"shadow": True})})
    assert run_basis(stored, since) == (named, basis)
    assert run_basis(stored, since).named.config_hash == basis.config_hash


def test_a_config_that_is_none_any_more_is_an_error_that_says_to_run_again() -> None:
    named = ConfigLibrary(DataFolder(Path("/nonexistent"))).load("certified")
    stored = provenance_of(named, Basis("c", "s", "r", "a", "", ""), CHAT)

    with pytest.raises(UnreadableProvenanceError, match=r"moderation run stream --config certified"):
        run_basis(stored.with_columns(config_json=pl.lit('{"regime": "retired"}')), named)
