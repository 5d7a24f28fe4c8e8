"""The reviewed data: deep, labelled in the house's words, every slot filled; and mistakes are named."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from moderation_pipeline.plan import Action, Category
from moderation_pipeline.synthetic.library import DATA, LibraryError, load_library, shipped_library
from moderation_pipeline.synthetic.phrases import Phrase

LIBRARY = shipped_library()
RULES = DATA.parent / "defaults" / "rules"


def every_template() -> set[Phrase]:
    """The distinct templates; those the evaders borrow are counted once."""
    return {phrase for scene in LIBRARY.scenes for turn in scene.turns for phrase in turn.phrases}


def copy_of_the_data(folder: Path) -> Path:
    for name in ("personas", "channels"):
        shutil.copytree(DATA / name, folder / name, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return folder


def changed(folder: Path, file: str, before: str, after: str) -> Path:
    path = copy_of_the_data(folder) / file
    text = path.read_text(encoding="utf-8")
    assert before in text, "the test changes something that is there"
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    return folder


def load(folder: Path) -> None:
    load_library(folder / "personas", folder / "channels")


def test_there_are_a_few_hundred_templates_of_each_kind() -> None:
    assert len(every_template()) >= 600
    violating = {p for scene in LIBRARY.scenes for turn in scene.turns if turn.label for p in turn.phrases}
    assert len(violating) >= 200


def test_the_personas_are_those_that_the_project_promises() -> None:
    assert set(LIBRARY.personas) >= {
        "regular", "newcomer", "backseater", "troll", "spammer", "raider", "bot", "self_promoter",
        "distressed", "non_english", "evader", "trickster",
    }  # fmt: skip


def test_at_least_ten_languages_are_spoken() -> None:
    circles = {turn.circle for scene in LIBRARY.scenes for turn in scene.turns}
    assert len(circles - {""}) >= 10


def test_every_category_has_templates() -> None:
    categories = Counter(
        turn.label.category
        for scene in LIBRARY.scenes
        for turn in scene.turns
        if turn.label
        for _ in turn.phrases
    )
    assert set(categories) == set(Category) - {Category.NONE}
    assert min(categories.values()) >= 8


def test_a_violation_is_never_labelled_allow_and_only_need_is_answered() -> None:
    labels = {turn.label for scene in LIBRARY.scenes for turn in scene.turns if turn.label}
    assert all(label.action is not Action.ALLOW for label in labels)
    assert {label.category for label in labels if label.action is Action.REPLY} == {Category.SELF_HARM}
    assert {label.action for label in labels if label.category is Category.SELF_HARM} == {Action.REPLY}


@pytest.mark.parametrize("channel", sorted(LIBRARY.channels))
def test_every_channel_has_numbered_rules_for_every_category(channel: str) -> None:
    text = (RULES / f"{channel}.md").read_text(encoding="utf-8")
    numbers = [int(number) for number in re.findall(r"^(\d+)\. \*\*", text, flags=re.MULTILINE)]
    assert numbers == list(range(1, 9))
    assert set(re.findall(r"\(`(\w+)`\)", text)) == set(Category) - {Category.NONE}


def test_only_dash_forbids_what_its_rules_forbid() -> None:
    forbidden = [
        scene
        for scene in LIBRARY.scenes
        if scene.lead in ("backseater", "newcomer") and scene.violates and len(scene.turns) == 1
    ]
    assert forbidden
    assert all(scene.within == ("dash",) for scene in forbidden)


def test_the_fingerprint_changes_with_any_file(tmp_path: Path) -> None:
    before = load_library(DATA / "personas", DATA / "channels").fingerprint
    for number, file in enumerate(["personas/troll.yaml", "channels/dash.yaml", "personas/vocabulary.yaml"]):
        folder = copy_of_the_data(tmp_path / str(number))
        with (folder / file).open("a", encoding="utf-8") as opened:
            opened.write("\n# a word more\n")
        assert load_library(folder / "personas", folder / "channels").fingerprint != before


@pytest.mark.parametrize(
    ("file", "before", "after", "complaint"),
    [
        ("personas/troll.yaml", "crowd:", "crowds:", "crowds"),
        ("personas/troll.yaml", "label: delete harassment", "label: delete rudeness", "rudeness"),
        ("personas/troll.yaml", "{topic} is boring", "{topik} is boring", "topik"),
        ("personas/troll.yaml", "{topic} is boring", "{topic is boring", "not closed"),
        ("personas/conversations.yaml", "{by: newcomer, say", "{by: newcommer, say", "newcommer"),
        ("personas/conversations.yaml", "to: 1", "to: 9", "can't reply to turn 9"),
        ("personas/conversations.yaml", "in: [arena, dash]", "in: [arena, dish]", "dish"),
        ("channels/arena.yaml", "{agent} main", "{agend} main", "agend"),
        ("channels/arena.yaml", "share: 5", "share: -5", "share"),
        ("personas/bot.yaml", "about:", "\tabout:", "bot.yaml"),
    ],
)
def test_a_mistake_names_its_file_and_itself(
    tmp_path: Path, file: str, before: str, after: str, complaint: str
) -> None:
    folder = changed(tmp_path, file, before, after)
    with pytest.raises(LibraryError, match=re.escape(complaint)) as refused:
        load(folder)
    assert str(folder) in str(refused.value)


def test_who_evades_is_said_in_the_personas_file(tmp_path: Path) -> None:
    assert [name for name, persona in LIBRARY.personas.items() if persona.evades] == ["evader"]
    folder = changed(tmp_path, "personas/troll.yaml", "crowd: circle", "crowd: circle\nborrows: {spammer: 1}")
    assert load_library(folder / "personas", folder / "channels").personas["troll"].evades
