"""The upkeep of the shared reply store: what it holds by model, and what may be dropped from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, text

from moderation_pipeline.backends.stores import postgres_statements as sql
from moderation_pipeline.backends.stores.stored_replies import DAY_S, CachedReplies, CacheUpkeep, Pruned
from moderation_pipeline.warehouse.shared_database import in_transaction, make_tables

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class PostgresUpkeep(CacheUpkeep):
    """The upkeep of the replies of all machines; `now` is seconds since 1970."""

    engine: Engine
    now: float

    def show(self) -> list[CachedReplies]:
        """Return what is held, by model, the dearest first."""
        rows = self._ask(
            """
            select backend, endpoint, asked_model, count(*), count(error_code), sum(list_cost_usd),
                (sum(length(reply)) / 1e6)::float8, (:now - min(bought_at)) / 86400.0
            from moderation.replies group by 1, 2, 3 order by 6 desc, 4 desc, 3
            """
        )
        return [CachedReplies(*row) for row in rows]

    def drop_errors(self) -> Pruned:
        """Drop bad replies, so that they are asked for again."""
        return self._drop("error_code is not null")

    def drop_older_than(self, days: float) -> Pruned:
        """Drop replies bought longer ago than so many days."""
        return self._drop("bought_at < :now - :age_s", age_s=days * DAY_S)

    def older_than(self, days: float) -> Pruned:
        """Return what `drop_older_than` would drop."""
        return _counted(
            self._ask(
                "select list_cost_usd, length(reply) from moderation.replies where bought_at < :now - :age_s",
                age_s=days * DAY_S,
            )
        )

    def drop_beyond(self, megabytes: float) -> Pruned:
        """Drop the oldest replies until what is left is no larger."""
        newest_first = """
            select key, sum(length(reply)) over (order by bought_at desc, key) as size from moderation.replies
        """
        condition = f"key in (select key from ({newest_first}) as sizes where size > :size)"
        return self._drop(condition, size=megabytes * MEGABYTE)

    def forget_endpoints(self) -> int:
        """Forget what endpoints can do, so that it is found out anew; return how many were forgotten."""
        return len(self._ask("delete from moderation.endpoints returning identity"))

    def _drop(self, condition: str, **values: float) -> Pruned:
        return _counted(
            self._ask(
                f"delete from moderation.replies where {condition} returning list_cost_usd, length(reply)",
                **values,
            )
        )

    def _ask(self, statement: str, **values: float) -> list[Any]:
        make_tables(self.engine, "replies", sql.TABLES)
        given = {"now": self.now, **values}
        return in_transaction(
            self.engine, lambda connection: list(connection.execute(text(statement), given))
        )


def _counted(rows: list[Any]) -> Pruned:
    return Pruned(len(rows), float(sum(row[0] for row in rows)), sum(row[1] for row in rows) / MEGABYTE)
