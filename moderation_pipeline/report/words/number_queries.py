"""Where the numbers of a report stand that are in no row of its comparison table: each by a query that gives it.

A query is one that `moderation sql` runs, over views and tables alone, and that names what it gives by column. Ends of
intervals that a query can't give (resampling, quantiles of a gamma) are said to be so. Which columns the comparison
table is made of is `comparison_table.sources`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import polars as pl

from moderation_pipeline.evaluation.estimates import has_floor
from moderation_pipeline.evaluation.felt_counts import FeltCounts
from moderation_pipeline.evaluation.foreseen import is_twin
from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline.evaluation.yardstick import yardstick_of
from moderation_pipeline.report import series
from moderation_pipeline.statistics.resampled_ranking import RESAMPLES, TOP


class NumberQuery(NamedTuple):
    """Numbers of the page, in words, and the command that gives them."""

    what: str
    command: str


class Shown(NamedTuple):
    """What a page is about: its chat, the config that it recommends, the one whose cases it shows, and what else.

    `felt` is what was carried over to a month; `has_certificates` says that some config asks for one.
    """

    chat: str
    chosen: str
    focus: str
    felt: FeltCounts | None
    has_certificates: bool


def number_queries(shown: Shown, runs: Sequence[Run], comparison: pl.DataFrame) -> list[NumberQuery]:
    """Return the queries of a page, in the order in which their numbers stand on it."""
    run = next((each for each in runs if each.name == shown.focus), None)
    asked = [("Comments, users, channels and labels of the chat", CHAT_FACTS)]
    asked += [("Which config judges best, by how much, and what it costs", VERDICT)]
    if shown.felt is not None and shown.chosen:
        asked.append((FELT_WHAT, _felt(shown.felt).replace("CONFIG", shown.chosen)))
    if shown.has_certificates:
        asked += list(CERTIFIED)
    if run is not None:
        asked += _of_figures(run, runs, comparison)
        asked.append(("Users who would be sanctioned, and wrongly", USERS))
    twins = [each.name for each in runs if is_twin(each)]
    asked += [
        (
            f"How well {twin} foresees each channel's moderators; {OF_RESAMPLES}",
            FORESEEN.replace("CONFIG", twin),
        )
        for twin in twins
    ]
    asked += [("How alike the moderators decide themselves", SAME_TEXT)] if twins else []
    queries = [
        NumberQuery(what, in_shell(sql.replace("CHAT", shown.chat).replace("CONFIG", shown.focus)))
        for what, sql in asked
    ]
    if run is not None and int(comparison["labelled"].max() or 0):  # type: ignore[arg-type]
        queries.append(NumberQuery(FAIR_WHAT, f"moderation evaluate {shown.chat}"))
    of_limits = [(what, sql.replace("CHAT", shown.chat)) for what, sql in LIMITS]
    return [*queries, *(NumberQuery(what, in_shell(sql)) for what, sql in of_limits)]


def in_shell(sql: str) -> str:
    """Return the command that asks a query, on one line; no query holds what a shell would read in it."""
    return f'moderation sql "{" ".join(sql.split())}"'


CHAT_FACTS = """
select count(*) as comments, count(distinct user_id) as users, count(distinct channel) as channels,
    min(sent_at) as first_sent_at, max(sent_at) as last_sent_at, count(label_is_violation) as labelled,
    count(*) filter (label_is_violation) as violations
from comments where chat = 'CHAT'
"""

VERDICT = """
select config, is_best, quality, f1, system_agreement_rate, quality_minus_best, quality_minus_best_low,
    quality_minus_best_high, true_positives, false_positives, false_negatives, true_negatives, wrongful_sanctions,
    sanctions_checked, audits, list_cost_usd_per_1000_comments
from comparison where chat = 'CHAT'
"""

FELT_WHAT = (
    "Timeouts and bans of a month; at most so many wrongly: by Garwood's upper bound (1936) of the number of wronged"
    " users, in place of that number"
)


def _felt(felt: FeltCounts) -> str:
    """Return the query of what is carried over to a month; CONFIG stands for the config's name."""
    span = "epoch(max(sent_at) over () - min(sent_at) over ()) / 3600" if felt.hours else "count(*) over ()"
    return f"""
    with c as (
        select comment_id, label_is_violation as label, {round(felt.month)} / ({span}) as times,
            coalesce('i:' || user_id, 'n:' || user_name, 'c:' || comment_id) as who
        from comments where chat = 'CHAT'
    ), a as (
        select c.*, action, action in ('timeout', 'ban') as silenced from action_log join c using (comment_id)
        where chat = 'CHAT' and config = 'CONFIG' and not coalesce(under_sanction, false)
    )
    select any_value(times) * count(*) filter (silenced) as timeouts_and_bans,
        any_value(times) * count(*) filter (silenced and not label) * count(*) filter (silenced)
            / nullif(count(label) filter (silenced), 0) as wrongly,
        count(distinct who) filter (silenced and not label) as wronged_users,
        any_value(times) * count(*) filter (label and action not in ('reply', 'warn', 'delete', 'timeout', 'ban'))
            * count(*) / nullif(count(label), 0) as violations_let_be
    from a
    """


CERTIFIED = (
    (
        "What certificates bound, and what is missing to them",
        """
        select config, action, category, denominator, status, bound, target, confidence, audits, errors, audits_needed,
            floor, window_from, window_to, expert_error_rate, expert_labelled, sanctions, sanctions_carried_out
        from certificates where chat = 'CHAT'
        """,
    ),
    (
        "What the labels say of the same",
        """
        select config, wrongful_sanctions, sanctions_checked, labelled, false_negatives,
            false_negatives + true_negatives as let_through
        from metrics where chat = 'CHAT'
        """,
    ),
    ("What the Experts themselves get wrong", "select * from expert_errors where chat = 'CHAT'"),
)


def _of_figures(run: Run, runs: Sequence[Run], comparison: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield the queries of the plots; those of one config are of the one that the page is about."""
    yield "Plot: what is asked and paid, up to the end", PAID
    if (agreement := _agreement(runs)) is not None:
        yield "Plot: agreement over time", agreement
    yield "Plot: memories learnt", LEARNT
    yield "Plot: what is done", DONE
    row = comparison.row(by_predicate=pl.col("config") == run.name, named=True)
    labelled, violations = int(row["labelled"] or 0), int(row["labelled_violations"] or 0)
    if not labelled:
        return
    yield "Plot: confusion", CONFUSED
    yield "Plot: categories, where labels name several", _categories(run)
    if violations:
        yield (
            "Plot: learning curve (F1 of the Student, from and to)",
            LEARNING.replace("BEFORE", str(series.learning_window(labelled, violations) - 1)),
        )


PAID = "select config, comments, audits, list_cost_usd from cost_by_config where chat = 'CHAT'"

DONE = """
select config, comments, allowed, replies, warnings, deletions, timeouts, bans, undecided, under_sanction,
    sanction_share
from comparison where chat = 'CHAT'
"""

LEARNT = "select config, count(*) as memories from memory_snapshot where chat = 'CHAT' group by config"

CONFUSED = """
select config, true_positives, false_negatives, false_positives,
    labelled - labelled_violations - false_positives as others_let_be
from comparison where chat = 'CHAT'
"""


def _agreement(runs: Sequence[Run]) -> str | None:
    """Return the query of agreement by windows: with audits, or with all that another run's Expert said.

    Null where nothing can be known of any.
    """
    others = {run.name: yardstick_of(run.config, (each.config for each in runs)) for run in runs}
    held = {run.name: others[run.name] or run.name for run in runs if others[run.name] or has_floor(run)}
    if not held:
        return None
    names = ", ".join(f"'{name}'" for name in held)
    against = " ".join(f"when '{name}' then '{other}'" for name, other in held.items())
    return f"""
    with a as (
        select s.config, s.position, (s.action = x.action and s.category = x.category)::int as same,
            case when s.action is null or x.action is null then null
                when x.config = s.config then 1 / x.audit_probability else 1 end as weight,
            case when x.config <> s.config then {series.LEAST_COMMENTS} else {series.LEAST_AUDITS} end as least,
            row_number() over (partition by s.config order by s.position) - 1 as nth,
            count(*) over (partition by s.config) as of_all
        from student_decisions s left join expert_audits x
            on x.chat = s.chat and x.comment_id = s.comment_id and x.config = case s.config {against} end
        where s.chat = 'CHAT' and s.config in ({names})
    ), b as (
        select *, greatest(1, least({series.WINDOWS}, count(weight) over (partition by config)
            // max(least) over (partition by config))) as windows from a
    )
    select config, nth * windows // of_all as part, count(*) as comments, count(weight) as compared,
        sum(weight * same) / sum(weight) as agreement_rate
    from b group by all having count(weight) > 0 order by all
    """


def _categories(run: Run) -> str:
    """Return the query of labelled against judged categories; an Expert that is the labels is no judge."""
    expert, judged = run.config.config.expert, "a.category"
    if expert != "none" and expert.backend == "labels":
        answers = "x.category is not null" + (
            "" if run.config.config.audits_act else " and s.category is null"
        )
        judged = f"case when {answers} then s.category else a.category end"
    return f"""
    select case when c.label_is_violation then coalesce(c.label_category, '{series.UNTOLD_CATEGORY}') else 'none' end
        as labelled, {judged} as judged, count(*) as comments
    from action_log a join comments c using (chat, comment_id)
    left join student_decisions s using (chat, config, comment_id)
    left join expert_audits x using (chat, config, comment_id)
    where a.chat = 'CHAT' and a.config = 'CONFIG' and c.label_is_violation is not null and {judged} is not null
    group by all order by all
    """


LEARNING = """
with k as (
    select a.config, a.position, c.label_is_violation as label, coalesce(s.category <> 'none', false) as flagged
    from action_log a join comments c using (chat, comment_id)
    left join student_decisions s using (chat, config, comment_id)
    where a.chat = 'CHAT' and c.label_is_violation is not null
), w as (
    select config, position, row_number() over past as nth, sum((flagged and label)::int) over past as hits,
        sum(flagged::int) over past + sum(label::int) over past as either
    from k window past as (partition by config order by position rows between BEFORE preceding and current row)
)
select config, arg_min(2 * hits / either, position) as f1_first, arg_max(2 * hits / either, position) as f1_last
from w where nth > BEFORE and either > 0 group by config
"""
"""BEFORE stands for the comments of a window less one."""

USERS = """
select count(distinct user_id) as users_sanctioned,
    count(distinct user_id) filter (wrongful_sanctions > 0) as users_wrongly,
    (select count(distinct user_id) from comments where chat = 'CHAT') as users
from sanctioned_users where chat = 'CHAT' and config = 'CONFIG'
"""

OF_RESAMPLES = (
    f"ends of intervals are of {RESAMPLES} resamples of the channel's users by NumPy's generator, seeded with BLAKE2b"
    " of the channel's name in four bytes (None for all of them), so that the same tables give the same ends"
)
FORESEEN = f"""
with g as (
    select channel, probability, count(*) as n, count(*) filter (label_is_violation) as v
    from foreseen where chat = 'CHAT' and config = 'CONFIG' and label_is_violation is not null
    group by grouping sets ((channel, probability), (probability))
), r as (
    select *, sum(n) over down as seen, sum(v) over down as hits, sum(n) over (partition by channel) as lines,
        sum(v) over (partition by channel) as acted_on
    from g window down as (partition by channel order by probability desc)
)
select channel, any_value(lines) as lines, any_value(acted_on) as acted_on,
    sum(v * (lines - acted_on - seen + hits + (n - v) / 2)) / any_value(acted_on * (lines - acted_on)) as auroc,
    sum(v * hits / seen) / any_value(acted_on) as average_precision,
    sum(v * greatest(0, least(1, ({TOP} * lines - seen + n) / n))) / any_value(acted_on) as in_top
from r group by channel order by acted_on desc
"""
"""The row without a channel is of all of them."""

SAME_TEXT = """
with t as (
    select channel, case when normalised = '' then text else normalised end as said, count(*) as lines,
        count(*) filter (label_is_violation) as acted_on
    from comments where chat = 'CHAT' and label_is_violation is not null group by all
)
select count(*) as texts, count(*) filter (acted_on < lines) as both_ways,
    sum(acted_on * (acted_on - 1) / (lines - 1)) / sum(acted_on) as again
from t where lines > 1 and acted_on > 0
"""

FAIR_WHAT = "False alarms by group and language, and errors by the share decided alone"

LIMITS = (
    (
        "Limits: records of the files",
        """
        select sum(records) as records, sum(rejected) as rejected, sum(ignored) as ignored, sum(merged) as merged
        from ingestion where chat = 'CHAT'
        """,
    ),
    (
        "Limits: comments",
        """
        select count(*) - count(label_is_violation) as unlabelled,
            1 - count(distinct normalised) / count(*) as repeated,
            count(*) filter (language <> 'en') as in_another_language, count(*) - count(language) as too_short_to_tell,
            count(*) - count(sent_at) as without_time, count(*) - count(user_id) as without_user
        from comments where chat = 'CHAT'
        """,
    ),
    (
        "Limits: languages",
        """
        select language, count(*) as comments from comments where chat = 'CHAT' group by language order by comments desc
        """,
    ),
    (
        "Limits: runs",
        """
        select config, undecided, not_judged, reply_errors, replies_asked, shadow_actions, calibration_error,
            calibration_error_low, calibration_error_high, calibration_auroc, calibration_sample_size,
            agreement_coverage, agreement_unread_share, agreement_rate_least, agreement_rate_most,
            audited_violation_rate, audited_precision, audited_recall
        from comparison where chat = 'CHAT'
        """,
    ),
    (
        "Limits: which part of a Student decided, and where a budget was spent",
        """
        select config, tier, degraded, count(*) as comments, min(position) as from_position,
            max(position) as to_position
        from student_decisions where chat = 'CHAT' group by all order by all
        """,
    ),
    (
        "Limits: who decided",
        """
        select config, decided_by, count(*) as comments from action_log where chat = 'CHAT' group by all order by all
        """,
    ),
)
