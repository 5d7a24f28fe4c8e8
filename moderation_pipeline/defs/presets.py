"""Backfills with their configs chosen: a chat moderated under every config that needs nothing, and compared.

A job can't be partitioned by some of the configs, so that each preset is one step, which makes the runs of the job
`moderate` one after the other. None of them spends: what needs a key, a server, a local model or labels that the chat
lacks is skipped and said, and a preset fails only where a run that could be made did.
"""

from collections.abc import Sequence
from typing import NamedTuple

import dagster as dg

from moderation_pipeline.config.config_errors import ConfigError
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.needs import needs
from moderation_pipeline.config.run_config import KEYLESS_REGIMES, NamedConfig
from moderation_pipeline.defs.home.runs_within import JobOf, RunsFailedError, RunsWithin
from moderation_pipeline.defs.partitions import chats, run_key
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMMENTS


class ChosenConfigs(NamedTuple):
    """The configs of a preset that can be run on a chat, and why the others can't, in words."""

    configs: list[NamedConfig]
    skipped: list[str]


def chosen(folder: DataFolder, chat: str, names: Sequence[str]) -> ChosenConfigs:
    """Return which of the configs need nothing that is not there; those that audit everything first."""
    library, configs, skipped = ConfigLibrary(folder), [], []
    has_labels = read_table(folder, COMMENTS, chat)["label_is_violation"].count() > 0
    for name in names or library.names():
        try:
            named = library.load(name)
        except ConfigError as error:
            skipped.append(f"{name}: {error}")
            continue
        lacking = [each for each in needs(named.config) if not (each == "labels" and has_labels)]
        if lacking:
            skipped.append(f"{name} needs {', '.join(lacking)}")
        else:
            configs.append(named)
    return ChosenConfigs(sorted(configs, key=lambda each: each.config.regime != "expert_only"), skipped)


def _preset(job_of: JobOf, name: str, names: Sequence[str], described: str) -> dg.JobDefinition:
    @dg.op(name=f"{name}_runs", description=described)
    def runs(context: dg.OpExecutionContext, data_folder: dg.ResourceParam[DataFolder]) -> None:
        chat = context.partition_key
        wanted = chosen(data_folder, chat, names)
        for each in wanted.skipped:
            context.log.warning(f"Skipped: {each}.")
        within = RunsWithin(context, job_of)
        names_wanted = [config.name for config in wanted.configs]
        failed = [each for each in names_wanted if not within.makes("moderate", run_key(chat, each))]
        if len(failed) < len(names_wanted) and not within.makes("compare", chat):
            failed.append("the comparison")
        context.log.info(
            f"{len(wanted.configs)} configs, {len(wanted.skipped)} skipped, {len(failed)} failed."
        )
        if failed:
            raise RunsFailedError(failed, "moderate")

    @dg.job(name=name, partitions_def=chats, description=described)
    def preset() -> None:
        runs()

    return preset


def presets(job_of: JobOf) -> list[dg.JobDefinition]:
    """Return the jobs; `job_of` gives a job of the code location by its name, once that is loaded."""
    return [
        _preset(
            job_of,
            "moderate_regimes",
            KEYLESS_REGIMES,
            "Moderate a chat under the four keyless regimes, and compare them. Offline, free. Partition: chat.",
        ),
        _preset(
            job_of,
            "moderate_keyless",
            (),
            "Moderate a chat under every config that needs no key, server or local model, and compare them. Offline, "
            "free; the others are skipped and said. Partition: chat.",
        ),
    ]
