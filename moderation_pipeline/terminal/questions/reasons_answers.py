"""What is said of a run's statements of reasons: how many, where, what the limits refuse, and how often it errs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.evaluation.comparable import SHOWN_AS_IT_WAS, stale_sentence
from moderation_pipeline.evaluation.reasons_stated import ReasonsStated, state_reasons
from moderation_pipeline.report.quantities import count, percent, plural
from moderation_pipeline.terminal.listings import NothingRunError, require_chat
from moderation_pipeline.terminal.summary import stale_runs
from moderation_pipeline.terminal.whose_labels import are_acts
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import ACTION_LOG


class ReasonsShown(NamedTuple):
    """What is said of the statements, and what was written."""

    said: list[str]
    stated: ReasonsStated

    def as_json(self) -> dict[str, Any]:
        """Return all of it for a script."""
        return {"said": self.said, **self.stated._asdict(), "path": str(self.stated.path)}


def statements(folder: DataFolder, chat: str, config: str) -> ReasonsShown:
    """Write the statements of a run, and return what is to be said of them.

    A run of other comments than the chat has now is no less one that acted: it is stated, and marked.

    Raises:
        NoSuchChatError, NothingRunError: there is no run to state.
    """
    require_chat(folder, chat)
    if read_table(folder, ACTION_LOG, chat, config).is_empty():
        ConfigLibrary(folder).load(config)
        raise NothingRunError(chat, config, folder)
    stated = state_reasons(folder, chat, config)
    return ReasonsShown(list(_said(folder, chat, config, stated)), stated)


def _said(folder: DataFolder, chat: str, config: str, stated: ReasonsStated) -> Iterator[str]:
    yield (
        f"{plural(stated.statements, 'statement')} of reasons, one per deletion, timeout and ban that {config} carried"
        f" out in {chat}: {stated.path}. Nothing was sent. territorial_scope, which is required, is yours to add."
    )
    if stated.refused_statements:
        why = "; ".join(f"{reason} ({count(number)})" for reason, number in stated.refused.items())
        yield f"The published limits refuse {count(stated.refused_statements)} of them: {why}."
    elif stated.statements:
        yield "The published limits refuse none of them."
    yield _error_rate(folder, chat, stated)
    stale = {name: why for name, why in stale_runs(folder, chat).items() if name == config}
    if (sentence := stale_sentence(chat, stale, SHOWN_AS_IT_WAS)) is not None:
        yield sentence


def _error_rate(folder: DataFolder, chat: str, stated: ReasonsStated) -> str:
    share, low, high = (
        stated.error_rate.get(f"wrongful_sanction_share{end}") for end in ("", "_low", "_high")
    )
    if share is None:
        return "Error rate of automated means: can't be told, for no sanction hit a comment that has a label."
    bounds = (
        "no interval" if low is None or high is None else f"95 % interval {percent(low)} to {percent(high)}"
    )
    wrong, checked = (
        int(stated.error_rate.get(name, 0)) for name in ("wrongful_sanctions", "sanctions_checked")
    )
    innocent = "that the moderators let be, seen or not" if are_acts(folder, chat) else "labelled innocent"
    return (
        f"Error rate of automated means: {percent(share)} ({bounds}): {count(wrong)} of"
        f" {plural(checked, 'sanction')} that could be checked, warnings included, hit comments {innocent}."
    )
