"""User state: what a run did to each user of a channel, as a fold over the action log alone (law 7).

No clock is read here: time is the comment's. Where it is null, strikes don't expire and a timeout silences
nobody, for nobody knows when it ends. The rules that turn plans into sanctions are in `ladder.py`.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

from moderation_pipeline.cases.situation import Standing
from moderation_pipeline.warehouse.tables import USER_STATE

FOREVER = 2**62


UserKey = tuple[str, str]
"""A channel and a user: standing does not travel between channels. Bare, for it is made at every look."""


class Deed(NamedTuple):
    """The part of an action log row that standing is made of; times in microseconds since 1970 (UTC).

    `counts_until_us` is when a warning or strike expires; null: never.
    """

    action: str
    sent_at_us: int | None
    duration_s: int | None
    counts_until_us: int | None


@dataclass(slots=True)
class UserRecord:
    """What counts against one user: each strike's expiry, the last warning's, and the sanction in force.

    Strikes are kept in the order in which they expire, so that they are counted without looking at each.
    """

    strikes_until: list[int] = field(default_factory=list)
    warned_until: int | None = None
    sanction: str | None = None
    sanctioned_until: int | None = None

    def take_in(self, deed: Deed) -> None:
        """Fold one warning or sanction into the record."""
        until = FOREVER if deed.counts_until_us is None else deed.counts_until_us
        if deed.action == "warn":
            self.warned_until = until
            return
        insort(self.strikes_until, until)
        if deed.action == "ban":
            self.sanction, self.sanctioned_until = "ban", FOREVER
        elif deed.action == "timeout" and deed.sent_at_us is not None and deed.duration_s is not None:
            self.sanction = "timeout"
            self.sanctioned_until = deed.sent_at_us + deed.duration_s * 1_000_000

    def strikes_at(self, now_us: int | None) -> int:
        """Return the strikes that have not expired."""
        if now_us is None:
            return len(self.strikes_until)
        return len(self.strikes_until) - bisect_right(self.strikes_until, now_us)

    def is_warned_at(self, now_us: int | None) -> bool:
        """Whether a warning still counts."""
        return self.warned_until is not None and (now_us is None or self.warned_until > now_us)

    def sanction_at(self, now_us: int | None) -> str | None:
        """Return the sanction that silences the user now: ban, timeout, or null."""
        if self.sanction == "timeout" and (now_us is None or now_us >= (self.sanctioned_until or 0)):
            return None
        return self.sanction


CLEAR = UserRecord()
"""The record of whoever was never warned or sanctioned; never written to."""

GOOD_STANDING = Standing(strikes=0, sanction=None)

DEEDS = ("warn", "delete", "timeout", "ban")
"""Actions that count against a user: warnings, and the sanctions above them, each a strike."""


class Standings:
    """The running fold: every user's record after the actions taken in so far."""

    def __init__(self) -> None:
        self._records: dict[UserKey, UserRecord] = {}

    def record_of(self, channel: str, user_id: str | None) -> UserRecord:
        """Return the user's record; a comment without a user has a clear one."""
        if user_id is None:
            return CLEAR
        return self._records.get((channel, user_id), CLEAR)

    def standing_of(self, channel: str, user_id: str | None, now_us: int | None) -> Standing:
        """Return the user's standing as of now."""
        record = self.record_of(channel, user_id)
        if record is CLEAR:
            return GOOD_STANDING
        return Standing(record.strikes_at(now_us), record.sanction_at(now_us))

    def take_in(self, channel: str, user_id: str | None, deed: Deed) -> None:
        """Fold one row of the action log in; only deeds count, and only against somebody."""
        if user_id is not None and deed.action in DEEDS:
            self._records.setdefault((channel, user_id), UserRecord()).take_in(deed)


def fold_actions(action_log: pl.DataFrame) -> pl.DataFrame:
    """Return the table user_state of a run: one row per user of a channel, as of the user's last comment.

    Rows come by position, whatever the log's order. Comments without a user are one row per channel, with a
    null `user_id` and no standing to lose.
    """
    log = action_log if action_log["position"].is_sorted() else action_log.sort("position")
    counts = log.group_by("channel", "user_id", maintain_order=True).agg(
        pl.col("chat", "config").first(),
        pl.col("user_name").drop_nulls().last(),
        comments=pl.len().cast(pl.Int64),
        warnings=_count("warn"),
        deletions=_count("delete"),
        timeouts=_count("timeout"),
        bans=_count("ban"),
        replies=_count("reply"),
        under_sanction=pl.col("under_sanction").sum().cast(pl.Int64),
        undecided=_count("undecided"),
        first_seen=pl.col("sent_at").min(),
        last_seen=pl.col("sent_at").max(),
        now_us=pl.col("sent_at").last().dt.timestamp("us"),
    )
    return (
        counts.with_row_index("user")
        .join(_standing_now(counts, _replayed(log)), on="user", how="left", maintain_order="left")
        .with_columns(
            pl.col("strikes").fill_null(0),
            pl.col("standing").fill_null("good"),
            pl.from_epoch("sanctioned_until", time_unit="us").dt.replace_time_zone("UTC"),
        )
        .select(list(USER_STATE.schema))
        .match_to_schema(USER_STATE.schema)
    )


def _standing_now(counts: pl.DataFrame, standings: Standings) -> pl.DataFrame:
    """Return how those stand who did anything that counts, as of their last comments: most users never do."""
    did = pl.sum_horizontal("warnings", "deletions", "timeouts", "bans") > 0
    known = counts.select("channel", "user_id", "now_us", did=did).with_row_index("user")
    rows = [
        (user, *_standing_columns(standings.record_of(channel, user_id), now_us))
        for user, channel, user_id, now_us, _ in known.filter("did").iter_rows()
    ]
    return pl.DataFrame(rows, schema=_STANDING_SCHEMA, orient="row")


def _count(action: str) -> pl.Expr:
    return (pl.col("action") == action).sum().cast(pl.Int64)


def _replayed(log: pl.DataFrame) -> Standings:
    deeds = log.filter(pl.col("action").is_in(DEEDS)).select(
        "channel",
        "user_id",
        "action",
        pl.col("sent_at").dt.timestamp("us"),
        "duration_s",
        pl.col("counts_until").dt.timestamp("us"),
    )
    standings = Standings()
    for channel, user_id, *deed in deeds.iter_rows():
        standings.take_in(channel, user_id, Deed(*deed))
    return standings


_STANDING_SCHEMA = {
    "user": pl.UInt32,
    "strikes": pl.Int64,
    "standing": pl.String,
    "sanctioned_until": pl.Int64,
}


def _standing_columns(record: UserRecord, now_us: int | None) -> tuple[int, str, int | None]:
    strikes = record.strikes_at(now_us)
    sanction = record.sanction_at(now_us)
    if sanction is not None:
        until = record.sanctioned_until if sanction == "timeout" else None
        return strikes, {"ban": "banned", "timeout": "timed_out"}[sanction], until
    return strikes, "warned" if strikes or record.is_warned_at(now_us) else "good", None
