from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from moderation_pipeline.cli import called_with
from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.comments.keeping.chat_states import note_unreadable
from moderation_pipeline.config.config_errors import ConfigError
from moderation_pipeline.terminal.dagster_ui import WORKSPACE
from moderation_pipeline.terminal.listings import configs
from moderation_pipeline.terminal.running.due_runs import configs_to_run
from moderation_pipeline.terminal.screen import print_json
from moderation_pipeline.warehouse.folder import DataFolder

ROOT = Path(__file__).parent.parent.parent


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def test_the_reference_is_run_first_for_the_others_are_measured_against_it(tmp_path: Path) -> None:
    wanted = configs_to_run(DataFolder(tmp_path), ["hybrid", "student_only", "expert_only", "hybrid"])
    assert [each.name for each in wanted] == ["expert_only", "hybrid", "student_only"]


def test_without_a_name_the_four_keyless_regimes_are_run(tmp_path: Path) -> None:
    wanted = configs_to_run(DataFolder(tmp_path), [])
    assert {each.config.regime for each in wanted} == {each.name for each in wanted}
    assert len(wanted) == 4


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("sanctions: harhs", r"mine\.yaml: There are no sanctions 'harhs'\. Did you mean 'harsh'\?"),
        ("rules: mychannel", r"mine\.yaml: The config names rules: 'mychannel', but there is no file"),
        ("sanctions: harsh", r"harsh\.yaml: imune: no such key\. Did you mean 'immune'\?"),
    ],
)
def test_what_a_config_names_is_looked_at_before_anything_is_run(
    tmp_path: Path, config: str, said: str
) -> None:
    folder = DataFolder(tmp_path)
    write(folder.sanctions / "harsh.yaml", "imune: []\nladders: {default: {}}\n")
    write(folder.configs / "mine.yaml", f"extends: hybrid\n{config}\n")
    with pytest.raises(ConfigError, match=said):
        configs_to_run(folder, ["mine"])
    assert len(configs(folder)[1]) == 1


def test_the_packages_workspace_is_the_repositorys() -> None:
    def spoken(text: str) -> list[str]:
        return [line for line in text.splitlines() if not line.startswith("#")]

    assert spoken(WORKSPACE.read_text("utf-8")) == spoken((ROOT / "workspace.yaml").read_text("utf-8"))


def test_a_config_that_replaces_a_ready_made_one_is_listed_with_both_files(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    write(folder.configs / "hybrid.yaml", "extends: hybrid\n")
    frame, problems = configs(folder)
    assert problems == []
    replaces = dict(zip(frame["config"], frame["replaces"], strict=True))
    assert "defaults/configs/hybrid.yaml" in replaces["hybrid"]
    assert str(folder.configs / "hybrid.yaml") in replaces["hybrid"]
    assert replaces["student_only"] is None


def test_a_file_whose_name_is_no_utf_8_is_listed_read_and_told_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = DataFolder(tmp_path / "data")
    monkeypatch.setenv("MODERATION_DATA", str(folder.root))
    folder.chats.mkdir(parents=True)
    path = folder.chats / os.fsdecode(b"evening\xff.csv")
    path.write_text("text\nhi\n")
    read = ingest(path, "evening").ingestion
    note_unreadable(folder, "evening", path, f"{path} is damaged")
    called_with(["chats", "--json"])
    (evening, _) = json.loads(capsys.readouterr().out)
    assert called_with(["chats"]) == 0
    print_json({"why": f"{path.name} is damaged"})

    assert read["file"].to_list() == [evening["file"]] == [r"evening\udcff.csv"]
    assert r"evening\udcff.csv is damaged" in evening["why"]
    assert r"evening\\udcff.csv is damaged" in capsys.readouterr().out


def test_why_a_file_cannot_be_read_stands_in_the_table_in_a_few_words_and_whole_in_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, why = DataFolder(tmp_path), f"No line could be read. Tried: {'a format; ' * 300}end"
    folder.chats.mkdir(parents=True)
    path = folder.chats / "broken.csv"
    path.write_text("x")
    note_unreadable(folder, "broken", path, why)
    monkeypatch.setenv("MODERATION_DATA", str(tmp_path))
    assert called_with(["chats"]) == 0
    drawn = capsys.readouterr().out
    assert "No line could be read. Tried: a format;" in drawn
    assert max(map(len, drawn.splitlines())) < 500
    assert called_with(["chats", "--json"]) == 0
    told = {row["chat"]: row["why"] for row in json.loads(capsys.readouterr().out)}
    assert told["broken"] == why
