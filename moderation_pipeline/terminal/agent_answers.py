"""`moderation check CONFIG`: ten made-up lines put to the config's Student and to its Expert, for real.

Ten calls each, so that a wrong key, model or endpoint, and a model that judges nothing, are found before a run of
thousands; a few short ones more where it has to be found out what an endpoint can do. The lines, and what answers to
them show, are `check_lines.py`'s.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Sequence
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path
from typing import NamedTuple

import orjson
import polars as pl

from moderation_pipeline.agents.build_agents import Agents, build_agents
from moderation_pipeline.agents.deciding.score_student import MissingScoresError
from moderation_pipeline.agents.student import Student
from moderation_pipeline.agents.tiers import TieredStudent
from moderation_pipeline.backends.chat.chat_wire import Abilities
from moderation_pipeline.backends.keys import environment
from moderation_pipeline.backends.language_model import ModelIdentity
from moderation_pipeline.backends.model_check import CheckedModels
from moderation_pipeline.backends.stores.open_store import is_there_a_store, open_store
from moderation_pipeline.backends.wrappers.prices import PriceList
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Situation, Standing
from moderation_pipeline.cases.verdict import Verdict, known_sum
from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.config.config_errors import UnpricedBudgetError
from moderation_pipeline.config.run_config import BudgetSpec, NamedConfig
from moderation_pipeline.embedders.build_embedder import build_embedder
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.moderation.run_beginning import Means, begin
from moderation_pipeline.moderation.stream import Stream
from moderation_pipeline.terminal.check_lines import CHECK_LINES, CheckLine, shown_by, useless
from moderation_pipeline.warehouse.folder import DataFolder


class Answer(NamedTuple):
    """What an agent made of the ten lines: `action` to `confidence` are of the first, an insult.

    `error` is null where each line got a plan, and `useless` where the plans tell the lines apart.
    """

    role: str
    backend: str
    model: str | None
    action: str | None
    category: str | None
    confidence: float | None
    caught: str | None
    let_be: str | None
    seconds: float
    cost_usd: float | None
    error: str | None
    useless: str | None = None
    note: str | None = None


class NothingToAskError(ModerationError):
    """A config whose Student decides by what a chat comes with: made-up lines come with nothing."""

    def __init__(self, config: str) -> None:
        super().__init__(
            f"Config {config!r} decides by scores that a chat comes with, and the made-up lines have none, so there is "
            f"nothing to ask. 'moderation run CHAT --config {config}' says whether a chat has them."
        )


def check(folder: DataFolder, named: NamedConfig) -> list[Answer]:
    """Ask the Student and the Expert of a config about ten lines, and return what each answered.

    Raises:
        ModerationError: the config can't be run at all: no key, no such model, no such sanctions.
    """
    return asyncio.run(_checked(folder, named))


def unheld_budgets(budget: BudgetSpec | None, answers: Sequence[Answer]) -> list[str]:
    """Return whose price nobody knows though the config has a budget: a run would stop at its first comment."""
    if budget is None:
        return []
    what = f"A budget of ${budget.usd_per_run:g} a run"
    unpriced = [each for each in answers if each.cost_usd is None and each.error is None]
    return [str(UnpricedBudgetError(f"the {each.role}'s model {each.model!r}", what)) for each in unpriced]


async def _checked(folder: DataFolder, named: NamedConfig) -> list[Answer]:
    comments = _comments()
    models = CheckedModels(environment(), PriceList.load(folder.prices), [], kept=partial(_kept, folder))
    said: list[str] = []
    means = Means(
        open_models=lambda _: nullcontext(models),
        build=build_agents,
        embedder=lambda spec: build_embedder(spec, folder),
        say=said.append,
    )
    cases = next(iter(Stream(comments).batches(len(CHECK_LINES))))
    try:
        with begin(named, comments, folder, means) as begun:
            models.notes[:] = said
            try:
                return await _answers(begun.agents, cases, models)
            finally:
                await begun.agents.aclose()
    except MissingScoresError:
        raise NothingToAskError(named.name) from None


def _kept(folder: DataFolder, identity: ModelIdentity) -> Abilities | None:
    if not is_there_a_store(folder):
        return None
    with closing(open_store(folder)) as store:
        return store.abilities_of(identity)


async def _answers(agents: Agents, cases: Sequence[Case], models: CheckedModels) -> list[Answer]:
    answers = []
    for role, student in _students(agents.student):
        decided = student.decide(cases, [Situation(Standing(0, None))] * len(cases))
        answers.append(await _answer(role, decided, models))
    if agents.expert is not None and agents.expert.can_audit(cases[0]):
        answers.append(await _answer("expert", agents.expert.audit(cases), models))
    elif agents.expert is not None:
        nothing_asked = Answer(
            role="expert",
            backend="labels",
            model=None,
            action=None,
            category=None,
            confidence=None,
            caught=None,
            let_be=None,
            seconds=0.0,
            cost_usd=0.0,
            error=None,
        )
        answers.append(nothing_asked)
    return answers


def _students(student: Student | None) -> list[tuple[str, Student]]:
    """Return every tier on its own: asked in turn, one that is sure would hide the next."""
    if student is None:
        return []
    if isinstance(student, TieredStudent):
        return [(f"student, tier {tier.name}", tier.student) for tier in student.tiers]
    return [("student", student)]


async def _answer(role: str, asked: Awaitable[list[Verdict]], models: CheckedModels) -> Answer:
    began = time.perf_counter()
    verdicts = await asked
    seconds = time.perf_counter() - began
    plan, receipt, shown = verdicts[0].plan, verdicts[0].receipt, shown_by(verdicts)
    return Answer(
        role=role,
        backend=receipt.backend,
        model=receipt.model,
        action=plan.action if plan else None,
        category=plan.category if plan else None,
        confidence=plan.confidence if plan else None,
        caught=shown.caught_told,
        let_be=shown.let_be_told,
        seconds=seconds,
        cost_usd=known_sum([verdict.receipt.cost_usd for verdict in verdicts]),
        error=_failure(verdicts),
        useless=useless(role, verdicts),
        note=_told(models.notes),
    )


def _failure(verdicts: Sequence[Verdict]) -> str | None:
    """Return how many lines got no plan, and what was wrong with the first of them; null where all got one."""
    errors = [verdict.receipt.reply_error or "no plan" for verdict in verdicts if verdict.plan is None]
    return f"{errors[0]} ({len(errors)} of {len(verdicts)} lines)" if errors else None


def _told(notes: list[str]) -> str | None:
    """Return the notes of one answer, and empty the list for the next."""
    told = " ".join(notes)
    notes.clear()
    return told or None


def _record(line: CheckLine) -> bytes:
    """Return a line as the only one of its channel, so that no line is another's context."""
    number = CHECK_LINES.index(line)
    user = {"user_id": f"{number}", "user_name": f"viewer{number}"}
    return orjson.dumps(
        {"comment_id": f"check-{number}", "channel": f"check{number}", **user, "text": line.text}
    )


def _comments() -> pl.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "check.jsonl"
        path.write_bytes(b"\n".join(map(_record, CHECK_LINES)))
        return ingest(path, "check").comments
