"""The reviewed data of the synthetic chat, read and checked once: personas, conversations, channels, words.

Nothing here draws or talks; that is `staging`. A mistake in a YAML file is a `LibraryError` that names it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.plan import Action, Category
from moderation_pipeline.synthetic.phrases import Phrase, PhraseError, parse, slots
from moderation_pipeline.synthetic.script import Channel, Crowd, Library, Persona, Scene, SpokenLabel, Turn

DATA = Path(str(resources.files("moderation_pipeline.synthetic")))
SPOKEN_BY_THE_SCENE = ("someone", "streamer", "game", "bot")
"""Slots that every scene can fill without a vocabulary."""


class LibraryError(ModerationError):
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


@cache
def shipped_library() -> Library:
    """Return the library that ships with the package."""
    return load_library(DATA / "personas", DATA / "channels")


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
    borrowed = [scene for name, file in parsed.items() for scene in _borrowed(personas[name], file, scenes)]
    talks = [_conversation(scenes_file, entry, personas) for entry in _read(scenes_file, _ScenesFile).scenes]
    everything = (*scenes, *borrowed, *talks)
    for scene in everything:
        _check_slots(scene, channels, personas_folder)
    return Library(
        channels=channels,
        personas=personas,
        scenes=everything,
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
    return Channel(
        name=path.stem,
        streamer=file.streamer,
        game=file.game,
        bot=file.bot,
        share=file.share,
        words=words,
        emotes=_emotes(words),
        charged=_charged(words),
    )


def _emotes(words: Mapping[str, tuple[Phrase, ...]]) -> frozenset[str]:
    said = [str(phrase[0]) for name in words if name.endswith("emote") for phrase in words[name]]
    return frozenset(word for text in said for word in text.split(" "))


def _charged(words: Mapping[str, tuple[Phrase, ...]]) -> frozenset[str]:
    """Return the words that a filter would look for, which evaders disguise first."""
    names = ("charged", "insult_noun", "insult_adj", "despised", "group", "scam_host")
    said = [node for name in names for phrase in words[name] for node in phrase if isinstance(node, str)]
    return frozenset(word for text in said for word in text.split(" ") if len(word) > 2)


def _persona(name: str, file: _PersonaFile) -> Persona:
    return Persona(name, file.crowd, file.subscribers, file.has_voice, evades=bool(file.borrows))


def _label(path: Path, text: str | None) -> SpokenLabel | None:
    if text is None:
        return None
    action, _, category = text.partition(" ")
    try:
        return SpokenLabel(Action(action), Category(category))
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
