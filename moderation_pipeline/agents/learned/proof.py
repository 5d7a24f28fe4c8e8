"""What proves a head while audits are few: folds give it more F1 than its base has, whoever's audits are left out.

Who writes the same again and again, under one name or many, has some of it audited by chance. Where its base is wrong
about that line alone, and a head has learnt it, he would have proven the head, and taught it what to say of everybody.
So no one user proves a head, nor one text with its near-copies (the jackknife, Tukey 1958: what a sample says is
looked at without each of its parts). Where all audits are of one user, as in a log whose users are all called the
same, there is nobody else whom a head could wrong, and nothing is left to look at without him.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.statistics.weighted_audits import weighted_f1

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Answers(NamedTuple):
    """Of each audit whether head and base see a violation, whether it was one, and 1 / its probability."""

    head: Flags
    base: Flags
    truth: Flags
    weights: Floats


def is_proven(answers: Answers, *sources: Sequence[Hashable]) -> bool:
    """Return whether the head's F1 is higher than the base's, of all audits and without those of any one source.

    Each of `sources` says of every audit where it came from, in one sense of it; one that all came from tells nothing.
    """
    head, base, truth, weights = answers
    if weighted_f1(head, truth, weights) <= weighted_f1(base, truth, weights):
        return False
    return all(
        bool((_without(head, each, answers) > _without(base, each, answers)).all())
        for each in map(_numbered, sources)
        if each.any()
    )


def _numbered(sources: Sequence[Hashable]) -> NDArray[np.int64]:
    """Return the sources as numbers, in the order in which they came."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(source, len(numbers)) for source in sources])


def _without(said: Flags, of_source: NDArray[np.int64], answers: Answers) -> Floats:
    """Return F1 without each of the sources; 0 where nothing is hit."""
    _, _, truth, weights = answers
    hits = _of_others(of_source, weights * (said & truth))
    both = _of_others(of_source, weights * said + weights * truth)
    found: Floats = np.divide(2 * hits, both, out=np.zeros(len(hits)), where=hits > 0)
    return found


def _of_others(of_source: NDArray[np.int64], amounts: Floats) -> Floats:
    """Return the sum of all others for each; added up, for subtracted from the total nothing would not be 0."""
    sums = np.bincount(of_source, amounts).astype(np.float64)
    before, after = np.cumsum(sums), np.cumsum(sums[::-1])[::-1]
    others: Floats = np.concatenate([[0.0], before[:-1]]) + np.concatenate([after[1:], [0.0]])
    return others
