"""The upkeep of one machine's reply store: what it holds by model, and what may be dropped from it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moderation_pipeline.backends.stores.stored_replies import DAY_S, CachedReplies, CacheUpkeep, Pruned

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class SqliteUpkeep(CacheUpkeep):
    """The upkeep of one reply store; `now` is seconds since 1970."""

    path: Path
    now: float

    def show(self) -> list[CachedReplies]:
        """Return what is held, by model, the dearest first; nothing where there is no store yet."""
        rows = self._ask(
            """
            select backend, endpoint, asked_model, count(*), count(error_code),
                sum(json_extract(reply, '$.list_cost_usd')), sum(length(reply)) / 1e6,
                (? - min(bought_at)) / 86400.0
            from replies group by 1, 2, 3 order by 6 desc nulls last, 4 desc, 3
            """,
            (self.now,),
        )
        return [CachedReplies(*row) for row in rows]

    def drop_errors(self) -> Pruned:
        """Drop bad replies, so that they are asked for again."""
        return self._drop("error_code is not null", ())

    def drop_older_than(self, days: float) -> Pruned:
        """Drop replies bought longer ago than so many days."""
        return self._drop("bought_at < ?", (self.now - days * DAY_S,))

    def older_than(self, days: float) -> Pruned:
        """Return what `drop_older_than` would drop."""
        ((replies, cost, size),) = self._ask(
            "select count(*), coalesce(sum(json_extract(reply, '$.list_cost_usd')), 0), "
            "coalesce(sum(length(reply)), 0) from replies where bought_at < ?",
            (self.now - days * DAY_S,),
        ) or [(0, 0.0, 0)]
        return Pruned(replies, float(cost), size / MEGABYTE)

    def drop_beyond(self, megabytes: float) -> Pruned:
        """Drop the oldest replies until what is left is no larger."""
        newest_first = """
            select key, sum(length(reply)) over (order by bought_at desc, key) as size from replies
        """
        condition = f"key in (select key from ({newest_first}) where size > ?)"
        return self._drop(condition, (megabytes * MEGABYTE,))

    def forget_endpoints(self) -> int:
        """Forget what endpoints can do, so that it is found out anew; return how many were forgotten."""
        return len(self._ask("delete from endpoints returning identity", ()))

    def _drop(self, condition: str, values: tuple[float, ...]) -> Pruned:
        rows = self._ask(
            f"delete from replies where {condition} "
            "returning coalesce(json_extract(reply, '$.list_cost_usd'), 0), length(reply)",
            values,
        )
        if rows:
            self._ask("vacuum", ())
        costs, sizes = [row[0] for row in rows], [row[1] for row in rows]
        return Pruned(len(rows), float(sum(costs)), sum(sizes) / MEGABYTE)

    def _ask(self, statement: str, values: tuple[float, ...]) -> list[tuple[Any, ...]]:
        if not self.path.exists():
            return []
        db = sqlite3.connect(self.path, isolation_level=None, timeout=60.0)
        try:
            return db.execute(statement, values).fetchall()
        finally:
            db.close()
