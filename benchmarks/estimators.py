"""Do estimates hit the truth, and do their intervals hold it? Simulated chats, beside the naive way of each number.

    python -m benchmarks.estimators [--worlds 200] [--only PART] [--chat "20 users"]

- *labels*: precision, recall and F1 against labels, in chats whose users differ, are few, or copy each other. Truth is
  the same ratio over users and texts never seen. Naive: percentiles of resampled users.
- *audits*: the Student's agreement with an Expert whose audits are no sample, how often that finds a violation, and
  how well the Student finds those, by policy. Truth is the whole chat, and again users never seen, for whom intervals
  that resample users are made. Naive: the same ratio over the audits.
- *verdict*: equal configs, told apart. Naive: an interval for each difference by itself.
- *calibration*: how far off a perfectly calibrated Student is said to be. Naive: the mean gap of ten bins of equal
  width.
- *watch*: what goes by between a sudden change and the alarm of a certificate's watch for drift.

Printed are bias in points with its standard error, which so many worlds leave, the share of worlds in which a 95 %
interval holds the truth, and its mean width. Nothing of the simulation is in the product; what is under test is called
as the product calls it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from moderation_pipeline.evaluation.calibration_error import calibration_error, mean_gap
from moderation_pipeline.evaluation.copied_texts import copied_texts
from moderation_pipeline.evaluation.estimates import AUDITED, DEFINITIONS, SUMS, sums_of_found, value
from moderation_pipeline.evaluation.run_metrics import estimate
from moderation_pipeline.statistics.bootstrap import Interval, interval, resample
from moderation_pipeline.statistics.clusters import NO_COPIES
from moderation_pipeline.statistics.drift import DriftDetector
from moderation_pipeline.statistics.max_t import Difference, together

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
COMMENTS = 2_000
AUDITED_COMMENTS = 20_000
"""Of a chat that is audited: a floor of .01 makes 200 audits by chance of it, below which nothing is shown."""
POOL = 400
"""Texts that are copied: the n-th as often as 1 / n."""


def sigmoid(x: Floats) -> Floats:
    """Return the logistic function."""
    return np.asarray(1 / (1 + np.exp(-x)))


class Labelled(NamedTuple):
    """A labelled chat: who wrote what text, what is a violation, and what was flagged."""

    user: NDArray[np.int64]
    text: NDArray[np.int64]
    label: Flags
    flag: Flags


@dataclass(frozen=True, slots=True)
class Chat:
    """How a labelled chat is drawn: users differ in how often they break rules, and in how often that is seen."""

    users: int
    rate: float = -1.8
    skill: float = 3.0
    bias: float = 0.0
    heavy: float = 0.0
    copies: float = 0.0

    def draw(self, random: np.random.Generator, comments: int) -> Labelled:
        """Return one chat."""
        user = authors(random, self.users, comments, self.heavy)
        base = random.normal(self.rate, 0.8, self.users)[user]
        shift = random.normal(0, 0.8, self.users)[user]
        luck = [random.random(comments), random.random(comments), random.normal(0, 1, comments), base, shift]
        text = POOL + np.arange(comments)
        if self.copies:
            chosen = random.random(comments) < self.copies
            weight = 1 / np.arange(1, POOL + 1)
            which = random.choice(POOL, comments, p=weight / weight.sum())
            of_text = [
                random.random(POOL),
                random.random(POOL),
                random.normal(0, 1, POOL),
                random.normal(self.rate, 0.8, POOL),
                random.normal(0, 0.8, POOL),
            ]
            luck = [np.where(chosen, theirs[which], mine) for mine, theirs in zip(luck, of_text, strict=True)]
            text = np.where(chosen, which, text)
        breaks, seen, hard, base, shift = luck
        label = breaks < sigmoid(base + hard)
        flag = seen < sigmoid(np.where(label, self.skill, -self.skill) * 0.8 + shift + self.bias)
        return Labelled(user, text, label, flag)


def authors(random: np.random.Generator, users: int, comments: int, heavy: float = 0.0) -> NDArray[np.int64]:
    """Return who wrote each comment: lognormal shares, and one user who writes the share `heavy`."""
    weight = random.lognormal(0, 1.0, users)
    if heavy:
        weight[0] = weight[1:].sum() * heavy / (1 - heavy)
    return random.choice(users, size=comments, p=weight / weight.sum())


CHATS = {
    "200 users": Chat(200),
    "50 users": Chat(50),
    "20 users": Chat(20),
    "10 users": Chat(10),
    "200 users, one writes 40 %": Chat(200, heavy=0.4),
    "30 users, one writes 40 %": Chat(30, heavy=0.4),
    "200 users, violations .2 %": Chat(200, rate=-7.2, skill=6),
    "200 users, F1 near 1": Chat(200, rate=-0.5, skill=6.5),
    "200 users, 20 % copied texts": Chat(200, copies=0.2),
    "200 users, 60 % copied texts": Chat(200, copies=0.6),
}
SCORES = ("f1", "recall", "precision")


class Found(NamedTuple):
    """What one world gave: the estimate and its interval, in use and naive, and the truth."""

    ours: Interval
    naive: Interval
    truth: float


def truth_of(chat: Chat) -> dict[str, float]:
    """Return the scores over users and texts that no sample shares."""
    cells = np.zeros(3)
    rest = Chat(20_000, chat.rate, chat.skill, chat.bias, copies=chat.copies)
    for seed in range(400 if chat.copies else 20):
        # Copied texts are what is drawn anew there, so many small draws of them.
        drawn = rest.draw(np.random.default_rng([seed, 99]), 10_000 if chat.copies else 100_000)
        flag, label = drawn.flag, drawn.label
        cells += [(flag & label).sum(), (flag & ~label).sum(), (~flag & label).sum()]
    tp, fp, fn = cells
    return {"f1": 2 * tp / (2 * tp + fp + fn), "recall": tp / (tp + fn), "precision": tp / (tp + fp)}


def sums_of(drawn: Labelled) -> pl.DataFrame:
    """Return the comments' sums as `comment_sums` makes them: which texts several users wrote, and the four cells."""
    flag, label = drawn.flag, drawn.label
    cells = {"n": np.ones(flag.size), "tp": flag & label, "fp": flag & ~label, "fn": ~flag & label}
    frame = pl.DataFrame(
        {
            "cluster": drawn.user,
            "text": drawn.text,
            **{name: cell.astype(float) for name, cell in cells.items()},
        }
    )
    shared = pl.when(pl.col("cluster").n_unique().over("text") > 1).then(pl.col("text").cast(pl.String))
    return frame.select(
        pl.col("cluster").cast(pl.String),
        shared.alias("shared_text"),
        *(pl.col(name) if name in cells else pl.lit(0.0).alias(name) for name in SUMS),
    )


def scores_in(chat: Chat, seed: int, truth: dict[str, float], comments: int = COMMENTS) -> dict[str, Found]:
    """Return what is estimated of one drawn chat."""
    sums = sums_of(chat.draw(np.random.default_rng([seed, chat.users]), comments))
    resampled = resample(sums.drop("shared_text"), seed=f"world {seed}", resamples=500)
    added = copied_texts(sums).added
    found = {}
    for name in SCORES:
        ratios = DEFINITIONS[name]
        point, drawn = float(value(ratios, resampled.total)[0]), value(ratios, resampled.resamples)
        found[name] = Found(estimate(name, resampled, added[name]), interval(point, drawn), truth[name])
    return found


class Score(NamedTuple):
    """Over many worlds: bias in points with its standard error, how many intervals hold the truth, their width."""

    bias: float
    error: float
    coverage: float
    width: float


def scored(intervals: list[Interval], truths: list[float]) -> Score:
    """Return how well intervals did; those without bounds are left out of coverage and width."""
    both = list(zip(intervals, truths, strict=True))
    bias = [each.estimate - truth for each, truth in both if each.estimate is not None]
    known = [(each.low, each.high, truth) for each, truth in both if each.low is not None]
    held = [low <= truth <= high for low, high, truth in known if high is not None]
    width = [high - low for low, high, _ in known if high is not None]
    error = float(np.std(bias)) / np.sqrt(len(bias))
    return Score(100 * float(np.mean(bias)), 100 * error, float(np.mean(held)), 100 * float(np.mean(width)))


def said(score: Score) -> str:
    """Return a score for a table."""
    return f"{score.bias:+7.2f} ±{score.error:.2f} {score.coverage:7.1%} {score.width:6.1f}"


def print_rows(worlds: str, rows: Iterator[tuple[str, str, list[Found]]]) -> None:
    """Print a table of what is in use beside the naive way."""
    print(f"{worlds:44}{'':24}{'truth':>6}   {'ours: bias, held, width':31}{'naive: bias, held, width':31}")
    for world, name, found in rows:
        truths = [each.truth for each in found]
        ours = scored([each.ours for each in found], truths)
        naive = scored([each.naive for each in found], truths)
        print(
            f"{world:44}{name:24}{100 * float(np.mean(truths)):6.1f}  {said(ours)}   {said(naive)}",
            flush=True,
        )


def labels(worlds: int, chats: Mapping[str, Chat]) -> Iterator[tuple[str, str, list[Found]]]:
    """Yield what scores against labels did in each kind of chat."""
    for name, chat in chats.items():
        truth = truth_of(chat)
        found = [scores_in(chat, seed, truth) for seed in range(worlds)]
        for score in SCORES:
            yield name, score, [each[score] for each in found]


def print_labels(worlds: int, chats: Mapping[str, Chat] = CHATS) -> None:
    """Print scores against labels."""
    print_rows("labels", labels(worlds, chats))


CERTIFIED_RATE, FLOOR, BATCH = 0.05, 0.2, 64
WORSE_BY = (1.4, 2.0, 3.0, 6.0, 20.0)


class Watched(NamedTuple):
    """What went by before the watch alarmed: audits, and wrong sanctions that no audit undid."""

    audits: int
    wronged: int


def watched(worse: float, seed: int) -> Watched:
    """Return what a sudden change to so many times the certified rate costs; looked at after each batch."""
    random, detector = np.random.default_rng([seed, 5]), DriftDetector(CERTIFIED_RATE, FLOOR)
    audits = wronged = since = 0
    while True:
        is_error = random.random(BATCH) < min(1.0, CERTIFIED_RATE * worse)
        is_audited = random.random(BATCH) < FLOOR
        wronged += int((is_error & ~is_audited).sum())
        has_alarmed = False
        for error, audited in zip(is_error, is_audited, strict=True):
            since += 1
            if audited:
                audits += 1
                has_alarmed |= detector.alarms_at(comments=since, error_at=FLOOR if error else None)
                since = 0
        if has_alarmed:
            return Watched(audits, wronged)


def print_watch(worlds: int) -> None:
    """Print how many are wronged between a sudden change and the alarm."""
    print(
        "watch, after a sudden change: times the target, audits and wrong sanctions until the alarm, median (95th)"
    )
    for worse in WORSE_BY:
        seen = [watched(worse, seed) for seed in range(worlds)]
        median, late = np.quantile(seen, 0.5, axis=0), np.quantile(seen, 0.95, axis=0)
        print(
            f"  {worse:4g} {median[0]:8,.0f} ({late[0]:,.0f}) {median[1]:8,.0f} ({late[1]:,.0f})", flush=True
        )


class Policy(NamedTuple):
    """How audits are chosen: the share that is audited for certain, by what, and everyone else's chance."""

    certain: float
    floor: float
    by: str = "doubt"


POLICIES = {
    "random .05": Policy(0.0, 0.05),
    "uncertain .05, floor .01": Policy(0.04, 0.01),
    "uncertain .10, floor .03": Policy(0.07, 0.03),
    "severity .10, floor .03": Policy(0.07, 0.03, "severity"),
    "committee .10, floor .03": Policy(0.07, 0.03, "committee"),
}


class Audited(NamedTuple):
    """A chat in which a Student errs the more the less sure it is: what is a violation to Student and Expert.

    And which comments are audited, and how likely that was.
    """

    user: NDArray[np.int64]
    flagged: Flags
    violation: Flags
    is_audited: Flags
    probability: Floats


def audited_chat(policy: Policy, seed: int, users: int = 150, comments: int = AUDITED_COMMENTS) -> Audited:
    """Return one chat under an audit policy."""
    random = np.random.default_rng([seed, 11])
    user = authors(random, users, comments)
    score = random.normal(-2.2, 1.7, comments) + random.normal(0, 0.7, users)[user]
    expert = random.random(comments) < sigmoid(1.1 * score + random.normal(0, 0.5, users)[user] - 0.1)
    wanted = {
        "doubt": -np.abs(score),
        "severity": score,
        "committee": np.where(
            (score + random.normal(0, 1, comments) > 0) != (score > 0),
            10.0 - np.abs(score),
            -np.abs(score),
        ),
    }[policy.by]
    is_certain = (
        wanted > np.quantile(wanted, 1 - policy.certain) if policy.certain else np.zeros(comments, bool)
    )
    probability = np.where(is_certain, 1.0, policy.floor)
    is_audited = random.random(comments) < probability
    return Audited(user, score > 0, expert, is_audited, probability)


FROM_AUDITS = ("agreement_rate", *AUDITED)


def told_of(chat: Audited) -> dict[str, float]:
    """Return what audits of all its comments would say of a chat."""
    sums = resample(
        of_cells(chat.user, audit_cells(chat, np.ones(chat.user.size))), seed="truth", resamples=0
    )
    return {name: float(value(DEFINITIONS[name], sums.total)[0]) for name in FROM_AUDITS}


def audits_in(policy: Policy, seed: int) -> dict[str, Found]:
    """Return what is estimated from the audits of one chat."""
    chat = audited_chat(policy, seed)
    truth = told_of(chat)
    ours, naive = (
        resample(of_cells(chat.user, audit_cells(chat, weight)), seed=f"world {seed}", resamples=500)
        for weight in (chat.is_audited / chat.probability, chat.is_audited.astype(float))
    )
    return {
        name: Found(
            estimate(name, ours, NO_COPIES),
            estimate(name, naive, NO_COPIES),
            truth[name],
        )
        for name in FROM_AUDITS
    }


def audit_cells(chat: Audited, weight: Floats) -> dict[str, Floats]:
    """Return the sums of `comment_sums` that audits of such weights make."""
    frame = pl.DataFrame({"flagged": chat.flagged, "violation": chat.violation, "weight": weight})
    found = frame.select(sums_of_found(pl.col("flagged"), pl.col("violation"), pl.col("weight")))
    agreed = weight * (chat.flagged == chat.violation)
    return {
        "a_n": weight,
        "a_squares": weight**2,
        "a_both": agreed,
        **{name: found[name].to_numpy() for name in found.columns},
    }


def of_cells(user: NDArray[np.int64], cells: dict[str, Floats]) -> pl.DataFrame:
    """Return the sums that `resample` takes, where no text is shared."""
    frame = pl.DataFrame({"cluster": user, **cells})
    rest = (pl.lit(0.0).alias(name) for name in SUMS if name not in cells)
    return frame.select(pl.col("cluster").cast(pl.String), *cells, *rest)


def audits(worlds: int) -> Iterator[tuple[str, str, list[Found]]]:
    """Yield what estimates from audits did under each policy."""
    for name, policy in POLICIES.items():
        found = [audits_in(policy, seed) for seed in range(worlds)]
        for estimated in FROM_AUDITS:
            yield name, estimated, [each[estimated] for each in found]


def print_audits(worlds: int) -> None:
    """Print what the audits show of all comments: of this chat's, and of users' whom it never saw."""
    rows = list(audits(worlds))
    print_rows("audits; truth: the whole chat", iter(rows))
    # No audits are drawn on the way to it, so any policy's chat will do, with as many users as make chance small.
    unseen = told_of(audited_chat(POLICIES["random .05"], 0, users=40_000, comments=2_000_000))
    beyond = [
        (policy, name, [each._replace(truth=unseen[name]) for each in found]) for policy, name, found in rows
    ]
    print_rows("audits; truth: users never seen", iter(beyond))


class Told(NamedTuple):
    """Of equal configs: whether the first, the cheapest, is called worse than the best, and whether any differs."""

    worse: bool
    differs: bool


def told_apart(count: int, seed: int, users: int = 100, comments: int = 1_000) -> tuple[Told, Told]:
    """Return what is said of equal configs that differ on a tenth of the comments, in use and naively."""
    random = np.random.default_rng([seed, count])
    user = authors(random, users, comments)
    label = random.random(comments) < sigmoid(random.normal(0, 0.7, users)[user] - 2)
    flags = [random.random(comments) < np.where(label, 0.7, 0.03) for _ in range(count + 1)]
    is_own = random.random((count, comments)) < 0.1
    frame = pl.DataFrame({"cluster": user.astype(str)})
    for k in range(count):
        flag = np.where(is_own[k], flags[k], flags[count])
        hits, misses = pl.Series(f"{k}.hits", flag & label), pl.Series(f"{k}.misses", flag ^ label)
        frame = frame.with_columns(hits.cast(pl.Float64), misses.cast(pl.Float64))
    resampled = resample(frame, seed=f"world {seed}", resamples=600)
    point, drawn = (
        np.array([2 * s[f"{k}.hits"] / (2 * s[f"{k}.hits"] + s[f"{k}.misses"]) for k in range(count)])
        for s in (resampled.total, resampled.resamples)
    )
    best = int(point[:, 0].argmax())
    pairs = [(0, best), *((i, j) for i in range(count) for j in range(i + 1, count) if (i, j) != (0, best))]
    gaps, to_first = (
        [Difference(float(point[i, 0] - point[j, 0]), drawn[i] - drawn[j]) for i, j in which]
        for which in (pairs, [(i, 0) for i in range(1, count)])
    )
    ours = Told(_is_below(together(gaps)[0]), any(map(_differs, together(to_first))))
    alone = [interval(each.point, each.drawn) for each in to_first]
    return ours, Told(_is_below(interval(gaps[0].point, gaps[0].drawn)), any(map(_differs, alone)))


def _is_below(found: Interval) -> bool:
    return found.high is not None and found.high < 0


def _differs(found: Interval) -> bool:
    return found.low is not None and found.high is not None and not found.low <= 0 <= found.high


def print_verdict(worlds: int) -> None:
    """Print how often equal configs are told apart."""
    print("verdict, equal configs: the cheapest is called worse, some differ from it; ours, naive")
    for count in (2, 6, 13):
        told = np.array([told_apart(count, seed) for seed in range(worlds)], dtype=float).mean(axis=0)
        print(
            f"  {count:3} configs {told[0][0]:7.1%} {told[1][0]:7.1%}   {told[0][1]:7.1%} {told[1][1]:7.1%}",
            flush=True,
        )


def print_calibration(worlds: int) -> None:
    """Print how far off a perfectly calibrated Student is said to be."""
    print(
        "calibration, a Student that is right: audits, said to be off by (points), interval begins at 0; naive"
    )
    for size in (60, 250, 1_000):
        ours, naive = [], []
        for seed in range(worlds):
            random = np.random.default_rng([seed, size])
            probability = random.beta(1, 3, size=size)
            violation, weight = random.random(size) < probability, np.ones(size)
            ours.append(calibration_error(probability, violation, weight))
            place = np.minimum((probability * 10).astype(np.int64), 9)
            naive.append(mean_gap(probability, violation, weight, place))
        error = 100 * float(np.mean([each.error for each in ours]))
        held = float(np.mean([each.low == 0 for each in ours]))
        print(f"  {size:6,} {error:6.1f} {held:7.1%}   {100 * float(np.mean(naive)):6.1f}", flush=True)


PARTS: dict[str, Callable[[int], None]] = {
    "labels": print_labels,
    "audits": print_audits,
    "verdict": print_verdict,
    "calibration": print_calibration,
    "watch": print_watch,
}


def main() -> None:
    """Simulate, and print both sides."""
    parser = argparse.ArgumentParser(
        description="Do estimates hit the truth, and do their intervals hold it?"
    )
    parser.add_argument("--worlds", type=int, default=200)
    parser.add_argument("--only", choices=list(PARTS))
    parser.add_argument(
        "--chat", choices=list(CHATS), action="append", help="labels of this kind of chat alone"
    )
    asked = parser.parse_args()
    began = time.perf_counter()
    print(f"{asked.worlds:,} worlds each; {COMMENTS:,} comments, {AUDITED_COMMENTS:,} where audited")
    print("points, 95 % intervals")
    if asked.chat:
        print_labels(asked.worlds, {name: CHATS[name] for name in asked.chat})
        return
    for name, part in PARTS.items():
        if asked.only in (None, name):
            part(asked.worlds)
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
