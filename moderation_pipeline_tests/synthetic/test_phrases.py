"""The grammar of templates: what can be written, what is said, what is refused."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.synthetic.dice import Dice
from moderation_pipeline.synthetic.phrases import PhraseError, Slot, fill, parse, slots


@dataclass
class Words:
    """Fills every slot with its name in capitals, so that the text shows what was asked."""

    dice: Dice = field(default_factory=lambda: Dice(1))
    asked: list[Slot] = field(default_factory=list)

    def word(self, slot: Slot) -> str:
        self.asked.append(slot)
        return slot.name.upper()


@pytest.mark.parametrize(
    ("template", "allowed"),
    [
        ("gg", {"gg"}),
        ("nice {thing}!", {"nice THING!"}),
        ("[W|L]", {"W", "L"}),
        ("oh[ no|]", {"oh no", "oh"}),
        ("[a {x}|b [c|d]]", {"a X", "b c", "b d"}),
        ("{2-4}", {"2", "3", "4"}),
        (r"\{0\} \[x\](y)", {"{0} [x](y)"}),
        ("a | b", {"a | b"}),
        ("back\\slash", {"backslash"}),
    ],
)
def test_a_template_says_all_of_what_it_allows_and_nothing_else(template: str, allowed: set[str]) -> None:
    phrase = parse(template)
    words = Words()
    assert {fill(phrase, words) for _ in range(200)} == allowed


def test_a_starred_slot_is_shared() -> None:
    words = Words()
    fill(parse("{topic*} {topic}"), words)
    assert words.asked == [Slot("topic", is_shared=True), Slot("topic", is_shared=False)]


@pytest.mark.parametrize(
    "template", ["[open", "shut]", "{open", "shut}", "{}", "{No}", "{a b}", "[a|{b]", "{2-}"]
)
def test_a_broken_template_is_refused_by_name(template: str) -> None:
    with pytest.raises(PhraseError, match="Template") as refused:
        parse(template)
    assert repr(template) in str(refused.value)


def test_slots_inside_choices_are_found() -> None:
    assert list(slots(parse("{a} [b {c}|[{d}|e]] {2-3}"))) == ["a", "c", "d"]


@given(st.text(alphabet=st.characters(blacklist_characters="[]{}|\\", blacklist_categories=["Cs"])))
def test_text_without_brackets_is_said_as_it_is(text: str) -> None:
    assert fill(parse(text), Words()) == text
