"""Cohen's kappa (1960): how far two say the same beyond what chance would have them, and what each row adds to that."""

from __future__ import annotations

import numpy as np

from moderation_pipeline.statistics.ranking import Area, Flags


def cohens_kappa(said: Flags, label: Flags) -> Area | None:
    """Return kappa of two verdicts on the same rows, and each row's influence; null where one of them never varies.

    The influences are the derivatives by the rows' weights (the delta method), so that kappa is resampled with users
    and texts at the price of a sum, as the areas of `ranking` are.
    """
    if not said.size:
        return None
    same, says, labels = (float(np.mean(each)) for each in (said == label, said, label))
    by_chance = says * labels + (1 - says) * (1 - labels)
    if not (0 < says < 1 or 0 < labels < 1):
        return None
    kappa = (same - by_chance) / (1 - by_chance)
    of_chance = (2 * labels - 1) * (said - says) + (2 * says - 1) * (label - labels)
    influence = ((said == label) - same - (1 - kappa) * of_chance) / (1 - by_chance)
    return Area(kappa, np.asarray(influence / said.size, dtype=np.float64))
