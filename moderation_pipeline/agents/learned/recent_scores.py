"""The scores of recent comments, and which of them an audit decided: what a threshold is chosen over.

A threshold decides what no audit does. Chosen over all comments alike it would be that of a Student without audits,
which acts on whatever is likelier than most: where violations are rare, on little but harmless lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WINDOW = 4_096
"""Recent comments over which a threshold is chosen."""


class Alone(NamedTuple):
    """Scores, and for how many comments each stands: of those that no audit decides, and of those that one does."""

    scores: Floats
    alone: Floats
    audited: Floats

    @classmethod
    def everywhere(cls, scores: Floats, comments: Floats | None = None) -> Alone:
        """Return what a threshold decides about where no audit decides anything: one comment a score, or so many."""
        return cls(scores, np.ones(len(scores)) if comments is None else comments, np.zeros(len(scores)))

    @classmethod
    def beside_audits(cls, scores: Floats, weights: Floats) -> Alone:
        """Return what audits stand for: each, of `weights` comments, for itself and for others that had none."""
        return cls(scores, np.maximum(weights - 1, 0), np.ones(len(scores)))


class RecentScores:
    """Keeps the latest scores, and which of their comments an audit decides."""

    def __init__(self) -> None:
        self._comments: list[str] = []
        self._scores: Floats = np.empty(0)
        self._audited: set[str] = set()

    def __len__(self) -> int:
        return len(self._scores)

    @property
    def scores(self) -> Floats:
        """The scores, the oldest first."""
        return self._scores

    @property
    def ranked(self) -> Floats:
        """The scores, the lowest first."""
        return np.sort(self._scores)

    def take_in(self, comments: Iterable[str], scores: Sequence[float] | Floats) -> None:
        """Take in what was just scored, by the comments' ids: each is scored once."""
        # Once a batch: an array of so many is copied faster than one of them is looked for in a dictionary.
        self._comments = [*self._comments, *comments][-WINDOW:]
        self._scores = np.concatenate([self._scores, scores])[-WINDOW:]

    def audited(self, comment: str) -> None:
        """Take note that an audit decides a comment; of one scored too long ago it is soon forgotten."""
        self._audited.add(comment)
        if len(self._audited) > WINDOW:
            self._audited.intersection_update(self._comments)

    @property
    def alone(self) -> Alone:
        """What a threshold decides about."""
        audited = np.array([comment in self._audited for comment in self._comments], dtype=np.float64)
        return Alone(self.scores, 1 - audited, audited)
