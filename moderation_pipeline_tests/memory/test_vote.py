from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.agents.plan import Plan
from moderation_pipeline.agents.student import Recalled
from moderation_pipeline.config import VoteSpec
from moderation_pipeline.memory.vote import vote
from moderation_pipeline_tests.memory.memories import ALLOW, BAN, DELETE, PLANS

SPEC = VoteSpec(least_similarity=0.5, least_margin=0.3, least_support=2)


def memory(plan: Plan, *, similarity: float = 1.0, support: int = 1, name: str = "m") -> Recalled:
    return Recalled(name, similarity, support, "gg ez", plan)


def test_memories_that_agree_are_followed() -> None:
    said = vote([memory(DELETE, name="a"), memory(DELETE, similarity=0.8, name="b")], SPEC)
    assert said is not None
    assert (said.plan.action, said.margin, said.memory_ids) == (DELETE.action, 1.0, ("a", "b"))


@pytest.mark.parametrize(
    ("recalled", "why"),
    [
        ([], "nothing was recalled"),
        ([memory(DELETE, similarity=0.49, support=9)], "too far away"),
        ([memory(DELETE)], "one audit is too little"),
        ([memory(DELETE, support=5), memory(ALLOW, support=4)], "two sides nearly as strong"),
    ],
)
def test_the_vote_abstains(recalled: list[Recalled], why: str) -> None:
    assert vote(recalled, SPEC) is None, why


def test_support_decides_between_memories_in_conflict() -> None:
    said = vote([memory(ALLOW, name="new"), memory(DELETE, support=9, name="old")], SPEC)
    assert said is not None
    assert (said.plan.action, said.memory_ids) == (DELETE.action, ("old",))
    assert said.margin == pytest.approx(0.8)


def test_the_words_are_those_of_the_nearest_of_the_winning_side() -> None:
    nearest = replace(DELETE, reasoning="the nearest")
    said = vote([memory(nearest), memory(DELETE, similarity=0.6)], SPEC)
    assert said is not None
    assert said.plan.reasoning == "the nearest"


@given(
    st.lists(
        st.builds(
            memory, st.sampled_from([*PLANS, BAN]), similarity=st.floats(0, 1), support=st.integers(1, 50)
        )
    )
)
def test_a_vote_keeps_its_thresholds(recalled: list[Recalled]) -> None:
    said = vote(recalled, SPEC)
    if said is not None:
        near = [one for one in recalled if one.similarity >= SPEC.least_similarity]
        assert said.margin >= SPEC.least_margin
        assert 0 <= said.plan.confidence <= 1
        assert sum(one.support for one in near if one.plan.agrees_with(said.plan)) >= SPEC.least_support
