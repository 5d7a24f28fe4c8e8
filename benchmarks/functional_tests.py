"""HateCheck and XSTest, functionality by functionality: what a learned Student gets that never trained on them.

    python -m benchmarks.functional_tests [--seed 0] [--audits 0.05]

The head learns from audits of the research stream (CONDA, the labels as the Expert) and is then frozen; the cases
of both suites are shown to it as a chat of one line per user, without audits. Beside it stands its base, the rules.
A functionality is named by its suite; `kind` says whether its cases are violations (HateCheck's hateful ones,
XSTest's unsafe prompts). Printed is the share of cases judged rightly, and F1 over each suite.

A game's insults teach little about hate or about requests to a model: the table is here to say so.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from benchmarks.learning_curve import learned_config, run_learned
from benchmarks.research_stream import f1, research_stream, shared_data
from moderation_pipeline.agents.build_agents import Agents
from moderation_pipeline.agents.keyless.rules import RulesStudent
from moderation_pipeline.agents.learned.learned_student import LearnedStudent
from moderation_pipeline.agents.learned.model_snapshot import ModelSnapshot
from moderation_pipeline.agents.student import Student
from moderation_pipeline.comments.columns import ColumnsSpec
from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.config.agent_specs import LearnedSpec
from moderation_pipeline.config.run_config import Config, NamedConfig
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.moderation.loop import moderate
from moderation_pipeline.warehouse.folder import DataFolder


class Suite(NamedTuple):
    """A suite's cases: text, functionality and whether it is a violation, as columns of these names."""

    name: str
    cases: pl.DataFrame


def suites() -> Iterator[Suite]:
    """Yield both suites, read from the shared folder; `label_raw` says kind, functionality and focus."""
    for name in ("HateCheck", "XSTest"):
        data = pl.read_parquet(shared_data() / f"{name.lower()}.parquet")
        cases = data.select(
            "text",
            functionality=pl.col("label_raw").str.split("|").list.get(1),
            is_violation="label_toxic",
        )
        yield Suite(name, cases.with_row_index("case"))


def chat_of(suite: Suite) -> pl.DataFrame:
    """Return the cases as a chat, each by a user of its own, so that none is another's context."""
    rows = suite.cases.select(
        message="text",
        author=pl.format("user {}", "case"),
        room=pl.format("room {}", "case"),
        comment_id=pl.format("case {}", "case"),
    )
    columns = {"text": "message", "user_id": "author", "channel": "room", "comment_id": "comment_id"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cases.parquet"
        rows.write_parquet(path)
        return ingest(path, "cases", columns=ColumnsSpec.model_validate(columns)).comments


def flagged(student: Student, comments: pl.DataFrame) -> pl.Series:
    """Return whether the Student finds a violation in each comment, without audits or memory."""
    config = Config.model_validate(
        {
            "student": "rules",
            "expert": "none",
            "memory": None,
            "audit": {"policy": "none"},
            "expected_violations_per_1000": None,
        }
    )
    folder = DataFolder.find()
    tables = moderate(
        comments,
        NamedConfig(name="frozen", path=folder.root, config=config),
        agents=Agents(student, None, None),
        memory=None,
        ladder=Ladder(load_sanctions("default", folder)),
    )
    return tables.student_decisions["category"] != "none"


def trained(seed: int, audits: float) -> ModelSnapshot:
    """Return the head that audits of the research stream taught."""
    student = LearnedStudent(LearnedSpec(), RulesStudent(), may_train=True)
    run_learned(research_stream(seed), learned_config("uncertain", audits, memory=False), student)
    snapshot = student.snapshot()
    if snapshot is None:
        raise SystemExit("No head was learnt: too few audits. Raise --audits.")
    return snapshot


def frozen(snapshot: ModelSnapshot) -> Student:
    """Return a learned Student that begins with the head and sees no audit."""
    student = LearnedStudent(LearnedSpec(), RulesStudent(), may_train=False)
    student.begin_with(snapshot)
    return student


def print_suite(suite: Suite, said: dict[str, pl.Series]) -> None:
    """Print the suite's F1, and the share of each functionality's cases that were judged rightly."""
    truth = suite.cases["is_violation"].to_numpy().astype(np.bool_)
    whole = ", ".join(f"{who} {f1(flags.to_numpy(), truth):.3f}" for who, flags in said.items())
    always = f1(np.ones_like(truth), truth)
    print(f"\n{suite.name}, {len(truth):,} cases, F1 of violation: {whole}, 'always' {always:.3f}")
    rows = suite.cases.with_columns(**{who: flags == pl.Series(truth) for who, flags in said.items()})
    table = rows.group_by("functionality", "is_violation").agg(
        pl.len(), *(pl.col(who).mean() for who in said)
    )
    print(f"  {'functionality':34} {'kind':9} {'cases':>6}" + "".join(f"{who:>9}" for who in said))
    for name, violation, cases, *shares in table.sort("is_violation", "functionality").iter_rows():
        kind = "violation" if violation else "allowed"
        print(f"  {name:34} {kind:9} {cases:6,}" + "".join(f"{share:9.0%}" for share in shares))


def main() -> None:
    """Train on the research stream, then print both suites."""
    parser = argparse.ArgumentParser(description="HateCheck and XSTest by functionality.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--audits", type=float, default=0.05)
    asked = parser.parse_args()
    snapshot = trained(asked.seed, asked.audits)
    print(f"learned from {len(snapshot.examples):,} audits of the research stream, then frozen")
    for suite in suites():
        comments = chat_of(suite)
        said = {"rules": flagged(RulesStudent(), comments), "learned": flagged(frozen(snapshot), comments)}
        print_suite(suite, said)


if __name__ == "__main__":
    main()
