"""What a table's columns are: the closed model of `<file>.columns.yaml`, and the same on a command line.

A key is our column, its value says which of theirs it is. How values are then turned into ours is in
`mapping.py`; guessing where nothing is said is here, and always said aloud.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from moderation_pipeline.comments.chat_files import COLUMNS_SUFFIX
from moderation_pipeline.config.config_errors import Written, worded
from moderation_pipeline.config.yaml_model import Closed
from moderation_pipeline.errors import ModerationError, closest


class ColumnsError(ModerationError):
    """A table's columns that can't be understood: the file, the column, what is there, what is allowed."""


def _as_written(value: object) -> object:
    """Return a YAML value as the text that a table has for it: `true`, `1`, `E`."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Name = Annotated[str, BeforeValidator(_as_written)]
Names = tuple[Name, ...]


class Column(Closed):
    """One of the table's columns; written as its name alone, or with more about its values."""

    column: Name


class TextColumn(Column):
    """`separator` stands between several messages of one row; each becomes a line of the text."""

    separator: str | None = Field(default=None, min_length=1)


class TimeColumn(Column):
    """A time, or a number of seconds after `seconds_after` (negative ones are before it)."""

    seconds_after: datetime | None = None

    @field_validator("seconds_after")
    @classmethod
    def _is_utc_unless_said(cls, value: datetime | None) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class FlagColumn(Column):
    """True for the values in `true_for`, null for those in `null_for` and for null, false for all others.

    Without `true_for` the values must be true or false, 1 or 0, yes or no.
    """

    true_for: Names = ()
    null_for: Names = ()


class MappedColumn(Column):
    """A value of a closed set; `map` turns theirs into ours, `null_for` lists those that say nothing."""

    map: Mapping[Name, str] = {}
    null_for: Names = ()


def _by_name(value: object) -> object:
    return {"column": value} if isinstance(value, str | int | float) else value


Plain = Annotated[Column, BeforeValidator(_by_name)]
Flag = Annotated[FlagColumn, BeforeValidator(_by_name)]
Mapped = Annotated[MappedColumn, BeforeValidator(_by_name)]


class ColumnsSpec(Closed):
    """Our columns, and which of the table's they are. Only what is named here is read.

    Without `order_by` and `shuffle_seed` the rows are taken in the order of `sent_at`, and without that in
    the file's. `shuffle_seed` is for a table that is no stream: sorted by label it would teach nonsense.
    """

    text: Annotated[TextColumn, BeforeValidator(_by_name)]
    comment_id: Plain | None = None
    channel: Plain | None = None
    user_id: Plain | None = None
    user_name: Plain | None = None
    sent_at: Annotated[TimeColumn, BeforeValidator(_by_name)] | None = None
    reply_to: Plain | None = None
    is_moderator: Flag | None = None
    is_broadcaster: Flag | None = None
    is_subscriber: Flag | None = None
    is_first_message: Flag | None = None
    is_me: Flag | None = None
    is_emote_only: Flag | None = None
    label_action: Mapped | None = None
    label_category: Mapped | None = None
    label_is_violation: Flag | None = None
    label_source: Plain | None = None
    split: Plain | None = None
    order_by: Names = ()
    shuffle_seed: int | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_name_is_a_list(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and isinstance(data.get("order_by"), str | int):
            return {**data, "order_by": [data["order_by"]]}
        return data

    @model_validator(mode="after")
    def _one_order(self) -> ColumnsSpec:
        if self.order_by and self.shuffle_seed is not None:
            raise ValueError("order_by and shuffle_seed exclude each other; keep one of them")
        return self

    def columns(self) -> Iterator[tuple[str, Column]]:
        """Yield our columns that the table has, with theirs."""
        for name in COLUMN_NAMES:
            value = getattr(self, name)
            if value is not None:
                yield name, value

    def theirs(self) -> list[str]:
        """Return every column of the table that is needed, each once."""
        return list(dict.fromkeys([*(column.column for _, column in self.columns()), *self.order_by]))

    def as_yaml(self) -> str:
        """Return what a columns file would say, as short as it can be said."""
        said = self.model_dump(mode="json", exclude_defaults=True)
        short = {key: value["column"] if _is_name_alone(value) else value for key, value in said.items()}
        return yaml.safe_dump(short, sort_keys=False, allow_unicode=True)


COLUMN_NAMES = tuple(name for name in ColumnsSpec.model_fields if name not in ("order_by", "shuffle_seed"))


def _is_name_alone(value: object) -> bool:
    return isinstance(value, dict) and list(value) == ["column"]


def columns_path(path: Path) -> Path:
    """Return where the columns of the table at `path` are said: beside it."""
    return path.with_name(path.name + COLUMNS_SUFFIX)


def columns_beside(path: Path) -> ColumnsSpec | None:
    """Return what the file beside the table says, or None where there is none.

    Raises:
        ColumnsError: it is no YAML mapping, or says what it can't.
    """
    beside = columns_path(path)
    if not beside.is_file():
        return None
    try:
        content = yaml.safe_load(beside.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ColumnsError(f"{beside} is not valid YAML: {error}") from None
    return _validated(content, beside)


def columns_from_arguments(arguments: Sequence[str]) -> ColumnsSpec:
    """Return what `--column` arguments say.

    A value is a column's name, or YAML in brackets: `text=message`, `order_by=[match, seq]`,
    `label_is_violation={column: intent, true_for: [E, I]}`.

    Raises:
        ColumnsError: one has no `=`, or says what it can't.
    """
    content: dict[str, object] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals or not value.strip():
            raise ColumnsError(f"--column {argument!r} is not of the form OURS=THEIRS, such as text=message.")
        try:
            content[name.strip()] = _argument_value(value)
        except yaml.YAMLError as error:
            raise ColumnsError(f"--column {argument!r}: its value is not valid YAML: {error}") from None
    return _validated(content, Path("--column"))


def _argument_value(value: str) -> object:
    """Return a name as it is written (a column may be called 1 or true), a list or mapping as YAML."""
    return yaml.safe_load(value) if value.strip()[0] in "[{" else value.strip()


def _validated(content: object, path: Path) -> ColumnsSpec:
    if not isinstance(content, Mapping):
        raise ColumnsError(
            f"{path} holds {type(content).__name__}, not our columns with theirs, such as 'text: message'."
        )
    try:
        return ColumnsSpec.model_validate(content)
    except ValidationError as error:
        raise ColumnsError(worded(error, [Written(path, content)])) from None


ALIASES: Mapping[str, tuple[str, ...]] = {
    "text": ("message", "body", "comment", "content", "msg", "tweet", "comment_text", "utterance", "prompt"),
    "comment_id": ("message_id", "msg_id", "id", "tweet_id"),
    "channel": ("room", "match", "conversation_id", "thread_id", "chat"),
    "user_id": ("author_id", "userid", "author", "user", "username", "speaker", "player"),
    "user_name": ("display_name", "author_name", "login"),
    "sent_at": ("timestamp", "created_at", "datetime", "time", "date"),
    "reply_to": ("in_reply_to", "parent_id"),
}
"""Names that others give to what we know. No label is guessed: a wrong truth is worse than none."""


def guessed_columns(names: Sequence[str], path: Path) -> tuple[ColumnsSpec, list[str]]:
    """Return the columns that go by our names, guess at the others, and say what was guessed.

    Raises:
        ColumnsError: nothing looks like the text.
    """
    known: dict[str, str] = {name: name for name in COLUMN_NAMES if name in names}
    notes = []
    lower = {name.lower(): name for name in reversed(names)}
    for ours, aliases in ALIASES.items():
        free = [lower[alias] for alias in (ours, *aliases) if alias in lower]
        theirs = next((name for name in free if name not in known.values()), None)
        if ours not in known and theirs is not None:
            known[ours] = theirs
            notes.append(f"The column {theirs!r} was taken as {ours}.")
    if "text" not in known:
        raise NoTextColumnError(path, names)
    unread = [name for name in names if name not in known.values()]
    if unread:
        notes.append(f"Columns that were not read: {', '.join(unread)}.")
    return ColumnsSpec.model_validate(known), notes


class NoTextColumnError(ColumnsError):
    """A table none of whose columns looks like the text."""

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        super().__init__(
            f"{path} has no column that looks like the text of the comments. Its columns are: "
            f"{', '.join(names) or 'none'}. Say which it is: --column text=NAME, or 'text: NAME' in "
            f"{columns_path(path).name}."
        )


class MissingColumnsError(ColumnsError):
    """A spec that names columns which the table doesn't have."""

    def __init__(self, path: Path, missing: Sequence[str], names: Sequence[str]) -> None:
        named = ", ".join(f"{name!r}{closest(name, names)}" for name in missing)
        super().__init__(f"{path} has no column {named}. Its columns are: {', '.join(names)}.")
