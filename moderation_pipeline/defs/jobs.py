"""The jobs of the flow are three, for a job can't span different partitions: Dagster refuses to resolve one that does.

The synthetic chat has a job of its own, so that no other chat's backfill rewrites it. When they run by
themselves is in `sensors.py` and `schedules.py`.
"""

import dagster as dg

synthesize = dg.define_asset_job(
    "synthesize",
    selection=dg.AssetSelection.assets("synthetic_comments"),
    description="Write the synthetic chat, if its settings have changed.",
)

ingest = dg.define_asset_job(
    "ingest",
    selection=dg.AssetSelection.assets("comments", "rejected_lines", "ingestion"),
    description="Read a chat's log into the warehouse. Partition: chat.",
)

moderate = dg.define_asset_job(
    "moderate",
    selection=dg.AssetSelection.assets(
        "student_decisions",
        "expert_audits",
        "memory_snapshot",
        "action_log",
        "provenance",
        "user_state",
        "certificates",
        "expert_errors",
        "metrics",
        "metric_history",
        "accepted_run",
    ),
    description="Moderate a chat under a config, and measure how good that was. Partition: chat|config.",
)

compare = dg.define_asset_job(
    "compare",
    selection=dg.AssetSelection.assets("comparison", "plots", "report"),
    description="Lay a chat's configs side by side, draw them, and write the report. Partition: chat.",
)

accept = dg.define_asset_job(
    "accept",
    selection=dg.AssetSelection.assets("metrics", "metric_history", "accepted_run"),
    description=(
        "Judge a stored run once more, and make it what later ones are held against (run_judged, accept: why). Asks "
        "no model. Partition: chat|config."
    ),
)

JOBS = [synthesize, ingest, moderate, compare, accept]
