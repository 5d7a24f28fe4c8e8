"""How a language model is best asked: forms of the prompt × labelled sets, a model behind any OpenAI-shaped server.

    python -m benchmarks.prompts --base-url http://localhost:8101/v1 --model small --folder FOLDER [--lines 60]
        [--sets HateCheck,CONDA] [--forms brief,category]
    python -m benchmarks.prompts … --memory        with and without similar cases as worked examples, on the same lines
    python -m benchmarks.prompts … --together 5    alone and so many in a request, on the same lines

Reads the labelled data from the folder MODERATION_SHARED_DATA. Of each set so many lines are drawn by a hash, as many
of each label, shown without the lines around them; more lines hold the fewer. Replies are kept in FOLDER, a data folder
of its own, so that what was stopped goes on where it stopped, and more lines ask only for what is new.

Per form: F1 of violation with its 95 % interval (lines resampled, the same for all forms), the share of harmless lines
that are flagged, of replies that could be used, tokens read and written per comment, seconds per comment (of this
machine and server, whose cache keeps the fixed beginning of a prompt), and how far its F1 is above that of "always"
and of the careful rules, paired. "Never" has F1 0.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score

from benchmarks.keyless_quality import as_comments, plans_of, shared_data
from moderation_pipeline.agents.deciding.decision_student import DecisionStudent
from moderation_pipeline.agents.deciding.deriving import violation_probability
from moderation_pipeline.agents.deciding.question_set import HARMFUL, chat_questions
from moderation_pipeline.agents.keyless.evidence import RULES
from moderation_pipeline.agents.prompted.prompt_form import PromptForm
from moderation_pipeline.agents.prompted.prompt_student import PromptStudent
from moderation_pipeline.agents.student import Student
from moderation_pipeline.backends.decisions.decision_model import YES, Distribution
from moderation_pipeline.backends.run_models import Deployment, RunModels
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Recalled, Situation, Standing
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.config.decision_specs import ChatDecisionsSpec
from moderation_pipeline.config.model_specs import OpenAISpec
from moderation_pipeline.config.run_config import MemorySpec
from moderation_pipeline.embedders.tfidf import TfidfEmbedder
from moderation_pipeline.memory.sparse_index import SparseIndex
from moderation_pipeline.memory.state import state_of
from moderation_pipeline.moderation.stream import Stream
from moderation_pipeline.plan import Action, Category, Plan
from moderation_pipeline.warehouse.folder import DataFolder

RESAMPLES = 2_000


class LabelledSet(NamedTuple):
    """A file of labelled lines, which of them count, and what its violations mostly are."""

    file: str
    keep: Callable[[], pl.Expr]
    category: Category


SETS = {
    "HateCheck": LabelledSet("hatecheck", lambda: pl.lit(True), Category.HATE),
    "CONDA": LabelledSet("conda_dota2", lambda: pl.col("split") == "valid", Category.HARASSMENT),
    "XSTest": LabelledSet("xstest", lambda: pl.lit(True), Category.OTHER),
    "twitch_dev": LabelledSet("twitch_dev", lambda: ~pl.col("emotes_only"), Category.HARASSMENT),
}


QUESTIONS: dict[str, Literal["rules", "category", "violation"]] = {
    "rule_questions": "rules",
    "category_questions": "category",
    "violation_questions": "violation",
}
"""Forms that are questions whose answers are read from log-probabilities, with the shipped thresholds."""


@dataclass
class Asked:
    """What a form gave on a set: what it said of each line, and what that took."""

    said: list[bool]
    usable: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    errors: list[str] = field(default_factory=list)
    suspicions: list[float] = field(default_factory=list)
    """The probability of a violation, where the form gives one: of the likeliest rule, or of any category but none."""


def ranked(name: str) -> pl.DataFrame:
    """Return the labelled lines of a set in the order of a hash, which is their rank."""
    data = pl.read_parquet(shared_data() / f"{SETS[name].file}.parquet").filter(
        SETS[name].keep() & pl.col("label_toxic").is_not_null() & (pl.col("text").str.len_chars() > 0)
    )
    ranks = [blake2b(each.encode(), digest_size=8).hexdigest() for each in data["message_id"]]
    return data.with_columns(rank=pl.Series(ranks)).sort("rank")


def drawn(name: str, lines: int) -> tuple[list[Case], list[bool]]:
    """Return as many lines of each label, drawn by a hash, each by itself; and their labels."""
    data = ranked(name)
    both = pl.concat([data.filter(label_toxic=label).head(lines // 2) for label in (True, False)])
    alone = both.with_columns(channel=pl.col("message_id"), user_id=pl.col("message_id")).sort(
        pl.col("rank").str.reverse()  # of the rarer label the ranks are higher
    )
    cases = [
        case for batch in Stream(as_comments(alone, "channel", "user_id")).batches(1_024) for case in batch
    ]
    return cases, alone["label_toxic"].to_list()


@dataclass(frozen=True, slots=True)
class Model:
    """The model that is asked, and the folder where its replies are kept: what is there is not asked again."""

    spec: OpenAISpec
    folder: DataFolder

    def answers(
        self, form: str, cases: Sequence[Case], situations: Sequence[Situation] = (), *, together: int = 1
    ) -> Asked:
        """Return what the model says in a form, of so many comments in a request."""
        unknown = list(situations) or [Situation(Standing(0, None))] * len(cases)
        verdicts = asyncio.run(self._verdicts(form, together, cases, unknown))
        errors = [str(each.receipt.reply_error) for each in verdicts if each.plan is None]
        return Asked(
            said=[each.plan is not None and each.plan.is_violation for each in verdicts],
            usable=len(verdicts) - len(errors),
            prompt_tokens=sum(each.receipt.prompt_tokens or 0 for each in verdicts),
            completion_tokens=sum(each.receipt.completion_tokens or 0 for each in verdicts),
            seconds=sum(each.receipt.latency_ms or 0 for each in verdicts) / 1000 / together,
            errors=errors,
            suspicions=[_suspicion(each) for each in verdicts] if form in QUESTIONS else [],
        )

    async def _verdicts(
        self, form: str, together: int, cases: Sequence[Case], situations: Sequence[Situation]
    ) -> list[Verdict]:
        # A run that is never finished is gone on with: replies that it bought keep what they took.
        with RunModels(Deployment(self.folder, {}), "prompts") as models:
            student = self._student(form, together, models)
            try:
                return await student.decide(cases, situations)
            finally:
                await student.aclose()

    def _student(self, form: str, together: int, models: RunModels) -> Student:
        if form in QUESTIONS:
            place = self.spec.model_dump(include={"model", "base_url", "price", "concurrency", "timeout_s"})
            asked = ChatDecisionsSpec(**place, asks=QUESTIONS[form])
            return DecisionStudent(models.decision_model(asked), chat_questions(asked.asks), asked)
        spec = self.spec.model_copy(update={"prompt": form, "comments_per_request": together})
        return PromptStudent(models.language_model(spec), spec)


def _suspicion(verdict: Verdict) -> float:
    """Return how likely a violation is by a decision model's answers."""
    harmful = {
        each.question: Distribution(((HARMFUL, each.probability),))
        for each in verdict.probabilities
        if each.option == HARMFUL
    }
    if harmful:
        return violation_probability("violation", harmful)
    none = [each.probability for each in verdict.probabilities if each.option == Category.NONE]
    rules = [
        each.probability
        for each in verdict.probabilities
        if each.option == YES and each.question != "addressing"
    ]
    return 1 - sum(none) / len(none) if none else max(rules, default=0.0)


def f1(truth: np.ndarray, said: np.ndarray) -> float:
    """Return the F1 of violation."""
    both, either = int((truth & said).sum()), int(truth.sum() + said.sum())
    return 2 * both / either if either else 0.0


class Interval(NamedTuple):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


def interval(truth: Sequence[bool], said: Sequence[bool], less: Sequence[bool] | None = None) -> Interval:
    """Return the F1, or how much it is above that of `less`, with its 95 % interval; lines are resampled."""
    known, ours = np.array(truth), np.array(said)
    theirs = None if less is None else np.array(less)

    def value(rows: np.ndarray) -> float:
        return f1(known[rows], ours[rows]) - (0.0 if theirs is None else f1(known[rows], theirs[rows]))

    draw = np.random.default_rng(7)
    values = [value(draw.integers(0, len(known), len(known))) for _ in range(RESAMPLES)]
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(value(np.arange(len(known))), float(low), float(high))


HEADER = (
    f"{'':<18} {'F1':>5} {'95 %':>13} {'flags harmless':>14} {'usable':>7} {'read':>6} {'written':>7} {'s':>6} "
    f"{'above always':>21} {'above careful rules':>21}"
)


def line(name: str, truth: Sequence[bool], asked: Asked) -> str:
    """Return one row of the printed table."""
    value, low, high = interval(truth, asked.said)
    harmless = [said for said, label in zip(asked.said, truth, strict=True) if not label]
    n = len(truth)
    row = f"{name:<18} {value:5.2f} [{low:.2f}, {high:.2f}]  {sum(harmless) / len(harmless):13.0%} "
    if not asked.prompt_tokens:
        return row
    tokens = f"{asked.prompt_tokens / n:6.0f} {asked.completion_tokens / n:7.0f}"
    return f"{row}{asked.usable / n:7.0%} {tokens} {asked.seconds / n:6.2f}"


def difference(truth: Sequence[bool], asked: Asked, other: Asked) -> str:
    """Return how far one F1 is above another, paired."""
    value, low, high = interval(truth, asked.said, other.said)
    return f"{value:+.2f} [{low:+.2f}, {high:+.2f}]"


def keyless(cases: Sequence[Case]) -> dict[str, Asked]:
    """Return what the rules, the careful rules and "always" say of the lines."""
    said = {name: Asked([plan.is_violation for plan in plans]) for name, plans in plans_of(cases).items()}
    return {"always": Asked([True] * len(cases)), **said}


def report_forms(name: str, forms: Sequence[str], model: Model, lines: int) -> None:
    """Print the table of one set."""
    cases, truth = drawn(name, lines)
    print(f"\n{name}, {len(cases)} lines, {sum(truth)} violations, {model.spec.model}\n{HEADER}", flush=True)
    beside = keyless(cases)
    for who, said in beside.items():
        print(line(who, truth, said), flush=True)
    for form in forms:
        asked = model.answers(form, cases)
        above = [difference(truth, asked, beside[who]) for who in ("always", "careful rules")]
        print(line(form, truth, asked), *(f"{each:>21}" for each in above), flush=True)
        if asked.suspicions:
            print(f"    AUROC {roc_auc_score(truth, asked.suspicions):.2f}, which no threshold can change")
        for error in asked.errors[:1]:
            print(f"    {len(asked.errors)} unusable, the first: {error[:100]}", flush=True)


def report_memory(name: str, form: str, model: Model, lines: int) -> None:
    """Print what similar cases in the prompt change: half of the drawn lines are remembered, the others judged."""
    cases, truth = drawn(name, 2 * lines)
    known, judged = slice(0, len(cases) // 2), slice(len(cases) // 2, len(cases))
    situations = recalled(
        cases[known], [verdict_of(is_violation=each, name=name) for each in truth[known]], cases[judged]
    )
    shown = [len(each.recalled) for each in situations]
    without, beside = model.answers(form, cases[judged]), model.answers(form, cases[judged], situations)
    print(f"\n{name}, memory under {form}: {sum(shown) / len(shown):.1f} cases shown a line\n{HEADER}")
    print(line("without", truth[judged], without))
    print(line("with", truth[judged], beside))
    print(f"{'with - without':<18} {difference(truth[judged], beside, without)}", flush=True)


def report_together(name: str, form: str, model: Model, lines: int, size: int) -> None:
    """Print what the company of other comments in a request changes, on the same lines."""
    cases, truth = drawn(name, lines)
    alone, beside = model.answers(form, cases), model.answers(form, cases, together=size)
    moved = sum(one != other for one, other in zip(alone.said, beside.said, strict=True))
    print(f"\n{name}, {size} comments in a request under {form}, {model.spec.model}\n{HEADER}")
    print(line("alone", truth, alone))
    print(line("together", truth, beside))
    print(
        f"together - alone   {difference(truth, beside, alone)}; {moved} of {len(cases)} verdicts moved",
        flush=True,
    )


def recalled(known: Sequence[Case], plans: Sequence[Plan], asked: Sequence[Case]) -> list[Situation]:
    """Return each asked line with the most similar known ones, as a memory would recall them."""
    states = [state_of(case) for case in known]
    near = similarities(states, [state_of(case) for case in asked])
    return [Situation(Standing(0, None), tuple(_memories(states, plans, row))) for row in near]


def similarities(known: Sequence[str], asked: Sequence[str]) -> np.ndarray:
    """Return how similar each known state is to each asked one, a row each, as a memory of them all finds it."""
    embedder = TfidfEmbedder()
    vectors = embedder.embed([*known, *asked])
    index = SparseIndex(vectors.shape[1])
    places = np.arange(len(known))
    index.add(vectors[: len(known)], places, np.zeros_like(places))
    weights = [index.weighted(each) for each in (vectors[len(known) :], vectors[: len(known)])]
    return np.asarray((weights[0] @ weights[1].T).todense())


def _memories(states: Sequence[str], plans: Sequence[Plan], near: np.ndarray) -> list[Recalled]:
    best = np.argsort(-near, kind="stable")[: MemorySpec().top_k]
    return [Recalled(f"m{i}", float(near[i]), 1, states[i], plans[i]) for i in best if near[i] >= 0.1]


def verdict_of(*, is_violation: bool, name: str) -> Plan:
    """Return the plan that a label comes to."""
    if is_violation:
        category = SETS[name].category
        return Plan(Action.DELETE, category, 1.0, f"It is {category}.", rule=RULES[category])
    return Plan(Action.ALLOW, Category.NONE, 1.0, "It breaks no rule.", rule=RULES[Category.NONE])


def main() -> None:
    """Print a table for each set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--lines", type=int, default=60)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--forms", default=",".join([*PromptForm, *QUESTIONS]))
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--together", type=int)
    given = parser.parse_args()
    spec = OpenAISpec(
        model=given.model,
        base_url=given.base_url,
        price=0,
        concurrency=1,
        timeout_s=600,
        max_tokens=120,
        shows_memories=True,
    )
    model = Model(spec, DataFolder(given.folder))
    for name in given.sets.split(","):
        forms = given.forms.split(",")
        if given.memory:
            report_memory(name, forms[0], model, given.lines)
        elif given.together:
            report_together(name, forms[0], model, given.lines, given.together)
        else:
            report_forms(name, forms, model, given.lines)


if __name__ == "__main__":
    main()
