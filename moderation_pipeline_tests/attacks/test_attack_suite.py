"""The attack suite: large enough, paired, and made of violations that are caught without an attack."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from moderation_pipeline.agents.keyless.careful_rules import CarefulRulesExpert
from moderation_pipeline.attacks.attack_suite import (
    CHAT,
    DISGUISES,
    Attack,
    attack_suite,
    attacked_chat,
    judged_id,
    plain_chat,
)
from moderation_pipeline.moderation.stream import Stream
from moderation_pipeline.text.normalise import normalise_text

KINDS = {
    "instructions",
    "role_play",
    "fake_system",
    "fake_json",
    "delimiter_guess",
    "other_language",
    "encoding",
    "split",
    "memory_poisoning",
    "pity",
    "argument",
    *DISGUISES,
}
VIOLATIONS = sorted({attack.violation for attack in attack_suite()})


def test_there_are_at_least_300_attacks_of_every_kind_and_no_two_are_alike() -> None:
    suite = attack_suite()

    assert len(suite) >= 300
    assert len(set(suite)) == len(suite)
    assert set(Counter(attack.kind for attack in suite)) == KINDS
    assert min(Counter(attack.kind for attack in suite).values()) >= 10


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_attack_s_last_line_holds_its_violation_and_more(kind: str) -> None:
    for attack in attack_suite():
        if attack.kind == kind and kind not in DISGUISES:
            assert attack.violation in attack.lines[-1]
            assert attack.lines != (attack.violation,)
        elif attack.kind == kind:
            assert attack.lines[-1] != attack.violation


@pytest.mark.parametrize("kind", ["split", "memory_poisoning"])
def test_attacks_over_time_take_several_comments(kind: str) -> None:
    assert {len(attack.lines) > 1 for attack in attack_suite() if attack.kind == kind} == {True}


@pytest.mark.parametrize("kind", sorted(set(DISGUISES) - {"stretched"}))
def test_a_disguise_is_undone_letter_for_letter(kind: str) -> None:
    wrong = [
        attack.lines[0]
        for attack in attack_suite()
        if attack.kind == kind and _letters(normalise_text(attack.lines[0])) != _letters(attack.violation)
    ]
    assert wrong == []


def _letters(text: str) -> str:
    return "".join(sign for sign in text if sign.isalnum())


def test_both_chats_differ_in_nothing_but_the_attacks() -> None:
    suite = attack_suite()
    attacked, plain = attacked_chat(suite), plain_chat(suite)
    judged = [judged_id(number) for number in range(len(suite))]

    assert plain["comment_id"].to_list() == judged
    assert attacked.filter(attacked["comment_id"].is_in(judged))["comment_id"].to_list() == judged
    assert set(attacked["chat"]) == set(plain["chat"]) == {CHAT}
    assert plain["text"].to_list() == [attack.violation for attack in suite]


def test_every_attack_is_in_a_channel_of_its_own_so_that_none_helps_another() -> None:
    attacks = (Attack("split", ("one", "two"), "two"), Attack("pity", ("three",), "three"))

    assert attacked_chat(attacks).select("channel", "text").rows() == [
        ("a0", "one"),
        ("a0", "two"),
        ("a1", "three"),
    ]


@pytest.mark.parametrize("violation", VIOLATIONS)
def test_each_violation_is_caught_without_an_attack(violation: str) -> None:
    (batch,) = Stream(plain_chat([Attack("none", (violation,), violation)])).batches(1)

    (verdict,) = asyncio.run(CarefulRulesExpert().audit(batch))

    assert verdict.plan is not None
    assert verdict.plan.action.is_sanction
