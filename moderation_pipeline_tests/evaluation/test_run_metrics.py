from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import polars as pl
import pytest
from sklearn.metrics import confusion_matrix, f1_score, precision_score, recall_score

from moderation_pipeline.config.run_config import RandomFloor
from moderation_pipeline.evaluation.judged import AuditWithoutProbabilityError
from moderation_pipeline_tests.evaluation.worlds import REPLY, comments, drawn_chat, drawn_plans, metrics, run

Value = str | float | int | bool | datetime | None


LABELS = [True, True, False, False, None]
STUDENT = ["ban hate", "allow none", "warn spam", "allow none", "ban hate"]


def test_a_student_alone_is_scored_against_labels_by_hand() -> None:
    chat = comments([{"label_is_violation": label} for label in LABELS])
    row = metrics(chat, run("student_only", chat, student=STUDENT))
    cells = ("true_positives", "false_positives", "false_negatives", "true_negatives")
    assert [row[cell] for cell in cells] == [1, 1, 1, 1]
    assert [row[f"student_{cell}"] for cell in cells] == [1, 1, 1, 1]
    assert (row["precision"], row["recall"], row["f1"], row["macro_f1"]) == (0.5, 0.5, 0.5, 0.5)
    assert (row["labelled"], row["labelled_violations"]) == (4, 2)
    assert (row["wrongful_sanctions"], row["wrongful_sanction_share"]) == (1, 0.5)
    assert (row["f1_low"], row["f1_high"]) == (None, None), "five users are too few for an interval"


def test_of_each_kind_of_sanction_it_is_told_how_many_were_wrong() -> None:
    plans = [each for kind in ("warn", "ban") for each in [f"{kind} hate"] * 15]
    labels = [True] * 9 + [False] * 6 + [True] * 12 + [False] * 3
    chat = comments([{"label_is_violation": label} for label in labels])
    row = metrics(chat, run("student_only", chat, student=plans))
    assert (row["warnings_checked"], row["wrongful_warnings"], row["wrongful_warning_share"]) == (15, 6, 0.4)
    assert (row["bans_checked"], row["wrongful_bans"], row["wrongful_ban_share"]) == (15, 3, 0.2)
    low, high = row["wrongful_ban_share_low"], row["wrongful_ban_share_high"]
    assert isinstance(low, float)
    assert isinstance(high, float)
    assert low < 0.2 < high
    assert (row["deletions_checked"], row["wrongful_deletions"], row["wrongful_deletion_share"]) == (
        0,
        0,
        None,
    )
    assert row["wrongful_sanctions"] == 9


def test_an_audit_replaces_the_plan_where_audits_act_and_nowhere_else() -> None:
    chat = comments([{"label_is_violation": label} for label in LABELS])
    audits = {1: "ban hate", 2: "allow none"}
    hybrid = metrics(chat, run("hybrid", chat, student=STUDENT, audits=audits))
    memory = metrics(chat, run("student_memory", chat, student=STUDENT, audits=audits))
    assert (hybrid["f1"], hybrid["student_f1"]) == (1.0, 0.5)
    assert (memory["f1"], memory["student_f1"]) == (0.5, 0.5)


def test_agreement_weighs_each_audit_by_how_unlikely_it_was() -> None:
    chat = comments([{}] * 4)
    hybrid = run(
        "hybrid",
        chat,
        student=["allow none"] * 4,
        audits={0: "ban hate", 3: "allow none"},
        probability=[1.0, 0.1, 0.1, 0.1],
    )
    row = metrics(chat, hybrid)
    assert row["agreement_rate"] == pytest.approx(10 / 11)
    assert row["system_agreement_rate"] == pytest.approx(1.0)
    assert (row["agreement_basis"], row["agreement_coverage"]) == ("audits", 1.0)


def test_audits_that_cannot_be_read_leave_agreement_between_two_bounds() -> None:
    """Of weights 1, 10 and 10 one disagrees with 1, one agrees with 10, and the third could not be read."""
    chat = comments([{}] * 4)
    hybrid = run(
        "hybrid",
        chat,
        student=["allow none"] * 4,
        audits={0: "ban hate", 2: None, 3: "allow none"},
        probability=[1.0, 0.1, 0.1, 0.1],
    )
    row = metrics(chat, hybrid)
    assert row["agreement_rate"] == pytest.approx(10 / 11)
    bounds = [row[name] for name in ("agreement_unread_share", "agreement_rate_least", "agreement_rate_most")]
    assert bounds == pytest.approx([10 / 21, 10 / 21, 20 / 21])


def test_where_every_audit_is_read_the_bounds_are_the_estimate() -> None:
    chat = comments([{}] * 2)
    row = metrics(
        chat, run("hybrid", chat, student=["allow none"] * 2, audits={0: "ban hate", 1: "allow none"})
    )
    assert row["agreement_rate"] == row["agreement_rate_least"] == row["agreement_rate_most"] == 0.5
    alone = metrics(chat, run("student_only", chat, student=["allow none"] * 2))
    assert alone["agreement_rate_least"] is None


def test_exact_action_category_and_violation_agree_apart() -> None:
    chat = comments([{}] * 4)
    row = metrics(
        chat,
        run(
            "hybrid",
            chat,
            student=["ban hate", "warn spam", "ban threat", "allow none"],
            audits={0: "ban hate", 1: "delete spam", 2: "ban hate", 3: "warn spam"},
        ),
    )
    assert row["agreement_rate"] == 0.25
    assert row["action_agreement_rate"] == 0.5
    assert row["category_agreement_rate"] == 0.5
    assert row["violation_agreement_rate"] == 0.75


def test_without_audits_agreement_is_measured_against_the_expert_that_judged_everything() -> None:
    chat = comments([{}] * 4)
    expert = run("expert_only", chat, audits=dict.fromkeys(range(4), "allow none"))
    alone = run("student_only", chat, student=["allow none"] * 3 + ["ban hate"])
    assert metrics(chat, alone)["agreement_rate"] is None
    row = metrics(chat, alone, expert.expert_audits)
    assert (row["agreement_rate"], row["agreement_basis"]) == (0.75, "reference")
    assert metrics(chat, expert, expert.expert_audits)["agreement_rate"] is None


def test_without_labels_every_score_is_null_and_no_score_is_nought() -> None:
    chat = comments([{}] * 12)
    row = metrics(chat, run("student_only", chat, student=["ban hate"] * 12))
    for name in ("precision", "recall", "f1", "macro_f1", "true_positives", "wrongful_sanctions"):
        assert row[name] is None, name
        assert row[f"student_{name}"] is None if f"student_{name}" in row else True
    assert row["sanction_share"] == 1.0


def test_an_unknown_price_makes_the_cost_unknown_and_not_nought() -> None:
    chat = comments([{}] * 2)
    dear = run("student_only", chat, student=["allow none"] * 2, student_reply={**REPLY, "cost_usd": None})
    row = metrics(chat, dear)
    assert (row["cost_usd"], row["cost_usd_per_1000_comments"], row["list_cost_usd"]) == (None, None, 0.0)


def test_an_undecided_comment_is_neither_allowed_nor_sanctioned_and_counts_against_its_config() -> None:
    chat = comments([{"label_is_violation": True}, {"label_is_violation": False}])
    row = metrics(chat, run("student_only", chat, student=[None, "allow none"]))
    assert (row["undecided"], row["allowed"], row["sanction_share"]) == (1, 1, 0.0)
    assert (row["false_negatives"], row["true_negatives"]) == (1, 1)
    assert row["recall"] == row["student_recall"] == 0.0


def test_nobody_scores_higher_by_leaving_open_what_he_got_wrong() -> None:
    chat = comments([{"label_is_violation": label} for label in [*LABELS[:4]] * 5])
    plans = STUDENT[:4] * 5
    decided = metrics(chat, run("student_only", chat, student=plans))
    left = [None if plan == "allow none" else plan for plan in plans]
    row = metrics(chat, run("student_only", chat, student=left))
    assert (row["f1"], row["true_negatives"]) == (decided["f1"], 0)
    assert row["macro_f1"] == decided["f1"] / 2  # type: ignore[operator]


def test_audits_by_the_labels_are_the_answers_and_not_decisions() -> None:
    """Scored is what the Student made of those comments: the answer sheet is not marked by itself."""
    chat = comments([{"label_is_violation": label} for label in LABELS])
    audits = {0: "delete hate", 1: "delete hate", 2: "allow none", 3: "allow none"}
    by_labels = metrics(chat, run("learned_labels", chat, student=STUDENT, audits=audits))
    assert (by_labels["f1"], by_labels["student_f1"]) == (0.5, 0.5)
    assert by_labels["sanctions_checked"] == 0


def test_who_repeats_the_labels_at_every_comment_has_no_score() -> None:
    chat = comments([{"label_is_violation": label} for label in LABELS[:4]])
    whole = run("expert_only", chat, audits=dict.fromkeys(range(4), "delete hate"))
    named = whole.config
    labels = named.model_copy(
        update={
            "config": named.config.model_validate(
                {**named.config.model_dump(), "expert": {"backend": "labels"}}
            )
        }
    )
    row = metrics(chat, replace(whole, config=labels))
    assert (row["f1"], row["true_positives"], row["false_negatives"]) == (None, None, None)


def test_what_stands_without_an_audit_is_a_precedents_verdict_where_there_is_one() -> None:
    """The audit of the copy c2 agrees with its precedent, and so will those of copies that were not drawn."""
    chat = comments([{}] * 3)
    hybrid = run(
        "hybrid",
        chat,
        student=["delete spam"] * 3,
        audits={0: "allow none", 2: "allow none"},
        probability=0.5,
    )
    log = hybrid.action_log.with_columns(precedent=pl.Series([None, "c0", "c0"], dtype=pl.String))

    assert metrics(chat, hybrid)["system_agreement_rate"] == pytest.approx(0.5)
    followed = metrics(chat, replace(hybrid, action_log=log))
    assert followed["system_agreement_rate"] == pytest.approx(0.75)
    assert followed["agreement_rate"] == 0.0


def test_what_a_silenced_user_wrote_is_counted_apart() -> None:
    chat = comments([{"user_id": "u", "label_is_violation": True}] * 3)
    silenced = run(
        "student_only",
        chat,
        student=["ban hate"] * 3,
        carried_out=["ban", "allow", "allow"],
        under_sanction=[False, True, True],
    )
    row = metrics(chat, silenced)
    assert (row["bans"], row["allowed"], row["under_sanction"], row["under_sanction_violations"]) == (
        1,
        0,
        2,
        2,
    )
    assert row["true_positives"] == 3, "the plans are scored all the same"


def test_an_audit_that_hides_its_probability_is_refused_by_name() -> None:
    chat = comments([{}] * 2)
    shy = run("hybrid", chat, student=["allow none"] * 2, audits={1: "ban hate"}, probability=0.0)
    with pytest.raises(AuditWithoutProbabilityError, match=r"'hybrid' has 1 audits .* c1"):
        metrics(chat, shy)


def test_an_empty_chat_has_a_row_of_nulls_and_noughts() -> None:
    chat = comments([])
    row = metrics(chat, run("student_only", chat, student=[]))
    assert (row["comments"], row["f1"], row["audit_share"]) == (0, None, None)


def test_scores_are_those_of_scikit_learn() -> None:
    chat = drawn_chat(4)
    student = drawn_plans(4)
    row = metrics(chat, run("student_only", chat, student=student))
    truth = chat["label_is_violation"].to_list()
    judged = [not plan.endswith("none") for plan in student]
    assert row["f1"] == pytest.approx(f1_score(truth, judged))
    assert row["macro_f1"] == pytest.approx(f1_score(truth, judged, average="macro"))
    assert row["precision"] == pytest.approx(precision_score(truth, judged))
    assert row["recall"] == pytest.approx(recall_score(truth, judged))
    cells = ("true_negatives", "false_positives", "false_negatives", "true_positives")
    assert [row[cell] for cell in cells] == confusion_matrix(truth, judged).ravel().tolist()


def test_memories_are_counted_by_fate_and_by_who_learnt_them() -> None:
    chat = comments([{}] * 2)
    own = {"source_chat": "demo", "source_config": "hybrid"}
    memories = [
        own,
        {**own, "retired_because": "harmed"},
        {"source_chat": "other", "source_config": "hybrid"},
    ]
    row = metrics(chat, run("hybrid", chat, student=["allow none"] * 2, memories=memories))
    assert (row["memories_active"], row["memories_retired"], row["memories_learnt"]) == (2, 1, 2)
    assert metrics(chat, run("student_only", chat, student=["allow none"] * 2))["memories_active"] is None


def test_latency_is_that_of_replies_asked_for_and_not_of_the_cache() -> None:
    chat = comments([{}] * 2)
    slow = {**REPLY, "latency_ms": 100.0}
    row = metrics(
        chat, run("hybrid", chat, student=["allow none"] * 2, audits={0: "ban hate"}, expert_reply=slow)
    )
    assert (row["student_latency_ms_p95"], row["expert_latency_ms_p50"]) == (1.0, 100.0)
    assert row["latency_ms_p95"] == pytest.approx(1.0 + 0.95 * 100)
    cached = run("student_only", chat, student=["allow none"] * 2, student_reply={**REPLY, "is_cached": True})
    row = metrics(chat, cached)
    assert (row["latency_ms_p50"], row["replies_cached"]) == (None, 2)


def test_unreadable_replies_are_counted_among_the_replies_asked_for() -> None:
    chat = comments([{}] * 4)
    bad = {**REPLY, "reply_error": "no JSON", "prompt_tokens": 10, "cost_usd": 0.01, "list_cost_usd": 0.01}
    row = metrics(chat, run("hybrid", chat, student=["allow none"] * 4, audits={0: None}, expert_reply=bad))
    assert (row["replies_asked"], row["reply_errors"], row["reply_error_share"]) == (5, 1, 0.2)
    assert (row["cost_usd"], row["prompt_tokens"], row["cost_usd_per_1000_comments"]) == (0.01, 10, 2.5)
    assert (row["audits"], row["agreement_rate"]) == (1, None)


def test_what_the_expert_finds_and_the_student_misses_is_estimated_by_weighted_audits() -> None:
    """Of 400 comments chance audited half, so each audit stands for two: 20 hits, 10 false alarms, 30 misses."""
    plans = ["ban hate"] * 30 + ["allow none"] * 370
    found = ["ban hate"] * 20 + ["allow none"] * 10 + ["ban hate"] * 30 + ["allow none"] * 340
    chat = comments([{}] * 400)
    audits = {i: found[i] for i in range(0, 400, 2)}
    row = metrics(chat, run("hybrid", chat, student=plans, audits=audits, probability=0.5))
    assert row["audited_violation_rate"] == pytest.approx(50 / 400)
    assert row["audited_precision"] == pytest.approx(20 / 30)
    assert row["audited_recall"] == pytest.approx(20 / 50)
    assert row["audited_f1"] == pytest.approx(40 / 80)
    low, high = (float(str(row[f"audited_f1_{end}"])) for end in ("low", "high"))
    assert low < 0.5 < high


def test_from_few_audits_by_chance_nothing_is_said_of_what_was_missed() -> None:
    chat = comments([{}] * 300)
    few = run(
        "hybrid",
        chat,
        student=["allow none"] * 300,
        audits=dict.fromkeys(range(150), "ban hate"),
        probability=0.5,
    )
    row = metrics(chat, few)
    assert row["agreement_rate"] == 0.0
    assert (row["audited_recall"], row["audited_violation_rate"]) == (None, None)


def test_audits_without_a_random_floor_give_no_estimate() -> None:
    chat = comments([{}] * 400)
    picked = run("hybrid", chat, student=["allow none"] * 400, audits=dict.fromkeys(range(300), "ban hate"))
    spec = picked.config.config.audit.model_copy(update={"random_floor": RandomFloor(allow=0, sanctions=0)})
    config = picked.config.config.model_copy(update={"audit": spec})
    named = picked.config.model_copy(update={"config": config})
    row = metrics(chat, replace(picked, config=named))
    assert row["audits"] == 300
    estimated = [row[name] for name in ("agreement_rate", "system_agreement_rate", "audited_f1")]
    assert estimated == [None, None, None]
    assert row["agreement_basis"] is None


def test_users_are_those_known_and_one_who_wrote_in_two_channels_is_one() -> None:
    nobody = {"user_id": None, "user_name": None, "label_is_violation": False}
    chat = comments(
        [
            {"user_id": "u", "channel": "a", "label_is_violation": False},
            {"user_id": "u", "channel": "b", "label_is_violation": False},
            nobody,
            nobody,
        ]
    )
    row = metrics(chat, run("student_only", chat, student=["warn spam"] * 4))
    assert (row["users"], row["sanctioned_users"], row["wrongly_sanctioned_users"]) == (1, 1, 1)
