"""Language and decision models from specs: the backend, and around it, in this order, what every backend gets.

    cache and daily budget, giving up, retry, adaptive concurrency, rate limit, metering, backend

The cache is outermost, so that a stored reply costs nothing and waits for nobody. The budget is asked with
the claim on a call, so that a call is reserved once; a call that was tried in vain counts once for giving up. Each try
is one request to the provider, so the rate limit is inside; and calls come to it in the order of the gate. Metering is
innermost, so that no waiting counts as latency.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType

from moderation_pipeline.backends.batches.batch_doors import batch_door
from moderation_pipeline.backends.batches.batched_model import BATCH_DISCOUNT, BatchedModel
from moderation_pipeline.backends.chat.abilities import FoundAbilities
from moderation_pipeline.backends.chat.chat_backends import chat_endpoint
from moderation_pipeline.backends.chat.chat_endpoint import AbilitiesMemory
from moderation_pipeline.backends.chat.chat_wire import Abilities
from moderation_pipeline.backends.decisions.carried_decisions import CarriedModel, CarryingModel
from moderation_pipeline.backends.decisions.decision_backends import asked_token_by_token, decision_backend
from moderation_pipeline.backends.decisions.decision_model import DecisionModel
from moderation_pipeline.backends.key_hosts import note_where_its_key_goes
from moderation_pipeline.backends.language_model import LanguageModel, ModelIdentity
from moderation_pipeline.backends.local.local_backends import local_model
from moderation_pipeline.backends.spec_classes import place_of
from moderation_pipeline.backends.stores.open_store import open_store
from moderation_pipeline.backends.stores.stored_replies import DAY_S, LEASE_S, Attempt, ReplyStore
from moderation_pipeline.backends.wrappers.budget import DailyBudget
from moderation_pipeline.backends.wrappers.concurrency import AdaptiveModel, Gate
from moderation_pipeline.backends.wrappers.hopeless import HopelessModel
from moderation_pipeline.backends.wrappers.metering import MeteredModel
from moderation_pipeline.backends.wrappers.prices import PriceList
from moderation_pipeline.backends.wrappers.rate_limit import RateLimit, RateLimitedModel
from moderation_pipeline.backends.wrappers.reply_cache import CachedModel, Purchases
from moderation_pipeline.backends.wrappers.retry import RetryingBatches, RetryingModel, RetryPolicy
from moderation_pipeline.config.config_errors import UnpricedBudgetError
from moderation_pipeline.config.decision_specs import ChatDecisionsSpec, DecisionSpec
from moderation_pipeline.config.model_specs import Address, LanguageModelSpec, RemoteExpert, RemoteSpec
from moderation_pipeline.warehouse.folder import DataFolder


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a deployment decides about models, whatever a config says.

    `most_concurrent` is a ceiling on every config's `concurrency`; `usd_per_day` stops runs, resumable.
    Replies older than `cache_days` are asked for again. `fresh`: models are asked anew, even where a reply
    is stored: a provider that changed a model under its name is found no other way.
    """

    folder: DataFolder
    variables: Mapping[str, str] = field(repr=False)
    most_concurrent: int = 256
    usd_per_day: float | None = None
    cache_days: float | None = None
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class PricedMemory:
    """Keeps what was found out about endpoints, and counts what finding out cost as spent today."""

    store: ReplyStore
    prices: PriceList

    def abilities_of(self, identity: ModelIdentity) -> Abilities | None:
        """Return what is known of the endpoint."""
        return self.store.abilities_of(identity)

    def keep_abilities(self, identity: ModelIdentity, found: FoundAbilities) -> None:
        """Keep it, and count its cost."""
        self.store.keep_abilities(identity, found)
        self.store.spend(sum(self.prices.usd(identity, reply) or 0.0 for reply in found.replies))


class RunModels:
    """The language models of one run: they share a store and what the run has bought.

    A context manager. `finish` says that the run's tables are stored; without it, the next run of the same
    key goes on where this one stopped, and what this one paid keeps its cost. A run that asks for no model
    touches no file.
    """

    def __init__(self, deployment: Deployment, run_key: str) -> None:
        self._deployment = deployment
        self._run_key = run_key
        self._built: dict[str, LanguageModel] = {}
        self._deciding: dict[str, DecisionModel] = {}
        self._metered: list[MeteredModel] = []
        self._store: ReplyStore | None = None
        self._sent_here: list[str] = []

    def language_model(self, spec: LanguageModelSpec) -> LanguageModel:
        """Return the model of the spec, wrapped; one for each place, however many parts it plays.

        Raises:
            UnusableBackendError: no key, no extra `local`, no weights.
            UnpricedBudgetError: a daily budget over a model whose price nobody knows.
        """
        note_where_its_key_goes(spec, self._sent_here)
        if isinstance(spec, RemoteExpert) and spec.batch:
            return self._by_batch(spec)
        place = _place(spec)
        if place not in self._built:
            memory = PricedMemory(self.store, self._prices)
            backend = backend_of(spec, self._deployment.variables, memory)
            self._built[place] = self._wrapped(spec, backend)
        return self._built[place]

    def decision_model(self, spec: DecisionSpec) -> DecisionModel:
        """Return the decision model of the spec, in the same wrappers (`carried_decisions.py`).

        Raises:
            UnusableBackendError: no key, no extra `local`.
            UnpricedBudgetError: a daily budget over a model whose price nobody knows.
        """
        note_where_its_key_goes(spec, self._sent_here)
        place = _place(spec)
        if place not in self._deciding:
            self._deciding[place] = self._deciding_model(spec)
        return self._deciding[place]

    @cached_property
    def attempt(self) -> Attempt:
        """The run as the store knows it: whether it goes on with an earlier attempt, and what that lost."""
        return self.store.begin_run(self._run_key)

    @property
    def store(self) -> ReplyStore:
        """The reply store, opened when it is first needed."""
        if self._store is None:
            self._store = open_store(self._deployment.folder)
        return self._store

    @property
    def notes(self) -> list[str]:
        """What is to be said when the run begins: keys sent here, unknown prices, that it goes on, what is repeated."""
        notes = [*self._sent_here, *(note for model in self._metered if (note := model.note))]
        if self._metered and self.attempt.is_resumed:
            again = f"{self.attempt.repeated_calls} calls that were in flight are asked again"
            notes.append(f"Goes on where an earlier attempt stopped: its replies are used; {again}.")
        if self._metered and self.attempt.claimed_elsewhere:
            where = " and ".join(self.attempt.claimed_elsewhere)
            notes.append(
                f"Replies of this run were being asked for by a process on {where}: they are waited for, and asked "
                f"for here {LEASE_S:.0f} s after that process was last heard of."
            )
        return notes

    def finish(self) -> None:
        """Say that the run is through and its tables are stored."""
        if self._metered:
            self.store.finish_run(self.attempt.run_id)

    def __enter__(self) -> RunModels:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._store is not None:
            self._store.close()

    @cached_property
    def _prices(self) -> PriceList:
        return PriceList.load(self._deployment.folder.prices)

    @cached_property
    def _purchases(self) -> Purchases:
        days = self._deployment.cache_days
        max_age_s = None if days is None else days * DAY_S
        return Purchases(self.attempt, fresh=self._deployment.fresh, max_age_s=max_age_s)

    def _by_batch(self, spec: RemoteSpec) -> LanguageModel:
        """Return a model whose calls wait for batches; it shares the store with those that don't wait."""
        endpoint = chat_endpoint(spec, self._deployment.variables, PricedMemory(self.store, self._prices))
        batched = BatchedModel(endpoint, batch_door(spec, endpoint), self.store, self._run_key)
        prices = prices_of(spec, batched, self._prices)
        metered = MeteredModel(batched, prices, discount=BATCH_DISCOUNT)
        self._metered.append(metered)
        retrying = RetryingBatches(metered, RetryPolicy(attempts=spec.attempts))
        return self._cached(retrying, prices, paid_share=1.0 - BATCH_DISCOUNT)

    def _deciding_model(self, spec: DecisionSpec) -> DecisionModel:
        """Return a decision model in its wrappers; around a chat model they are around each of its questions."""
        variables = self._deployment.variables
        if isinstance(spec, ChatDecisionsSpec):
            endpoint = chat_endpoint(spec, variables, PricedMemory(self.store, self._prices))
            return asked_token_by_token(spec, self._wrapped(spec, endpoint))
        return CarryingModel(self._wrapped(spec, CarriedModel(decision_backend(spec, variables))))

    def _wrapped(self, spec: LanguageModelSpec | DecisionSpec, backend: LanguageModel) -> LanguageModel:
        deployment = self._deployment
        prices = prices_of(spec, backend, self._prices)
        metered = MeteredModel(backend, prices)
        self._metered.append(metered)
        model: LanguageModel = HopelessModel(metered)
        if isinstance(spec, Address):
            limited = self._limited(spec, metered)
            gated = AdaptiveModel(limited, Gate(min(spec.concurrency, deployment.most_concurrent)))
            retrying = RetryingModel(gated, RetryPolicy(attempts=spec.attempts))
            model = HopelessModel(retrying, gated.stop)
        return self._cached(model, prices)

    def _limited(self, spec: Address, model: LanguageModel) -> LanguageModel:
        if spec.requests_per_minute is None and spec.tokens_per_minute is None:
            return model
        return RateLimitedModel(
            model, self.store, RateLimit(spec.requests_per_minute, spec.tokens_per_minute)
        )

    def _cached(self, model: LanguageModel, prices: PriceList, *, paid_share: float = 1.0) -> LanguageModel:
        usd_per_day = self._deployment.usd_per_day
        if usd_per_day is not None and prices.price(model.identity) is None:
            raise UnpricedBudgetError(repr(model.identity.model), f"A budget of ${usd_per_day:g} a day")
        budget = None if usd_per_day is None else DailyBudget(usd_per_day)
        return CachedModel(model, self.store, self._purchases, prices, budget=budget, paid_share=paid_share)


def prices_of(spec: object, model: LanguageModel, prices: PriceList) -> PriceList:
    """Return what tokens cost, the spec's own price of its model first."""
    own = spec.price if isinstance(spec, Address) else None
    return prices.with_own(model.identity, own)


def backend_of(
    spec: LanguageModelSpec, variables: Mapping[str, str], memory: AbilitiesMemory | None = None
) -> LanguageModel:
    """Return the bare backend of a spec, with nothing around it.

    Raises:
        UnusableBackendError: no key, no extra `local`, no weights.
    """
    return chat_endpoint(spec, variables, memory) if isinstance(spec, RemoteSpec) else local_model(spec)


def _place(spec: LanguageModelSpec | DecisionSpec) -> str:
    """Return what two specs have in common that share a model."""
    return json.dumps(place_of(spec), sort_keys=True)
