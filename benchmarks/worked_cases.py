"""What similar labelled cases, shown as worked examples, make of a small model's answer; and what they say by a vote.

    python -m benchmarks.worked_cases --base-url http://localhost:8101/v1 --model small --folder FOLDER [--lines 200]
        [--sets HateCheck,CONDA] [--forms cases,other_templates,first,shipped] [--trying 100] [--known 1000] [--shown 4]

Any OpenAI-shaped server that gives log-probabilities, asked as the product asks (`{backend: chat_decisions, asks:
violation, memories_as: examples}`): harmful or harmless, in both orders, the log-odds averaged. Which kind of violation
it would be is not asked, for F1 of violation does not hang on it. Judged are the lines that `benchmarks.prompts` draws
first, as many violations as others; the cases are the nearest of so many other lines of the set, drawn as they come,
as a stream would have audited them: none that is judged, none that is for trying. On HateCheck also with no case of the
line's own template. Replies are kept in FOLDER; what was stopped goes on where it stopped.

A line's threshold comes from none of the judged labels: even log-odds, which is what is shipped; the median of what the
model says of the judged lines, which knows that half are violations; or the one with the greatest F1 on the lines for
trying (`benchmarks.short_questions`), whose labels stand for audits. Per form: AUROC and F1 with 95 % intervals (lines
resampled), and how far F1 is above "always" and above the vote of the very cases that were shown, paired. Then whether
the model's answer beside the vote tells more than the vote: both in a logistic regression fitted on the lines for
trying.
"""

from __future__ import annotations

import argparse
import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression

from benchmarks.keyless_quality import as_comments, template_of
from benchmarks.prompts import (
    RESAMPLES,
    SETS,
    Asked,
    difference,
    f1,
    interval,
    keyless,
    ranked,
    similarities,
    verdict_of,
)
from benchmarks.short_questions import LAST
from moderation_pipeline.agents.deciding.decision_student import Showing
from moderation_pipeline.agents.deciding.deriving import violation_probability
from moderation_pipeline.agents.deciding.question_set import chat_questions
from moderation_pipeline.backends.decisions.decision_model import DecisionRequest, Distribution
from moderation_pipeline.backends.run_models import Deployment, RunModels
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Recalled, Situation, Standing
from moderation_pipeline.config.decision_specs import ChatDecisionsSpec
from moderation_pipeline.memory.state import state_of
from moderation_pipeline.moderation.stream import Stream
from moderation_pipeline.warehouse.folder import DataFolder

MOST_JUDGED = 150
"""Of each label so many lines, the first by their hashes, are never shown as cases."""

QUESTIONS = chat_questions("violation")


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines, each by itself, and their labels."""

    cases: list[Case]
    truth: list[bool]

    @classmethod
    def of(cls, data: pl.DataFrame) -> Lines:
        """Return the lines of a set's rows."""
        alone = data.with_columns(channel=pl.col("message_id"), user_id=pl.col("message_id"))
        stream = Stream(as_comments(alone, "channel", "user_id"))
        return cls([case for batch in stream.batches(1_024) for case in batch], data["label_toxic"].to_list())


class Parts(NamedTuple):
    """What of a set is judged, what is for trying, and what is known: no line is in two of them."""

    judged: Lines
    trying: Lines
    known: Lines


class Sizes(NamedTuple):
    """How many lines are judged, are for trying and are known, and how many of the known are shown."""

    lines: int
    trying: int
    known: int
    shown: int


SIZES = Sizes(lines=200, trying=0, known=1_000, shown=4)

FORMS = ("cases", "other_templates", "first", "shipped")
"""Cases shown; cases of other templates alone, which HateCheck has; the question first, but no case; as shipped."""


def parts_of(name: str, sizes: Sizes) -> Parts:
    """Return the parts of a set."""
    data = ranked(name)
    of_label = [data.filter(label_toxic=label) for label in (True, False)]
    judged, trying, rest = (
        pl.concat(parts).sort("rank")
        for parts in (
            [each.head(min(sizes.lines // 2, MOST_JUDGED)) for each in of_label],
            [each.tail(LAST).head(sizes.trying // 2) for each in of_label],
            [each.slice(MOST_JUDGED, each.height - MOST_JUDGED - LAST) for each in of_label],
        )
    )
    return Parts(Lines.of(judged), Lines.of(trying), Lines.of(rest.head(sizes.known)))


class Shown(NamedTuple):
    """The cases shown with a line, nearest first: their places among the known lines, and their similarities."""

    places: list[int]
    similarities: list[float]


def nearest(known: Lines, asked: Lines, shown: int, *, other_templates: bool) -> list[Shown]:
    """Return the nearest known lines of each asked one, each text once."""
    states = [state_of(case) for case in known.cases]
    near = similarities(states, [state_of(case) for case in asked.cases])
    first = {state: place for place, state in reversed(list(enumerate(states)))}
    near[:, [place for place, state in enumerate(states) if first[state] != place]] = -1.0
    if other_templates:
        theirs = [words_of(case) for case in known.cases]
        for row, case in zip(near, asked.cases, strict=True):
            row[[is_same_template(words_of(case), each) for each in theirs]] = -1.0
    best = np.argsort(-near, axis=1, kind="stable")[:, :shown]
    return [Shown(places.tolist(), near[i, places].tolist()) for i, places in enumerate(best)]


def words_of(case: Case) -> list[str]:
    """Return the words by which templates are told."""
    return template_of(case.text).split()


def is_same_template(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether half of the longer line's words stand at the same place from the beginning or the end of both.

    HateCheck's templates are filled with groups, which `template_of` takes out, and with slurs and misspellings, which
    it doesn't know.
    """
    same = [a == b for a, b in zip(one, other, strict=False)]
    back = [a == b for a, b in zip(reversed(one), reversed(other), strict=False)]
    shared = [each.index(False) if False in each else len(each) for each in (same, back)]
    return min(sum(shared), len(one), len(other)) * 2 >= max(len(one), len(other))


def situation(known: Lines, shown: Shown, name: str) -> Situation:
    """Return what a memory would recall."""
    recalled = [
        Recalled(
            f"m{i}",
            max(near, 0.0),
            1,
            state_of(known.cases[i]),
            verdict_of(is_violation=known.truth[i], name=name),
        )
        for i, near in zip(*shown, strict=True)
    ]
    return Situation(Standing(0, None), tuple(recalled))


@dataclass(frozen=True, slots=True)
class Vote:
    """What the shown cases say by themselves, a line each."""

    shares: np.ndarray
    said: list[bool]

    @classmethod
    def of(cls, known: Lines, shown: Sequence[Shown]) -> Vote:
        """Return the share of violations among each line's cases; where they are even, the nearest decides."""
        labels = [[known.truth[i] for i in each.places] for each in shown]
        shares = np.array([np.mean(each) for each in labels])
        return cls(
            shares,
            [share > 0.5 or (share == 0.5 and each[0]) for share, each in zip(shares, labels, strict=True)],
        )


@dataclass(frozen=True, slots=True)
class SmallModel:
    """The model that is asked, and the folder where its replies are kept."""

    place: dict[str, object]
    folder: DataFolder

    def log_odds(self, lines: Lines, situations: Sequence[Situation], **how: object) -> np.ndarray:
        """Return the log-odds of a violation of each line; without an answer in both orders they are even."""
        spec = ChatDecisionsSpec.model_validate({**self.place, "asks": "violation", **how})
        return np.array(asyncio.run(self._log_odds(spec, lines, situations)))

    async def _log_odds(
        self, spec: ChatDecisionsSpec, lines: Lines, situations: Sequence[Situation]
    ) -> list[float]:
        showing = Showing.of(spec)
        violation = QUESTIONS.violation
        assert violation is not None
        questions = tuple(each for each in QUESTIONS.questions if each.name.startswith(violation.name))
        with RunModels(Deployment(self.folder, {}), "worked_cases") as models:
            model = models.decision_model(spec)
            requests = [
                DecisionRequest(showing.state(asked), questions, showing.examples(asked[1], QUESTIONS))
                for asked in zip(lines.cases, situations, strict=True)
            ]
            try:
                replies = await asyncio.gather(*map(model.decide, requests))
            finally:
                await model.aclose()
        found = []
        for reply in replies:
            told = {name: each for name, each in reply.answers.items() if isinstance(each, Distribution)}
            p = violation_probability(violation.name, told) if len(told) == len(questions) else 0.5
            found.append(math.log(p / (1.0 - p)))
        return found


def wins_of(truth: Sequence[bool], values: np.ndarray) -> np.ndarray:
    """Return, for each violation and each other line, 1 where the violation has the higher value, .5 where equal."""
    known = np.array(truth)
    bad, fine = values[known][:, None], values[~known][None, :]
    return (bad > fine) + 0.5 * (bad == fine)


def auroc(truth: Sequence[bool], values: np.ndarray, less: np.ndarray | None = None) -> str:
    """Return the AUROC, or how far it is above that of `less`, with its 95 % interval.

    Lines of either label are resampled among themselves.
    """
    wins = wins_of(truth, values) - (0.0 if less is None else wins_of(truth, less))
    draw = np.random.default_rng(7)
    rows, columns = (draw.integers(0, n, (RESAMPLES, n)) for n in wins.shape)
    drawn = [wins[row][:, column].mean() for row, column in zip(rows, columns, strict=True)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    sign = "" if less is None else "+"
    return f"{wins.mean():{sign}.2f} [{low:{sign}.2f}, {high:{sign}.2f}]"


def best_threshold(truth: Sequence[bool], found: np.ndarray) -> float:
    """Return the least value that is called a violation where F1 is greatest, half-way to the next below it."""
    values = np.unique(found)
    scores = [f1(np.array(truth), found >= each) for each in values]
    best = int(np.argmax(scores))
    return float(values[best] if best == 0 else (values[best] + values[best - 1]) / 2)


def bound_of(parts: Parts, tried: np.ndarray) -> float | None:
    """Return the best threshold of the lines for trying; null where there are none."""
    return best_threshold(parts.trying.truth, tried) if parts.trying.truth else None


def row(name: str, truth: Sequence[bool], said: Sequence[bool], vote: Sequence[bool] | None = None) -> str:
    """Return one row: F1, harmless lines flagged, how far F1 is above "always" and above the vote."""
    value, low, high = interval(truth, said)
    flagged = np.mean([one for one, label in zip(said, truth, strict=True) if not label])
    ours, always = Asked(list(said)), Asked([True] * len(truth))
    printed = f"{name:<44} {value:5.2f} [{low:.2f}, {high:.2f}] {flagged:6.0%} {difference(truth, ours, always):>21}"
    return printed if vote is None else f"{printed} {difference(truth, ours, Asked(list(vote))):>21}"


def rows_of(
    name: str, truth: Sequence[bool], found: np.ndarray, bound: float | None = None, vote: Vote | None = None
) -> None:
    """Print what a model's log-odds come to under each threshold."""
    print(f"{name}: AUROC {auroc(truth, found)}, mean log-odds {found.mean():+.2f}")
    for how, threshold in (
        ("even", 0.0),
        ("median", float(np.median(found))),
        ("of lines for trying", bound),
    ):
        said = (found >= threshold).tolist()
        print(
            row(f"    {how} ({threshold:+.2f})", truth, said, None if vote is None else vote.said), flush=True
        )


def report_cases(model: SmallModel, name: str, parts: Parts, shown: int, *, other_templates: bool) -> None:
    """Print what the cases say by a vote, what the model says that is shown them, and both together."""
    both = (parts.judged, parts.trying)
    cases = [nearest(parts.known, lines, shown, other_templates=other_templates) for lines in both]
    votes = [Vote.of(parts.known, each) for each in cases]
    found = [
        model.log_odds(
            lines,
            [situation(parts.known, each, name) for each in near],
            shows_memories=True,
            memories_as="examples",
        )
        for lines, near in zip(both, cases, strict=True)
    ]
    truth = parts.judged.truth
    own = np.mean(
        [
            parts.known.truth[i] == label
            for each, label in zip(cases[0], truth, strict=True)
            for i in each.places
        ]
    )
    alike = np.mean([each.similarities[0] for each in cases[0]])
    where = " of other templates" if other_templates else ""
    print(f"{shown} cases{where}: {own:.0%} with the line's own label; the nearest is {alike:.2f} alike")
    print(f"their vote: AUROC {auroc(truth, votes[0].shares)}")
    print(row("    majority, even ones by the nearest", truth, votes[0].said))
    rows_of("the model that is shown them", truth, found[0], bound_of(parts, found[1]), votes[0])
    report_together(parts, votes, found)


def report_together(parts: Parts, votes: Sequence[Vote], found: Sequence[np.ndarray]) -> None:
    """Print whether the model's answer beside the vote tells more than the vote: ranks added, nothing fitted."""
    truth = parts.judged.truth
    both = rankdata(votes[0].shares) + rankdata(found[0])
    more = auroc(truth, both, votes[0].shares)
    print(f"ranks of vote and model added: AUROC {auroc(truth, both)}, above the vote {more}")
    if parts.trying.truth:
        columns = [np.column_stack([vote.shares, said]) for vote, said in zip(votes, found, strict=True)]
        fitted = LogisticRegression().fit(columns[1], parts.trying.truth).decision_function(columns[0])
        more = auroc(truth, fitted, votes[0].shares)
        print(f"fitted on the lines for trying: AUROC {auroc(truth, fitted)}, above the vote {more}")
        print(row("    even", truth, (fitted >= 0).tolist(), votes[0].said), flush=True)


def report_alone(model: SmallModel, parts: Parts, *, question_first: bool) -> None:
    """Print what the model says that is shown no case."""
    how = {"shows_memories": True, "memories_as": "examples"} if question_first else {}
    found, tried = (
        model.log_odds(each, [Situation(Standing(0, None))] * len(each.truth), **how)
        for each in (parts.judged, parts.trying)
    )
    name = "the question first, no cases" if question_first else "as shipped, no cases"
    rows_of(name, parts.judged.truth, found, bound_of(parts, tried))


def report(model: SmallModel, name: str, forms: Sequence[str], sizes: Sizes) -> None:
    """Print all of one set."""
    parts = parts_of(name, sizes)
    truth = parts.judged.truth
    print(
        f"\n{name}: {len(truth)} lines, {sum(truth)} violations; {len(parts.trying.truth)} for trying; "
        f"{len(parts.known.truth)} known, {np.mean(parts.known.truth):.0%} violations\n"
        f"{'':<44} {'F1':>5} {'95 %':>12} {'flags':>6} {'above always':>21} {'above the vote':>21}"
    )
    for who, asked in keyless(parts.judged.cases).items():
        print(row(who, truth, asked.said), flush=True)
    for form in forms:
        if form in ("shipped", "first"):
            report_alone(model, parts, question_first=form == "first")
        elif form == "cases" or name == "HateCheck":
            report_cases(model, name, parts, sizes.shown, other_templates=form != "cases")


def main() -> None:
    """Print what was found on each set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--sets", default="HateCheck,CONDA", help=f"of {', '.join(SETS)}")
    parser.add_argument("--forms", default=",".join(FORMS))
    for name, default in SIZES._asdict().items():
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    place = {
        "model": given.model,
        "base_url": given.base_url,
        "price": 0,
        "concurrency": 16,
        "timeout_s": 600,
    }
    model = SmallModel(place, DataFolder(given.folder))
    sizes = Sizes(given.lines, given.trying, given.known, given.shown)
    for name in given.sets.split(","):
        report(model, name, given.forms.split(","), sizes)


if __name__ == "__main__":
    main()
