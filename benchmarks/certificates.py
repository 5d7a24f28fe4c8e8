"""Do certificates hold, and do they come? Simulated worlds, looked at after every batch.

    python -m benchmarks.certificates [--worlds 1000] [--comments 60000] [--only hard|half|drift]

Three kinds of sanctions in each world. In *hard* worlds one kind drifts from half its target to one and a half
of it, one is .2 % of all comments with errors at 1.05 times its target, one stays at 1.05 times; what is let
through is missed at 1.02 times its target. A world counts as false when any row is `valid` at any look at which
the errors of its window, found or not, are above its target. In *half* worlds every error is half as frequent as
its target allows, and asked is how many audits it took. Beside it, in the same worlds and at the same looks: the
Clopper-Pearson bound, made for one look, at the same share of the allowed error per row, and at 5 % per row.

In *drift* worlds, ten times as long and a twenty-fifth as many, floors and targets are those of the ready-made
config `certified`: sanctions are audited ten times likelier than the rest. Errors are at .4 of every target for the
first half, and at three times the target after it. Asked is whether the watch alarms in the first half, and how
many audits it takes in the second.

Truth is known here and nowhere else; nothing of the simulation is in the product.
"""

from __future__ import annotations

import argparse
import os
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, lru_cache, partial
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, pdtr

from moderation_pipeline.certificates.certificate_rows import RowKey
from moderation_pipeline.certificates.decided_alone import DecidedAlone, NoAudit
from moderation_pipeline.certificates.ledger import Ledger, RowStanding
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.run_config import AuditSpec, AutonomySpec, Config, RandomFloor
from moderation_pipeline.plan import Action, Category, Plan
from moderation_pipeline.statistics.time_uniform import ErrorBound
from moderation_pipeline.warehouse.folder import DataFolder

BATCH = 64
ALPHA = 0.05
AUDIT = AuditSpec.model_validate({"rate": 0.2, "random_floor": {"allow": 0.1, "sanctions": 0.2}})
AUTONOMY = AutonomySpec(
    max_wrongful_per_1000_sanctions=50, max_wrongful_per_1000_comments=14.1, max_missed_per_1000_allowed=20
)
ALLOW = Plan(Action.ALLOW, Category.NONE, 1.0)
KINDS = (
    Plan(Action.DELETE, Category.HARASSMENT, 1.0),
    Plan(Action.TIMEOUT, Category.HATE, 1.0),
    Plan(Action.WARN, Category.SPAM, 1.0),
)
SHARES = (0.14, 0.002, 0.14)
"""How often each kind is proposed: hate is the .2 % of comments."""

CERTIFIED_SHARES = (0.0099, 0.0002, 0.0099)
"""Sanctions are 2 % of comments, so that errors at one share of both targets of `certified` are possible."""

CALM, WORSE = 0.4, 3.0
"""Errors as a share of the target in the halves of a drift world."""

DRIFT_WORLDS_PER_WORLD, DRIFT_COMMENTS_PER_COMMENT = 1 / 25, 10


class World(NamedTuple):
    """A stream decided alone: which comment got which plan, which are errors, which were audited, by what floor."""

    kind: NDArray[np.int8]
    is_error: NDArray[np.bool_]
    is_audited: NDArray[np.bool_]
    floor: RandomFloor


class Alarms(NamedTuple):
    """Of a drift world: the audits of its calm half, whether one alarmed, and those until the worse half did."""

    calm_audits: int
    is_false: bool
    audits_until_alarm: int | None


class Seen(NamedTuple):
    """What came of a world: rows falsely valid at some look, the audits until a row was valid, and all of them."""

    false: set[RowKey]
    false_at_one_look: set[RowKey]
    false_uncorrected: set[RowKey]
    audits_until_valid: dict[RowKey, int]
    audits: dict[RowKey, int]


def draw_world(seed: int, comments: int, *, is_hard: bool) -> World:
    """Return a seeded world; kind -1 is let through."""
    rng = np.random.default_rng(seed)
    kind = _kinds(rng, comments, SHARES)
    missed, wrongful = (
        AUTONOMY.max_missed_per_1000_allowed / 1000,
        AUTONOMY.max_wrongful_per_1000_sanctions / 1000,
    )
    rate = np.where(kind < 0, missed, wrongful) * 0.5
    if is_hard:
        drift = np.where(np.arange(comments) < comments // 3, 0.5, 1.5)
        factor = np.select([kind < 0, kind == 0, kind == 1], [1.02, drift, 1.05], 1.05)
        rate *= 2 * factor
    return _drawn(rng, kind, rate, AUDIT.random_floor)


def draw_drift_world(seed: int, comments: int, certified: Config) -> World:
    """Return a seeded world with the floors and targets of a config, calm in its first half and worse in its second."""
    assert certified.autonomy is not None
    rng = np.random.default_rng(seed)
    kind = _kinds(rng, comments, CERTIFIED_SHARES)
    missed, wrongful = (
        certified.autonomy.max_missed_per_1000_allowed / 1000,
        certified.autonomy.max_wrongful_per_1000_sanctions / 1000,
    )
    factor = np.where(np.arange(comments) < comments // 2, CALM, WORSE)
    return _drawn(rng, kind, np.where(kind < 0, missed, wrongful) * factor, certified.audit.random_floor)


def _kinds(rng: np.random.Generator, comments: int, shares: Sequence[float]) -> NDArray[np.int8]:
    return rng.choice(4, size=comments, p=[1 - sum(shares), *shares]).astype(np.int8) - np.int8(1)


def _drawn(
    rng: np.random.Generator, kind: NDArray[np.int8], rate: NDArray[np.float64], floor: RandomFloor
) -> World:
    probability = np.where(kind < 0, floor.allow, floor.sanctions)
    return World(kind, rng.random(kind.size) < rate, rng.random(kind.size) < probability, floor)


def decided_alone(world: World) -> Iterator[list[DecidedAlone]]:
    """Yield the world's comments, batch by batch, as the loop hands them to the ledger."""
    columns = (world.kind.tolist(), world.is_error.tolist(), world.is_audited.tolist())
    floor = (world.floor.allow, world.floor.sanctions)
    comments = [
        DecidedAlone(position, *_outcome(kind, is_error, is_audited, *floor))
        for position, (kind, is_error, is_audited) in enumerate(zip(*columns, strict=True))
    ]
    for start in range(0, len(comments), BATCH):
        yield comments[start : start + BATCH]


@cache
def _outcome(
    kind: int, is_error: bool, is_audited: bool, of_allowed: float, of_sanctions: float
) -> tuple[Plan, float, Plan | NoAudit]:
    plan = ALLOW if kind < 0 else KINDS[kind]
    right = KINDS[0] if is_error and kind < 0 else ALLOW if is_error else plan
    probability = of_allowed if kind < 0 else of_sanctions
    return plan, probability, right if is_audited else NoAudit.NOT_DRAWN


class Truth:
    """All errors of a world by row, in stream order, so that those of any window can be counted."""

    def __init__(self, world: World) -> None:
        self._errors: dict[RowKey, list[int]] = defaultdict(list)
        for position in np.flatnonzero(world.is_error).tolist():
            for key in rows_of_error(int(world.kind[position])):
                self._errors[key].append(position)

    def errors(self, key: RowKey, window_from: int, until: int) -> int:
        """Return how many errors of the row are at positions from `window_from` up to, not including, `until`."""
        errors = self._errors[key]
        return bisect_left(errors, until) - bisect_left(errors, window_from)


@cache
def rows_of_error(kind: int) -> tuple[RowKey, ...]:
    """Return the rows in which an error at a comment of this kind counts."""
    if kind < 0:
        return (RowKey("all", "all", "allowed"), RowKey("allow", KINDS[0].category, "allowed"))
    plan = KINDS[kind]
    own = [RowKey(plan.action, plan.category, of) for of in ("sanctions", "comments")]
    return (RowKey("all", "all", "sanctions"), RowKey("all", "all", "comments"), *own)


@cache
def audits_at_one_look(errors: int, target: float, alpha: float) -> int:
    """Return how many audits with so many errors Clopper-Pearson's one-sided bound takes to meet the target."""
    low, high = errors, 64 + 64 * (errors + 1) * int(1 / target)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if bdtr(errors, middle, target) <= alpha else (middle, high)
    return high


def look_at(seed: int, *, comments: int, is_hard: bool) -> Seen:
    """Run one world through the ledger, and compare with the truth after every batch."""
    world = draw_world(seed, comments, is_hard=is_hard)
    truth, ledger = Truth(world), Ledger(AUTONOMY, AUDIT)
    seen = Seen(set(), set(), set(), {}, {})
    until = 0
    for batch in decided_alone(world):
        ledger.take_in(batch)
        until += len(batch)
        for row in ledger.standings():
            at_one_look, uncorrected = passes_one_look(row, row.alpha), passes_one_look(row, ALPHA)
            if row.is_valid:
                seen.audits_until_valid.setdefault(row.key, row.audits)
            if row.is_valid or uncorrected:
                errors = truth.errors(row.key, ledger.window_from, until)
                if errors > row.target * row.comments:
                    seen.false.update([row.key] * row.is_valid)
                    seen.false_at_one_look.update([row.key] * at_one_look)
                    seen.false_uncorrected.update([row.key] * uncorrected)
    seen.audits.update((row.key, row.audits) for row in ledger.standings())
    return seen


def alarms_in(seed: int, *, comments: int) -> Alarms:
    """Run one drift world through the ledger; a window that begins anew is an alarm, for no model changes."""
    certified = ConfigLibrary(DataFolder.find()).load("certified").config
    assert certified.autonomy is not None
    world = draw_drift_world(seed, comments, certified)
    ledger, worse_from = Ledger(certified.autonomy, certified.audit), comments // 2
    alarms: set[int] = set()
    for batch in decided_alone(world):
        ledger.take_in(batch)
        alarms.add(ledger.window_from)
    audits = np.cumsum(world.is_audited)
    calm = int(audits[worse_from - 1])
    true = min((at for at in alarms if at > worse_from), default=None)
    until = None if true is None else int(audits[true - 1]) - calm
    return Alarms(calm, any(0 < at <= worse_from for at in alarms), until)


def passes_one_look(row: RowStanding, alpha: float) -> bool:
    """Whether Clopper-Pearson would certify the row now; per comment p is unequal, where it can't be used."""
    if row.key.denominator == "comments":
        return False
    return row.audits >= audits_at_one_look(row.errors, row.target, alpha)


def simulate(worlds: int, comments: int, *, is_hard: bool) -> list[Seen]:
    """Return what came of so many seeded worlds, simulated on all cores."""
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        look = partial(look_at, comments=comments, is_hard=is_hard)
        return list(pool.map(look, range(worlds), chunksize=max(1, worlds // 64)))


def simulate_drift(worlds: int, comments: int) -> list[Alarms]:
    """Return what the watch made of so many seeded drift worlds, simulated on all cores."""
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        return list(pool.map(partial(alarms_in, comments=comments), range(worlds)))


class Promptness(NamedTuple):
    """How soon a row became valid, over the worlds in which enough of it was audited to tell."""

    key: RowKey
    stated: int
    worlds: int
    within: float
    median: float


def promptness(half: Sequence[Seen]) -> Iterator[Promptness]:
    """Yield, for each row, the share of worlds in which it was valid within the number of audits stated."""
    for key in sorted(
        {key for seen in half for key in seen.audits}, key=lambda key: (key.action != "all", key)
    ):
        stated = stated_audits(key)
        told = [seen for seen in half if seen.audits.get(key, 0) >= stated]
        took = [seen.audits_until_valid.get(key, 10**9) for seen in told]
        if told:
            yield Promptness(
                key,
                stated,
                len(told),
                sum(each <= stated for each in took) / len(took),
                float(np.median(took)),
            )


AT_LAST = 0.8
"""The share of runs for which `audits_where_errors_are` says a number that suffices."""


@lru_cache(maxsize=1_024)
def audits_where_errors_are(rate: float, target: float, alpha: float, least_probability: float) -> int:
    """Return how many audits at the least probability suffice in AT_LAST of all runs, if errors are at `rate`.

    With n audits, errors found are Poisson with mean n · rate; with so many errors as are exceeded in 1 - AT_LAST
    of all runs, the target has to be met after n. Reckoned without looks on the way, which only come sooner.

    Raises:
        ValueError: a rate that is not below the target, which no number of audits certifies.
    """
    if rate >= target:
        raise ValueError(f"Errors at {rate} are not below the target {target}: no audits suffice.")
    errors, bound = 0, ErrorBound(least_probability)
    while True:
        needed = bound.errors_ruled_out(alpha) / target * least_probability
        if pdtr(errors, needed * rate) >= AT_LAST:
            return ceil(needed)
        errors += 1
        bound.found_error(least_probability)


def stated_audits(key: RowKey) -> int:
    """Return the audits that are stated to suffice where errors are half the target; per comment, of all audits."""
    ledger = Ledger(AUTONOMY, AUDIT)
    target, alpha, floor = ledger.terms(key)
    audits = audits_where_errors_are(target / 2, target, alpha, floor)
    if key.denominator != "comments":
        return audits
    sanctioned = sum(SHARES)
    audited_share = sanctioned * AUDIT.random_floor.sanctions + (1 - sanctioned) * AUDIT.random_floor.allow
    return round(audits / floor * audited_share)


def print_false(name: str, worlds: Sequence[Seen]) -> None:
    """Print the share of worlds with any false `valid`, by the bound in use and by one made for a single look."""
    ours = sum(bool(seen.false) for seen in worlds) / len(worlds)
    one_look = sum(bool(seen.false_at_one_look) for seen in worlds) / len(worlds)
    uncorrected = sum(bool(seen.false_uncorrected) for seen in worlds) / len(worlds)
    print(
        f"  {name:16} time-uniform {ours:6.1%}   Clopper-Pearson at every look {one_look:6.1%},"
        f" at 5 % per row {uncorrected:6.1%}",
        flush=True,
    )


def print_promptness(worlds: Sequence[Seen]) -> None:
    """Print how soon each row became valid."""
    print(
        "errors at half the target: row, audits stated, worlds with so many, valid within them, median audits"
    )
    for key, stated, worlds_told, within, median in promptness(worlds):
        print(f"  {'/'.join(key):32} {stated:6,} {worlds_told:6,} {within:6.1%} {median:8,.0f}")


def print_alarms(worlds: Sequence[Alarms]) -> None:
    """Print how often the watch alarmed without drift, and how soon with it."""
    false = sum(each.is_false for each in worlds)
    seen = [each.audits_until_alarm for each in worlds if each.audits_until_alarm is not None]
    soon = f", after {np.median(seen):,.0f} audits in the median" if seen else ""
    print(
        f"drift, floors and targets of `certified`: an alarm while errors were at {CALM:g} of the target in"
        f" {false} of {len(worlds)} worlds of {np.mean([each.calm_audits for each in worlds]):,.0f} audits; once"
        f" they were at {WORSE:g} times it, in {len(seen)} of {len(worlds)}{soon}"
    )


def main() -> None:
    """Simulate, and print both sides."""
    parser = argparse.ArgumentParser(description="Do certificates hold at every look, and do they come?")
    parser.add_argument("--worlds", type=int, default=1_000)
    parser.add_argument("--comments", type=int, default=60_000)
    parser.add_argument(
        "--only", choices=("hard", "half", "drift"), help="one kind of world, to split the time it takes"
    )
    asked = parser.parse_args()
    began = time.perf_counter()
    error = 1.96 * (0.05 * 0.95 / asked.worlds) ** 0.5
    looks = -(-asked.comments // BATCH)
    print(f"{asked.worlds:,} worlds of {asked.comments:,} comments, {looks:,} looks each, 95 % confidence")
    print(f"worlds with any false `valid` at any look (allowed: 5 %, simulation's own error {error:.1%}):")
    if asked.only in (None, "hard"):
        print_false("hard", simulate(asked.worlds, asked.comments, is_hard=True))
    if asked.only in (None, "half"):
        half = simulate(asked.worlds, asked.comments, is_hard=False)
        print_false("half the target", half)
        print_promptness(half)
    if asked.only in (None, "drift"):
        drifting = max(1, round(asked.worlds * DRIFT_WORLDS_PER_WORLD))
        print_alarms(simulate_drift(drifting, asked.comments * DRIFT_COMMENTS_PER_COMMENT))
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
