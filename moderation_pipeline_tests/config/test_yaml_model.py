from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.bounded_yaml import DEEPEST, read_yaml
from moderation_pipeline.config.config_errors import ConfigError
from moderation_pipeline.config.yaml_model import read_mapping
from moderation_pipeline.terminal.listings import configs
from moderation_pipeline.warehouse.folder import DataFolder

NESTED = {
    "brackets that close": "student: " + "[" * 5000 + "]" * 5000,
    "brackets that don't": "student: " + "[" * 5000,
    "braces": "{a: " * 5000,
    "lines": "\n".join(" " * depth + "a:" for depth in range(2000)),
    "dashes": "- " * 5000,
}


@pytest.mark.parametrize("text", NESTED.values(), ids=list(NESTED))
def test_a_file_nested_without_end_is_named_and_stops_nothing_else(tmp_path: Path, text: str) -> None:
    folder = DataFolder(tmp_path)
    folder.configs.mkdir()
    (folder.configs / "deep.yaml").write_text(text, "utf-8")
    (folder.configs / "mine.yaml").write_text("extends: hybrid\n", "utf-8")
    listed, problems = configs(folder)
    assert {"mine", "hybrid"} <= set(listed["config"])
    (problem,) = problems
    assert "deep.yaml" in problem
    assert "within each other" in problem
    with pytest.raises(ConfigError, match=r"deep\.yaml"):
        read_mapping(folder.configs / "deep.yaml")


@given(st.integers(1, 2 * DEEPEST))
def test_what_is_nested_no_deeper_than_the_bound_is_read(depth: int) -> None:
    text = "[" * depth + "]" * depth
    if depth <= DEEPEST:
        assert str(read_yaml(text)) == text
    else:
        with pytest.raises(yaml.MarkedYAMLError, match="within each other"):
            read_yaml(text)
