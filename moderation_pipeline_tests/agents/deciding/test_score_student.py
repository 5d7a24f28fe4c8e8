"""Scores that a chat came with, as the Student: from a table's columns to plans, in a run and under a learned head."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import polars as pl
import pytest

from moderation_pipeline.agents.build_agents import build_agents
from moderation_pipeline.agents.deciding.score_student import MissingScoresError, ScoreStudent
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.comments.columns import columns_from_arguments
from moderation_pipeline.comments.ingest import Ingested, ingest
from moderation_pipeline.config.decision_specs import ScoresSpec
from moderation_pipeline.config.run_config import Config, NamedConfig
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.moderation.acting_anew import OUTCOME, Stored, acted_anew
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.moderation.loop import moderate
from moderation_pipeline.moderation.run_tables import RunTables
from moderation_pipeline.moderation.stream import Stream
from moderation_pipeline.plan import Category
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.versions import comments_version
from moderation_pipeline_tests.agents.cases import situations_of

TABLE = """text,INSULT,IDENTITY_ATTACK
a kind line,0.10,0.02
you dauber,0.80,0.10
they are all the same,0.30,0.97
nobody scored this,,0.10
a broken score,n/a,0.20
"""

BOTH = {"backend": "scores", "columns": {"harassment": "INSULT", "hate": "IDENTITY_ATTACK"}}


def read(tmp_path: Path, table: str = TABLE, scores: str = "[INSULT, IDENTITY_ATTACK]") -> Ingested:
    path = tmp_path / "scored.csv"
    path.write_text(table, "utf-8")
    return ingest(path, "scored", columns=columns_from_arguments(["text=text", f"scores={scores}"]))


def decided(comments: pl.DataFrame, spec: ScoresSpec) -> list[Verdict]:
    cases = next(iter(Stream(comments).batches(100)))
    return asyncio.run(ScoreStudent(comments, spec).decide(cases, situations_of(cases)))


def run(comments: pl.DataFrame, tmp_path: Path, **config: object) -> RunTables:
    named = NamedConfig(name="scores", path=tmp_path, config=Config.model_validate(config))
    return moderate(
        comments,
        named,
        agents=build_agents(named.config, comments),
        memory=None,
        ladder=Ladder(load_sanctions("default", DataFolder(tmp_path))),
    )


def test_plans_follow_from_scores_and_thresholds_and_cite_what_the_column_speaks_for(tmp_path: Path) -> None:
    kind, insult, hate, *_ = decided(read(tmp_path).comments, ScoresSpec.model_validate(BOTH))
    assert kind.plan is not None
    assert (kind.plan.action, kind.plan.category) == ("allow", "none")
    assert insult.plan is not None
    assert (insult.plan.category, insult.plan.confidence) == ("harassment", 0.8)
    assert hate.plan is not None
    assert (hate.plan.category, hate.plan.confidence) == ("hate", 0.97)
    assert hate.plan.action.severity > insult.plan.action.severity


def test_a_comment_without_one_of_its_scores_gets_no_plan_and_says_which_is_missing(tmp_path: Path) -> None:
    *_, empty, broken = decided(read(tmp_path).comments, ScoresSpec.model_validate(BOTH))
    assert (empty.plan, broken.plan) == (None, None)
    assert empty.receipt.reply_error == "no_score: INSULT"
    assert [each.probability for each in broken.probabilities] == [0.2]


def test_what_was_understood_of_the_scores_is_said(tmp_path: Path) -> None:
    notes = read(tmp_path).notes
    assert (
        "3 scores in 'INSULT', from 0.1 to 0.8; 1 are empty and 1 are no number ('n/a'): no score there."
        in notes
    )


def test_scores_out_of_a_hundred_are_an_error_that_names_the_fix_and_are_read_with_it(tmp_path: Path) -> None:
    table = "text,PERCENT\nfine,3\nbad,97\n"
    with pytest.raises(ModerationError, match=re.escape("{column: PERCENT, out_of: 100}")):
        read(tmp_path, table, "[PERCENT]")
    with pytest.raises(ModerationError, match=r"from 0\.4 to 97, 2 of 3 above 1"):
        read(tmp_path, f"{table}mixed,0.4\n", "[PERCENT]")
    comments = read(tmp_path, table, "[{column: PERCENT, out_of: 100}]").comments
    spec = ScoresSpec.model_validate({"columns": {"harassment": "PERCENT"}})
    assert [each.plan is not None and each.plan.category for each in decided(comments, spec)] == [
        "none",
        "harassment",
    ]


def test_a_chat_without_the_columns_is_refused_with_those_it_has(tmp_path: Path) -> None:
    spec = ScoresSpec.model_validate({"columns": {"hate": "TOXICITY"}})
    with pytest.raises(MissingScoresError, match=r"TOXICITY.*its scores are IDENTITY_ATTACK, INSULT"):
        ScoreStudent(read(tmp_path).comments, spec)


def test_without_scores_a_fallback_stands_in_and_says_so(tmp_path: Path) -> None:
    comments = read(tmp_path).comments.with_columns(scores=pl.lit(None))
    agents = build_agents(Config.model_validate({"student": BOTH, "fallback": "rules"}), comments)
    assert "rules decide instead" in agents.notes[0]


def test_a_column_speaks_for_one_category_and_never_for_none() -> None:
    for columns in ({"hate": "A", "threat": "A"}, {"none": "A"}, {}):
        with pytest.raises(ValueError, match=r"categor|at least 1"):
            ScoresSpec.model_validate({"columns": columns})


def test_several_columns_may_speak_for_one_category() -> None:
    spec = ScoresSpec.model_validate({"columns": {"hate": ["IDENTITY_ATTACK", "RACISM"]}})
    assert list(spec.of_columns()) == ["IDENTITY_ATTACK", "RACISM"]


def test_a_run_by_scores_leaves_what_has_none_undecided(tmp_path: Path) -> None:
    tables = run(
        read(tmp_path).comments, tmp_path, student=BOTH, expert="none", memory=None, audit={"policy": "none"}
    )
    assert tables.action_log["decided_by"].to_list()[-2:] == ["nobody", "nobody"]
    assert tables.student_decisions["confidence_source"].to_list()[:3] == ["probabilities"] * 3


def test_a_learned_head_reads_the_scores_of_its_base(tmp_path: Path) -> None:
    lines = "".join(
        f"{'you dauber' if i % 3 == 0 else 'what a lovely sky'} {i},{0.45 if i % 3 == 0 else 0.2},{i % 3 == 0}\n"
        for i in range(300)
    )
    path = tmp_path / "scored.csv"
    path.write_text(f"text,INSULT,bad\n{lines}", "utf-8")
    said = ["text=text", "scores=[INSULT]", "label_is_violation=bad"]
    comments = ingest(path, "scored", columns=columns_from_arguments(said)).comments
    base = {"backend": "scores", "columns": {"harassment": "INSULT"}}
    tables = run(
        comments,
        tmp_path,
        student={"backend": "learned", "base": base},
        expert="labels",
        memory=None,
        audit={"policy": "random", "rate": 0.5},
    )
    late = tables.student_decisions.tail(60).join(
        comments.select("comment_id", "label_is_violation"), on="comment_id"
    )
    assert (late["category"] != "none").to_list() == late["label_is_violation"].to_list()


def test_scores_are_part_of_what_comments_say_and_a_chat_without_any_is_what_it_was(tmp_path: Path) -> None:
    scored = read(tmp_path).comments
    bare = scored.with_columns(scores=pl.lit(None, scored.schema["scores"]))
    assert comments_version(scored) != comments_version(bare)
    assert comments_version(bare) == comments_version(bare.drop("scores"))
    moved = read(tmp_path, TABLE.replace("0.97", "0.96")).comments
    assert comments_version(scored) != comments_version(moved)


@pytest.mark.parametrize("least", [0.05, 0.3, 0.9])
def test_a_run_by_scores_under_other_thresholds_comes_out_as_a_run_that_had_them(
    tmp_path: Path, least: float
) -> None:
    comments = read(tmp_path).comments
    plain: dict[str, object] = {"expert": "none", "memory": None, "audit": {"policy": "none"}}
    first = run(comments, tmp_path, student=BOTH, **plain)
    other = {**BOTH, "thresholds": {"harassment": {"mild": least}}}
    second = run(comments, tmp_path, student=other, **plain)

    anew = acted_anew(
        comments,
        Stored(first.student_decisions, first.expert_audits, first.action_log),
        Config.model_validate({"student": BOTH, **plain}),
        Ladder(load_sanctions("default", DataFolder(tmp_path))),
        least={Category.HARASSMENT: least},
    )

    assert anew.equals(second.action_log.select(OUTCOME.names()))
