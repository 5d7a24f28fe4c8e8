"""What a deployment decides: where the data lies, and what builds the models and embedders that configs name.

A deployment swaps any of them in one place: another object under the same key of `Definitions`, or a field in
the launchpad. Which model a *run* uses is its config's business.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import dagster as dg
import polars as pl
from pydantic import ValidationError
from upath import UPath

from moderation_pipeline.agents.build_agents import Agents, Models, build_agents
from moderation_pipeline.backends.decisions.decision_model import DecisionModel
from moderation_pipeline.backends.language_model import LanguageModel
from moderation_pipeline.cases.settled import Settled
from moderation_pipeline.config.decision_specs import DecisionSpec
from moderation_pipeline.config.model_specs import LanguageModelSpec
from moderation_pipeline.config.run_config import Config, MemorySpec
from moderation_pipeline.embedders.embedder import Embedder
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.moderation.run_beginning import Means
from moderation_pipeline.moderation.trace import RunObserver
from moderation_pipeline.warehouse.access import keep_private
from moderation_pipeline.warehouse.duckdb_file import refresh_duckdb_file
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.io_manager import WarehouseIOManager

if TYPE_CHECKING:
    from moderation_pipeline.backends.run_models import RunModels


class UnusableEmbedderError(ModerationError):
    """An embedder that was asked for in the launchpad and can't be had."""


class UnusableDecisionModelError(ModerationError):
    """A decision model that was asked for in the launchpad and can't be had."""


class DataFolderResource(dg.ConfigurableResource[DataFolder]):
    """The data folder that MODERATION_DATA names, else `data`.

    Nothing about it can be configured: whoever may launch a run would else have it write anywhere.
    """

    def create_resource(self, context: dg.InitResourceContext) -> DataFolder:  # noqa: ARG002  (Dagster's)
        """Return the folder; found when a run begins, not when the definitions load."""
        folder = DataFolder.find()
        keep_private(folder)  # here too, for `dagster dev` starts runs without our terminal
        return folder


class Warehouse(dg.ConfigurableIOManagerFactory[WarehouseIOManager]):
    """Where tables are stored. A run that opens it puts new tables and views that changed in place."""

    data_folder: dg.ResourceDependency[DataFolder]

    def create_io_manager(self, context: dg.InitResourceContext) -> WarehouseIOManager:
        """Return the IO manager over the data folder's warehouse."""
        refreshed = refresh_duckdb_file(self.data_folder)
        if context.log is not None and refreshed.outcome != "current":
            say = context.log.warning if refreshed.outcome == "unwritable" else context.log.info
            say(refreshed.says)
        return WarehouseIOManager(UPath(self.data_folder.warehouse))


class LanguageModels(dg.ConfigurableResource["LanguageModels"]):
    """Builds the language models that Student and Expert specs name.

    Keys come from the environment or .env. `most_concurrent` is a ceiling on every config's own; a run stops,
    resumable, when a day (UTC) has cost `usd_per_day`. Replies older than `cache_days` are asked for again;
    with `fresh`, all are.
    """

    most_concurrent: int = 256
    usd_per_day: float | None = None
    cache_days: float | None = None
    fresh: bool = False

    def open(self, folder: DataFolder, run_key: str) -> "RunModels":
        """Return the models of one run, to be used as a context manager."""
        from moderation_pipeline.backends.keys import environment
        from moderation_pipeline.backends.run_models import Deployment, RunModels

        deployment = Deployment(
            folder,
            environment(),
            most_concurrent=self.most_concurrent,
            usd_per_day=self.usd_per_day,
            cache_days=self.cache_days,
            fresh=self.fresh,
        )
        return RunModels(deployment, run_key)


class DecisionModels(dg.ConfigurableResource["DecisionModels"]):
    """Builds the decision models that Students and tiers name.

    `instead` replaces what every config says: `package.module:Class` for one of your own (a `DecisionModel`
    whose constructor takes no arguments). It is asked as it is, without cache or budget.
    """

    instead: str = ""

    def build(self, spec: DecisionSpec, models: Models) -> DecisionModel:
        """Return the model of a spec; `models` are the run's, with its cache, budget and purchases.

        Raises:
            UnusableDecisionModelError: `instead` names nothing that is a DecisionModel.
        """
        if self.instead:
            kind: type[DecisionModel] = DecisionModel  # type: ignore[type-abstract]
            return _made_at(self.instead, kind, "decision_models", UnusableDecisionModelError)
        return models.decision_model(spec)


class Embedders(dg.ConfigurableResource["Embedders"]):
    """Builds the embedder that a config's memory names.

    `instead` replaces what every config says: the name of an embedder, or `package.module:Class` for one of
    your own (an `Embedder` whose constructor takes no arguments).
    """

    instead: str = ""

    def build(self, spec: MemorySpec, folder: DataFolder) -> Embedder:
        """Return the embedder; what a model embeds is kept in the data folder.

        Raises:
            UnusableEmbedderError: `instead` names nothing that is an Embedder.
        """
        from moderation_pipeline.embedders.build_embedder import build_embedder

        if ":" in self.instead:
            kind: type[Embedder] = Embedder  # type: ignore[type-abstract]
            return _made_at(self.instead, kind, "embedders", UnusableEmbedderError)
        if not self.instead:
            return build_embedder(spec, folder)
        try:
            spec = MemorySpec.model_validate({**spec.model_dump(), "embedder": self.instead, "model": None})
        except ValidationError as error:
            raise UnusableEmbedderError(
                f"Resource embedders: instead is {self.instead!r}, which is no embedder "
                f"({error.errors()[0]['msg']}). Give one of those, or 'package.module:Class'."
            ) from None
        return build_embedder(spec, folder)


T = TypeVar("T")


def _made_at(place: str, kind: type[T], resource: str, refused: type[ModerationError]) -> T:
    """Return an instance of the class at `package.module:Class`, which must be of the kind."""
    module_name, _, class_name = place.partition(":")
    try:
        found = getattr(import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise refused(
            f"Resource {resource}: instead is {place!r}, and that can't be loaded ({error}). "
            "Give 'package.module:Class', or leave it empty to use what the config names."
        ) from error
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise refused(
            f"Resource {resource}: instead is {place!r}, which is no subclass of "
            f"{kind.__module__}.{kind.__qualname__}."
        )
    return found()


class _Deployed(NamedTuple):
    """The models of a run, as a deployment builds them."""

    models: Models
    decision_models: DecisionModels

    def language_model(self, spec: LanguageModelSpec) -> LanguageModel:
        """Return the language model of a spec."""
        return self.models.language_model(spec)

    def decision_model(self, spec: DecisionSpec) -> DecisionModel:
        """Return the decision model of a spec."""
        return self.decision_models.build(spec, self.models)


class AgentBuilder(dg.ConfigurableResource["AgentBuilder"]):
    """Builds a run's Student, Expert and fallback from its config; subclass it to put your own there."""

    language_models: dg.ResourceDependency[LanguageModels]
    decision_models: dg.ResourceDependency[DecisionModels]

    def build(self, config: Config, comments: pl.DataFrame, models: Models, own_rules: str = "") -> Agents:
        """Return who decides; `comments` gives the labels to an Expert of labels."""
        return build_agents(config, comments, _Deployed(models, self.decision_models), own_rules)

    def means(self, embedders: Embedders, folder: DataFolder, say: Callable[[str], object]) -> Means:
        """Return what a run's parts are built with, here."""
        return Means(
            open_models=lambda run_key: self.language_models.open(folder, run_key),
            build=self.build,
            embedder=lambda spec: embedders.build(spec, folder),
            say=say,
        )


class Unwatched(RunObserver):
    """Watches nothing: the default, where no terminal looks on."""

    def settled(self, batch: Sequence[Settled]) -> None:
        """Take no note."""
