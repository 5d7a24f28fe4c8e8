"""Which class a spec stands for, as "module:Class", and what a spec says of where its model is.

Each folder of backends has one table of its own (`chat_backends.py`, `decision_backends.py`, `local_backends.py`,
`batch_doors.py`): a new provider is a row there. A class is imported when a model of it is first built, for an SDK
or torch takes a second or more, and only those wait who use it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Generic, TypeVar

from moderation_pipeline.config.decision_specs import AskingSpec
from moderation_pipeline.config.model_specs import Address, RemoteExpert
from moderation_pipeline.config.yaml_model import Closed

Built = TypeVar("Built", covariant=True)

ONLY_SHAPES_REQUESTS = {*AskingSpec.model_fields, *RemoteExpert.model_fields, "asks", "memories_as"} - {
    *Address.model_fields
}
"""Keys that say what is asked and what follows, not where: two specs that differ in them alone share a model."""


class ClassesBySpec(Generic[Built]):
    """For each kind of spec the place of its class; a kind of that kind (`TogetherExpertSpec`) has the same."""

    def __init__(self, places: Mapping[type[Closed], str]) -> None:
        self.places = places

    def of(self, spec: Closed) -> Callable[..., Built]:
        """Return the class that is built from the spec."""
        module, _, name = next(
            self.places[kind] for kind in type(spec).__mro__ if kind in self.places
        ).partition(":")
        built: Callable[..., Built] = getattr(import_module(module), name)
        return built


def place_of(spec: Closed) -> dict[str, Any]:
    """Return the part of a spec that says where its model is, and how hard it may be asked."""
    return spec.model_dump(mode="json", exclude=ONLY_SHAPES_REQUESTS)
