"""How much the learned Student learns from how many audits: Student F1 and system F1 against the share audited.

    python -m benchmarks.learning_curve [--seeds 5] [--policies uncertain random …] [--rates .05 .10] [--only …]

On the research stream (CONDA's labelled comments, matches in a seeded order), with the labels as the Expert.
Prints, as mean and 95 % interval over the seeds, every policy and rate with memory off and on, beside the
prototype, scikit-learn's logistic regression trained offline on all labels of the first half (the ceiling), and
the keyless Students and Expert; then the time of the loop against the prototype's, both from the comments table.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from scipy.stats import t as students_t
from sklearn.linear_model import LogisticRegression

from benchmarks.prototype import features, run_prototype
from benchmarks.research_stream import Score, research_stream, scored
from moderation_pipeline.agents.build_agents import Agents
from moderation_pipeline.agents.keyless.careful_rules import CarefulRulesExpert
from moderation_pipeline.agents.keyless.rules import RulesStudent
from moderation_pipeline.agents.labels_expert import LabelsExpert
from moderation_pipeline.agents.learned.learned_student import LearnedStudent
from moderation_pipeline.config.agent_specs import LearnedSpec
from moderation_pipeline.config.run_config import Config, NamedConfig
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.embedders.tfidf import TfidfEmbedder
from moderation_pipeline.memory.store import MemoryStore
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.moderation.loop import moderate
from moderation_pipeline.moderation.run_tables import RunTables
from moderation_pipeline.moderation.stream import Stream
from moderation_pipeline.warehouse.folder import DataFolder

Each = Callable[..., list[Any]]
"""Does the same work for every seed."""

BY_RATE = ("uncertain", "random", "severity", "committee", "novelty")
"""Policies that audit a share; the others audit all comments or none."""


EXPECTED_PER_1000 = 195
"""The violations of CONDA in 1,000 lines."""


def learned_config(policy: str, rate: float, *, memory: bool) -> Config:
    """Return the config of one row of the table."""
    return Config.model_validate(
        {
            "student": {"backend": "learned", "base": {"backend": "rules"}},
            "expert": {"backend": "labels"},
            "memory": {} if memory else None,
            "audit": {"policy": policy, "rate": rate, "random_floor": 0.01},
            "expected_violations_per_1000": EXPECTED_PER_1000,
        }
    )


def run_learned(comments: pl.DataFrame, config: Config, student: LearnedStudent | None = None) -> RunTables:
    """Run the loop, in memory; with a Student of its own, or one whose head is wanted afterwards."""
    folder = DataFolder.find()
    spec = config.student
    if not isinstance(spec, LearnedSpec):
        raise TypeError(f"The learning curve is of the learned Student, not of {spec}.")
    memory = None
    if config.memory is not None:
        memory = MemoryStore(config.memory, TfidfEmbedder(), chat="research", config="learned")
    return moderate(
        comments,
        NamedConfig(name="learned", path=folder.root, config=config),
        agents=Agents(
            student or LearnedStudent(spec, RulesStudent(), may_train=True), LabelsExpert(comments), None
        ),
        memory=memory,
        ladder=Ladder(load_sanctions("default", folder)),
    )


def of_tables(comments: pl.DataFrame, tables: RunTables) -> Score:
    """Score a run's tables."""
    predicted = (tables.student_decisions["category"] != "none").to_numpy().astype(np.bool_)
    audited = comments["comment_id"].is_in(tables.expert_audits["comment_id"].implode()).to_numpy()
    return scored(comments, predicted, audited)


class BothWays(NamedTuple):
    """A run of the loop without and with memory, and the share of the Student's decisions that memory changed."""

    off: Score
    on: Score
    changed: float


def learned(seed: int, policy: str, rate: float) -> BothWays:
    """Score two runs of the loop, without memory and with it."""
    comments = research_stream(seed)
    off, on = (run_learned(comments, learned_config(policy, rate, memory=each)) for each in (False, True))
    decided = [tables.student_decisions["category"] != "none" for tables in (off, on)]
    changed = (decided[0] != decided[1]).mean()
    return BothWays(of_tables(comments, off), of_tables(comments, on), float(str(changed)))


def prototype(seed: int, rate: float) -> Score:
    """Score one run of the prototype."""
    comments = research_stream(seed)
    return scored(comments, *run_prototype(comments, rate, seed=seed))


def offline(seed: int) -> Score:
    """Score logistic regression that was given every label of the first half."""
    comments = research_stream(seed)
    rows, truth = features(comments), comments["label_is_violation"].to_numpy().astype(np.bool_)
    half = len(truth) // 2
    model = LogisticRegression(C=10, solver="liblinear").fit(rows[:half], truth[:half])
    audited = np.arange(len(truth)) < half
    return scored(comments, model.predict(rows).astype(np.bool_), audited)


def keyless(seed: int, who: str) -> Score:
    """Score the rules or the careful rules, which learn nothing."""
    comments = research_stream(seed)
    expert = CarefulRulesExpert()
    config = Config.model_validate(
        {
            "student": "rules",
            "expert": "none",
            "memory": None,
            "audit": {"policy": "none"},
            "expected_violations_per_1000": EXPECTED_PER_1000,
        }
    )
    if who == "careful_rules":
        cases = [case for batch in Stream(comments, EXPECTED_PER_1000 / 1000).batches(64) for case in batch]
        verdicts = asyncio.run(expert.audit(cases))
        predicted = np.array([v.plan is not None and v.plan.is_violation for v in verdicts])
    else:
        folder = DataFolder.find()
        tables = moderate(
            comments,
            NamedConfig(name="rules", path=folder.root, config=config),
            agents=Agents(RulesStudent(), None, None),
            memory=None,
            ladder=Ladder(load_sanctions("default", folder)),
        )
        predicted = (tables.student_decisions["category"] != "none").to_numpy().astype(np.bool_)
    return scored(comments, predicted, np.zeros(len(predicted), dtype=np.bool_))


def interval(values: Sequence[float]) -> str:
    """Return mean and 95 % interval (Student's t) in thousandths, as '.853 ± .004'."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return f"{mean:.3f}"
    half = float(students_t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return f"{mean:.3f} ± {half:.3f}"


def print_row(name: str, scores: Sequence[Score]) -> None:
    """Print one row of the table."""
    student, system, held_out, first, second = zip(*scores, strict=True)
    shares = f"{100 * np.mean(first):5.1f} % {100 * np.mean(second):5.1f} %"
    print(
        f"{name:44} {shares}  {interval(student):>14}  {interval(system):>14}  {interval(held_out):>14}",
        flush=True,
    )


def print_learned(policy: str, rate: float, runs: Sequence[BothWays]) -> None:
    """Print a policy's rows without and with memory, and what memory changes, seed by seed."""
    share = f", {rate:.0%} audits" if policy in BY_RATE else ""
    print_row(f"learned, {policy}{share}", [each.off for each in runs])
    print_row(f"learned, {policy}{share}, memory", [each.on for each in runs])
    changed = 100 * float(np.mean([each.changed for each in runs]))
    said = [
        f"{part} {interval([getattr(each.on, part) - getattr(each.off, part) for each in runs])}"
        for part in ("student", "system")
    ]
    print(f"    memory on - off, paired: {', '.join(said)}; decisions changed {changed:.2f} %", flush=True)


def print_others(each: Each, rates: Sequence[float]) -> None:
    """Print what the learned Student is held against."""
    for who in ("rules", "careful_rules"):
        print_row(f"keyless {who}", each(partial(keyless, who=who)))
    print_row("offline regression, first half's labels", each(offline))
    for rate in rates:
        print_row(f"prototype, {rate:.0%} audits", each(partial(prototype, rate=rate)))


def curve(seeds: Sequence[int], policies: Sequence[str], rates: Sequence[float], *, others: bool) -> None:
    """Print the table."""
    print(f"{'':44} {'audited, halves':>15}  {'Student F1':>14}  {'system F1':>14}  {'held-out lines':>14}")
    with ProcessPoolExecutor(max_workers=2) as pool:
        each: Each = lambda work: list(pool.map(work, seeds))  # noqa: E731
        if others:
            print_others(each, rates)
        for policy in policies:
            for rate in rates if policy in BY_RATE else rates[:1]:
                print_learned(policy, rate, each(partial(learned, policy=policy, rate=rate)))


def speed() -> None:
    """Print how long the loop takes beside the prototype, vectorising in both, start-up and plots in neither.

    And how much all refits together fitted: linear in the audits while the ratio stays what it is at half the stream.
    """
    comments = research_stream(0)
    config = learned_config("uncertain", 0.057, memory=False)
    times: dict[str, list[float]] = {"loop": [], "prototype": []}
    for _ in range(3):
        began = time.process_time()
        run_learned(comments, config)
        times["loop"].append(time.process_time() - began)
        began = time.process_time()
        run_prototype(comments, 0.057, seed=0)
        times["prototype"].append(time.process_time() - began)
    loop, proto = (float(np.median(times[name])) for name in ("loop", "prototype"))
    print(f"{comments.height:,} comments, 5.7 % audits: loop {loop:.1f} s, prototype {proto:.1f} s of CPU")
    print(f"loop / prototype: {loop / proto:.2f}")
    for height in (comments.height // 4, comments.height // 2, comments.height):
        print_refits(comments.head(height), config)


def print_refits(comments: pl.DataFrame, config: Config) -> None:
    """Print the rows that all refits of a run fitted, against its audits."""
    student = LearnedStudent(LearnedSpec(), RulesStudent(), may_train=True)
    audits = run_learned(comments, config, student).expert_audits.height
    print(
        f"{comments.height:6,} comments: {student.refits} refits on {student.fitted_rows:,} rows together, "
        f"{student.fitted_rows / audits:.1f} times the {audits:,} audits",
        flush=True,
    )


def main() -> None:
    """Read the arguments and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--policies", nargs="*", default=[*BY_RATE, "all", "none"])
    parser.add_argument("--rates", nargs="+", type=float, default=[0.05, 0.10])
    parser.add_argument(
        "--only", choices=("learned", "others", "speed"), help="a part, to split the time it takes"
    )
    given = parser.parse_args()
    policies = [] if given.only == "others" else given.policies
    if given.only != "speed":
        curve(range(given.seeds), policies, given.rates, others=given.only != "learned")
    if given.only in (None, "speed"):
        speed()


if __name__ == "__main__":
    main()
