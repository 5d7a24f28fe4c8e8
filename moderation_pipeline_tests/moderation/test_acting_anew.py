"""Tests of stored runs that are acted upon anew: by the loop's own ladder, from what was stored."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.agents.build_agents import Agents
from moderation_pipeline.config.run_config import Config, NamedConfig
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.moderation.acting_anew import OUTCOME, Stored, acted_anew
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.moderation.loop import moderate
from moderation_pipeline.moderation.run_tables import RunTables
from moderation_pipeline.plan import Category
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.backends.decision_server import DecisionServer, serving
from moderation_pipeline_tests.backends.runs import run
from moderation_pipeline_tests.moderation.scripted import ScriptedExpert, ScriptedStudent, chat_of
from moderation_pipeline_tests.moderation.test_ladder import STEPS, sanctions_from
from moderation_pipeline_tests.moderation.test_standings import ALONE

WORDS = ("hello", "insult", "spam", "threat", "enough")


def stored(tables: RunTables) -> Stored:
    return Stored(tables.student_decisions, tables.expert_audits, tables.action_log)


def moderated(comments: pl.DataFrame, config: Config = ALONE) -> RunTables:
    folder = DataFolder.find()
    return moderate(
        comments,
        NamedConfig(name="alone", path=folder.root, config=config),
        agents=Agents(ScriptedStudent(), None, None),
        memory=None,
        ladder=Ladder(load_sanctions("default", folder)),
    )


def default_ladder() -> Ladder:
    return Ladder(load_sanctions("default", DataFolder.find()))


@given(
    st.lists(
        st.tuples(st.sampled_from(WORDS), st.sampled_from(["a", "b", None]), st.integers(0, 90)), min_size=1
    )
)
def test_under_its_own_ladder_a_run_comes_out_as_it_was(said: list[tuple[str, str | None, int]]) -> None:
    texts, users, gaps = zip(*said, strict=True)
    seconds = [float(sum(gaps[: i + 1])) for i in range(len(gaps))]
    comments = chat_of(texts, users=users, seconds=seconds)
    tables = moderated(comments)

    anew = acted_anew(comments, stored(tables), ALONE, default_ladder())

    assert anew.equals(tables.action_log.select(OUTCOME.names()))


def test_under_another_ladder_strikes_and_silence_follow_from_what_it_would_have_done(tmp_path: Path) -> None:
    comments = chat_of(["insult"] * 3, users=["mallory"] * 3, seconds=[0, 10, 20])
    strict = sanctions_from(tmp_path, f"ladders:\n  {STEPS.replace('delete: [delete]', 'delete: [ban]')}\n")

    anew = acted_anew(comments, stored(moderated(comments)), ALONE, Ladder(strict))

    assert anew["action"].to_list() == ["ban", "allow", "allow"]
    assert anew["under_sanction"].to_list() == [False, True, True]


def test_a_student_without_probabilities_is_held_to_its_confidence() -> None:
    comments = chat_of(["insult", "spam", "hello"])

    anew = acted_anew(
        comments, stored(moderated(comments)), ALONE, default_ladder(), least={Category.HARASSMENT: 0.95}
    )

    assert anew["action"].to_list() == ["allow", "warn", "allow"]
    assert anew["reason"][0].startswith("Less sure of harassment (0.90) than 0.95")


@pytest.mark.parametrize("least", [0.3, 0.5, 0.8])
def test_other_thresholds_give_what_a_run_under_them_would_have_given(tmp_path: Path, least: float) -> None:
    """From stored probabilities, and no model is asked: the same plans as of a run that asks them."""
    texts = [f"R1=0.{i} line {i}" for i in range(1, 10)] + ["R3=0.9 see you"]

    def config(server: DecisionServer, thresholds: dict[str, object]) -> Config:
        student = {"backend": "systemone", "base_url": server.base_url, "thresholds": thresholds}
        return Config.model_validate(
            {"student": student, "expert": "none", "memory": None, "audit": {"policy": "none"}}
        )

    with serving(DecisionServer()) as server:
        usual = config(server, {})
        first = run(tmp_path / "one", usual, texts).tables
        second = run(tmp_path / "two", config(server, {"harassment": {"mild": least}}), texts).tables
        asked = len(server.bodies)
        anew = acted_anew(
            chat_of(texts),
            stored(first),
            usual,
            default_ladder(),
            least={Category.HARASSMENT: least},
        )

    assert len(server.bodies) == asked
    assert anew["action"].to_list() == second.action_log["action"].to_list()
    assert anew["reason"].to_list() == second.action_log["reason"].to_list()


def test_what_the_expert_said_stands_whatever_the_threshold() -> None:
    comments = chat_of(["insult"])
    config = Config.model_validate({"expert": "careful_rules", "memory": None, "audit": {"policy": "all"}})
    folder = DataFolder.find()
    tables = moderate(
        comments,
        NamedConfig(name="audited", path=folder.root, config=config),
        agents=Agents(ScriptedStudent(), ScriptedExpert(), None),
        memory=None,
        ladder=default_ladder(),
    )

    anew = acted_anew(comments, stored(tables), config, default_ladder(), least={Category.HARASSMENT: 1.0})

    assert anew["decided_by"].to_list() == ["expert"]
    assert anew["action"].equals(tables.action_log["action"])
