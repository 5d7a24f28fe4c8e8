"""What was understood of a chat that was added, so that its owner sees at once whether it is right.

The same is printed for people and given to scripts; nothing here asks a question.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from moderation_pipeline.cases.settled import Settled
from moderation_pipeline.moderation.trace import RunObserver
from moderation_pipeline.report.label_words.label_voice import ACTS
from moderation_pipeline.report.quantities import percent
from moderation_pipeline.terminal.escaping import harmless
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMMENTS, INGESTION

NAMED = 5
"""How many channels and moderators are named."""

FIRST = 3
"""How many comments are shown as they are stored."""

LONGEST = 200

MOST_FILES = 12
"""How many files are shown with their counts; all of them are in the table `ingestion`, and in the JSON."""

NARROWEST = 20


class ReadingObserver(RunObserver):
    """Hands on what a reading has to say, and keeps it for the summary."""

    def __init__(self, shown: RunObserver) -> None:
        self._shown = shown
        self.notes: list[str] = []
        self.acts: Mapping[str, int] = {}
        self.ignored: Mapping[str, int] = {}
        self.why = ""

    def noted(self, note: str) -> None:
        """Show a note, and keep it."""
        self.notes.append(note)
        self._shown.noted(note)

    def read(self, acts: Mapping[str, int], ignored: Mapping[str, int], why: str) -> None:
        """Keep what was read beside comments."""
        self.acts, self.ignored, self.why = acts, ignored, why

    def settled(self, batch: Sequence[Settled]) -> None:
        """Hand on a batch."""
        self._shown.settled(batch)


def summary_of(folder: DataFolder, chat: str, seen: ReadingObserver) -> dict[str, Any]:
    """Return what was understood, ready for JSON; times are ISO 8601 in UTC, null where there are none."""
    files = read_table(folder, INGESTION, chat).drop("chat", "file_hash", "data_version")
    comments = read_table(folder, COMMENTS, chat)
    users = comments.select("channel", "user_id", "user_name", "is_moderator", "is_broadcaster")
    known = users.filter(pl.col("user_id").is_not_null()).unique("user_id", maintain_order=True)
    moderators = known.filter(pl.col("is_moderator") | pl.col("is_broadcaster"))
    names = moderators["user_name"].fill_null(moderators["user_id"]).unique(maintain_order=True)
    channels = comments.group_by("channel").len().sort("len", "channel", descending=[True, False])
    return {
        "chat": chat,
        "format": files["format"][0],
        "why": seen.why,
        **files.select(pl.col(pl.Int64).sum()).row(0, named=True),
        "files": files.drop("format").to_dicts(),
        "first_sent_at": _iso(comments["sent_at"].min()),
        "last_sent_at": _iso(comments["sent_at"].max()),
        "without_time": comments["sent_at"].null_count(),
        "channels": channels.height,
        "channels_named": channels["channel"].head(NAMED).to_list(),
        "users": known.height,
        "users_with_a_name": known.filter(pl.col("user_name").is_not_null()).height,
        "without_user": comments["user_id"].null_count(),
        "moderators": moderators.height,
        "moderators_named": names.head(NAMED).to_list(),
        "languages": _languages(comments),
        "labels": _labels(comments),
        "acts": dict(seen.acts),
        "ignored_as": dict(seen.ignored),
        "first_comments": [_shown(row) for row in comments.head(FIRST).iter_rows(named=True)],
        "notes": seen.notes,
    }


def _languages(comments: pl.DataFrame) -> dict[str, int]:
    """Return how many comments are in each language that could be told, the commonest first."""
    told = (
        comments["language"]
        .drop_nulls()
        .value_counts(sort=False)
        .sort("count", "language", descending=[True, False])
    )
    return dict(told.iter_rows())


def _labels(comments: pl.DataFrame) -> dict[str, Any]:
    """Return how many comments have a label, by what it says, and the share of violations among them."""
    labelled = comments.filter(pl.col("label_is_violation").is_not_null())
    violations = int(labelled["label_is_violation"].sum() or 0)
    category = pl.when(pl.col("label_category") != "none").then("label_category")
    is_violation = pl.when("label_is_violation").then(pl.lit("violation")).otherwise(pl.lit("no violation"))
    value = pl.coalesce("label_action", category, is_violation)
    by_value = labelled.group_by(value=value).len().sort("len", "value", descending=[True, False])
    return {
        "labelled": labelled.height,
        "violations": violations,
        "violation_share": violations / labelled.height if labelled.height else None,
        "by_value": dict(by_value.iter_rows()),
        "sources": sorted(labelled["label_source"].drop_nulls().unique().to_list()),
    }


def _iso(time: Any) -> str | None:
    return None if time is None else str(time.isoformat())


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("channel", "user_id", "user_name", "text", "label_action", "label_is_violation")
    return {"sent_at": _iso(row["sent_at"]), **{name: row[name] for name in names}}


def wrapped(lines: Iterable[str], width: int) -> str:
    """Return the lines broken between words at the width of a window, what goes on indented."""
    return "\n".join(
        textwrap.fill(
            line,
            max(width, NARROWEST),
            subsequent_indent="    ",
            break_on_hyphens=False,
            replace_whitespace=False,
        )
        for line in lines
    )


def lines_of(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield the summary as lines for people; what comes from the chat is harmless in a terminal."""
    count = "{:,}".format
    why = f" ({summary['why']})" if summary["why"] else ""
    yield f"Format: {summary['format']}{why}"
    yield f"Records: {_counted(summary)}"
    yield from _of_files(summary["files"])
    yield f"Time: {_span(summary)}"
    yield f"Channels: {count(summary['channels'])}{_named(summary['channels_named'], summary['channels'])}"
    users = f"{count(summary['users'])}, {count(summary['users_with_a_name'])} with a name"
    nobody = f"; {count(summary['without_user'])} comments of nobody known" if summary["without_user"] else ""
    yield f"Users: {users}{nobody}"
    named = _named(summary["moderators_named"], summary["moderators"])
    yield f"Moderators who wrote: {count(summary['moderators'])}{named}"
    yield f"Languages: {_languages_told(summary)}"
    yield f"Labels: {_labels_told(summary['labels'])}"
    for title, counts in (("Acts of moderators", summary["acts"]), ("Ignored", summary["ignored_as"])):
        if counts:
            yield f"{title}: {', '.join(f'{count(number)} {harmless(kind)}' for kind, number in counts.items())}"
    yield "First comments, as they are stored:"
    for each in summary["first_comments"]:
        who = each["user_name"] or each["user_id"] or "nobody known"
        label = "" if each["label_is_violation"] is None else f"  ← {_label_of(each, summary['labels'])}"
        yield harmless(
            f"  {each['sent_at'] or 'no time'}  #{each['channel']}  {who}: {each['text'][:LONGEST]}{label}"
        )


def _counted(counts: Mapping[str, Any]) -> str:
    parts = ("comments", "rejected", "ignored", "moderation_events", "merged")
    read = ", ".join(f"{counts[name]:,} {name.replace('_', ' ')}" for name in parts)
    return f"{counts['records']:,} = {read}"


def _of_files(files: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield each file's counts, of a chat that has several; of very many the first and the last."""
    if len(files) == 1:
        return
    yield f"Files: {len(files):,}"
    shown = files if len(files) <= MOST_FILES else [*files[: MOST_FILES - 1], files[-1]]
    for each in shown:
        if len(files) > MOST_FILES and each is files[-1]:
            yield f'  … {len(files) - MOST_FILES:,} more (moderation sql "from ingestion")'
        yield f"  {harmless(str(each['file']))}: {_counted(each)}"


def _span(summary: Mapping[str, Any]) -> str:
    first, last, without = summary["first_sent_at"], summary["last_sent_at"], summary["without_time"]
    if first is None:
        return "none is said"
    return f"{first} to {last} (UTC)" + (f", {without:,} without" if without else "")


def _named(names: Sequence[str | None], of: int) -> str:
    told = ", ".join(harmless(str(name)) for name in names)
    return f" ({told}{', …' if of > len(names) else ''})" if names else ""


def _languages_told(summary: Mapping[str, Any]) -> str:
    languages = summary["languages"]
    unsure = summary["comments"] - sum(languages.values())
    named = [f"{number:,} {harmless(language)}" for language, number in languages.items()]
    rest = [f"… {len(named) - NAMED:,} more"] if len(named) > NAMED else []
    return ", ".join([*named[:NAMED], *rest, f"{unsure:,} too short to tell"])


def _labels_told(labels: Mapping[str, Any]) -> str:
    if not labels["labelled"]:
        return "none"
    is_acts = ACTS in labels["sources"]
    said = SAID_OF_ACTS if is_acts else {}
    by_value = ", ".join(
        f"{number:,} {harmless(said.get(value, str(value)))}" for value, number in labels["by_value"].items()
    )
    of = f"{percent(labels['violation_share'], 2)} of {labels['labelled']:,}"
    share = f"{of} were acted on" if is_acts else f"{of} are violations"
    one_sided = _one_sided(labels["violation_share"], is_acts=is_acts)
    return f"{by_value}; {share} (by {', '.join(labels['sources'])}){one_sided}"


def _one_sided(violation_share: float, *, is_acts: bool) -> str:
    """Say what labels of one kind can't tell: every score of what they call violations would look perfect."""
    if violation_share == 1:
        nothing = "nothing was let be" if is_acts else "nothing is labelled innocent"
        return f"; {nothing}, so that nobody can be wrong in flagging: F1 and precision say nothing"
    nothing = "nothing was acted on" if is_acts else "nothing is labelled a violation"
    return f"; {nothing}, so that there is nothing to find" if violation_share == 0 else ""


SAID_OF_ACTS = {"violation": "acted on", "no violation": "let be"}
"""How labels are spoken of that are what moderators did."""


def _label_of(comment: Mapping[str, Any], labels: Mapping[str, Any]) -> str:
    value = str(comment["label_action"] or ("violation" if comment["label_is_violation"] else "no violation"))
    return SAID_OF_ACTS.get(value, value) if ACTS in labels["sources"] else value
