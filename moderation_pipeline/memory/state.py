"""The state of a comment: the one string that stands for it in a memory, and by which memories are found."""

from __future__ import annotations

from moderation_pipeline.cases.case import Case
from moderation_pipeline.embedders.embedder import MARKS
from moderation_pipeline.text.addressing import without_addressing


def state_of(case: Case) -> str:
    """Return the normalised text, then, after the sign `MARKS`, its context as marks of one word each.

    A comment can't forge marks: the sign is taken out of its text.
    Earlier lines are left out: bags of the lines before a comment drown the comment itself in similarity.
    """
    marks = []
    if case.user_repeats:
        marks.append("repeats_self")
    if case.channel_repeats:
        marks.append("repeats_room")
    if case.reply_to is not None:
        marks.append("reply")
    if case.is_command:
        marks.append("command")
    if case.is_emote_only:
        marks.append("emotes")
    said = case.normalised
    if case.addresses_moderator:
        # What speaks to the moderator must not speak again out of a memory (law 6).
        said = without_addressing(said)
        marks.append("addresses_moderator")
    text = said.replace(MARKS, " ")
    return f"{text} {MARKS} {' '.join(marks)}" if marks else text
