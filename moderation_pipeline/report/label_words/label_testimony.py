"""What a chat's labels say of what a certificate bounds, and whether they contradict it.

A certificate rests on the Expert's word. Where the chat has labels they stand beside it, and where by them errors are
more frequent than its target, no sentence says that the config may act alone. Labels decide nothing (law 8): the
loop went by the certificate, and here it is said what that was worth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from moderation_pipeline.report.quantities import count, percent
from moderation_pipeline.statistics.wilson import wilson

Row = Mapping[str, object]


class Testimony(NamedTuple):
    """How many of those that the labels tell about are errors by them; `low` and `high` are the 95 % interval's.

    `by_acts` says that the labels are what moderators did.
    """

    errors: int
    of: int
    low: float
    high: float
    by_acts: bool = False

    @property
    def rate(self) -> float:
        """The share of errors."""
        return self.errors / self.of

    def contradicts(self, target: float) -> bool:
        """Whether by the labels errors are more frequent than the target."""
        return self.rate > target

    def is_open(self, target: float) -> bool:
        """Whether the labels are too few to bear the target out."""
        return not self.contradicts(target) and self.high > target


LabelWord = Mapping[str, Testimony]
"""By denominator of a certificate's target: what the labels say."""


def label_word(metrics: Row | None, *, by_acts: bool) -> LabelWord:
    """Return what the labels say, from a run's row of the table metrics; nothing where they say nothing.

    `by_acts` says that they are what moderators did.
    """
    if metrics is None or not metrics.get("labelled"):
        return {}
    wrong, checked, labelled, missed, passed = (
        _number(metrics, name)
        for name in (
            "wrongful_sanctions",
            "sanctions_checked",
            "labelled",
            "false_negatives",
            "true_negatives",
        )
    )
    pairs = {
        "sanctions": (wrong, checked),
        "comments": (wrong, labelled),
        "allowed": (missed, missed + passed),
    }
    return {name: _testimony(errors, of, by_acts) for name, (errors, of) in pairs.items() if of}


def _number(row: Row, name: str) -> int:
    value = row.get(name)
    return int(value) if isinstance(value, int) else 0


def _testimony(errors: int, of: int, by_acts: bool) -> Testimony:
    low, high = wilson(errors / of, of)
    return Testimony(errors, of, low, high, by_acts)


def in_words(testimony: Testimony, what: str, target: float) -> str:
    """Say what the labels say of one target, and whether that bears it out."""
    said = f"{count(testimony.errors)} of {count(testimony.of)} ({percent(testimony.rate)}) {what}"
    if testimony.contradicts(target):
        return f"{said}, where the target is {percent(target)}"
    if testimony.is_open(target):
        return f"{said}, too few to show {percent(target)}"
    return f"{said}, within the target of {percent(target)}"
