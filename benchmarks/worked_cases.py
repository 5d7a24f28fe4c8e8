"""What similar labelled cases, shown as worked examples, make of a small model's answer; and what they say by a vote.

    python -m benchmarks.worked_cases --base-url http://localhost:8101/v1 --model small --folder FOLDER [--lines 200]
        [--sets HateCheck,CONDA] [--forms cases,other_templates,first,shipped] [--trying 100] [--known 1000] [--shown 4]
    python -m benchmarks.worked_cases --lines 300        what the cases say by themselves; no model is asked

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
from benchmarks.short_questions import LAST, auroc
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

AS_EXAMPLES = {"shows_memories": True, "memories_as": "examples"}


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


def votes_of(known: Lines, shown: Sequence[Shown]) -> np.ndarray:
    """Return the share of violations among each line's cases, less a half: above 0 most of them are violations.

    Where two lines have as many, the nearer cases decide which has more, and so they do between two and two.
    """
    return np.array([np.mean(each) - 0.5 for each in _labels(known, shown)]) + 0.001 * weighted_votes_of(
        known, shown
    )


def weighted_votes_of(known: Lines, shown: Sequence[Shown]) -> np.ndarray:
    """Return the similarities of each line's cases that are violations, less those of the others, added up."""
    pairs = zip(_labels(known, shown), shown, strict=True)
    return np.array([float((2 * labels - 1) @ np.array(each.similarities)) for labels, each in pairs])


def _labels(known: Lines, shown: Sequence[Shown]) -> list[np.ndarray]:
    return [np.array([int(known.truth[i]) for i in each.places]) for each in shown]


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


def best_threshold(truth: Sequence[bool], found: np.ndarray) -> float:
    """Return the value above which a line is called a violation where F1 is greatest, half-way between two."""
    values = np.unique(found)
    bounds = np.concatenate([[values[0] - 1.0], (values[1:] + values[:-1]) / 2])
    return float(bounds[np.argmax([f1(np.array(truth), found > each) for each in bounds])])


def row(name: str, truth: Sequence[bool], said: Sequence[bool], vote: Sequence[bool] | None = None) -> str:
    """Return one row: F1, harmless lines flagged, how far F1 is above "always" and above the vote."""
    value, low, high = interval(truth, said)
    flagged = np.mean([one for one, label in zip(said, truth, strict=True) if not label])
    ours, always = Asked(list(said)), Asked([True] * len(truth))
    printed = f"{name:<44} {value:5.2f} [{low:.2f}, {high:.2f}] {flagged:6.0%} {difference(truth, ours, always):>21}"
    return printed if vote is None else f"{printed} {difference(truth, ours, Asked(list(vote))):>21}"


def thresholds_of(parts: Parts, found: np.ndarray, tried: np.ndarray) -> dict[str, float]:
    """Return the thresholds that are held beside each other; none of them has seen a label of a judged line."""
    thresholds = {"even": 0.0, "median": float(np.median(found))}
    if parts.trying.truth:
        thresholds["of lines for trying"] = best_threshold(parts.trying.truth, tried)
    return thresholds


def rows_of(
    name: str, parts: Parts, found: Sequence[np.ndarray], votes: Sequence[np.ndarray] | None = None
) -> None:
    """Print what values of the judged lines and those for trying come to, beside the vote by the same threshold."""
    truth = parts.judged.truth
    print(f"{name}: AUROC {auroc(truth, found[0])}, mean {found[0].mean():+.2f}")
    theirs = None if votes is None else thresholds_of(parts, *votes)
    for how, threshold in thresholds_of(parts, *found).items():
        said = (found[0] > threshold).tolist()
        vote = None if votes is None or theirs is None else (votes[0] > theirs[how]).tolist()
        print(row(f"    {how} ({threshold:+.2f})", truth, said, vote), flush=True)


def report_cases(
    model: SmallModel | None, name: str, parts: Parts, shown: int, *, other_templates: bool
) -> None:
    """Print what the cases say by a vote, what the model says that is shown them, and both together."""
    both = (parts.judged, parts.trying)
    cases = [nearest(parts.known, lines, shown, other_templates=other_templates) for lines in both]
    labels = np.array(parts.known.truth)[[each.places for each in cases[0]]]
    own = (labels == np.array(parts.judged.truth)[:, None]).mean()
    alike = np.mean([each.similarities[0] for each in cases[0]])
    where = " of other templates" if other_templates else ""
    print(f"{shown} cases{where}: {own:.0%} with the line's own label; the nearest is {alike:.2f} alike")
    votes = {
        "the vote": [votes_of(parts.known, each) for each in cases],
        "the vote by similarity": [weighted_votes_of(parts.known, each) for each in cases],
    }
    for who, values in votes.items():
        rows_of(who, parts, values)
    if model is None:
        return
    found = [
        model.log_odds(lines, [situation(parts.known, each, name) for each in near], **AS_EXAMPLES)
        for lines, near in zip(both, cases, strict=True)
    ]
    for who, values in votes.items():
        report_both(parts, who, values, found)


def report_both(parts: Parts, who: str, votes: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> None:
    """Print what the model says beside a vote of what it was shown, and whether both tell more than the vote."""
    truth = parts.judged.truth
    rows_of(f"the model that is shown them, beside {who}", parts, found, votes)
    print(f"    AUROC above the vote's {auroc(truth, found[0], votes[0])}")
    added = rankdata(votes[0]) + rankdata(found[0])
    print(f"    ranks of both added {auroc(truth, added)}, above the vote's {auroc(truth, added, votes[0])}")
    if parts.trying.truth:
        together = [np.column_stack(each) for each in zip(votes, found, strict=True)]
        fit = LogisticRegression().fit(together[1], parts.trying.truth)
        fitted = [fit.decision_function(each) for each in together]
        rows_of("both, fitted on the lines for trying", parts, fitted, votes)
        print(f"    AUROC above the vote's {auroc(truth, fitted[0], votes[0])}")


def report_alone(model: SmallModel, parts: Parts, *, question_first: bool) -> None:
    """Print what the model says that is shown no case."""
    how = AS_EXAMPLES if question_first else {}
    found = [
        model.log_odds(each, [Situation(Standing(0, None))] * len(each.truth), **how)
        for each in (parts.judged, parts.trying)
    ]
    name = "the question first, no cases" if question_first else "as shipped, no cases"
    rows_of(name, parts, found)


def report(model: SmallModel | None, name: str, forms: Sequence[str], sizes: Sizes) -> None:
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
            if model is not None:
                report_alone(model, parts, question_first=form == "first")
        elif form == "cases" or name == "HateCheck":
            report_cases(model, name, parts, sizes.shown, other_templates=form != "cases")


def main() -> None:
    """Print what was found on each set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base-url", help="without it no model is asked, and the cases alone vote")
    parser.add_argument("--model", default="small")
    parser.add_argument("--folder", type=Path, default=Path("data"))
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
    model = None if given.base_url is None else SmallModel(place, DataFolder(given.folder))
    sizes = Sizes(given.lines, given.trying, given.known, given.shown)
    for name in given.sets.split(","):
        report(model, name, given.forms.split(","), sizes)


if __name__ == "__main__":
    main()
