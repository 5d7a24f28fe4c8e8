"""The parts of a report in words: what was moderated, single cases, single users.

Nothing here is escaped yet: that is the templates' business (`templating`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import polars as pl

from moderation_pipeline.evaluation.case_context import Context, LineShown, MemoryShown, contexts
from moderation_pipeline.evaluation.disagreements import costliest_disagreements
from moderation_pipeline.evaluation.judged import NO_VIOLATION, SEVERITY_OF, Run
from moderation_pipeline.plan import Category
from moderation_pipeline.report.certificate_sentences import (
    CertificateWords,
    certificate_words,
    certified_to,
    small_print,
)
from moderation_pipeline.report.expert_sentences import breaking_sentence
from moderation_pipeline.report.label_words.label_testimony import LabelWord
from moderation_pipeline.report.label_words.label_voice import ACTS, voice_of
from moderation_pipeline.report.limits import label_sources
from moderation_pipeline.report.quantities import count, dollars, percent, plural
from moderation_pipeline.warehouse.tables import CERTIFICATES, EXPERT_ERRORS

DISAGREEMENTS = 150
"""How many disagreements the page holds, opened one by one: at some three kilobytes each it stays below a megabyte."""
IN_MARKDOWN = 10
CATEGORIES = tuple(category.value for category in Category if category is not Category.NONE)
"""What disagreements can be chosen by; each has its rule in the style sheet."""
USERS = 20
"""How many sanctioned users are told of at length; of the others up to `NAMED_USERS` in a line each."""
NAMED_USERS = 400


@dataclass(frozen=True, slots=True)
class CaseShown:
    """One disagreement in words, and what stands around it. `marks` are what the page's choices go by."""

    comment_id: str
    channel: str | None
    user_id: str | None
    done_category: str | None
    text: str
    where: str
    repeats: int
    student: str
    student_reason: str
    expert: str
    expert_reason: str
    label: str
    marks: str
    before: list[LineShown]
    after: list[LineShown]
    own: list[LineShown]
    history: str
    memories: list[MemoryShown]
    done: str
    done_reason: str
    cost: str


@dataclass(frozen=True, slots=True)
class UserShown:
    """One user who would be sanctioned, in words."""

    name: str
    channel: str
    what: str
    when: str
    why: str
    text: str
    wrong: str


@dataclass(frozen=True, slots=True)
class CertificatesShown:
    """The certificates of a chat's runs, their Experts' own errors, and what has changed since they were made.

    `changed` says in words, by config, what its certificates rest on that is no longer so: they are void then.
    `labels` is what the chat's labels say of the same, by config.
    """

    certificates: pl.DataFrame = field(default_factory=CERTIFICATES.empty)
    expert_errors: pl.DataFrame = field(default_factory=EXPERT_ERRORS.empty)
    changed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    labels: Mapping[str, LabelWord] = field(default_factory=dict)

    def words(self, runs: Sequence[Run]) -> list[CertificateWords]:
        """Say of each run whose config asks for it what it may do alone, and of which Expert to be wary."""
        said: list[CertificateWords] = []
        for run in runs:
            own, errors = self._of(run.name, self.certificates), self._of(run.name, self.expert_errors)
            if own.height:
                changed, labels = self.changed.get(run.name, ()), self.labels.get(run.name)
                said.append(certificate_words(own, errors, changed, labels))
            if (breaking := breaking_sentence(errors)) is not None:
                asks, _, named = breaking.partition(". ")
                said.append(CertificateWords(asks, by_labels=named))
        return said

    def small_print(self) -> list[str]:
        """Return what a certificate does not cover."""
        return small_print(self.certificates)

    def in_a_few_words(self) -> dict[str, str]:
        """Return by config what it is certified to do."""
        configs = self.certificates["config"].unique(maintain_order=True)
        said = {
            name: certified_to(
                self._of(name, self.certificates), self.changed.get(name, ()), self.labels.get(name)
            )
            for name in configs
        }
        return {name: words for name, words in said.items() if words is not None}

    @staticmethod
    def _of(config: str, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.filter(pl.col("config") == config)


def chat_facts(comments: pl.DataFrame, configs: int) -> str:
    """Say what was moderated: how much, by whom, when, and how much of it is labelled."""
    channels = comments["channel"].n_unique()
    first, last = comments["sent_at"].min(), comments["sent_at"].max()
    when = ""
    if isinstance(first, datetime) and isinstance(last, datetime):
        when = f", written between {first:%Y-%m-%d %H:%M} and {last:%Y-%m-%d %H:%M} UTC"
    return (
        f"{plural(comments.height, 'comment')} {by_whom(comments['user_id'])} in"
        f" {plural(channels, 'channel')}{when}, moderated under {plural(configs, 'config')}."
        f" {_label_facts(comments['label_is_violation'], by_acts=ACTS in label_sources(comments))}"
    )


def by_whom(users: pl.Series) -> str:
    """Say by how many users comments are, and how many of them are of nobody known: those are no user."""
    unknown = users.null_count()
    if unknown == len(users):
        return "of users whom nobody knows"
    also = f" ({count(unknown)} of nobody known)" if unknown else ""
    return f"by {plural(users.drop_nulls().n_unique(), 'user')}{also}"


def _label_facts(labels: pl.Series, *, by_acts: bool) -> str:
    known = labels.drop_nulls()
    if known.is_empty():
        return "It has no labels."
    violations = int(known.sum())
    all_known = known.len() == labels.len()
    have = (
        "All of them have a label"
        if all_known
        else f"{percent(known.len() / labels.len())} of them have a label"
    )
    which = f"{count(violations)} of those {count(known.len())} ({percent(violations / known.len())})"
    if by_acts:
        return (
            f"{have}: the moderators acted on {which}, and let the others be, which they may not have seen."
        )
    return f"{have}, and {which} are violations."


class CasesShown(NamedTuple):
    """The costliest disagreements of a run, and how many there are."""

    cases: list[CaseShown]
    of: int


def cases(comments: pl.DataFrame, run: Run, reference: pl.DataFrame | None, most: int) -> CasesShown:
    """Return the costliest disagreements of a run, each with what stands around it."""
    every = costliest_disagreements(comments, run, reference, comments.height)
    rows = every.head(most)
    around = contexts(comments, run, rows["comment_id"].to_list())
    shown = [_case(row, around[row["comment_id"]]) for row in rows.iter_rows(named=True)]
    return CasesShown(shown, every.height)


def _case(row: dict[str, Any], around: Context) -> CaseShown:
    return CaseShown(
        comment_id=row["comment_id"],
        channel=row["channel"],
        user_id=row["user_id"] or row["user_name"],
        done_category=around.category,
        text=row["text"],
        where=said_where(row),
        repeats=row["repeats"],
        student=_plan(row["student_action"], row["student_category"], row["student_confidence"]),
        student_reason=row["student_reasoning"] or "",
        expert=_plan(row["expert_action"], row["expert_category"], row["expert_confidence"]),
        expert_reason=row["expert_reasoning"] or "",
        label=_label(row),
        marks=_marks(row),
        before=[line for line in around.lines if line.at < 0],
        after=[line for line in around.lines if line.at > 0],
        own=around.own,
        history=_history(row["user_name"] or row["user_id"], around),
        memories=around.memories,
        done=around.done or "nothing recorded",
        done_reason=around.reason,
        cost=f"Student {dollars(around.student_cost_usd)}, Expert {dollars(around.expert_cost_usd)} at list price",
    )


def _history(user: str | None, around: Context) -> str:
    """Say what is known of the user by then."""
    if user is None:
        return "Who wrote it is unknown, so there is no history."
    if not around.comments_before:
        return "The first comment of this user in this channel."
    return (
        f"{plural(around.comments_before, 'comment')} before this one in this channel,"
        f" {plural(around.sanctions_before, 'sanction')} among them."
    )


def _marks(row: dict[str, Any]) -> str:
    """Return by what a reader may choose a case: who is harsher, who is right by the label, which categories."""
    gap = SEVERITY_OF[row["student_action"]] - SEVERITY_OF[row["expert_action"]]
    harsher = "student-harsher" if gap > 0 else "expert-harsher" if gap < 0 else "same-action"
    label = row["label_is_violation"]
    right = [who for who in ("student", "expert") if (row[f"{who}_category"] != NO_VIOLATION) == label]
    by_label = (
        "no-label"
        if label is None
        else "both-right"
        if len(right) == 2
        else f"{right[0] if right else 'neither'}-right"
    )
    categories = {row[f"{who}_category"] for who in ("student", "expert")} - {NO_VIOLATION}
    return " ".join(
        [harsher, by_label, *(f"of-{name}" for name in sorted(categories) if name in set(Category))]
    )


def said_where(row: Mapping[str, Any]) -> str:
    """Say who wrote a comment, in which channel, and when."""
    user, channel = row["user_name"] or row["user_id"], row["channel"]
    moment = _moment(row["sent_at"], row["position"])
    return f"{user or 'unknown user'} in {channel or 'unknown channel'}, {moment}"


def _moment(sent_at: datetime | None, position: int) -> str:
    return f"comment {position + 1:,}" if sent_at is None else f"{sent_at:%Y-%m-%d %H:%M:%S}"


def _plan(action: str, category: str, confidence: float | None) -> str:
    what = action if category == "none" else f"{action} · {category}"
    return what if confidence is None else f"{what} ({percent(confidence, 0)} sure)"


def _label(row: dict[str, object]) -> str:
    """Say what the label is, and whose verdict it bears out where they differ about a violation."""
    label, category = row["label_is_violation"], row["label_category"]
    if label is None:
        return "no label"
    said = "innocent" if not label else f"violation ({category})" if category else "violation"
    right = [who for who in ("student", "expert") if (row[f"{who}_category"] != NO_VIOLATION) == label]
    if row["label_source"] == ACTS:
        did = "the moderators acted on it" if label else "the moderators let it be"
        return f"{did}, as the {right[0].capitalize()} would" if len(right) == 1 else did
    return f"{said}; the {right[0].capitalize()} is right" if len(right) == 1 else said


def user(row: dict[str, object]) -> UserShown:
    """Return a row of `sanctioned_users` in words."""
    number = {
        name: int(str(row[name]))
        for name in ("warnings", "deletions", "timeouts", "bans", "labelled", "wrong")
    }
    counted = (("ban", "bans"), ("timeout", "timeouts"), ("deletion", "deletions"), ("warning", "warnings"))
    what = ", ".join(plural(number[many], one) for one, many in counted if number[many])
    at = row["first_at"]
    checked = number["labelled"]
    return UserShown(
        name=str(row["user_name"] or row["user_id"] or "unknown user"),
        channel=str(row["channel"] or ""),
        what=f"{what} (in shadow)" if row["is_shadow"] else what,
        when=_moment(at if isinstance(at, datetime) else None, int(str(row["first_position"]))),
        why=f"{row['category'] or 'no category'}: {row['reason'] or 'no reason given'}",
        text=str(row["text"] or ""),
        wrong=f"{number['wrong']} of {checked}" if checked else "not checkable",
    )


def users_facts(comments: pl.DataFrame, users: pl.DataFrame, focus: str, *, by_acts: bool = False) -> str:
    """Say how many of the chat's users the config `focus` would sanction, and how many of them wrongly.

    `by_acts` says that labels are what moderators did.
    """
    if not focus:
        return "There is no run."
    if users.is_empty():
        return f"{focus} sanctions nobody."
    known, of = users.drop_nulls("user_id"), comments.drop_nulls("user_id")
    everyone = of["user_id"].n_unique()
    said = f"{focus} would sanction {count(known['user_id'].n_unique())} of {plural(everyone, 'user')}"
    if nobody := users.height - known.height:
        hit = plural(nobody, "comment")
        said = (
            f"{said} and {hit} of nobody known"
            if of.height
            else f"{focus} would sanction {hit} of nobody known"
        )
    if users.height > USERS:
        each = ", each in one channel," if known["user_id"].n_unique() < known.height else ""
        said += f"; the {USERS} hardest hit{each} are shown"
    if users["labelled"].sum():
        said += f". {_wrongly(known, users, by_acts=by_acts)}"
    return f"{said}."


def _wrongly(known: pl.DataFrame, users: pl.DataFrame, *, by_acts: bool) -> str:
    """Say how many of the sanctioned users were so by the labels at least once for nothing; and of nobody known."""
    voice, is_wrong = voice_of(by_acts=by_acts), pl.col("wrong") > 0
    wrong, nobody = known.filter(is_wrong)["user_id"].n_unique(), users.height - known.height
    said = [f"{plural(wrong, 'user').capitalize()} would be sanctioned at least once for a {voice.innocent}"]
    wrong_of_nobody = users.filter(is_wrong)["user_id"].null_count()
    of_nobody = f"{count(wrong_of_nobody)} of those of nobody known are {voice.innocents}"
    return "; ".join([*(said if known.height else []), *([of_nobody] if nobody else [])])


def made_from(runs: Sequence[Run], ingestion: pl.DataFrame | None) -> str:
    """Say what would have to be the same for the report to come out the same."""
    hashes = ", ".join(f"{run.name} {run.config.config_hash}" for run in runs)
    file = ""
    if ingestion is not None and ingestion.height:
        first = f"{str(ingestion['file_hash'][0])[:16]} ({ingestion['format'][0]})"
        more = f" and {ingestion.height - 1:,} more files" if ingestion.height > 1 else ""
        file = f"File {first}{more}. "
    return f"{file}Configs: {hashes}."
