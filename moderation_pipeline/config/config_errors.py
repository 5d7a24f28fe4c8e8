"""How a config that can't be used is worded: the file, the key, what it says, what is allowed.

What may be written is in `run_config.py`; nothing here knows a key or a backend by name, so that a new one is
worded right from the day it is declared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from moderation_pipeline.config.key_meanings import key_meanings
from moderation_pipeline.errors import ModerationError, closest

Location = tuple[int | str, ...]

NONE_ALLOWED = "none_allowed"
"""The tag of a union's member beside which `none` may be written too; it is in locations, never in a file."""

SECRET = re.compile(r"key|token|secret|password", re.IGNORECASE)
SECRETS_HINT = " Keys never go into a config: set them in the environment or in .env."


class ConfigError(ModerationError):
    """A config that can't be used: the file, the key, what it said, what is allowed."""

    is_lasting = True


class UnpricedBudgetError(ModerationError):
    """A budget over a model whose price nobody knows."""

    is_lasting = True

    def __init__(self, what: str, budget: str) -> None:
        super().__init__(
            f"{budget} can't be held: nobody knows what {what} costs. Say its price beside the model in the config "
            "(`price: 0` for a server of your own) or in data/prices.yaml, or take the budget away."
        )


class Written(NamedTuple):
    """What one YAML file says, before anything it extends is laid under it."""

    path: Path
    content: Mapping[str, Any]


def unknown_keys(keys: Sequence[object], allowed: Sequence[str]) -> PydanticCustomError:
    """Return the error for keys that a part of a config doesn't know.

    Their values stay unsaid: one might be a secret, misplaced.
    """
    return PydanticCustomError(
        "unknown_keys", "unknown keys", {"keys": list(keys), "allowed": sorted(allowed)}
    )


def worded(error: ValidationError, files: Sequence[Written], model: type[BaseModel] | None = None) -> str:
    """Return one line per problem, each naming the file that wrote the culprit, and what its key means.

    Args:
        error: what pydantic found in the merged content of `files`.
        files: the config's own file first, then what it extends, each overridden by those before it.
        model: what the content was to be; its fields' docstrings are what its keys mean.
    """
    return "\n".join(line for problem in error.errors() for line in _lines(problem, files, model))


def _lines(problem: ErrorDetails, files: Sequence[Written], model: type[BaseModel] | None) -> Iterator[str]:
    location, context = problem["loc"], problem.get("ctx", {})
    if problem["type"] == "unknown_keys":
        allowed = context["allowed"]
        for key in context["keys"]:
            path, place = _place((*location, key), files)
            hint = SECRETS_HINT if SECRET.search(key) else closest(key, allowed)
            yield f"{path}: {place}: no such key.{hint} Allowed here: {', '.join(allowed)}."
    else:
        path, place = _place(location, files, is_missing=problem["type"] == "missing")
        meaning = meaning_of(model, location) if model is not None else None
        told = f" It means: {meaning}" if meaning else ""
        yield f"{path}: {place + ': ' if place else ''}{_message(problem)}.{told}"


def meaning_of(model: type[BaseModel], location: Location) -> str | None:
    """Return what the key at a location means, by the docstring of its field; null where there is none.

    A location also names the backend of a union's member that was tried; the models are narrowed by it.
    """
    candidates, meaning = [model], None
    for part in location:
        having = [each for each in candidates if part in each.model_fields]
        if having:
            meaning = key_meanings(having[0]).get(str(part))
            candidates = [
                inner for each in having for inner in models_in(each.model_fields[str(part)].annotation)
            ]
        else:
            candidates = [each for each in candidates if backend_of(each) == part] or candidates
    return meaning


def models_in(annotation: object) -> list[type[BaseModel]]:
    """Return the models that a field's type names, in unions, tuples and annotations."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in models_in(inner)]


def backend_of(model: type[BaseModel]) -> str | None:
    """Return the backend that a spec is of; null for other parts of a config."""
    field = model.model_fields.get("backend")
    return None if field is None or field.is_required() else str(field.default)


def _message(problem: ErrorDetails) -> str:
    got = problem["input"]
    context = problem.get("ctx", {})
    or_none = ["none"] if problem["loc"][-1:] == (NONE_ALLOWED,) else []
    match problem["type"]:
        case "union_tag_invalid":
            allowed = [*_quoted_words(context["expected_tags"]), *or_none]
            return (
                f"there is no backend {context['tag']!r}.{closest(context['tag'], allowed)} {_list(allowed)}"
            )
        case "union_tag_not_found" | "model_attributes_type" if or_none:
            return f"got {got!r}, which names no backend. Write for example {{backend: rules}}, or none"
        case "literal_error":
            allowed = _quoted_words(context["expected"])
            return f"got {got!r}.{closest(str(got), allowed)} {_list(allowed)}"
        case "missing":
            return "is missing"
        case "value_error":
            return problem["msg"].removeprefix("Value error, ").removesuffix(".")
        case "model_type" | "model_attributes_type" | "union_tag_not_found":
            return f"got {got!r}, where keys and values such as {{key: value}} are expected"
        case _:
            return f"got {got!r}. {problem['msg'].replace('Input should be', 'It must be')}"


def _list(allowed: Sequence[str]) -> str:
    return f"Allowed: {', '.join(allowed)}"


def _quoted_words(text: str) -> list[str]:
    return re.findall(r"'([^']*)'", text)


def _place(location: Location, files: Sequence[Written], *, is_missing: bool = False) -> tuple[Path, str]:
    """Return the file in which the culprit stands, and the key as a user would look for it.

    Pydantic's location also names the member of a union that was tried; such parts are in no file.
    """
    written = [_keys_written(location, file.content) for file in files]
    deepest = max(range(len(files)), key=lambda rank: (len(written[rank]), -rank))
    keys = [*written[deepest], *location[-1:]] if is_missing else written[deepest]
    return files[deepest].path, ".".join(str(key) for key in keys)


def _keys_written(location: Location, content: Any) -> list[int | str]:
    keys: list[int | str] = []
    for part in location:
        is_item = isinstance(content, list) and isinstance(part, int) and part < len(content)
        if is_item or (isinstance(content, Mapping) and part in content):
            content = content[part]
            keys.append(part)
    return keys
