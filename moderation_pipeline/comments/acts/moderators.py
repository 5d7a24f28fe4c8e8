"""What human moderators did, read as labels of the comments they did it about.

A log shows acts, not verdicts: a ban names a user, not a line. The rules by which an act becomes a label are
here; finding the comments that it may be about is in `acted_on.py`, reading acts out of a format in
`readers/`. One rule is above the others: a comment that an act may be about is never called allowed. Where
it can't be known whether it is, the comment is left unlabelled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from moderation_pipeline.comments.acts.acted_on import ActedOn, WrittenLine, places
from moderation_pipeline.comments.log_spec import LogSpec
from moderation_pipeline.comments.record import ActKind, PlacedAct
from moderation_pipeline.plan import SEVERITY, Action

WINDOW_US = 120 * 1_000_000
"""A sanction is often about several lines. The user's others of this long before it are left unlabelled."""

WINDOW_LINES = 100
"""The same where the log has no times: lines of the log before the act."""

BOUND_LINES = 500
"""What stands for the bound where the log has no times: lines of the log before the act."""

LIFT_US = 60 * 1_000_000
"""Who lifts a ban this soon takes it back; later its time is over, or grace was given."""

LIFT_LINES = 20

SOURCE = "moderators"
ACTION_OF: Mapping[ActKind, Action] = {
    ActKind.BAN: Action.BAN,
    ActKind.TIMEOUT: Action.TIMEOUT,
    ActKind.DELETE: Action.DELETE,
    ActKind.WARN: Action.WARN,
    ActKind.APPROVE: Action.ALLOW,
}
SILENCED = 2 * SEVERITY[Action.TIMEOUT] - 1
CODE_OF: Mapping[ActKind, int] = {
    **{kind: 2 * SEVERITY[action] for kind, action in ACTION_OF.items()},
    ActKind.SILENCE: SILENCED,
}
"""Each severity twice, so that a silence (a timeout at least) has a place between a deletion and a timeout."""

UNLABELLED = -1
"""Nobody decided about it."""

UNSURE = -2
"""A moderator may have meant it."""

Codes = NDArray[np.int8]
"""One of CODE_OF per comment, or UNLABELLED, or UNSURE."""


class Own(NamedTuple):
    """What was done about one comment: the severest act, and where that stands."""

    code: int
    placed: PlacedAct


def labelled(comments: pl.DataFrame, acts: Sequence[PlacedAct], spec: LogSpec | None = None) -> pl.DataFrame:
    """Return the comments with label columns, `label_is_overturned` among them.

    `comments` are in the log's order, copies of shared chats still among them; `row` is a comment's place
    in the log as it was read. Without an act that labels, labels stay as they are: null, or a table's own.
    With one, every comment that no act may be about is labelled `allow`, which means no more than that.
    """
    if not any(placed.act.kind in CODE_OF for placed in acts):
        return comments.with_columns(pl.lit(None, pl.Boolean).alias("label_is_overturned"))
    judge = _Judge(comments, acts, spec if spec is not None else LogSpec())
    for placed in judge.acted_on.timed(acts):
        judge.take(placed)
    codes = judge.codes()
    _share_with_originals(codes, comments)
    return comments.with_columns(*_columns(codes), pl.Series("label_is_overturned", judge.overturned))


class _Judge:
    """Goes through the acts in their order, and remembers what they say of which comment."""

    def __init__(self, comments: pl.DataFrame, acts: Sequence[PlacedAct], spec: LogSpec) -> None:
        self.acted_on = ActedOn(comments, acts)
        self.overturned = np.zeros(comments.height, np.bool_)
        self._bound_us = spec.act_bound_us
        self._is_held = comments["is_held"].to_numpy()
        self._own: dict[int, Own] = {}
        self._unsure: set[int] = set()
        self._all_of: list[PlacedAct] = []

    def take(self, placed: PlacedAct) -> None:
        """Take in an act."""
        act = placed.act
        match act.kind:
            case ActKind.NO_LABEL:
                return
            case ActKind.LIFT | ActKind.OVERTURN:
                self._lift(placed)
            case ActKind.CLEAR:
                self._all_of.append(placed)
            case _ if act.comment_id is not None:
                self._on_comment(placed, self.acted_on.by_id(act.comment_id))
            case _ if act.user_id is None and act.user_name is None:
                self._all_of.append(placed)
            case _:
                self._on_user(placed)

    def codes(self) -> Codes:
        """Return what is known of each comment; an act on the comment itself says more than a doubt."""
        codes = np.zeros(len(self._is_held), np.int8)
        codes[self._is_held] = UNLABELLED
        for first, last, channel in self.acted_on.stretches(self._all_of, self._bound_us, BOUND_LINES):
            self.acted_on.mark(codes, UNSURE, first, last, channel)
        codes[list(self._unsure)] = UNSURE
        codes[list(self._own)] = [own.code for own in self._own.values()]
        return codes

    def _on_comment(self, placed: PlacedAct, at: int | None) -> None:
        """Label the comment; the severest act on it is its label."""
        if at is None:
            return
        code = CODE_OF.get(placed.act.kind)
        if code is None:
            self._unsure.add(at)
        elif at not in self._own or code >= self._own[at].code:
            self._own[at] = Own(code, placed)

    def _on_user(self, placed: PlacedAct) -> None:
        """Label what the user wrote last, if that is recent enough to be what the act is about."""
        lines = self.acted_on.lines_before(placed)
        if not lines:
            return
        if placed.act.kind is ActKind.DELETE:
            at = self.acted_on.quoted(placed, lines)
            if at is not None:
                self._on_comment(placed, at)
            else:
                self._doubt_all(lines, placed)
        elif placed.act.kind not in CODE_OF:
            self._doubt_all(lines, placed)
        elif self._is_bound(lines[-1], placed):
            self._on_comment(placed, lines[-1].at)
            self._doubt(_while_within(lines[:-1], placed, WINDOW_US, WINDOW_LINES))
        else:
            # Too old to be surely what the act is about, and nothing newer is there: who knows what is.
            last = PlacedAct(placed.act._replace(at_us=lines[-1].sent_at), lines[-1].row + 1)
            self._doubt(_while_within(lines, last, WINDOW_US, WINDOW_LINES))

    def _is_bound(self, line: WrittenLine, placed: PlacedAct) -> bool:
        return line.is_within(placed, self._bound_us, BOUND_LINES)

    def _doubt_all(self, lines: Sequence[WrittenLine], placed: PlacedAct) -> None:
        """Leave unlabelled what the user wrote within the bound, and the last line however old it is."""
        self._doubt(lines[-1:])
        self._doubt(line for line in lines if self._is_bound(line, placed))

    def _doubt(self, lines: Iterable[WrittenLine]) -> None:
        self._unsure.update(line.at for line in lines)

    def _lift(self, placed: PlacedAct) -> None:
        """Mark the last comment for which the user was silenced, if this takes that back."""
        lines = reversed(self.acted_on.lines_before(placed))
        silenced = next((line.at for line in lines if self._is_silenced(line.at)), None)
        if silenced is None:
            return
        if placed.act.kind is ActKind.OVERTURN:
            self.overturned[silenced] = True
        elif _is_soon(self._own[silenced].placed, placed):
            self.overturned[silenced] = True
            del self._own[silenced]
            self._unsure.add(silenced)

    def _is_silenced(self, at: int) -> bool:
        return at in self._own and self._own[at].code >= SILENCED


def _while_within(lines: Sequence[WrittenLine], placed: PlacedAct, us: int, rows: int) -> list[WrittenLine]:
    """Return the last of the lines, as far as they go back without a gap out of the window."""
    first = len(lines)
    while first > 0 and lines[first - 1].is_within(placed, us, rows):
        first -= 1
    return list(lines[first:])


def _is_soon(silence: PlacedAct, lift: PlacedAct) -> bool:
    if silence.act.at_us is None or lift.act.at_us is None:
        return lift.comments_before - silence.comments_before <= LIFT_LINES
    return lift.act.at_us - silence.act.at_us <= LIFT_US


def _share_with_originals(codes: Codes, comments: pl.DataFrame) -> None:
    """Give what was done about a copy to its original too, if that is a line of this chat."""
    if "shared_from" not in comments.columns:
        return
    copies = comments.select("shared_from").with_row_index("copy").filter(pl.col("shared_from").is_not_null())
    is_shared = pl.col("comment_id").is_in(copies["shared_from"].implode())
    originals = comments.select(places(is_shared), pl.col("comment_id").filter(is_shared))
    pairs = copies.join(originals, left_on="shared_from", right_on="comment_id", maintain_order="left")
    for copy, original in pairs.select("copy", "at").rows():
        is_severer = codes[copy] > max(codes[original], 0)
        if is_severer or (codes[copy] < 0 and codes[original] == 0):
            codes[original] = codes[copy]


def _columns(codes: Codes) -> list[pl.Expr]:
    """Turn codes into the label columns. A moderator's act says no category, a silence no action."""
    code = pl.lit(pl.Series(codes))
    names = {CODE_OF[kind]: action.value for kind, action in ACTION_OF.items()}
    has_label = code >= 0
    return [
        code.replace_strict(names, default=None, return_dtype=pl.String).alias("label_action"),
        pl.lit(None, pl.String).alias("label_category"),
        pl.when(has_label).then(code > 0).alias("label_is_violation"),
        pl.when(code != UNLABELLED).then(pl.lit(SOURCE)).alias("label_source"),
    ]
