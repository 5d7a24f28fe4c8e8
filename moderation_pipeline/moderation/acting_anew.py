"""A stored run acted upon anew: under another ladder, or other thresholds, without asking anybody.

Plans are those that the run stored (or that follow from the probabilities it stored), standings are folded by the
same ladder as in the loop, comment by comment. What can't be told without asking stays as it was: who was audited,
what the Expert said, what the memory had learnt, and what the fallback decided.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import polars as pl

from moderation_pipeline.agents.deciding.rederiving import KeptProbability, cut, rederiving_of
from moderation_pipeline.cases.chosen import Chosen, DecidedBy, stands
from moderation_pipeline.config.run_config import Config
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.plan import Action, Category, Plan

Thresholds = Mapping[Category, float]

WITHHELD = re.compile(r"\(in shadow: (.*)\)$", re.DOTALL)
"""How the loop says in a reason that it may not do something alone."""

PLAN = ("action", "category", "confidence", "reasoning", "reply_text", "rule", "duration_s")
OUTCOME = pl.Schema(
    {
        "comment_id": pl.String,
        "position": pl.Int64,
        "action": pl.String,
        "category": pl.String,
        "duration_s": pl.Int64,
        "decided_by": pl.String,
        "reason": pl.String,
        "strikes": pl.Int64,
        "under_sanction": pl.Boolean,
        "is_shadow": pl.Boolean,
    }
)
"""What is done about each comment: the columns of the action log that can change."""


class Author(NamedTuple):
    """What the ladder has to know of a comment."""

    position: int
    channel: str
    user_id: str | None
    sent_at_us: int | None
    is_moderator: bool
    is_broadcaster: bool


class Stored(NamedTuple):
    """The tables of a stored run that are needed."""

    student_decisions: pl.DataFrame
    expert_audits: pl.DataFrame
    action_log: pl.DataFrame


def acted_anew(
    comments: pl.DataFrame,
    stored: Stored,
    config: Config,
    ladder: Ladder,
    *,
    least: Thresholds | None = None,
    own_rules: str = "",
) -> pl.DataFrame:
    """Return what would be done about each comment, in stream order, with the columns of OUTCOME.

    Args:
        comments: the chat's comments.
        stored: the run's tables.
        config: the run's config.
        ladder: the ladder to climb; a fresh one.
        least: by category, the least probability from which it is acted upon.
        own_rules: the text of the channel's own rules, which a decision model was asked about.
    """
    redecide = _redeciding(config, least or {}, own_rules)
    authors = _authors(comments)
    rows = [
        _row(name, author, ladder.act(author, chosen.plan, chosen.decided_by, withheld=withheld))
        for (name, author), (chosen, withheld) in zip(
            authors, _chosen(comments, stored, config, redecide), strict=True
        )
    ]
    return pl.DataFrame(rows, schema=OUTCOME, orient="row")


def _row(comment_id: str, author: Author, sanction: Any) -> tuple[object, ...]:
    return (
        comment_id,
        author.position,
        sanction.action,
        sanction.category,
        sanction.duration_s,
        sanction.decided_by.value,
        sanction.reason,
        sanction.strikes,
        sanction.under_sanction,
        sanction.is_shadow,
    )


def _authors(comments: pl.DataFrame) -> Iterator[tuple[str, Author]]:
    ordered = comments.sort("position").select(
        "comment_id",
        "position",
        "channel",
        "user_id",
        pl.col("sent_at").dt.timestamp("us"),
        pl.col("is_moderator").fill_null(value=False),
        pl.col("is_broadcaster").fill_null(value=False),
    )
    for name, *rest in ordered.iter_rows():
        yield name, Author(*rest)


Redecide = Callable[[Plan, list[dict[str, Any]] | None], Plan]


def _redeciding(config: Config, least: Thresholds, own_rules: str) -> Redecide:
    """Return how a Student's plan becomes another: derived anew where its probabilities are kept, else cut."""
    if not least:
        return lambda plan, _: plan
    rederiving = rederiving_of(config.student, own_rules, least)
    if rederiving is None:
        return lambda plan, _: cut(plan, least)

    def redecided(plan: Plan, kept: list[dict[str, Any]] | None) -> Plan:
        anew = rederiving.plan(KeptProbability(**each) for each in kept or ())
        return cut(plan, least) if anew is None else anew

    return redecided


def _chosen(
    comments: pl.DataFrame, stored: Stored, config: Config, redecide: Redecide
) -> Iterator[tuple[Chosen, str | None]]:
    """Yield for each comment, in stream order, the plan that stands, and why it may not be carried out."""
    student, expert = _plans(stored.student_decisions), _plans(stored.expert_audits)
    kept = _kept(stored.student_decisions)
    outcomes = stored.action_log.select("comment_id", "action", "category", "decided_by", "reason").rows()
    logged = {row[0]: row[1:] for row in outcomes}
    for name in comments.sort("position")["comment_id"]:
        own = student.get(name)
        proposed = None if own is None else redecide(own, kept.get(name))
        chosen = stands(proposed, expert.get(name), audits_act=config.audits_act)
        action, category, decided_by, reason = logged[name]
        if chosen.plan is None:
            chosen = _by_nobody(action, category, decided_by, reason)
        yield chosen, _withheld(reason)


def _withheld(reason: str | None) -> str | None:
    found = WITHHELD.search(reason or "")
    return None if found is None else found[1]


def _by_nobody(action: str, category: str | None, decided_by: str, reason: str | None) -> Chosen:
    """Return what stood where neither agent had a plan: the fallback's, as it is told from what was done."""
    if category is None or action not in set(Action):
        nobody = DecidedBy.NOT_JUDGED if decided_by == DecidedBy.NOT_JUDGED else DecidedBy.NOBODY
        return Chosen(None, nobody, reason or "")
    return Chosen(Plan(Action(action), Category(category), 1.0, reason or ""), DecidedBy.FALLBACK)


def _plans(answers: pl.DataFrame) -> dict[str, Plan]:
    known = answers.drop_nulls("action").select("comment_id", *PLAN)
    return {
        name: Plan(
            Action(action), Category(category), confidence or 0.0, reasoning or "", reply, rule, duration
        )
        for name, action, category, confidence, reasoning, reply, rule, duration in known.iter_rows()
    }


def _kept(student_decisions: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    known = student_decisions.filter(pl.col("probabilities").list.len() > 0)
    return dict(known.select("comment_id", "probabilities").iter_rows())
