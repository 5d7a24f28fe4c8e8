"""The customs of a chat, read off its lines in stream order: what they show, as the fast rules count it.

What is counted is in `cases/customs.py`, what comes of it in `customary`. Nothing is read that a config did, and no
label: only the lines (law 8), each after it was looked up (law 1).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from moderation_pipeline.agents.keyless.customary import note_line
from moderation_pipeline.agents.keyless.evidence import LIKELY, Evidence, chances, gravest
from moderation_pipeline.agents.keyless.hate_reading import ABOUT, PREDICATES, hate_evidence
from moderation_pipeline.agents.keyless.reading import read
from moderation_pipeline.agents.keyless.signal_evidence import (
    KNOWN_AT_MOST,
    LONG_TEXT,
    MENTIONED,
    MOSTLY_SYMBOLS,
    SEVERAL,
    SHOUTING,
    WEIGHTS,
    WORDS_AGAIN,
    coarse,
    evidence_of,
)
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.customs import Custom, Customs, Place
from moderation_pipeline.plan import Category
from moderation_pipeline.text.names import emote_names
from moderation_pipeline.text.signals import Signals

SETTLED = 50
"""Lines from which a channel is under way, and who never wrote in it is new to it rather than it to us."""

ATTACK = Evidence(Category.HATE, max(PREDICATES.values()), "an attack on a group", ABOUT)
"""What only the careful rules see, and count as one."""

NAMING = ("identity", "origin", "slur")
"""The signals of a group that is named."""


class ChatCustoms:
    """What is customary at each line of a chat; `expected` is the share of violations that is expected in it."""

    def __init__(self, comments: pl.DataFrame, expected: float) -> None:
        self.expected = expected
        self._customs = Customs()
        self._noted = 0
        self._known: dict[tuple[float, ...], tuple[list[Evidence], bool]] = {}
        self._channels = comments["channel"].to_list()
        in_channel = comments.select(pl.col("channel").cum_count().over("channel") - 1).to_series()
        by_user = comments.select(pl.col("user_id").cum_count().over("channel", "user_id")).to_series()
        self._in_channel: NDArray[np.int64] = in_channel.to_numpy()
        self._is_newcomer: NDArray[np.bool_] = (
            (by_user == 1) & comments["user_id"].is_not_null() & (in_channel >= SETTLED)
        ).to_numpy()

    def custom_at(self, row: int) -> Custom:
        """Return what was customary before the line of that row, all of whose lines before were taken in."""
        place = Place(self._channels[row], int(self._in_channel[row]), row)
        return Custom(self._customs, place, self.expected, bool(self._is_newcomer[row]))

    def take_in(self, row: int, case: Case) -> None:
        """Count what the line of that row shows; once, and in stream order."""
        if row < self._noted:
            return
        self._noted = row + 1
        custom = self.custom_at(row)
        signals = case.signals
        evidence, is_likely = self._found_in(signals, is_newcomer=custom.is_newcomer)
        if (signals.identity or signals.origin or signals.slur) and _attacks(case):
            evidence, is_likely = [*evidence, ATTACK], True
        if evidence:
            note_line(self._customs, evidence, custom, is_likely=is_likely)

    def _found_in(self, signals: Signals, *, is_newcomer: bool) -> tuple[list[Evidence], bool]:
        """Return the evidence in the signals, and whether it makes a violation likely where it is rare."""
        key = (*coarse(signals), is_newcomer)
        found = self._known.get(key)
        if found is None:
            evidence = evidence_of(signals, is_newcomer=is_newcomer)
            found = evidence, gravest(chances(evidence))[1] >= LIKELY
            if len(self._known) < KNOWN_AT_MOST:
                self._known[key] = found
        return found


def _attacks(case: Case) -> bool:
    reading = read(case.normalised, case.language, emote_names(case.text))
    return any(piece.sign == ABOUT for piece in hate_evidence(reading, is_condemned=False))


def telling(signals: pl.DataFrame) -> list[bool]:
    """Return which lines may show anything that is counted: looking at each of the others would cost the most."""
    return signals.select(_telling()).to_series().to_list()


@cache
def _telling() -> pl.Expr:
    names = {weight.signal for weight in WEIGHTS} | set(NAMING)
    return pl.any_horizontal(
        *(pl.col(name) > 0 for name in Signals._fields if name in names),
        (pl.col("user_repeats") > 0) & (pl.col("words") >= WORDS_AGAIN),
        (pl.col("channel_repeats") >= SEVERAL) & (pl.col("words") >= LONG_TEXT),
        pl.col("mentions") >= MENTIONED,
        pl.col("symbol_share") > MOSTLY_SYMBOLS,
        pl.col("caps_share") > SHOUTING,
    )
