"""What a table's columns are: the closed model of `<file>.columns.yaml`, and the same on a command line.

A key is our column, its value says which of theirs it is. How values are then turned into ours is in
`mapping.py`; what is guessed where nothing is said, in `guessing.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, field_validator, model_validator

from moderation_pipeline.bounded_yaml import BoundedLoader
from moderation_pipeline.comments.charset import is_encoding
from moderation_pipeline.comments.chat_files import COLUMNS_SUFFIX
from moderation_pipeline.comments.json_paths import as_record_path
from moderation_pipeline.comments.times import zone_named
from moderation_pipeline.comments.values import spelling
from moderation_pipeline.config.config_errors import Written, worded
from moderation_pipeline.config.yaml_model import Closed
from moderation_pipeline.errors import ModerationError, closest


class ColumnsError(ModerationError):
    """A table's columns that can't be understood: the file, the column, what is there, what is allowed."""


def _as_written(value: object) -> object:
    """Return a value as the text that a table has for it; nothing is an empty cell."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return ""
    return str(value) if isinstance(value, int | float) else value


def _as_list(value: object) -> object:
    """Return one name as a list of it."""
    return [value] if isinstance(value, str | int | float) else value


Name = Annotated[str, BeforeValidator(_as_written)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_as_list)]


class Column(Closed):
    """One of the table's columns; written as its name alone, or with more about its values.

    `author.id` is what the object `author` has under `id`.
    """

    column: Name

    def sources(self) -> tuple[str, ...]:
        """Return the table's columns that it is made of."""
        return (self.column,)


class ScoreColumn(Column):
    """A model's score, a probability that something is wrong; `out_of` is what 1 is written as (100)."""

    out_of: float = Field(default=1.0, gt=0)


class TextColumn(Column):
    """`separator` stands between several messages of one row; each becomes a line of the text."""

    separator: str | None = Field(default=None, min_length=1)


class TimeColumn(Column):
    """A time, or a number of seconds after `seconds_after` (negative ones are before it).

    `format` is Python's (`%d/%m/%Y %H:%M`), for times whose day can't be told from their month. `zone` is
    what the times without an offset are in: `Europe/Berlin`, `+02:00`; otherwise they are taken as UTC.
    """

    seconds_after: datetime | None = None
    format: str | None = None
    zone: Name | None = None

    @field_validator("seconds_after")
    @classmethod
    def _is_utc_unless_said(cls, value: datetime | None) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value

    @field_validator("format")
    @classmethod
    def _is_a_format_of_days(cls, value: str | None) -> str | None:
        if value is not None and not re.search(r"%[YyGcx]", value):
            raise ValueError(
                f"{value!r} has no year. A format is written as Python's, such as '%d/%m/%Y %H:%M'"
            )
        if value is not None and not _can_be_parsed_by(value):
            raise ValueError(
                f"{value!r} is no format of a time. It is written as Python's, such as '%d/%m/%Y %H:%M'"
            )
        return value

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, value: str | None) -> str | None:
        if value is not None and zone_named(value) is None:
            raise ValueError(
                f"there is no zone {value!r}. A zone is written as 'Europe/Berlin', '+02:00' or UTC"
            )
        return value

    @model_validator(mode="after")
    def _one_kind_of_time(self) -> TimeColumn:
        if self.seconds_after is not None and (self.format is not None or self.zone is not None):
            raise ValueError("seconds_after and format or zone exclude each other")
        return self


def _can_be_parsed_by(time_format: str) -> bool:
    """Whether Python knows the format; of a good one it only says that an empty text is no such time."""
    try:
        datetime.strptime("", time_format)
    except re.error:
        return False
    except ValueError as error:
        return "does not match format" in str(error)
    return True


class FlagColumn(Closed):
    """True for the values in `true_for` or from `at_least` on, null for those in `null_for`, false for others.

    A cell with nothing in it is null. Without `true_for` and `at_least` the values must be true or false, 1 or
    0, yes or no. Of several columns (`any_of`) one that is true is enough; where none is and one is null,
    all is null.
    """

    column: Name | None = None
    any_of: Names = ()
    true_for: Names = ()
    null_for: Names = ()
    at_least: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _several_columns_are_any_of(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and isinstance(data.get("column"), list | tuple):
            rest = {key: value for key, value in data.items() if key != "column"}
            return {"any_of": [*data["column"], *rest.pop("any_of", ())], **rest}
        return data

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> FlagColumn:
        if (self.column is None) == (not self.any_of):
            raise ValueError("say which column it is: {column: NAME}, or several: {any_of: [NAME, NAME]}")
        if self.true_for and self.at_least is not None:
            raise ValueError("true_for and at_least exclude each other; keep one of them")
        if both := {spelling(each) for each in self.true_for} & {spelling(each) for each in self.null_for}:
            named = ", ".join(map(repr, sorted(both)))
            raise ValueError(
                f"true_for and null_for both list {named}: a value is a violation, or says nothing"
            )
        return self

    def sources(self) -> tuple[str, ...]:
        """Return the table's columns that it is made of."""
        return (self.column,) if self.column is not None else self.any_of


class MappedColumn(Column):
    """A value of a closed set; `map` turns theirs into ours, `null_for` lists those that say nothing."""

    map: Mapping[Name, Name] = {}
    null_for: Names = ()


AnyColumn = Column | FlagColumn


def _by_name(value: object) -> object:
    return {"column": value} if isinstance(value, str | int | float) else value


def _as_scores(value: object) -> object:
    """Return one score as a list of it."""
    return [value] if isinstance(value, str | int | float | Mapping) else value


Plain = Annotated[Column, BeforeValidator(_by_name)]
Flag = Annotated[FlagColumn, BeforeValidator(_by_name)]
Scores = Annotated[tuple[Annotated[ScoreColumn, BeforeValidator(_by_name)], ...], BeforeValidator(_as_scores)]
Mapped = Annotated[MappedColumn, BeforeValidator(_by_name)]


class _Texts(BoundedLoader):
    """Keeps a scalar as it is written: OFF is no false and 01 no 1, for the table has texts to compare."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML declares it
        first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith(":null")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


RecordPath = Annotated[str, AfterValidator(as_record_path)]


class ColumnsSpec(Closed):
    """Our columns, and which of the table's they are. Only what is named here is read.

    `labelled_by` says whose all labels are, where no column does (`label_source`): what moderators did is no data set's
    word. Without `order_by` and `shuffle_seed` the rows are taken in the order of `sent_at`, and without that in
    the file's. `shuffle_seed` is for a table that is no stream: sorted by label it would teach nonsense.

    `names` calls the columns of a file without a header, `records` says where a JSON document keeps its
    records (`messages[]`), `sheet` which sheet of a workbook is the table, `encoding` what a file is in that is
    neither UTF-8 nor UTF-16 nor Windows-1252.
    Where nothing but these is said, the columns are guessed.

    `scores` are what models have said of the rows already, `[TOXICITY, INSULT]`: the Student `scores` decides by them.

    `cluster` is what made the rows that belong together, where that is no user: a template, a thread, an author
    of test cases. Intervals take its rows as one.
    """

    text: Annotated[TextColumn, BeforeValidator(_by_name)] | None = None
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
    labelled_by: Literal["moderators", "dataset"] | None = None
    split: Plain | None = None
    cluster: Plain | None = None
    scores: Scores = ()
    order_by: Names = ()
    shuffle_seed: int | None = None
    names: Names = ()
    records: RecordPath | None = None
    sheet: Annotated[str, Field(min_length=1)] | None = None
    encoding: str | None = None

    @field_validator("scores")
    @classmethod
    def _each_score_once(cls, value: tuple[ScoreColumn, ...]) -> tuple[ScoreColumn, ...]:
        columns = [each.column for each in value]
        if len(set(columns)) < len(columns):
            raise ValueError(f"a column is there twice in {', '.join(columns)}")
        return value

    @field_validator("names")
    @classmethod
    def _each_name_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError(f"a name is there twice in {', '.join(value)}")
        return value

    @field_validator("encoding")
    @classmethod
    def _is_an_encoding(cls, value: str | None) -> str | None:
        if value is not None and not is_encoding(value):
            raise ValueError(f"there is no encoding {value!r}. One is written as utf-8, cp1251 or shift_jis")
        return value

    @model_validator(mode="after")
    def _text_and_one_order(self) -> ColumnsSpec:
        is_said = self.order_by or self.scores or self.shuffle_seed is not None or any(self.columns())
        if self.text is None and is_said:
            raise ValueError("text is missing: say which column holds the text of the comments, text: NAME")
        if self.order_by and self.shuffle_seed is not None:
            raise ValueError("order_by and shuffle_seed exclude each other; keep one of them")
        return self

    def columns(self) -> Iterator[tuple[str, AnyColumn]]:
        """Yield our columns that the table has, with theirs."""
        for name in COLUMN_NAMES:
            value = getattr(self, name)
            if value is not None:
                yield name, value

    def theirs(self) -> list[str]:
        """Return every column of the table that is needed, each once."""
        named = [name for _, column in self.columns() for name in column.sources()]
        return list(dict.fromkeys([*named, *(each.column for each in self.scores), *self.order_by]))

    def as_yaml(self) -> str:
        """Return what a columns file would say, as short as it can be said."""
        said = self.model_dump(mode="json", exclude_defaults=True)
        short = {key: _shortened(value) for key, value in said.items()}
        return yaml.safe_dump(short, sort_keys=False, allow_unicode=True)


OF_THE_TABLE = ("labelled_by", "scores", "order_by", "shuffle_seed", "names", "records", "sheet", "encoding")
COLUMN_NAMES = tuple(name for name in ColumnsSpec.model_fields if name not in OF_THE_TABLE)


def _shortened(value: object) -> object:
    """Return a column's name where nothing else is said of it."""
    if isinstance(value, list):
        return [_shortened(each) for each in value]
    return value["column"] if isinstance(value, dict) and _is_name_alone(value) else value


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
        content = yaml.load(beside.read_text(encoding="utf-8"), Loader=_Texts)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ColumnsError(f"{beside} is not valid YAML: {error}") from None
    return _validated(content, beside)


def columns_from_arguments(arguments: Sequence[str]) -> ColumnsSpec:
    """Return what `--column` arguments say.

    A value is a column's name, or YAML in brackets: `text=message`, `order_by=[match, seq]`,
    `label_is_violation={column: intent, true_for: [E, I]}`.

    Raises:
        ColumnsError: one has no `=`, is there twice, or says what it can't.
    """
    content: dict[str, object] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals or not value.strip():
            raise ColumnsError(f"--column {argument!r} is not of the form OURS=THEIRS, such as text=message.")
        if name.strip() in content:
            raise ColumnsError(f"--column {name.strip()} is given twice. Keep one of them.")
        try:
            content[name.strip()] = _argument_value(value)
        except yaml.YAMLError as error:
            raise ColumnsError(f"--column {argument!r}: its value is not valid YAML: {error}") from None
    return _validated(content, Path("--column"))


def _argument_value(value: str) -> object:
    """Return a name as it is written (a column may be called 1 or true), a list or mapping as YAML."""
    return yaml.load(value, Loader=_Texts) if value.strip()[0] in "[{" else value.strip()


def _validated(content: object, path: Path) -> ColumnsSpec:
    if not isinstance(content, Mapping):
        raise ColumnsError(
            f"{path} holds {type(content).__name__}, not our columns with theirs, such as 'text: message'."
        )
    try:
        return ColumnsSpec.model_validate({key: value for key, value in content.items() if value is not None})
    except ValidationError as error:
        raise ColumnsError(worded(error, [Written(path, content)])) from None


class MissingColumnsError(ColumnsError):
    """A spec that names columns which the table doesn't have."""

    def __init__(self, path: Path, missing: Sequence[str], names: Sequence[str]) -> None:
        named, meant = ", ".join(map(repr, missing)), "".join(closest(name, names) for name in missing)
        there = f"Its columns are: {', '.join(names)}" if names else "It has no columns: it holds nothing"
        super().__init__(f"{path} has no column {named}.{meant} {there}.")
