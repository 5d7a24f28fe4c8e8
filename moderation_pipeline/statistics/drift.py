"""An alarm for when a certified system begins to err more often than it was certified to.

While errors are at most at the certified rate μ per comment, and comment i is audited with a known probability
p_i, the factor 1 + λ (A_i e_i / p_i - μ) has mean at most 1 given the past, for any bet λ in [0, 1 / μ): audits
are weighted by 1 / p_i, so that it does not matter whether what can be an error is audited likelier than the
rest. Multiplied up and begun anew at a random audit whenever it has fallen below 1, that is an e-detector: it
alarms once in at least 1 / FALSE_ALARMS random audits on average, however the Student learns (Shin, Ramdas &
Rinaldo 2023, arXiv:2203.03532; the factor is the one of `time_uniform.py`, turned round). With λ = p the factors
are the likelihood ratios of errors twice as frequent.
"""

from __future__ import annotations

FALSE_ALARMS = 1e-4
"""At most one false alarm in ten thousand random audits, on average."""

WORSE = 2.0
"""What is looked for: errors this many times as often as certified."""


class DriftDetector:
    """Watches one certified row: its comments, and what its random audits find."""

    def __init__(self, certified_rate: float, least_probability: float) -> None:
        """`least_probability` bounds from below the audit probability of every comment that can be an error."""
        self._bet = (WORSE - 1) * least_probability
        self._on_comment = 1 - self._bet * certified_rate
        self.evidence = 1.0

    def alarms_at(self, *, comments: int, error_at: float | None) -> bool:
        """Take in one random audit, and return whether the errors have become more frequent.

        Args:
            comments: how many comments of the row there were since the audit before, this one included.
            error_at: with what probability the comment was audited, if it was an error; null where it was right.
        """
        factor = self._on_comment**comments
        if error_at is not None:
            factor *= 1 + self._bet / (error_at * self._on_comment)
        self.evidence = max(1.0, self.evidence) * factor
        return self.evidence >= 1 / FALSE_ALARMS
