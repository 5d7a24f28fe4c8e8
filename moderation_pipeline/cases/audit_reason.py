"""Why a comment is audited, as `expert_audits.audit_reason` says it.

Which comments are is `audits/`'s to choose; that a policy bears the same name as a reason says only where it looks.
"""

from __future__ import annotations

from enum import StrEnum


class AuditReason(StrEnum):
    """What brought a comment to the Expert."""

    RANDOM = "random"
    """Chance drew it, with the probability of the floor."""
    ALL = "all"
    """Everything is audited."""
    BAD_REPLY = "bad_reply"
    """The Student gave no plan."""
    ADDRESSES_MODERATOR = "addresses_moderator"
    """It speaks to its judge."""
    MEMORY = "memory"
    """A memory asks for another plan than the Student's own, which stands unless the audit bears the memory out."""
    SEVERITY = "severity"
    """A ban or a long timeout would come of it."""
    UNCERTAIN = "uncertain"
    """The Student was near to deciding otherwise."""
    COMMITTEE = "committee"
    """The Student's base and its head disagree."""
    AVERTED_HARM = "averted_harm"
    """What would be done without an audit is expected to do the most harm."""
    NOVELTY = "novelty"
    """No audited comment was like it."""

    @property
    def is_fair(self) -> bool:
        """Whether it says nothing of what the Student thinks: such audits are a fair sample of what it decides."""
        return self in (AuditReason.RANDOM, AuditReason.ALL)
