"""What errors weigh: each missed violation and each wrongful sanction by the weights of `audit: {harm: …}`.

Elkan (2001, The foundations of cost-sensitive learning): what an error costs is known before it is counted, and is no
property of who errs. A weight is a number beside the others; no unit is given to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from moderation_pipeline.config.run_config import HarmSpec


@dataclass(frozen=True, slots=True)
class Weights:
    """What errors weigh, categories and actions in whatever words they have where they are weighed."""

    missed: float = 1.0
    wrongful: float = 1.0
    of_category: Mapping[str, float] = field(default_factory=dict)
    of_action: Mapping[str, float] = field(default_factory=dict)

    @property
    def most(self) -> float:
        """What the gravest error weighs."""
        return max(self.missed, self.wrongful, *self.of_category.values(), *self.of_action.values())

    def __str__(self) -> str:
        """Return the weights as they are said beside what is weighed by them."""
        misses = [f"{self.missed:g}", *(f"{name} {weight:g}" for name, weight in self.of_category.items())]
        wrongs = [f"{self.wrongful:g}", *(f"{name} {weight:g}" for name, weight in self.of_action.items())]
        return f"a missed violation weighs {', '.join(misses)}; a wrongful sanction {', '.join(wrongs)}"


def weights_of(spec: HarmSpec) -> Weights:
    """Return the weights that a config has."""
    return Weights(
        spec.missed,
        spec.wrongful,
        {each.value: weight for each, weight in spec.of_category.items()},
        {each.value: weight for each, weight in spec.of_action.items()},
    )


def harm_of_missing(weights: Weights, category: str) -> pl.Expr:
    """Return what it weighs to miss a violation whose labelled category is in that column."""
    return _own(category, weights.of_category, weights.missed)


def harm_of_acting(weights: Weights, action: str) -> pl.Expr:
    """Return what it weighs to carry out the action in that column on somebody innocent."""
    return _own(action, weights.of_action, weights.wrongful)


def _own(column: str, own: Mapping[str, float], usual: float) -> pl.Expr:
    if not own:
        return pl.lit(float(usual))
    return pl.col(column).replace_strict(own, default=usual, return_dtype=pl.Float64).fill_null(usual)
