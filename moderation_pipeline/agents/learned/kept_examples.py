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
        self._places = 0
        self.examples: list[Example] = []

    def begin_with(self, examples: Sequence[Example]) -> None:
        """Begin with what another run was taught, which kept no more than it could take."""
        for number, example in enumerate(examples):
            place = self._place(draw(0, "begun with", str(number)), is_violation=example.outcome is not None)
            if place is not None:
                self.put(place, replace(example, shown=None))

    def place_of(self, comment_id: str, *, is_violation: bool) -> int | None:
        """Return the place that a case is to be put in, before any later one is; null where it isn't kept.

        A case whose place is given to another by then is put there first: whoever comes last stays.
        """
        return self._place(_number(comment_id), is_violation=is_violation)

    def put(self, place: int, example: Example) -> None:
        """Keep a case in the place that it was given."""
        if place == len(self.examples):
            self.examples.append(example)
        else:
            self.examples[place] = example

    def _place(self, number: float, *, is_violation: bool) -> int | None:
        ranked = self._ranked[is_violation]
        if len(ranked) < self._most:
            place, self._places = self._places, self._places + 1
            heappush(ranked, (-number, place))
            return place
        if -ranked[0][0] <= number:
            return None
        place = ranked[0][1]
        heapreplace(ranked, (-number, place))
        return place

    @property
    def are_of_both_kinds(self) -> bool:
        """Whether there are violations and others among them."""
        return all(self._ranked.values())


def _number(comment_id: str) -> float:
    return draw(0, "kept example", comment_id)
