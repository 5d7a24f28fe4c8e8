"""Whom audits should look at where violations are rare, and whether it costs anything where they are not.

    python -m benchmarks.rare_violations [--only twitch conda] [--rates .05 .10] [--seeds 5] [--last]

Three ways to spend the same audits, with the labels as the Expert and no memory, on 27 Twitch channels (one violation
in 270 comments: what a moderator acted on) and on the research stream (one in five): `uncertain` with the threshold of
the Student alone, which is how it was; `uncertain` with the threshold of the system; `averted_harm`, a missed
violation and a wrongful sanction weighed alike. Scored is the second half, as in `learning_curve`. Differences to the
first way are paired: over orders of the research stream (Student's t), over the Twitch channels (bootstrap).
With `--last` the last way runs alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from benchmarks.keyless_quality import TWITCH
from benchmarks.learning_curve import EXPECTED_PER_1000, interval
from benchmarks.research_stream import Flags, research_stream, shared_data
from moderation_pipeline.agents.build_agents import Agents
from moderation_pipeline.agents.keyless.rules import RulesStudent
from moderation_pipeline.agents.labels_expert import LabelsExpert
from moderation_pipeline.agents.learned.learned_student import LearnedStudent
from moderation_pipeline.comments.columns import ColumnsSpec
from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.config.agent_specs import LearnedSpec
from moderation_pipeline.config.run_config import Config, NamedConfig
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.moderation.loop import moderate
from moderation_pipeline.moderation.run_tables import RunTables
from moderation_pipeline.warehouse.folder import DataFolder

RESAMPLES = 2_000

LEARNED_FIRST = 60
"""The first audits that chance draws at the full rate under `learned`; none on the research stream, as ever there."""


class Way(NamedTuple):
    """A way to spend audits: the policy, and whether the threshold is the system's."""

    name: str
    policy: str
    is_systems: bool


WAYS = (
    Way("uncertain, threshold of the Student", "uncertain", is_systems=False),
    Way("uncertain, threshold of the system", "uncertain", is_systems=True),
    Way("averted_harm", "averted_harm", is_systems=True),
)


class Outcome(NamedTuple):
    """What became of the second half's labelled comments, in their order."""

    truth: Flags
    audited: Flags
    alone: Flags
    """Whether the system acts without an audit of the comment itself."""
    channels: pl.Series
    share_audited: float


def twitch() -> pl.DataFrame:
    """Return the comments of the Twitch channels."""
    return ingest(
        shared_data() / "twitch_dev.parquet", "twitch", columns=ColumnsSpec.model_validate(TWITCH)
    ).comments


def moderated(
    comments: pl.DataFrame, way: Way, rate: float, expected_per_1000: float, random_first: int, seed: int = 7
) -> RunTables:
    """Run the loop; `seed` is chance's."""
    config = Config.model_validate(
        {
            "student": {"backend": "learned", "base": {"backend": "rules"}},
            "expert": {"backend": "labels"},
            "memory": None,
            "audit": {"policy": way.policy, "rate": rate, "random_floor": 0.01, "random_first": random_first},
            "expected_violations_per_1000": expected_per_1000,
            "loop": {"seed": seed},
        }
    )
    harm = config.audit.harm.acts_from if way.policy == "averted_harm" else None
    student = LearnedStudent(
        LearnedSpec(), RulesStudent(), may_train=True, audits_act=way.is_systems, acts_from=harm
    )
    folder = DataFolder.find()
    return moderate(
        comments,
        NamedConfig(name="learned", path=folder.root, config=config),
        agents=Agents(student, LabelsExpert(comments), None),
        memory=None,
        ladder=Ladder(load_sanctions("default", folder)),
    )


def outcome_of(comments: pl.DataFrame, tables: RunTables, way: Way) -> Outcome:
    """Return what became of the second half; before precedents, the Student's plans stood."""
    acted = (tables.action_log if way.is_systems else tables.student_decisions)["category"] != "none"
    rows = comments.select(
        "channel",
        truth="label_is_violation",
        audited=pl.col("comment_id").is_in(tables.expert_audits["comment_id"].implode()),
        alone=acted,
    )
    second = rows.slice(comments.height // 2)
    known = second.filter(pl.col("truth").is_not_null())
    truth, audited, alone = (
        known[name].to_numpy().astype(np.bool_) for name in ("truth", "audited", "alone")
    )
    return Outcome(truth, audited, alone, known["channel"], float(np.mean(second["audited"].to_numpy())))


def cells(outcome: Outcome) -> tuple[Flags, Flags]:
    """Return where the system acts rightly, and, for the denominator of F1, where it acts and where it should."""
    acts = np.where(outcome.audited, outcome.truth, outcome.alone)
    return acts & outcome.truth, np.stack([acts, outcome.truth])


def system_f1(outcome: Outcome) -> float:
    """Return F1 of the system: the labels where it audited."""
    hits, either = cells(outcome)
    return 2 * float(hits.sum()) / max(1.0, float(either.sum()))


def by_channel(before: Sequence[Outcome], now: Sequence[Outcome]) -> str:
    """Return the difference of F1, of all runs together, with its 95 % interval over resampled channels."""
    names = before[0].channels.unique(maintain_order=True)
    sums = []
    for outcomes in (before, now):
        frame = pl.concat(map(by_comment, outcomes))
        of = frame.group_by("channel").agg(pl.col("hits").sum(), pl.col("either").sum())
        sums.append(pl.DataFrame({"channel": names}).join(of, on="channel", how="left")[:, 1:].to_numpy())
    drawn = np.random.default_rng(0).integers(0, len(names), (RESAMPLES, len(names)))
    f1s = [2 * each[drawn, 0].sum(axis=1) / np.maximum(1, each[drawn, 1].sum(axis=1)) for each in sums]
    low, high = np.quantile(f1s[1] - f1s[0], [0.025, 0.975])
    apart = np.mean([system_f1(each) for each in now]) - np.mean([system_f1(each) for each in before])
    return f"{apart:+.3f} [{low:+.3f}, {high:+.3f}]"


def by_comment(outcome: Outcome) -> pl.DataFrame:
    """Return what each comment adds to F1."""
    hits, either = cells(outcome)
    return pl.DataFrame({"channel": outcome.channels, "hits": hits, "either": either.sum(axis=0)})


def print_row(way: Way, rate: float, outcomes: Sequence[Outcome], difference: str) -> None:
    """Print a row: means over the runs."""
    found = np.mean([(each.audited & each.truth).sum() / each.truth.sum() for each in outcomes])
    alone = [(each.alone & ~each.audited) for each in outcomes]
    right = np.mean([(acts & each.truth).sum() for acts, each in zip(alone, outcomes, strict=True)])
    print(
        f"{way.name:36} {rate:5.0%} {np.mean([each.share_audited for each in outcomes]):8.2%} {found:9.1%} "
        f"{np.mean([acts.sum() for acts in alone]):9.0f} {right:6.0f} "
        f"{interval([system_f1(each) for each in outcomes]):>14}  {difference}",
        flush=True,
    )


def print_twitch(ways: Sequence[Way], rates: Sequence[float], seeds: int) -> None:
    """Print the rows of the Twitch channels: as many runs of each way, which differ in what chance draws."""
    comments = twitch()
    for rate in rates:
        before: list[Outcome] = []
        for way in ways:
            runs = (moderated(comments, way, rate, 2, LEARNED_FIRST, seed) for seed in range(seeds))
            now = [outcome_of(comments, each, way) for each in runs]
            before = before or now
            print_row(way, rate, now, "" if before is now else by_channel(before, now))


def print_conda(ways: Sequence[Way], rates: Sequence[float], seeds: int) -> None:
    """Print the rows of the research stream."""
    streams = [research_stream(seed) for seed in range(seeds)]
    for rate in rates:
        before: list[float] = []
        for way in ways:
            runs = [
                outcome_of(each, moderated(each, way, rate, EXPECTED_PER_1000, 0), way) for each in streams
            ]
            f1s = [system_f1(each) for each in runs]
            difference = (
                interval([one - other for one, other in zip(f1s, before, strict=True)]) if before else ""
            )
            before = before or f1s
            print_row(way, rate, runs, difference)


def main() -> None:
    """Read the arguments and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=("twitch", "conda"), default=["twitch", "conda"])
    parser.add_argument("--rates", nargs="+", type=float, default=[0.05, 0.10])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--last", action="store_true")
    given = parser.parse_args()
    ways = WAYS[-1:] if given.last else WAYS
    print(
        f"{'':36} {'rate':>5} {'audited':>8} {'violations':>10} {'acts alone':>9} {'right':>5} {'system F1':>14}  "
        "more than the first way"
    )
    if "twitch" in given.only:
        print("27 Twitch channels")
        print_twitch(ways, [0.05], given.seeds)
    if "conda" in given.only:
        print("research stream")
        print_conda(ways, given.rates, given.seeds)


if __name__ == "__main__":
    main()
