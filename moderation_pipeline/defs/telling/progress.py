"""A run's progress in Dagster's log: a line per tenth, which costs an event each and no more."""

import time
from collections.abc import Callable, Sequence

from moderation_pipeline.cases.settled import Settled
from moderation_pipeline.moderation.trace import HowFar, RunObserver
from moderation_pipeline.slugs import RunKey

LINES = 10
SECONDS_BETWEEN_LINES = 5.0
"""A line is an event in the run's database; a run of a second needs none but its last."""


class LoggedProgress(RunObserver):
    """Says how far a run is, at every tenth of its comments but not more often than every few seconds."""

    def __init__(self, say: Callable[[str], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._run = ""
        self._how_far = HowFar()
        self._comments = self._tenths = 0
        self._said_at = 0.0

    def begins(self, chat: str, config: str, comments: int) -> None:
        """Begin to count."""
        self._run, self._comments = str(RunKey(chat, config)), comments
        self._how_far, self._tenths = HowFar(), 0
        self._said_at = self._clock()

    def settled(self, batch: Sequence[Settled]) -> None:
        """Count the batch, and say so where a tenth is full."""
        self._how_far = self._how_far.after(batch)
        tenths = LINES * self._how_far.comments // self._comments
        now = self._clock()
        if tenths > self._tenths and now - self._said_at >= SECONDS_BETWEEN_LINES:
            self._tenths, self._said_at = tenths, now
            self._say(self._told())

    def ends(self) -> None:
        """Say how many comments there were in the end."""
        self._say(self._told())

    def _told(self) -> str:
        far = self._how_far
        through = f"{far.comments:,} of {self._comments:,} comments through"
        return f"{self._run}: {through}, {far.audits:,} audited{far.undecided_told}"
