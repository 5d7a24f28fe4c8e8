from __future__ import annotations

from collections.abc import Iterator

from moderation_pipeline.cases.chosen import DecidedBy
from moderation_pipeline.cases.settled import NOT_AUDITED, Settled
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.defs.telling.progress import LoggedProgress
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.moderation.stream import Stream
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.moderation.scripted import ALLOW, chat_of


def settled(count: int) -> list[Settled]:
    """So many comments that were allowed."""
    ladder = Ladder(load_sanctions("default", DataFolder.find()))
    cases = [case for batch in Stream(chat_of(["hi"] * count)).batches(count) for case in batch]
    return [
        Settled(case, None, NOT_AUDITED, None, None, ladder.act(case, ALLOW, DecidedBy.STUDENT))
        for case in cases
    ]


def said_while(batches: int, seconds_per_batch: float) -> list[str]:
    """What is said of a run of so many batches of ten comments, by a clock of the test's own."""
    said: list[str] = []
    seconds: Iterator[float] = (turn * seconds_per_batch for turn in range(10_000))
    progress = LoggedProgress(said.append, clock=lambda: next(seconds))
    batch = settled(10)
    progress.begins("arena", "hybrid", 10 * batches)
    for _ in range(batches):
        progress.settled(batch)
    progress.ends()
    return said


def test_a_short_run_says_no_more_than_that_it_is_done() -> None:
    assert said_while(batches=50, seconds_per_batch=0.01) == [
        "arena|hybrid: 500 of 500 comments through, 0 audited"
    ]


def test_a_long_run_says_each_tenth_once() -> None:
    said = said_while(batches=100, seconds_per_batch=60)
    assert len(said) == 11
    assert said[0] == "arena|hybrid: 100 of 1,000 comments through, 0 audited"
    assert said[-1] == said[-2]


def test_a_run_faster_than_its_lines_skips_some() -> None:
    said = said_while(batches=100, seconds_per_batch=0.3)
    assert 1 < len(said) < 11
