"""The SQL of the shared reply store: its tables, and the statements that many calls go through.

Each does for many calls at once what must not come apart. Times are the server's own, so that no two machines need
agree on theirs.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import text

TABLES: Final = (
    """
    create table if not exists moderation.replies (
        key bytea primary key, backend text not null, endpoint text not null, asked_model text not null,
        reply bytea not null, error_code text, error_detail bytea, list_cost_usd double precision not null,
        bought_by text not null, bought_at double precision not null
    )
    """,
    "create index if not exists replies_by_age on moderation.replies (bought_at)",
    # Who is heard of, until when, and since when without a gap.
    """
    create table if not exists moderation.owners (
        owner text primary key, heard_until timestamptz not null, heard_since timestamptz not null
    )
    """,
    """
    create table if not exists moderation.claims (
        key bytea primary key, owner text not null, run_id text not null, worst_usd double precision not null,
        claimed_at timestamptz not null
    )
    """,
    "create index if not exists claims_by_run on moderation.claims (run_id)",
    """
    create table if not exists moderation.asking_runs (
        run_id text primary key, run_key text not null, begun_at timestamptz not null, finished_at timestamptz,
        repeated_calls integer not null default 0
    )
    """,
    "create index if not exists asking_runs_by_key on moderation.asking_runs (run_key)",
    # A row for each who spends, so that none waits for another's: a day's is their sum.
    """
    create table if not exists moderation.spending (
        day date not null, owner text not null, usd double precision not null, primary key (day, owner)
    )
    """,
    """
    create table if not exists moderation.turns (
        identity text primary key, requests_until timestamptz not null, tokens_until timestamptz not null
    )
    """,
    """
    create table if not exists moderation.batches (
        batch_id text primary key, backend text not null, endpoint text not null, asked_model text not null,
        run_key text not null, requests integer not null, sent_at double precision not null,
        collected_at double precision
    )
    """,
    "create table if not exists moderation.batch_calls (custom_id text primary key, batch_id text not null)",
    """
    create table if not exists moderation.endpoints (
        identity text primary key, abilities text not null, found_at timestamptz not null
    )
    """,
)

TODAY = "(clock_timestamp() at time zone 'UTC')::date"

HEARD = text("""
    insert into moderation.owners as known values (
        :owner, clock_timestamp() + make_interval(secs => :lease_s), clock_timestamp()
    )
    on conflict (owner) do update set
        heard_until = excluded.heard_until,
        heard_since = case when known.heard_until < clock_timestamp() then clock_timestamp() else known.heard_since end
""")
"""Says that an owner is alive. After a gap, in which its claims may have been taken for void, it counts as new."""

IS_ALIVE = """
    exists (select from moderation.owners as living where living.owner = claims.owner and (
        living.heard_until >= clock_timestamp()
        -- After an outage nobody was heard of: who comes back first must not take the others for dead.
        or not exists (select from moderation.owners as asking where asking.owner = :owner
            and asking.heard_until >= clock_timestamp()
            and asking.heard_since < clock_timestamp() - make_interval(secs => :lease_s))
    ))
"""
"""Whether a claim's owner may still be asking, as `:owner` sees it; one who closed the store is not in the table."""

LOOK_UP = text("""
    select key, reply, error_code, error_detail, bought_by, bought_at from moderation.replies
    where key = any(cast(:keys as bytea[]))
""")

CLAIM = text(f"""
    with wanted as (
        select * from unnest(
            cast(:keys as bytea[]), cast(:run_ids as text[]), cast(:worst_usd as float8[]), cast(:per_day as float8[])
        ) with ordinality as t (key, run_id, worst_usd, usd_per_day, place)
    ), void as (
        select claims.* from moderation.claims join wanted using (key)
        where claims.owner = :owner or not {IS_ALIVE}
        for update of claims skip locked
    ), spent as materialized (
        select (select coalesce(sum(usd), 0) from moderation.spending where day = {TODAY}) as usd,
            (select coalesce(sum(worst_usd), 0) from moderation.claims) as in_flight_usd
    ), free as (
        select wanted.*, sum(worst_usd) over (order by place) as so_far_usd from wanted
        where key in (select key from void)
            or not exists (select from moderation.claims where claims.key = wanted.key)
    ), affordable as (
        select free.* from free
        where usd_per_day is null
            or (select usd + in_flight_usd from spent) + so_far_usd <= usd_per_day
    ), taken as (
        insert into moderation.claims
        select key, :owner, run_id, worst_usd, clock_timestamp() from affordable order by key
        on conflict (key) do nothing returning key
    ), overtaken as (
        update moderation.claims set owner = :owner, run_id = affordable.run_id, worst_usd = affordable.worst_usd,
            claimed_at = clock_timestamp()
        from affordable join void using (key) where claims.key = affordable.key
        returning claims.key
    ), lost as (
        insert into moderation.spending as known
        select (claimed_at at time zone 'UTC')::date, 'lost calls', sum(worst_usd)
        from void where owner <> :owner and worst_usd > 0 and key in (select key from affordable)
        group by 1
        on conflict (day, owner) do update set usd = known.usd + excluded.usd
    ), ours as (select key from taken union select key from overtaken)
    select key, key in (select key from ours) as is_ours,
        key in (select key from free) and key not in (select key from affordable) as is_beyond,
        case when usd_per_day is not null then (select usd from spent) end as spent_usd,
        case when usd_per_day is not null then (select in_flight_usd from spent) end as in_flight_usd
    from wanted
""")
"""Claims what is free: nobody's, our own, or that of somebody who is not heard of any more."""

PUT = text(f"""
    with kept as (
        select * from unnest(
            cast(:keys as bytea[]), cast(:backends as text[]), cast(:endpoints as text[]), cast(:models as text[]),
            cast(:replies as bytea[]), cast(:codes as text[]), cast(:details as bytea[]), cast(:costs as float8[]),
            cast(:buyers as text[]), cast(:times as float8[])
        ) as t (key, backend, endpoint, asked_model, reply, code, detail, cost, bought_by, bought_at)
    ), stored as (
        insert into moderation.replies as known select * from kept order by key
        on conflict (key) do update set
            backend = excluded.backend, endpoint = excluded.endpoint, asked_model = excluded.asked_model,
            reply = excluded.reply, error_code = excluded.error_code, error_detail = excluded.error_detail,
            list_cost_usd = excluded.list_cost_usd, bought_by = excluded.bought_by, bought_at = excluded.bought_at
        -- What is put again, since nobody knew whether it had arrived, is not paid again.
        where (known.bought_by, known.bought_at) is distinct from (excluded.bought_by, excluded.bought_at)
        returning list_cost_usd
    ), given_back as (
        delete from moderation.claims using kept where claims.key = kept.key and claims.owner = :owner
    )
    insert into moderation.spending as known
    select {TODAY}, :owner, sum(list_cost_usd) from stored having sum(list_cost_usd) > 0
    on conflict (day, owner) do update set usd = known.usd + excluded.usd
""")
"""Keeps replies, gives the claims on them back with what they had reserved, and counts what they cost."""

RELEASE = text("""
    delete from moderation.claims where key = any(cast(:keys as bytea[])) and owner = :owner
""")

TURN = text("""
    insert into moderation.turns as known values (
        :identity, clock_timestamp() + make_interval(secs => :request_s),
        clock_timestamp() + make_interval(secs => :tokens_s)
    )
    on conflict (identity) do update set
        requests_until = greatest(known.requests_until, clock_timestamp()) + make_interval(secs => :request_s),
        tokens_until = greatest(known.tokens_until, clock_timestamp()) + make_interval(secs => :tokens_s)
    returning greatest(0, extract(epoch from greatest(
        requests_until - make_interval(secs => :request_s), tokens_until - make_interval(secs => :tokens_s)
    ) - clock_timestamp()))
""")

SPENT = text(f"""
    select (select coalesce(sum(usd), 0) from moderation.spending where day = {TODAY}),
        (select coalesce(sum(worst_usd), 0) from moderation.claims)
""")

SPEND = text(f"""
    insert into moderation.spending as known values ({TODAY}, :owner, :usd)
    on conflict (day, owner) do update set usd = known.usd + excluded.usd
""")

LOST_OF_RUN = text(f"""
    with lost as (
        delete from moderation.claims where run_id = :run_id and owner <> :owner and not {IS_ALIVE}
        returning key, worst_usd, claimed_at
    ), counted as (
        insert into moderation.spending as known
        select (claimed_at at time zone 'UTC')::date, 'lost calls', sum(worst_usd) from lost
        where worst_usd > 0 group by 1
        on conflict (day, owner) do update set usd = known.usd + excluded.usd
    )
    update moderation.asking_runs set repeated_calls = repeated_calls + (select count(*) from lost)
    where run_id = :run_id returning repeated_calls
""")
"""Gives up the calls that an earlier attempt lost, and counts them."""
