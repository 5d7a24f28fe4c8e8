"""A comment as an agent sees it: the line and the chat around it, without labels (law 8).

What a *config* did to the user (standing, memories) is not here but in `Situation`, for it goes to Students
only (law 3). Cases are made by `moderation.stream`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from moderation_pipeline.cases.customs import Custom
    from moderation_pipeline.text.signals import Signals


class Line(NamedTuple):
    """An earlier line of the chat, as context."""

    user_id: str | None
    user_name: str | None
    text: str
    normalised: str


class Surroundings(Protocol):
    """The chat's earlier lines, looked up by position; deterministic, whatever is in flight."""

    def lines_before(self, position: int, count: int) -> Sequence[Line]:
        """Return up to `count` lines of the same channel before `position`, oldest first."""
        ...

    def own_lines_before(self, position: int, count: int) -> Sequence[Line]:
        """Return up to `count` lines of the same user and channel before `position`, oldest first."""
        ...

    def custom_at(self, position: int) -> Custom | None:
        """Return what was customary in the channel before `position`; null where it isn't counted."""
        ...

    def conduct_at(self, position: int) -> NDArray[np.uint8]:
        """Return who wrote the line there, and how, of each aspect its level (`agents/conduct/conduct_levels.py`)."""
        ...


class Case(NamedTuple):
    """One comment to be judged. `sent_at_us` is microseconds since 1970 (UTC), null where unknown.

    `language` is guessed (`text.language`), its channel's where the text is too short to say, null where neither is.
    `addresses_moderator` marks whoever speaks to the moderator in this line or the two before it (`addressing`),
    `follows_plea` those of them who do so only in the lines before.
    """

    comment_id: str
    position: int
    channel: str
    user_id: str | None
    user_name: str | None
    sent_at_us: int | None
    text: str
    normalised: str
    is_moderator: bool
    is_broadcaster: bool
    is_subscriber: bool
    is_first_message: bool
    is_command: bool
    is_emote_only: bool
    reply_to: str | None
    user_repeats: int
    channel_repeats: int
    language: str | None
    signals: Signals
    surroundings: Surroundings
    addresses_moderator: bool = False
    follows_plea: bool = False

    def lines_before(self, count: int) -> Sequence[Line]:
        """Return up to `count` lines of the channel before this one, oldest first."""
        return self.surroundings.lines_before(self.position, count)

    def own_lines_before(self, count: int) -> Sequence[Line]:
        """Return up to `count` of the user's own earlier lines in the channel, oldest first."""
        return self.surroundings.own_lines_before(self.position, count)

    @property
    def custom(self) -> Custom | None:
        """What was customary in the channel before this line; null where it isn't counted."""
        return self.surroundings.custom_at(self.position)

    @property
    def conduct(self) -> NDArray[np.uint8]:
        """Who wrote it and how, against the lines before: of each aspect its level."""
        return self.surroundings.conduct_at(self.position)

    @property
    def is_newcomer(self) -> bool:
        """Whether the user is known never to have written in the channel before, while others did for a while."""
        custom = self.custom
        return custom is not None and custom.is_newcomer
