from __future__ import annotations

from moderation_pipeline.evaluation.disagreements import costliest_disagreements
from moderation_pipeline_tests.evaluation.worlds import comments, run


def test_the_widest_gap_in_severity_comes_first_and_agreement_never() -> None:
    chat = comments([{}] * 4)
    student = ["allow none", "warn spam", "delete hate", "ban threat"]
    hybrid = run(
        "hybrid",
        chat,
        student=student,
        audits={0: "ban hate", 1: "delete spam", 2: "delete hate", 3: "allow none"},
    )
    found = costliest_disagreements(chat, hybrid, None)
    assert found.select("comment_id", "gap").rows() == [("c0", 5), ("c3", 5), ("c1", 1)]


def test_of_equal_gaps_the_one_about_whether_there_is_a_violation_comes_first() -> None:
    chat = comments([{}] * 2)
    hybrid = run(
        "hybrid", chat, student=["warn spam", "allow none"], audits={0: "delete spam", 1: "reply self_harm"}
    )
    assert costliest_disagreements(chat, hybrid, None)["comment_id"].to_list() == ["c1", "c0"]


def test_the_same_text_with_the_same_plans_is_one_case_and_counted() -> None:
    chat = comments([{"normalised": "buy now"}] * 3 + [{"normalised": "other"}])
    hybrid = run("hybrid", chat, student=["allow none"] * 4, audits=dict.fromkeys(range(4), "delete spam"))
    found = costliest_disagreements(chat, hybrid, None)
    assert found.select("comment_id", "repeats").rows() == [("c0", 3), ("c3", 1)]


def test_a_run_that_audited_nothing_is_held_against_the_reference() -> None:
    chat = comments([{}] * 2)
    expert = run("expert_only", chat, audits={0: "ban hate", 1: "allow none"})
    alone = run("student_only", chat, student=["allow none"] * 2)
    assert costliest_disagreements(chat, alone, expert.expert_audits)["comment_id"].to_list() == ["c0"]
    assert costliest_disagreements(chat, alone, None).is_empty()
    assert costliest_disagreements(chat, expert, expert.expert_audits).is_empty(), "it has no Student"


def test_no_more_are_given_than_were_asked_for() -> None:
    chat = comments([{}] * 30)
    hybrid = run("hybrid", chat, student=["allow none"] * 30, audits=dict.fromkeys(range(30), "ban hate"))
    assert costliest_disagreements(chat, hybrid, None, 10).height == 10
