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

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, exp, log, log1p

BETS = (0.999, 0.8, 0.65, 0.5, 0.35, 0.2, 0.1, 0.05)
"""Bets as shares of the least audit probability: a large one is sharpest while no error is found, a small one
where many are. A bet of all of it would be bankrupt at the first error; one half grows fastest where errors are
half as frequent as the target."""

WEIGHTS = (0.5, *[0.5 / (len(BETS) - 1)] * (len(BETS) - 1))
"""Half of the mixture is on the largest bet, so that a certificate without errors comes soonest."""

_LOG_WEIGHTS = tuple(map(log, WEIGHTS))


@dataclass(slots=True)
class Population:
    """The comments that one or several bounds speak of, counted once for all of them."""

    comments: int = 0
    audits: int = 0

    def take_in(self, *, is_audited: bool) -> None:
        """Count one comment."""
        self.comments += 1
        self.audits += is_audited


@dataclass(slots=True)
class ErrorBound:
    """The running bound for one population: every comment counts, audited ones tell.

    `least_probability` bounds every p_i from below, and is fixed before the first comment (a floor). A comment
    with p = 1 does not belong here: it is an outcome, not evidence. Bounds on several kinds of error in the same
    comments share one `population`, in which whoever shares it counts; each is told of its own errors only.
    """

    least_probability: float
    population: Population = field(default_factory=Population)
    errors: int = 0
    _costs: list[float] = field(init=False)
    _thetas: list[float] = field(init=False)

    def __post_init__(self) -> None:
        if not 0 < self.least_probability < 1:
            raise ValueError(
                f"The least audit probability is {self.least_probability}; it must be in (0, 1)."
            )
        self._thetas = [-log1p(-bet * self.least_probability) for bet in BETS]
        self._costs = [0.0] * len(BETS)

    @property
    def comments(self) -> int:
        """Return how many comments the population has so far."""
        return self.population.comments

    @property
    def audits(self) -> int:
        """Return how many of them were audited."""
        return self.population.audits

    def found_error(self, probability: float) -> None:
        """Take in that an audited comment, which its population counts, was an error."""
        self.errors += 1
        for i, bet in enumerate(BETS):
            self._costs[i] -= log1p(-bet * self.least_probability / probability)

    def refuse_less_than_promised(self, probability: float) -> None:
        """Raise ValueError for a probability below the least one that was promised."""
        if probability < self.least_probability * (1 - 1e-9):
            raise ValueError(
                f"An audit probability of {probability} is below the least one promised, {self.least_probability}."
            )

    def most_errors(self, alpha: float) -> float:
        """Return the bound on the number of errors among the comments so far, audited ones included.

        It holds at all times at once with probability 1 - alpha, and never exceeds the number of comments.
        """
        return min(float(self.comments), self.errors_ruled_out(alpha))

    def errors_ruled_out(self, alpha: float) -> float:
        """Return the number of errors that the audits so far rule out, however many comments there are.

        It changes only with the next error that is found: until then a target is met as soon as that share of
        the comments is as many.
        """
        return _least_total(self._thetas, self._costs, log(1 / alpha))

    def bound(self, alpha: float) -> float:
        """Return the bound on the share of errors; 1 before the first comment."""
        return self.most_errors(alpha) / self.comments if self.comments else 1.0

    def comments_needed(self, target: float, alpha: float) -> int:
        """Return how many further comments it takes, if no audit of them finds an error."""
        return max(0, ceil(self.errors_ruled_out(alpha) / target - self.comments - 1e-6))

    def audits_needed(self, target: float, alpha: float) -> int:
        """Return how many further audits at the least probability it takes, if none of them finds an error."""
        return ceil(self.comments_needed(target, alpha) * self.least_probability)


def _least_total(thetas: Sequence[float], costs: Sequence[float], threshold: float) -> float:
    """Return the least S at which log Σ w exp(θ S - c) reaches the threshold.

    The logarithm is convex and increasing in S. The first guess lies at or beyond the root, for there one bet
    alone suffices; from there Newton's steps fall towards it and never past it, so the bound errs upwards only.
    """
    terms = tuple(zip(thetas, costs, _LOG_WEIGHTS, strict=True))
    total = min((threshold + cost - weight) / theta for theta, cost, weight in terms)
    while True:
        exponents = [theta * total - cost + weight for theta, cost, weight in terms]
        largest = max(exponents)
        shares = [exp(exponent - largest) for exponent in exponents]
        whole = sum(shares)
        slope = sum(theta * share for theta, share in zip(thetas, shares, strict=True)) / whole
        step = (largest + log(whole) - threshold) / slope
        if step <= 1e-10 * total:
            return total
        total -= step
