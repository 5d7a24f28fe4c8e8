"""A night that is to be `fresh` asks models anew, where a run by hand uses the replies that are stored."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from moderation_pipeline.config.nights import NightSettings
from moderation_pipeline.config.run_config import DEFAULT_CONFIG
from moderation_pipeline.definitions import defs
from moderation_pipeline.defs.partitions import run_key
from moderation_pipeline.defs.schedules import run_config
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.backends.chat_server import running
from moderation_pipeline_tests.defs.conftest import CHAT

CONFIG = """
student: {{backend: openai, model: tiny-judge, base_url: "{base_url}"}}
expert: none
memory: null
audit: {{policy: none}}
"""


def moderated(instance: dg.DagsterInstance, said: Mapping[str, object]) -> None:
    defs.resolve_job_def("moderate").execute_in_process(
        instance=instance, partition_key=run_key(CHAT, DEFAULT_CONFIG), run_config=dict(said)
    )


def test_a_night_asks_again_what_a_run_by_hand_does_not(
    folder: DataFolder, instance: dg.DagsterInstance
) -> None:
    folder.configs.mkdir(parents=True)
    defs.resolve_job_def("ingest").execute_in_process(instance=instance, partition_key=CHAT)
    with running() as server:
        (folder.configs / f"{DEFAULT_CONFIG}.yaml").write_text(CONFIG.format(base_url=server.base_url))
        calls = []
        for said in ({}, {}, run_config(NightSettings(fresh=True))):
            moderated(instance, said)
            calls.append(server.calls)

    first, by_hand, by_night = calls
    assert first > 0
    assert by_hand == first
    assert by_night == 2 * first
