from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.cases.situation import Recalled
from moderation_pipeline.config.run_config import VoteSpec
from moderation_pipeline.memory.vote import vote
from moderation_pipeline.plan import Plan
from moderation_pipeline_tests.memory.memories import ALLOW, BAN, DELETE, PLANS

SPEC = VoteSpec(least_similarity=0.5, least_margin=0.1)


def memory(
    plan: Plan,
    *,
    similarity: float = 1.0,
    support: int = 1,
    helped: int = 0,
    harmed: int = 0,
    name: str = "m",
    overruled_by: tuple[str, ...] = (),
) -> Recalled:
    return Recalled(name, similarity, support, "gg ez", plan, helped, harmed, overruled_by)


def trust(*recalled: Recalled) -> float:
    said = vote(recalled, SPEC)
    assert said is not None
    return said.plan.confidence


def test_memories_that_say_the_same_speak_together() -> None:
    said = vote([memory(DELETE, name="a"), memory(DELETE, similarity=0.8, name="b")], SPEC)
    assert said is not None
    assert (said.plan.action, said.memory_ids) == (DELETE.action, ("a", "b"))
    assert said.plan.confidence == pytest.approx((1.8 + 0.5) / (1.8 + 1.5))


@pytest.mark.parametrize(
    ("recalled", "why"),
    [
        ([], "nothing was recalled"),
        ([memory(DELETE, similarity=0.49, support=9)], "too far away"),
        ([memory(DELETE, support=5), memory(ALLOW, support=4)], "two sides trusted nearly alike"),
    ],
)
def test_the_vote_abstains(recalled: list[Recalled], why: str) -> None:
    assert vote(recalled, SPEC) is None, why


def test_a_memory_that_nobody_tested_is_trusted_little() -> None:
    assert trust(memory(DELETE)) == pytest.approx(0.6)


def test_audits_that_confirm_it_raise_trust_and_audits_that_deny_it_lower_it() -> None:
    assert trust(memory(DELETE, harmed=1)) < trust(memory(DELETE)) < trust(memory(DELETE, helped=1))
    assert trust(memory(DELETE)) < trust(memory(DELETE, support=2))


def test_a_farther_memory_is_trusted_less() -> None:
    assert trust(memory(DELETE, similarity=0.8)) < trust(memory(DELETE))


def test_of_memories_of_like_comments_that_disagree_the_better_proven_wins() -> None:
    said = vote([memory(ALLOW, name="one", harmed=2), memory(DELETE, support=9, name="other")], SPEC)
    assert said is not None
    assert (said.plan.action, said.memory_ids) == (DELETE.action, ("other",))


def test_of_near_duplicates_in_conflict_the_newer_audit_leads_however_proven_the_older() -> None:
    old = memory(DELETE, support=9, name="old", overruled_by=("new",))
    said = vote([old, memory(ALLOW, name="new")], SPEC)
    assert said is not None
    assert (said.plan.action, said.memory_ids) == (ALLOW.action, ("new",))


def test_the_older_of_two_in_conflict_speaks_where_the_newer_is_not_heard() -> None:
    old = memory(DELETE, name="old", overruled_by=("new",))
    for recalled in ([old], [old, memory(ALLOW, name="new", similarity=0.49)]):
        said = vote(recalled, SPEC)
        assert said is not None
        assert said.memory_ids == ("old",)


def test_the_words_are_those_of_the_nearest_of_the_winning_side() -> None:
    nearest = replace(DELETE, reasoning="the nearest")
    said = vote([memory(nearest), memory(DELETE, similarity=0.6)], SPEC)
    assert said is not None
    assert said.plan.reasoning == "the nearest"


@given(
    st.lists(
        st.builds(
            memory,
            st.sampled_from([*PLANS, BAN]),
            similarity=st.floats(0, 1),
            support=st.integers(1, 50),
            helped=st.integers(0, 50),
            harmed=st.integers(0, 50),
        )
    )
)
def test_a_vote_is_by_near_memories_of_one_plan_and_its_trust_is_a_probability(
    recalled: list[Recalled],
) -> None:
    said = vote(recalled, SPEC)
    if said is not None:
        assert SPEC.least_margin <= said.margin <= said.plan.confidence < 1
        spoke = [one for one in recalled if one.plan.agrees_with(said.plan) and one.similarity >= 0.5]
        assert len(said.memory_ids) == len(spoke) > 0
