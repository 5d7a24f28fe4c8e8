"""Which room a file of a chat is of, where only its name tells: `#room.log`, `room-2024-03-30.log`.

Whoever is put out of one room may have written something fine in another, so rooms must not be one. What a log says
itself goes before its name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

import polars as pl

from moderation_pipeline.comments.readers.log_clock import NAMED_DAY
from moderation_pipeline.comments.record import Act, Chunk

MARKED = re.compile(r"#+(\w[\w-]*)")
AROUND = "-_. "


def room_of(name: str) -> str | None:
    """Return the room that a file's name and folder in a chat tell; None where they tell none."""
    path = PurePath(name)
    base, days = NAMED_DAY.subn("", path.name)
    if (marked := MARKED.search(base)) is not None:
        return marked[1].strip(AROUND).lower() or None
    if not days:
        return None
    rest = base.split(".")[0].strip(AROUND) or path.parent.name.lstrip("#").strip(AROUND)
    return rest.lower() or None


def rooms_of(names: Sequence[str]) -> dict[str, str | None]:
    """Return each file's room, where they are of several; files of one room are the chat, whatever they are called."""
    rooms = {name: room_of(name) for name in names}
    is_of_several = len({*rooms.values()} - {None}) > 1
    return rooms if is_of_several else dict.fromkeys(names)


def in_room(chunk: Chunk, room: str) -> Chunk:
    """Return what was read, in that room where it is in none."""
    if chunk.comments["channel"].null_count():
        chunk.comments = chunk.comments.with_columns(pl.col("channel").fill_null(room))
    chunk.acts = [placed._replace(act=_act_in(placed.act, room)) for placed in chunk.acts]
    return chunk


def _act_in(act: Act, room: str) -> Act:
    return act if act.channel is not None else act._replace(channel=room)
