from __future__ import annotations

import pytest

from moderation_pipeline.evaluation.moderators_compared import NoModeratorsError, moderators_compared
from moderation_pipeline_tests.evaluation.worlds import Row, comments, run


def test_moderators_and_a_config_are_laid_beside_each_other() -> None:
    given: list[Row] = [
        {"label_is_violation": label, "label_source": "moderators"} for label in (True, True, False, False)
    ]
    chat = comments([*given, {"label_is_violation": None}])
    log = run(
        "student_only", chat, student=["ban hate", "allow none", "delete spam", "allow none", "ban hate"]
    )

    found = moderators_compared(chat, log.action_log)

    assert found.counts.select("who_acts", "comments").rows() == [
        ("both", 1),
        ("only the moderators", 1),
        ("only the config", 1),
        ("neither", 1),
    ]
    assert found.lines["position"].to_list() == [1, 2]
    assert found.by_category.rows() == [("hate", 1, 0, 1), ("spam", 0, 1, 1)]


def test_the_yardstick_is_what_they_did_when_the_same_was_said_again() -> None:
    acted = [True, True, False, False, False]
    given: list[Row] = [
        {"normalised": "same", "label_is_violation": label, "label_source": "moderators"} for label in acted
    ]
    chat = comments(given)
    log = run("student_only", chat, student=["ban hate"] * 5).action_log

    found = moderators_compared(chat, log)

    assert found.again_by_moderators == 2 / 8
    assert found.again_by_config == 1.0


def test_without_moderators_it_is_said_whose_the_labels_are() -> None:
    chat = comments([{"label_is_violation": True, "label_source": "dataset"}])
    log = run("student_only", chat, student=["ban hate"]).action_log
    with pytest.raises(NoModeratorsError, match="Its labels come from: dataset"):
        moderators_compared(chat, log)
