"""What a head would have said of the audits it learns from, had it not learnt from them: predictions by fold.

While audits are few, predictions made before each audit are of heads that knew next to nothing, and there are none
of the first. Each fold's predictions here are made by a head fitted on the other folds (Stone 1974,
doi:10.1111/j.2517-6161.1974.tb00994.x). A text is in one fold, however often it was said: a head that has seen a
text knows it by heart. What is made of the predictions is `head_learning.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from moderation_pipeline.agents.learned.calibration import platt
from moderation_pipeline.agents.learned.head import Strengths, Way, gate_to_fit
from moderation_pipeline.agents.learned.linear_fits import CELLS_TOGETHER, Linear, fitted
from moderation_pipeline.agents.learned.model_snapshot import ALWAYS_LEARNT
from moderation_pipeline.agents.learned.reading.row_blocks import Cells

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FOLDS = 5

LEAST_OF_A_KIND = 5
"""Audits of the rarer kind, below which folds say nothing."""


WAYS = tuple(Way(share, reads_conduct=reads) for reads in (False, True) for share in (1.0, 0.0))
"""Of equals the first is taken."""


SURE = 2.0
"""Standard errors of the gain in likelihood from which on it isn't chance's. twitch_dev has 3.6 at 28 violations."""


class CrossFitted(NamedTuple):
    """Scores by heads that had not seen the case, not a number where there is none; and the better way to fit."""

    scores: Floats
    way: Way


class Folds:
    """Deals texts to folds in the order in which they came, each kind in turn."""

    def __init__(self) -> None:
        self._of_text: dict[str, int] = {}
        self._dealt = {True: 0, False: 0}

    def of(self, text: str, *, is_violation: bool) -> int:
        """Return the fold of a text."""
        known = self._of_text.get(text)
        if known is None:
            known = self._of_text[text] = self._dealt[is_violation] % FOLDS
            self._dealt[is_violation] += 1
        return known


def cross_fitted(
    rows: csr_matrix,
    is_violation: Flags,
    folds: NDArray[np.int64],
    weights: Floats,
    strengths: Strengths,
    *,
    reads_conduct: bool,
) -> CrossFitted | None:
    """Return what heads say of the folds they were not fitted on; null while there are too few of either kind.

    Whether who writes and how is read is as given, unless folds show that the other way is better.

    `weights` are 1 / audit probability, by which predictions are calibrated. The way to fit is the one whose
    calibrated predictions are the likelier, each audit counting once, as it does in a fit: weighted, the few that
    chance drew drown the others, and where violations are rare nothing is shown for thousands of audits.
    """
    own = folds != ALWAYS_LEARNT
    violations = int(is_violation[own].sum())
    if min(violations, int(own.sum()) - violations) < LEAST_OF_A_KIND:
        return None
    ways = [way for way in WAYS if strengths.text is not None or not way.text_share]
    parts = [(np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)) for fold in range(FOLDS)]
    if any(not len(out) or len(set(is_violation[rest].tolist())) < 2 for out, rest in parts):
        return None
    # Large ones are fitted one by one anyway, and all folds of them at once would take up memory.
    at_once = FOLDS if rows.nnz < CELLS_TOGETHER else 1
    found = {way: np.full(len(folds), np.nan) for way in ways}
    for begin in range(0, FOLDS, at_once):
        some = parts[begin : begin + at_once]
        fits = _fitted_ways(rows, is_violation, [rest for _, rest in some], strengths)
        for (out, _), (without, with_conduct, *text) in zip(some, fits, strict=True):
            asked = Cells.of(rows[out])
            for way, scores in found.items():
                everything = with_conduct if way.reads_conduct else without
                scores[out] = everything.beside(text[0] if text else None, way.text_share).scores(asked)[:, 0]
    losses = {way: _losses(found[way][own], is_violation[own], weights[own]) for way in ways}
    best = _likeliest(losses, reads_conduct=reads_conduct)
    return CrossFitted(found[best], best)


def _fitted_ways(
    rows: csr_matrix, is_violation: Flags, learnt: Sequence[NDArray[np.int64]], strengths: Strengths
) -> list[list[Linear]]:
    """Return of each choice of rows the fit on everything without conduct, that with it, and that on the text."""
    to_fit = [
        [
            each
            for way in (Way(0.0, reads_conduct=False), Way(1.0, reads_conduct=True))
            for each in gate_to_fit(rows[some], is_violation[some], strengths._replace(way=way))
        ]
        for some in learnt
    ]
    fits = iter(fitted([each for group in to_fit for each in group]))
    return [[next(fits) for _ in group] for group in to_fit]


def _likeliest(losses: Mapping[Way, Floats], *, reads_conduct: bool) -> Way:
    """Return the way of the least loss; the other side of `reads_conduct` only where chance makes no such gain."""
    best = {
        reads: min(
            (way for way in losses if way.reads_conduct == reads), key=lambda way: float(losses[way].mean())
        )
        for reads in (False, True)
    }
    gain = losses[best[reads_conduct]] - losses[best[not reads_conduct]]
    is_shown = bool(gain.mean() > SURE * gain.std() / sqrt(len(gain)))
    return best[reads_conduct != is_shown]


def _losses(scores: Floats, outcomes: Flags, weights: Floats) -> Floats:
    """Return - log likelihood of each after calibration; scores that rank the wrong way say nothing."""
    slope, intercept = platt(scores, outcomes, weights)
    if slope <= 0:
        rate = float(np.average(outcomes, weights=weights))
        return np.where(outcomes, -log(rate), -log(1 - rate))
    signed = np.where(outcomes, 1, -1) * (slope * scores + intercept)
    losses: Floats = np.logaddexp(0, -signed)
    return losses
