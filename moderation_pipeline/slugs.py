"""Names of chats and configs: partition keys, file names and URLs at once, hence a narrow alphabet."""

from __future__ import annotations

import re
import unicodedata

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


def names_a_run(value: str) -> str:
    """Return `value` if it names a run as "chat|config".

    Raises:
        ValueError: it doesn't; the message says how it should.
    """
    chat, bar, config = value.partition("|")
    if not bar:
        raise ValueError("must name another chat's run as 'chat|config'")
    check_slug(chat, "Chat")
    check_slug(config, "Config")
    return value


def slugify(name: str) -> str:
    """Return the slug nearest to `name`: accents dropped, runs of anything else turned into '-'."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_-]+", "-", plain).strip("-_")[:64] or "chat"
