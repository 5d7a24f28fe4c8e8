"""What human moderators did, read as labels of the comments they did it about.

A log shows acts, not verdicts: a ban names a user, not a line. The rules by which an act becomes a label are
here; reading acts out of a format is in `readers/`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from moderation_pipeline.comments.record import ActKind, PlacedAct
from moderation_pipeline.plan import SEVERITY, Action

WINDOW_US = 120 * 1_000_000
"""A sanction is often about several lines. The user's others of this long before it are left unlabelled."""

WINDOW_LINES = 100
"""The same where the log has no times: lines of the log before the act."""

SOURCE = "moderators"
UNLABELLED = -1
ACTION_OF: Mapping[ActKind, Action] = {
    ActKind.BAN: Action.BAN,
    ActKind.TIMEOUT: Action.TIMEOUT,
    ActKind.DELETE: Action.DELETE,
    ActKind.WARN: Action.WARN,
    ActKind.APPROVE: Action.ALLOW,
}
Codes = NDArray[np.int8]
"""One severity per comment, or UNLABELLED."""


def labelled(comments: pl.DataFrame, acts: Sequence[PlacedAct]) -> pl.DataFrame:
    """Return the comments with label columns, `label_is_overturned` among them.

    `comments` are in the log's order, copies of shared chats still among them; `row` is a comment's place
    in the log as it was read. Without an act on a user or a comment, labels stay as they are: null, or a
    table's own. With one, every comment that nobody acted on is labelled `allow`, which means no more than
    that.
    """
    if not any(placed.act.kind in ACTION_OF for placed in acts):
        return comments.with_columns(pl.lit(None, pl.Boolean).alias("label_is_overturned"))
    codes = np.zeros(comments.height, np.int8)
    codes[comments["is_held"].to_numpy()] = UNLABELLED
    lookup = _Lookup(comments, acts)
    own: dict[int, int] = {}
    for placed in acts:
        if placed.act.kind in ACTION_OF:
            _label(placed, lookup, own, codes)
    codes[list(own)] = list(own.values())
    _share_with_originals(codes, comments)
    overturned = _overturned(acts, lookup, own, comments.height)
    return comments.with_columns(*_columns(codes), overturned.alias("label_is_overturned"))


class _Line(NamedTuple):
    """A comment that an act may be about: where it is in the frame, its place in the log, its time."""

    at: int
    row: int
    sent_at: int | None


Lines = dict[tuple[str | None, str], list[_Line]]


class _Lookup:
    """The comments that any act could be about, by id and by user; of a large log only a small part."""

    def __init__(self, comments: pl.DataFrame, acts: Sequence[PlacedAct]) -> None:
        self.by_id: dict[str, int] = {}
        self.by_user: Lines = defaultdict(list)
        self.by_name: Lines = defaultdict(list)
        ids = pl.Series([placed.act.comment_id for placed in acts], dtype=pl.String).drop_nulls()
        users = pl.Series([placed.act.user_id for placed in acts], dtype=pl.String).drop_nulls()
        names = pl.Series([placed.act.user_name for placed in acts], dtype=pl.String).drop_nulls()
        of_ids = pl.col("comment_id").is_in(ids.implode())
        for at, comment_id in comments.select(_places(of_ids), pl.col("comment_id").filter(of_ids)).rows():
            self.by_id[comment_id] = at
        of_users = pl.col("user_id").is_in(users.implode()) | pl.col("user_name").str.to_lowercase().is_in(
            names.str.to_lowercase().implode()
        )
        columns = pl.col("row", "sent_at", "channel", "user_id", "user_name").filter(of_users)
        for at, row, sent_at, channel, user_id, user_name in comments.select(
            _places(of_users), columns
        ).rows():
            line = _Line(at, row, sent_at)
            if user_id is not None:
                self.by_user[channel, user_id].append(line)
            if user_name is not None:
                self.by_name[channel, user_name.lower()].append(line)

    def lines_before(self, placed: PlacedAct) -> list[_Line]:
        """Return the lines of the act's user in its channel before it, oldest first."""
        act = placed.act
        lines = self.by_user.get((act.channel, act.user_id)) if act.user_id is not None else None
        if not lines and act.user_name is not None:
            lines = self.by_name.get((act.channel, act.user_name.lower()))
        return lines[: bisect_left(lines, placed.comments_before, key=_row)] if lines else []


def _places(where: pl.Expr) -> pl.Expr:
    return where.fill_null(value=False).arg_true().alias("at")


def _row(line: _Line) -> int:
    return line.row


def _label(placed: PlacedAct, lookup: _Lookup, own: dict[int, int], codes: Codes) -> None:
    """Label what the act is about; the severest act on a comment is its label."""
    severity = SEVERITY[ACTION_OF[placed.act.kind]]
    if placed.act.comment_id is not None:
        at = lookup.by_id.get(placed.act.comment_id)
        if at is not None:
            own[at] = max(severity, own.get(at, 0))
        return
    lines = lookup.lines_before(placed)
    if not lines:
        return
    own[lines[-1].at] = max(severity, own.get(lines[-1].at, 0))
    for line in reversed(lines[:-1]):
        if not _is_recent(line, placed):
            break
        codes[line.at] = UNLABELLED


def _is_recent(line: _Line, placed: PlacedAct) -> bool:
    if line.sent_at is None or placed.act.at_us is None:
        return line.row >= placed.comments_before - WINDOW_LINES
    return line.sent_at >= placed.act.at_us - WINDOW_US


def _share_with_originals(codes: Codes, comments: pl.DataFrame) -> None:
    """Give what was done about a copy to its original too, if that is a line of this chat."""
    if "shared_from" not in comments.columns:
        return
    copies = comments.select("shared_from").with_row_index("copy").filter(pl.col("shared_from").is_not_null())
    is_shared = pl.col("comment_id").is_in(copies["shared_from"].implode())
    originals = comments.select(_places(is_shared), pl.col("comment_id").filter(is_shared))
    pairs = copies.join(originals, left_on="shared_from", right_on="comment_id", maintain_order="left")
    for copy, original in pairs.select("copy", "at").rows():
        is_severer = codes[copy] > max(codes[original], 0)
        if is_severer or (codes[copy] == UNLABELLED and codes[original] == 0):
            codes[original] = codes[copy]


def _overturned(acts: Sequence[PlacedAct], lookup: _Lookup, own: Mapping[int, int], height: int) -> pl.Series:
    """Mark the last comment for which a user was timed out or banned before their unban was granted."""
    marks = np.zeros(height, np.bool_)
    for placed in acts:
        if placed.act.kind is ActKind.OVERTURN:
            lines = reversed(lookup.lines_before(placed))
            silenced = next((line.at for line in lines if own.get(line.at, 0) >= SILENCES), None)
            if silenced is not None:
                marks[silenced] = True
    return pl.Series(marks)


SILENCES = SEVERITY[Action.TIMEOUT]


def _columns(codes: Codes) -> list[pl.Expr]:
    """Turn severities into the label columns. A moderator's act says no category."""
    code = pl.lit(pl.Series(codes))
    names = {severity: action.value for action, severity in SEVERITY.items()}
    has_label = code != UNLABELLED
    return [
        code.replace_strict(names, default=None, return_dtype=pl.String).alias("label_action"),
        pl.lit(None, pl.String).alias("label_category"),
        pl.when(has_label).then(code > 0).alias("label_is_violation"),
        pl.when(has_label).then(pl.lit(SOURCE)).alias("label_source"),
    ]
