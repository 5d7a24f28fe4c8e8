"""How a language model is best asked: forms of the prompt × labelled sets, a model behind any OpenAI-shaped server.

    python -m benchmarks.prompts --base-url http://localhost:8101/v1 --model small [--lines 60] [--forms brief,category]
    python -m benchmarks.prompts … --memory        with and without similar cases as worked examples, on the same lines

Reads the labelled data from the folder MODERATION_SHARED_DATA. Of each set so many lines are drawn by a hash, as many
of each label, shown without the lines around them. Per form: F1 of violation with its 95 % interval (lines resampled,
the same for all forms), the share of harmless lines that are flagged, of replies that could be used, tokens read and
written per comment, seconds per comment (of this machine and server, whose cache keeps the fixed beginning of a
prompt). Beside them the rules, the careful rules and "always", on the same lines. "Never" has F1 0.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
import polars as pl

from benchmarks.keyless_quality import as_comments, plans_of, shared_data
from moderation_pipeline.agents.prompted.prompt_form import PromptForm
from moderation_pipeline.agents.prompted.prompt_student import PromptStudent
from moderation_pipeline.backends.chat.chat_backends import chat_endpoint
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Recalled, Situation, Standing
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.config.model_specs import OpenAISpec
from moderation_pipeline.config.run_config import MemorySpec
from moderation_pipeline.embedders.tfidf import TfidfEmbedder
from moderation_pipeline.memory.state import state_of
from moderation_pipeline.moderation.stream import Stream
from moderation_pipeline.plan import Action, Category, Plan

RESAMPLES = 2_000

SETS: dict[str, tuple[str, Callable[[], pl.Expr]]] = {
    "HateCheck": ("hatecheck", lambda: pl.lit(True)),
    "CONDA": ("conda_dota2", lambda: pl.col("split") == "valid"),
    "XSTest": ("xstest", lambda: pl.lit(True)),
    "twitch_dev": ("twitch_dev", lambda: ~pl.col("emotes_only")),
}


@dataclass
class Asked:
    """What a form gave on a set: what it said of each line, and what that took."""

    said: list[bool]
    usable: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    errors: list[str] = field(default_factory=list)


def drawn(name: str, lines: int) -> tuple[list[Case], list[bool]]:
    """Return as many lines of each label, drawn by a hash, each by itself; and their labels."""
    file, keep = SETS[name]
    data = pl.read_parquet(shared_data() / f"{file}.parquet").filter(
        keep() & pl.col("label_toxic").is_not_null() & (pl.col("text").str.len_chars() > 0)
    )
    ranks = [blake2b(each.encode(), digest_size=8).hexdigest() for each in data["message_id"]]
    data = data.with_columns(rank=pl.Series(ranks)).sort("rank")
    both = pl.concat([data.filter(label_toxic=label).head(lines // 2) for label in (True, False)])
    alone = both.with_columns(channel=pl.col("message_id"), user_id=pl.col("message_id")).sort(
        pl.col("rank").str.reverse()  # of the rarer label the ranks are higher
    )
    cases = [
        case for batch in Stream(as_comments(alone, "channel", "user_id")).batches(1_024) for case in batch
    ]
    return cases, alone["label_toxic"].to_list()


async def ask(
    spec: OpenAISpec, cases: Sequence[Case], situations: Sequence[Situation]
) -> tuple[list[Verdict], float]:
    """Return the model's verdicts, and the seconds that they took, the first call's not counted."""
    student = PromptStudent(chat_endpoint(spec, {}), spec)
    try:
        await student.decide(cases[:1], situations[:1])  # finds the endpoint out, and fills its cache
        began = time.perf_counter()
        verdicts = []
        for start in range(0, len(cases), spec.concurrency):
            part = slice(start, start + spec.concurrency)
            verdicts += await student.decide(cases[part], situations[part])
        return verdicts, time.perf_counter() - began
    finally:
        await student.aclose()


def answers(spec: OpenAISpec, cases: Sequence[Case], situations: Sequence[Situation] = ()) -> Asked:
    """Return what the model says in the spec's form."""
    alone = list(situations) or [Situation(Standing(0, None))] * len(cases)
    verdicts, seconds = asyncio.run(ask(spec, cases, alone))
    errors = [str(each.receipt.reply_error) for each in verdicts if each.plan is None]
    return Asked(
        said=[each.plan is not None and each.plan.is_violation for each in verdicts],
        usable=len(verdicts) - len(errors),
        prompt_tokens=sum(each.receipt.prompt_tokens or 0 for each in verdicts),
        completion_tokens=sum(each.receipt.completion_tokens or 0 for each in verdicts),
        seconds=seconds,
        errors=errors,
    )


def f1(truth: np.ndarray, said: np.ndarray) -> float:
    """Return the F1 of violation."""
    both, either = int((truth & said).sum()), int(truth.sum() + said.sum())
    return 2 * both / either if either else 0.0


def interval(
    truth: Sequence[bool], said: Sequence[bool], less: Sequence[bool] | None = None
) -> tuple[float, float, float]:
    """Return the F1, or how much it is above that of `less`, with its 95 % interval; lines are resampled."""
    known, ours = np.array(truth), np.array(said)
    theirs = None if less is None else np.array(less)

    def value(rows: np.ndarray) -> float:
        return f1(known[rows], ours[rows]) - (0.0 if theirs is None else f1(known[rows], theirs[rows]))

    draw = np.random.default_rng(7)
    values = [value(draw.integers(0, len(known), len(known))) for _ in range(RESAMPLES)]
    low, high = np.quantile(values, [0.025, 0.975])
    return value(np.arange(len(known))), float(low), float(high)


HEADER = f"{'':<28} {'F1':>5} {'95 %':>13} {'flags harmless':>14} {'usable':>7} {'read':>6} {'written':>7} {'s':>6}"


def line(name: str, truth: Sequence[bool], asked: Asked) -> str:
    """Return one row of the printed table."""
    value, low, high = interval(truth, asked.said)
    harmless = [said for said, label in zip(asked.said, truth, strict=True) if not label]
    n = len(truth)
    row = f"{name:<28} {value:5.2f} [{low:.2f}, {high:.2f}]  {sum(harmless) / len(harmless):13.0%} "
    if not asked.seconds:
        return row
    tokens = f"{asked.prompt_tokens / n:6.0f} {asked.completion_tokens / n:7.0f}"
    return f"{row}{asked.usable / n:7.0%} {tokens} {asked.seconds / n:6.2f}"


def keyless(cases: Sequence[Case]) -> dict[str, Asked]:
    """Return what the rules, the careful rules and "always" say of the lines."""
    said = {name: Asked([plan.is_violation for plan in plans]) for name, plans in plans_of(cases).items()}
    return {"always": Asked([True] * len(cases)), **said}


def report_forms(name: str, forms: Sequence[str], spec: OpenAISpec, lines: int) -> None:
    """Print the table of one set."""
    cases, truth = drawn(name, lines)
    print(f"\n{name}, {len(cases)} lines, {sum(truth)} violations, {spec.model}\n{HEADER}", flush=True)
    for who, said in keyless(cases).items():
        print(line(who, truth, said), flush=True)
    for form in forms:
        asked = answers(spec.model_copy(update={"prompt": form}), cases)
        print(line(form, truth, asked), flush=True)
        for error in asked.errors[:1]:
            print(f"    {len(asked.errors)} unusable, the first: {error[:100]}", flush=True)


def report_memory(name: str, form: str, spec: OpenAISpec, lines: int) -> None:
    """Print what similar cases in the prompt change: half of the drawn lines are remembered, the others judged."""
    cases, truth = drawn(name, 2 * lines)
    known, judged = slice(0, len(cases) // 2), slice(len(cases) // 2, len(cases))
    situations = recalled(cases[known], truth[known], cases[judged])
    shown = [len(each.recalled) for each in situations]
    spec = spec.model_copy(update={"prompt": form})
    without, beside = answers(spec, cases[judged]), answers(spec, cases[judged], situations)
    print(f"\n{name}, memory under {form}: {sum(shown) / len(shown):.1f} cases shown a line\n{HEADER}")
    print(line("without", truth[judged], without))
    print(line("with", truth[judged], beside))
    value, low, high = interval(truth[judged], beside.said, without.said)
    print(f"{'with - without, paired':<28} {value:+5.2f} [{low:+.2f}, {high:+.2f}]", flush=True)


def recalled(known: Sequence[Case], truth: Sequence[bool], asked: Sequence[Case]) -> list[Situation]:
    """Return each asked line with the four most similar known ones, as a memory would recall them."""
    states = [state_of(case) for case in known]
    embedder = TfidfEmbedder()
    vectors = embedder.embed([*states, *(state_of(case) for case in asked)])
    near = np.asarray((vectors[len(states) :] @ vectors[: len(states)].T).todense())
    return [Situation(Standing(0, None), tuple(_memories(states, truth, row))) for row in near]


def _memories(states: Sequence[str], truth: Sequence[bool], near: np.ndarray) -> list[Recalled]:
    best = np.argsort(-near, kind="stable")[: MemorySpec().top_k]
    return [
        Recalled(f"m{i}", float(near[i]), 1, states[i], _verdict(truth[i])) for i in best if near[i] >= 0.1
    ]


def _verdict(is_violation: bool) -> Plan:
    if is_violation:
        return Plan(Action.DELETE, Category.HARASSMENT, 1.0, "It breaks a rule.", rule="R1")
    return Plan(Action.ALLOW, Category.NONE, 1.0, "It breaks no rule.", rule="R9")


def main() -> None:
    """Print a table for each set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--lines", type=int, default=60)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--forms", default=",".join(PromptForm))
    parser.add_argument("--memory", action="store_true")
    given = parser.parse_args()
    spec = OpenAISpec(model=given.model, base_url=given.base_url, concurrency=1, timeout_s=600)
    for name in given.sets.split(","):
        if given.memory:
            report_memory(name, given.forms.split(",")[0], spec, given.lines)
        else:
            report_forms(name, given.forms.split(","), spec, given.lines)


if __name__ == "__main__":
    main()
