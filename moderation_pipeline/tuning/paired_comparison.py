"""Which candidate is best by the labels, and whether that is more than chance: differences in pairs, held together.

F1 of violation is the chat's: each comment of the sample counts for as many as it stands for. Users are resampled with
all their comments, the same for all candidates; the intervals of the differences to what the config has hold together
with 95 %, for the best of many equal ones always looks better than one of them (`statistics/max_t.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.statistics.bootstrap import Array, Interval, Resampled, interval, resample
from moderation_pipeline.statistics.max_t import Difference, together
from moderation_pipeline.tuning.candidates import Candidate
from moderation_pipeline.tuning.tuning_calls import WaysAsked
from moderation_pipeline.tuning.tuning_sample import Sample

CELLS = ("tp", "fp", "fn")


@dataclass(frozen=True, slots=True)
class ComparedWay:
    """One candidate: its F1, how far that is above what the config has, how many replies were of use, what it costs."""

    candidate: Candidate
    f1: Interval
    above: Interval
    usable_share: float
    list_usd_per_1000: float | None


@dataclass(frozen=True, slots=True)
class TuningResult:
    """All candidates, the config's own first; the winner where one is better than that beyond its interval.

    `visible` is the smallest difference that would have been seen for the best of them; null where none could be.
    """

    compared: tuple[ComparedWay, ...]
    asked: int
    violations: int
    winner: ComparedWay | None
    visible: float | None

    @property
    def best(self) -> ComparedWay:
        """The candidate with the highest F1; of equals the one that the config has, then the first."""
        return max(self.compared, key=lambda each: each.f1.estimate or 0.0)


def conclude(
    candidates: Sequence[Candidate], sample: Sample, answers: WaysAsked, *, seed: str
) -> TuningResult:
    """Return how the candidates compare on what all of them were asked about."""
    sums = resample(_sums(sample, answers), seed=seed)
    parts = [sums.part(f"{number}.") for number in range(len(candidates))]
    differences = together([_minus(each, parts[0]) for each in parts])
    compared = tuple(
        ComparedWay(
            candidate, interval(float(_f1(part.total)[0]), _f1(part.resamples)), above, *_took(verdicts)
        )
        for candidate, part, above, verdicts in zip(
            candidates, parts, differences, answers.verdicts, strict=True
        )
    )
    better = [each for each in compared if each.above.low is not None and each.above.low > 0]
    violations = sum(each.is_violation for each in sample.drawn[: answers.asked])
    winner = max(better, key=lambda each: each.f1.estimate or 0.0, default=None)
    return TuningResult(compared, answers.asked, violations, winner, _visible(compared))


def _sums(sample: Sample, answers: WaysAsked) -> pl.DataFrame:
    """Return a row a comment: its cluster, and each candidate's weighted confusion with the label."""
    weights = sample.weights(answers.asked)
    drawn = sample.drawn[: answers.asked]
    truth = np.array([each.is_violation for each in drawn])
    weight = np.where(truth, *weights)
    columns: dict[str, Array] = {}
    for number, verdicts in enumerate(answers.verdicts):
        said = np.array([_is_violation(each) for each in verdicts])
        for name, cell in zip(CELLS, (truth & said, ~truth & said, truth & ~said), strict=True):
            columns[f"{number}.{name}"] = weight * cell
    return pl.DataFrame({"cluster": [each.cluster for each in drawn], **columns})


def _is_violation(verdict: Verdict) -> bool:
    return verdict.plan is not None and verdict.plan.is_violation


def _f1(sums: dict[str, Array]) -> Array:
    """Return the F1 of violation, nan where there is none to be found."""
    tp, fp, fn = (sums[name] for name in CELLS)
    return np.divide(2 * tp, 2 * tp + fp + fn, out=np.full_like(tp, np.nan), where=tp + fn > 0)


def _minus(one: Resampled, other: Resampled) -> Difference:
    return Difference(
        float((_f1(one.total) - _f1(other.total))[0]), _f1(one.resamples) - _f1(other.resamples)
    )


def _took(verdicts: Sequence[Verdict]) -> tuple[float, float | None]:
    """Return the share of usable replies, and the list price of 1,000 comments."""
    costs = [each.receipt.list_cost_usd for each in verdicts]
    known = [each for each in costs if each is not None]
    usable = sum(each.plan is not None for each in verdicts) / len(verdicts)
    return usable, 1_000 * sum(known) / len(costs) if len(known) == len(costs) else None


def _visible(compared: Sequence[ComparedWay]) -> float | None:
    """Return by how much the best of the others would have to be better to be seen to be."""
    others = [each for each in compared[1:] if each.above.low is not None and each.above.estimate is not None]
    if not others:
        return None
    best = max(others, key=lambda each: each.above.estimate or 0.0)
    assert best.above.estimate is not None
    assert best.above.low is not None
    return best.above.estimate - best.above.low
