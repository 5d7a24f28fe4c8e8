"""What raters' labels would be without their errors, from how often two and three of them say yes to the same item.

If raters err alike, and independently of each other once the truth is given, the number of yeses to an item is a
mixture of two binomials, and three moments tell its three numbers: how common violations are, and how often one rater
says yes to a violation and to an innocent item (Blischke 1962, Ann. Math. Statist. 33:444; Dawid & Skene 1979 for
raters who differ). A test's rates against one such rater then give its rates against the truth, as Rogan and Gladen
(1978, Am. J. Epidemiol. 107:71) correct a prevalence. Hard items make raters err together, which this takes for
agreement about the truth: it then corrects too little.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from moderation_pipeline.statistics.bootstrap import Array

LEAST_RATERS = 3


def yes_moments(votes: npt.NDArray[np.float64], yes: npt.NDArray[np.float64]) -> tuple[Array, Array, Array]:
    """Return of each item how often one, two, three of its raters, drawn without return, all say yes."""
    one = yes / votes
    two = one * (yes - 1) / (votes - 1)
    return one, two, two * (yes - 2) / (votes - 2)


class Raters(NamedTuple):
    """How common violations are; how often a rater says yes to one (`hits`), and to what is none (`false_alarms`)."""

    prevalence: Array
    hits: Array
    false_alarms: Array


def raters_of(one: Array, two: Array, three: Array) -> Raters:
    """Return the mixture with those moments; nan where none has them.

    Both rates are roots of x² - sum x + product, of which each moment is the last two's combination. Raters are taken
    to be right more often than wrong: the larger root is of violations.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        total = (three - one * two) / (two - one**2)
        product = total * one - two
        root = np.sqrt(total**2 / 4 - product)
        hits, false_alarms = np.minimum(total / 2 + root, 1.0), np.maximum(total / 2 - root, 0.0)
        prevalence = (one - false_alarms) / (hits - false_alarms)
    fits = (prevalence > 0) & (prevalence < 1) & (hits > false_alarms)
    return Raters(*(np.where(fits, each, np.nan) for each in (prevalence, hits, false_alarms)))


class Corrected(NamedTuple):
    """What a judge is worth against the truth."""

    precision: Array
    recall: Array
    f1: Array


def corrected(raters: Raters, flagged: Array, flagged_and_yes: Array) -> Corrected:
    """Return precision, recall and F1 of a judge who flags that share, and that share together with one rater's yes.

    He too is taken to err independently of the raters.
    """
    prevalence, hits, false_alarms = raters
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (flagged_and_yes - false_alarms * flagged) / (hits - false_alarms)
        found = np.clip(found, 0.0, np.minimum(flagged, prevalence))
        return Corrected(found / flagged, found / prevalence, 2 * found / (flagged + prevalence))
