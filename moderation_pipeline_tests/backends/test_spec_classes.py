"""What a new provider must stand in: a union of the configs, and its folder's table. Nothing else knows it."""

from __future__ import annotations

import inspect
from typing import get_args

import pytest

from moderation_pipeline.backends.batches.batch_doors import BATCH_DOORS
from moderation_pipeline.backends.batches.batched_model import BatchDoor
from moderation_pipeline.backends.chat.chat_backends import CHAT_MODELS
from moderation_pipeline.backends.chat.chat_endpoint import ChatEndpoint
from moderation_pipeline.backends.decisions.decision_backends import DECISION_MODELS
from moderation_pipeline.backends.decisions.decision_model import DecisionModel
from moderation_pipeline.backends.language_model import LanguageModel
from moderation_pipeline.backends.local.local_backends import LOCAL_MODELS
from moderation_pipeline.backends.spec_classes import ClassesBySpec, place_of
from moderation_pipeline.config.decision_specs import ClassifierSpec, DecisionSpec, OpenAIModerationsSpec
from moderation_pipeline.config.model_specs import (
    Address,
    LanguageModelSpec,
    OpenAIExpertSpec,
    OpenAISpec,
    RemoteExpert,
    RemoteSpec,
)
from moderation_pipeline.config.yaml_model import Closed
from moderation_pipeline.warehouse.versions import PACKAGE, named_by

LANGUAGE_MODELS: tuple[type[Closed], ...] = get_args(LanguageModelSpec)
DECIDERS: tuple[type[Closed], ...] = get_args(DecisionSpec)
TABLES: dict[type, ClassesBySpec[object]] = {
    ChatEndpoint: CHAT_MODELS,
    LanguageModel: LOCAL_MODELS,
    DecisionModel: DECISION_MODELS,
    BatchDoor: BATCH_DOORS,
}


@pytest.mark.parametrize("kind", TABLES)
def test_every_row_names_a_class_of_its_tables_kind(kind: type) -> None:
    table = TABLES[kind]
    found = {spec: table.of(spec.model_construct()) for spec in table.places}
    assert all(inspect.isclass(each) and issubclass(each, kind) for each in found.values())


@pytest.mark.parametrize("spec", LANGUAGE_MODELS)
def test_every_language_model_that_a_config_may_name_is_in_a_table(spec: type[Closed]) -> None:
    table: ClassesBySpec[object] = CHAT_MODELS if issubclass(spec, RemoteSpec) else LOCAL_MODELS
    assert inspect.isclass(table.of(spec.model_construct()))
    assert not issubclass(spec, RemoteExpert) or inspect.isclass(BATCH_DOORS.of(spec.model_construct()))


@pytest.mark.parametrize("spec", DECIDERS)
def test_every_decision_model_that_a_config_may_name_is_in_the_table(spec: type[Closed]) -> None:
    assert inspect.isclass(DECISION_MODELS.of(spec.model_construct()))


@pytest.mark.parametrize(
    "spec", [each for each in (*LANGUAGE_MODELS, *DECIDERS) if not issubclass(each, Address)]
)
def test_a_local_model_is_built_from_what_its_spec_says_of_its_place(spec: type[Closed]) -> None:
    table: ClassesBySpec[object] = DECISION_MODELS if spec in DECIDERS else LOCAL_MODELS
    place = place_of(spec.model_construct())
    asked = inspect.signature(table.of(spec.model_construct())).parameters
    assert {*place} - {"backend"} <= {*asked}


def test_what_is_asked_and_who_asks_makes_no_other_place() -> None:
    student = OpenAISpec(model="m", max_tokens=99, prompt="brief")
    expert = OpenAIExpertSpec(model="m", batch=True, sees_student=True, may_train_on=False)
    assert place_of(student) == place_of(expert)


def test_another_address_is_another_place() -> None:
    assert place_of(OpenAISpec(model="m", timeout_s=9)) != place_of(OpenAISpec(model="m"))


def test_a_classifiers_labels_are_of_its_place_and_thresholds_are_not() -> None:
    one = ClassifierSpec.model_validate({"model": "m", "labels": {"toxic": "hate"}})
    other = ClassifierSpec.model_validate({"model": "m", "labels": {"toxic": "threat"}})
    firmer = OpenAIModerationsSpec.model_validate({"thresholds": {"default": {"mild": 0.9}}})
    assert place_of(one) != place_of(other)
    assert place_of(firmer) == place_of(OpenAIModerationsSpec())


def test_a_class_that_is_imported_late_belongs_to_the_version_of_the_table_that_names_it() -> None:
    for table in ("chat/chat_backends", "decisions/decision_backends", "local/local_backends"):
        source = (PACKAGE / f"backends/{table}.py").read_text("utf-8")
        folder = PACKAGE / f"backends/{table}.py"
        named = {each.stem for each in named_by(source) if each.parent == folder.parent}
        assert named & {"together", "systemone", "hf"}
