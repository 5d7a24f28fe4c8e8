"""Who is forgotten: by what a memory was worth, by what it did, and by who caused too many.

Forgetting is retiring with a reason; nothing is deleted. The store calls these and tells the index.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.config.run_config import MemorySpec
from moderation_pipeline.memory.records import Records

LOT = 64
"""Where a full memory must forget, it forgets a 64th of its capacity at once: ranking all for one more
write each would make writes slower the larger the memory is."""


class Farewell(NamedTuple):
    """A row to be retired, and why."""

    row: int
    because: str


def values(records: Records, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what each memory is worth: its net help, how often it was confirmed and used, its youth."""
    numbers = records.numbers[rows]
    net_help = numbers["helped"] - numbers["harmed"]
    youth = numbers["recency"] / max(records.clock, 1)
    worth = net_help + np.log2(numbers["support"]) + 0.1 * np.log2(1 + numbers["uses"]) + youth
    return np.asarray(worth, dtype=np.float64)


def over_capacity(records: Records, capacity: int) -> list[Farewell]:
    """Return the least valuable memories beyond the capacity, and somewhat more."""
    surplus = records.active - capacity
    if surplus <= 0:
        return []
    active = np.flatnonzero(records.numbers["is_active"])
    leaving = active[np.argsort(values(records, active), kind="stable")][: max(surplus, capacity // LOT)]
    because = f"over capacity: least valuable of {records.active} for {capacity} places"
    return [Farewell(int(row), because) for row in leaving]


def harmful(records: Records, rows: NDArray[np.int64], least_uses: int) -> list[Farewell]:
    """Return those of the rows that harmed more than they helped, where enough audits have judged them."""
    numbers = records.numbers[rows]
    audited = numbers["helped"] + numbers["harmed"] + numbers["neutral"]
    found = (numbers["harmed"] > numbers["helped"]) & (audited >= least_uses) & numbers["is_active"]
    return [
        Farewell(int(row), f"harmed {one['harmed']} and helped {one['helped']} of {count} audited cases")
        for row, one, count in zip(rows[found], numbers[found], audited[found], strict=True)
    ]


def most_of_a_user(records: Records, spec: MemorySpec) -> float:
    """Return how many active memories one user may have caused or confirmed: from the first on, as of a few many."""
    return max(1.0, spec.user_share * max(records.active_support, spec.user_share_from))


def over_user_share(records: Records, spec: MemorySpec) -> list[Farewell]:
    """Return the least valuable memories of users who are behind more than their share of the active ones.

    Memories of unknown users are bounded by nothing, for they can't be told apart.
    """
    behind, total = records.support_by_user.copy(), records.active_support
    leaving: list[Farewell] = []
    for user in np.flatnonzero(behind > max(1.0, spec.user_share * spec.user_share_from)).tolist():
        queue = _most_valuable_first(records, user)
        while queue and behind[user] > max(1.0, spec.user_share * max(total, spec.user_share_from)):
            because = (
                f"its user is behind {behind[user]} of {total} lessons; allowed: a share of {spec.user_share}"
            )
            row = queue.pop()
            leaving.append(Farewell(row, because))
            for supporter in records.supporters.get(row, ()):
                behind[supporter] -= 1
                total -= 1
    return leaving


def _most_valuable_first(records: Records, user: int) -> list[int]:
    rows = np.flatnonzero((records.numbers["user"] == user) & records.numbers["is_active"])
    order = np.argsort(-values(records, rows), kind="stable")
    return [int(row) for row in rows[order]]
