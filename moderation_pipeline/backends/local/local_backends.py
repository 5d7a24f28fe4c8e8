"""Which class runs which language model on this machine; decision models here are `decision_backends.py`'s."""

from __future__ import annotations

from moderation_pipeline.backends.language_model import LanguageModel
from moderation_pipeline.backends.spec_classes import ClassesBySpec, place_of
from moderation_pipeline.config.model_specs import HfSpec, ModelSpec

LOCAL_MODELS: ClassesBySpec[LanguageModel] = ClassesBySpec(
    {HfSpec: "moderation_pipeline.backends.local.hf:HfModel"}
)
"""Each class is built from the keys of its spec that say where it is."""


def local_model(spec: ModelSpec) -> LanguageModel:
    """Return the local model of a spec.

    Raises:
        UnusableBackendError: no extra `local`, no weights.
    """
    place = place_of(spec)
    del place["backend"]
    return LOCAL_MODELS.of(spec)(**place)
