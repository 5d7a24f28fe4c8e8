"""What the learned Student makes of few labels, beside logistic regression fitted offline on the same ones.

    python -m benchmarks.few_labels [--seeds 5] [--sets surge_toxicity hatecheck …]

Each set is shuffled by seed (CONDA by match) and cut in two: a stream of up to 1,500 comments, of which chance audits
as many as make 500 audits, and up to 1,500 comments for judging. After 50, 100, 200 and 500 audits the Student decides
the second part without learning from it. `offline` is TF-IDF of words and characters and logistic regression, fitted
on the very comments audited so far, with classes weighed alike, as they are, or alike with the threshold of the most
F1 by five folds: whichever has the best mean F1 of a row stands in it, and the same for AUROC. `base` is the keyless
rules, on which the Student is a head; beside its F1 stands by how much the Student's is higher, paired by seed, with
the 95 % interval (Student's t), and in how many seeds it is.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve, roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_union

from benchmarks.learning_curve import interval
from benchmarks.research_stream import Flags, f1, research_stream, shared_data
from moderation_pipeline.agents.keyless.rules import RulesStudent
from moderation_pipeline.agents.labels_expert import LabelsExpert
from moderation_pipeline.agents.learned.learned_student import LearnedStudent
from moderation_pipeline.cases.audit_reason import AuditReason
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Lesson, Situation, Standing
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.chance import draw
from moderation_pipeline.comments.columns import ColumnsSpec
from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.config.agent_specs import LearnedSpec
from moderation_pipeline.moderation.stream import Stream

SETS = (
    "davidson2017",
    "surge_toxicity",
    "openai_moderation",
    "hatecheck",
    "conda_dota2",
    "multilingual_hatecheck_dev",
)
CHECKPOINTS = (50, 100, 200, 500)
MOST = 1_500
"""Comments of the stream, and of the part for judging, at most: so that five seeds of five sets take minutes."""

BATCH = 64
STREAMED = 0.6
"""The part of a small set that is streamed."""

OFFLINE = ("alike", "as they are", "threshold")

NOTHING = Situation(Standing(0, None))


class Measured(NamedTuple):
    """F1 and AUROC of violation on the part for judging."""

    f1: float
    auroc: float


Row = dict[str, Measured]
"""By who was measured."""


def labelled_stream(name: str, seed: int) -> pl.DataFrame:
    """Return the labelled comments of a set in the order that the seed shuffles, as a chat without users."""
    if name == "conda_dota2":
        return research_stream(seed)
    data = pl.read_parquet(shared_data() / f"{name}.parquet").filter(pl.col("label_toxic").is_not_null())
    shuffled = data.sample(fraction=1, shuffle=True, seed=seed).select("message_id", "text", "label_toxic")
    columns = {"comment_id": "message_id", "text": "text", "label_is_violation": "label_toxic"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "few.parquet"
        shuffled.head(2 * MOST).write_parquet(path)
        path.with_name(f"{path.name}.columns.yaml").write_text(json.dumps(columns), "utf-8")
        return ingest(path, "few", columns=ColumnsSpec.model_validate(columns)).comments


def batches(cases: Sequence[Case]) -> Iterator[Sequence[Case]]:
    """Yield the cases, a batch at a time."""
    for start in range(0, len(cases), BATCH):
        yield cases[start : start + BATCH]


def score_of(verdict: Verdict) -> float:
    """Return how likely a violation is, by the verdict."""
    plan = verdict.plan
    if plan is None:
        return 0.5
    if verdict.learnt_suspicion is not None:
        return verdict.learnt_suspicion.probability
    head = [each.probability for each in verdict.probabilities if each.question == "violation"]
    return head[0] if head else plan.confidence if plan.is_violation else 1 - plan.confidence


def measured(scores: NDArray[np.float64], said: Flags, truth: Flags) -> Measured:
    """Measure one judge."""
    return Measured(f1(said, truth), float(roc_auc_score(truth, scores)))


async def decided(student: Any, cases: Sequence[Case], truth: Flags) -> Measured:
    """Measure a Student that is asked and not taught."""
    verdicts: list[Verdict] = []
    for batch in batches(cases):
        verdicts += await student.decide(batch, [NOTHING] * len(batch))
    said = np.array([each.plan is not None and each.plan.is_violation for each in verdicts])
    return measured(np.array([score_of(each) for each in verdicts]), said, truth)


def offline(texts: Sequence[str], audited: Sequence[int], judged: slice, truth: Flags) -> Row:
    """Measure logistic regression on the audited comments."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    both = make_union(words, letters).fit([texts[i] for i in audited])
    known, asked = both.transform([texts[i] for i in audited]), both.transform(texts[judged])
    found: Row = {}
    for name, weighing in (("alike", "balanced"), ("as they are", None)):
        model = LogisticRegression(C=10, solver="liblinear", dual=True, max_iter=1_000, class_weight=weighing)
        model.fit(known, truth[list(audited)])
        scores = model.decision_function(asked)
        found[name] = measured(scores, scores > 0, truth[judged])
        if name == "alike":
            by_fold = cross_val_predict(model, known, truth[list(audited)], method="decision_function")
            threshold = most_f1(by_fold, truth[list(audited)])
            found["threshold"] = measured(scores, scores >= threshold, truth[judged])
    return found


def most_f1(scores: NDArray[np.float64], truth: Flags) -> float:
    """Return the score from which calling a violation has the greatest F1."""
    precision, recall, thresholds = precision_recall_curve(truth, scores)
    both = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    return float(thresholds[int(np.argmax(both[:-1]))])


def lessons_of(
    cases: Sequence[Case], said: Sequence[Verdict], audits: Sequence[Verdict], chance: float
) -> list[Lesson]:
    """Return what a batch's audits teach."""
    return [
        Lesson(case, NOTHING, one, audit, chance, AuditReason.RANDOM)
        for case, one, audit in zip(cases, said, audits, strict=True)
    ]


async def play(name: str, seed: int, checkpoints: Sequence[int]) -> dict[int, Row]:
    """Return what was measured after each number of audits."""
    comments = labelled_stream(name, seed)
    streamed = min(MOST, int(STREAMED * comments.height))
    comments = comments.head(streamed + MOST)
    cases = [case for batch in Stream(comments).batches(BATCH) for case in batch]
    truth = comments["label_is_violation"].to_numpy().astype(np.bool_)
    texts, judged = comments["text"].to_list(), slice(streamed, comments.height)
    expert = LabelsExpert(comments)
    # No audit decides in the part for judging: its threshold is for every comment.
    student = LearnedStudent(LearnedSpec(), RulesStudent(), may_train=True, audits_act=False)
    base = await decided(RulesStudent(), cases[judged], truth[judged])
    chance = min(1.0, 1.2 * checkpoints[-1] / streamed)
    audited: list[int] = []
    found: dict[int, Row] = {}
    left = list(checkpoints)
    for batch in batches(cases[:streamed]):
        said = await student.decide(batch, [NOTHING] * len(batch))
        drawn = [i for i, case in enumerate(batch) if draw(seed, "few", case.comment_id) < chance]
        drawn = drawn[: left[0] - len(audited)]
        if not drawn:
            continue
        picked = [batch[i] for i in drawn]
        student.learn(lessons_of(picked, [said[i] for i in drawn], await expert.audit(picked), chance))
        audited += [case.position for case in picked]
        if len(audited) == left[0]:
            learned = await decided(deepcopy(student), cases[judged], truth[judged])
            found[left.pop(0)] = {
                "base": base,
                "learned": learned,
                **offline(texts, audited, judged, truth),
            }
        if not left:
            break
    return found


def best_of(rows: Sequence[Row], part: str) -> float:
    """Return the best mean of the ways to fit offline."""
    return max(float(np.mean([getattr(row[who], part) for row in rows])) for who in OFFLINE)


def print_row(name: str, audits: int, rows: Sequence[Row]) -> None:
    """Print one row of the table: means over the seeds."""
    said = []
    for part in ("f1", "auroc"):
        base, learned = (
            float(np.mean([getattr(row[who], part) for row in rows])) for who in ("base", "learned")
        )
        best = best_of(rows, part)
        said.append(f"{base:8.3f} {learned:8.3f} {best:8.3f} {learned - best:+7.3f}")
    more = [row["learned"].f1 - row["base"].f1 for row in rows]
    better = f"{sum(each > 0 for each in more)}/{len(more)}"
    print(f"{name:20} {audits:6d}  {said[0]}   {said[1]}   {interval(more):>15} {better:>5}", flush=True)


def main() -> None:
    """Read the arguments and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--audits", nargs="+", type=int, default=list(CHECKPOINTS))
    given = parser.parse_args()
    who = f"{'base':>8} {'learned':>8} {'offline':>8} {'more':>7}"
    print(f"{'':20} {'audits':>6}  {'F1':^34}   {'AUROC':^34}   F1 more than the base's")
    print(f"{'':28}{who}   {who}")
    for name in given.sets:
        runs = [asyncio.run(play(name, seed, given.audits)) for seed in range(given.seeds)]
        for audits in given.audits:
            rows = [run[audits] for run in runs if audits in run]
            if rows:
                print_row(name, audits, rows)


if __name__ == "__main__":
    main()
