"""Which comments that speak to the moderator, or that an agent wants audited, are new in their channel.

Which comments speak to the moderator at all is `text/addressing.py`'s.
"""

from __future__ import annotations

import re

from moderation_pipeline.cases.audit_reason import AuditReason
from moderation_pipeline.cases.case import Case

MOST_FOLLOWERS = 10
"""Comments of a user that are audited only because they follow his pleas."""

MANY = 100_000
"""Pleas and users that are remembered; beyond it the oldest are forgotten."""

_NUMBERS = re.compile(r"\d+")

User = tuple[str, str | None]
"""A channel and a user of it."""


class Pleas:
    """Remembers what was pleaded in each channel, and how often each user was audited for having pleaded.

    A number that is counted up makes no new plea. A comment that merely follows a plea of its user's, new or not,
    is another comment that is to be excused, and so audited; but not for ever, or whoever pleads before every line
    of his would have them all audited.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], None] = {}
        self._followers: dict[User, int] = {}

    def is_new(self, case: Case, reason: AuditReason) -> bool:
        """Whether the case, which is to be audited for this reason, was not pleaded before; it is from now on."""
        if reason is AuditReason.ADDRESSES_MODERATOR and case.follows_plea:
            return self._follows(case)
        plea = (case.channel, _NUMBERS.sub("", case.normalised))
        is_new = plea not in self._known
        self._known[plea] = None
        if len(self._known) > MANY:
            del self._known[next(iter(self._known))]
        return is_new

    def _follows(self, case: Case) -> bool:
        user = (case.channel, case.user_id)
        audited = self._followers.pop(user, 0)
        self._followers[user] = min(MOST_FOLLOWERS, audited + 1)
        if len(self._followers) > MANY:
            del self._followers[next(iter(self._followers))]
        return audited < MOST_FOLLOWERS
