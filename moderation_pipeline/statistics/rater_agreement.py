"""Krippendorff's alpha of a label that is yes or no: how far annotators agree beyond chance, from sums over items.

Sums, because then items are resampled as every other estimate's rows are. The kept package (`krippendorff`) is under
the GPL and gives no interval, so the coefficient is here (Krippendorff 2011, "Computing Krippendorff's
Alpha-Reliability"; tested against his examples). Items with fewer than two labels say nothing.
"""

from __future__ import annotations

import numpy as np

from moderation_pipeline.statistics.bootstrap import Array

ALPHA_SUMS = ("labels", "yes", "unequal")
"""What an item adds: its labels, those that say yes, and its pairs of unequal ones over its labels less one."""


def alpha_sums(labels: Array, yes: Array) -> dict[str, Array]:
    """Return ALPHA_SUMS of items, each with so many labels and so many that say yes."""
    paired = labels >= 2
    unequal = np.divide(2 * yes * (labels - yes), labels - 1, out=np.zeros_like(yes), where=paired)
    return {"labels": labels * paired, "yes": yes * paired, "unequal": unequal}


def alpha(sums: dict[str, Array]) -> Array:
    """Return 1 - observed / expected disagreement; nan where all labels are the same."""
    labels, yes = sums["labels"], sums["yes"]
    expected = 2 * yes * (labels - yes)
    ratio = np.divide(
        sums["unequal"] * (labels - 1), expected, out=np.full_like(labels, np.nan), where=expected > 0
    )
    return np.asarray(1 - ratio, dtype=np.float64)
