"""Who fares otherwise: between a stored run and what it would have been, or between two stored runs.

What changes is `evaluation/outcome_changes.py`'s to say, what would have been `moderation/acting_anew.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from moderation_pipeline.agents.deciding.rederiving import rederiving_of
from moderation_pipeline.certificates.certified_basis import Basis, basis_of, run_basis
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.errors import ModerationError, closest
from moderation_pipeline.evaluation.comparable import (
    of_other_code,
    other_code_sentence,
    refuse_other_comments,
)
from moderation_pipeline.evaluation.history.accepted_runs import COMMENTS_CHANGED, keeps_outcomes
from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline.evaluation.outcome_changes import (
    by_rule,
    changes,
    fared,
    rules_that_stood,
    with_rules,
)
from moderation_pipeline.moderation.acting_anew import Stored
from moderation_pipeline.moderation.replayed import NAMED, acted_under, asked_in_words
from moderation_pipeline.plan import Category
from moderation_pipeline.report.label_words.label_voice import ACTS
from moderation_pipeline.report.limits import label_sources
from moderation_pipeline.report.quantities import count, plural
from moderation_pipeline.terminal.listings import NothingRunError, require_chat
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import (
    ACCEPTED_RUN,
    ACTION_LOG,
    COMMENTS,
    EXPERT_AUDITS,
    INGESTION,
    MEMORY_SNAPSHOT,
    METRIC_HISTORY,
    METRICS,
    PROVENANCE,
    STUDENT_DECISIONS,
    USER_STATE,
)

SHOWN = ("channel", "user", "way", "before", "after", "category", "label", "text")


class ThresholdError(ModerationError):
    """A threshold that can't be read."""

    def __init__(self, given: str, fix: str) -> None:
        super().__init__(
            f"--threshold says {given!r}; it wants CATEGORY=SHARE, such as harassment=.8, with a share above 0 and"
            f" up to 1. Categories are: {', '.join(NAMED)}.{fix}"
        )


class ChangesShown(NamedTuple):
    """What changes, in a sentence, in totals by action, by kind of user, by rule, and line by line."""

    said: str
    totals: pl.DataFrame
    counts: pl.DataFrame
    rules: pl.DataFrame
    lines: pl.DataFrame
    label_words: Mapping[bool, str]

    def as_json(self) -> dict[str, Any]:
        """Return all of it for a script."""
        frames = ("totals", "counts", "rules", "lines")
        return {"said": self.said, **{name: getattr(self, name).to_dicts() for name in frames}}

    def costliest(self, number: int) -> pl.DataFrame:
        """Return some lines as they are shown: those in which somebody is hit or spared most, first of equals first."""
        user = user_shown()
        label = pl.col("label_is_violation").replace_strict(
            self.label_words, default="–", return_dtype=pl.String
        )
        category = pl.coalesce(
            pl.when(pl.col("category_after") != "none").then("category_after"), "category_before"
        )
        ranked = self.lines.sort(_weight(), "position", descending=[True, False]).head(number)
        return ranked.with_columns(
            user=pl.when("is_newcomer").then(pl.format("{} (new)", user)).otherwise(user),
            label=label,
            category=category,
        ).select(SHOWN)


def _weight() -> pl.Expr:
    """Return how much is at stake: bans above timeouts above the rest."""
    of = {"ban": 3, "silenced": 2, "timeout": 2}
    first = [
        pl.col(end).str.split(" ").list.first().replace_strict(of, default=1, return_dtype=pl.Int64)
        for end in ("before", "after")
    ]
    return pl.max_horizontal(first)


def what_if(
    folder: DataFolder, chat: str, config: str, thresholds: Sequence[str], sanctions: str | None
) -> ChangesShown:
    """Return who would fare otherwise under another ladder or other thresholds.

    Raises:
        NoSuchChatError, NothingRunError, RunOfOtherCommentsError: there is no run of the chat as it is.
        ThresholdError, SanctionsError: what was asked for can't be read.
    """
    least = dict(map(_threshold, thresholds))
    comments, log = run_of(folder, chat, config)
    named, changed = _as_it_ran(folder, chat, config)
    stored = Stored(
        read_table(folder, STUDENT_DECISIONS, chat, config),
        read_table(folder, EXPERT_AUDITS, chat, config),
        log,
    )
    after = acted_under(comments, stored, named.config, folder, least=least, sanctions=sanctions)
    asked = asked_in_words(least, sanctions)
    said = f"{config} on {chat} with {asked}, replayed without asking anybody"
    keeps_all = rederiving_of(named.config.student, "", {}) is not None
    note = changed + ("" if not least or keeps_all else _ONLY_STRICTER)
    return _shown(said, comments, log, after, ("before", "after"), note)


def _as_it_ran(folder: DataFolder, chat: str, config: str) -> tuple[NamedConfig, str]:
    """Return a run's config as it was then, and what of the files that it names has changed since, in a sentence."""
    now = ConfigLibrary(folder).load(config)
    provenance = read_table(folder, PROVENANCE, chat, config)
    if provenance.is_empty():
        return now, ""
    ran = run_basis(provenance, now)
    today = basis_of(ran.named, folder, chat)
    changed = [what for what, differs in _files_changed(ran.basis, today) if differs]
    note = (
        f" Since that run {' and '.join(changed)} changed, so some of this is that change." if changed else ""
    )
    return ran.named, note


def _files_changed(ran: Basis, today: Basis) -> list[tuple[str, bool]]:
    return [
        ("its sanctions file", ran.sanctions_version != today.sanctions_version),
        ("the channel's rules", ran.rules_version != today.rules_version),
    ]


_ONLY_STRICTER = (
    " Its Student kept no probability of what it let through, so a threshold only spares, and none is found by a lower"
    " one."
)


def flips(folder: DataFolder, chat: str, one: str, other: str) -> ChangesShown:
    """Return who fares otherwise under one config than under another.

    Raises:
        NoSuchChatError, NothingRunError, RunOfOtherCommentsError: there are not two runs of the chat as it is.
    """
    comments, before = run_of(folder, chat, one)
    _, after = run_of(folder, chat, other)
    said = f"From {one} to {other} on {chat}"
    rules = (_rules(folder, chat, one, before), _rules(folder, chat, other, after))
    other_code = other_code_sentence(chat, of_other_code(folder, chat, (one, other)))
    note = "" if other_code is None else f" {other_code}"
    return _by_rule(_shown(said, comments, before, after, (one, other), note), *rules)


def flips_since_accepted(folder: DataFolder, chat: str, config: str) -> ChangesShown:
    """Return who fares otherwise in a config's run than in the one of it that was accepted last, of comments of both.

    Raises:
        NoSuchChatError, NothingRunError, RunOfOtherCommentsError: there is no run of the chat as it is.
        NoOutcomesKeptError: how comments fared in the accepted run was not kept.
    """
    comments, after = run_of(folder, chat, config)
    before = read_table(folder, ACCEPTED_RUN, chat, config)
    if not keeps_outcomes(before):
        raise NoOutcomesKeptError(chat, config, before)
    both = pl.col("comment_id").is_in(set(before["comment_id"]) & set(after["comment_id"]))
    rules = (before, _rules(folder, chat, config, after))
    accepted_at = f"{before['accepted_at'][0]:%Y-%m-%d %H:%M} UTC"
    said = f"From the run of {config} on {chat} that was accepted {accepted_at} to the run there is now"
    note = _since_accepted(read_table(folder, METRIC_HISTORY, chat, config), before)
    found = _shown(said, comments, before.filter(both), after.filter(both), ("accepted", "now"), note)
    return _by_rule(found, *rules)


class NoOutcomesKeptError(ModerationError):
    """A config of which no earlier run is kept comment by comment."""

    def __init__(self, chat: str, config: str, accepted_run: pl.DataFrame) -> None:
        of = f"The run of {config!r} on {chat!r}"
        why = (
            f"{of} was made by a version that accepted none"
            if accepted_run.is_empty()
            else f"{of} that was accepted {accepted_run['accepted_at'][0]:%Y-%m-%d %H:%M} UTC is from a version that"
            " kept of it what F1 and agreement are compared by, and not how each comment fared"
        )
        super().__init__(
            f"{why}, so what flipped since can't be told. It can be of what is accepted from now on: moderation"
            f" accept {chat} {config} REASON makes the run there is now the one that later runs are held against."
        )


def _since_accepted(history: pl.DataFrame, before: pl.DataFrame) -> str:
    """Return what else changed since, and of which comments this can't be told."""
    last = history.tail(1)
    if last["run_id"].to_list() == [before["run_id"][0]]:
        return " The run there is now is the accepted one: it was not made again since."
    changed: list[str] = last["changed_since_accepted"].explode().drop_nulls().to_list()
    note = (
        f" Changed since: {', '.join(changed)}."
        if changed
        else " Neither code, config, comments nor a model's name changed since."
    )
    if COMMENTS_CHANGED in changed:
        note += " Comments are paired by their ids: one that was rewritten or renumbered stands for another there."
    return note


def _by_rule(found: ChangesShown, before: pl.DataFrame, after: pl.DataFrame) -> ChangesShown:
    lines = with_rules(found.lines, before, after)
    return found._replace(lines=lines, rules=by_rule(lines))


def _rules(folder: DataFolder, chat: str, config: str, log: pl.DataFrame) -> pl.DataFrame:
    student, expert = (
        read_table(folder, table, chat, config) for table in (STUDENT_DECISIONS, EXPERT_AUDITS)
    )
    named = _as_it_ran(folder, chat, config)[0]
    return rules_that_stood(Run(named, student, expert, MEMORY_SNAPSHOT.empty(), log, USER_STATE.empty()))


def run_of(folder: DataFolder, chat: str, config: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the chat's comments and a run's actions, once they are of the same comments."""
    require_chat(folder, chat)
    comments, log = read_table(folder, COMMENTS, chat), read_table(folder, ACTION_LOG, chat, config)
    if log.is_empty():
        ConfigLibrary(folder).load(config)
        raise NothingRunError(chat, config, folder)
    ingestion, metrics = read_table(folder, INGESTION, chat), read_table(folder, METRICS, chat, config)
    refuse_other_comments(chat, config, comments, log, ingestion=ingestion, metrics=metrics)
    return comments, log


def user_shown() -> pl.Expr:
    """Return who is named as a comment's user: an id where no name is known."""
    return pl.coalesce("user_name", "user_id").fill_null("unknown user")


OF_MODERATORS = {True: "acted on", False: "let be"}


def label_words(comments: pl.DataFrame) -> Mapping[bool, str]:
    """Return what a label says of a comment: what moderators let be is not known to be innocent."""
    by_acts = ACTS in label_sources(comments)
    return OF_MODERATORS if by_acts else {True: "violation", False: "innocent"}


def _threshold(given: str) -> tuple[Category, float]:
    name, _, share = given.partition("=")
    if name not in NAMED:
        raise ThresholdError(given, closest(name, NAMED))
    try:
        number = float(share)
    except ValueError:
        raise ThresholdError(given, "") from None
    if not 0 < number <= 1:
        raise ThresholdError(given, "")
    return Category(name), number


def _shown(
    said: str,
    comments: pl.DataFrame,
    before: pl.DataFrame,
    after: pl.DataFrame,
    ends: tuple[str, str],
    note: str = "",
) -> ChangesShown:
    found = changes(comments, before, after)
    ways = dict(found.lines["way"].value_counts().iter_rows())
    harsher, milder = int(ways.get("harsher", 0)), int(ways.get("milder", 0))
    sentence = (
        f"{said}: {count(found.lines.height)} of {plural(after.height, 'comment')} fare otherwise,"
        f" {count(harsher)} more harshly and {count(milder)} more mildly.{note}"
    )
    words = label_words(comments)
    if words == OF_MODERATORS:
        sentence += " Labels say what moderators acted on: what they let be they may not have seen."
    return ChangesShown(
        sentence,
        _totals(fared(before), fared(after), ends),
        found.counts,
        pl.DataFrame(),
        found.lines,
        words,
    )


def _totals(before: Mapping[str, int], after: Mapping[str, int], ends: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(
        {"action": list(before), ends[0]: list(before.values()), ends[1]: [after[each] for each in before]}
    )
