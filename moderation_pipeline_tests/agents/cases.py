"""Cases for agents, made from a small chat as the loop makes them."""

from __future__ import annotations

from collections.abc import Sequence

from moderation_pipeline.agents.case import Case
from moderation_pipeline.agents.student import Situation, Standing
from moderation_pipeline.moderation.stream import Stream
from moderation_pipeline_tests.moderation.scripted import chat_of


def cases_of(texts: Sequence[str]) -> list[Case]:
    (batch,) = Stream(chat_of(texts)).batches(len(texts))
    return batch


def situations_of(cases: Sequence[Case]) -> list[Situation]:
    return [Situation(Standing(0, None)) for _ in cases]
