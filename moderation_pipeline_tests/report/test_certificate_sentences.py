"""Tests of the sentence on certificates."""

from __future__ import annotations

import polars as pl
import pytest

from moderation_pipeline.report.certificate_sentences import (
    certificate_sentence,
    certified_to,
    is_certified,
    small_print,
)
from moderation_pipeline.report.label_words.label_testimony import LabelWord, label_word
from moderation_pipeline.warehouse.tables import CERTIFICATES, EXPERT_ERRORS
from moderation_pipeline_tests.evaluation.worlds import Row, rows


def certificates(
    sanctions: str, comments: str, allowed: str, *, judged_by: str = "careful_rules", waiting: str = ""
) -> pl.DataFrame:
    """The three rows about everything, and those of one kind that is valid, and of one that is `waiting`."""
    row: Row = {
        "chat": "demo",
        "config": "mine",
        "action": "all",
        "category": "all",
        "comments": 1_000,
        "audits": 100,
        "errors": 0,
        "bound": 0.004,
        "target": 0.01,
        "confidence": 0.95,
        "reason": "",
        "audits_needed": 50,
        "floor": 0.1,
        "judged_by": judged_by,
        "window_from": 0,
        "window_to": 999,
    }
    by_denominator = {"allowed": allowed, "comments": comments, "sanctions": sanctions}
    overall: list[Row] = [
        {
            **row,
            "denominator": of,
            "status": status,
            "acts_alone": status == "valid" if of == "allowed" else None,
        }
        for of, status in by_denominator.items()
    ]
    acts = sanctions == comments == "valid"
    own: Row = {**row, "action": "delete", "category": "harassment", "status": "valid", "acts_alone": acts}
    other: Row = {**own, "action": "ban", "category": "hate", "status": waiting, "acts_alone": False}
    kinds = [{**each, "denominator": of} for each in [own, *([other] if waiting else [])] for of in PER_KIND]
    return rows(CERTIFICATES, [*overall, *kinds])


PER_KIND = ("sanctions", "comments")


def said(frame: pl.DataFrame, *changed: str) -> str:
    return certificate_sentence(frame, EXPERT_ERRORS.empty(), changed)


def test_where_every_target_is_met_it_may_act_alone_and_the_judge_is_named() -> None:
    frame = certificates("valid", "valid", "valid")

    assert is_certified(frame)
    assert said(frame).startswith("mine may act alone on this chat: at most 0.40\u00a0% wrongful sanctions")
    assert "judged by the Expert (careful_rules), whose own errors nobody has measured" in said(frame)
    assert "positions 0 to 999" in said(frame)


def test_what_the_expert_itself_gets_wrong_is_said_by_kind() -> None:
    known: Row = {
        "expert_error_rate": 0.1,
        "expert_error_rate_low": 0.05,
        "expert_error_rate_high": 0.2,
        "expert_labelled": 40,
    }
    errors = rows(
        EXPERT_ERRORS,
        [
            {
                "kind": "any",
                "category": "all",
                "audits": 90,
                "rate": 0.04,
                "rate_low": 0.02,
                "rate_high": 0.08,
            },
        ],
    )
    frame = certificates("valid", "valid", "valid").with_columns(**known)

    sentence = certificate_sentence(frame, errors).replace("\u00a0", " ")

    assert (
        "which is itself wrong on 4.0 % of 90 labelled comments by the labels (2.0 % to 8.0 %)," in sentence
    )
    assert "10.0 % of what it called violations (5.0 % to 20.0 %, of 40)" in sentence
    assert "and 10.0 % of violations by the labels (5.0 % to 20.0 %, of 40), over" in sentence


def test_audits_that_could_not_be_read_are_said() -> None:
    frame = certificates("not_yet", "not_yet", "valid").with_columns(unread_audits=pl.lit(3, pl.Int64))

    assert "(where 6 audits could not be read and count as errors)" in said(frame)


def test_labels_are_named_as_the_judge_where_they_are() -> None:
    sentence = said(certificates("valid", "valid", "valid", judged_by="labels dataset"))

    assert "judged by the chat's own labels (labels dataset)" in sentence


def test_what_is_missing_is_said_in_audits_and_as_a_floor() -> None:
    frame = certificates("valid", "valid", "not_yet")

    assert not is_certified(frame)
    assert said(frame).startswith("mine may sanction alone on this chat, but not yet let comments through")
    assert "50 further random audits without an error" in said(frame)
    assert "random_floor.allow" in said(frame)


def test_letting_go_can_be_certified_without_sanctions() -> None:
    assert said(certificates("valid", "not_yet", "valid")).startswith("mine may let comments through alone")


def test_the_kinds_that_act_are_named_and_the_others_are_not_passed_over() -> None:
    """The loop goes by kinds: a sentence by the rows about everything alone would promise too much."""
    frame = certificates("valid", "valid", "valid", waiting="not_yet")

    assert not is_certified(frame)
    assert said(frame).startswith(
        "mine may sanction alone on this chat by 1 of its 2 kinds of sanctions (delete for harassment), and let"
    )
    assert "wrongful sanctions among sanctions of the next kind, ban for hate, it would take 50" in said(
        frame
    )


def test_where_the_rows_about_everything_are_not_valid_no_kind_acts() -> None:
    frame = certificates("valid", "not_yet", "not_yet")

    assert said(frame).startswith("mine may not act alone on this chat yet")
    assert "next kind" not in said(frame)


def test_what_a_certificate_does_not_cover_is_told_wherever_one_is_shown() -> None:
    told = " ".join(small_print(certificates("valid", "valid", "valid")))

    for what in ("two rungs milder", "choose on one chat", "audit.secret", "1.6 times", "365"):
        assert what in told
    secret = certificates("valid", "valid", "valid").with_columns(draws_are_secret=pl.lit(value=True))
    assert "against whoever can read that" in " ".join(small_print(secret))
    assert small_print(CERTIFICATES.empty()) == []


def test_how_many_sanctions_were_carried_out_is_said() -> None:
    frame = certificates("valid", "valid", "valid").with_columns(sanctions=200, sanctions_carried_out=50)

    assert "Of its 200 sanctions here 50 (25\u00a0%) were carried out" in said(frame)


def test_what_has_changed_since_voids_everything() -> None:
    frame = certificates("valid", "valid", "valid")

    assert not is_certified(frame, ["its sanctions"])
    assert "void, for its sanctions changed since" in said(frame, "its sanctions")


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        (("valid", "valid", "valid"), "it is certified to act alone (judged by careful_rules)"),
        (("valid", "valid", "not_yet"), "it is certified to sanction alone (judged by careful_rules)"),
        (
            ("valid", "void", "valid"),
            "it is certified to let comments through alone (judged by careful_rules)",
        ),
        (("valid", "not_yet", "not_yet"), "it is not certified to act alone"),
    ],
)
def test_what_is_certified_is_said_in_a_few_words(statuses: tuple[str, str, str], said: str) -> None:
    assert certified_to(certificates(*statuses)) == said
    assert certified_to(certificates(*statuses), ["its rules"]) == (
        "what it was certified to do is void, for its rules changed since"
    )


def test_without_autonomy_nothing_is_certified() -> None:
    assert not is_certified(CERTIFICATES.empty())
    assert certified_to(CERTIFICATES.empty()) is None
    assert said(CERTIFICATES.empty()).startswith("There is nothing to certify")


def by_labels(wrong: int, missed: int, *, of: int = 10_000, by_acts: bool = False) -> LabelWord:
    """What labels say of 2,000 sanctions, `wrong` of them wrong, and of `of` comments let through, `missed` of them."""
    return label_word(
        {
            "labelled": of + 2_000,
            "sanctions_checked": 2_000,
            "wrongful_sanctions": wrong,
            "false_negatives": missed,
            "true_negatives": of - missed,
        },
        by_acts=by_acts,
    )


def test_labels_that_contradict_a_certificate_veto_the_may() -> None:
    frame, labels = certificates("valid", "valid", "valid"), by_labels(wrong=0, missed=420)

    sentence = certificate_sentence(frame, EXPERT_ERRORS.empty(), (), labels)

    assert not is_certified(frame, (), labels)
    assert "let comments through alone on this chat" not in sentence
    assert "so it should not let comments through alone, whatever the Expert's word allows" in sentence
    assert (
        "420 of 10,000 (4.2\u00a0%) of the comments that it let through are violations by the labels"
        in sentence
    )
    assert "where the target is 1.0\u00a0%" in sentence


def test_where_labels_are_what_moderators_did_nobody_is_called_innocent() -> None:
    labels = by_labels(wrong=220, missed=420, by_acts=True)
    sentence = certificate_sentence(
        certificates("valid", "valid", "valid"), EXPERT_ERRORS.empty(), (), labels
    )
    assert "of its sanctions hit comments that the moderators let be" in sentence
    assert "of the comments that it let through are comments that the moderators acted on" in sentence
    assert "innocent" not in sentence


def test_labels_that_contradict_all_of_it_leave_nothing_to_be_done_alone() -> None:
    frame, labels = certificates("valid", "valid", "valid"), by_labels(wrong=220, missed=420)

    assert certified_to(frame, (), labels) == "its certificate is contradicted by the labels"
    assert certificate_sentence(frame, EXPERT_ERRORS.empty(), (), labels).startswith("mine may not act alone")


def test_labels_that_bear_a_certificate_out_stand_beside_it_and_few_are_said_to_be_few() -> None:
    frame = certificates("valid", "valid", "valid")

    enough = certificate_sentence(frame, EXPERT_ERRORS.empty(), (), by_labels(wrong=0, missed=1))
    few = certificate_sentence(frame, EXPERT_ERRORS.empty(), (), by_labels(wrong=0, missed=0, of=100))

    assert is_certified(frame, (), by_labels(wrong=0, missed=1))
    assert "within the target of 1.0\u00a0%" in enough
    assert "too few to show 1.0\u00a0%" in few
    assert "may act alone" in few


def test_labels_that_judged_a_certificate_themselves_are_not_asked_twice() -> None:
    frame = certificates("valid", "valid", "valid", judged_by="labels")

    assert is_certified(frame, (), by_labels(wrong=220, missed=420))
