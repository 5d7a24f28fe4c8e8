"""Every key that a config may hold: what is allowed, what holds where it is left out, and what it means.

Read off the models (`run_config.py` and its neighbours), whose fields say it in their docstrings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from moderation_pipeline.config.config_errors import backend_of, models_in
from moderation_pipeline.config.key_meanings import key_meanings
from moderation_pipeline.config.run_config import Config

SIGNS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
OF_STUDENTS = ("base", "tiers")
"""Keys that hold Students again: their keys are those of `student`."""


class ConfigKey(NamedTuple):
    """A key. `key` has the backend in brackets where only one backend's agents have it."""

    key: str
    allowed: str
    default: str
    meaning: str


def config_keys(prefix: str = "") -> list[ConfigKey]:
    """Return the keys that begin with the prefix, in the order in which a config is read."""
    return [each for each in _keys(Config, "") if each.key.startswith(prefix)]


def _keys(model: type[BaseModel], above: str) -> Iterator[ConfigKey]:
    for name, field in model.model_fields.items():
        key = f"{above}{name}"
        inner = models_in(field.annotation)
        yield ConfigKey(key, _allowed(field, inner), _default(field), key_meanings(model).get(name, ""))
        if name in OF_STUDENTS:
            continue
        for each in inner:
            backend = backend_of(each)
            yield from _keys(each, f"{key}." if backend is None else f"{key}[{backend}].")


def _allowed(field: FieldInfo, inner: list[type[BaseModel]]) -> str:
    backends = [backend for each in inner if (backend := backend_of(each)) is not None]
    words = _words(field.annotation)
    if backends:
        return ", ".join([*words, *dict.fromkeys(backends)])
    if words:
        return ", ".join(words)
    if inner:
        return (
            "keys of its own" if type(None) not in get_args(field.annotation) else "keys of its own, or null"
        )
    bounds = [
        f"{said} {value:g}" for sign, said in SIGNS.items() if (value := _bound(field, sign)) is not None
    ]
    return " ".join([_kind(field.annotation), ", ".join(bounds)]).strip()


def _words(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [str(word) for word in get_args(annotation)]
    words = [word for inner in get_args(annotation) for word in _words(inner)]
    if words and bool in get_args(annotation):
        words = ["true", "false", *words]
    return [*words, "null"] if words and type(None) in get_args(annotation) else words


def _bound(field: FieldInfo, sign: str) -> float | None:
    return next((value for each in field.metadata if (value := getattr(each, sign, None)) is not None), None)


def _kind(annotation: Any) -> str:
    kinds = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    named = [kinds[each] for each in (annotation, *get_args(annotation)) if each in kinds] or ["text"]
    return " ".join([*named[:1], *(["or null"] if type(None) in get_args(annotation) else [])])


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be said"
    if isinstance(field.default, BaseModel):
        return (
            json.dumps(field.default.model_dump(mode="json", exclude_defaults=True)) if field.default else ""
        )
    return json.dumps(field.default, default=str)
