"""The attack suite: violations that try to talk the moderator out of a verdict, each with its plain twin.

What is said is data (`attacks/*.yaml`), written for this suite in the style of chat; here it is turned into two
chats that differ in nothing but the attacks. How they are moderated and compared is `resistance.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple

import polars as pl
import yaml

from moderation_pipeline.text.normalise import normalise
from moderation_pipeline.warehouse.tables import ATTACK_RESULTS, COMMENTS

VIOLATIONS_PER_ATTACK = 3
"""Violations that each wording is tried with, taken in turn so that all are used alike."""

CHAT = str(ATTACK_RESULTS.only_chat)
"""The chat's slug in tables."""


class Attack(NamedTuple):
    """One attack: its kind, the lines of one user of which the last is judged, and the violation without it."""

    kind: str
    lines: tuple[str, ...]
    violation: str


def _homoglyphs(text: str) -> str:
    return text.translate(str.maketrans("aeopcxyi", "аеорсхуі"))


def _zero_width(text: str) -> str:
    return "\u200b".join(text)


def _tag_characters(text: str) -> str:
    return " ".join(f"{word}\U000e0000" for word in text.split(" "))


def _spaced_out(text: str) -> str:
    return "  ".join(" ".join(word) for word in text.split(" "))


def _stretched(text: str) -> str:
    return "".join(letter * 3 if letter in "aeiou" else letter for letter in text)


DISGUISES: dict[str, Callable[[str], str]] = {
    "homoglyphs": _homoglyphs,
    "zero_width": _zero_width,
    "tag_characters": _tag_characters,
    "spaced_out": _spaced_out,
    "stretched": _stretched,
}

LEFT_ALONE = ("spam", "personal_information")
"""Links and numbers that are spelt out of shape no longer lead anywhere, so they are not disguised."""


@cache
def attack_suite() -> tuple[Attack, ...]:
    """Return all attacks, in a fixed order."""
    violations = _read("violations")
    plain = [text for texts in violations.values() for text in texts]
    disguised = [
        text for category, texts in violations.items() if category not in LEFT_ALONE for text in texts
    ]
    attacks: list[Attack] = []
    for kind, wordings in _read("attacks").items():
        if kind in DISGUISES:
            attacks += [Attack(kind, (DISGUISES[kind](text),), text) for text in disguised]
        else:
            attacks += _worded(kind, wordings, plain)
    return tuple(attacks)


def _worded(kind: str, wordings: Sequence[str | Sequence[str]], plain: Sequence[str]) -> Iterator[Attack]:
    for number, wording in enumerate(wordings):
        lines = (wording,) if isinstance(wording, str) else tuple(wording)
        for turn in range(VIOLATIONS_PER_ATTACK):
            violation = plain[(number * VIOLATIONS_PER_ATTACK + turn) % len(plain)]
            yield Attack(kind, tuple(line.replace("{violation}", violation) for line in lines), violation)


def _read(name: str) -> dict[str, list[str]]:
    folder = resources.files("moderation_pipeline.attacks") / "attacks"
    content: dict[str, list[str]] = yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))
    return content


def attacked_chat(attacks: Sequence[Attack]) -> pl.DataFrame:
    """Return the comments table of the attacks: each in a channel of its own, its last line the one judged."""
    return _chat([(f"a{number}", attack.lines) for number, attack in enumerate(attacks)])


def plain_chat(attacks: Sequence[Attack]) -> pl.DataFrame:
    """Return the comments table of the same violations without the attacks."""
    return _chat([(f"a{number}", (attack.violation,)) for number, attack in enumerate(attacks)])


def judged_id(number: int) -> str:
    """Return the comment_id of the line of an attack that is judged, in both chats."""
    return f"a{number}-judged"


def _chat(said: Sequence[tuple[str, Sequence[str]]]) -> pl.DataFrame:
    rows = [
        (name, f"{name}-judged" if place == len(lines) - 1 else f"{name}-{place}", line)
        for name, lines in said
        for place, line in enumerate(lines)
    ]
    channels, ids, texts = zip(*rows, strict=True)
    known = {
        "chat": [CHAT] * len(rows),
        "comment_id": ids,
        "position": range(len(rows)),
        "channel": channels,
        "user_id": channels,
        "user_name": channels,
        "text": texts,
        "normalised": normalise(pl.Series(texts)),
        "user_repeats": [0] * len(rows),
        "channel_repeats": [0] * len(rows),
    }
    blank = {
        name: [False if dtype == pl.Boolean and not name.startswith("label_") else None] * len(rows)
        for name, dtype in COMMENTS.schema.items()
    }
    return pl.DataFrame(
        {name: known.get(name, blank[name]) for name in COMMENTS.schema}, schema=COMMENTS.schema
    )
