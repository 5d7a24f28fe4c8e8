"""What a deployment's nights do: when, over which chats, under which configs. Written in data/nights.yaml.

Dagster's schedule is made of it when the code location loads (`defs/schedules.py`); `moderation run --night` reads it
each time. An address that alerts go to may itself be a secret, so it is never written here but read from the
environment.
"""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator

from moderation_pipeline.config.run_config import DEFAULT_CONFIG
from moderation_pipeline.config.yaml_model import Closed, read_closed
from moderation_pipeline.errors import closest
from moderation_pipeline.warehouse.folder import DataFolder

HOUR_AND_MINUTE = re.compile("([01]?[0-9]|2[0-3]):[0-5][0-9]")


class NightSettings(Closed):
    """The nightly job: by default every chat that changed, at three, UTC, under the default config."""

    at: str = "03:00"
    """When: an hour and minute, in quotes."""
    zone: str = "UTC"
    """Whose clock that is: UTC, Europe/Berlin."""
    configs: tuple[str, ...] = (DEFAULT_CONFIG,)
    """Under which configs; `champion` is the one that was promoted for a chat or its channel (`moderation promote`)."""
    chats: tuple[str, ...] = ()
    """Over which chats; none named: over all."""
    fresh: bool = False
    """Whether models are asked anew, every chat every night, though nothing changed and replies are kept: finds a
    provider that changed a model under its name. Keep `usd_per_day` beside it."""
    usd_per_day: float | None = Field(default=None, gt=0)
    """What a day (UTC) may cost; runs that would pass it stop, resumable."""
    stale_after_days: float | None = Field(default=None, gt=0)
    """How old a chat's newest comment may be when the chat is read; a check warns of an older one."""
    retries: int = Field(default=1, ge=0, le=10)
    """How often a run that failed is tried again."""

    @field_validator("at")
    @classmethod
    def _is_a_time(cls, value: str) -> str:
        # Seconds or an offset, which ISO's times may have, would be left out of what cron says.
        if HOUR_AND_MINUTE.fullmatch(value) is None:
            raise ValueError(f'got {value!r}; it must be an hour and minute such as "03:00"')
        return value

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        known = available_timezones()
        if value not in known:
            raise ValueError(f"got {value!r}, which is no time zone.{closest(value, known)}")
        return ZoneInfo(value).key

    @field_validator("configs")
    @classmethod
    def _has_some(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("must name one config at least")
        return value

    @property
    def cron(self) -> str:
        """The time as cron writes it."""
        hour, minute = self.at.split(":")
        return f"{int(minute)} {int(hour)} * * *"


def night_settings(folder: DataFolder) -> NightSettings:
    """Return what data/nights.yaml says; the defaults where there is none.

    Raises:
        ConfigError: the file is no YAML mapping, or a key or value is not allowed.
    """
    return read_closed(NightSettings, folder.nights) if folder.nights.exists() else NightSettings()
