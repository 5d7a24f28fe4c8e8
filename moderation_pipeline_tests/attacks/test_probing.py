"""The functional tests show what an agent can't do, ability by ability."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from moderation_pipeline.agents.build_agents import Agents
from moderation_pipeline.agents.keyless.rules import RulesStudent
from moderation_pipeline.agents.student import Student
from moderation_pipeline.attacks.probing import probe_config, probes
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Situation
from moderation_pipeline.cases.verdict import Receipt, Verdict
from moderation_pipeline.config.run_config import Config, NamedConfig
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.moderation.run_beginning import Begun
from moderation_pipeline.plan import Action, Category, Plan
from moderation_pipeline.warehouse.folder import DataFolder

ALONE = Config.model_validate({"expert": "none", "memory": None, "audit": {"policy": "none"}})


class SaysAlways(Student):
    """A Student with one plan for everything, or with none."""

    def __init__(self, plan: Plan | None) -> None:
        self._plan = plan

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        """Give the plan to each."""
        assert len(cases) == len(situations)
        return [Verdict(self._plan, Receipt(backend="test"), confidence_source="none") for _ in cases]


def probed(student: Student) -> pl.DataFrame:
    @contextmanager
    def begin(comments: pl.DataFrame) -> Iterator[Begun]:
        assert comments.height
        yield Begun(Agents(student, None, None), None, Ladder(load_sanctions("default", DataFolder.find())))

    return probe_config(NamedConfig(name="probed", path=Path("probed.yaml"), config=ALONE), begin)


def test_every_ability_has_lines_of_one_kind_and_no_line_stands_twice() -> None:
    kinds = {(each.ability, each.is_violation) for each in probes()}
    lines = Counter(each.ability for each in probes())
    assert len(kinds) == len(lines)
    assert min(lines.values()) >= 4
    assert max(Counter(each.text for each in probes()).values()) == 1


def test_who_bans_everything_is_right_only_where_something_is_to_be_done() -> None:
    found = probed(SaysAlways(Plan(Action.BAN, Category.HATE, 1.0)))
    assert set(found.filter(pl.col("expected") == "acts")["share"]) == {1.0}
    assert set(found.filter(pl.col("expected") == "lets be")["share"]) == {0.0}
    assert found.filter(pl.col("right") == 0)["wrong"].list.len().min() == 2


def test_who_has_no_plan_is_right_nowhere_and_it_is_said_that_nobody_decided() -> None:
    found = probed(SaysAlways(None))
    assert found["right"].sum() == 0
    assert found["open"].equals(found["lines"].alias("open"))


def test_the_rules_do_better_than_either_and_each_share_lies_in_its_interval() -> None:
    found = probed(RulesStudent(None))
    assert int(found["right"].sum()) > 0.7 * len(probes())
    assert (
        found.filter((pl.col("low") <= pl.col("share")) & (pl.col("share") <= pl.col("high"))).height
        == found.height
    )
