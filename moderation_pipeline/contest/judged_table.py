"""Columns of a table made into labelled rows with scores, and what of it could not be used, counted and said.

Every row of the table is one of: labelled, without a label, without a text, unreadable (law 2). What is empty or no
number is no score; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from moderation_pipeline.comments.times import WallClock, zone_named
from moderation_pipeline.comments.values import (
    DELETED,
    ScoreReader,
    TimeReader,
    UnfitTypeError,
    as_text,
    computed,
    is_empty,
    rounded_ids,
    rounded_note,
)
from moderation_pipeline.contest.asked import Asked, AskedError, ScoreAsked
from moderation_pipeline.contest.label_values import (
    label_flags,
    label_meanings,
    listed_values,
    words_for_nothing,
)
from moderation_pipeline.contest.table_file import ROW, TableColumns
from moderation_pipeline.contest.votes import Votes, in_columns, in_rows
from moderation_pipeline.evaluation.scored.judged_rows import Judge
from moderation_pipeline.report.quantities import count, percent, plural
from moderation_pipeline.report.scored_tables.score_words import WORDS
from moderation_pipeline.text.normalise import normalise


@dataclass(frozen=True, slots=True)
class JudgedTable:
    """A table's rows with text, label and scores, before anyone else has judged them.

    A row on which annotators are even is among them, without a label: only they are held against each other there.
    `rows` has `row`, `text`, `normalised`, `label`, `category`, `user`, `time`, `cluster`, the groups' columns and
    those of the scores; `votes` are the single annotators' labels, where there are several.
    """

    rows: pl.DataFrame
    judges: tuple[Judge, ...]
    groups: tuple[str, ...]
    votes: Votes | None
    notes: tuple[str, ...]


def needed(asked: Asked, names: Sequence[str]) -> list[str]:
    """Return the table's columns that are asked for, the text's first."""
    labels, scores = asked.labels_of(names), asked.scores_of(names)
    single = (
        asked.user,
        asked.time,
        asked.category,
        asked.cluster,
        asked.annotator,
        asked.item,
        *asked.groups,
    )
    return [
        asked.text,
        *(each.column for each in labels),
        *(each.column for each in scores),
        *(name for name in single if name is not None),
    ]


def judged_table(asked: Asked, columns: TableColumns, names: Sequence[str]) -> JudgedTable:
    """Return the table's rows as they are asked for.

    Raises:
        ModerationError: labels or scores can't be understood, or no row has a label.
    """
    frame, scores = columns.frame, asked.scores_of(names)
    _refuse_unfit(columns)
    rows = pl.DataFrame([frame[ROW].cast(pl.Int64).alias("row"), *_said_of_rows(asked, frame)])
    readings = [(each, ScoreReader(each.column, each.out_of)) for each in scores]
    rows = rows.with_columns([_scores(each, reader, frame) for each, reader in readings])
    for _, reader in readings:
        reader.check(columns.name)
    meanings = label_meanings(asked, frame, names)
    votes, voted = _votes(asked, frame, names)
    differing = _differing(asked, scores, voted.differing(rows))
    rows = voted.take(rows)
    used = rows.filter(pl.col("text").is_not_null() & pl.col("votes").is_not_null())
    if not used["label"].count():
        raise AskedError(
            f"No row of {columns.name} has both a text and a label in {', '.join(asked.labels)}."
        )
    judges = tuple(_judge(each) for each in scores)
    return JudgedTable(
        _finished(used, judges),
        judges,
        asked.groups,
        votes,
        (
            *columns.notes,
            *_counted(asked, columns, rows, used, words_for_nothing(asked, frame, names)),
            *_uncategorised(asked, used),
            *_ungrouped(asked, used),
            *meanings,
            *voted.notes,
            *differing,
            *_rounded(asked, frame),
            *_gone(asked, frame),
            *(r.note for _, r in readings),
        ),
    )


def _refuse_unfit(columns: TableColumns) -> None:
    """Refuse a table without rows, and columns of lists, objects or bytes."""
    if columns.frame.is_empty():
        raise AskedError(f"{columns.name} has no row. Name a table with rows.")
    for name, dtype in columns.frame.schema.items():
        if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
            raise AskedError(
                f"{columns.name}: column {name!r} holds {dtype}; texts, numbers, flags and times are understood. Name "
                "another column, or take out of it what is meant first."
            )


def _said_of_rows(asked: Asked, frame: pl.DataFrame) -> list[pl.Series]:
    """Return what each row says of itself, but for labels and scores."""
    named = {"text": asked.text, "category": asked.category, "user": asked.user, "own_cluster": asked.cluster}
    found = [
        _words(frame[column]).alias(name) if column is not None else _nothing(name, frame.height)
        for name, column in named.items()
    ]
    users = [
        each.set((each == DELETED).fill_null(value=False), None) for each in found if each.name == "user"
    ]
    return [
        *(each for each in found if each.name != "user"),
        *users,
        _times(asked, frame),
        *(_words(frame[name]).alias(f"group:{name}") for name in asked.groups),
    ]


def _words(values: pl.Series) -> pl.Series:
    text = as_text(values)
    return text.set(is_empty(text), None)


def _nothing(name: str, height: int) -> pl.Series:
    return pl.Series(name, [None], dtype=pl.String).new_from_index(0, height)


def _times(asked: Asked, frame: pl.DataFrame) -> pl.Series:
    if asked.time is None:
        return pl.Series("time", [None], dtype=pl.Int64).new_from_index(0, frame.height)
    zone = zone_named("UTC")
    assert zone is not None
    reader = TimeReader(clock=WallClock(zone), otherwise=OTHER_TIMES)
    try:
        read = reader.read(frame[asked.time])
    except UnfitTypeError:
        dtype = frame.schema[asked.time]
        raise AskedError(f"--time {asked.time} holds {dtype}, which is no time. {OTHER_TIMES}.") from None
    if read.bad is not None:
        raise AskedError(f"--time {asked.time}: {read.reason}.")
    return read.values.alias("time")


OTHER_TIMES = (
    "Write the column's times as ISO 8601, or leave --time out: each row is then read with those of its "
    "user alone before it"
)


def _votes(asked: Asked, frame: pl.DataFrame, names: Sequence[str]) -> tuple[Votes | None, Votes]:
    """Return the annotators' votes, null where one label is all there is; and the labels as votes."""
    labels = asked.labels_of(names)
    flags = [(each.column, label_flags(each, asked.no_label, frame[each.column])) for each in labels]
    if asked.annotator is not None and asked.item is not None:
        votes = in_rows(frame[ROW], _words(frame[asked.item]), _words(frame[asked.annotator]), flags[0][1])
        return votes, votes
    votes = in_columns(frame[ROW], flags)
    return (votes if len(labels) > 1 else None), votes


def _differing(asked: Asked, scores: Sequence[ScoreAsked], items: Mapping[str, int]) -> list[str]:
    """Say in which columns the rows of an item, of which one is judged, hold different values."""
    theirs = {
        "text": asked.text,
        "category": asked.category,
        "user": asked.user,
        "own_cluster": asked.cluster,
    }
    theirs |= {"time": asked.time} | {f"score:{each.name}": each.column for each in scores}
    theirs |= {f"group:{name}": name for name in asked.groups}
    return [
        f"On {plural(number, 'item')} the rows differ in {theirs[name]!r}; the first value counts."
        for name, number in items.items()
    ]


def _scores(asked: ScoreAsked, reader: ScoreReader, frame: pl.DataFrame) -> pl.Series:
    read = reader.read(frame[asked.column])
    return (computed(1 - read) if asked.is_turned else read).alias(f"score:{asked.name}")


def _judge(score: ScoreAsked) -> Judge:
    return Judge(
        score.name,
        "score",
        score.threshold,
        usd_per_1000=score.usd_per_1000,
        what=f"{'1 less ' if score.is_turned else ''}column {score.column}, flags from {score.threshold:g}",
    )


def _finished(rows: pl.DataFrame, judges: Sequence[Judge]) -> pl.DataFrame:
    """Return the rows with who is resampled as one, and what the scores flag."""
    user = "u:" + pl.col("user")
    own = "k:" + pl.col("own_cluster")
    rows = rows.with_columns(
        normalised=normalise(rows["text"]), cluster=pl.coalesce(own, user, pl.format("r:{}", "row"))
    )
    shared = (pl.col("normalised") != "") & (pl.col("cluster").n_unique().over("normalised") > 1)
    return rows.with_columns(
        pl.when(shared).then("normalised").alias("shared_text"),
        *((pl.col(each.score) >= each.threshold).alias(each.flag) for each in judges),
    )


def _uncategorised(asked: Asked, used: pl.DataFrame) -> list[str]:
    """Say how many violations have no category, where some have one."""
    number = used.filter(pl.col("label") & pl.col("category").is_null()).height
    if asked.category is None or not number:
        return []
    have = "violation has" if number == 1 else "violations have"
    return [f"{number:,} {have} no category in {asked.category!r}: they are in no line of it."]


def _ungrouped(asked: Asked, used: pl.DataFrame) -> list[str]:
    """Say how many labelled rows are in no group."""
    labelled = used.filter(pl.col("label").is_not_null())
    found = {name: labelled[f"group:{name}"].null_count() for name in asked.groups}
    return [
        f"{plural(number, 'row')} {'has' if number == 1 else 'have'} nothing in {name!r}: in no group of it."
        for name, number in found.items()
        if number
    ]


def _gone(asked: Asked, frame: pl.DataFrame) -> list[str]:
    """Say how many rows are of authors whose accounts are gone: together they are no user."""
    number = int((as_text(frame[asked.user]) == DELETED).sum()) if asked.user is not None else 0
    return (
        [f"{plural(number, 'row')} of {DELETED}, whoever that was: each counts by itself."] if number else []
    )


def _rounded(asked: Asked, frame: pl.DataFrame) -> list[str]:
    """Say which ids were rounded before they came here: rows that are not one's are then taken as one's."""
    columns = dict.fromkeys(each for each in (asked.user, asked.cluster, asked.item) if each is not None)
    found = {name: rounded_ids(frame[name]) for name in columns}
    return [rounded_note(number, repr(name)) for name, number in found.items() if number]


def _words_for_no_text(asked: Asked, frame: pl.DataFrame) -> str:
    """Return which words were taken for no text: somebody may have written them."""
    text = as_text(frame[asked.text])
    words = text.filter(is_empty(text) & (text.str.strip_chars() != ""))
    return "" if asked.item is not None or words.is_empty() else f" ({listed_values(words)})"


def _counted(
    asked: Asked, columns: TableColumns, rows: pl.DataFrame, used: pl.DataFrame, unsaid: str
) -> list[str]:
    """Say what became of every row; `unsaid` are the words that were taken for no label."""
    no_text = rows["text"].null_count()
    labelled = used["label"].count()
    no_label = rows.height - no_text - labelled
    left_out = [
        f"{number:,} {what}"
        for number, what in (
            (no_label, f"have no label{unsaid}"),
            (no_text, f"have no text{_words_for_no_text(asked, columns.frame)}"),
            (columns.unreadable, "can't be read"),
        )
        if number
    ]
    violations = int(used["label"].sum())
    share, what = percent(violations / labelled), WORDS[asked.label_source].many
    said = f"{plural(labelled, 'labelled row')}, {count(violations)} of them {what} ({share})"
    return [f"{said}; of the others {', '.join(left_out)}." if left_out else f"{said}."]
