"""`moderation tune CONFIG CHAT`: ways to ask a config's model, compared on a chat's labels, and the winner's file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import NamedTuple

from moderation_pipeline.backends.keys import environment
from moderation_pipeline.backends.run_models import Deployment, RunModels
from moderation_pipeline.config.own_rules import own_rules
from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.report.quantities import dollars, signed
from moderation_pipeline.rounding import rounded
from moderation_pipeline.slugs import RunKey, check_slug
from moderation_pipeline.terminal.screen import say
from moderation_pipeline.tuning.candidates import candidates_of
from moderation_pipeline.tuning.paired_comparison import ComparedWay, TuningResult, conclude
from moderation_pipeline.tuning.tuned_config import check_may_be_written, told, tuned_text
from moderation_pipeline.tuning.tuning_calls import WaysAsked, ask_all
from moderation_pipeline.tuning.tuning_sample import Sample, draw_sample
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMMENTS


class NotReadYetError(ModerationError):
    """A chat whose comments are not in the warehouse yet."""

    def __init__(self, chat: str) -> None:
        super().__init__(
            f"Chat {chat!r} hasn't been read yet, so nobody knows its labels. Any run reads it: "
            f"moderation run {chat} -c student_only."
        )


class TooLittleMoneyError(ModerationError):
    """A budget that doesn't cover the first comments of all candidates."""

    def __init__(self, usd: float) -> None:
        super().__init__(
            f"${usd:g} doesn't cover the first comments of every way to ask, each at its worst. Give more with "
            "--usd; a reply costs far less than its worst case, and what isn't needed isn't spent."
        )


class NothingUsableError(ModerationError):
    """Replies of which none, in no way of asking, held a plan."""

    def __init__(self, config: str, answers: WaysAsked) -> None:
        errors = [each.receipt.reply_error for verdicts in answers.verdicts for each in verdicts]
        super().__init__(
            f"None of {len(errors)} replies could be used, in whichever way was asked, so that there is nothing to "
            f"compare. The first: {(errors[0] or 'no plan')[:300]!r}. 'moderation check {config}' says more. "
            f"{dollars(answers.spent_usd)} were spent."
        )


class ShownWay(NamedTuple):
    """A candidate as it is shown: its F1 with the bounds of its interval, and how far it is above the config's own."""

    asked_with: str
    f1: float | None
    f1_low: float | None
    f1_high: float | None
    above: float | None
    above_low: float | None
    above_high: float | None
    usable_share: float
    list_usd_per_1000: float | None


class Tuned(NamedTuple):
    """What came of it: a row a candidate, what to say of them, and the winner's file where there is a winner."""

    rows: list[ShownWay]
    sentence: str
    path: Path | None


def tuned(folder: DataFolder, named: NamedConfig, chat: str, *, usd: float, most: int, to: str) -> Tuned:
    """Compare ways to ask the config's model within a budget, and write the best where it is better.

    Raises:
        ModerationError: nothing to tune, too few labels, too little money, or a model that can't be used, or none of
            whose replies can.
    """
    path = folder.configs / f"{check_slug(to, 'Config')}.yaml"
    check_may_be_written(path)
    candidates = candidates_of(named)
    comments = read_table(folder, COMMENTS, chat)
    if comments.is_empty():
        raise NotReadYetError(chat)
    config = named.config
    sample = draw_sample(chat, comments, most, seed=config.loop.seed)
    say(
        f"Comparing {len(candidates)} ways to ask on {len(sample.drawn)} labelled comments, for ${usd:g} at most."
    )
    run_key = str(RunKey(chat, f"{named.name}~tune"))
    with RunModels(Deployment(folder, environment()), run_key) as models:
        rules = own_rules(config.rules, folder)
        answers = asyncio.run(ask_all(candidates, sample.drawn, models, usd=usd, own_rules=rules, said=say))
        models.finish()
    if not answers.asked:
        raise TooLittleMoneyError(usd)
    if all(each.plan is None for verdicts in answers.verdicts for each in verdicts):
        raise NothingUsableError(named.name, answers)
    found = conclude(candidates, sample, answers, seed=chat)
    rows, sentence = [_row(each) for each in found.compared], _sentence(found, sample, answers, path)
    if found.winner is None:
        return Tuned(rows, sentence, None)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(tuned_text(named, chat, found, found.winner), encoding="utf-8")
    return Tuned(rows, sentence, path)


def _row(each: ComparedWay) -> ShownWay:
    return ShownWay(each.candidate.label, *each.f1, *each.above, each.usable_share, each.list_usd_per_1000)


def _sentence(found: TuningResult, sample: Sample, answers: WaysAsked, path: Path) -> str:
    """Return what was found on how many comments, for how much, and what more money would do."""
    spent = f"{dollars(answers.spent_usd)} were spent"
    if answers.is_budget_spent:
        spent += f", and the budget covers no more than {found.asked} of {len(sample.drawn)} comments"
    if found.winner is not None:
        above = told(found.winner.above, say=signed)
        return f"{found.winner.candidate.label} is better: {above} of F1. Written to {path}. {spent}."
    if found.visible is None:
        return f"No difference found: from fewer than ten users nobody can tell. {spent}."
    if found.visible == 0.0:
        return f"No difference found: every way came to the same on all {found.asked} comments. {spent}."
    best = found.best
    return (
        f"No difference found on {found.asked} comments; the best is {best.candidate.label} with "
        f"{told(best.above, say=signed)} of F1, and less than {rounded(found.visible, 3)} can't be seen with so few."
        f" {spent}."
    )
