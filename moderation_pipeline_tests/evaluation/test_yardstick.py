"""Agreement is measured with a config's own Expert: another expert_only run on the chat changes no number."""

from __future__ import annotations

from pathlib import Path

from moderation_pipeline.config.run_config import Config, NamedConfig
from moderation_pipeline.evaluation.config_comparison import compare
from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline.evaluation.yardstick import told, yardstick_of
from moderation_pipeline_tests.evaluation import worlds

OTHER = {"backend": "openai", "model": "allows-all", "base_url": "http://localhost:1/v1"}


def named(name: str, **parts: object) -> NamedConfig:
    return NamedConfig(name=name, path=Path(), config=Config.model_validate(parts))


CAREFUL = named("expert_only", student="none", audit={"policy": "all"})
STRANGER = named("a_other", student="none", expert=OTHER, audit={"policy": "all"})
LABELS = named("labels_only", student="none", expert="labels", audit={"policy": "all"})
HYBRID = named("hybrid")
ALONE = named("student_only", expert="none", memory=None, audit={"policy": "none"})


def test_a_config_is_held_against_its_own_expert_whatever_name_sorts_first() -> None:
    assert yardstick_of(HYBRID, [STRANGER, CAREFUL]) == "expert_only"
    assert yardstick_of(named("mine", expert=OTHER), [CAREFUL, STRANGER]) == "a_other"


def test_a_config_whose_expert_judged_nothing_whole_is_held_against_nobody() -> None:
    assert yardstick_of(named("mine", expert=OTHER), [CAREFUL]) is None


def test_a_config_without_an_expert_is_held_against_the_usual_one() -> None:
    assert yardstick_of(ALONE, [STRANGER, CAREFUL]) == "expert_only"
    assert yardstick_of(ALONE, [STRANGER]) == "a_other"
    assert yardstick_of(ALONE, [HYBRID]) is None


def test_careful_rules_that_take_violations_to_be_rarer_are_another_expert() -> None:
    usual_here = {"expected_violations_per_1000": 210}
    game = named("game", **usual_here)
    game_experts = named("game_experts", student="none", audit={"policy": "all"}, **usual_here)

    assert yardstick_of(game, [CAREFUL]) is None
    assert yardstick_of(game, [CAREFUL, game_experts]) == "game_experts"
    assert yardstick_of(HYBRID, [game_experts]) is None
    assert yardstick_of(named("labelled", expert="labels", **usual_here), [LABELS]) == "labels_only"


def test_without_an_expert_who_takes_violations_to_be_as_rare_is_held_against_before_the_usual_one() -> None:
    alone = {
        "expert": "none",
        "memory": None,
        "audit": {"policy": "none"},
        "expected_violations_per_1000": 210,
    }
    game_experts = named(
        "game_experts", student="none", audit={"policy": "all"}, expected_violations_per_1000=210
    )

    assert yardstick_of(named("game_alone", **alone), [CAREFUL, game_experts]) == "game_experts"
    assert yardstick_of(named("game_alone", **alone), [CAREFUL]) == "expert_only"


def test_a_model_that_is_shown_other_rules_is_another_expert_and_careful_rules_are_shown_none() -> None:
    assert yardstick_of(named("arena", expert=OTHER, rules="arena"), [STRANGER]) is None
    assert yardstick_of(named("arena", rules="arena"), [CAREFUL]) == "expert_only"


def test_how_hard_an_expert_may_be_asked_makes_it_no_other_judge() -> None:
    patient = named("mine", expert={**OTHER, "concurrency": 2, "timeout_s": 600})

    assert yardstick_of(patient, [STRANGER]) == "a_other"


def test_a_second_expert_only_run_changes_nobody_else_s_agreement() -> None:
    chat = worlds.comments([{} for _ in range(4)])
    plans = ["delete spam", "allow none", "allow none", "ban hate"]
    runs = [
        worlds.run("expert_only", chat, audits=dict(enumerate(plans))),
        worlds.run("hybrid", chat, student=[*plans[:3], "allow none"]),
    ]
    allows = worlds.run("expert_only", chat, audits=dict.fromkeys(range(4), "allow none"))
    other = Run(STRANGER, *(getattr(allows, name) for name in Run.__slots__[1:]))

    before = compare(chat="demo", comments=chat, runs=runs)
    after = compare(chat="demo", comments=chat, runs=[other, *runs])

    for name in ("expert_only", "hybrid"):
        rates = [
            table.filter(config=name).select("system_agreement_rate", "reference_agreement_rate").row(0)
            for table in (before, after)
        ]
        assert rates[0] == rates[1]


def test_it_is_said_who_is_measured_against_whom_where_there_is_a_choice() -> None:
    assert told([CAREFUL, HYBRID]) is None
    said = told([STRANGER, CAREFUL, HYBRID, ALONE])
    assert said is not None
    assert "that of hybrid, student_only against expert_only (careful_rules)" in said
    assert "nobody's against a_other (allows-all)" in said
