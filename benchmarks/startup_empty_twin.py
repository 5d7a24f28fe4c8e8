"""What Dagster costs on its own: the pipeline's graph with empty bodies, run as `moderation run` runs it.

Started by `startup.py`. Everything is taken from the real definitions (keys, partitions, dependencies,
checks, jobs, instance), and only what the bodies would do is left out, reading and writing tables included.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import dagster as dg

from moderation_pipeline.config import KEYLESS_REGIMES
from moderation_pipeline.definitions import defs
from moderation_pipeline.defs.instance import instance
from moderation_pipeline.defs.jobs import JOBS
from moderation_pipeline.defs.launch import QUIET
from moderation_pipeline.defs.partitions import chats, run_key
from moderation_pipeline.warehouse.folder import DataFolder

CHAT = "synthetic"


def empty_asset(real: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """Return assets with the keys, partitions and dependencies of a real definition, that do nothing."""
    in_order = [real.keys_by_output_name[output.name] for output in real.op.output_defs]

    @dg.multi_asset(name=real.op.name, specs=list(real.specs))
    def empty() -> Iterator[dg.MaterializeResult[None]]:
        for key in in_order:
            yield dg.MaterializeResult(asset_key=key)

    return empty


def empty_checks(real: dg.AssetChecksDefinition) -> dg.AssetChecksDefinition:
    """Return checks with the names of real ones, that hold."""

    @dg.multi_asset_check(name=real.op.name, specs=list(real.check_specs))
    def empty() -> Iterator[dg.AssetCheckResult]:
        for spec in real.check_specs:
            yield dg.AssetCheckResult(passed=True, asset_key=spec.asset_key, check_name=spec.name)

    return empty


def is_check(definition: object) -> bool:
    """Whether a definition is of checks, which Dagster keeps as a kind of assets."""
    return isinstance(definition, dg.AssetChecksDefinition)


twin = dg.Definitions(
    assets=[empty_asset(each) for each in defs.assets or [] if isinstance(each, dg.AssetsDefinition)],
    asset_checks=[empty_checks(each) for each in defs.asset_checks or [] if is_check(each)],
    jobs=JOBS,
    executor=dg.in_process_executor,
)


def run(dagster: dg.DagsterInstance, job: str, partition: str | None) -> None:
    """Run one job in this process."""
    config: Mapping[str, object] = QUIET
    twin.resolve_job_def(job).execute_in_process(run_config=config, instance=dagster, partition_key=partition)


def main(configs: Sequence[str] = KEYLESS_REGIMES) -> None:
    """Make the runs that `moderation run` makes in an empty folder."""
    folder = DataFolder.find()
    Path(folder.root).mkdir(parents=True, exist_ok=True)
    print("Running the empty twin.", flush=True)
    with instance(folder) as dagster:
        run(dagster, "synthesize", None)
        dagster.add_dynamic_partitions(str(chats.name), [CHAT])
        run(dagster, "ingest", CHAT)
        for config in configs:
            run(dagster, "moderate", run_key(CHAT, config))
        run(dagster, "compare", CHAT)


if __name__ == "__main__":
    main()
