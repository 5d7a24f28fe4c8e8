"""What is customary in a channel: what share of its lines before a comment showed a sign, and how much of it.

Only counts, of the unlabelled chat and of its past: what a sign is, and what its rarity means, is for the agents to
say. A count is looked up by a comment's place, so that it is the same whatever was read ahead or is in flight (law 1).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import NamedTuple

LINES_KNOWN = 1_000
"""How many lines the usual counts for: a channel is taken for like its chat, and a chat for like any, by so many."""


class Customs:
    """The places at which each sign was seen, by channel and in the whole chat; they are only ever added to."""

    def __init__(self) -> None:
        self._in_channel: defaultdict[tuple[str, str, int], list[int]] = defaultdict(list)
        self._in_chat: defaultdict[tuple[str, int], list[int]] = defaultdict(list)

    def saw(self, sign: str, much: int, place: Place) -> None:
        """Note that the line there shows the sign, this much of it and so all that is less; in stream order."""
        channel, in_channel, in_chat = place
        for level in range(much + 1):
            self._in_channel[channel, sign, level].append(in_channel)
            self._in_chat[sign, level].append(in_chat)

    def share_before(self, place: Place, sign: str, much: int, usual: float) -> float:
        """Return the share of the channel's lines before the place that showed so much of the sign, or more.

        Where little is known it is near that of the whole chat, and where that is little, near the usual.
        """
        in_chat = bisect_left(self._in_chat.get((sign, much), ()), place.in_chat)
        in_channel = bisect_left(self._in_channel.get((place.channel, sign, much), ()), place.in_channel)
        chats = (in_chat + LINES_KNOWN * usual) / (place.in_chat + LINES_KNOWN)
        return (in_channel + LINES_KNOWN * chats) / (place.in_channel + LINES_KNOWN)


class Place(NamedTuple):
    """Where a comment stands: how many lines its channel, and its chat, had before it."""

    channel: str
    in_channel: int
    in_chat: int


class Custom(NamedTuple):
    """What is customary where a comment stands, and how many violations are expected in its chat."""

    customs: Customs
    place: Place
    expected: float
    """The share of comments that are thought to be violations."""
    is_newcomer: bool = False
    """Whether its user never wrote in the channel before, while others did for a while."""

    def share_with(self, sign: str, much: int, usual: float) -> float:
        """Return the share of the lines before it that showed so much of the sign, or more."""
        return self.customs.share_before(self.place, sign, much, usual)
