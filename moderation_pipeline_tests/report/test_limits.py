from __future__ import annotations

from dataclasses import replace

import polars as pl

from moderation_pipeline.evaluation.config_comparison import compare
from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline.report.limits import label_sources, limits
from moderation_pipeline.warehouse.tables import INGESTION, REJECTED_LINES
from moderation_pipeline_tests.evaluation.worlds import (
    REPLY,
    Row,
    comments,
    drawn_chat,
    drawn_runs,
    rows,
    run,
)


def told(
    chat: pl.DataFrame, *runs: Run, ingestion: Row | None = None, rejected: list[Row] | None = None
) -> str:
    return "\n".join(
        limits(
            chat,
            None if ingestion is None else rows(INGESTION, [ingestion]),
            rows(REJECTED_LINES, rejected or []),
            list(runs),
            compare(chat="demo", comments=chat, runs=list(runs)),
        )
    )


def test_what_could_not_be_read_is_counted_with_its_reasons() -> None:
    counted: Row = {
        "records": 100,
        "comments": 90,
        "rejected": 3,
        "ignored": 5,
        "moderation_events": 0,
        "merged": 2,
    }
    lines: list[Row] = [{"reason": "no time"}, {"reason": "no time"}, {"reason": "cut off"}]
    said = told(comments([{}] * 20), ingestion=counted, rejected=lines)
    assert "3 (3.0\u00a0%) of 100 records could not be read: no time (2), cut off (1)." in said
    assert "5 records were no comments" in said
    assert "2 records were copies" in said


def test_a_chat_that_has_everything_has_few_limits() -> None:
    chat = drawn_chat(1, size=600).with_columns(normalised="comment_id")
    assert (
        told(chat)
        == "The labels are those of a data set: its authors' definition of a violation, not a channel's"
        " rules."
    )


def test_missing_labels_times_users_and_repeated_text_are_each_named() -> None:
    chat = comments([{"sent_at": None, "user_id": None, "user_name": None, "normalised": "gg"}] * 20)
    said = told(chat)
    assert "The chat has no labels" in said
    assert "20 (100.0\u00a0%) of the comments have no time" in said
    assert "20 (100.0\u00a0%) of the comments have no user" in said
    assert "95\u00a0% of the comments repeat the text of another" in said


def test_a_part_without_labels_and_few_violations_are_named() -> None:
    labels: list[Row] = [{"label_is_violation": True, "label_source": "moderators"}, *[{}] * 19]
    said = told(comments(labels))
    assert "19 (95.0\u00a0%) of the comments have no label" in said
    assert "The labels are what human moderators did" in said
    assert "Only 1 comment that the moderators acted on: precision, recall and F1 rest" in said


def test_a_cost_that_rests_on_tokens_counted_here_is_called_an_estimate() -> None:
    chat = drawn_chat(1)
    hybrid = next(each for each in drawn_runs(1, chat) if each.name == "hybrid")
    guessed = hybrid.student_decisions.with_columns(tokens_are_estimated=True, list_cost_usd=0.001)
    assert "The cost of hybrid is an estimate" not in told(chat, hybrid)
    assert (
        f"The cost of hybrid is an estimate: its server doesn't say the tokens of {guessed.height:,} answers"
        in told(chat, replace(hybrid, student_decisions=guessed))
    )


def test_synthetic_chat_is_no_evidence() -> None:
    assert "no number here is evidence" in told(
        comments([{"label_is_violation": False, "label_source": "synthetic"}] * 20)
    )


def test_failures_of_a_run_are_named_with_their_config() -> None:
    chat = comments([{}] * 20)
    bad = {**REPLY, "reply_error": "no JSON", "list_cost_usd": None}
    said = told(chat, run("student_only", chat, student=[None] * 20, student_reply=bad))
    assert "student_only left 20 comments undecided" in said
    assert "20 (100.0\u00a0%) of the replies under student_only were unusable." in said
    assert "The cost of student_only is unknown" in said


def test_audits_that_could_not_be_read_are_said_with_what_they_leave_open() -> None:
    chat = comments([{}] * 20)
    some = run("hybrid", chat, student=["allow none"] * 20, audits={0: "allow none", 1: None})
    assert "50.0\u00a0% by weight could not be read" in told(chat, some)
    assert "lies between 50.0\u00a0% and 100.0\u00a0%" in told(chat, some)


def test_agreement_that_speaks_for_a_part_says_for_which() -> None:
    chat = comments([{}] * 20)
    some = run(
        "hybrid", chat, student=["allow none"] * 20, audits={0: "allow none"}, probability=[1.0] + [0.0] * 19
    )
    assert "Agreement under hybrid speaks for 5.0\u00a0% of its comments" in told(chat, some)


def test_languages_other_than_english_are_counted_and_those_that_cannot_be_told() -> None:
    chat = comments([{"language": "nl"}] * 4 + [{"language": "en"}] * 10 + [{}] * 6)
    said = told(chat)
    assert "4 (20.0\u00a0%) of the comments are in another language than English (nl 4)" in said
    assert "6 (30.0\u00a0%) are too short to tell" in said


def test_where_labels_come_from_is_told_by_how_many() -> None:
    given: list[Row] = [
        {"label_is_violation": True, "label_source": source}
        for source in ("dataset", "moderators", "moderators")
    ]
    assert label_sources(comments(given)) == ("moderators", "dataset")
    assert label_sources(comments([{}])) == ()


def test_without_labels_what_the_audits_say_of_violations_is_said_as_the_experts_view() -> None:
    plans = ["ban hate"] * 30 + ["allow none"] * 370
    found = ["ban hate"] * 20 + ["allow none"] * 10 + ["ban hate"] * 30 + ["allow none"] * 340
    chat = comments([{"user_id": f"u{i % 40}"} for i in range(400)])
    audits = {i: found[i] for i in range(0, 400, 2)}
    hybrid = run("hybrid", chat, student=plans, audits=audits, probability=0.5)
    said = told(chat, hybrid)
    assert "By the audits of hybrid the Expert sees a violation in 12.5\u00a0% (estimated, " in said
    assert "its Student alone flags 40.0\u00a0% (estimated, " in said
    labelled = chat.with_columns(label_is_violation=pl.lit(value=False), label_source=pl.lit("dataset"))
    assert "the Expert sees" not in told(labelled, hybrid), "where there are labels, they judge"
