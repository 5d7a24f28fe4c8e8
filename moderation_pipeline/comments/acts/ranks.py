"""Who moderates, where a log doesn't tell: whom its owner names, the channel's namesake, and the services' bots.

Twitch's own logs and most exports say by badges who is the broadcaster and who moderates. Text logs and tables seldom
do, and then the bot that every moderator runs is the user who repeats himself most, with links.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

import polars as pl

from moderation_pipeline.comments.merging import Merged

BOTS = frozenset(
    (
        "blerp",
        "botisimo",
        "coebot",
        "creatisbot",
        "deepbot",
        "fossabot",
        "kofistreambot",
        "lolrankbot",
        "moobot",
        "nightbot",
        "own3d",
        "phantombot",
        "pretzelrocks",
        "restreambot",
        "sery_bot",
        "songlistbot",
        "soundalerts",
        "streamelements",
        "streamlabs",
        "streamlootsbot",
        "streamstickers",
        "tangiabot",
        "wizebot",
    )
)
"""Logins on Twitch under which services write for a channel's moderators. Nobody else can have one there."""

SHOWN = 5
"""How many names a note lists."""


def with_ranks(comments: pl.DataFrame, moderators: Sequence[str]) -> Merged:
    """Return the comments with the ranks that the log doesn't tell, and what was taken for one, aloud.

    `moderators` are users' ids or names, in any case. Where the log marks nobody as a moderator or a broadcaster, a
    channel's namesake is taken for its broadcaster and `BOTS` for moderators, by the id where there is one: a name that
    is shown beside an id can be anybody's.
    """
    users = comments.select(*USER).unique(maintain_order=True)
    named = {name.lower().lstrip("@") for name in moderators}
    marks = comments.select((pl.col("is_moderator") | pl.col("is_broadcaster")).any()).item()
    ranked = users.with_columns(_rank(named, is_told=bool(marks))).drop_nulls("rank")
    notes = list(_notes(ranked, named - _names(users) if named else named))
    if ranked.is_empty():
        return Merged(comments, notes)
    joined = comments.join(ranked, on=USER, how="left", nulls_equal=True, maintain_order="left")
    moderates = pl.col("is_moderator") | pl.col("rank").is_in(["named", "bot"]).fill_null(value=False)
    broadcasts = pl.col("is_broadcaster") | (pl.col("rank") == "namesake").fill_null(value=False)
    return Merged(
        joined.with_columns(moderates.alias("is_moderator"), broadcasts.alias("is_broadcaster")).drop("rank"),
        notes,
    )


TAKEN_FOR = {"bot": "bots that moderators run", "namesake": "the broadcasters of their channels"}
USER = ("channel", "user_id", "user_name")


def _rank(named: Set[str], *, is_told: bool) -> pl.Expr:
    """By what a user has a rank: he is `named`, the channel's `namesake`, or a `bot`; null where he has none."""
    login, name = (pl.col(column).str.to_lowercase() for column in ("user_id", "user_name"))
    channel = pl.col("channel").str.to_lowercase().str.strip_prefix("#")
    who = pl.coalesce(login, name)
    is_open = pl.lit(not is_told)
    by = {
        "named": login.is_in(list(named)) | name.is_in(list(named)),
        "namesake": is_open & (who == channel),
        "bot": is_open & who.is_in(list(BOTS)),
    }
    return pl.coalesce(pl.when(holds).then(pl.lit(rank)) for rank, holds in by.items()).alias("rank")


def _names(users: pl.DataFrame) -> set[str]:
    known = pl.concat([users["user_id"], users["user_name"]]).drop_nulls().str.to_lowercase()
    return set(known.to_list())


def _notes(ranked: pl.DataFrame, unmet: Set[str]) -> Iterator[str]:
    """Say who has a rank that nobody told, and which name is nobody's."""
    of = {rank: ranked.filter(pl.col("rank") == rank).select(*USER).rows() for rank in TAKEN_FOR}
    taken = [
        f"for {what}: {_listed([str(user or name) for _, user, name in of[rank]])}"
        for rank, what in TAKEN_FOR.items()
        if of[rank]
    ]
    if taken:
        yield (
            f"Nobody is marked as a moderator. By their names are taken {'; '.join(taken)}. Sanctions leave them out; "
            "--moderator NAME names more."
        )
    if unmet:
        yield f"No comment is by {_listed(sorted(unmet))}, named as a moderator."


def _listed(names: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(names))
    more = f" and {len(distinct) - SHOWN:,} more" if len(distinct) > SHOWN else ""
    return ", ".join(distinct[:SHOWN]) + more
