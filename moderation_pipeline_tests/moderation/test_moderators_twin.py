"""Tests of the ready-made config `moderators`: judged before it sees a label, taught by all, its own plan stands."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl

from moderation_pipeline.agents.build_agents import build_agents
from moderation_pipeline.chance import draw
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.evaluation.foreseen import foreseen_by_channel, foreseen_lines, is_twin
from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline.evaluation.run_metrics import measured_run
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.moderation.loop import moderate
from moderation_pipeline.moderation.run_tables import RunTables
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import USER_STATE
from moderation_pipeline_tests.moderation.scripted import chat_of

FOLDER = DataFolder(Path("/nonexistent"))
NAMED = ConfigLibrary(FOLDER).load("moderators")
BATCH = NAMED.config.loop.batch_size


def acted_on(count: int) -> pl.DataFrame:
    """Return a chat in which moderators act on most lines with one word, and on nothing else."""
    bad = [draw(1, "kind", str(i)) < 0.1 for i in range(count)]
    # No near-copies: by one text alone, however often it is said, a head would be proven to nobody.
    texts = [f"{'zorg' if each else 'nice'} left{i % 4} right{i % 3}" for i, each in enumerate(bad)]
    labels = [each and draw(1, "seen", str(i)) < 0.8 for i, each in enumerate(bad)]
    return chat_of(texts, users=[f"u{i % 50}" for i in range(count)], label_is_violation=labels)


def moderated(comments: pl.DataFrame) -> RunTables:
    return moderate(
        comments,
        NAMED,
        agents=build_agents(NAMED.config, comments),
        memory=None,
        ladder=Ladder(load_sanctions(NAMED.config.sanctions, FOLDER)),
    )


def as_run(tables: RunTables) -> Run:
    return Run(
        NAMED,
        tables.student_decisions,
        tables.expert_audits,
        tables.memory_snapshot,
        tables.action_log,
        USER_STATE.empty(),
    )


@cache
def chat() -> pl.DataFrame:
    return acted_on(1_500)


@cache
def tables() -> RunTables:
    """The run that most of these look at; not at this file's import, which happens in every process of tests."""
    return moderated(chat())


def test_it_learns_from_every_label_and_its_own_plan_stands() -> None:
    assert is_twin(as_run(tables()))
    assert tables().expert_audits.height == chat().height
    assert set(tables().expert_audits["audit_probability"]) == {1.0}
    assert "expert" not in set(tables().action_log["decided_by"])
    late = tables().student_decisions.join(chat().select("comment_id", "text"), on="comment_id").tail(500)
    assert set(late["tier"]) == {"learned"}
    assert late.filter(pl.col("text").str.contains("zorg"))["category"].to_list().count("none") <= 2


def test_a_comment_is_judged_before_its_label_is_seen() -> None:
    """Labels that are the other way round from one batch on change nothing that was decided up to its end."""
    at = 10 * BATCH
    other_way = chat().with_columns(
        label_is_violation=pl.when(pl.col("position") >= at)
        .then(~pl.col("label_is_violation"))
        .otherwise("label_is_violation")
    )

    other = moderated(other_way)

    decided = tables().student_decisions.drop("latency_ms")
    assert other.student_decisions.drop("latency_ms").head(at + BATCH).equals(decided.head(at + BATCH))
    assert not other.student_decisions.drop("latency_ms").equals(decided)


def test_what_is_scored_is_what_it_decided_itself() -> None:
    run = Run(
        NAMED,
        tables().student_decisions,
        tables().expert_audits,
        tables().memory_snapshot,
        tables().action_log,
        USER_STATE.empty(),
    )
    measured = measured_run(chat(), run, data_version="v", reference=None)
    metrics = measured.metrics.row(0, named=True)
    says = (tables().student_decisions["category"] != "none").to_list()
    hits = sum(said and label for said, label in zip(says, chat()["label_is_violation"], strict=True))

    assert metrics["true_positives"] == hits
    assert metrics["false_positives"] == sum(says) - hits
    assert metrics["audits"] == chat().height


def test_how_well_moderators_are_foreseen_is_told_from_the_run() -> None:
    everything, arena = foreseen_by_channel(foreseen_lines(chat(), as_run(tables())))

    assert everything.ranking.auroc.estimate == arena.ranking.auroc.estimate
    assert everything.ranking.auroc.estimate is not None
    assert everything.ranking.auroc.estimate > 0.9
