"""Audits that may not be trained on, from a user's YAML to the end of a run: they reach no fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.run_config import Config
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.backends.chat_server import running
from moderation_pipeline_tests.backends.runs import run, texts_of

LEARNED = "{backend: learned, least_audits: 20}"
TIERS = f"{{tiers: [rules, {LEARNED}], unsure_from: 0.0}}"
OPENAI = "backend: openai, model: large-judge, base_url: {base_url}"
KEYLESS = "backend: careful_rules"

YAML = """
student: {student}
expert: {{{expert}}}
memory: null
audit: {{policy: all}}
loop: {{batch_size: 16}}
expected_violations_per_1000: null
"""


def config_of(folder: Path, *, student: str, expert: str) -> Config:
    """Return what a config file of the user's says."""
    data = DataFolder(folder)
    data.configs.mkdir(parents=True)
    (data.configs / "mine.yaml").write_text(YAML.format(student=student, expert=expert))
    return ConfigLibrary(data).load("mine").config


@pytest.mark.parametrize("student", [LEARNED, TIERS])
@pytest.mark.parametrize("expert", [OPENAI, KEYLESS])
@pytest.mark.parametrize(
    ("said", "is_fitted"), [(", may_train_on: false", False), (", may_train_on: true", True), ("", True)]
)
def test_audits_reach_a_fit_where_they_may_and_nowhere_else(
    tmp_path: Path, student: str, expert: str, said: str, *, is_fitted: bool
) -> None:
    with running() as server:
        told = expert.format(base_url=server.base_url) + said
        config = config_of(tmp_path, student=student, expert=told)
        result = run(tmp_path, config, texts_of(120))

    (refits,) = result.refits
    said_by_a_head = result.tables.student_decisions["probabilities"].list.len().fill_null(0) > 0
    assert result.tables.expert_audits.height == 120
    assert (refits > 0) is is_fitted
    assert said_by_a_head.any() is is_fitted
