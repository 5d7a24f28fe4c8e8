"""An alarm for when a certified system begins to err more often than it was certified to.

While errors are at most at the certified rate μ per comment, and comment i is audited with a known probability
p_i, the factor 1 + λ (A_i e_i / p_i - μ) has mean at most 1 given the past, for any bet λ in [0, 1 / μ): audits
are weighted by 1 / p_i, so that it does not matter whether what can be an error is audited likelier than the
rest. Multiplied up and begun anew at a random audit whenever it has fallen below 1, that is an e-detector, and so is
the mean of several: it alarms once in at least 1 / FALSE_ALARMS random audits on average, however the Student learns
(Shin, Ramdas & Rinaldo 2023, arXiv:2203.03532; the factor is the one of `time_uniform.py`, turned round). With λ = p
the factors are the likelihood ratios of errors twice as frequent.
"""

from __future__ import annotations

FALSE_ALARMS = 1e-4
"""At most one false alarm in ten thousand random audits, on average."""

WORSE = (1.4, 2.0, 4.0, 10.0, 20.0)
"""What is looked for: errors so many times as often as certified. One bet on twice as many is slow to see a sudden
change for the much worse: at six times the target it let 64 wrong sanctions stand in the median, these five 36."""

MOST_AT_STAKE = 0.5
"""A bet of 1 / μ would be bankrupt at the first comment without an error; no bet is more than this part of it."""


class DriftDetector:
    """Watches one certified row: its comments, and what its random audits find."""

    def __init__(self, certified_rate: float, least_probability: float) -> None:
        """`least_probability` bounds from below the audit probability of every comment that can be an error."""
        most = MOST_AT_STAKE / certified_rate
        self._bets = [min((worse - 1) * least_probability, most) for worse in WORSE]
        self._on_comment = [1 - bet * certified_rate for bet in self._bets]
        self._evidence = [1.0] * len(self._bets)

    @property
    def evidence(self) -> float:
        """Return the mean of what each bet has found."""
        return sum(self._evidence) / len(self._evidence)

    def alarms_at(self, *, comments: int, error_at: float | None) -> bool:
        """Take in one random audit, and return whether the errors have become more frequent.

        Args:
            comments: how many comments of the row there were since the audit before, this one included.
            error_at: with what probability the comment was audited, if it was an error; null where it was right.
        """
        for i, (bet, on_comment) in enumerate(zip(self._bets, self._on_comment, strict=True)):
            factor = on_comment**comments
            if error_at is not None:
                factor *= 1 + bet / (error_at * on_comment)
            self._evidence[i] = max(1.0, self._evidence[i]) * factor
        return self.evidence >= 1 / FALSE_ALARMS
