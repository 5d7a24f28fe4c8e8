"""The state of a comment: the one string that stands for it in a memory, and by which memories are found."""

from __future__ import annotations

from moderation_pipeline.agents.case import Case


def state_of(case: Case) -> str:
    """Return the normalised text, then the context as short marks that can be matched like words.

    Earlier lines are left out: bags of the lines before a comment drown the comment itself in similarity.
    """
    marks = []
    if case.user_repeats:
        marks.append("ctx_repeats_self")
    if case.channel_repeats:
        marks.append("ctx_repeats_room")
    if case.reply_to is not None:
        marks.append("ctx_reply")
    if case.is_command:
        marks.append("ctx_command")
    if case.is_emote_only:
        marks.append("ctx_emotes")
    return " ".join([case.normalised, *marks])
