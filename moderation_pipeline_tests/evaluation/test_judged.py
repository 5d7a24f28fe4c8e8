"""Tests of what is laid beside each other per comment: the plan that stands is the one that stood in the loop."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.cases.chosen import stands
from moderation_pipeline.evaluation.judged import standing_action
from moderation_pipeline.plan import Action, Category, Plan

plans = st.none() | st.sampled_from([Plan(action, Category.OTHER, 0.5, "Said.") for action in Action])


@given(st.lists(st.tuples(plans, plans)), st.booleans())
def test_a_table_and_the_loop_agree_on_which_plan_stands(
    pairs: list[tuple[Plan | None, Plan | None]], audits_act: bool
) -> None:
    said = pl.DataFrame(
        [[plan and plan.action.value for plan in pair] for pair in pairs],
        schema={"student": pl.String, "expert": pl.String},
        orient="row",
    )

    by_table = said.select(standing_action("student", "expert", audits_act=audits_act)).to_series()
    by_loop = [stands(student, expert, audits_act=audits_act).plan for student, expert in pairs]

    assert by_table.to_list() == [plan and plan.action for plan in by_loop]
