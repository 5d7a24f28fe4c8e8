"""The root of every error that a user can do something about.

    ModerationError
    ├── BadSlugError, ConfigError        names and configs
    └── each room's own                  declared in the room that raises them

Each words itself as culprit, got, allowed, fix. The terminal prints such an error without a traceback;
whatever else comes up is a bug of ours, and is said to be one.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class ModerationError(ValueError):
    """Something a user gave or lacks; its text says what, and what to do about it."""

    is_lasting: ClassVar[bool] = False
    """Whether trying again at once is known to end as this did."""

    was_tried: ClassVar[bool] = False
    """Whether what was asked was in order, and failed when it was carried out: by a server, say."""


def closest(name: str, allowed: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" where something allowed is close to `name`, else nothing."""
    folded = {each.casefold(): each for each in reversed(list(allowed))}
    close = get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    return f" Did you mean {folded[close[0]]!r}?" if close else ""
