"""SQL over the warehouse: one view per table, and a few that answer the questions people ask.

The views are defined in a connection in memory for the project's own queries (`connect_in_memory`, `query`),
and in a file for other people's shells (`duckdb_file.py`). The SQL is plain enough for DuckDB 1.5 and 2.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import duckdb
import polars as pl

from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.hardlinks import frozen
from moderation_pipeline.warehouse.tables import TABLES, Table

DISAGREEMENTS = """
select a.chat, a.config, a.comment_id, a.position, c.channel, c.user_id, c.user_name, c.text,
       s.action as student_action, s.category as student_category, s.confidence as student_confidence,
       s.reasoning as student_reasoning,
       a.action as expert_action, a.category as expert_category, a.reasoning as expert_reasoning,
       a.audit_reason, a.audit_probability, c.label_action, c.label_category, c.label_is_violation
from expert_audits a
join student_decisions s on s.chat = a.chat and s.config = a.config and s.comment_id = a.comment_id
join comments c on c.chat = a.chat and c.comment_id = a.comment_id
where not a.agrees
"""

SANCTIONED_USERS = """
with checked as (
    select a.chat, a.config, a.channel, a.user_id, count(*) as sanctions_checked,
           count(*) filter (not c.label_is_violation) as wrongful_sanctions,
           count(*) filter (not c.label_is_violation and a.action in ('timeout', 'ban'))
               as wrongful_timeouts_and_bans
    from action_log a join comments c on c.chat = a.chat and c.comment_id = a.comment_id
    where a.action in ('warn', 'delete', 'timeout', 'ban') and not a.under_sanction
      and c.label_is_violation is not null
    group by a.chat, a.config, a.channel, a.user_id
)
select u.chat, u.config, u.channel, u.user_id, user_name, comments, warnings, deletions, timeouts, bans,
       sanctions_checked, wrongful_sanctions, wrongful_timeouts_and_bans, strikes, standing,
       sanctioned_until, first_seen, last_seen
from user_state u left join checked k
  on k.chat = u.chat and k.config = u.config and k.channel = u.channel
 and k.user_id is not distinct from u.user_id
where warnings + deletions + timeouts + bans > 0
"""
"""Wrongful is a sanction of a comment that is labelled innocent; null where none of a user's has a label."""

COST_BY_CONFIG = """
with calls as (
    select chat, config, 'student' as role, comment_id, prompt_tokens, completion_tokens, cost_usd,
           list_cost_usd, reply_error
    from student_decisions where backend is not null
    union all
    select chat, config, 'expert' as role, comment_id, prompt_tokens, completion_tokens, cost_usd,
           list_cost_usd, reply_error
    from expert_audits
), runs as (
    select chat, config, count(*) as comments from action_log group by chat, config
)
select runs.chat, runs.config, runs.comments,
       count(*) filter (role = 'student') as student_calls,
       count(*) filter (role = 'expert') as audits,
       count(reply_error) as reply_errors,
       coalesce(sum(prompt_tokens), 0)::bigint as prompt_tokens,
       coalesce(sum(completion_tokens), 0)::bigint as completion_tokens,
       coalesce(sum(cost_usd), 0) as cost_usd,
       coalesce(sum(list_cost_usd), 0) as list_cost_usd,
       1000 * coalesce(sum(list_cost_usd), 0) / runs.comments as list_cost_usd_per_1000_comments,
       count(*) filter (calls.comment_id is not null and list_cost_usd is null) as calls_of_unknown_price
from runs left join calls on calls.chat = runs.chat and calls.config = runs.config
group by runs.chat, runs.config, runs.comments
"""

MEMORY_VALUE = """
select chat, config, memory_id, helped - harmed as value, helped, harmed, neutral, uses, support,
       action, category, channel, state, reasoning, learnt_at_position, retired_because,
       rank() over (partition by chat, config order by helped - harmed desc, uses desc, memory_id) as rank
from memory_snapshot
"""

FORESEEN = """
select s.chat, s.config, s.comment_id, s.position, c.channel, c.user_id, c.user_name, c.text,
       said.each.probability as probability, c.label_is_violation, s.tier
from student_decisions s
join comments c on c.chat = s.chat and c.comment_id = s.comment_id,
     unnest(s.probabilities) as said(each)
where said.each.question = 'violation'
"""
"""What a learned head thought of each comment before its audit, or its label, was known."""

QUESTIONS: dict[str, str] = {
    "disagreements": DISAGREEMENTS,
    "sanctioned_users": SANCTIONED_USERS,
    "cost_by_config": COST_BY_CONFIG,
    "memory_value": MEMORY_VALUE,
    "foreseen": FORESEEN,
}
"""Views over views: audits that disagree, who was sanctioned, what a config cost, what memories earn, heads foresaw."""

CATALOGUE = re.compile(
    r"\b(show|describe|summarize|information_schema|pragma|duckdb_\w+|pg_\w+|sqlite_\w+)\b", re.IGNORECASE
)
"""What a query says that asks for the catalogue itself, so that every view has to be there."""


def view_definitions(folder: DataFolder) -> dict[str, str]:
    """Return every view's select, tables first, so that they can be defined in this order."""
    tables = {name: _select_from_files(folder, table) for name, table in TABLES.items()}
    return {**tables, **{name: sql.strip() for name, sql in QUESTIONS.items()}}


def _select_from_files(folder: DataFolder, table: Table) -> str:
    # Columns by name: a view stored with `*` breaks as soon as its table gains a column, and would not be
    # defined anew, for its text would be the same.
    columns = ", ".join(f'"{name}"' for name in table.schema)
    pattern = f"{_literal_in_glob(str(folder.warehouse.absolute()))}/{table.name}/**/*.parquet"
    quoted = pattern.replace("'", "''")
    return f"select {columns} from read_parquet('{quoted}', union_by_name = true, hive_partitioning = false)"


def _literal_in_glob(path: str) -> str:
    return re.sub(r"([\[*?])", r"[\1]", path)


def create_statement(name: str, select: str) -> str:
    """Return the statement that defines one view."""
    return f'create or replace view "{name}" as {select}'


@contextmanager
def connect_in_memory(
    folder: DataFolder, names: Iterable[str] | None = None, *, may_leave: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection of its own, in memory, with the views (all, or those named) defined in it.

    They show the warehouse as it is now, for as long as the connection is open. Defining a view reads the
    footers of its files, so that naming the few that are needed is quicker. Unless it `may_leave`, the connection
    reaches no other file and no network, and can't be talked out of that.
    """
    wanted = _with_what_is_below({*TABLES, *QUESTIONS} if names is None else set(names))
    with frozen(folder, wanted & set(TABLES)) as picture, duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        define_views(connection, picture, wanted)
        if not may_leave:
            # As it is and as a glob spells it: DuckDB asks of the pattern first, then of each file.
            path = str(picture.warehouse.absolute())
            inside = ", ".join("'" + each.replace("'", "''") + "'" for each in {path, _literal_in_glob(path)})
            connection.execute(f"set allowed_directories = [{inside}]")
            connection.execute("set enable_external_access = false")
            connection.execute("set lock_configuration = true")
        yield connection


def define_views(
    connection: duckdb.DuckDBPyConnection, folder: DataFolder, names: Iterable[str] | None = None
) -> None:
    """Define the views (all, or those named and what they stand on) in an open connection."""
    definitions = view_definitions(folder)
    wanted = None if names is None else _with_what_is_below(set(names))
    for name, select in definitions.items():
        if wanted is None or name in wanted:
            connection.execute(create_statement(name, select))


def _with_what_is_below(names: set[str]) -> set[str]:
    below = [mentioned(QUESTIONS[name], TABLES) for name in names if name in QUESTIONS]
    return names.union(*below)


def mentioned(sql: str, names: Iterable[str]) -> set[str]:
    """Return those of `names` that occur in the text of a query, in whatever role."""
    words = set(re.findall(r"\w+", sql.lower()))
    return {name for name in names if name in words}


def query(folder: DataFolder, sql: str, *, may_leave: bool = False) -> pl.DataFrame:
    """Return the answer to a query over the views.

    Only views whose names occur in the query are defined, unless it asks for the catalogue itself. It reads the
    warehouse alone, and loads no extension, unless it `may_leave`: a query may have been written by somebody else.

    Raises:
        duckdb.Error: DuckDB can't run it, in its own words.
    """
    names = None if CATALOGUE.search(sql) else mentioned(sql, [*TABLES, *QUESTIONS])
    with connect_in_memory(folder, names, may_leave=may_leave) as connection:
        return fetch(connection, sql)


def fetch(connection: duckdb.DuckDBPyConnection, sql: str) -> pl.DataFrame:
    """Return the rows of a query in an open connection; no columns where the statement answers none."""
    relation = connection.sql(sql)
    return pl.DataFrame() if relation is None else pl.DataFrame(_ArrowStream(relation.__arrow_c_stream__()))


class _ArrowStream:
    """A query's result on its way to Polars, without pyarrow.

    Polars caches the *type* of what it is given; the type of a DuckDB relation kept that way makes DuckDB 2.0
    print pages of leak warnings at exit (measured), so it is given this one instead.
    """

    def __init__(self, capsule: object) -> None:
        self._capsule = capsule

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._capsule
