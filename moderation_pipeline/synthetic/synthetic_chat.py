"""The synthetic chat: its settings, its records, its file. Same settings and seed, same bytes.

What is said and by whom is data and code of `synthetic/`. Nothing here reads chats: the file that is
written is in the project's own JSONL, so the reader of that format reads it like any other chat.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from moderation_pipeline.plan import Action, Category
from moderation_pipeline.synthetic.library import shipped_library
from moderation_pipeline.synthetic.staging import Show, Spoken
from moderation_pipeline.warehouse.files import replaced_atomically

GENERATOR = 1
"""Raised when code changes what is written; changed YAML files are noticed by themselves."""

STARTS_AT = datetime(2026, 1, 10, 18, tzinfo=UTC)


class SyntheticSettings(BaseModel):
    """What chat is wanted.

    `base_rate` is the share of lines that break a rule (a real stream: 0.002; a demo: 0.15). `personas`
    multiplies how much a persona says, of what it says in its own scenes: `{troll: 2, raider: 0}`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    comments: int = Field(default=2_000, ge=1, le=1_000_000)
    base_rate: float = Field(default=0.15, ge=0, le=0.5)
    seed: int = 7
    channels: tuple[str, ...] = Field(default=("arena", "atelier", "dash"), min_length=1)
    starts_at: AwareDatetime = STARTS_AT
    personas: Mapping[str, float] = {}

    @field_validator("channels")
    @classmethod
    def _channels_exist(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        known = sorted(shipped_library().channels)
        if wrong := [name for name in value if name not in known]:
            raise ValueError(f"there is no channel {wrong[0]!r}. Channels are: {', '.join(known)}")
        if len(set(value)) < len(value):
            raise ValueError("each channel can be named once")
        return value

    @field_validator("personas")
    @classmethod
    def _personas_exist(cls, value: Mapping[str, float]) -> Mapping[str, float]:
        known = sorted(shipped_library().personas)
        if wrong := [name for name in value if name not in known]:
            raise ValueError(f"there is no persona {wrong[0]!r}. Personas are: {', '.join(known)}")
        if any(factor < 0 for factor in value.values()):
            raise ValueError("a persona's factor can't be negative; 0 silences it")
        return value

    @model_validator(mode="after")
    def _someone_is_left(self) -> SyntheticSettings:
        scenes = shipped_library().scenes
        for channel in self.channels:
            here = [scene for scene in scenes if scene.within is None or channel in scene.within]
            spoken = {scene.violates for scene in here if self.personas.get(scene.lead, 1) > 0}
            if False not in spoken or (self.base_rate > 0 and True not in spoken):
                raise ValueError(f"with these factors nobody is left to write in channel {channel!r}")
        return self

    @property
    def settings_hash(self) -> str:
        """Eight hex digits of everything that shapes the bytes: settings, generator, data files."""
        said = {
            "comments": self.comments,
            "base_rate": self.base_rate,
            "seed": self.seed,
            "channels": self.channels,
            "starts_at": self.starts_at.astimezone(UTC).isoformat(),
            "personas": {name: float(factor) for name, factor in self.personas.items()},
            "generator": GENERATOR,
            "library": shipped_library().fingerprint,
        }
        text = json.dumps(said, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


class SyntheticComment(NamedTuple):
    """A record: the columns of the comments table that a source knows."""

    comment_id: str
    channel: str
    user_id: str
    user_name: str
    sent_at: str
    text: str
    is_moderator: bool
    is_broadcaster: bool
    is_subscriber: bool
    is_first_message: bool
    is_emote_only: bool
    reply_to: str | None
    label_action: str
    label_category: str
    label_is_violation: bool
    label_source: str


def generate(settings: SyntheticSettings) -> Iterator[SyntheticComment]:
    """Yield the chat's comments by time. A comment replies only to one before it.

    100,000 take about two seconds of one core; memory doesn't grow with their number.
    """
    prefix = _id_prefix(settings)
    start = settings.starts_at.astimezone(UTC).replace(tzinfo=None)
    done = 0
    for block in spoken_blocks(settings):
        for position, line in enumerate(block, start=done):
            reply_to = None if line.answers is None else f"{prefix}{done + line.answers:07d}"
            yield _record(line, f"{prefix}{position:07d}", reply_to, start)
        done += len(block)


def spoken_blocks(settings: SyntheticSettings) -> Iterator[list[Spoken]]:
    """Yield the chat block by block, with the persona behind each line: what `generate` makes records of."""
    show = Show(
        shipped_library(), settings.channels, settings.personas, settings.base_rate, seed=settings.seed
    )
    return show.blocks(settings.comments)


def _record(line: Spoken, comment_id: str, reply_to: str | None, start: datetime) -> SyntheticComment:
    user = line.user
    is_first = not user.has_spoken
    user.has_spoken = True
    sent_at = start + timedelta(milliseconds=line.at_ms)
    return SyntheticComment(
        comment_id=comment_id,
        channel=line.channel,
        user_id=user.user_id,
        user_name=user.name,
        sent_at=f"{sent_at.isoformat(timespec='milliseconds')}Z",
        text=line.text,
        is_moderator=user.is_moderator,
        is_broadcaster=user.is_broadcaster,
        is_subscriber=user.is_subscriber,
        is_first_message=is_first,
        is_emote_only=line.is_emote_only,
        reply_to=reply_to,
        label_action=(line.label.action if line.label else Action.ALLOW).value,
        label_category=(line.label.category if line.label else Category.NONE).value,
        label_is_violation=line.label is not None,
        label_source="synthetic",
    )


def write_synthetic(path: Path, settings: SyntheticSettings) -> bool:
    """Write the chat as JSONL, unless the file already is this chat; return whether it was written.

    Which chat a file is, its first and last comment_id say: they carry the hash of the settings and the
    position. So a chat folder needs no second file that the sensor would have to know of. A reader never
    sees half a file.
    """
    if _is_written(path, settings):
        return False
    with replaced_atomically(path) as temporary, temporary.open("wb", buffering=1 << 20) as file:
        for comment in generate(settings):
            file.write(orjson.dumps(comment._asdict(), option=orjson.OPT_APPEND_NEWLINE))
    return True


def _id_prefix(settings: SyntheticSettings) -> str:
    return f"syn-{settings.settings_hash}-"


def _is_written(path: Path, settings: SyntheticSettings) -> bool:
    if not path.is_file() or path.stat().st_size == 0:
        return False
    with path.open("rb") as file:
        first = file.readline()
        file.seek(max(0, path.stat().st_size - 16_384))
        last = file.read().rstrip(b"\n").rsplit(b"\n", 1)[-1]
    prefix = _id_prefix(settings)
    return (
        f'"{prefix}{0:07d}"'.encode() in first
        and f'"comment_id":"{prefix}{settings.comments - 1:07d}"'.encode() in last
    )
