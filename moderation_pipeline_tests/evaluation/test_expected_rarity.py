from __future__ import annotations

from pathlib import Path

import pytest

from moderation_pipeline.config.run_config import Config, NamedConfig
from moderation_pipeline.evaluation.expected_rarity import rarity_told

MODEL = {"backend": "openai", "model": "m", "base_url": "http://localhost:1/v1"}

SCORES = {"backend": "scores", "columns": {"harassment": "TOXICITY"}}


def named(name: str, **parts: object) -> NamedConfig:
    return NamedConfig(name=name, path=Path(), config=Config.model_validate(parts))


HYBRID = named("hybrid")


def test_a_chat_in_which_violations_are_usual_by_its_labels_says_what_to_write() -> None:
    (said,) = rarity_told(
        "stream",
        1_000,
        197,
        [HYBRID, named("student_only", expert="none", memory=None, audit={"policy": "none"})],
    )
    assert "hybrid, student_only took 2 in 1,000" in said
    assert "this chat has 197" in said
    assert "expected_violations_per_1000: 197" in said


def test_so_does_one_in_which_they_are_rarer_than_was_said() -> None:
    (said,) = rarity_told("stream", 10_000, 20, [named("dense", expected_violations_per_1000=150)])
    assert "took 150" in said
    assert "usual here" in said


def test_without_labels_it_is_said_what_was_taken_to_be() -> None:
    (said,) = rarity_told("stream", 0, 0, [HYBRID])
    assert "took 2 in 1,000 comments for violations" in said


@pytest.mark.parametrize(
    ("chat", "violations", "config"),
    [
        ("stream", 3, HYBRID),
        ("synthetic", 152, HYBRID),
        ("stream", 197, named("unsaid", expected_violations_per_1000=None)),
        ("stream", 197, named("model", student=MODEL, expert=MODEL)),
    ],
)
def test_nothing_is_said_where_it_fits_or_nobody_goes_by_it(
    chat: str, violations: int, config: NamedConfig
) -> None:
    assert list(rarity_told(chat, 1_000, violations, [config])) == []


@pytest.mark.parametrize(
    ("config", "who", "did"),
    [
        (named("scored", student=SCORES), "The keyless Expert of scored took", "where it audited"),
        (named("asked", expert=MODEL), "The keyless Student of asked took", "it acted on the rarest"),
        (
            named("alone", student="none", memory=None, audit={"policy": "all"}),
            "The keyless Expert of",
            "it acted on",
        ),
        (HYBRID, "The keyless agents of hybrid took", "they acted on the rarest"),
    ],
)
def test_it_is_said_of_whoever_is_keyless_alone(config: NamedConfig, who: str, did: str) -> None:
    (said,) = rarity_told("stream", 1_000, 197, [config])
    assert said.startswith(who)
    assert did in said
    (unlabelled,) = rarity_told("stream", 0, 0, [config])
    assert unlabelled.startswith(who)


def test_of_those_who_differ_in_who_is_keyless_it_is_said_apart() -> None:
    first, second = rarity_told("stream", 1_000, 197, [HYBRID, named("scored", student=SCORES)])
    assert first.startswith("The keyless agents of hybrid took")
    assert second.startswith("The keyless Expert of scored took")
    assert "they acted" not in second
