"""The grammar of a template: `{slot}`, `{slot*}` (one value for the whole scene), `{2-9}`, `[this|or that|]`.

A backslash before a bracket makes it one that is said.

Parsing and filling only; what a slot means in a scene is said by its `Wording` (`staging`), which words a
slot may hold by `vocabulary.yaml` and the channel's file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.synthetic.dice import Dice


class Slot(NamedTuple):
    """A word to be filled in; `is_shared` keeps the first value for the rest of the scene."""

    name: str
    is_shared: bool


class Number(NamedTuple):
    """A whole number between two others, both included."""

    low: int
    high: int


class Choice(NamedTuple):
    """One of several phrases."""

    options: tuple[Phrase, ...]


Node = str | Slot | Number | Choice
Phrase = tuple[Node, ...]


class PhraseError(ModerationError):
    """A template that the grammar can't read."""

    def __init__(self, template: str, problem: str) -> None:
        super().__init__(
            f"Template {template!r}: {problem}. Allowed are {{slot}}, {{slot*}}, {{2-9}} and [one|other]; "
            "put a backslash before a bracket that is to be said."
        )


class Wording(Protocol):
    """What fills the slots of a scene."""

    dice: Dice

    def word(self, slot: Slot) -> str:
        """Return what the slot says here."""
        ...


_TOKEN = re.compile(r"\\[\[\]{}|]|[\[\]|{}]|[^\[\]|{}\\]+|\\")
_SLOT = re.compile(r"([a-z][a-z0-9_]*)(\*?)")
_NUMBER = re.compile(r"(\d+)-(\d+)")


def parse(template: str) -> Phrase:
    """Return the template as a phrase.

    Raises:
        PhraseError: a bracket without its partner, or a slot that is no name and no range.
    """
    tokens = _TOKEN.findall(template)
    phrase, rest = _sequence(template, tokens, 0, depth=0)
    if rest != len(tokens):
        raise PhraseError(template, f"{tokens[rest]!r} closes nothing")
    return phrase


def _sequence(template: str, tokens: list[str], at: int, *, depth: int) -> tuple[Phrase, int]:
    nodes: list[Node] = []
    while at < len(tokens):
        token = tokens[at]
        if token == "[":
            choice, at = _choice(template, tokens, at + 1, depth=depth + 1)
            nodes.append(choice)
        elif token == "{":
            if tokens[at + 2 : at + 3] != ["}"]:
                raise PhraseError(template, "a '{' is not closed")
            nodes.append(_slot(template, tokens[at + 1]))
            at += 3
        elif token == "]" or token == "}" or (token == "|" and depth):
            break
        else:
            nodes.append(token.removeprefix("\\"))
            at += 1
    return tuple(nodes), at


def _choice(template: str, tokens: list[str], at: int, *, depth: int) -> tuple[Choice, int]:
    options: list[Phrase] = []
    while True:
        option, at = _sequence(template, tokens, at, depth=depth)
        options.append(option)
        if at >= len(tokens) or tokens[at] == "}":
            raise PhraseError(template, "a '[' is not closed")
        at += 1
        if tokens[at - 1] == "]":
            return Choice(tuple(options)), at


def _slot(template: str, inside: str) -> Slot | Number:
    if number := _NUMBER.fullmatch(inside):
        return Number(int(number[1]), int(number[2]))
    if slot := _SLOT.fullmatch(inside):
        return Slot(slot[1], slot[2] == "*")
    raise PhraseError(template, f"{inside!r} is neither a slot nor a range of numbers")


def fill(phrase: Phrase, wording: Wording) -> str:
    """Return the phrase with every slot filled and every choice made."""
    said: list[str] = []
    for node in phrase:
        if type(node) is str:
            said.append(node)
        elif type(node) is Slot:
            said.append(wording.word(node))
        elif type(node) is Choice:
            said.append(fill(wording.dice.pick(node.options), wording))
        elif type(node) is Number:
            said.append(str(wording.dice.between(node.low, node.high)))
    return "".join(said)


def slots(phrase: Phrase) -> Iterator[str]:
    """Yield the name of every slot of the phrase, those inside choices too."""
    for node in phrase:
        if isinstance(node, Slot):
            yield node.name
        elif isinstance(node, Choice):
            for option in node.options:
                yield from slots(option)
