"""Tests of which plan stands, and who is said to have decided."""

from __future__ import annotations

import pytest

from moderation_pipeline.cases.chosen import Chosen, DecidedBy, stands
from moderation_pipeline.plan import Plan
from moderation_pipeline_tests.moderation.scripted import ALLOW, DELETE


@pytest.mark.parametrize(
    ("student", "expert", "audits_act", "chosen"),
    [
        pytest.param(ALLOW, DELETE, True, Chosen(DELETE, DecidedBy.EXPERT), id="audits act"),
        pytest.param(ALLOW, DELETE, False, Chosen(ALLOW, DecidedBy.STUDENT), id="audits only teach"),
        pytest.param(None, DELETE, False, Chosen(DELETE, DecidedBy.EXPERT), id="the Student gave no plan"),
        pytest.param(ALLOW, None, True, Chosen(ALLOW, DecidedBy.STUDENT), id="the audit gave no plan"),
        pytest.param(None, None, True, Chosen(None, DecidedBy.NOBODY), id="neither gave a plan"),
    ],
)
def test_the_plan_that_stands_is_named_with_whose_it_is(
    student: Plan | None, expert: Plan | None, audits_act: bool, chosen: Chosen
) -> None:
    assert stands(student, expert, audits_act=audits_act) == chosen
