"""The third stage: what a run's actions add up to for each user."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from moderation_pipeline.defs.checking import OWNERS, declared, holds
from moderation_pipeline.defs.partitions import runs
from moderation_pipeline.moderation.standings import fold_actions
from moderation_pipeline.warehouse import laws
from moderation_pipeline.warehouse.versions import source_version

USER_KEY = ["channel", "user_id"]


@dg.asset(
    partitions_def=runs,
    group_name="state",
    kinds={"polars", "parquet"},
    owners=OWNERS,
    code_version=source_version(__name__),
)
def user_state(action_log: pl.DataFrame) -> dg.MaterializeResult[pl.DataFrame]:
    """One row per user who wrote in the run's chat: sanctions, strikes, standing after its last comment."""
    users = fold_actions(action_log)
    return dg.MaterializeResult(value=users, metadata=standing_counts(users))


def standing_counts(users: pl.DataFrame) -> dict[str, int]:
    """Return how many users there are, how many were sanctioned, and how they stand."""
    sanctioned = users.filter(pl.sum_horizontal("warnings", "deletions", "timeouts", "bans") > 0)
    standings = {f"standing_{name}": count for name, count in users["standing"].value_counts().rows()}
    return {"users": users.height, "users_sanctioned": sanctioned.height, **dict(sorted(standings.items()))}


@dg.multi_asset_check(
    specs=[
        declared(
            "user_state",
            "user_state_equals_the_fold",
            "The stored state is what the stored action log adds up to, and nothing else (law 7).",
            of=runs,
            reads=[dg.AssetDep("action_log")],
        ),
        declared(
            "user_state",
            "every_action_is_some_users",
            "Users' comments add up to the rows of the action log.",
            of=runs,
            reads=[dg.AssetDep("action_log")],
        ),
    ]
)
def user_state_checks(user_state: pl.DataFrame, action_log: pl.DataFrame) -> Iterator[dg.AssetCheckResult]:
    """Ask whether a run's stored user state is the fold over its stored actions."""
    folded = fold_actions(action_log)
    yield holds("user_state", "user_state_equals_the_fold", laws.differing(user_state, folded, USER_KEY))
    counted = user_state.select(comments=pl.col("comments").sum(), actions=pl.lit(action_log.height))
    yield holds(
        "user_state",
        "every_action_is_some_users",
        counted.filter(pl.col("comments") != pl.col("actions")),
    )
