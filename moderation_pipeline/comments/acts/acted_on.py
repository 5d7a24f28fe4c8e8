"""Which comments an act may be about: by id, by user, by what it quotes, or all before it.

What an act makes of them is in `moderators.py`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from moderation_pipeline.comments.record import PlacedAct

ELLIPSES = ("…", "...")

LINES_LOOKED_AT = 2_000
"""Of a user's lines before an act. Nobody writes more within any bound that makes sense."""


class WrittenLine(NamedTuple):
    """A comment that an act may be about: where it is in the frame, its place in the log, its time."""

    at: int
    row: int
    sent_at: int | None

    def is_within(self, placed: PlacedAct, us: int, rows: int) -> bool:
        """Whether it was written so long before the act at most; by lines where one of the two has no time."""
        if self.sent_at is None or placed.act.at_us is None:
            return self.row >= placed.comments_before - rows
        return self.sent_at >= placed.act.at_us - us


class Stretch(NamedTuple):
    """Consecutive comments of the frame, those of one channel where one is named."""

    first: int
    end: int
    channel: str | None


SOMEWHERE = ""
"""Stands for the channel of lines that name none, as no channel is called; None stands for all channels."""

Lines = dict[tuple[str | None, str], list[WrittenLine]]


class ActedOn:
    """The comments that any act could be about, by id and by user; of a large log only a small part."""

    def __init__(self, comments: pl.DataFrame, acts: Sequence[PlacedAct]) -> None:
        self._comments = comments
        self._by_id: dict[str, int] = {}
        self._by_user: Lines = defaultdict(list)
        self._by_name: Lines = defaultdict(list)
        self._rows = comments["row"].to_numpy()
        self._index_ids(acts)
        self._index_users(acts)

    def by_id(self, comment_id: str) -> int | None:
        """Return where the comment of that id is in the frame."""
        return self._by_id.get(comment_id)

    def lines_before(self, placed: PlacedAct) -> list[WrittenLine]:
        """Return the lines of the act's user in its channel before it, oldest first."""
        act = placed.act
        lines = _lines_of(self._by_user, act.channel, act.user_id) if act.user_id is not None else []
        if not lines and act.user_name is not None:
            lines = _lines_of(self._by_name, act.channel, act.user_name.lower())
        end = bisect_left(lines, placed.comments_before, key=_row)
        return lines[max(end - LINES_LOOKED_AT, 0) : end]

    def quoted(self, placed: PlacedAct, lines: Sequence[WrittenLine]) -> int | None:
        """Return where the last of the lines is that says what the act quotes."""
        if not placed.act.quoted:
            return None
        texts = self._comments["text"]
        return next((line.at for line in reversed(lines) if _says(texts[line.at], placed.act.quoted)), None)

    def timed(self, acts: Sequence[PlacedAct]) -> Iterator[PlacedAct]:
        """Yield the acts; one without a time has that of the comment before it, by its line."""
        times = self._comments["sent_at"]
        for placed in acts:
            before = self._place(placed) - 1 if placed.act.at_us is None else -1
            if before < 0 or times[before] is None:
                yield placed
            else:
                yield placed._replace(act=placed.act._replace(at_us=int(times[before])))

    def stretches(self, acts: Sequence[PlacedAct], us: int, rows: int) -> list[Stretch]:
        """Return what was written so long before acts at most, each stretch of a channel once."""
        if not acts:
            return []
        latest = np.maximum.accumulate(self._comments["sent_at"].fill_null(0).to_numpy())
        found: dict[str | None, list[Stretch]] = {}
        for placed in acts:
            end, at_us = self._place(placed), placed.act.at_us
            # A log without times, or an act before the first of them, is cut by lines.
            first = np.searchsorted(latest, at_us - us) if at_us is not None else max(end - rows, 0)
            stretch = Stretch(min(int(first), end), end, placed.act.channel)
            of_channel = found.setdefault(stretch.channel, [])
            if of_channel and of_channel[-1].end >= stretch.first:
                last = of_channel.pop()
                stretch = Stretch(min(last.first, stretch.first), max(last.end, end), stretch.channel)
            of_channel.append(stretch)
        return [stretch for stretches in found.values() for stretch in stretches]

    def mark(self, codes: NDArray[np.int8], code: int, first: int, end: int, channel: str | None) -> None:
        """Set the code of the comments of a stretch."""
        if channel is None:
            codes[first:end] = code
            return
        channels = self._comments["channel"].slice(first, end - first)
        is_meant = (channels == channel).fill_null(value=True).to_numpy()
        codes[first:end][is_meant] = code

    def _place(self, placed: PlacedAct) -> int:
        """Return how many comments of the frame stand before the act."""
        return int(np.searchsorted(self._rows, placed.comments_before))

    def _index_ids(self, acts: Sequence[PlacedAct]) -> None:
        ids = pl.Series([placed.act.comment_id for placed in acts], dtype=pl.String).drop_nulls()
        named = pl.col("comment_id").is_in(ids.implode())
        for at, comment_id in self._comments.select(places(named), pl.col("comment_id").filter(named)).rows():
            self._by_id[comment_id] = at

    def _index_users(self, acts: Sequence[PlacedAct]) -> None:
        users = pl.Series([placed.act.user_id for placed in acts], dtype=pl.String).drop_nulls()
        names = pl.Series([placed.act.user_name for placed in acts], dtype=pl.String).drop_nulls()
        lower = pl.col("user_name").str.to_lowercase()
        meant = pl.col("user_id").is_in(users.implode()) | lower.is_in(names.str.to_lowercase().implode())
        # An act that names no channel finds its user in whichever they wrote.
        is_anywhere = any(placed.act.channel is None for placed in acts)
        columns = pl.col("row", "sent_at", "channel", "user_id", "user_name").filter(meant)
        rows = self._comments.select(places(meant), columns).rows()
        for at, row, sent_at, channel, user_id, user_name in rows:
            line = WrittenLine(at, row, sent_at)
            of_channel = channel if channel is not None else SOMEWHERE
            for key in (of_channel, None) if is_anywhere else (of_channel,):
                if user_id is not None:
                    self._by_user[key, user_id].append(line)
                if user_name is not None:
                    self._by_name[key, user_name.lower()].append(line)


def _lines_of(lines: Lines, channel: str | None, user: str) -> list[WrittenLine]:
    """Return a user's lines in a channel, with those of which no channel is known: they may be of any."""
    of_channel = lines.get((channel, user), [])
    somewhere = lines.get((SOMEWHERE, user), []) if channel is not None else []
    return (
        sorted((*of_channel, *somewhere), key=_row) if of_channel and somewhere else of_channel or somewhere
    )


def _says(text: str, quoted: str) -> bool:
    """Whether a quotation, cut or whole, is of the text; a reply's log may have the other's name before it."""
    cut = next((quoted.removesuffix(end) for end in ELLIPSES if quoted.endswith(end)), None)
    said = [text, text.partition(" ")[2]] if text.startswith("@") else [text]
    if any(each.strip() == quoted.strip() for each in said):
        return True
    return bool(cut) and any(each.startswith(str(cut)) for each in said)


def places(where: pl.Expr) -> pl.Expr:
    """Return where something holds, as indexes."""
    return where.fill_null(value=False).arg_true().alias("at")


def _row(line: WrittenLine) -> int:
    return line.row
