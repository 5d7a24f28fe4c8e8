"""Runs over a warehouse that several machines share: each follows what others published, and publishes what it made.

Without MODERATION_WAREHOUSE this is the in-process executor as Dagster has it, and nothing else. How files are followed
and published is `warehouse/objects/`'s.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.in_process import InProcessExecutor

from moderation_pipeline.certificates.certified_basis import begun_from
from moderation_pipeline.comments.chat_files import SYNTHETIC, chat_file, written
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.slugs import RunKey
from moderation_pipeline.warehouse.folder import DataFolder, is_shared
from moderation_pipeline.warehouse.objects.parts import TABLES_OF, Kind, PublishedPart
from moderation_pipeline.warehouse.tables import ATTACK_RESULTS, PROBE_RESULTS

CHAT_TAG, CONFIG_TAG = "dagster/partition/chat", "dagster/partition/config"
ONLY_TAG = "dagster/partition"
"""The tags under which Dagster keeps a run's partition: of two dimensions, or of one."""

ONE_KIND: dict[str, Kind] = {table.name: kind for kind, tables in TABLES_OF.items() for table in tables}
MAKES: Mapping[str, tuple[Kind, ...]] = {
    **{table: (kind,) for table, kind in ONE_KIND.items()},
    "comments": ("log", "read"),  # a chat's files take their place as it is read
    "synthetic_comments": ("log",),
    "plots": ("compared",),
    "report": ("compared",),
    "dsa_statements": ("run",),
}
"""What each asset makes a part of."""
CHAT_OF: Mapping[Kind, str | None] = {"attacked": ATTACK_RESULTS.only_chat, "probed": PROBE_RESULTS.only_chat}
"""What stands for the chat of parts that a config has whatever the chat."""


def parts_of(assets: Iterable[str], partition: Mapping[str, str]) -> list[PublishedPart]:
    """Return the parts that a run of some assets makes, by its partition: `chat`, `config`, both or none."""
    kinds = sorted({kind for asset in assets for kind in MAKES.get(asset, ())})
    chat, config = partition.get("chat", SYNTHETIC), partition.get("config", "")
    parts = []
    for kind in kinds:
        if kind in CHAT_OF:
            parts.append(PublishedPart(kind, str(CHAT_OF[kind]), config))
        else:
            parts.append(PublishedPart(kind, chat, config if kind == "run" else ""))
    return parts


@contextmanager
def shared_run(folder: DataFolder, job: dg.JobDefinition, partition: str | None) -> Iterator[None]:
    """Make a run in the block as machines that share a warehouse do; alone, just make it.

    Raises:
        ModerationError: the store or its catalogue did not answer; the same run goes on.
    """
    if not is_shared():
        yield
        return
    assets = {key.to_python_identifier() for key in job.asset_layer.selected_asset_keys}
    names = _named(partition, are_configs=assets == {ATTACK_RESULTS.name})
    from moderation_pipeline.warehouse.objects.catalogue import Scope
    from moderation_pipeline.warehouse.objects.shared_warehouse import shared_warehouse

    shared = shared_warehouse(folder)
    assert shared is not None  # the environment says so
    shared.follow(Scope(chats=frozenset(_chats_of(folder, names))))
    with shared.made_here(parts_of(assets, names), lambda chat: log_of(folder, chat)):
        yield


def _named(partition: str | None, *, are_configs: bool) -> dict[str, str]:
    if partition is None:
        return {}
    if isinstance(partition, dg.MultiPartitionKey):
        return dict(partition.keys_by_dimension)
    if "|" in partition:
        return RunKey.parse(partition)._asdict()
    return {"config" if are_configs else "chat": partition}


def _chats_of(folder: DataFolder, names: Mapping[str, str]) -> Iterator[str]:
    """Yield the chats that a run reads: its own, and those of runs that its config starts from."""
    yield names.get("chat", SYNTHETIC)
    if "config" in names:
        try:
            starts = begun_from(ConfigLibrary(folder).load(names["config"]).config)
        except ModerationError:  # the run itself will say what is wrong with its config
            return
        yield from (start.chat for start in starts)


def send_log(folder: DataFolder, chat: str) -> None:
    """Publish a chat's own files as they lie here, so that another machine can read them; nothing where none do."""
    if not is_shared() or not log_of(folder, chat):
        return
    from moderation_pipeline.warehouse.objects.shared_warehouse import shared_warehouse

    shared = shared_warehouse(folder)
    assert shared is not None  # the environment says so
    shared.publish([PublishedPart("log", chat)], lambda name: log_of(folder, name))


def log_of(folder: DataFolder, chat: str) -> list[Path]:
    """Return a chat's own files and folders, with what is said beside them; none where it has none."""
    path = chat_file(folder, chat)
    return [] if path is None else written(path)


class SharingExecutor(InProcessExecutor):
    """Executes all steps in this process, over a warehouse that several machines share."""

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        """Follow what the run reads, execute it, and publish what it made before it is said to be through."""
        tags = plan_context.dagster_run.tags
        is_of_both = CHAT_TAG in tags
        partition = f"{tags[CHAT_TAG]}|{tags[CONFIG_TAG]}" if is_of_both else tags.get(ONLY_TAG)
        with shared_run(DataFolder.find(), plan_context.job.get_definition(), partition):
            yield from super().execute(plan_context, execution_plan)


@dg.executor(name="in_process")
def _sharing_executor(_: dg.InitExecutorContext) -> SharingExecutor:
    return SharingExecutor(retries=RetryMode.ENABLED)


def executor() -> dg.ExecutorDefinition:
    """Return what executes runs in one process: steps are short, and a process each would import Dagster anew."""
    return _sharing_executor if is_shared() else dg.in_process_executor
