"""What a head knows of who writes a line and how: the aspects, and the steps in which each is read.

Of each aspect a line has one level, a byte: which step its number falls in, or that it isn't known. A linear head gives
each level a weight of its own, so that nothing need be monotonic, and says which one weighed. Steps are fixed: a head
that was learnt in one chat means the same in another.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Levels = NDArray[np.uint8]

LINES = (1, 2, 3, 4, 6, 9, 14, 21, 32, 50, 80, 130, 250, 500)
SECONDS = (1, 2, 3, 5, 8, 12, 18, 26, 40, 60, 90, 150, 300, 600, 1_200, 3_600, 10_800, 86_400)
SHARES = (0.0001, 0.003, 0.01, 0.03, 0.06, 0.1, 0.15, 0.22, 0.3, 0.4, 0.5, 0.65, 0.8, 0.95)
LENGTHS = (2, 4, 6, 8, 11, 15, 20, 26, 34, 45, 60, 80, 110, 150, 220, 350)
FEW = (1, 2, 3, 4, 6, 9, 14, 21)
YES = (1,)


class Aspect(NamedTuple):
    """A number about a line: its key, what it is called, and the steps in which it is read."""

    key: str
    name: str
    steps: tuple[float, ...]

    @property
    def levels(self) -> int:
        """How many levels there are: one more than steps, and one for what isn't known."""
        return len(self.steps) + 2

    @property
    def level_names(self) -> list[str]:
        """What each level is called where a decision is explained."""
        between = [f"{low:g} to {high:g}" for low, high in pairwise(self.steps)]
        steps = (f"under {self.steps[0]:g}", *between, f"{self.steps[-1]:g} or more", "unknown")
        return [f"{self.name}: {step}" for step in steps]

    def levels_of(self, values: Floats) -> Levels:
        """Return the level of each value; what is not a number isn't known."""
        found = np.searchsorted(self.steps, values, side="right").astype(np.uint8)
        found[np.isnan(values)] = len(self.steps) + 1
        return found


ASPECTS = (
    Aspect("own_lines", "lines of the user before", LINES),
    Aspect("own_pause", "seconds since the user's last line", SECONDS),
    Aspect("own_pace", "seconds that the user's last 5 lines took", SECONDS),
    Aspect("others_between", "lines of others since the user's last", LINES),
    Aspect("own_length", "mean length of the user's lines before", LENGTHS),
    Aspect("own_repeating", "share of repeats among the user's lines before", SHARES),
    Aspect("own_same", "times the user said this before", FEW),
    Aspect("room_same", "times the channel said this before", LINES),
    Aspect("own_near", "times the user said nearly this before", FEW),
    Aspect("room_near", "times the channel said nearly this before", LINES),
    Aspect("own_same_pause", "seconds since the user said this", SECONDS),
    Aspect("room_same_pause", "seconds since the channel said this", SECONDS),
    Aspect("room_pace", "seconds that the channel's last 20 lines took", SECONDS),
    Aspect("room_foreign", "share of the channel's lines before with letters that aren't Latin", SHARES),
    Aspect("room_not_ascii", "share of the channel's lines before that aren't ASCII", SHARES),
    Aspect("room_language", "share of this language in the channel before", SHARES),
    Aspect("length", "characters", LENGTHS),
    Aspect("words", "words", LINES),
    Aspect("capitals", "share of capitals", SHARES),
    Aspect("not_ascii", "share of characters that aren't ASCII", SHARES),
    Aspect("foreign", "share of letters that aren't Latin", SHARES),
    Aspect("emotes", "share of words that look like emotes", SHARES),
    Aspect("digits", "digits", FEW),
    Aspect("links", "links", FEW),
    Aspect("mentions", "mentions", FEW),
    Aspect("command", "a command", YES),
    Aspect("asks", "asks", YES),
    Aspect("reply", "a reply", YES),
    Aspect("role", "subscriber 1, moderator 2, broadcaster 3", (1, 2, 3)),
)

WIDTH = sum(aspect.levels for aspect in ASPECTS)
OFFSETS = np.cumsum([0, *(aspect.levels for aspect in ASPECTS)], dtype=np.int32)[:-1]
"""Where the levels of each aspect begin among the columns of all."""

NOT_LOOKED_AT: Levels = np.full(len(ASPECTS), 255, dtype=np.uint8)
"""The levels of a case of which nobody looked: it has none of the columns."""


def conduct_names() -> list[str]:
    """Return the names of the columns: of all levels of all aspects."""
    return [name for aspect in ASPECTS for name in aspect.level_names]
