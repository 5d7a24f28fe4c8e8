from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from moderation_pipeline.cases.audit_reason import AuditReason
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.chosen import DecidedBy
from moderation_pipeline.cases.settled import NOT_AUDITED, AuditChoice, Sanction, Settled
from moderation_pipeline.cases.verdict import Receipt, Verdict
from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.moderation.stream import Stream
from moderation_pipeline.plan import UNDECIDED, Action, Category, Plan
from moderation_pipeline.terminal.running.progress_view import ProgressView
from moderation_pipeline.terminal.running.trace_view import TraceView

ALLOW = Plan(Action.ALLOW, Category.NONE, 0.96, "Nothing found.")
DELETE = Plan(Action.DELETE, Category.HARASSMENT, 0.62, "An insult.", rule="R1")


def case_of(folder: Path, text: str) -> Case:
    path = folder / "chat.jsonl"
    path.write_bytes(orjson.dumps({"channel": "arena", "user_name": "Bob", "user_id": "1", "text": text}))
    (case,) = next(iter(Stream(ingest(path, "chat").comments).batches(1)))
    return case


def verdict(plan: Plan | None, *, cost_usd: float | None = 0.0, memories: tuple[str, ...] = ()) -> Verdict:
    error = None if plan else "garbled"
    return Verdict(plan, Receipt("rules", cost_usd=cost_usd, reply_error=error), memory_ids=memories)


def sanction(action: str, by: DecidedBy = DecidedBy.STUDENT) -> Sanction:
    return Sanction(
        action=action,
        category=None,
        duration_s=None,
        reply_text=None,
        decided_by=by,
        reason="",
        strikes=0,
        counts_until_us=None,
        under_sanction=False,
        is_shadow=False,
    )


def drawn(*settled: Settled) -> list[str]:
    """Return the lines that a terminal of 100 columns would show."""
    console = Console(file=io.StringIO(), width=100, markup=False, highlight=False, emoji=False)
    TraceView(console).settled(settled)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_plain_comment_takes_two_lines_with_the_action_on_the_left(tmp_path: Path) -> None:
    one = Settled(case_of(tmp_path, "gg wp"), verdict(ALLOW), NOT_AUDITED, None, None, sanction("allow"))
    assert drawn(one) == [
        "allow         #0 Bob in arena: gg wp",
        "              student allow, 0.96: Nothing found. · by student · $0",
    ]


def test_an_audited_comment_shows_both_plans_memories_agreement_outcome_and_cost(tmp_path: Path) -> None:
    one = Settled(
        case_of(tmp_path, "you noob"),
        verdict(DELETE, memories=("m1", "m2", "m3", "m4")),
        AuditChoice(AuditReason.UNCERTAIN, 1.0),
        verdict(ALLOW, cost_usd=0.0021),
        False,
        sanction("allow", DecidedBy.EXPERT),
    )
    assert drawn(one) == [
        "allow         #0 Bob in arena: you noob",
        "              student delete for harassment, rule R1, 0.62: An insult. · memories m1, m2, m3…",
        "              expert  allow, 0.96: Nothing found. ✗ disagrees",
        "              by expert · audited: uncertain (p 1) · $0.0021",
    ]


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (
            sanction("timeout", DecidedBy.LADDER)._replace(
                duration_s=600, strikes=2, reason="delete raised to timeout"
            ),
            "by ladder · delete raised to timeout · 2 strikes · $0",
        ),
        (sanction("allow", DecidedBy.LADDER)._replace(under_sanction=True), "was silenced already"),
        (sanction("ban", DecidedBy.LADDER)._replace(is_shadow=True), "shadow: nothing was done"),
    ],
)
def test_what_the_ladder_made_of_a_plan_is_told(tmp_path: Path, outcome: Sanction, said: str) -> None:
    one = Settled(case_of(tmp_path, "x"), verdict(DELETE), NOT_AUDITED, None, None, outcome)
    assert said in drawn(one)[-1]


def test_a_bad_reply_and_an_unknown_cost_are_said(tmp_path: Path) -> None:
    bad = Settled(
        case_of(tmp_path, "x"), verdict(None, cost_usd=None), NOT_AUDITED, None, None, sanction("undecided")
    )
    assert "gave no plan: garbled" in drawn(bad)[1]
    assert "cost unknown" in drawn(bad)[1]


def test_what_is_said_to_a_user_is_shown_and_an_estimated_cost_is_no_exact_one(tmp_path: Path) -> None:
    case = case_of(tmp_path, "I can't go on")
    plan = Plan(Action.REPLY, Category.SELF_HARM, 0.9, "It is about dying.", "Talk to someone.", "R6")
    told = verdict(plan, cost_usd=0.002)
    guessed = replace(told, receipt=replace(told.receipt, tokens_are_estimated=True))
    spoken = sanction("reply")._replace(reply_text="Talk to someone.")

    said = " ".join(" ".join(drawn(Settled(case, guessed, NOT_AUDITED, None, None, spoken))).split())
    assert "says 'Talk to someone.'" in said
    assert "about $0.002" in said


def test_hostile_text_neither_moves_the_cursor_nor_is_read_as_markup(tmp_path: Path) -> None:
    text = "\x1b[2J[bold]x[/bold] \u202eevil\nline"
    one = Settled(case_of(tmp_path, text), verdict(ALLOW), NOT_AUDITED, None, None, sanction("allow"))
    assert drawn(one)[0] == "allow         #0 Bob in arena: ␛[2J[bold]x[/bold] <U+202E>evil␊line"


def test_long_text_is_wrapped_beside_the_left_edge(tmp_path: Path) -> None:
    one = Settled(case_of(tmp_path, "word " * 40), verdict(ALLOW), NOT_AUDITED, None, None, sanction("allow"))
    assert all(line.startswith(("allow ", " " * 14)) for line in drawn(one))


def test_without_a_terminal_progress_is_one_line_a_run(tmp_path: Path) -> None:
    one = Settled(
        case_of(tmp_path, "x"),
        verdict(DELETE),
        AuditChoice(AuditReason.ALL, 1.0),
        verdict(DELETE),
        True,
        sanction("delete"),
    )
    nobody = Settled(case_of(tmp_path, "x"), None, NOT_AUDITED, None, None, sanction(UNDECIDED))
    console = Console(file=io.StringIO(), width=200)
    view = ProgressView(console)
    for batch in ([one], [one, nobody]):
        view.begins("chat", "hybrid", 2)
        view.settled(batch)
        view.ends()
    beside = [view.beside() for _ in range(200)]
    for each in reversed(beside):
        each.noted("No column is a time.")
    for each in beside:
        each.told()
    assert isinstance(console.file, io.StringIO)
    first, second, *notes = console.file.getvalue().splitlines()
    assert first.startswith("chat under hybrid: 1 comments in ")
    assert first.endswith("1 audited, 1 acted against")
    assert second.endswith("1 audited, 1 acted against, 1 undecided")
    again = "Note: No column is a time. (Not said again of others.)"
    assert notes == ["Note: No column is a time.", again], "the same of 200 files"
