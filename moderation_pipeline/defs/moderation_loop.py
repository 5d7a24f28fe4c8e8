"""The second stage: a chat is moderated under one config. Four tables come out of one loop, and what decided it.

They can't be four ops: what the Student decides at comment n depends on audits and sanctions before n, and
Dagster allows no cycle between assets. `internal_asset_deps` shows the true flow of data between them.
"""

from collections.abc import Iterator, Mapping

import dagster as dg
import polars as pl

from moderation_pipeline.agents.learned_heads import keep_heads
from moderation_pipeline.certificates.certified_basis import basis_of, prices_version, provenance_of
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.defs.checking import OWNERS, declared, holds, within
from moderation_pipeline.defs.home.run_tries import hopeless_is_marked
from moderation_pipeline.defs.partitions import from_chat_to_run, runs
from moderation_pipeline.defs.resources import AgentBuilder, Embedders
from moderation_pipeline.defs.telling.progress import LoggedProgress
from moderation_pipeline.moderation.loop import moderate
from moderation_pipeline.moderation.run_beginning import Begun, begin
from moderation_pipeline.moderation.run_tables import RunTables
from moderation_pipeline.moderation.trace import RunLog, RunObserver
from moderation_pipeline.warehouse import laws
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.io_manager import partition_names
from moderation_pipeline.warehouse.reply_advice import largest_share, what_to_do
from moderation_pipeline.warehouse.versions import source_version

GROUP = "moderation"
UNREADABLE_BOUND = 0.02
"""The share of unreadable replies above which a run's check warns: its results lean on fallbacks."""

LOOP_VERSION = source_version(__name__)
"""The config's own version is in each materialisation's data version: in the code version it would call every
run outdated whenever one config changes."""


def _out(description: str) -> dg.AssetOut:
    return dg.AssetOut(
        description=description,
        group_name=GROUP,
        kinds={"polars", "parquet"},
        owners=OWNERS,
        code_version=LOOP_VERSION,
        dagster_type=pl.DataFrame,
    )


@dg.multi_asset(
    partitions_def=runs,
    ins={"comments": dg.AssetIn(partition_mapping=from_chat_to_run)},
    outs={
        "student_decisions": _out(
            "One row per comment: the Student's plan, what it cost, and how likely its audit was."
        ),
        "expert_audits": _out("One row per audited comment: the Expert's plan, and whether it agrees."),
        "memory_snapshot": _out("One row per memory, as the run left it; retired ones say why."),
        "action_log": _out("One row per comment: what was done about it, by whom, and why."),
        "provenance": _out("One row: what decided the run, its config as it was and versions of all else."),
    },
    internal_asset_deps={
        "student_decisions": {dg.AssetKey("comments")},
        "expert_audits": {dg.AssetKey("comments"), dg.AssetKey("student_decisions")},
        "memory_snapshot": {dg.AssetKey("student_decisions"), dg.AssetKey("expert_audits")},
        "action_log": {dg.AssetKey("student_decisions"), dg.AssetKey("expert_audits")},
        "provenance": {dg.AssetKey("comments")},
    },
)
def moderation_loop(
    context: dg.AssetExecutionContext,
    comments: pl.DataFrame,
    data_folder: dg.ResourceParam[DataFolder],
    agents: AgentBuilder,
    embedders: Embedders,
    observer: dg.ResourceParam[RunObserver],
) -> Iterator[dg.MaterializeResult[pl.DataFrame]]:
    """Moderate one chat under one config, batch by batch."""
    chat, config = partition_names(context.partition_key)

    def say(note: str) -> None:
        context.log.warning(note)
        observer.noted(note)

    with hopeless_is_marked(context.instance, context.run.run_id):
        named = ConfigLibrary(data_folder).load(str(config))
        basis = basis_of(named, data_folder, chat)
        decided = provenance_of(named, basis, chat, prices_version(data_folder))
        with begin(named, comments, data_folder, agents.means(embedders, data_folder, say)) as begun:
            with RunLog(data_folder.run_log(chat, named.name), named.config.log) as run_log:
                observers = [run_log, LoggedProgress(context.log.info), observer]
                tables = moderate(
                    comments,
                    named,
                    agents=begun.agents,
                    memory=begun.memory,
                    ladder=begun.ladder,
                    observers=observers,
                    secret=begun.secret,
                )
            made_of = provenance(named, begun)
            for name, numbers in told(tables).items():
                yield dg.MaterializeResult(
                    asset_key=name,
                    value=getattr(tables, name),
                    data_version=dg.DataVersion(
                        f"{begun.comments_version}-{named.config_hash}-{LOOP_VERSION}"
                    ),
                    metadata={**numbers, **made_of},
                )
            yield dg.MaterializeResult(
                asset_key="provenance", value=decided, metadata=decided.row(0, named=True)
            )
            keep_heads(begun.agents.learned, data_folder, chat=chat, config=named.name)


def provenance(named: NamedConfig, begun: Begun) -> dict[str, str]:
    """Return what the run was made of, for the metadata of its tables."""
    memory, heads = begun.memory_from, begun.heads
    made_of = {"config_hash": named.config_hash, "comments_version": begun.comments_version}
    if memory is not None and memory.start_from is not None:
        made_of |= {"start_from": str(memory.start_from), "start_from_version": str(memory.version)}
    if heads:
        made_of |= {"head_start_from": ", ".join(heads), "head_start_from_version": ", ".join(heads.values())}
    if begun.replaced:
        made_of |= {"replaces_ready_made": " ".join(each.note for each in begun.replaced)}
    return made_of


Numbers = Mapping[str, float]


def told(tables: RunTables) -> dict[str, Numbers]:
    """Return the numbers of each table's metadata, by table: they plot over time in the UI."""
    decisions, audits = tables.student_decisions, tables.expert_audits
    actions = tables.action_log["action"].value_counts().rows()
    memories = tables.memory_snapshot
    return {
        "student_decisions": {"comments": decisions.height, **_receipts(decisions)},
        "expert_audits": {
            "audits": audits.height,
            "disagreements": int((~audits["agrees"]).sum() or 0),
            **_receipts(audits),
        },
        "memory_snapshot": {
            "memories": memories.height,
            "memories_active": memories["retired_because"].null_count(),
        },
        "action_log": {f"actions_{action}": count for action, count in sorted(actions)},
    }


def _receipts(answers: pl.DataFrame) -> Numbers:
    """Return what a table's replies cost; a cost that is unknown is left out rather than called 0."""
    numbers: dict[str, float] = {
        "reply_errors": answers["reply_error"].count(),
        "prompt_tokens": int(answers["prompt_tokens"].sum()),
        "completion_tokens": int(answers["completion_tokens"].sum()),
    }
    for cost in ("cost_usd", "list_cost_usd"):
        if answers[cost].null_count() == 0:
            numbers[cost] = float(answers[cost].sum())
    latency = answers["latency_ms"].mean()
    if isinstance(latency, float):
        numbers["latency_ms"] = latency
    return numbers


RUN_TABLES = [
    dg.AssetDep("comments", partition_mapping=from_chat_to_run),
    *map(dg.AssetDep, ("student_decisions", "expert_audits", "memory_snapshot", "action_log", "provenance")),
]


def _check(asset: str, name: str, description: str) -> dg.AssetCheckSpec:
    return declared(asset, name, description, of=runs, reads=RUN_TABLES)


@dg.multi_asset_check(
    specs=[
        _check(
            "student_decisions",
            "every_comment_is_decided_once",
            "Comments = decisions, whatever failed; without a Student a decision is a row of nulls (law 2).",
        ),
        _check(
            "student_decisions",
            "replies_are_readable",
            f"At most {UNREADABLE_BOUND * 100:g} % of the Student's replies, and of the Expert's, could not be used "
            "(law 4).",
        ),
        declared(
            "student_decisions",
            "one_model_answered",
            "Every tier's and the Expert's replies name one model: results of two versions are never pooled.",
            of=runs,
            reads=RUN_TABLES,
            blocking=True,
        ),
        _check(
            "expert_audits",
            "audits_say_how_likely_they_were",
            "0 < p ≤ 1 for every audit, else no estimate can be weighted by it (law 5).",
        ),
        _check("expert_audits", "no_comment_is_audited_twice", "One audit per comment at most."),
        _check("memory_snapshot", "memory_ids_are_unique", "Every memory has an id of its own."),
        _check("provenance", "what_decided_a_run_is_known", "One row that leaves nothing out."),
        _check("action_log", "every_comment_is_acted_upon_once", "Comments = actions, undecided ones too."),
        _check("action_log", "no_action_without_a_decision", "Every action has its comment's decision."),
    ]
)
def moderation_loop_checks(
    comments: pl.DataFrame,
    student_decisions: pl.DataFrame,
    expert_audits: pl.DataFrame,
    memory_snapshot: pl.DataFrame,
    action_log: pl.DataFrame,
    provenance: pl.DataFrame,
) -> Iterator[dg.AssetCheckResult]:
    """Ask of a run's stored tables whether the laws hold between them."""
    decisions, actions = (frame.select("comment_id", "position") for frame in (student_decisions, action_log))
    yield holds(
        "student_decisions", "every_comment_is_decided_once", laws.not_decided_once(comments, decisions)
    )
    bad = laws.bad_replies(student_decisions, expert_audits)
    yield within(
        "student_decisions",
        "replies_are_readable",
        largest_share(bad),
        UNREADABLE_BOUND,
        what_to_do(bad),
    )
    yield holds(
        "student_decisions", "one_model_answered", laws.mixed_models(student_decisions, expert_audits)
    )
    audits = expert_audits.select("comment_id", "audit_probability")
    yield holds("expert_audits", "audits_say_how_likely_they_were", laws.impossible_audits(audits))
    yield holds("expert_audits", "no_comment_is_audited_twice", laws.repeated(audits, "comment_id"))
    memories = memory_snapshot.select("memory_id")
    yield holds("memory_snapshot", "memory_ids_are_unique", laws.repeated(memories, "memory_id"))
    yield holds("provenance", "what_decided_a_run_is_known", laws.unknown_provenance(provenance))
    yield holds("action_log", "every_comment_is_acted_upon_once", laws.not_decided_once(comments, actions))
    yield holds("action_log", "no_action_without_a_decision", laws.without_counterpart(actions, decisions))
