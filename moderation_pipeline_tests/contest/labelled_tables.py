"""Labelled tables made for tests: lines of nobody's, a label, and scores that tell violations apart somewhat."""

from __future__ import annotations

import numpy as np
import polars as pl


def labelled_table(rows: int = 400, *, seed: int = 1, users: int = 40) -> pl.DataFrame:
    """Return texts with `toxic`, two scores (`good` better than `poor`), `author`, `kind` and `about`."""
    random = np.random.default_rng(seed)
    toxic = random.random(rows) < 0.3

    def score(sharpness: float) -> list[float]:
        return list(1 / (1 + np.exp(-(random.normal(size=rows) + sharpness * (toxic - 0.5)))))

    return pl.DataFrame(
        {
            "comment": [
                f"line {i} about painting" if not bad else f"you are an idiot {i}"
                for i, bad in enumerate(toxic)
            ],
            "toxic": toxic.astype(int),
            "good": score(4),
            "poor": score(1),
            "author": [f"u{i}" for i in random.integers(0, users, rows)],
            "kind": [["insult", "threat"][i % 2] if bad else None for i, bad in enumerate(toxic)],
            "about": [["cats", "dogs"][i % 2] for i in range(rows)],
        }
    )


def annotated_table(items: int = 200, *, seed: int = 2) -> pl.DataFrame:
    """Return items with three annotators' labels, the first of whom errs least, and a score."""
    random = np.random.default_rng(seed)
    truth = random.random(items) < 0.4
    columns = {
        f"rater_{number}": np.where(random.random(items) < right, truth, ~truth)
        for number, right in ((1, 0.97), (2, 0.85), (3, 0.75))
    }
    score = np.clip(truth * 0.6 + random.random(items) * 0.4, 0, 1)
    return pl.DataFrame(
        {
            "id": [f"i{i}" for i in range(items)],
            "text": [f"text {i}" for i in range(items)],
            **columns,
            "p": score,
        }
    )
