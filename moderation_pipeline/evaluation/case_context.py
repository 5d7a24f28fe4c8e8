"""What stands around single cases: the lines before and after, the user's own, the memories used, what it cost.

For reading, not for judging: nothing here is a score. Which cases are worth it is `disagreements.py`'s to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from moderation_pipeline.evaluation.judged import SANCTION_WORDS, Run, user_key
from moderation_pipeline.statistics.adding_up import groups_of

BEFORE, AFTER, OWN = 3, 2, 3
"""Lines of the channel before and after a case, and of the user's own before it."""
MEMORIES = 3


class LineShown(NamedTuple):
    """A line of the chat beside a case; `at` is how many lines of its channel after the case, or of its user's."""

    at: int
    user: str
    text: str


class MemoryShown(NamedTuple):
    """A memory that the Student was shown: the case it came from, and what it says to do."""

    state: str
    action: str
    category: str
    reasoning: str


class Context(NamedTuple):
    """What stands around one case. Costs are list prices in dollars, null where unknown; 0 where nobody was asked."""

    lines: list[LineShown]
    own: list[LineShown]
    comments_before: int
    sanctions_before: int
    memories: list[MemoryShown]
    student_cost_usd: float | None
    expert_cost_usd: float | None
    done: str
    reason: str
    category: str | None


def contexts(comments: pl.DataFrame, run: Run, comment_ids: Sequence[str]) -> dict[str, Context]:
    """Return, by comment, what stands around it in the chat and in the run."""
    chat = _numbered(comments)
    cases = pl.DataFrame({"comment_id": comment_ids}, schema={"comment_id": pl.String}).join(
        chat, on="comment_id", maintain_order="left"
    )
    around = _beside(cases, chat, "channel", "in_channel", (*range(-BEFORE, 0), *range(1, AFTER + 1)))
    own = _beside(cases.filter("has_user"), chat, "author", "by_user", range(-OWN, 0))
    sanctions = _sanctions_before(cases, chat, run)
    memories, costs, done = _memories(run, comment_ids), _costs(run, comment_ids), _done(run, comment_ids)
    return {
        name: Context(
            lines=around.get(name, []),
            own=own.get(name, []),
            comments_before=earlier if has_user else 0,
            sanctions_before=sanctions.get(name, 0),
            memories=memories.get(name, []),
            student_cost_usd=costs["student"].get(name, 0.0),
            expert_cost_usd=costs["expert"].get(name, 0.0),
            done=done.get(name, NOTHING_DONE)[0],
            reason=done.get(name, NOTHING_DONE)[1],
            category=done.get(name, NOTHING_DONE)[2],
        )
        for name, earlier, has_user in cases.select("comment_id", "by_user", "has_user").iter_rows()
    }


def _numbered(comments: pl.DataFrame) -> pl.DataFrame:
    """Return the comments with their number in their channel and, in it, of their user."""
    author = groups_of([comments["channel"], comments.select(user_key()).to_series()]).of_row
    return (
        comments.select(
            "comment_id",
            "channel",
            "position",
            "text",
            author=pl.Series(author),
            has_user=pl.coalesce("user_id", "user_name").is_not_null(),
            user=pl.coalesce("user_name", "user_id").fill_null("unknown user"),
        )
        .sort("position")
        .with_columns(
            in_channel=pl.int_range(pl.len()).over("channel"),
            by_user=pl.int_range(pl.len()).over("author"),
        )
    )


def _beside(
    cases: pl.DataFrame, chat: pl.DataFrame, group: str, number: str, offsets: Sequence[int]
) -> dict[str, list[LineShown]]:
    """Return the lines at some offsets from each case, counted within a group."""
    wanted = cases.select("comment_id", group, number).join(
        pl.DataFrame({"at": list(offsets)}, schema={"at": pl.Int64}), how="cross"
    )
    found = wanted.with_columns((pl.col(number) + pl.col("at")).alias(number)).join(
        chat.select(group, number, "user", "text"), on=[group, number], nulls_equal=True
    )
    lines: dict[str, list[LineShown]] = {}
    for name, *line in found.sort("at").select("comment_id", "at", "user", "text").iter_rows():
        lines.setdefault(name, []).append(LineShown._make(line))
    return lines


def _sanctions_before(cases: pl.DataFrame, chat: pl.DataFrame, run: Run) -> dict[str, int]:
    """Return how often each case's user had been sanctioned by the run before."""
    acted = (
        run.action_log.filter(
            pl.col("action").is_in(SANCTION_WORDS) & ~pl.col("under_sanction").fill_null(value=False)
        )
        .select("comment_id")
        .join(chat.filter("has_user").select("comment_id", "author", earlier="by_user"), on="comment_id")
    )
    found = cases.join(acted.select("author", "earlier"), on="author").filter(
        pl.col("earlier") < pl.col("by_user")
    )
    return dict(found.group_by("comment_id").len().iter_rows())


def _memories(run: Run, comment_ids: Sequence[str]) -> dict[str, list[MemoryShown]]:
    kept = run.memory_snapshot.select("memory_id", *MemoryShown._fields)
    used = (
        run.student_decisions.filter(pl.col("comment_id").is_in(list(comment_ids)))
        .select("comment_id", pl.col("memory_ids").list.head(MEMORIES).alias("memory_id"))
        .explode("memory_id")
        .drop_nulls()
        .join(kept, on="memory_id", maintain_order="left")
    )
    found: dict[str, list[MemoryShown]] = {}
    for name, *memory in used.select("comment_id", *MemoryShown._fields).iter_rows():
        found.setdefault(name, []).append(MemoryShown(*(part or "" for part in memory)))
    return found


def _costs(run: Run, comment_ids: Sequence[str]) -> dict[str, dict[str, float | None]]:
    tables = {"student": run.student_decisions, "expert": run.expert_audits}
    return {
        who: dict(
            rows.filter(pl.col("comment_id").is_in(list(comment_ids)))
            .select(
                "comment_id", pl.when(pl.col("backend").is_not_null()).then("list_cost_usd").otherwise(0.0)
            )
            .iter_rows()
        )
        for who, rows in tables.items()
    }


NOTHING_DONE = ("", "", None)


def _done(run: Run, comment_ids: Sequence[str]) -> dict[str, tuple[str, str, str | None]]:
    """Return what was done about each case, why, and of which category it was held to be."""
    rows = run.action_log.filter(pl.col("comment_id").is_in(list(comment_ids)))
    shadow = (
        pl.when(pl.col("is_shadow").fill_null(value=False)).then(pl.lit(" (in shadow)")).otherwise(pl.lit(""))
    )
    said = rows.select("comment_id", pl.col("action") + shadow, pl.col("reason").fill_null(""), "category")
    return {name: (action, reason, category) for name, action, reason, category in said.iter_rows()}
