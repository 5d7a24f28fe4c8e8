"""The memories of a store as columns: what was learnt, from whom, and how it fared. Rows are only ever added.

Which rows are near a state is the index's to know; who is retired, and why, `forgetting.py` decides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.plan import Plan

NUMBERS = np.dtype(
    [
        ("recency", np.int64),
        ("support", np.int64),
        ("uses", np.int64),
        ("helped", np.int64),
        ("harmed", np.int64),
        ("neutral", np.int64),
        ("user", np.int64),
        ("channel", np.int64),
        ("is_active", np.bool_),
    ]
)
"""What changes as memories are used, and what is computed with. `recency` orders memories by the last audit
behind them; `user` and `channel` are codes."""

NOBODY = -1
"""The code of a user who is unknown."""

MOST_SUPPORTERS = 100
"""Users who are known to have taught a memory; with so many behind it, more make no difference."""


class Origin(NamedTuple):
    """Where a memory was learnt: the chat and config of the run, the comment, whose it was, and when."""

    chat: str
    config: str
    channel: str
    user_id: str | None
    comment_id: str
    position: int


class Memory(NamedTuple):
    """What a memory says, and where it comes from; the numbers that change are in `Records.numbers`."""

    memory_id: str
    state: str
    plan: Plan
    origin: Origin


@dataclass(slots=True)
class Records:
    """All memories of a store, retired ones too, by row."""

    memories: list[Memory] = field(default_factory=list)
    conflicts: dict[int, list[int]] = field(default_factory=dict)
    retired_because: dict[int, str] = field(default_factory=dict)
    row_of: dict[str, int] = field(default_factory=dict)
    active: int = 0
    clock: int = 0
    _numbers: NDArray[np.void] = field(default_factory=lambda: np.zeros(64, NUMBERS))
    supporters: dict[int, set[int]] = field(default_factory=dict)
    active_support: int = 0
    _support_by_user: NDArray[np.int64] = field(default_factory=lambda: np.zeros(64, np.int64))
    _users: dict[str | None, int] = field(default_factory=lambda: {None: NOBODY})
    _channels: dict[str, int] = field(default_factory=dict)

    @property
    def numbers(self) -> NDArray[np.void]:
        """The numbers of all rows, to be read and written in place."""
        return self._numbers[: len(self.memories)]

    @property
    def support_by_user(self) -> NDArray[np.int64]:
        """How many active memories each user caused or confirmed, by user code."""
        return self._support_by_user[: len(self._users) - 1]

    def add(self, memory: Memory) -> int:
        """Append an active memory with support 1 and return its row; an identifier taken is made another."""
        row = len(self.memories)
        if memory.memory_id in self.row_of:
            memory = memory._replace(memory_id=f"{memory.memory_id}-{row}")
        if row == len(self._numbers):
            self._numbers = np.concatenate([self._numbers, np.zeros(row, NUMBERS)])
        self.memories.append(memory)
        self.row_of[memory.memory_id] = row
        user = self._user_code(memory.origin.user_id)
        self._numbers[row] = (0, 1, 0, 0, 0, 0, user, self.channel_code(memory.origin.channel), True)
        self.active += 1
        self._support(row, user)
        self.touch(row)
        return row

    def confirm(self, row: int, user_id: str | None, most: float) -> None:
        """Make a memory the most recent and, unless its user supports it already, or `most` others, add his support.

        Unknown users can't be told apart, and each counts.
        """
        user = self._user_code(user_id)
        self.touch(row)
        known = self.supporters.get(row, ())
        if user in known or (user != NOBODY and self._support_by_user[user] >= most):
            return
        if len(known) < MOST_SUPPORTERS:
            self._numbers["support"][row] += 1
            self._support(row, user)

    def touch(self, row: int) -> None:
        """Make a memory the most recent."""
        self._numbers["recency"][row] = self.clock
        self.clock += 1

    def retire(self, row: int, because: str) -> None:
        """Take a memory out of use, for good."""
        self._numbers["is_active"][row] = False
        self.retired_because[row] = because
        self.active -= 1
        supporters = self.supporters.pop(row, set())
        self.active_support -= len(supporters)
        self._support_by_user[list(supporters)] -= 1

    def link(self, row: int, other: int) -> None:
        """Note, on both, that two memories contradict each other."""
        for one, two in ((row, other), (other, row)):
            linked = self.conflicts.setdefault(one, [])
            if two not in linked:
                linked.append(two)

    def channel_code(self, channel: str) -> int:
        """Return the number that stands for a channel."""
        return self._channels.setdefault(channel, len(self._channels))

    def _user_code(self, user_id: str | None) -> int:
        code = self._users.setdefault(user_id, len(self._users) - 1)
        if code >= len(self._support_by_user):
            self._support_by_user = np.concatenate([self._support_by_user, np.zeros(code, np.int64)])
        return code

    def _support(self, row: int, user: int) -> None:
        if user == NOBODY:
            return
        self.supporters.setdefault(row, set()).add(user)
        self._support_by_user[user] += 1
        self.active_support += 1


def memory_id(chat: str, config: str, comment_id: str) -> str:
    """Return the identifier of what a comment taught a run: the same whenever that is run again."""
    digest = blake2b("\x1f".join((chat, config, comment_id)).encode("utf-8", "surrogatepass"), digest_size=6)
    return f"m-{digest.hexdigest()}"
