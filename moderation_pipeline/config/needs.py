"""What a config needs besides this program: a key, a server, a local model, labels; asked of its specs alone.

Whether a key is set is `backends/keys.py`'s to say; here nothing is read, asked or imported.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from moderation_pipeline.config.run_config import Config

KEYLESS = frozenset({"rules", "careful_rules", "learned", "tiers"})
"""Backends that need nothing."""


def needs(config: Config) -> list[str]:
    """Return in words what the config needs, each once; nothing where it runs offline, without a key, on any chat."""
    wanted = [*_of_agents(config)]
    if config.memory is not None and config.memory.embedder == "sbert":
        wanted.append("the embedder sbert")
    return list(dict.fromkeys(wanted))


def _of_agents(part: BaseModel) -> Iterator[str]:
    backend = getattr(part, "backend", None)
    if backend == "labels":
        yield "labels"
    elif isinstance(backend, str) and backend not in KEYLESS:
        key = getattr(part, "key_variable", None)
        yield f"{backend} ({key})" if key else backend
    for name in type(part).model_fields:
        for inner in _parts(getattr(part, name)):
            yield from _of_agents(inner)


def _parts(value: object) -> Iterator[BaseModel]:
    if isinstance(value, BaseModel):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _parts(each)
