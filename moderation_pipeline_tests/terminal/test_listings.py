from __future__ import annotations

from pathlib import Path

import pytest

from moderation_pipeline.config.config_errors import ConfigError
from moderation_pipeline.terminal.dagster_ui import WORKSPACE
from moderation_pipeline.terminal.listings import configs
from moderation_pipeline.terminal.running.due_runs import configs_to_run
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
