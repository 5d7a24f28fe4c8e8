"""Tests of what is laid beside each other per comment: the plan that stands is the one that stood in the loop."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.cases.chosen import stands
from moderation_pipeline.evaluation.config_comparison import compare
from moderation_pipeline.evaluation.judged import known_of, standing_action
from moderation_pipeline.plan import Action, Category, Plan
from moderation_pipeline_tests.evaluation.worlds import comments, run

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


def test_rows_of_one_cluster_of_a_data_set_are_resampled_as_one_whoever_wrote_them() -> None:
    """Cases made from one template stand or fall together: by themselves their interval is far too narrow."""
    bare = {"user_id": None, "user_name": None}
    made = [{**bare, "label_is_violation": True, "cluster": f"template {i // 20}"} for i in range(400)]
    caught = ["ban hate" if i // 20 % 3 else "allow none" for i in range(400)]
    chat = comments(made)
    rows = [
        compare(chat="demo", comments=each, runs=[run("student_only", each, student=caught)]).row(
            0, named=True
        )
        for each in (chat, chat.with_columns(cluster=pl.lit(None, pl.String)))
    ]

    by_template, by_itself = (row["recall_high"] - row["recall_low"] for row in rows)

    assert by_template > 3 * by_itself
    assert rows[0]["users"] == 0, "nobody is known, so there is no user to count"


def test_users_and_texts_are_numbered_as_they_appear_and_a_text_only_where_several_clusters_wrote_it() -> (
    None
):
    said = [
        ("mods", "gg", None),
        ("ann", "gg", None),
        ("ann", "only ann", None),
        ("ann", "only ann", None),
        ("bob", "", None),
        ("ann", "", None),
        ("bob", "two of one template", "t"),
        ("ann", "two of one template", "t"),
    ]
    chat = comments([{"user_id": who, "normalised": text, "cluster": cluster} for who, text, cluster in said])
    known = known_of(chat)
    assert known["who"].to_list() == [0, 1, 1, 1, 2, 1, 2, 1]
    assert known["cluster"].to_list() == [0, 1, 1, 1, 2, 1, 3, 3]
    assert known["shared_text"].to_list() == [0, 0, *[None] * 6]
