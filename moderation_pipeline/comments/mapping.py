"""A table's columns turned into ours: the rows of a chunk, and those that can't be read with the reason.

Which columns are meant is said in `columns.py`, what one value means in `values.py`, and how a file becomes
columns of values in `readers/`.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from pathlib import Path
from typing import NamedTuple

import polars as pl

from moderation_pipeline.comments.columns import (
    AnyColumn,
    ColumnsError,
    ColumnsSpec,
    FlagColumn,
    MappedColumn,
    TextColumn,
    TimeColumn,
)
from moderation_pipeline.comments.record import CHUNK_SCHEMA, ME_SIGN, OPTIONAL_SCHEMA, me_lines
from moderation_pipeline.comments.seen import Seen, SpellingsError, UnmetValuesError, shown
from moderation_pipeline.comments.source import LINE_LIMIT
from moderation_pipeline.comments.times import WallClock, zone_named
from moderation_pipeline.comments.values import (
    DELETED,
    Converted,
    ScoreReader,
    TimeReader,
    UnfitTypeError,
    any_true,
    as_flags,
    as_flags_from,
    as_text,
    is_empty,
    is_one_of,
    replaced,
    rounded_ids,
    rounded_note,
    written_otherwise,
)
from moderation_pipeline.plan import Action, Category
from moderation_pipeline.warehouse.tables import SCORES

FLAGS = ("is_moderator", "is_broadcaster", "is_subscriber", "is_first_message", "is_me", "is_emote_only")
CLOSED_SETS: dict[str, Sequence[str]] = {
    "label_action": [action.value for action in Action],
    "label_category": [category.value for category in Category],
}
WATCHED = (
    "channel",
    "user_id",
    "user_name",
    "sent_at",
    "label_action",
    "label_category",
    "label_is_violation",
)
"""Columns of which it is said where they come to nothing."""

WRITTEN_AS_A_FLOAT = r"^(\d+)\.0+$"
"""An id as it is written by a program that had none for some row: 12.0 is 12 of the next day's file."""
TAGS = r"(?i)^\s*<p>|<br ?/?>|</(?:p|a|span|div)>"
IDS = ("comment_id", "channel", "user_id", "reply_to")
LABELS_AND_SPLIT = [name for name in OPTIONAL_SCHEMA if name != "shared_from"]
ORDER = "order_"
"""Begins the names of the columns by which rows are put in order; they leave before anything is stored."""


class Rows(NamedTuple):
    """The rows that could be read (a chunk's columns, labels, split, columns of order), and why the others could not.

    `unreadable` has a row's index in the frame that was given, and the reason.
    """

    comments: pl.DataFrame
    unreadable: list[tuple[int, str]]


class TableMapping:
    """Turns frames of a table's columns into ours, as a spec says; `guessed` are those that nobody said."""

    def __init__(self, spec: ColumnsSpec, path: Path, guessed: Set[str] = frozenset()) -> None:
        self.spec = spec
        self._path = path
        self._guessed = guessed
        self._seen = {name: Seen(name, column.sources()) for name, column in spec.columns()}
        self._times = _time_reader(spec.sent_at) if spec.sent_at is not None else None
        self._scores = [ScoreReader(each.column, each.out_of) for each in spec.scores]
        self._unread_flags: dict[str, int] = {}
        self._rounded: dict[str, int] = {}
        self._deleted = self._with_tags = self._me_lines = 0

    @property
    def notes(self) -> list[str]:
        """What was taken for granted, and which columns came to nothing; to be asked when all is read."""
        notes = [*self._times.notes] if self._times is not None else []
        notes.extend(reader.note for reader in self._scores)
        if self.spec.user_id is None and self.spec.user_name is not None:
            notes.append("No column is the users' id; they are told apart by user_name.")
        for name, count in self._unread_flags.items():
            notes.append(f"{name}, a guess, is neither true nor false in {count:,} rows; it is false there.")
        for name, count in self._rounded.items():
            theirs = " and ".join(map(repr, getattr(self.spec, name).sources()))
            notes.append(rounded_note(count, f"{name} (column {theirs})"))
        if self._deleted:
            notes.append(f"{self._deleted:,} comments are of {DELETED}, whoever that was: they are nobody's.")
        if self._with_tags:
            notes.append(
                f"{self._with_tags:,} texts are HTML (<p>, <br>), and are judged with its tags. Take them out first, "
                "or name a column of plain text."
            )
        if self._me_lines:
            notes.append(
                f"{self._me_lines:,} texts are /me lines as IRC writes them, and stored without its signs."
            )
        for name, seen in self._seen.items():
            if name in WATCHED:
                notes.extend(seen.notes())
            column = getattr(self.spec, name)
            if isinstance(column, MappedColumn) and (unmet := seen.unmet([*column.map, *column.null_for])):
                values = ", ".join(map(repr, unmet))
                notes.append(f"{name} maps {values}, but its column never holds that.")
        return notes

    def rows(self, table: pl.DataFrame, numbers: Sequence[int]) -> Rows:
        """Return the rows of `table`, which has the spec's columns; `numbers` are their lines."""
        converted = [self._converted(name, column, table) for name, column in self.spec.columns()]
        order = [table[name].alias(f"{ORDER}{at}") for at, name in enumerate(self.spec.order_by)]
        lines = pl.Series("line_number", numbers, pl.Int64)
        ours = pl.DataFrame([lines, *(each.values for each in converted), *order])
        if self._scores:
            ours = ours.with_columns(_together(self._scores, table))
        if self.spec.user_id is None and self.spec.user_name is not None:
            ours = ours.with_columns(pl.col("user_name").alias("user_id"))
        schema = {**CHUNK_SCHEMA, **OPTIONAL_SCHEMA}
        absent = [
            pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in ours.columns
        ]
        labels = _labels(self.spec.labelled_by or "dataset")
        complete = (
            ours.with_columns(*absent)
            .with_columns(*labels, pl.col(*FLAGS, "is_held").fill_null(value=False))
            .with_columns(_as_me_line())
            .select(*CHUNK_SCHEMA, *LABELS_AND_SPLIT, *(each.name for each in order))
        )
        reasons = _reasons(converted)
        unreadable = [(index, reason) for index, reason in enumerate(reasons) if reason is not None]
        return Rows(complete.filter(reasons.is_null()), unreadable)

    def check_labels(self) -> None:
        """Say, once all is read, what labels there were that are none of ours, and what a map never met.

        Of a list of values that are true or say nothing every one must be there: what isn't listed is false,
        so that a value written otherwise makes all innocent. What a `map` doesn't list is an error by itself.

        Raises:
            ColumnsError: there were some; it lists them, how often each is there, and how to map them.
        """
        for reader in self._scores:
            reader.check(str(self._path))
        for name, column in self.spec.columns():
            seen = self._seen[name]
            if seen.foreign:
                raise ColumnsError(f"{self._path}: {_foreign(name, column, seen)}")
            if isinstance(column, FlagColumn):
                for key, listed in (("true_for", column.true_for), ("null_for", column.null_for)):
                    if unmet := seen.unmet(listed):
                        raise UnmetValuesError(self._path, key, unmet, seen)
                if others := written_otherwise([*column.true_for, *column.null_for], seen.values):
                    raise SpellingsError(self._path, others, seen)

    def _converted(self, name: str, column: AnyColumn, table: pl.DataFrame) -> Converted:
        seen = self._seen[name]
        sources = [table[each] for each in column.sources()]
        if name in IDS and (rounded := sum(map(rounded_ids, sources))):
            self._rounded[name] = self._rounded.get(name, 0) + rounded
        try:
            converted = self._of_kind(name, column, sources).named(name)
        except UnfitTypeError as error:
            theirs = ", ".join(map(repr, column.sources()))
            raise ColumnsError(f"{self._path}: {name} can't be column {theirs}, {error}.") from None
        seen.came_to(converted.values)
        return converted

    def _of_kind(self, name: str, column: AnyColumn, sources: Sequence[pl.Series]) -> Converted:
        match column:
            case TextColumn():
                read = _text(column, sources[0])
                self._with_tags += int(read.values.str.contains(TAGS).sum())
                self._me_lines += int(read.values.str.starts_with(ME_SIGN).sum())
                return read
            case TimeColumn() if self._times is not None:
                return self._times.read(sources[0])
            case FlagColumn():
                return self._flag(name, column, sources)
            case MappedColumn():
                return self._of_closed_set(name, column, as_text(sources[0]))
            case _:
                text = as_text(sources[0])
                return Converted(self._named(name, text) if name != "split" else text)

    def _named(self, name: str, text: pl.Series) -> pl.Series:
        """Return ids and names; null where there is none, and for authors whose account is gone.

        Spaces around one are the file's: `a, amy` and `a,amy` are of one user.
        """
        text = text.str.strip_chars()
        text = text.set(is_empty(text), None)
        if name in IDS:
            text = text.str.replace(WRITTEN_AS_A_FLOAT, "$1")
        is_deleted = (text == DELETED).fill_null(value=False)
        if name not in ("user_id", "user_name") or not is_deleted.any():
            return text
        self._deleted = max(self._deleted, int(is_deleted.sum()))
        return text.set(is_deleted, None)

    def _flag(self, name: str, column: FlagColumn, sources: Sequence[pl.Series]) -> Converted:
        flags = [_one_flag(column, each) for each in sources]
        if _is_counted(name, column):
            for each in sources:
                self._seen[name].count(as_text(each))
        if name == "label_is_violation":
            for flag, each in zip(flags, sources, strict=True):
                if flag.bad is not None:
                    self._seen[name].count_foreign(as_text(each).filter(flag.bad))
            return Converted(any_true(flags).values)
        together = any_true(flags) if len(flags) > 1 else flags[0]
        if name in self._guessed and together.bad is not None:
            self._unread_flags[name] = self._unread_flags.get(name, 0) + int(together.bad.sum())
            return Converted(together.values)
        return together._replace(reason=f"{name} is neither true nor false")

    def _of_closed_set(self, name: str, column: MappedColumn, text: pl.Series) -> Converted:
        seen = self._seen[name]
        seen.count(text)
        says_nothing = is_empty(text, list(column.map)) | is_one_of(text, column.null_for).fill_null(
            value=True
        )
        text = replaced(text.set(says_nothing, None), column.map)
        foreign = ~text.is_in(CLOSED_SETS[name])
        if foreign.any():
            seen.count_foreign(text.filter(foreign))
        return Converted(text)


def _as_me_line() -> list[pl.Expr]:
    """Take IRC's signs off a "/me" line, and say that it is one."""
    words, is_one = me_lines(pl.col("text"))
    return [words.alias("text"), (pl.col("is_me") | is_one).alias("is_me")]


def _together(readers: Sequence[ScoreReader], table: pl.DataFrame) -> pl.Expr:
    """Return each row's scores as one list, with the columns that they are from."""
    entries = [
        pl.struct(
            pl.lit(reader.column).alias("column"), pl.lit(reader.read(table[reader.column])).alias("score")
        )
        for reader in readers
    ]
    return pl.concat_list(entries).cast(SCORES).alias("scores")


def _time_reader(column: TimeColumn) -> TimeReader:
    zone = zone_named(column.zone) if column.zone is not None else None
    clock = WallClock(zone) if zone is not None else None
    return TimeReader(
        column=column.column, seconds_after=column.seconds_after, time_format=column.format, clock=clock
    )


def _one_flag(column: FlagColumn, values: pl.Series) -> Converted:
    if column.at_least is not None:
        return as_flags_from(values, column.at_least, column.null_for)
    return as_flags(values, column.true_for, column.null_for)


def _is_counted(name: str, column: FlagColumn) -> bool:
    """Whether a flag's values are worth counting: a label's are shown, listed ones must be met."""
    return name == "label_is_violation" or bool(column.true_for or column.null_for)


def _foreign(name: str, column: AnyColumn, seen: Seen) -> str:
    """Say what labels there were that are none of ours, and how they are mapped."""
    example = seen.foreign.most_common(1)[0][0]
    theirs = ", ".join(column.sources())
    written = f"[{theirs}]" if len(column.sources()) > 1 else theirs
    holds = f"{name} (column {theirs!r}) holds {shown(seen.foreign)}."
    if isinstance(column, FlagColumn) and column.at_least is not None:
        return f"{holds} With at_least it must hold numbers; null_for lists what says nothing."
    allowed = ", ".join(CLOSED_SETS.get(name, ("true", "false")))
    fix = f"map: {{{example}: other}}" if name in CLOSED_SETS else "true_for: [VALUE]"
    score = f", or of a score {name}: {{column: {written}, at_least: 0.5}}" if _is_number(example) else ""
    return (
        f"{holds} Allowed: {allowed}. Say what they mean, for example {name}: {{column: {written}, {fix}}}"
        f"{score}."
    )


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _text(column: TextColumn, values: pl.Series) -> Converted:
    text = as_text(values)
    if column.separator is not None:
        text = text.str.replace_all(rf"\s*{pl.escape_regex(column.separator)}\s*", "\n")
    too_long = (text.str.len_bytes() > LINE_LIMIT).fill_null(value=False)
    if too_long.any():
        return Converted(text, text.is_null() | too_long, f"no text, or one longer than {LINE_LIMIT:,} bytes")
    return Converted(text, text.is_null(), "no text")


def _reasons(converted: Sequence[Converted]) -> pl.Series:
    """Return for each row the first reason for which it can't be read, null where it can."""
    height = len(converted[0].values)
    reasons = pl.Series([None], dtype=pl.String).new_from_index(0, height)
    for each in converted:
        if each.bad is not None:
            reasons = reasons.set(each.bad & reasons.is_null(), each.reason)
    return reasons


def _labels(labelled_by: str) -> list[pl.Expr]:
    """Complete labels from each other: no violation is category none, any category else is a violation.

    A label `reply` alone doesn't say whether something was wrong (a caring reply to self-harm).
    """
    action, category = pl.col("label_action"), pl.col("label_category")
    by_action = pl.when(action != Action.REPLY.value).then(action != Action.ALLOW.value)
    violation = pl.coalesce("label_is_violation", category != Category.NONE.value, by_action)
    labels = pl.col("label_is_violation", "label_action", "label_category")
    harmless = pl.when(~violation).then(pl.lit(Category.NONE.value))
    return [
        violation.alias("label_is_violation"),
        pl.coalesce(category, harmless).alias("label_category"),
        pl.when(pl.any_horizontal(labels.is_not_null()))
        .then(pl.coalesce("label_source", pl.lit(labelled_by)))
        .alias("label_source"),
    ]
