from __future__ import annotations

import json
from pathlib import Path

import pytest

from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.own_rules import own_rules
from moderation_pipeline.config.travelling import ForeignSettingsError, Settings, packed, unpacked, version_of
from moderation_pipeline.warehouse.chance_secret import chance_secret
from moderation_pipeline.warehouse.folder import SETTINGS_VARIABLE, DataFolder

MINE = "extends: hybrid\nloop: {batch_size: 7}\n"


@pytest.fixture
def written(tmp_path: Path) -> DataFolder:
    folder = DataFolder(tmp_path / "asks")
    for path, text in (
        (folder.configs / "mine.yaml", MINE),
        (folder.rules / "quiet.md", "No shouting.\n"),
        (folder.prices, "{}\n"),
        (folder.configs / "notes.txt", "not read by anybody"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def test_what_people_wrote_is_read_elsewhere_as_it_was(
    written: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = chance_secret(written)
    settings = packed(written)
    (written.configs / "mine.yaml").write_text("extends: student_only\n")  # after the run was asked for
    monkeypatch.setenv(SETTINGS_VARIABLE, str(unpacked(settings, tmp_path / "received")))
    worker = DataFolder(tmp_path / "worker")
    assert ConfigLibrary(worker).load("mine").config.loop.batch_size == 7
    assert own_rules("quiet", worker) == "No shouting.\n"
    assert chance_secret(worker) == secret
    assert not (worker.configs / "notes.txt").exists()


def test_settings_are_named_by_all_that_they_say(written: DataFolder) -> None:
    before = packed(written)
    assert packed(written) == before
    (written.rules / "quiet.md").write_text("Shout as you like.\n")
    assert packed(written).version != before.version


def test_settings_that_were_received_twice_are_written_once(written: DataFolder, tmp_path: Path) -> None:
    settings = packed(written)
    place = unpacked(settings, tmp_path)
    (place / "configs" / "mine.yaml").touch()
    assert unpacked(settings, tmp_path) == place
    assert [each.name for each in tmp_path.glob(".*")] == []


def test_a_text_that_is_not_what_was_sent_is_refused(written: DataFolder, tmp_path: Path) -> None:
    settings = packed(written)
    with pytest.raises(ForeignSettingsError):
        unpacked(settings._replace(content=settings.content.replace("shouting", "singing")), tmp_path)


def test_a_path_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    content = json.dumps({"../../evil.yaml": "x"})
    with pytest.raises(ForeignSettingsError):
        unpacked(Settings(version_of(content), content), tmp_path / "received")
    assert not (tmp_path / "evil.yaml").exists()
