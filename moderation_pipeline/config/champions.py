"""Which config a channel or a chat is moderated under where settings say `champion`: data/champions.yaml, kept whole.

A promotion is an entry more, none is ever changed, so that the file says who promoted what, when and why. Whether one
may be is `terminal/questions/promoting.py`'s to find out; here it is written and read.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import yaml
from pydantic import Field

from moderation_pipeline.config.run_config import DEFAULT_CONFIG
from moderation_pipeline.config.yaml_model import Closed, read_closed
from moderation_pipeline.warehouse.files import replaced_atomically
from moderation_pipeline.warehouse.folder import DataFolder

CHAMPION = "champion"
"""What stands for a chat's champion wherever a config may be named."""

Scope = Literal["chat", "channel"]


class Promotion(Closed):
    """A config that was made the champion of a chat or of a channel."""

    scope: Scope
    """Whether `name` is a chat or a channel."""
    name: str
    """The chat or channel."""
    config: str
    """The config that moderates it from then on."""
    config_hash: str
    """The config as it was."""
    instead_of: str
    """The champion until then."""
    promoted_at: datetime
    """When."""
    by: str
    """Who."""
    why: str
    """What the comparison said, in a sentence."""
    accepted: str = ""
    """The reason for which it was promoted though the comparison spoke against it."""


class Champions(Closed):
    """All promotions, the oldest first."""

    promotions: tuple[Promotion, ...] = Field(default=())

    def of(self, scope: Scope, name: str) -> str | None:
        """Return the champion of a chat or of a channel; null where none was promoted."""
        found = [each.config for each in self.promotions if (each.scope, each.name) == (scope, name)]
        return found[-1] if found else None

    def of_chat(self, chat: str, channels: Iterable[str]) -> str:
        """Return the config of a chat: its own champion, else that of its channels where they have one and the same."""
        own = self.of("chat", chat)
        theirs = {self.of("channel", channel) for channel in channels}
        shared = theirs.pop() if len(theirs) == 1 else None
        return own or shared or DEFAULT_CONFIG


def champions(folder: DataFolder) -> Champions:
    """Return what data/champions.yaml says; nothing where there is none.

    Raises:
        ConfigError: the file is no YAML mapping, or a key or value is not allowed.
    """
    return read_closed(Champions, folder.champions) if folder.champions.exists() else Champions()


def promoted(folder: DataFolder, promotion: Promotion) -> Champions:
    """Write one promotion more, and return all of them."""
    from filelock import FileLock  # here, for it brings asyncio into commands that only look

    folder.root.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.champions.with_name(f".{folder.champions.name}.lock")):
        now = Champions(promotions=(*champions(folder).promotions, promotion))
        with replaced_atomically(folder.champions) as temporary:
            temporary.write_text(_written(now), "utf-8")
    return now


def _written(all_of_them: Champions) -> str:
    entries = [each.model_dump(mode="json", exclude_defaults=True) for each in all_of_them.promotions]
    return yaml.safe_dump({"promotions": entries}, sort_keys=False, allow_unicode=True)
