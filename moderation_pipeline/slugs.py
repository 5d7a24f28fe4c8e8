"""Names of chats and configs, and of runs: partition keys, file names and URLs at once, hence a narrow alphabet."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from moderation_pipeline.errors import ModerationError

SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
SLUG_RULE = "lower-case letters, digits, '-' and '_', beginning with a letter or digit, 64 characters at most"


class BadSlugError(ModerationError):
    """A name that is no slug, and can't be a partition key or a file name."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{what} name {name!r} is not allowed. Allowed: {SLUG_RULE}. Try {slugify(name)!r}.")


def check_slug(name: str, what: str) -> str:
    """Return `name` if it is a slug, else raise BadSlugError; `what` is what it names ("Chat", "Config")."""
    if SLUG.fullmatch(name) is None:
        raise BadSlugError(name, what)
    return name


class RunKey(NamedTuple):
    """A run: one chat moderated under one config. It reads "chat|config", as its partition does."""

    chat: str
    config: str

    def __str__(self) -> str:
        return "|".join(self)

    @classmethod
    def parse(cls, text: str) -> RunKey:
        """Return the run that "chat|config" names.

        Raises:
            ValueError: it names none; the message says how it should.
            BadSlugError: one of the names is no slug.
        """
        chat, bar, config = text.partition("|")
        if not bar:
            raise ValueError("must name another chat's run as 'chat|config'")
        return cls(check_slug(chat, "Chat"), check_slug(config, "Config"))


class VersionedRun(NamedTuple):
    """A run of these very comments under this very config: what is bought for it is of no use to another."""

    chat: str
    config: str
    comments_version: str
    config_hash: str

    def __str__(self) -> str:
        return "|".join(self)

    @classmethod
    def parse(cls, text: str) -> VersionedRun:
        """Return the run that was written so."""
        return cls(*text.split("|"))

    @property
    def key(self) -> RunKey:
        """The run, whatever its versions."""
        return RunKey(self.chat, self.config)


def slugify(name: str) -> str:
    """Return the slug nearest to `name`: accents dropped, runs of anything else turned into '-'."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_-]+", "-", plain).strip("-_")[:64] or "chat"
