"""What a run's check says of replies that could not be used: whose, of which kinds, and what to do about each kind.

How they are counted is `laws.py`'s; the kinds are the codes of `backends/language_model.py`.
"""

from __future__ import annotations

import polars as pl

NO_ANSWER = "nobody answered: look whether the server keeps up, and run again, which asks for these alone"

ADVICE = {
    "unreadable": (
        "they hold no plan, or one that contradicts itself: see the rows' reply_error, and try another `prompt` or a "
        "larger model with `moderation check`"
    ),
    "too_long": (
        "more text than the model takes: give the server more context, or set `prompt: category`, fewer context_lines"
    ),
    "cut_off": (
        "the reply ended before its answer did: raise max_tokens, or have the model think less (`effort: low`)"
    ),
    "refused": "the model or a filter would not judge them: take another model, or `fallback: rules`",
    "empty": "no text in them: where a model thinks before it answers, raise max_tokens",
    "unusable_answer": (
        "no answer to what was asked: see the rows' reply_error. A model that begins with anything else, a thought or "
        "a blank, is better asked for a plan (`backend: openai`)"
    ),
    "garbled": (
        "no reply in what the server sent: look whether base_url is right and it speaks OpenAI's protocol, and run "
        "again, which asks for these alone"
    ),
    "timeout": (
        "nobody answered in time: raise timeout_s or lower concurrency, and run again, which asks for these alone"
    ),
    "rate_limited": "the provider sent them away: lower concurrency, and run again, which asks for these alone",
    "connection": NO_ANSWER,
    "server_failed": NO_ANSWER,
}
"""By the code of a bad reply."""

KEPT = ("refused", "empty")
"""Kinds that were paid for and are kept as what they are, so that running again asks for none of them. What can't be
read is kept as a reply like any other, which nothing forgets by its kind: another prompt or limit asks anew.
"""

FORGET = "What was paid for is kept: `moderation cache --drop-errors` forgets it, so that it is asked again."


def largest_share(bad: pl.DataFrame) -> float | None:
    """Return the share of bad replies of the part that has most of them; null where nobody was asked."""
    shares = bad.group_by("part", "asked").agg(pl.col("replies").sum())
    value = shares.select((pl.col("replies") / pl.col("asked")).max()).item()
    return None if value is None else float(value)


def what_to_do(bad: pl.DataFrame) -> str:
    """Say whose replies were bad, of which kinds, and what to do; nothing where none was."""
    rows = bad.drop_nulls("kind").rows()
    said = [
        f"{part}: {replies:,} of {asked:,} {kind} ({ADVICE.get(kind, 'see reply_error in the rows')})"
        for part, asked, kind, replies in rows
    ]
    kept = {kind for _, _, kind, _ in rows} & set(KEPT)
    again = f" {FORGET}" if kept else ""
    return f"{'; '.join(said)}.{again}" if said else ""
