"""What people wrote (configs, sanctions, rules, prices), as one text that goes with a run to another machine.

Named by its content, so that a run says what it was asked for by, and two runs on one worker may have two of them.
The secret of audits goes along: draws of two machines must be the same (law 1). How it gets there is
`defs/home/sent_settings.py`'s.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.chance_secret import chance_secret
from moderation_pipeline.warehouse.folder import DataFolder


class Settings(NamedTuple):
    """The files, as JSON text by their paths, and sixteen hex digits of it."""

    version: str
    content: str


class ForeignSettingsError(ModerationError):
    """A text under the name of settings that it is not."""

    def __init__(self, version: str) -> None:
        super().__init__(
            f"The settings {version} of this run are not what was sent with it. Ask for the run once more; where that "
            "ends alike, somebody else writes into the shared store."
        )


def packed(folder: DataFolder) -> Settings:
    """Return what people wrote in a data folder."""
    chance_secret(folder)  # before the first worker makes one of its own
    files = {path.relative_to(folder.settings).as_posix(): path.read_text("utf-8") for path in _files(folder)}
    content = json.dumps(files, ensure_ascii=False, sort_keys=True)
    return Settings(version_of(content), content)


def unpacked(settings: Settings, at: Path) -> Path:
    """Return a folder with the files, below `at`; whole or not at all, and written once.

    Raises:
        ForeignSettingsError: the content is another one's.
    """
    if version_of(settings.content) != settings.version:
        raise ForeignSettingsError(settings.version)
    place = at / settings.version
    if place.exists():
        return place
    beside = at / f".{settings.version}.{uuid4().hex}"
    for name, text in json.loads(settings.content).items():
        path = (beside / name).resolve()
        if not path.is_relative_to(beside.resolve()):
            raise ForeignSettingsError(settings.version)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    try:
        os.rename(beside, place)
    except OSError:  # another run of this machine was first
        shutil.rmtree(beside, ignore_errors=True)
    return place


def _files(folder: DataFolder) -> Iterator[Path]:
    for place, endings in (
        (folder.configs, ("yaml", "yml")),
        (folder.sanctions, ("yaml",)),
        (folder.rules, ("md",)),
    ):
        for ending in endings:
            yield from (path for path in place.glob(f"*.{ending}") if path.is_file())
    yield from (path for path in (folder.prices, folder.chance_secret) if path.is_file())


def version_of(content: str) -> str:
    """Return sixteen hex digits of the text of settings."""
    return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()
