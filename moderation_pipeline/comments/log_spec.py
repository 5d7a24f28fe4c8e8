"""What may be said about a log beside what it says itself: the closed model of `<file>.log.yaml`.

Tables have their columns named in `<file>.columns.yaml` (`columns.py`). Which reader reads a file is said in
`<file>.format`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, tzinfo
from pathlib import Path

import yaml
from pydantic import Field, ValidationError, field_validator

from moderation_pipeline.bounded_yaml import read_yaml
from moderation_pipeline.comments.chat_files import LOG_SUFFIX
from moderation_pipeline.comments.times import zone_named
from moderation_pipeline.config.config_errors import Written, worded
from moderation_pipeline.config.yaml_model import Closed
from moderation_pipeline.errors import ModerationError

ACT_BOUND_MINUTES = 10.0
"""Moderators act on what they have just read. What is older when its user is banned may not be the reason."""


class LogSpecError(ModerationError):
    """A log's options that can't be understood: the file, the key, what is there, what is allowed."""


class LogSpec(Closed):
    """What a log doesn't say."""

    act_bound_minutes: float = Field(default=ACT_BOUND_MINUTES, gt=0, le=7 * 24 * 60)
    """How long before a moderator's act a user's line may have been written to be what the act was about."""
    day: date | None = None
    """The day on which the log begins, where neither its lines nor its name say it."""
    zone: str | None = None
    """Where its clock stood, as Europe/Berlin or +02:00; it goes before what the log says."""
    moderators: tuple[str, ...] = ()
    """Who moderates, by id or name, where the log doesn't mark them; they are never sanctioned."""
    line: str | None = None
    """What is where in a line of a program that is not known: [{time:%H:%M:%S}] <{user_name}> {text}."""

    @field_validator("zone")
    @classmethod
    def _is_known(cls, value: str | None) -> str | None:
        if value is not None and zone_named(value) is None:
            raise ValueError(f"no zone {value!r} is known; a zone is Europe/Berlin, +02:00 or UTC")
        return value

    def as_yaml(self) -> str:
        """Return what the file beside a log would say."""
        return yaml.safe_dump(self.model_dump(mode="json", exclude_defaults=True), sort_keys=False)

    @property
    def clock_zone(self) -> tzinfo | None:
        """The zone that is said, if one is."""
        return zone_named(self.zone) if self.zone is not None else None

    @property
    def act_bound_us(self) -> int:
        """The bound in microseconds."""
        return int(self.act_bound_minutes * 60_000_000)


def log_path(path: Path) -> Path:
    """Return where the options of the log at `path` are said, if they are: beside it."""
    return path.with_name(path.name + LOG_SUFFIX)


def log_beside(path: Path) -> LogSpec:
    """Return what `<file>.log.yaml` says, or what holds without it.

    Raises:
        LogSpecError: it is no YAML, or says what can't be said.
    """
    beside = log_path(path)
    if not beside.is_file():
        return LogSpec()
    try:
        content = read_yaml(beside.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LogSpecError(f"{beside} is not valid YAML: {error}") from None
    return log_spec(content if content is not None else {}, beside)


def log_spec(content: object, written_in: Path) -> LogSpec:
    """Return what a mapping of options says.

    Raises:
        LogSpecError: it is no mapping, or says what can't be said; the error names `written_in`.
    """
    if not isinstance(content, Mapping):
        raise LogSpecError(
            f"{written_in} holds {type(content).__name__}, not a log's options, such as 'zone: Europe/Berlin'."
        )
    try:
        return LogSpec.model_validate(content)
    except ValidationError as error:
        raise LogSpecError(worded(error, [Written(written_in, content)], LogSpec)) from None
