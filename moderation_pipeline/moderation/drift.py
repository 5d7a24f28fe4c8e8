"""An alarm for when a certified system begins to err more often than it was certified to.

A CUSUM of likelihood ratios over random audits: errors at the certified rate against errors twice as often. Run
for ever without drift, it alarms once in at least 1 / FALSE_ALARMS audits on average (an e-detector: Shin, Ramdas
& Rinaldo 2023, arXiv:2203.03532).
"""

from __future__ import annotations

FALSE_ALARMS = 1e-4
"""At most one false alarm in ten thousand random audits, on average."""

WORSE = 2.0
"""What is looked for: errors this many times as often as certified."""

MOST_LIKELY = 0.95
"""Above this rate an error can't be much likelier; the alternative stays below certainty."""


class DriftDetector:
    """Watches the random audits of one certified row."""

    def __init__(self, certified_rate: float) -> None:
        worse = min(WORSE * certified_rate, max(MOST_LIKELY, certified_rate))
        self._on_error = worse / certified_rate
        self._on_success = (1 - worse) / (1 - certified_rate)
        self._evidence = 1.0

    def alarms_at(self, *, is_error: bool) -> bool:
        """Take in one random audit, and return whether the errors have become more frequent."""
        ratio = self._on_error if is_error else self._on_success
        self._evidence = max(1.0, self._evidence) * ratio
        return self._evidence >= 1 / FALSE_ALARMS
