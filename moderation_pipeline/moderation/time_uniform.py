"""A time-uniform upper bound on how many errors a stream holds, when each comment is audited by chance.

Comment i is audited with a known probability p_i, whatever came before; e_i says whether the decision was an
error, A_i whether it was audited. For every θ with 1 - exp(-θ) ≤ min p_i, the product over i of

    exp(θ e_i) · (1 - A_i e_i (1 - exp(-θ)) / p_i)

is a test martingale: each factor has mean 1 given the past (E[A_i] = p_i), however e_i came about, so the Student
may learn and the errors may drift. A mixture of such products over several θ is one too, and by Ville's
inequality it stays below 1/α for ever with probability 1 - α. Solved for S = Σ e_i, that bounds the number of
errors so far, at every look at once. It is the betting construction of Waudby-Smith & Ramdas 2024
(doi:10.1093/jrsssb/qkad009), with inverse-probability weights as in Waudby-Smith, Wu, Ramdas, Karampatziakis &
Mineiro 2022 (arXiv:2210.10768), for a finite population's total. Clopper-Pearson would hold only for a frozen
Student, equal p and one look.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, log

import numpy as np
from numpy.typing import NDArray

BETS = (0.999, 0.8, 0.6, 0.4, 0.2, 0.1, 0.05)
"""Bets as shares of the least audit probability: a large one is sharpest while no error is found, a small one
where many are. A bet of all of it would be bankrupt at the first error."""

WEIGHTS = (0.5, *[0.5 / (len(BETS) - 1)] * (len(BETS) - 1))
"""Half of the mixture is on the largest bet, so that a certificate without errors comes soonest."""


@dataclass(slots=True)
class ErrorBound:
    """The running bound for one population: every comment counts, audited ones tell.

    `least_probability` bounds every p_i from below, and is fixed before the first comment (a floor). A comment
    with p = 1 does not belong here: it is an outcome, not evidence.
    """

    least_probability: float
    comments: int = 0
    audits: int = 0
    errors: int = 0
    _costs: NDArray[np.float64] = field(init=False)
    _thetas: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        if not 0 < self.least_probability < 1:
            raise ValueError(
                f"The least audit probability is {self.least_probability}; it must be in (0, 1)."
            )
        shares = np.array(BETS) * self.least_probability
        self._thetas = -np.log1p(-shares)
        self._costs = np.zeros(len(shares))

    def take_in(self, probability: float, is_error: bool | None) -> None:
        """Count one comment; `is_error` is null where it was not audited.

        Raises:
            ValueError: a probability below the least one that was promised.

        """
        if probability < self.least_probability * (1 - 1e-9):
            raise ValueError(
                f"An audit probability of {probability} is below the least one promised, {self.least_probability}."
            )
        self.comments += 1
        if is_error is None:
            return
        self.audits += 1
        if is_error:
            self.errors += 1
            self._costs -= np.log1p(np.expm1(-self._thetas) / probability)

    def most_errors(self, alpha: float) -> float:
        """Return the bound on the number of errors among the comments so far, audited ones included.

        It holds at all times at once with probability 1 - alpha, and never exceeds the number of comments.
        """
        low, high = 0.0, float(self.comments)
        if self._log_wealth(high) < -log(alpha):
            return high
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (low, middle) if self._log_wealth(middle) >= -log(alpha) else (middle, high)
        return high

    def bound(self, alpha: float) -> float:
        """Return the bound on the share of errors; 1 before the first comment."""
        return self.most_errors(alpha) / self.comments if self.comments else 1.0

    def meets(self, target: float, alpha: float) -> bool:
        """Whether the bound is at or below the target: one evaluation, where `bound` searches."""
        return self.comments > 0 and self._log_wealth(target * self.comments) >= -log(alpha)

    def audits_needed(self, target: float, alpha: float) -> int:
        """Return how many further audits at the least probability it takes, if none of them finds an error."""
        if self.meets(target, alpha):
            return 0
        total = self._unbounded_errors(alpha) / target
        return int(np.ceil(max(0.0, total - self.comments) * self.least_probability))

    def _log_wealth(self, errors: float) -> float:
        exponents = self._thetas * errors - self._costs + np.log(WEIGHTS)
        largest = float(exponents.max())
        return largest + log(float(np.exp(exponents - largest).sum()))

    def _unbounded_errors(self, alpha: float) -> float:
        """Return the bound on errors as it would be without the ceiling of the comments seen so far."""
        low, high = 0.0, 1.0
        while self._log_wealth(high) < -log(alpha):
            high *= 2
            if high == inf:
                return inf
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (low, middle) if self._log_wealth(middle) >= -log(alpha) else (middle, high)
        return high
