"""A deployment swaps what configs stand on: in `Definitions`, or in the launchpad."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from moderation_pipeline.definitions import RESOURCES, defs
from moderation_pipeline.defs.partitions import run_key
from moderation_pipeline.defs.resources import DecisionModels, LanguageModels, UnusableEmbedderError
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.tables import EXPERT_AUDITS, MEMORY_SNAPSHOT
from moderation_pipeline_tests.defs.conftest import CHAT, Home, home_in
from moderation_pipeline_tests.defs.swaps import LengthEmbedder, SternAgents

HYBRID = run_key(CHAT, "hybrid")
STERN = SternAgents(language_models=LanguageModels(), decision_models=DecisionModels())
EMBEDDER = "moderation_pipeline_tests.defs.swaps:LengthEmbedder"


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home in which the small chat has been read."""
    with home_in(tmp_path_factory.mktemp("swapping")) as home:
        defs.resolve_job_def("ingest").execute_in_process(instance=home.instance, partition_key=CHAT)
        yield home


def test_a_deployment_puts_another_expert_in_place_of_every_configs(read: Home) -> None:
    deployment = dg.Definitions(
        assets=defs.assets,
        asset_checks=defs.asset_checks,
        jobs=defs.jobs,
        resources={**RESOURCES, "agents": STERN},
        executor=defs.executor,
    )
    deployment.resolve_job_def("moderate").execute_in_process(instance=read.instance, partition_key=HYBRID)
    audits = read_table(read.folder, EXPERT_AUDITS, CHAT, "hybrid")
    assert audits.height > 0
    assert set(audits["backend"]) == {"stern"}
    assert set(audits["action"]) == {"ban"}


def moderate_with_embedder(instance: dg.DagsterInstance, instead: str) -> None:
    """Moderate the chat as someone does who fills in the launchpad."""
    defs.resolve_job_def("moderate").execute_in_process(
        instance=instance,
        partition_key=HYBRID,
        run_config={"resources": {"embedders": {"config": {"instead": instead}}}},
    )


def test_the_launchpad_puts_another_embedder_in_place_of_the_configs(read: Home) -> None:
    LengthEmbedder.asked.clear()
    moderate_with_embedder(read.instance, "")
    assert LengthEmbedder.asked == []
    moderate_with_embedder(read.instance, EMBEDDER)
    learnt = read_table(read.folder, MEMORY_SNAPSHOT, CHAT, "hybrid")["state"].to_list()
    assert learnt
    assert set(learnt) <= set(LengthEmbedder.asked)


@pytest.mark.parametrize(
    ("instead", "said"),
    [
        ("nowhere.to_be:Found", "can't be loaded.*package.module:Class"),
        ("moderation_pipeline.config.run_config:Config", "no subclass of .*Embedder"),
        ("tfdif", "which is no embedder.*'tfidf'"),
    ],
)
def test_an_embedder_that_can_not_be_had_says_what_to_write_instead(
    read: Home, instead: str, said: str
) -> None:
    with pytest.raises(UnusableEmbedderError, match=said):
        moderate_with_embedder(read.instance, instead)
