"""The entry point: every definition of the pipeline, for `dagster dev`, for `dg`, and for the terminal.

Nothing is computed or read here but the names of the configs, which are partitions.
"""

import dagster as dg
from dagster_duckdb import DuckDBResource

from moderation_pipeline.comments.files.arrival import Arrival
from moderation_pipeline.defs import (
    attacks,
    batches,
    certificates,
    comments,
    comparison,
    expert_errors,
    metrics,
    moderation_loop,
    operations,
    plots,
    questions,
    report,
    user_state,
)
from moderation_pipeline.defs.home.judged_early import judging_again
from moderation_pipeline.defs.home.shared_runs import executor
from moderation_pipeline.defs.jobs import JOBS
from moderation_pipeline.defs.presets import presets
from moderation_pipeline.defs.resources import (
    AgentBuilder,
    DataFolderResource,
    DecisionModels,
    Embedders,
    LanguageModels,
    Unwatched,
    Warehouse,
)
from moderation_pipeline.defs.schedules import SCHEDULES
from moderation_pipeline.defs.sensors import SENSORS, comparing
from moderation_pipeline.defs.telling.shown import shown

STAGES = [
    comments,
    moderation_loop,
    user_state,
    certificates,
    expert_errors,
    metrics,
    comparison,
    plots,
    report,
    attacks,
    questions,
    batches,
]
"""The modules that hold assets and their checks, in the order of the flow."""

data_folder = DataFolderResource()
# Configured at launch: a resource that others stand on is otherwise copied into them, and what the launchpad says
# of it would reach nobody.
language_models = LanguageModels.configure_at_launch()
decision_models = DecisionModels.configure_at_launch()

RESOURCES = {
    "data_folder": data_folder,
    "io_manager": Warehouse(data_folder=data_folder),
    "language_models": language_models,
    "decision_models": decision_models,
    "embedders": Embedders(),
    "agents": AgentBuilder(language_models=language_models, decision_models=decision_models),
    "arrival": Arrival(),
    "observer": Unwatched(),
    # In memory: a DuckDB file that is open for writing shuts out everybody else's queries.
    "duckdb": DuckDBResource(database=":memory:"),
}


def _job_of(name: str) -> dg.JobDefinition:
    return defs.resolve_job_def(name)


judging = judging_again(_job_of)
defs = dg.Definitions(
    assets=shown(dg.load_assets_from_modules(STAGES)),
    asset_checks=dg.load_asset_checks_from_modules([*STAGES, operations]),
    jobs=[*JOBS, *presets(_job_of), judging],
    schedules=SCHEDULES,
    sensors=[*SENSORS, *comparing(judging), batches.batches_that_arrive],
    resources=RESOURCES,
    # Steps are short, and a process each would import Dagster anew, which takes seconds. What is concurrent
    # is inside the loop (asyncio), and across runs (the run coordinator).
    executor=executor(),
)
