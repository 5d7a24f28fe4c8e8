"""A chat on its way into data/chats: read where it waits, and put in its place once it is read whole.

Where it waits and how it is put in place is its own business (the terminal's `staged_chat.py`); a chat that lies in
data/chats already needs none of this.
"""

from __future__ import annotations

from pathlib import Path


class Arrival:
    """Nothing arrives: every chat is read where it lies."""

    def waits_at(self, chat: str) -> Path | None:  # noqa: ARG002  (a subclass needs it)
        """Return where the chat is to be read; None where it lies in its place."""
        return None

    def was_read(self, chat: str) -> None:
        """Put the chat in its place. Its tables are written after this."""
