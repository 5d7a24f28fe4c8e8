"""What a run's check says of bad replies: whose, of which kind, and what to do."""

from __future__ import annotations

import polars as pl

from moderation_pipeline.warehouse.laws import bad_replies
from moderation_pipeline.warehouse.reply_advice import largest_share, what_to_do


def answers(*errors: str | None, backend: str | None = "openai") -> pl.DataFrame:
    schema = {"backend": pl.String, "reply_error": pl.String}
    return pl.DataFrame({"backend": [backend] * len(errors), "reply_error": errors}, schema=schema)


def test_a_student_that_fails_throughout_is_not_hidden_by_a_good_expert() -> None:
    bad = bad_replies(answers(*["too_long: 1475 tokens"] * 4), answers(None, None, None, None))

    assert largest_share(bad) == 1.0
    assert what_to_do(bad).startswith(
        "Student: 4 of 4 too_long (more text than the model takes: give the server"
    )


def test_each_kind_is_counted_by_itself_and_says_what_to_do() -> None:
    bad = bad_replies(
        answers("unreadable: no object", "timeout: no reply within 1 s", "timeout: x"), answers(None)
    )

    said = what_to_do(bad)
    assert "Student: 2 of 3 timeout (nobody answered in time: raise timeout_s" in said
    assert "Student: 1 of 3 unreadable" in said
    assert "moderation cache --drop-errors" not in said  # it wouldn't forget the unreadable one


def test_what_is_kept_as_no_reply_names_the_command_that_forgets_it() -> None:
    for kind in ("refused", "empty"):
        assert "moderation cache --drop-errors" in what_to_do(
            bad_replies(answers(f"{kind}: so"), answers(None))
        )


def test_good_replies_and_nobody_asked_say_nothing() -> None:
    assert what_to_do(bad_replies(answers(None), answers(None))) == ""
    nobody = bad_replies(answers(None, backend=None), answers(backend=None))
    assert largest_share(nobody) is None
    assert what_to_do(nobody) == ""
