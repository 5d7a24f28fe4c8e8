"""The one kind of model that configuration is made of, and how one is read from YAML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from moderation_pipeline.bounded_yaml import read_yaml
from moderation_pipeline.config.config_errors import ConfigError, Written, unknown_keys, worded


class Closed(BaseModel):
    """A part of a config: frozen, and a key it doesn't know is an error that lists those it knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _knows_its_keys(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and (
            unknown := [str(key) for key in data if key not in cls.model_fields]
        ):
            raise unknown_keys(unknown, list(cls.model_fields))
        return data


Model = TypeVar("Model", bound=Closed)


def read_closed(model: type[Model], path: Path) -> Model:
    """Return what a YAML file says, as the model that it has to be.

    Raises:
        ConfigError: the file is no YAML mapping, or a key or value is not allowed.
    """
    content = read_mapping(path)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise ConfigError(worded(error, [Written(path, content)], model)) from None


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the keys and values of a YAML file; an empty one has none.

    Raises:
        ConfigError: the file is no YAML mapping.
    """
    try:
        content = read_yaml(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{path}{place}: this is not valid YAML: {error.problem}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} can't be read as YAML in UTF-8: {error}.") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(
            f"{path} holds a {type(content).__name__}, where keys such as 'student: {{backend: rules}}' go."
        )
    return content
