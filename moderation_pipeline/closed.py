"""The one kind of model that configuration is made of. What may be configured is in `config.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from moderation_pipeline.config_errors import unknown_keys


class Closed(BaseModel):
    """A part of a config: frozen, and a key it doesn't know is an error that lists those it knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _knows_its_keys(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and (
            unknown := [str(key) for key in data if key not in cls.model_fields]
        ):
            raise unknown_keys(unknown, list(cls.model_fields))
        return data
