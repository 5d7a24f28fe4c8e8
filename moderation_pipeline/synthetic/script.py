"""What there is to say in a synthetic chat, as values: personas, turns, scenes, channels.

They are read from YAML by `library` and played by `staging`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from moderation_pipeline.plan import Action, Category
from moderation_pipeline.synthetic.phrases import Phrase

Crowd = Literal["house", "circle", "new", "staff", "streamer", "bot"]
"""Where its people come from: the regulars, a few who come back, somebody new, or the channel's own."""

BURST = 5
"""Violating lines from which on a scene is a burst, which is planned for rather than stumbled upon."""


@dataclass(frozen=True, slots=True)
class SpokenLabel:
    """Ground truth of a violating line."""

    action: Action
    category: Category


@dataclass(frozen=True, slots=True)
class Persona:
    """A kind of chatter: where its people come from, how they type. Who evades says others' lines, disguised."""

    name: str
    crowd: Crowd
    subscribers: float
    has_voice: bool
    evades: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of a scene. `answers` is the turn it replies to; `circle` keeps people of one language apart.

    With a voice, the words are said as the speaker types; without, as they are written.
    """

    role: str
    persona: Persona
    phrases: tuple[Phrase, ...]
    label: SpokenLabel | None = None
    answers: int | None = None
    after_s: tuple[float, float] = (0, 0)
    times: tuple[int, int] = (1, 1)
    is_flood: bool = False
    often: float = 1.0
    has_voice: bool = True
    circle: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is said together: one line, a conversation, a wave or a raid."""

    name: str
    share: float
    within: tuple[str, ...] | None
    turns: tuple[Turn, ...]

    @property
    def violates(self) -> bool:
        """Whether any of its lines breaks a rule."""
        return any(turn.label for turn in self.turns)

    @property
    def least_violations(self) -> int:
        """The violating lines without which it would not be the scene it is."""
        return sum(turn.times[0] for turn in self.turns if turn.label)

    @property
    def is_burst(self) -> bool:
        """Whether it is a raid rather than somebody's lapse."""
        return self.least_violations >= BURST

    @property
    def lead(self) -> str:
        """The persona whose scene it is: the first that violates, else the first that speaks."""
        return next((turn for turn in self.turns if turn.label), self.turns[0]).persona.name

    @property
    def expected_lines(self) -> float:
        """The lines it has on average, counted towards its share: the violating ones if it has any."""
        counted = [turn for turn in self.turns if turn.label or not self.violates]
        return sum(turn.often * sum(turn.times) / 2 for turn in counted)


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel: who streams what, and its own words; its rules are in `defaults/rules/<name>.md`."""

    name: str
    streamer: str
    game: str
    bot: str
    share: float
    words: Mapping[str, tuple[Phrase, ...]]
    emotes: frozenset[str]
    charged: frozenset[str]


@dataclass(frozen=True, slots=True)
class Library:
    """Everything there is to say. `fingerprint` changes when any of its files does."""

    channels: Mapping[str, Channel]
    personas: Mapping[str, Persona]
    scenes: tuple[Scene, ...]
    fingerprint: str
