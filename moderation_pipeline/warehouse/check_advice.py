"""What a check says where a law does not hold between stored tables: what that means, and what to do about it.

Which rows break which law is `laws.py`'s, and what of replies that can't be used `reply_advice.py`'s.
"""

from __future__ import annotations

import polars as pl

CHAT_AGAIN = "Read the chat anew: 'moderation run CHAT', or the job ingest."
RUN_AGAIN = "Moderate the chat anew under this config; what was paid for is not paid again."
JUDGE_AGAIN = "Materialise the asset anew; if that changes nothing, moderate the chat anew."
COMPARE_AGAIN = "Run the job compare of the chat; where it says the same, moderate it anew first."

ADVICE = {
    "every_change_is_a_change": ("comments stand among the changes that fare as they did", JUDGE_AGAIN),
    "each_answer_stands_once": ("answers to who acts stand twice", JUDGE_AGAIN),
    "false_alarms_lie_within_their_intervals": (
        "rates or differences lie outside their intervals",
        JUDGE_AGAIN,
    ),
    "every_pair_is_of_two_runs": ("runs are held against themselves", JUDGE_AGAIN),
    "every_label_is_doubted_once": ("labels are doubted twice", JUDGE_AGAIN),
    "every_record_is_accounted_for": (
        "records of a file are in no table",
        f"{CHAT_AGAIN} If it stays, report it.",
    ),
    "tables_hold_what_was_counted": (
        "tables have other rows than were counted: they were changed since",
        CHAT_AGAIN,
    ),
    "comment_ids_are_unique": ("comments share an id, so that nothing can refer to them", CHAT_AGAIN),
    "positions_count_from_nought": ("comments are not at their place in the stream", CHAT_AGAIN),
    "every_comment_is_decided_once": (
        "comments were decided never or twice, as where the chat has changed since the run",
        RUN_AGAIN,
    ),
    "every_comment_is_acted_upon_once": (
        "comments were acted upon never or twice, as where the chat has changed since the run",
        RUN_AGAIN,
    ),
    "no_action_without_a_decision": ("actions are about comments that were never decided", RUN_AGAIN),
    "one_model_answered": (
        "replies name several models, or some name none: the provider changed its model while the run went on, and "
        "results of two versions can't be pooled",
        "Run again with fresh replies (resource language_models, fresh: true, or 'moderation cache' to drop the older "
        "ones), or name the model's version in the config.",
    ),
    "audits_say_how_likely_they_were": (
        "audits don't say how likely they were: no rate can rest on them",
        RUN_AGAIN,
    ),
    "no_comment_is_audited_twice": ("comments were audited twice", RUN_AGAIN),
    "memory_ids_are_unique": ("memories share an id", RUN_AGAIN),
    "what_decided_a_run_is_known": ("it is not known what decided the run", RUN_AGAIN),
    "user_state_equals_the_fold": ("users stand otherwise than their actions add up to", JUDGE_AGAIN),
    "every_action_is_some_users": ("users' comments don't add up to the action log", JUDGE_AGAIN),
    "a_valid_certificate_meets_its_target": ("certificates say valid above their target", JUDGE_AGAIN),
    "rates_lie_within_their_intervals": ("rates lie outside their intervals", JUDGE_AGAIN),
    "intervals_hold_their_estimates": ("estimates lie outside their intervals", JUDGE_AGAIN),
    "the_latest_metrics_are_remembered": ("the history's last row is not what the metrics say", JUDGE_AGAIN),
    "served_models_are_those_of_last_time": (
        "another model answered than the last time under the same config: the provider changed it under its name",
        "Compare the figures in the view run_history; name the model's version in the config to keep to one.",
    ),
    "the_run_is_no_worse_than_the_accepted_one": (
        "the run is worse than the one that was accepted last, by more than chance and on the same comments",
        "Look at what changed since; 'moderation accept CHAT CONFIG REASON' makes this run the measure.",
    ),
    "comments_fare_as_in_the_accepted_run": (
        "comments fare otherwise than in the run that was accepted last, of the same code, config and comments: the "
        "models answer otherwise, be it under the same name (or it starts from a memory or head that has learnt since)",
        "See which: 'moderation compare CHAT CONFIG --since-accepted'. 'moderation accept CHAT CONFIG REASON' makes "
        "this run the measure.",
    ),
    "accepted_comments_are_unique": ("comments of the accepted run stand in it twice", JUDGE_AGAIN),
    "comments_are_recent": (
        "the chat's newest comment is older than stale_after_days",
        "Look whether its log still arrives, or raise stale_after_days in data/nights.yaml.",
    ),
    "as_much_is_acted_on_as_last_time": (
        "another share of comments was acted on than last time, beyond chance",
        "Look at the chat, at what changed since ('moderation compare'), and at the models that answered.",
    ),
    "it_costs_about_what_it_did_last_time": (
        "it costs much more than last time",
        "Look at tokens and prices (view cost_by_config), and at budget and audit share of the config.",
    ),
    "every_comment_is_counted": (
        "the metrics are of other comments than the actions, as where the chat has changed since the run",
        RUN_AGAIN,
    ),
    "every_config_is_compared_once": ("configs have several rows", COMPARE_AGAIN),
    "runs_are_of_the_same_comments": ("runs are of other comments than the chat has now", COMPARE_AGAIN),
}
"""By check: what happened, and what to do."""

NAMED = 3
"""How many culprits a sentence names; the check's metadata has more."""


def told(name: str, culprits: pl.DataFrame) -> str | None:
    """Return in words what a check found, which rows first, and what to do; null where it holds."""
    if culprits.is_empty():
        return None
    what, to_do = ADVICE[name]
    rows = culprits.head(NAMED).iter_rows(named=True)
    first = "; ".join(", ".join(f"{key}: {_short(value)}" for key, value in row.items()) for row in rows)
    more = f" and {culprits.height - NAMED:,} more" if culprits.height > NAMED else ""
    return f"{what[0].upper()}{what[1:]}. {culprits.height:,} of them: {first}{more}. {to_do}"


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
