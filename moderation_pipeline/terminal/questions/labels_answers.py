"""What the labels of a chat say and are worth: moderators beside a config, and labels that look wrong.

What is counted is `evaluation/moderators_compared.py`'s and `evaluation/doubtful_labels.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import polars as pl

from moderation_pipeline.evaluation.doubtful_labels import LabelDoubts, label_doubts
from moderation_pipeline.evaluation.moderators_compared import moderators_compared
from moderation_pipeline.report.quantities import count, of_hundred, percent, plural
from moderation_pipeline.terminal.listings import require_chat
from moderation_pipeline.terminal.questions.changes_answers import label_words, run_of, user_shown
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMMENTS


class ModeratorsShown(NamedTuple):
    """What is said of moderators and a config, in counts and line by line."""

    said: list[str]
    counts: pl.DataFrame
    by_category: pl.DataFrame
    lines: pl.DataFrame

    def as_json(self) -> dict[str, Any]:
        """Return all of it for a script."""
        frames = ("counts", "by_category", "lines")
        return {"said": self.said, **{name: getattr(self, name).to_dicts() for name in frames}}


def moderators(folder: DataFolder, chat: str, config: str) -> ModeratorsShown:
    """Return where a config and a chat's human moderators differ.

    Raises:
        NoSuchChatError, NothingRunError, RunOfOtherCommentsError, NoModeratorsError: there is nothing to hold against
            each other.
    """
    comments, log = run_of(folder, chat, config)
    found = moderators_compared(comments, log)
    number = dict(found.counts.select("who_acts", "comments").iter_rows())
    said = [
        f"{config} and the moderators of {chat}, on {plural(sum(number.values()), 'comment')} of which it is known"
        f" what they did: both act on {count(number['both'])}, only the moderators on"
        f" {count(number['only the moderators'])}, only {config} on {count(number['only the config'])}. That they did"
        " not act may mean that they did not see it."
    ]
    if found.again_by_moderators is not None:
        own = (
            ""
            if found.again_by_config is None
            else f", and {config}, once it had, on {of_hundred(found.again_by_config)}"
        )
        said.append(
            "The yardstick: once the moderators had acted on a text, of 100 other times that the same was said they"
            f" acted on {of_hundred(found.again_by_moderators)}{own}."
        )
    return ModeratorsShown(said, found.counts, found.by_category, found.lines)


class DoubtsShown(NamedTuple):
    """What is said of a chat's labels, and those that look wrong, the most doubtful first."""

    said: list[str]
    lines: pl.DataFrame

    def as_json(self) -> dict[str, Any]:
        """Return all of it for a script."""
        return {"said": self.said, "lines": self.lines.to_dicts()}


def doubtful(folder: DataFolder, chat: str) -> DoubtsShown:
    """Return which labels of a chat look wrong.

    Raises:
        NoSuchChatError, TooFewLabelsError: there is nothing to doubt.
    """
    require_chat(folder, chat)
    comments = read_table(folder, COMMENTS, chat)
    found, words = label_doubts(comments), label_words(comments)
    meant = {"violation": words[True], "innocent": words[False]}
    lines = found.doubted.with_columns(pl.col("label", "looks_like").replace(meant))
    return DoubtsShown(_said(chat, found, words), lines)


def in_a_window(lines: pl.DataFrame) -> pl.DataFrame:
    """Return lines as they are shown: a user by name or id, and the text, which may be long, last."""
    rest = [name for name in lines.columns if name not in ("comment_id", "user_id", "user_name", "text")]
    at = 2 if rest[:2] == ["position", "channel"] else 0
    return lines.with_columns(user=user_shown()).select(*rest[:at], "user", *rest[at:], "text")


def _said(chat: str, found: LabelDoubts, words: Mapping[bool, str]) -> list[str]:
    innocent = found.labelled - found.violations
    return [
        f"{plural(found.doubted.height, 'label')} of {count(found.labelled)} in {chat} look wrong"
        f" ({percent(found.doubted.height / found.labelled)}): {count(found.doubted_violations)} of the"
        f" {count(found.violations)} '{words[True]}' read like '{words[False]}', {count(found.doubted_innocent)} of the"
        f" {count(innocent)} '{words[False]}' like '{words[True]}'.",
        "By the text alone, from comments that say something else (confident learning, Northcutt and others 2021): look"
        " at them, for it may as well be the text that misleads.",
    ]
