"""Scenes: conversations hang together, raids are bursts, the mix and the base rate are what was asked for."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise

import pytest

from moderation_pipeline.synthetic.evasion import TAG, ZERO_WIDTH
from moderation_pipeline.synthetic.library import shipped_library
from moderation_pipeline.synthetic.staging import Spoken
from moderation_pipeline.synthetic.synthetic_chat import SyntheticSettings, spoken_blocks


@cache
def spoken(comments: int = 10_000, base_rate: float = 0.15) -> list[list[Spoken]]:
    return list(spoken_blocks(SyntheticSettings(comments=comments, base_rate=base_rate)))


def lines(comments: int = 10_000, base_rate: float = 0.15) -> list[Spoken]:
    return [line for block in spoken(comments, base_rate) for line in block]


def test_every_persona_speaks_in_the_default_chat() -> None:
    assert {line.persona for line in lines(2_000)} == set(shipped_library().personas)


def test_every_persona_that_can_violate_does_in_the_default_chat() -> None:
    violating = {line.persona for line in lines(2_000) if line.label}
    able = {t.persona.name for scene in shipped_library().scenes for t in scene.turns if t.label}
    assert violating == able


def test_trolls_and_tricksters_are_not_told_by_who_they_are_alone() -> None:
    for persona in ("troll", "trickster", "evader", "self_promoter", "distressed", "regular", "non_english"):
        own = [line.label is None for line in lines() if line.persona == persona]
        assert 0.05 < sum(own) / len(own) < 0.99, persona


def test_an_answer_comes_after_what_it_answers_and_from_somebody_else() -> None:
    answers = 0
    for block in spoken():
        for position, line in enumerate(block):
            if line.answers is not None:
                answered = block[line.answers]
                assert line.answers < position
                assert answered.channel == line.channel
                assert answered.user is not line.user
                answers += 1
    assert answers > 500


def test_questions_are_answered_about_what_was_asked() -> None:
    # Commands are the plainest case: the bot's answer names the command and the one who asked.
    answered = [
        (block[line.answers], line)
        for block in spoken()
        for line in block
        if line.persona == "bot" and line.answers is not None and block[line.answers].persona == "newcomer"
    ]
    assert len(answered) > 20
    assert all(said.text.startswith(f"@{asked.user.name} ") for asked, said in answered)
    commands = [re.search(r"!(\w+)", asked.text) for asked, _ in answered]
    assert all(
        command is not None and command[1].lower() in said.text
        for command, (_, said) in zip(commands, answered, strict=True)
    )


def test_a_hostile_raid_is_a_burst_of_many_people_in_one_channel() -> None:
    # Raids are found as they would be in a log: hostile lines of raiders, cut where half a minute is silent.
    raid_lines = [line for line in lines() if line.persona == "raider" and line.label]
    raids: list[list[Spoken]] = []
    for channel in {line.channel for line in raid_lines}:
        own = [line for line in raid_lines if line.channel == channel]
        raids.append([own[0]])
        for before, after in pairwise(own):
            if after.at_ms - before.at_ms > 30_000:
                raids.append([])
            raids[-1].append(after)
    assert len(raids) >= 3
    for raid in raids:
        assert len(raid) >= 8
        assert len({line.user.user_id for line in raid}) >= 0.9 * len(raid)


def test_a_wave_makes_a_channel_faster_than_it_usually_is() -> None:
    times = [line.at_ms for line in lines() if line.channel == "arena"]
    gaps = sorted(after - before for before, after in pairwise(times))
    mean = sum(gaps) / len(gaps)
    # Lines that came one by one would have a median gap of 0.69 times the mean.
    assert gaps[len(gaps) // 2] < 0.6 * mean


def test_a_flood_is_one_persons_copies() -> None:
    copies: Counter[tuple[str, str]] = Counter()
    for line in lines():
        if line.persona == "spammer":
            copies[line.user.user_id, line.text] += 1
    assert max(copies.values()) >= 5


def test_evaders_use_every_kind_of_disguise() -> None:
    said = [line.text for line in lines() if line.persona == "evader" and line.label]
    assert sum(TAG in text for text in said) > 5
    assert sum(any(char in text for char in ZERO_WIDTH) for text in said) > 5
    assert sum(any("Ѐ" <= char <= "ӿ" for char in text) for text in said) > 5
    assert sum(any("！" <= char <= "～" for char in text) for text in said) > 2
    assert sum(re.search(r"\b[a-z]([ ._*-][a-z]){4}", text) is not None for text in said) > 5
    assert sum(re.search(r"[a-z][01345!7]+[a-z]", text) is not None for text in said) > 5
    assert sum(re.search(r"([a-z])\1{3}", text) is not None for text in said) > 5


def test_invisible_tags_are_in_innocent_lines_too() -> None:
    assert sum(TAG in line.text for line in lines() if not line.label) > 10


@pytest.mark.parametrize("word", ["kill", "idiot", "trash", "hate", "die", "clown", "shoot"])
def test_words_that_hurt_are_in_innocent_lines_too(word: str) -> None:
    innocent = [line.text for line in lines(30_000) if not line.label and word in line.text.lower()]
    assert len(set(innocent)) >= 5


def test_backseating_is_a_violation_in_dash_alone() -> None:
    labels = defaultdict(set)
    for line in lines():
        if line.persona == "backseater":
            labels[line.channel].add(line.label is not None)
    assert labels == {"arena": {False}, "atelier": {False}, "dash": {False, True}}


def test_a_persona_can_be_silenced_or_made_to_talk_more() -> None:
    def said(factor: float) -> int:
        settings = SyntheticSettings(comments=4_000, personas={"trickster": factor})
        return sum(line.persona == "trickster" for block in spoken_blocks(settings) for line in block)

    assert said(0) == 0
    assert said(4) > 2 * said(1)


def test_a_mix_of_raids_alone_is_played_though_none_fits() -> None:
    shipped = shipped_library()
    silent = {scene.lead: 0.0 for scene in shipped.scenes if scene.violates and scene.lead != "raider"}
    settings = SyntheticSettings(comments=300, base_rate=0.01, personas=silent)
    made = [line for block in spoken_blocks(settings) for line in block]
    assert len(made) == 300
    assert {line.persona for line in made if line.label} <= {"raider"}


@pytest.mark.parametrize("base_rate", [0.005, 0.02, 0.3])
def test_raids_happen_at_any_base_rate(base_rate: float) -> None:
    made = lines(40_000, base_rate)
    raiders = sum(line.persona == "raider" and line.label is not None for line in made)
    assert 0.03 < raiders / sum(line.label is not None for line in made) < 0.3
