"""What `moderation evaluate` says of scores, against simulated truth, and how long 50,000 rows take.

    python -m benchmarks.score_estimates [--worlds 200] [--only PART]

- *coverage*: two equally good scores in tables whose users differ in how often they break rules, and in how scores err
  about them. Truth is the same estimate over 600,000 rows of users never seen. Naive: each row for itself.
- *told_apart*: in how many tables the two are called different. Naive: likewise.
- *noise*: labels are the majority of three raters who err. Truth is F1 against what they would have said without
  errors. Naive: the majority as if it were that.
- *time*: a made-up CSV with three scores, users, categories and groups, from reading to the page's frames. Beside it,
  scikit-learn's AUROC and average precision of one score in 1,000 resamples of rows, which is what intervals alone
  would take that way.

Printed are bias in points, the share of worlds in which a 95 % interval holds the truth, and its mean width.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from moderation_pipeline import evaluate
from moderation_pipeline.evaluation.scored.judged_rows import Judge, JudgedRows
from moderation_pipeline.evaluation.scored.label_noise import noise_of_votes
from moderation_pipeline.evaluation.scored.score_metrics import Measured
from moderation_pipeline.evaluation.scored.score_sums import with_chosen
from moderation_pipeline.statistics.max_t import together
from moderation_pipeline.statistics.ranking import Ranking
from moderation_pipeline.statistics.selective import Surest
from moderation_pipeline.synthetic.synthetic_chat import SyntheticSettings, generate

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

JUDGES = (Judge("one", "score", 0.5), Judge("other", "score", 0.5))
SHOWN = ("f1", "precision", "recall", "auroc", "auprc", "chosen_f1", "aurc")
DIFFERENCES = ("f1", "auroc", "auprc")
ROWS = 50_000


class Shape(NamedTuple):
    """A kind of table: how many users of how many rows, and how rare violations are (log-odds)."""

    users: int
    rows_each: int
    rarity: float


SHAPES = (Shape(200, 10, -2.2), Shape(40, 25, -2.2), Shape(500, 2, -3.5), Shape(15, 60, -2.2))


class Scored(NamedTuple):
    """Rows: who wrote them, which are violations, two scores."""

    user: NDArray[np.int64]
    label: Flags
    scores: tuple[Floats, Floats]


def scored(shape: Shape, seed: int) -> Scored:
    """Return one table's rows."""
    random = np.random.default_rng([seed, shape.users])
    user = np.repeat(np.arange(shape.users), shape.rows_each)
    label = random.random(user.size) < 1 / (1 + np.exp(-shape.rarity - random.normal(size=shape.users)[user]))
    errs = random.normal(0, 0.56, shape.users)[user]

    def score() -> Floats:
        return np.asarray(1 / (1 + np.exp(1.5 - random.normal(size=user.size) - errs - 1.8 * label)))

    return Scored(user, label, (score(), score()))


def measured(rows: Scored, seed: int, *, by_row: bool) -> Measured:
    """Return both scores measured together, as `evaluate` does, or each row for itself."""
    frame = pl.DataFrame(
        {
            "cluster": [f"r{i}" if by_row else f"u{each}" for i, each in enumerate(rows.user)],
            "shared_text": pl.Series([None] * rows.user.size, dtype=pl.String),
            "label": rows.label,
            **{judge.score: values for judge, values in zip(JUDGES, rows.scores, strict=True)},
            **{judge.flag: values >= 0.5 for judge, values in zip(JUDGES, rows.scores, strict=True)},
        }
    )
    name = f"world {seed}"
    return Measured.of(JudgedRows(with_chosen(frame, JUDGES, name), JUDGES, seed=name))


def truth_of(shape: Shape) -> dict[str, float]:
    """Return the estimates over users never seen."""
    rows = scored(shape._replace(users=600_000 // shape.rows_each), 1)
    ranking, label, scores = Ranking.of(rows.scores[0], rows.label), rows.label, rows.scores[0]
    best = ranking.best_threshold() or 0.5
    found = {"auroc": ranking.auroc(label).value, "auprc": ranking.average_precision(label).value}
    wrong = (scores >= 0.5) != label
    found["aurc"] = Surest.of(np.abs(scores - 0.5), wrong).area(wrong).value
    for name, flagged in (("f1", scores >= 0.5), ("chosen_f1", scores >= best)):
        hits = float((flagged & label).sum())
        found[name] = 2 * hits / float(flagged.sum() + label.sum())
        if name == "f1":
            found |= {"precision": hits / float(flagged.sum()), "recall": hits / float(label.sum())}
    return found


def print_coverage(worlds: int) -> None:
    """Print bias, coverage and width by shape and estimate, then by row."""
    print(
        "\ncoverage: users x rows, log-odds    estimate     bias  coverage  width   by row: coverage  width"
    )
    for shape in SHAPES:
        truth = truth_of(shape)
        tables = [scored(shape, 10 + seed) for seed in range(worlds)]
        ours, naive = ([measured(t, i, by_row=by) for i, t in enumerate(tables)] for by in (False, True))
        for name in SHOWN:
            bias, held, width = _held(ours, name, truth[name])
            _, naive_held, naive_width = _held(naive, name, truth[name])
            print(
                f"  {shape.users:4} x {shape.rows_each:2}, {shape.rarity:4}   {name:>20} {100 * bias:+8.2f} "
                f"{held:9.1%} {100 * width:6.1f} {naive_held:18.1%} {100 * naive_width:6.1f}",
                flush=True,
            )


def _held(worlds: list[Measured], name: str, truth: float) -> tuple[float, float, float]:
    found = [each.estimate(0, name) for each in worlds]
    known = [
        (e.estimate, e.low, e.high)
        for e in found
        if e.estimate is not None and e.low is not None and e.high is not None
    ]
    bias = np.mean([estimate - truth for estimate, _, _ in known])
    held = np.mean([low <= truth <= high for _, low, high in known])
    return float(bias), float(held), float(np.mean([high - low for _, low, high in known]))


RATERS, ITEMS, COMMON = 3, 1_000, 0.2


def print_noise(worlds: int) -> None:
    """Print F1 of a score whose labels are three raters' who err: corrected, and against their majority."""
    print("\nnoise: raters right in    truth   corrected: bias  coverage  width   majority: bias  coverage")
    for right in (0.95, 0.9, 0.8):
        truth = 2 * 0.9 * COMMON / (0.9 * COMMON + 0.1 * (1 - COMMON) + COMMON)
        found, naive = zip(*(_rated(right, seed) for seed in range(worlds)), strict=True)
        known = [each for each in found if each[1] is not None]
        bias, held = (np.mean([each[0] - truth for each in known]), _holds(known, truth))
        width = np.mean([high - low for _, low, high in known])
        print(
            f"  {right:22} {truth:8.3f} {100 * bias:+17.2f} {held:9.1%} {100 * width:6.1f}"
            f" {100 * np.mean([each[0] - truth for each in naive]):+16.2f} {_holds(naive, truth):9.1%}",
            flush=True,
        )


def _holds(found: Sequence[tuple[float, float, float]], truth: float) -> float:
    return float(np.mean([low <= truth <= high for _, low, high in found]))


def _rated(right: float, seed: int) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return F1 with its interval, corrected for the raters' errors, and by their majority as if it were the truth."""
    random = np.random.default_rng([seed, int(100 * right)])
    truth = random.random(ITEMS) < COMMON
    votes = [np.where(random.random(ITEMS) < right, truth, ~truth) for _ in range(RATERS)]
    flags = np.where(random.random(ITEMS) < 0.9, truth, ~truth)
    judge = Judge("one", "score", 0.5)
    rows = pl.DataFrame(
        {
            "row": range(ITEMS),
            "cluster": [f"r{i}" for i in range(ITEMS)],
            "shared_text": pl.Series([None] * ITEMS, dtype=pl.String),
            "category": pl.Series([None] * ITEMS, dtype=pl.String),
            "label": np.sum(votes, axis=0) * 2 > RATERS,
            judge.flag: flags,
            judge.score: flags.astype(float),
        }
    )
    long = pl.DataFrame(
        {
            "row": np.tile(np.arange(ITEMS), RATERS),
            "annotator": np.repeat([f"a{i}" for i in range(RATERS)], ITEMS),
            "vote": np.concatenate(votes),
        }
    )
    judged = JudgedRows(with_chosen(rows, (judge,), f"n{seed}"), (judge,), seed=f"n{seed}")
    frame = noise_of_votes(judged, long).filter(judge="one", estimate="f1")
    corrected: tuple[float, float, float] = frame.select("value", "low", "high").row(0)
    plain = Measured.of(judged).estimate(0, "f1")
    return corrected, (plain.estimate or 0.0, plain.low or 0.0, plain.high or 0.0)


def print_told_apart(worlds: int) -> None:
    """Print in how many tables two equally good scores are called different."""
    print("\ntold_apart: two equal scores called different (5 % allowed)    users    by row")
    for shape in SHAPES:
        tables = [scored(shape, 10 + seed) for seed in range(worlds)]
        ours, naive = ([measured(t, i, by_row=by) for i, t in enumerate(tables)] for by in (False, True))
        for name in DIFFERENCES:
            shares = [np.mean([_apart(world, name) for world in each]) for each in (ours, naive)]
            print(
                f"  {shape.users:4} x {shape.rows_each:2} {name:>30} {shares[0]:24.1%} {shares[1]:9.1%}",
                flush=True,
            )


def _apart(world: Measured, name: str) -> bool:
    found = together([world.difference((0, 1), name)])[0]
    return found.low is not None and found.high is not None and not found.low <= 0 <= found.high


def print_time(worlds: int) -> None:  # noqa: ARG001 - one table
    """Print what 50,000 rows take, beside resamples by scikit-learn."""
    chat = pl.DataFrame(generate(SyntheticSettings(comments=ROWS, base_rate=0.15)), orient="row")
    random, label = np.random.default_rng(1), chat["label_is_violation"].to_numpy()
    noise = [random.normal(size=ROWS) for _ in range(3)]
    scores = {f"s{i}": 1 / (1 + np.exp(1 - each - (i + 1) * label)) for i, each in enumerate(noise)}
    table = chat.select("text", "label_is_violation", "user_id", "label_category", "channel").with_columns(
        **{name: pl.Series(values) for name, values in scores.items()}
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        table.write_csv(path)
        began, cpu = time.perf_counter(), time.process_time()
        evaluate(
            path,
            text="text",
            label="label_is_violation",
            score=[*scores],
            user="user_id",
            category="label_category",
            group="channel",
        )
        print(
            f"\ntime: {ROWS:,} rows, three scores and two keyless configs: {time.perf_counter() - began:.0f} s"
        )
        print(f"  of them CPU: {time.process_time() - cpu:.0f} s")
    cpu = time.process_time()
    for _ in range(20):
        drawn = random.integers(ROWS, size=ROWS)
        roc_auc_score(label[drawn], scores["s1"][drawn])
        average_precision_score(label[drawn], scores["s1"][drawn])
    print(
        "  AUROC and AUPRC of one score in 1,000 resamples by scikit-learn: "
        f"{(time.process_time() - cpu) * 50:.0f} s of CPU"
    )


PARTS: dict[str, Callable[[int], None]] = {
    "coverage": print_coverage,
    "noise": print_noise,
    "told_apart": print_told_apart,
    "time": print_time,
}


def main() -> None:
    """Simulate, and print both sides."""
    parser = argparse.ArgumentParser(description="What evaluate says of scores, against simulated truth")
    parser.add_argument("--worlds", type=int, default=200)
    parser.add_argument("--only", choices=list(PARTS))
    asked = parser.parse_args()
    print(f"{asked.worlds:,} worlds each; points, 95 % intervals")
    for name, part in PARTS.items():
        if asked.only in (None, name):
            part(asked.worlds)


if __name__ == "__main__":
    main()
