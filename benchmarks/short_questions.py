"""Whether a small model tells violations apart at all: short questions, each read from its answer's first token.

    python -m benchmarks.short_questions --base-url http://localhost:8101/v1 --model small --folder FOLDER [--lines 100]
        [--sets HateCheck,CONDA] [--questions broken,harmless]

Any OpenAI-shaped server that gives log-probabilities. A question stands first and the line after it, so that a server
that keeps the beginning of a prompt reads the question once. As many violations as others, of the lines that
`benchmarks.prompts` draws last of all: what is tried here is chosen without a look at those it judges by. Replies are
kept in FOLDER; what was stopped goes on where it stopped.

Per question: AUROC of how far the answer leans towards a violation, with its 95 % interval (lines resampled), which no
threshold and no calibration of one question can change; then that of two questions with opposite senses together,
which cancels whatever a line does to every answer alike.
"""

from __future__ import annotations

import argparse
import asyncio
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from benchmarks.prompts import RESAMPLES, ranked
from moderation_pipeline.backends.language_model import LanguageModel, Message, Reply, Request
from moderation_pipeline.backends.run_models import Deployment, RunModels
from moderation_pipeline.config.model_specs import OpenAISpec
from moderation_pipeline.text.visible import shortened
from moderation_pipeline.warehouse.folder import DataFolder

Values = Sequence[float] | NDArray[np.float64]

LAST = 200
"""Of each label so many lines, the last by their hashes, are for trying."""


class ShortQuestion(NamedTuple):
    """What is asked, and which words of an answer speak for a violation and which against one."""

    asked: str
    for_violation: str
    against: str


HARMFUL = "harmful: it insults, threatens, harasses or hates somebody"
HARMLESS = "harmless: ordinary talk"
LETTERS = "Which describes the message?\nA: {}\nB: {}\nAnswer with one letter."
QUESTIONS = {
    "broken": ShortQuestion(
        "Does the message insult, harass, threaten or express hate toward anyone? Answer Yes or No.",
        "yes",
        "no",
    ),
    "harmless": ShortQuestion("Is the message friendly or harmless? Answer Yes or No.", "no", "yes"),
    "letters": ShortQuestion(LETTERS.format(HARMFUL, HARMLESS), "a", "b"),
    "letters_reversed": ShortQuestion(LETTERS.format(HARMLESS, HARMFUL), "b", "a"),
}
OPPOSITE = (("broken", "harmless"), ("letters", "letters_reversed"))
LEAST = 1e-4
"""A word that is not among the likeliest has at most about so much."""


def held_out(name: str, lines: int) -> tuple[list[str], list[bool]]:
    """Return lines for trying, as many of each label, and their labels."""
    data = ranked(name)
    both = pl.concat([data.filter(label_toxic=label).tail(LAST).head(lines // 2) for label in (True, False)])
    return both["text"].to_list(), both["label_toxic"].to_list()


def leaning(question: ShortQuestion, reply: Reply) -> float:
    """Return the log-odds of a violation by an answer's first token."""
    shares = {question.for_violation: LEAST, question.against: LEAST}
    for token, logprob in reply.first_tokens or ():
        word = token.strip().casefold()
        if word in shares:
            shares[word] += math.exp(logprob)
    return math.log(shares[question.for_violation] / shares[question.against])


def leanings(
    question: ShortQuestion, spec: OpenAISpec, folder: DataFolder, texts: Sequence[str]
) -> list[float]:
    """Return what a model says of each line."""

    async def asked(model: LanguageModel) -> list[Reply]:
        system = Message("system", f"You moderate a live chat. {question.asked}")
        requests = [
            Request(
                (system, Message("user", f"Message: {orjson.dumps(shortened(text, 300)).decode()}")),
                max_tokens=1,
                wants_logprobs=True,
                top_logprobs=20,
            )
            for text in texts
        ]
        try:
            return await asyncio.gather(*map(model.complete, requests))
        finally:
            await model.aclose()

    with RunModels(Deployment(folder, {}), "short_questions") as models:
        return [leaning(question, each) for each in asyncio.run(asked(models.language_model(spec)))]


def wins_of(truth: Sequence[bool], found: Values) -> NDArray[np.float64]:
    """Return, for each violation and each other line, 1 where the violation has the higher value, .5 where equal."""
    known, values = np.array(truth), np.array(found)
    bad, fine = values[known][:, None], values[~known][None, :]
    wins: NDArray[np.float64] = (bad > fine) + 0.5 * (bad == fine)
    return wins


def auroc(truth: Sequence[bool], found: Values, less: Values | None = None) -> str:
    """Return the AUROC, or how far it is above that of `less`, with its 95 % interval.

    Lines of either label are resampled among themselves.
    """
    wins = wins_of(truth, found) - (0.0 if less is None else wins_of(truth, less))
    draw = np.random.default_rng(7)
    rows, columns = (draw.integers(0, n, (RESAMPLES, n)) for n in wins.shape)
    drawn = [wins[row][:, column].mean() for row, column in zip(rows, columns, strict=True)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    sign = "" if less is None else "+"
    return f"{wins.mean():{sign}.2f} [{low:{sign}.2f}, {high:{sign}.2f}]"


def report(name: str, found: Mapping[str, Sequence[float]], truth: Sequence[bool]) -> None:
    """Print what each question tells apart, and what two of opposite senses do."""
    for question, values in found.items():
        print(f"{name:<10} {question:<26} {auroc(truth, values)}, mean log-odds {np.mean(values):+.2f}")
    for one, other in OPPOSITE:
        if one in found and other in found:
            both = np.add(found[one], found[other]).tolist()
            print(f"{name:<10} {f'{one} + {other}':<26} {auroc(truth, both)}", flush=True)


def main() -> None:
    """Print a table for each set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--lines", type=int, default=100)
    parser.add_argument("--sets", default="HateCheck,CONDA")
    parser.add_argument("--questions", default=",".join(QUESTIONS))
    given = parser.parse_args()
    spec = OpenAISpec(model=given.model, base_url=given.base_url, price=0, concurrency=1, timeout_s=600)
    for name in given.sets.split(","):
        texts, truth = held_out(name, given.lines)
        folder = DataFolder(given.folder)
        names = given.questions.split(",")
        found = {each: leanings(QUESTIONS[each], spec, folder, texts) for each in names}
        report(name, found, truth)


if __name__ == "__main__":
    main()
