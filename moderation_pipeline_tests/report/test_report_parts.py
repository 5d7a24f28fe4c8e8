"""What a report says of a chat's users: one count of them, wherever it stands."""

from __future__ import annotations

from moderation_pipeline.evaluation.sanctioned import sanctioned_users
from moderation_pipeline.report.report_parts import by_whom, users_facts
from moderation_pipeline_tests.evaluation.worlds import comments, run


def test_who_is_sanctioned_in_two_channels_is_one_of_the_users_that_the_headline_counts() -> None:
    chat = comments(
        [
            {"user_id": "u", "channel": "a", "label_is_violation": False},
            {"user_id": "u", "channel": "b", "label_is_violation": False},
            {"user_id": "v", "channel": "a", "label_is_violation": True},
        ]
    )
    made = run("student_only", chat, student=["warn spam", "warn spam", "allow none"])
    assert by_whom(chat["user_id"]) == "by 2 users"
    assert users_facts(chat, sanctioned_users(chat, made), "student_only") == (
        "student_only would sanction 1 of 2 users. 1 user would be sanctioned at least once for a comment "
        "labelled innocent."
    )
