"""SQL over the warehouse: one view per table, and a few that answer the questions people ask.

The views are defined in a connection in memory for the project's own queries (`connect_in_memory`, `query`),
and in a file for other people's shells (`duckdb_file.py`). The SQL is plain enough for DuckDB 1.5 and 2.0.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

from moderation_pipeline.warehouse.files import EXTENSION
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.hardlinks import frozen
from moderation_pipeline.warehouse.tables import TABLES, Table


def _is_stale(of: str, name: str = "is_stale") -> str:
    """Return in SQL whether a row's run is stale, by what `stale_runs` says; `of` is what has it in SQL."""
    return (
        f"exists (select 1 from stale_runs o where o.chat = {of}.chat and o.config = {of}.config) as {name}"
    )


DISAGREEMENTS = f"""
select a.chat, a.config, a.comment_id, a.position, c.channel, c.user_id, c.user_name, c.text,
       s.action as student_action, s.category as student_category, s.confidence as student_confidence,
       s.reasoning as student_reasoning,
       a.action as expert_action, a.category as expert_category, a.reasoning as expert_reasoning,
       a.audit_reason, a.audit_probability, c.label_action, c.label_category, c.label_is_violation, c.label_source,
       {_is_stale("a")}
from expert_audits a
join student_decisions s on s.chat = a.chat and s.config = a.config and s.comment_id = a.comment_id
join comments c on c.chat = a.chat and c.comment_id = a.comment_id
where not a.agrees
"""

SANCTIONED_USERS = f"""
with checked as (
    select a.chat, a.config, a.channel, a.user_id, count(*) as sanctions_checked,
           count(*) filter (not c.label_is_violation) as wrongful_sanctions,
           count(*) filter (not c.label_is_violation and a.action in ('timeout', 'ban'))
               as wrongful_timeouts_and_bans,
           string_agg(distinct c.label_source, ', ' order by c.label_source) as label_source
    from action_log a join comments c on c.chat = a.chat and c.comment_id = a.comment_id
    where a.action in ('warn', 'delete', 'timeout', 'ban') and not a.under_sanction
      and c.label_is_violation is not null
    group by a.chat, a.config, a.channel, a.user_id
)
select u.chat, u.config, u.channel, u.user_id, user_name, comments, warnings, deletions, timeouts, bans,
       sanctions_checked, wrongful_sanctions, wrongful_timeouts_and_bans, label_source, strikes, standing,
       sanctioned_until, first_seen, last_seen, {_is_stale("u")}
from user_state u left join checked k
  on k.chat = u.chat and k.config = u.config and k.channel = u.channel
 and k.user_id is not distinct from u.user_id
where warnings + deletions + timeouts + bans > 0
"""
"""Wrongful is a sanction of a comment that is labelled innocent, or that moderators let be where the labels are theirs
(`label_source`); null where none of a user's has a label."""

COST_BY_CONFIG = f"""
with calls as (
    select chat, config, 'student' as role, comment_id, prompt_tokens, completion_tokens, cost_usd as paid,
           list_cost_usd as listed, reply_error
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
       case when count(paid) = count(role) then coalesce(sum(paid), 0) end as cost_usd,
       case when count(listed) = count(role) then coalesce(sum(listed), 0) end as list_cost_usd,
       1000 * list_cost_usd / runs.comments as list_cost_usd_per_1000_comments,
       count(role) - count(listed) as calls_of_unknown_price,
       {_is_stale("runs")}
from runs left join calls on calls.chat = runs.chat and calls.config = runs.config
group by runs.chat, runs.config, runs.comments
"""
"""One unknown price makes the sum unknown, as in `metrics`: what is left out would look as if it cost nothing."""

MEMORY_VALUE = f"""
select chat, config, memory_id, helped - harmed as value, helped, harmed, neutral, uses, support,
       action, category, channel, state, reasoning, learnt_at_position, retired_because,
       rank() over (partition by chat, config order by helped - harmed desc, uses desc, memory_id) as rank,
       {_is_stale("m")}
from memory_snapshot m
"""

RUN_HISTORY = """
select chat, config, run_id, started_at, finished_at,
       row_number() over (partition by chat, config order by finished_at) as made,
       finished_at = max(finished_at) over (partition by chat, config) as is_latest,
       code_version, config_hash, data_version, student_models, expert_models, comments, audits,
       f1, f1_low, f1_high, precision, recall, agreement_rate, agreement_rate_low, agreement_rate_high,
       system_agreement_rate, audit_share, sanction_share, undecided_share, reply_error_share, cost_usd,
       f1 - lag(f1) over run as f1_change,
       sanction_share - lag(sanction_share) over run as sanction_share_change,
       cost_usd - lag(cost_usd) over run as cost_usd_change
from metric_history window run as (partition by chat, config order by finished_at)
"""
"""Changes are to the time before, of the same chat under the same config, whatever else changed meanwhile."""

STALE_RUNS = """
with latest as materialized (
    select chat, config, max(finished_at) as finished_at, max(started_at) as started_at,
           arg_max(config_hash, started_at) as config_hash
    from metric_history group by chat, config
)
select m.chat, m.config,
       case when m.data_version <> c.data_version then 'the chat''s comments have changed since'
            else 'the config has changed since' end as because, m.comments as comments_of_run,
       c.comments as comments_now, m.data_version as data_version_of_run, c.data_version as data_version_now,
       h.finished_at
from metrics m
left join (
    select chat, any_value(data_version) as data_version, sum(comments)::bigint as comments
    from ingestion where data_version is not null group by chat
) c on c.chat = m.chat
left join latest h on h.chat = m.chat and h.config = m.config
left join (
    select config, arg_max(config_hash, started_at) as config_hash from latest group by config
) l on l.config = m.config
where m.data_version <> c.data_version or m.config_hash <> l.config_hash
"""
"""Runs of comments that the chat no longer has, or under a config that was another when it last ran, wherever that was.
That a config's file has changed, and has not run since, is in no table: the commands and reports look at the file.
"""

WRONG_SANCTIONS = f"""
select a.chat, a.config, a.comment_id, a.position, a.sent_at, a.channel, a.user_id, a.user_name, c.text, a.action,
       a.duration_s, a.category, a.reason, a.decided_by, a.is_shadow, c.label_source,
       {_is_stale("a")}
from action_log a join comments c on c.chat = a.chat and c.comment_id = a.comment_id
where a.action in ('warn', 'delete', 'timeout', 'ban') and not coalesce(a.under_sanction, false)
  and c.label_is_violation = false
"""
"""Sanctions of comments that are labelled innocent; where the labels are the Expert's own, see `decided_by`. Where
`label_source` is `moderators` they let the comment be, which may only mean that nobody saw it."""

MISSED_VIOLATIONS = f"""
select a.chat, a.config, a.comment_id, a.position, a.sent_at, a.channel, a.user_id, a.user_name, c.text,
       c.label_category, c.label_action, c.label_source, a.action, a.decided_by,
       s.confidence as student_confidence, s.reasoning as student_reasoning,
       {_is_stale("a")}
from action_log a join comments c on c.chat = a.chat and c.comment_id = a.comment_id
left join student_decisions s on s.chat = a.chat and s.config = a.config and s.comment_id = a.comment_id
where c.label_is_violation and coalesce(a.category, 'none') = 'none'
"""
"""Labelled violations that were judged innocent, or that nobody could decide about: what recall counts as missed. Where
`label_source` is `moderators` they are what was acted on, for whatever reason."""

AUDIT_AGREEMENT = f"""
select chat, config, count(*) as audits, count(agrees) as audits_read,
       sum(agrees::int / audit_probability) / sum(1 / audit_probability) filter (agrees is not null) as agreement,
       sum(1 / audit_probability) filter (agrees is not null) ** 2
           / sum(1 / audit_probability ** 2) filter (agrees is not null) as worth_equal_audits,
       avg(agrees::int) as unweighted, {_is_stale("a")}
from expert_audits a group by chat, config
"""
"""How often Student and Expert agree, over all comments: each audit counts 1 / its probability. `unweighted` is not
that: audits are made where the Student is unsure, so it is too low, and shown to be held against."""


def _fared(log: str) -> str:
    """Return in SQL how a comment fared: silenced, what was done, and for how long; as `outcome_changes` has it."""
    return (
        f"case when {log}.under_sanction then 'silenced'"
        f" when {log}.action = 'timeout' then 'timeout ' || coalesce({log}.duration_s, 0) else {log}.action end"
    )


FLIPS = f"""
select one.chat, one.config as config, other.config as other_config, one.comment_id, one.position, one.channel,
       one.user_id, one.user_name, c.text, one.action, other.action as other_action, one.category,
       other.category as other_category, one.under_sanction, other.under_sanction as other_under_sanction,
       c.label_is_violation, c.label_source, {_is_stale("one")},
       {_is_stale("other", "other_is_stale")}
from action_log one
join action_log other on other.chat = one.chat and other.comment_id = one.comment_id and other.config > one.config
join comments c on c.chat = one.chat and c.comment_id = one.comment_id
where {_fared("one")} <> {_fared("other")}
   or (one.category is distinct from other.category and not other.under_sanction and other.action <> 'allow')
"""
"""Comments that fare otherwise under two configs of a chat, each pair once (`config` before `other_config`)."""

FLIPS_SINCE_ACCEPTED = f"""
select a.chat, a.config, r.run_id as accepted_run_id, r.accepted_at, a.comment_id, a.position, a.channel, a.user_id,
       a.user_name, c.text, r.action as action_before, a.action, r.category as category_before, a.category,
       r.rule as rule_before, r.duration_s as duration_s_before, a.duration_s,
       r.under_sanction as under_sanction_before, a.under_sanction,
       c.label_is_violation, c.label_source, {_is_stale("a")}
from accepted_run r
join action_log a on a.chat = r.chat and a.config = r.config and a.comment_id = r.comment_id
join comments c on c.chat = a.chat and c.comment_id = a.comment_id
where r.action is not null and (
    {_fared("r")} <> {_fared("a")}
    or (r.category is distinct from a.category and not a.under_sanction and a.action <> 'allow')
)
"""
"""Comments that fare otherwise than in the run of the same config that was accepted last; `rule_before` is what that
one cited. None where it was accepted before outcomes were kept: its actions are null."""

WHAT_IF_LINES = f"""
select w.chat, w.config, w.asked, w.comment_id, w.position, w.channel, w.user_id, w.user_name, w.is_newcomer, c.text,
       w.way, w.before, w.after, w.category_before, w.category_after, w.label_is_violation, c.label_source,
       {_is_stale("w")}
from what_if w join comments c on c.chat = w.chat and c.comment_id = w.comment_id
order by w.chat, w.config, w.position
"""
"""Whom other thresholds or another ladder would have hit, or spared, with what they wrote."""

MODERATORS_COMPARED = f"""
select a.chat, a.config, a.comment_id, a.position, a.sent_at, a.channel, a.user_id, a.user_name, c.text,
       c.label_action as moderators, a.action as config_would, a.category, a.reason,
       case when c.label_is_violation and coalesce(a.category, 'none') = 'none' then 'only the moderators'
            when not c.label_is_violation and coalesce(a.category, 'none') <> 'none' then 'only the config'
            when c.label_is_violation then 'both' else 'neither' end as who_acts,
       {_is_stale("a")}
from action_log a join comments c on c.chat = a.chat and c.comment_id = a.comment_id
where c.label_source = 'moderators' and c.label_is_violation is not null
"""
"""What human moderators did beside what a config would do; that nobody acted may mean that nobody saw it."""

USER_EVENINGS = f"""
select a.chat, a.config, a.channel, a.user_id, a.user_name, a.position, a.sent_at, c.text, a.action, a.duration_s,
       a.category, a.reason, a.decided_by, a.strikes, a.under_sanction, a.is_shadow, c.label_is_violation,
       c.label_category, c.label_source, a.comment_id, {_is_stale("a")}
from action_log a join comments c on c.chat = a.chat and c.comment_id = a.comment_id
order by a.chat, a.config, a.position
"""
"""Every comment of a user in stream order with what was done about it: `where user_name = ...` is one's evening."""

DSA_STATEMENTS = """
select a.chat, a.config,
       case a.action when 'delete' then ['DECISION_VISIBILITY_CONTENT_REMOVED'] end as decision_visibility,
       case a.action when 'timeout' then 'DECISION_PROVISION_PARTIAL_SUSPENSION'
            when 'ban' then 'DECISION_PROVISION_PARTIAL_TERMINATION' end as decision_provision,
       case a.action when 'timeout' then (a.sent_at + to_seconds(a.duration_s))::date end
           as end_date_service_restriction,
       'DECISION_GROUND_INCOMPATIBLE_CONTENT' as decision_ground,
       coalesce(x.rule, s.rule, a.category) as incompatible_content_ground,
       'A chat comment that breaks the rule against ' || replace(a.category, '_', ' ') || '.'
           as incompatible_content_explanation,
       ['CONTENT_TYPE_TEXT'] as content_type,
       case a.category when 'harassment' then 'STATEMENT_CATEGORY_CYBER_VIOLENCE'
            when 'hate' then 'STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH'
            when 'threat' then 'STATEMENT_CATEGORY_VIOLENCE'
            when 'spam' then 'STATEMENT_CATEGORY_SCAMS_AND_FRAUD'
            when 'self_harm' then 'STATEMENT_CATEGORY_SELF_HARM'
            when 'personal_information' then 'STATEMENT_CATEGORY_DATA_PROTECTION_AND_PRIVACY_VIOLATIONS'
            else 'STATEMENT_CATEGORY_OTHER_VIOLATION_TC' end as category,
       a.sent_at::date as content_date, a.sent_at::date as application_date,
       'A comment in a live chat was judged to be ' || replace(a.category, '_', ' ') || '; its author had '
           || a.strikes || ' strikes that count, this one included.' as decision_facts,
       'SOURCE_VOLUNTARY' as source_type, 'Yes' as automated_detection,
       case when x.backend = 'labels' and a.decided_by = 'expert' then 'AUTOMATED_DECISION_NOT_AUTOMATED'
            when x.backend = 'labels' and a.decided_by = 'ladder' then 'AUTOMATED_DECISION_PARTIALLY'
            else 'AUTOMATED_DECISION_FULLY' end as automated_decision,
       a.chat || '-' || a.config || '-' || md5(a.comment_id) as puid
from action_log a
left join student_decisions s on s.chat = a.chat and s.config = a.config and s.comment_id = a.comment_id
left join expert_audits x on x.chat = a.chat and x.config = a.config and x.comment_id = a.comment_id
where a.action in ('delete', 'timeout', 'ban') and not coalesce(a.under_sanction, false)
  and not coalesce(a.is_shadow, false)
"""
"""One statement of reasons per deletion, timeout and ban that was carried out, in the fields of version 1 of the API of
the EU's transparency database (transparency.dsa.ec.europa.eu/page/api-documentation), without personal data: no text,
no name, and a hash in place of the comment.

A warning restricts nothing and needs none; a channel is a part of the service, so who is banned from it keeps his
account. `territorial_scope`, which is required, is the platform's to add.
"""
FORESEEN = f"""
select s.chat, s.config, s.comment_id, s.position, c.channel, c.user_id, c.user_name, c.text,
       said.each.probability as probability, c.label_is_violation, c.label_source, s.tier,
       {_is_stale("s")}
from student_decisions s
join comments c on c.chat = s.chat and c.comment_id = s.comment_id,
     unnest(s.probabilities) as said(each)
where said.each.question = 'violation'
"""
"""What a learned head thought of each comment before its audit, or its label, was known."""

QUESTIONS: dict[str, str] = {
    "stale_runs": STALE_RUNS,
    "disagreements": DISAGREEMENTS,
    "wrong_sanctions": WRONG_SANCTIONS,
    "missed_violations": MISSED_VIOLATIONS,
    "audit_agreement": AUDIT_AGREEMENT,
    "flips": FLIPS,
    "flips_since_accepted": FLIPS_SINCE_ACCEPTED,
    "what_if_lines": WHAT_IF_LINES,
    "moderators_compared": MODERATORS_COMPARED,
    "user_evenings": USER_EVENINGS,
    "dsa_statements": DSA_STATEMENTS,
    "sanctioned_users": SANCTIONED_USERS,
    "cost_by_config": COST_BY_CONFIG,
    "memory_value": MEMORY_VALUE,
    "foreseen": FORESEEN,
    "run_history": RUN_HISTORY,
}
"""Views over views, by what they answer; those on which others stand come first."""

ANSWERS: dict[str, str] = {
    "disagreements": "an audit that disagrees: what Student and Expert said of a comment",
    "wrong_sanctions": "a sanction of a comment that is labelled innocent (label_source moderators: that they let be)",
    "missed_violations": "a labelled violation (label_source moderators: acted on) judged innocent, or not decided",
    "audit_agreement": "a run: how often Student and Expert agree, each audit weighted by how unlikely it was",
    "flips": "a comment that fares otherwise under two configs of its chat",
    "flips_since_accepted": "a comment that fares otherwise than in the run of its config that was accepted last",
    "what_if_lines": "a comment that would fare otherwise, as `what_if` was asked last, with what was written",
    "moderators_compared": "a comment: what human moderators did, and what a config would do",
    "user_evenings": "a comment with what was done about it, in stream order: where user_name = '...'",
    "dsa_statements": "a sanction in the fields of the EU's DSA transparency database, without personal data",
    "sanctioned_users": "a user against whom something was done, and how often against the label (label_source)",
    "cost_by_config": "a run: what was asked and paid",
    "memory_value": "a memory: how often it helped and harmed",
    "foreseen": "a comment: how likely a learned head thought it a violation, before that was known",
    "run_history": "a run each time that it was made: when, by which code, on which data, and what changed",
    "stale_runs": "a run of comments that its chat no longer has, or whose config has run otherwise since",
}
"""What one row of each of them is."""

STALE = "stale_runs"
"""The view on which those stand that mark the rows of stale runs."""

CATALOGUE = re.compile(
    r"\b(show|describe|summarize|information_schema|pragma|duckdb_\w+|pg_\w+|sqlite_\w+)\b", re.IGNORECASE
)
"""What a query says that asks for the catalogue itself, so that every view has to be there."""


def view_definitions(folder: DataFolder, *, of_file: Path | None = None) -> dict[str, str]:
    """Return every view's select, tables first, so that they can be defined in this order.

    Views of a DuckDB file in the folder find the warehouse beside that file, wherever both have gone since.
    """
    root = _quoted(_literal_in_glob(str(folder.root.absolute())))
    beside = root if of_file is None else _beside(of_file, root)
    tables = {name: _select_from_files(beside, table) for name, table in TABLES.items()}
    return {**tables, **{name: sql.strip() for name, sql in QUESTIONS.items()}}


OPENED_AT = "current_setting('temp_directory')"
"""Unless it is set, DuckDB's is the path of the file that was opened and `.tmp`, whole: so a view can tell where it is,
which DuckDB (1.0 to 2.0, measured) has no other word for, and no path relative to a file."""


def _beside(file: Path, root: str) -> str:
    """Return the folder of the file that holds a view, in SQL; `root` where the file was attached to another."""
    ending = f"/{file.name}.tmp"
    opened = f"left({OPENED_AT}, length({OPENED_AT}) - {len(ending)})"
    literal = f"regexp_replace({opened}, '([\\[*?])', '[\\1]', 'g')"
    return f"case when ends_with({OPENED_AT}, {_quoted(ending)}) then {literal} else {root} end"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _select_from_files(root: str, table: Table) -> str:
    # Columns by name: a view stored with `*` breaks as soon as its table gains a column, and would not be
    # defined anew, for its text would be the same.
    columns = ", ".join(f'"{name}"' for name in table.schema)
    files = f"({root}) || '/warehouse/{table.name}/**/*.parquet'"
    return f"select {columns} from read_parquet({files}, union_by_name = true, hive_partitioning = false)"


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
    names = None if names is None else set(names)
    wanted = _with_what_is_below({*TABLES, *QUESTIONS} if names is None else set(names))
    with frozen(folder, wanted & set(TABLES)) as picture, duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        define_views(connection, picture, names)
        if not may_leave:
            # As it is and as a glob spells it: DuckDB asks of the pattern first, then of each file.
            path = str(picture.warehouse.absolute())
            inside = ", ".join(_quoted(each) for each in {path, _literal_in_glob(path)})
            connection.execute(f"set allowed_directories = [{inside}]")
            connection.execute("set enable_external_access = false")
            connection.execute("set lock_configuration = true")
        yield connection


def define_views(
    connection: duckdb.DuckDBPyConnection, folder: DataFolder, names: Iterable[str] | None = None
) -> None:
    """Define the views (all, or those named and what they stand on) in an open connection.

    Which runs are stale is found once and kept as a table, for DuckDB opens every file of what a view stands on each
    time that a view over it is defined or asked; and of the few columns which that needs (`_narrowed`). What is written
    for it in `folder`, beside its warehouse, is the caller's to sweep.
    """
    definitions = view_definitions(folder)
    wanted = set(definitions) if names is None else set(names)
    needed = _with_what_is_below(wanted)
    if names is not None and STALE in needed:
        connection.execute(_kept(STALE, {**definitions, **_narrowed(folder, STALE)}))
        needed = _with_what_is_below(wanted, stands_alone={STALE}) - {STALE}
    for name, select in definitions.items():
        if name in needed:
            connection.execute(create_statement(name, select))


def _kept(name: str, definitions: Mapping[str, str]) -> str:
    """Return the statement that answers a view over tables, and keeps its rows."""
    below = ", ".join(
        f"{table} as ({definitions[table]})" for table in sorted(mentioned(QUESTIONS[name], TABLES))
    )
    return f'create table "{name}" as with {below} select * from ({definitions[name]})'


def _narrowed(folder: DataFolder, view: str) -> dict[str, str]:
    """Return selects of the tables that a view over tables is of, from a file each of the columns that it mentions.

    Their files have 250 columns, of which it wants five: to read those takes DuckDB three times what it takes Polars
    (800 files: 1.9 and .6 s of CPU). Files that Polars can't lay together (of a version in which a column had another
    type) are left to DuckDB.
    """
    found: dict[str, str] = {}
    for name in mentioned(QUESTIONS[view], TABLES):
        table = TABLES[name]
        kinds = {column: table.schema[column] for column in table.schema if column in _words(QUESTIONS[view])}
        paths = sorted((folder.warehouse / name).rglob(f"*{EXTENSION}"))
        narrow = folder.root / f"{view}.{name}{EXTENSION}"
        try:
            pl.scan_parquet(
                paths,
                glob=False,
                hive_partitioning=False,
                schema=kinds,
                missing_columns="insert",
                extra_columns="ignore",
            ).collect().write_parquet(narrow)
        except pl.exceptions.PolarsError:
            continue
        columns = ", ".join(f'"{column}"' for column in kinds)
        path = _quoted(_literal_in_glob(str(narrow.absolute())))
        found[name] = f"select {columns} from read_parquet({path}, hive_partitioning = false)"
    return found


def _with_what_is_below(names: set[str], stands_alone: Container[str] = ()) -> set[str]:
    below = [
        mentioned(QUESTIONS[name], [*TABLES, *QUESTIONS])
        for name in names
        if name in QUESTIONS and name not in stands_alone
    ]
    found = names.union(*below)
    return found if found == names else _with_what_is_below(found, stands_alone)


def mentioned(sql: str, names: Iterable[str]) -> set[str]:
    """Return those of `names` that occur in the text of a query, in whatever role."""
    return {name for name in names if name in _words(sql)}


def _words(sql: str) -> set[str]:
    return set(re.findall(r"\w+", sql.lower()))


def query(folder: DataFolder, sql: str, *, may_leave: bool = False) -> pl.DataFrame:
    """Return the answer to a query over the views.

    Only views whose names occur in the query are defined, unless it asks for the catalogue itself. It reads the
    warehouse alone, and loads no extension, unless it `may_leave`: a query may have been written by somebody else.

    Raises:
        duckdb.Error: DuckDB can't run it, in its own words.
    """
    with connect_in_memory(folder, _asked_of(sql), may_leave=may_leave) as connection:
        return fetch(connection, sql)


def query_and_stale(
    folder: DataFolder, sql: str, *, may_leave: bool = False
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what `query` does, and `chat`, `config`, `because` of the runs that are stale at the same moment.

    Raises:
        duckdb.Error: DuckDB can't run it, in its own words.
    """
    asked = _asked_of(sql)
    names = None if asked is None else asked | {STALE}
    with connect_in_memory(folder, names, may_leave=may_leave) as connection:
        stale = fetch(connection, f"select chat, config, because from {STALE} order by chat, config")
        return fetch(connection, sql), stale


def _asked_of(sql: str) -> set[str] | None:
    return None if CATALOGUE.search(sql) else mentioned(sql, [*TABLES, *QUESTIONS])


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
