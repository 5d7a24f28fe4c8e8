"""Language models as `moderation check` asks them: for real, past the cache, each endpoint found out anew.

What is asked, and how the answers are shown, is the terminal's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

import orjson

from moderation_pipeline.backends.chat.chat_endpoint import ChatEndpoint
from moderation_pipeline.backends.chat.chat_wire import Abilities, Structure
from moderation_pipeline.backends.decisions.carried_decisions import CarriedModel, CarryingModel
from moderation_pipeline.backends.decisions.decision_backends import decision_backend
from moderation_pipeline.backends.decisions.decision_model import (
    DecisionModel,
    DecisionReply,
    DecisionRequest,
)
from moderation_pipeline.backends.key_hosts import note_where_its_key_goes
from moderation_pipeline.backends.language_model import (
    BadReplyError,
    FatalBackendError,
    LanguageModel,
    LanguageModelError,
    ModelIdentity,
    Reply,
    Request,
    TooLongError,
    TransportError,
)
from moderation_pipeline.backends.run_models import backend_of, prices_of
from moderation_pipeline.backends.wrappers.hopeless import cure, room_needed, trouble
from moderation_pipeline.backends.wrappers.metering import MeteredModel
from moderation_pipeline.backends.wrappers.prices import PriceList
from moderation_pipeline.config.decision_specs import DecisionSpec
from moderation_pipeline.config.model_specs import Address, LanguageModelSpec

MOST_NAMED = 12
"""How many of an endpoint's models are named: those most like the one asked for come first."""

STRUCTURES = {
    Structure.SCHEMA: "replies held to a JSON schema",
    Structure.TOOL: "replies by tool call",
    Structure.PLAIN: "plain text replies, read tolerantly",
}

STALE = (
    "Runs go by what it could do when one of them first asked it ({kept}): `moderation cache --forget-endpoints` has "
    "it found out anew, and its replies are then asked for, and paid, anew."
)


@dataclass(frozen=True, slots=True)
class CheckedModels:
    """Builds models for a check: metered, neither cached nor asked again; `notes` gathers what is found.

    `kept` gives what runs go by: what an endpoint could do when one of them first asked it, if one did.
    """

    variables: Mapping[str, str] = field(repr=False)
    prices: PriceList
    notes: list[str]
    kept: Callable[[ModelIdentity], Abilities | None] = lambda _: None

    def language_model(self, spec: LanguageModelSpec) -> LanguageModel:
        """Return the model of a spec.

        Raises:
            UnusableBackendError: no key, no extra `local`, no weights.
        """
        note_where_its_key_goes(spec, self.notes)
        backend = backend_of(spec, self.variables)
        model = MeteredModel(backend, prices_of(spec, backend, self.prices))
        return _Explained(model, self, spec) if isinstance(spec, Address) else model

    def finish(self) -> None:
        """Account for nothing: what a check is told is not kept."""

    def decision_model(self, spec: DecisionSpec) -> DecisionModel:
        """Return the decision model of a spec.

        Raises:
            UnusableBackendError: no key, no extra `local`.
        """
        note_where_its_key_goes(spec, self.notes)
        backend = decision_backend(spec, self.variables)
        carried = CarriedModel(backend)
        metered = MeteredModel(carried, prices_of(spec, carried, self.prices))
        self.notes.extend([metered.note] if metered.note else [])
        return _ExplainedDecisions(CarryingModel(metered), backend)


class _Explained(LanguageModel):
    """Asks a remote model; where it fails for good, says what its endpoint serves instead."""

    def __init__(self, model: MeteredModel, check: CheckedModels, spec: LanguageModelSpec) -> None:
        self._model = model
        self._check = check
        self._spec = spec
        self._is_too_small = False

    @property
    def identity(self) -> ModelIdentity:
        """Who answers."""
        return self._model.identity

    async def complete(self, request: Request) -> Reply:
        """Find the endpoint out, and ask."""
        try:
            variant = await self._model.prepare()
            self._note(Abilities.from_mapping(orjson.loads(variant)))
            return await self._model.complete(request)
        except TooLongError as error:
            if not self._is_too_small:  # one line's tokens will do for all ten
                self._is_too_small = True
                self._check.notes.append(room_needed(self.identity, request, error))
            raise
        except BadReplyError:
            raise
        except TransportError as error:
            raise _no_answer(self.identity, error) from None
        except LanguageModelError as error:
            raise FatalBackendError(f"{error} {await self._served()}".strip()) from None

    async def aclose(self) -> None:
        """Close the model."""
        await self._model.aclose()

    def _note(self, can: Abilities) -> None:
        found = f"{self._spec.model}: {_told(can)}."
        if found in self._check.notes:  # by another line, or before a repair
            return
        kept = self._check.kept(self.identity)
        stale = None if kept in (None, can) else STALE.format(kept=_told(kept))
        self._check.notes.extend(note for note in (found, stale, self._model.note) if note is not None)

    async def _served(self) -> str:
        """Return a sentence that names the models that the endpoint serves; nothing where it lists none."""
        endpoint = self._model.inner
        if not isinstance(endpoint, ChatEndpoint):
            return ""
        try:
            served = await endpoint.served_models()
        except LanguageModelError as error:
            return f"Its list of models can't be had either ({error.code})."
        return named(served, self._spec.model)


class _ExplainedDecisions(DecisionModel):
    """Asks a decision model; where it fails for good, says what its endpoint serves instead."""

    def __init__(self, model: DecisionModel, backend: DecisionModel) -> None:
        self._model = model
        self._backend = backend

    @property
    def identity(self) -> ModelIdentity:
        """Who answers."""
        return self._model.identity

    async def decide(self, request: DecisionRequest) -> DecisionReply:
        """Ask."""
        try:
            return await self._model.decide(request)
        except BadReplyError:
            raise
        except TransportError as error:
            raise _no_answer(self.identity, error) from None
        except LanguageModelError as error:
            served = await self._backend.served_models()
            said = "It has no list of models." if served is None else named(served, self.identity.model)
            raise FatalBackendError(f"{error} {said}") from None

    async def aclose(self) -> None:
        """Close the model."""
        await self._model.aclose()


def _no_answer(identity: ModelIdentity, error: TransportError) -> FatalBackendError:
    backend, url, _ = identity
    return FatalBackendError(
        f"{backend} at {url} {trouble(error)}: {error.reply_error.rstrip('.')}. {cure(error)}"
    )


def named(served: list[str], asked: str) -> str:
    """Return a sentence that names the served models, the likest to the one asked for first."""
    if not served:
        return "It lists no models."
    if asked in served:
        return "It does list the model."
    like = get_close_matches(asked, served, n=MOST_NAMED, cutoff=0.4)
    others = [name for name in served if name not in like]
    shown = [*like, *others][:MOST_NAMED]
    more = f" and {len(served) - len(shown)} more" if len(served) > len(shown) else ""
    return f"It doesn't list {asked!r}; what it serves: {', '.join(shown)}{more}."


def _told(abilities: Abilities) -> str:
    confidence = "with log-probabilities" if abilities.has_logprobs else "confidence as the model states it"
    return f"{STRUCTURES[abilities.structure]}, {confidence}"
