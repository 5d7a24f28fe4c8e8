"""Chance for the synthetic chat: one seeded stream of numbers, the same on every platform and Python.

Only `random.Random.random()` is used: it is the one method whose sequence Python promises not to change.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from hashlib import blake2b
from itertools import accumulate
from typing import Generic, TypeVar

T = TypeVar("T")


class Dice:
    """Draws from one stream; who draws first matters, so no draw may depend on the order of a set."""

    def __init__(self, seed: int) -> None:
        digest = blake2b(f"synthetic\x1f{seed}".encode(), digest_size=8).digest()
        self.roll = random.Random(int.from_bytes(digest, "big")).random
        """A number in [0, 1)."""

    def chance(self, probability: float) -> bool:
        """Return True with that probability."""
        return self.roll() < probability

    def between(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + int(self.roll() * (high - low + 1))

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options, each as likely as the others."""
        return options[int(self.roll() * len(options))]


class Urn(Generic[T]):
    """Options that are drawn by weight; those of weight 0 are never drawn."""

    def __init__(self, options: Sequence[T], weights: Sequence[float]) -> None:
        kept = [(option, weight) for option, weight in zip(options, weights, strict=True) if weight > 0]
        self.options = tuple(option for option, _ in kept)
        self._cumulative = list(accumulate(weight for _, weight in kept))

    def draw(self, dice: Dice) -> T:
        """Return one of the options."""
        at = bisect_right(self._cumulative, dice.roll() * self._cumulative[-1])
        return self.options[min(at, len(self.options) - 1)]
