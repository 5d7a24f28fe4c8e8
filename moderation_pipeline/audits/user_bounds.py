"""How many certain audits one user may take, and how many all pleas together.

Whoever writes pleas, or what a Student can't be sure of, would else have the Expert to himself, and a bill of many
times what was planned. The random floor is nobody's to take, and bounded by nothing here; which pleas are new is
`pleas.py`'s, how many certain audits there are is `audit_pace.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from moderation_pipeline.cases.case import Case

ALWAYS = 4
"""Certain audits that anyone may take, however little he wrote: a plea over three lines, and what follows it."""

PLEAS_PART = 0.5
"""The part of certain audits that is for pleas: less than what the lines of those who plead bring."""

TIMES_HIS_SHARE = 2
"""What he may take, as times the certain audits that his lines bring; with his part of the floor less than three.
Once would bind where nobody means harm: doubts are not spread evenly over users."""

RESERVE = 512
"""First pleas of users beyond that part: accounts made for the purpose can't drown each other's, but for a while."""

NO_BOUND = 2**31

MANY_USERS = 100_000
"""Users whose audits are known; beyond it the longest silent are forgotten."""


@dataclass(slots=True)
class Taken:
    """The lines of a user, and the certain audits he took: of them those that he asked for."""

    lines: int = 0
    audits: int = 0
    pleas: int = 0


class UserBounds:
    """Counts lines and certain audits, of each user of a channel and of all; in stream order (law 1)."""

    def __init__(self, share: float) -> None:
        """Begin with the share of lines that may be audited with certainty."""
        self._share = share
        self._users: dict[tuple[str, str | None], Taken] = {}
        self._lines = 0
        self._pleas = 0

    def saw(self, cases: Sequence[Case]) -> None:
        """Count the lines of a batch, before its audits are chosen."""
        self._lines += len(cases)
        for case in cases:
            key = (case.channel, case.user_id)
            taken = self._users.pop(key, None) or Taken()
            taken.lines += 1
            self._users[key] = taken
        while len(self._users) > max(MANY_USERS, len(cases)):
            del self._users[next(iter(self._users))]

    def left(self, case: Case) -> int:
        """Return how many more certain audits the case's user may take; any number where nobody knows who he is."""
        if case.user_id is None:
            return NO_BOUND
        taken = self._of(case)
        return max(0, ceil(max(ALWAYS, TIMES_HIS_SHARE * self._share * taken.lines)) - taken.audits)

    def most_of(self, case: Case, lines: int) -> int:
        """Return how many of his lines of a batch may be looked at: all, until he has had what his lines bring."""
        taken = self._of(case)
        has_had_his_part = taken.audits >= max(ALWAYS, self._share * taken.lines)
        return min(lines, self.left(case)) if has_had_his_part else lines

    def allows_plea(self, case: Case) -> bool:
        """Whether he may take one because he asked for it, or because a memory speaks against him."""
        taken, part = self._of(case), PLEAS_PART * self._share
        if case.user_id is not None and (
            taken.pleas >= max(ALWAYS, part * taken.lines) or not self.left(case)
        ):
            return False
        return self._pleas < part * self._lines + (RESERVE if taken.pleas < ALWAYS else 0)

    def take(self, case: Case, *, is_plea: bool = False) -> None:
        """Count a certain audit of the case's user."""
        taken = self._of(case)
        taken.audits += 1
        if is_plea:
            taken.pleas += 1
            self._pleas += 1

    def _of(self, case: Case) -> Taken:
        return self._users[case.channel, case.user_id]
