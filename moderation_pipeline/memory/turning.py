"""What memories may turn by themselves: a sanction that an audit lifted of the very same text, and nothing else.

A memory is made of what chat users wrote. Whoever has a text audited that holds an insult among words that
everybody says, or that is grave only after the lines before it, has made one that stands for what others say
harmlessly; thirty accounts make one that is trusted. So a memory that asks for more than its Student would do has
the comment audited, and acts only in the audit's words; one that asks for less does so too, unless the text is
the same, context and all, as one that an audit allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from moderation_pipeline.cases.audit_reason import AuditReason
from moderation_pipeline.cases.situation import Recalled
from moderation_pipeline.cases.verdict import Verdict


def as_far_as_trusted(turned: Verdict, alone: Verdict, recalled: Sequence[Recalled]) -> Verdict:
    """Return the verdict that memories turned where they may, else the one without them, to be audited.

    `alone` is the Student's verdict without memories, `recalled` what it heard.
    """
    if turned.plan is None or alone.plan is None or turned.plan.agrees_with(alone.plan):
        return turned
    if turned.plan.action.severity < alone.plan.action.severity and any(
        memory.is_same and memory.plan.agrees_with(turned.plan) for memory in recalled
    ):
        return turned
    return replace(alone, explanation=turned.explanation, must_audit=alone.must_audit or AuditReason.MEMORY)
