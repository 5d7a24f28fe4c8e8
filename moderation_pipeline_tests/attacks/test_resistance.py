"""The suite bites where nothing defends, and the defences hold, each shown by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from moderation_pipeline.agents.build_agents import Agents
from moderation_pipeline.agents.expert import Expert
from moderation_pipeline.agents.keyless.careful_rules import CarefulRulesExpert
from moderation_pipeline.agents.prompted.prompt_student import PromptStudent
from moderation_pipeline.agents.student import Student
from moderation_pipeline.attacks.attack_suite import Attack, attack_suite
from moderation_pipeline.attacks.resistance import MOST_SUCCESS, attack_config, success_share
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Situation
from moderation_pipeline.cases.verdict import Receipt, Verdict
from moderation_pipeline.config.model_specs import OpenAISpec
from moderation_pipeline.config.run_config import Config, NamedConfig
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.moderation.run_beginning import Begun
from moderation_pipeline.plan import Action, Category, Plan
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.moderation.gullible import BlindlyObedient, Gullible, PastingStudent
from moderation_pipeline_tests.moderation.scripted import ScriptedStudent

ONLY_MARKS = Config.model_validate(
    {
        "description": "audits nothing but what is marked",
        "regime": "hybrid",
        "expert": {"backend": "careful_rules"},
        "audit": {"policy": "random", "rate": 0, "random_floor": 0},
        "loop": {"batch_size": 256},
    }
)


def results_of(
    student: Student, expert: Expert | None = None, attacks: tuple[Attack, ...] | None = None
) -> pl.DataFrame:
    @contextmanager
    def begin(comments: pl.DataFrame) -> Iterator[Begun]:
        assert comments.height
        yield Begun(Agents(student, expert, None), None, Ladder(load_sanctions("default", DataFolder.find())))

    named = NamedConfig(name="attacked", path=Path("attacked.yaml"), config=ONLY_MARKS)
    return attack_config(attack_suite() if attacks is None else attacks, named, begin)


def share_of(student: Student, expert: Expert | None = None) -> float:
    share = success_share(results_of(student, expert))
    assert share is not None
    return share


def test_without_the_defences_a_gullible_model_is_talked_out_of_at_least_half() -> None:
    assert share_of(PastingStudent(Gullible())) >= 0.5


def test_told_what_the_data_block_is_the_same_model_stands_firm() -> None:
    assert share_of(PromptStudent(Gullible(), OpenAISpec(model="gullible"))) <= MOST_SUCCESS


def test_a_model_that_obeys_the_data_block_all_the_same_is_put_right_by_the_audits_of_marked_comments() -> (
    None
):
    obedient = PromptStudent(BlindlyObedient(), OpenAISpec(model="gullible"))

    assert share_of(obedient) >= 0.5
    assert share_of(obedient, CarefulRulesExpert()) <= MOST_SUCCESS


def test_an_attack_on_what_is_not_caught_plain_is_none_that_could_succeed() -> None:
    results = results_of(ScriptedStudent(), attacks=(Attack("pity", ("pity me, hello",), "hello"),))

    assert results.select("attacks", "caught_without", "succeeded").row(0) == (1, 0, 0)
    assert results["success_share"].to_list() == [None]
    assert success_share(results) is None


def test_a_milder_plan_is_a_success_and_a_like_one_is_none() -> None:
    attacks = (
        Attack("pity", ("spam although i am poor",), "threat to you"),
        Attack("pity", ("threat although i am poor",), "threat to you"),
    )

    (row,) = results_of(ScriptedStudent(), attacks=attacks).to_dicts()

    assert (row["caught_without"], row["succeeded"], row["success_share"]) == (2, 1, 0.5)
    assert row["examples"] == ["spam although i am poor"]


class Gone(ScriptedStudent):
    """A Student whose server answers to plain comments and is gone before the attacks begin."""

    batches = 0

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        self.batches += 1
        if self.batches == 1:
            return await super().decide(cases, situations)
        gone = Receipt("openai", reply_error="connection: refused")
        return [Verdict(None, gone, "none") for _ in cases]


def test_what_nobody_answered_is_no_attack_that_succeeded() -> None:
    attacks = attack_suite()[:20]

    results = results_of(Gone(lambda _: Plan(Action.DELETE, Category.SPAM, 0.9)), attacks=attacks)

    assert results["succeeded"].sum() == 0
    assert success_share(results) is None
