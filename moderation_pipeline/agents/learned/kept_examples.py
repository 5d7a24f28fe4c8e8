"""Which audited cases a head is fitted on: all, until there are more of a kind than a fit can take in time.

From then on a fair sample of that kind: each case is given a number by chance, and those of the least numbers are kept
(bottom-k, Cohen & Kaplan 2007, doi:10.1145/1281100.1281133). Chance is a hash of the comment (law 1). Where violations
are rare all of them are kept beside a sample of the rest; fits weigh both kinds alike, so the sample's share doesn't
matter to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from heapq import heappush, heapreplace

from moderation_pipeline.agents.learned.model_snapshot import Example
from moderation_pipeline.chance import draw

Ranked = list[tuple[float, int]]
"""A heap of kept cases of one kind: the greatest number, negated, first; and the place in the list of all."""


class KeptExamples:
    """Examples in the order in which they came; one that is dropped leaves its place to the one that comes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._ranked: dict[bool, Ranked] = {True: [], False: []}
        self.examples: list[Example] = []

    def begin_with(self, examples: Sequence[Example]) -> None:
        """Begin with what another run was taught, which kept no more than it could take."""
        for number, example in enumerate(examples):
            self._put(draw(0, "begun with", str(number)), replace(example, shown=None))

    def wants(self, comment_id: str, *, is_violation: bool) -> bool:
        """Whether a case belongs to those that are kept, as far as is known by now."""
        ranked = self._ranked[is_violation]
        return len(ranked) < self._most or -ranked[0][0] > _number(comment_id)

    def add(self, comment_id: str, example: Example) -> None:
        """Keep a case that is wanted."""
        self._put(_number(comment_id), example)

    def _put(self, number: float, example: Example) -> None:
        ranked = self._ranked[example.outcome is not None]
        if len(ranked) < self._most:
            heappush(ranked, (-number, len(self.examples)))
            self.examples.append(example)
        elif -ranked[0][0] > number:
            place = ranked[0][1]
            heapreplace(ranked, (-number, place))
            self.examples[place] = example

    @property
    def are_of_both_kinds(self) -> bool:
        """Whether there are violations and others among them."""
        return all(self._ranked.values())


def _number(comment_id: str) -> float:
    return draw(0, "kept example", comment_id)
