"""`moderation check CONFIG`: one made-up comment put to the config's Student and to its Expert, for real.

Two calls, so that a wrong key, model or endpoint is found before a run of thousands; a few short ones more where
it has to be found out what an endpoint can do.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

import orjson
import polars as pl

from moderation_pipeline.agents.build_agents import Agents, build_agents
from moderation_pipeline.agents.student import Student
from moderation_pipeline.agents.tiers import TieredStudent
from moderation_pipeline.backends.keys import environment
from moderation_pipeline.backends.model_check import CheckedModels
from moderation_pipeline.backends.wrappers.prices import PriceList
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Situation, Standing
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.embedders.build_embedder import build_embedder
from moderation_pipeline.moderation.run_beginning import Means, begin
from moderation_pipeline.moderation.stream import Stream
from moderation_pipeline.warehouse.folder import DataFolder

COMMENT = "you are a worthless idiot, nobody wants you here, uninstall the game"
"""A violation that any Student or Expert should see; a reply that allows it is no error, but worth a look."""


class Answer(NamedTuple):
    """What an agent said about the comment; `error` is null where it gave a plan."""

    role: str
    backend: str
    model: str | None
    action: str | None
    category: str | None
    confidence: float | None
    seconds: float
    cost_usd: float | None
    error: str | None
    note: str | None = None


def check(folder: DataFolder, named: NamedConfig) -> list[Answer]:
    """Ask the Student and the Expert of a config about one comment, and return what each answered.

    Raises:
        ModerationError: the config can't be run at all: no key, no such model, no such sanctions.
    """
    return asyncio.run(_checked(folder, named))


async def _checked(folder: DataFolder, named: NamedConfig) -> list[Answer]:
    comments = _comments()
    models = CheckedModels(environment(), PriceList.load(folder.prices), [])
    said: list[str] = []
    means = Means(
        open_models=lambda _: nullcontext(models),
        build=build_agents,
        embedder=lambda spec: build_embedder(spec, folder),
        say=said.append,
    )
    (case,) = next(iter(Stream(comments).batches(1)))
    with begin(named, comments, folder, means) as begun:
        models.notes[:] = said
        try:
            return await _answers(begun.agents, case, models)
        finally:
            await begun.agents.aclose()


async def _answers(agents: Agents, case: Case, models: CheckedModels) -> list[Answer]:
    answers = []
    for role, student in _students(agents.student):
        decided = student.decide([case], [Situation(Standing(0, None))])
        answers.append(await _answer(role, decided, models))
    if agents.expert is not None and agents.expert.can_audit(case):
        answers.append(await _answer("expert", agents.expert.audit([case]), models))
    elif agents.expert is not None:
        nothing_asked = Answer(
            role="expert",
            backend="labels",
            model=None,
            action=None,
            category=None,
            confidence=None,
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
    (verdict,) = await asked
    seconds = time.perf_counter() - began
    plan, receipt = verdict.plan, verdict.receipt
    return Answer(
        role=role,
        backend=receipt.backend,
        model=receipt.model,
        action=plan.action if plan else None,
        category=plan.category if plan else None,
        confidence=plan.confidence if plan else None,
        seconds=seconds,
        cost_usd=receipt.cost_usd,
        error=None if plan else receipt.reply_error or "no plan",
        note=_told(models.notes),
    )


def _told(notes: list[str]) -> str | None:
    """Return the notes of one answer, and empty the list for the next."""
    told = " ".join(notes)
    notes.clear()
    return told or None


def _comments() -> pl.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "check.jsonl"
        path.write_bytes(
            orjson.dumps({"comment_id": "check-1", "user_id": "1", "user_name": "someone", "text": COMMENT})
        )
        return ingest(path, "check").comments
