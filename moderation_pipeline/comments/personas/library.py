"""The reviewed data of the synthetic chat, read and checked once: personas, conversations, channels, words.

Nothing here draws or talks; that is `staging`. A mistake in a YAML file is a `LibraryError` that names it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from moderation_pipeline.agents.plan import Action, Category
from moderation_pipeline.comments.personas.phrases import Phrase, PhraseError, parse, slots

COMMENTS = Path(str(resources.files("moderation_pipeline.comments")))
SPOKEN_BY_THE_SCENE = ("someone", "streamer", "game", "bot")
"""Slots that every scene can fill without a vocabulary."""

Crowd = Literal["house", "circle", "new", "staff", "streamer", "bot"]


class LibraryError(ValueError):
    """A data file of the synthetic chat that can't be used."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Group(_Closed):
    """Templates of one persona that share a label; `share` is the share of lines they get."""

    share: float = Field(gt=0)
    within: tuple[str, ...] | None = Field(default=None, alias="in")
    label: str | None = None
    circle: str = ""
    say: tuple[str, ...] = Field(min_length=1)


class _PersonaFile(_Closed):
    about: str
    crowd: Crowd
    subscribers: float = Field(default=0, ge=0, le=1)
    has_voice: bool = True
    borrows: Mapping[str, float] = {}
    lines: tuple[_Group, ...] = ()


class _TurnEntry(_Closed):
    """One turn of a conversation, or, with `times`, many people's (`crowd`) or one person's (`flood`)."""

    by: str
    say: tuple[str, ...] = Field(min_length=1)
    to: int | None = Field(default=None, ge=1)
    after_s: tuple[float, float] = (2, 9)
    times: tuple[int, int] = (1, 1)
    how: Literal["crowd", "flood"] = "crowd"
    often: float = Field(default=1, gt=0, le=1)
    label: str | None = None
    has_voice: bool = True


class _SceneEntry(_Closed):
    name: str
    share: float = Field(gt=0)
    within: tuple[str, ...] | None = Field(default=None, alias="in")
    turns: tuple[_TurnEntry, ...] = Field(min_length=1)


class _ScenesFile(_Closed):
    scenes: tuple[_SceneEntry, ...]


class _ChannelFile(_Closed):
    about: str
    streamer: str
    game: str
    bot: str
    share: float = Field(gt=0)
    words: Mapping[str, tuple[str, ...]]


class _VocabularyFile(_Closed):
    words: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Label:
    """Ground truth of a violating line."""

    action: Action
    category: Category


@dataclass(frozen=True, slots=True)
class Persona:
    """A kind of chatter: where its people come from, how they type."""

    name: str
    crowd: Crowd
    subscribers: float
    has_voice: bool

    @property
    def evades(self) -> bool:
        """Whether what it says is disguised."""
        return self.name == "evader"


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of a scene. `answers` is the turn it replies to; `circle` keeps people of one language apart.

    With a voice, the words are said as the speaker types; without, as they are written.
    """

    role: str
    persona: Persona
    phrases: tuple[Phrase, ...]
    label: Label | None = None
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


@dataclass(frozen=True, slots=True)
class Library:
    """Everything there is to say. `fingerprint` changes when any of its files does."""

    channels: Mapping[str, Channel]
    personas: Mapping[str, Persona]
    scenes: tuple[Scene, ...]
    template_count: int
    fingerprint: str


@cache
def shipped_library() -> Library:
    """Return the library that ships with the package."""
    return load_library(COMMENTS / "personas", COMMENTS / "channels")


def load_library(personas_folder: Path, channels_folder: Path) -> Library:
    """Return the library of two folders of YAML.

    Raises:
        LibraryError: a file that is not as its model says, or a template with a slot that nothing fills.
    """
    vocabulary_file = personas_folder / "vocabulary.yaml"
    scenes_file = personas_folder / "conversations.yaml"
    vocabulary = _words(vocabulary_file, _read(vocabulary_file, _VocabularyFile).words)
    channel_files = sorted(channels_folder.glob("*.yaml"))
    persona_files = sorted(set(personas_folder.glob("*.yaml")) - {vocabulary_file, scenes_file})
    channels = {path.stem: _channel(path, vocabulary) for path in channel_files}
    parsed = {path.stem: _read(path, _PersonaFile) for path in persona_files}
    personas = {name: _persona(name, file) for name, file in parsed.items()}
    scenes = [scene for path in persona_files for scene in _one_liners(path, personas, parsed)]
    templates = sum(len(turn.phrases) for scene in scenes for turn in scene.turns)
    borrowed = [scene for name, file in parsed.items() for scene in _borrowed(personas[name], file, scenes)]
    talks = [_conversation(scenes_file, entry, personas) for entry in _read(scenes_file, _ScenesFile).scenes]
    everything = (*scenes, *borrowed, *talks)
    for scene in everything:
        _check_slots(scene, channels, personas_folder)
    return Library(
        channels=channels,
        personas=personas,
        scenes=everything,
        template_count=templates + sum(len(turn.phrases) for scene in talks for turn in scene.turns),
        fingerprint=_fingerprint([vocabulary_file, scenes_file, *channel_files, *persona_files]),
    )


File = TypeVar("File", bound=_Closed)


def _read(path: Path, model: type[File]) -> File:
    # The C loader is eight times faster; PyYAML has it wherever it comes as a wheel.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return model.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=loader))
    except (yaml.YAMLError, ValidationError) as error:
        raise LibraryError(path, str(error)) from None


def _parsed(path: Path, templates: tuple[str, ...]) -> tuple[Phrase, ...]:
    try:
        return tuple(parse(template) for template in templates)
    except PhraseError as error:
        raise LibraryError(path, str(error)) from None


def _words(path: Path, words: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[Phrase, ...]]:
    return {name: _parsed(path, values) for name, values in words.items()}


def _channel(path: Path, vocabulary: Mapping[str, tuple[Phrase, ...]]) -> Channel:
    file = _read(path, _ChannelFile)
    words = {**vocabulary, **_words(path, file.words)}
    for name, phrases in words.items():
        for slot in (slot for phrase in phrases for slot in slots(phrase)):
            if slot not in words and slot not in SPOKEN_BY_THE_SCENE:
                raise LibraryError(path, f"the word {name!r} uses {{{slot}}}, which nothing fills")
    return Channel(path.stem, file.streamer, file.game, file.bot, file.share, words, _emotes(words))


def _emotes(words: Mapping[str, tuple[Phrase, ...]]) -> frozenset[str]:
    said = [str(phrase[0]) for name in words if name.endswith("emote") for phrase in words[name]]
    return frozenset(word for text in said for word in text.split(" "))


def _persona(name: str, file: _PersonaFile) -> Persona:
    return Persona(name, file.crowd, file.subscribers, file.has_voice)


def _label(path: Path, text: str | None) -> Label | None:
    if text is None:
        return None
    action, _, category = text.partition(" ")
    try:
        return Label(Action(action), Category(category))
    except ValueError as error:
        raise LibraryError(path, f"label {text!r}: {error}. Write 'action category'.") from None


def _one_liners(
    path: Path, personas: Mapping[str, Persona], files: Mapping[str, _PersonaFile]
) -> Iterator[Scene]:
    persona = personas[path.stem]
    for number, group in enumerate(files[path.stem].lines, start=1):
        turn = Turn(
            role=persona.name,
            persona=persona,
            phrases=_parsed(path, group.say),
            label=_label(path, group.label),
            has_voice=persona.has_voice,
            circle=group.circle,
        )
        yield Scene(f"{persona.name} {number}", group.share, group.within, (turn,))


def _borrowed(persona: Persona, file: _PersonaFile, scenes: list[Scene]) -> Iterator[Scene]:
    """Yield the violating one-liners of other personas, to be said by one that borrows them."""
    for lender, share in file.borrows.items():
        lent = [scene for scene in scenes if scene.lead == lender and scene.violates]
        total = sum(scene.share for scene in lent)
        for scene in lent:
            turn = scene.turns[0]
            own = Turn(role=persona.name, persona=persona, phrases=turn.phrases, label=turn.label)
            yield Scene(f"{persona.name}: {scene.name}", share * scene.share / total, scene.within, (own,))


def _conversation(path: Path, entry: _SceneEntry, personas: Mapping[str, Persona]) -> Scene:
    turns = []
    for number, turn in enumerate(entry.turns, start=1):
        persona = personas.get(turn.by.rstrip("0123456789"))
        if persona is None:
            raise LibraryError(path, f"scene {entry.name!r}: no persona {turn.by!r}: {', '.join(personas)}")
        if turn.to is not None and turn.to >= number:
            raise LibraryError(path, f"scene {entry.name!r}: turn {number} can't reply to turn {turn.to}")
        turns.append(
            Turn(
                role=turn.by,
                persona=persona,
                phrases=_parsed(path, turn.say),
                label=_label(path, turn.label),
                answers=None if turn.to is None else turn.to - 1,
                after_s=turn.after_s,
                times=turn.times,
                is_flood=turn.how == "flood",
                often=turn.often,
                has_voice=turn.has_voice and persona.has_voice,
            )
        )
    return Scene(entry.name, entry.share, entry.within, tuple(turns))


def _check_slots(scene: Scene, channels: Mapping[str, Channel], folder: Path) -> None:
    heard: set[str] = set()
    for turn in scene.turns:
        heard.add(turn.role)
        used = {slot for phrase in turn.phrases for slot in slots(phrase)}
        for name in scene.within or channels:
            if name not in channels:
                raise LibraryError(
                    folder, f"scene {scene.name!r}: no channel {name!r}: {', '.join(channels)}"
                )
            missing = sorted(used - heard - set(SPOKEN_BY_THE_SCENE) - set(channels[name].words))
            if missing:
                raise LibraryError(
                    folder, f"scene {scene.name!r}: in channel {name!r} nothing fills {{{missing[0]}}}"
                )


def _fingerprint(paths: list[Path]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(paths, key=lambda path: path.name):
        digest.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()
