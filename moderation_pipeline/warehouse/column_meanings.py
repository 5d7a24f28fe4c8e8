"""What the columns of the warehouse mean, in one line each: the comments that DuckDB keeps beside its views.

A name means the same in every table; where it does not, the table's own stands in `OF_TABLE`. Units are in the names.
How a value is computed is documented where that is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from moderation_pipeline.warehouse.judging_meanings import (
    OF_ACCEPTED,
    OF_ANSWERS,
    OF_CERTIFICATES,
    OF_FILES,
    OF_METRICS,
)
from moderation_pipeline.warehouse.tables import TABLES

_DERIVED = {
    "_low": "Lower end of the 95 % interval of {}.",
    "_high": "Upper end of the 95 % interval of {}.",
    "_minus_default": "{} less the default config's, on the same comments; the intervals hold for all configs at once.",
}

MEANINGS: dict[str, str] = {
    # Which comment, whose, when.
    "chat": "The chat: an ordered log of comments.",
    "config": "The config under which it was moderated.",
    "comment_id": "The comment, unique within its chat.",
    "position": "The comment's place in the chat, from 0, in stream order.",
    "channel": "The room in which it was written; standing does not travel between rooms.",
    "user_id": "Who wrote it, as the source numbers users; null where unknown.",
    "user_name": "Who wrote it, by the name at that time.",
    "sent_at": "When it was written, UTC; null where the source has no time.",
    "text": "What was written, as it was written: hostile, never to be run or rendered.",
    "normalised": "The text with disguises undone, by which copies are recognised.",
    "language": "The language that the text is guessed to be in; null where it is too short to tell.",
    "is_moderator": "Whether a moderator of the channel wrote it.",
    "is_broadcaster": "Whether the channel's owner wrote it.",
    "is_subscriber": "Whether a subscriber wrote it.",
    "is_first_message": "Whether the source says that it is the user's first in the channel.",
    "is_me": "Whether it was written as an action (/me).",
    "is_command": "Whether it is a bot's command.",
    "is_emote_only": "Whether it is made of emotes alone.",
    "reply_to": "The comment that it answers.",
    "user_repeats": "How often the user had written the same before.",
    "channel_repeats": "How often anybody had written the same in the channel before.",
    "split": "The part of a data set that it belongs to.",
    "cluster": "What rows of a data set that depend on each other have in common, where that is no user.",
    # Labels.
    "label_action": "What a human did about it, where the label says so.",
    "label_category": "The category that it was labelled with.",
    "label_is_violation": "Whether it is labelled a violation (label_source moderators: was acted on); null: no "
    "label, left out of every score.",
    "label_source": "Whose label it is: dataset, synthetic, or moderators; then a violation is what they acted "
    "on, and innocent what they let be, which may only mean that nobody saw it.",
    "scores": "Scores that the chat came with, 0 to 1, each with its column; null where it came with none.",
    "label_is_overturned": "Whether the moderators took their act back later.",
    # Plans.
    "action": "What was proposed: allow, reply, warn, delete, timeout or ban; null: no usable plan.",
    "duration_s": "For how many seconds, of a timeout.",
    "category": "What it violates; none: nothing; null: nobody could say.",
    "confidence": "How sure the agent is of its plan, 0 to 1.",
    "confidence_source": "Where the confidence comes from: the agent's word, token or stored probabilities, a fit.",
    "probabilities": "The probability of each option of each question that was asked.",
    "reasoning": "Why, in the agent's words.",
    "reply_text": "What would be said to the user.",
    "rule": "The rule cited.",
    "memory_ids": "The memories that the Student was shown.",
    "explanation": "What contributed most to the decision, with its sign.",
    "tier": "Which of several Students that are asked in turn decided.",
    "tiers": "What each Student that was asked in turn cost, and how unsure it was.",
    "action_without_memory": "What the Student would have proposed without the memories.",
    "category_without_memory": "Its category without the memories.",
    "degraded": "What the run had given up by then, its budget being spent: audits_off, rules.",
    # What an answer took.
    "backend": "Who answered: a provider or a keyless agent; null: nobody was asked.",
    "model": "The model that answered, as it names itself.",
    "prompt_version": "A hash of the fixed part of what it was asked.",
    "prompt_tokens": "Tokens sent.",
    "completion_tokens": "Tokens received.",
    "cost_usd": "What was paid for it: nothing where the reply was kept from before; null: price unknown.",
    "list_cost_usd": "What it costs at list price, kept from before or not; null: price unknown.",
    "latency_ms": "How long the answer took when it was asked for.",
    "is_cached": "Whether the reply was kept from an earlier run.",
    "reply_error": "Why there is no usable reply; null: there is one.",
    "tokens_are_estimated": "Whether the tokens were estimated, the provider not telling.",
    "reply_mended": "What had to be mended for the reply to be read.",
    # Audits.
    "audit_probability": "How likely the comment was to be audited, known before the draw: weigh audits by 1 / it.",
    "audit_reason": "Why it was audited; `random` is chance.",
    "agrees": "Whether the Expert has the Student's action and category; null: one of them has no plan.",
    # Memories.
    "memory_id": "The memory.",
    "state": "The case it stands for: normalised text and marks of its context.",
    "source_user_id": "Whose comment taught it.",
    "source_comment_id": "The comment that taught it.",
    "source_chat": "The chat in which it was learnt.",
    "source_config": "The config under which it was learnt.",
    "learnt_at_position": "At which comment it was learnt.",
    "recency": "The position at which it was last confirmed.",
    "support": "How many users' comments taught it.",
    "conflicts_with": "Memories of the same case that say otherwise.",
    "uses": "How often the Student was shown it.",
    "helped": "Audits in which it turned a wrong plan into the Expert's.",
    "harmed": "Audits in which it turned the Expert's plan into another.",
    "neutral": "Audits in which it made no difference.",
    "retired_because": "Why it is used no more; null: it is active.",
    # Actions and users.
    "decided_by": "Who decided: student, expert, precedent, fallback, ladder (raised or immune), nobody, not_judged.",
    "precedent": "The comment of the same text whose audit a copy follows, or would have followed; null: none.",
    "reason": "Why, in the words of who decided.",
    "strikes": "The user's sanctions above a warning that count, after this comment.",
    "counts_until": "Until when it counts against the user.",
    "under_sanction": "Whether the user, had it been real, would have been silenced by then; counted apart.",
    "is_shadow": "Whether it was only recorded and not carried out.",
    "comments": "Comments counted.",
    "warnings": "Warnings.",
    "deletions": "Deleted comments.",
    "timeouts": "Timeouts.",
    "bans": "Bans.",
    "replies": "Replies by the system.",
    "undecided": "Comments that nobody could decide.",
    "standing": "How the user stands after the last comment: good, warned, timed_out, banned.",
    "sanctioned_until": "Until when the timeout in force lasts.",
    "first_seen": "The user's first comment.",
    "last_seen": "The user's last comment.",
    # Runs.
    "config_hash": "A hash of the config as it was when the run was made.",
    "data_version": "A hash of the comments that the run was made of.",
    "regime": "The family of configs: student_only, student_memory, hybrid, expert_only.",
    "users": "Users known who wrote; one who wrote in several channels is one.",
    "labelled": "Comments with a label.",
    "labelled_violations": "Comments labelled a violation.",
    "audits": "Audited comments.",
    "agreement_basis": "What the Student's agreement is measured on: audits, or reference (an Expert that judged all).",
    "agreement_coverage": "The share of comments that agreement by audits speaks for.",
    "agreement_unread_share": "The share of audits, by weight, that could not be read.",
    "agreement_rate_least": "Agreement if all audits that could not be read disagreed.",
    "agreement_rate_most": "Agreement if all audits that could not be read agreed.",
    "agreement_rate": "Share of comments on which the Student has the Expert's action and category, over all comments.",
    "action_agreement_rate": "Share on which they have the same action.",
    "violation_agreement_rate": "Share on which they agree whether it is a violation.",
    "category_agreement_rate": "Share on which they have the same category.",
    "reference_agreement_rate": "Agreement with an Expert that judged every comment.",
    "system_agreement_rate": "Share of comments on which the plan that stood, audited or not, is the Expert's.",
    "precision": "Of comments judged violations, the share labelled so.",
    "recall": "Of labelled violations, the share judged so; what was left undecided counts as missed.",
    "f1": "The harmonic mean of precision and recall.",
    "macro_f1": "The mean of F1 of violation and F1 of innocent.",
    "student_precision": "Precision of the Student's own plans, before any audit.",
    "student_recall": "Recall of the Student's own plans.",
    "student_f1": "F1 of the Student's own plans.",
    "student_macro_f1": "Macro-F1 of the Student's own plans.",
    "audit_share": "Share of comments audited.",
    "sanction_share": "Share of comments sanctioned.",
    "wrongful_sanction_share": "Of sanctions that have a label, the share labelled innocent, or let be by moderators.",
    "wrongful_warning_share": "Of warnings that have a label, the share labelled innocent, or let be by moderators.",
    "warnings_checked": "Warnings of comments that have a label.",
    "wrongful_warnings": "Warnings of comments labelled innocent, or let be where moderators labelled.",
    "wrongful_deletion_share": "Of deletions that have a label, the share labelled innocent, or let be by moderators.",
    "deletions_checked": "Deletions of comments that have a label.",
    "wrongful_deletions": "Deletions of comments labelled innocent, or let be where moderators labelled.",
    "wrongful_timeout_share": "Of timeouts that have a label, the share labelled innocent, or let be by moderators.",
    "timeouts_checked": "Timeouts of comments that have a label.",
    "wrongful_timeouts": "Timeouts of comments labelled innocent, or let be where moderators labelled.",
    "wrongful_ban_share": "Of bans that have a label, the share labelled innocent, or let be by moderators.",
    "bans_checked": "Bans of comments that have a label.",
    "wrongful_bans": "Bans of comments labelled innocent, or let be where moderators labelled.",
    "harm_per_1000_comments": "Missed violations and wrongful sanctions in 1,000 labelled comments, by weight (harm).",
    "undecided_share": "Share of comments that nobody decided.",
    "reply_error_share": "Share of replies that could not be used.",
    "cost_usd_per_1000_comments": "What was paid per 1,000 comments.",
    "list_cost_usd_per_1000_comments": "What 1,000 comments cost at list price.",
    "sanctions": "Comments sanctioned.",
    "sanctions_checked": "Sanctioned comments that have a label.",
    "wrongful_sanctions": "Sanctioned comments labelled innocent, or let be where moderators labelled.",
    "allowed": "Comments let be.",
    "not_judged": "Undecided comments in a language that nobody who was asked speaks.",
    "shadow_actions": "Sanctions that were only recorded.",
    "sanctioned_users": "Users known who were sanctioned at least once.",
    "wrongly_sanctioned_users": "Users known sanctioned for a comment labelled innocent, or let be by moderators.",
    **OF_METRICS,
    **OF_ACCEPTED,
    **OF_CERTIFICATES,
    **OF_ANSWERS,
    **OF_FILES,
}

OF_TABLE: dict[tuple[str, str], str] = {
    ("action_log", "action"): "What was done; undecided: nobody could decide, so nothing.",
    ("accepted_run", "action"): "What was done in that run; null throughout: it was not kept then.",
    ("flipped", "accepted_run_id"): "The earlier run of one config; null: the pair is of two configs.",
    ("memory_snapshot", "action"): "What it says to do about such a case.",
    ("memory_snapshot", "recency"): "The position at which it was last confirmed.",
    ("rejected_lines", "reason"): "Why the line could not be read.",
    ("certificates", "reason"): "Why it is void or not met.",
    ("certificates", "action"): "The kind of sanction; all: of everything.",
    ("certificates", "category"): "The category; all: of everything.",
    ("certificates", "confidence"): "With which confidence the bound holds.",
    ("certificates", "comments"): "Comments of the row.",
    ("expert_errors", "category"): "The category that the label, or the Expert, names; all: any.",
    ("moderators_beside", "users"): "Users of those comments.",
}

OF_VIEW: dict[str, str] = {
    "audits_read": "Audits whose reply could be read.",
    "agreement": "Share of comments on which Student and Expert agree, each audit weighted by 1 / its probability.",
    "worth_equal_audits": "How many audits of equal weight these are worth: the fewer, the less sure.",
    "unweighted": "The plain share of audits that agree: too low, for audits are made where the Student is unsure.",
    "other_action": "What would be done under the other config.",
    "other_category": "The category under the other config.",
    "other_under_sanction": "Whether the user would have been silenced by then under the other config.",
    "action_before": "What was done in the accepted run.",
    "duration_s_before": "For how many seconds, of a timeout in the accepted run.",
    "under_sanction_before": "Whether the user would have been silenced by then in the accepted run.",
    "moderators": "What human moderators did.",
    "config_would": "What the config would do.",
    "student_action": "The Student's plan.",
    "student_category": "The Student's category.",
    "student_confidence": "How sure the Student was.",
    "student_reasoning": "Why, in the Student's words.",
    "expert_action": "The Expert's plan.",
    "expert_category": "The Expert's category.",
    "expert_reasoning": "Why, in the Expert's words.",
    "wrongful_timeouts_and_bans": "Timeouts and bans for a comment labelled innocent, or let be by moderators.",
    "decision_visibility": "What became of the content, in the database's words; null: nothing.",
    "decision_provision": "What became of the service to the user, in the database's words; null: nothing.",
    "end_date_service_restriction": "When a timeout ends.",
    "decision_ground": "On which ground: the platform's own rules.",
    "incompatible_content_ground": "The rule.",
    "incompatible_content_explanation": "Why the content breaks it.",
    "content_type": "What kind of content it is: text.",
    "content_date": "When it was written.",
    "application_date": "From when on the decision holds.",
    "decision_facts": "The facts that were gone by, without personal data.",
    "source_type": "What brought it up: nobody's notice.",
    "automated_detection": "Whether it was found by automated means.",
    "automated_decision": "How far it was decided by automated means.",
    "puid": "The statement's own number, from which nobody is known.",
    "student_calls": "Replies asked of the Student.",
    "calls_of_unknown_price": "Replies whose price is unknown: where there are any, so is what all cost.",
    "value": "Audits in which it helped less those in which it harmed.",
    "rank": "Its place by that, from 1.",
    "made": "The how manieth time it was made.",
    "is_latest": "Whether it is the last time.",
    "f1_change": "F1 less that of the time before.",
    "sanction_share_change": "The share sanctioned less that of the time before.",
    "cost_usd_change": "What was paid less what was paid the time before.",
    "because": "Why it is stale.",
    "is_stale": "Whether its run is stale: of comments that the chat no longer has, or of a config that has run "
    "otherwise since. A config's file that has changed and has not run since is not seen.",
    "other_is_stale": "Whether the run under the other config is.",
    "comments_of_run": "Comments that it was made of.",
    "comments_now": "Comments that the chat has now.",
    "data_version_of_run": "A hash of the comments that it was made of.",
    "data_version_now": "A hash of the comments that the chat has now.",
}
"""Columns that only views have."""


def meaning_of(table: str, column: str) -> str | None:
    """Return what a column of a table means; null where nothing is written down."""
    if (table, column) in OF_TABLE:
        return OF_TABLE[table, column]
    own = MEANINGS.get(column) or (None if table in TABLES else OF_VIEW.get(column))
    if own is not None:
        return own
    for end, said in _DERIVED.items():
        whole = column.removesuffix(end)
        if whole != column and meaning_of(table, whole) is not None:
            return said.format(whole)
    return None


def comment_statements(columns: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the statements that put the meanings beside the columns of views, given by the views' names."""
    return [
        f'comment on column "{view}"."{column}" is \'{_quoted(meaning)}\''
        for view, names in columns.items()
        for column in names
        if (meaning := meaning_of(view, column)) is not None
    ]


def _quoted(text: str) -> str:
    return text.replace("'", "''")
