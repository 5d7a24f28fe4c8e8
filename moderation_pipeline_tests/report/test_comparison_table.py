from __future__ import annotations

from moderation_pipeline.evaluation.config_comparison import compare
from moderation_pipeline.report.comparison_table import Cell, readable
from moderation_pipeline_tests.evaluation.worlds import comments, drawn_chat, drawn_runs, run


def test_every_config_has_a_cell_in_every_line() -> None:
    chat = drawn_chat(1)
    table = readable(compare(chat="demo", comments=chat, runs=drawn_runs(1, chat)))
    assert [each.config for each in table.configs] == [
        "student_only",
        "student_memory",
        "hybrid",
        "expert_only",
    ]
    assert {len(line.cells) for line in table.lines} == {4}
    lines = {line.name: line for line in table.lines}
    assert lines["Against the default"].cells[2] == Cell("the default")
    assert lines["Student alone"].cells[3] == Cell("–"), "expert_only has no Student"
    assert " to " in lines["Both in one"].cells[0].note
    assert " of " in lines["Wrongly"].cells[0].note


def test_what_no_config_has_is_left_out() -> None:
    chat = comments([{}] * 20)
    names = [
        line.name
        for line in readable(
            compare(chat="demo", comments=chat, runs=[run("student_only", chat, student=["allow none"] * 20)])
        ).lines
    ]
    assert names == ["Checked by the Expert", "Acted against", "Cost", "Wait"]


def test_agreement_is_the_exact_one_where_the_expert_judged_everything() -> None:
    chat = drawn_chat(1)
    table = compare(chat="demo", comments=chat, runs=drawn_runs(1, chat))
    agreement = next(line for line in readable(table).lines if line.name == "Student agrees")
    assert agreement.cells[0] == agreement.cells[2]
