"""The people of a synthetic chat: their names and ids, and who of them is about in a channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from moderation_pipeline.synthetic.dice import Dice, Urn
from moderation_pipeline.synthetic.phrases import Phrase
from moderation_pipeline.synthetic.script import Channel, Persona
from moderation_pipeline.synthetic.voice import Voice, new_voice

HOUSE_SIZE = 60
CIRCLE_SIZE = 5
STAFF_SIZE = 4
HOUSE_TURNOVER = 0.004
CIRCLE_TURNOVER = 0.12
LURKERS = 0.15
"""Of the people that a scene brings in anew, those who had written in the channel before the log began."""


@dataclass(slots=True)
class Chatter:
    """A chatter; `has_spoken` is whether the channel has seen a line of theirs, before the log or in it."""

    user_id: str
    name: str
    voice: Voice
    is_subscriber: bool
    has_spoken: bool
    is_moderator: bool = False
    is_broadcaster: bool = False


class Cast:
    """The people of one channel. They come and go, so that a long chat has more users than a short one."""

    def __init__(self, channel: Channel, names: NameMaker, dice: Dice) -> None:
        self._names = names
        self._dice = dice
        self._emotes = channel.words["emote"]
        self._staff = [self._staff_member() for _ in range(STAFF_SIZE)]
        self._streamer = self._named(channel.streamer, is_broadcaster=True)
        self._bot = self._named(channel.bot, is_moderator=True)
        self._house = [self._newcomer(0.6, has_spoken=True) for _ in range(HOUSE_SIZE)]
        # A few write most of what is written: the nth most talkative writes 1/n of what the first does.
        self._seats = Urn(range(HOUSE_SIZE), [1 / (rank + 3) for rank in range(HOUSE_SIZE)])
        self._circles: dict[tuple[str, str], list[Chatter]] = {}

    def someone(self) -> Chatter:
        """Return one of the house, as people speak of each other."""
        return self._house[self._seats.draw(self._dice)]

    def speaker(self, persona: Persona, circle: str = "") -> Chatter:
        """Return someone to speak as the persona: of the house, of its own circle, or new."""
        if persona.crowd == "house":
            return self._of_the_house(persona)
        if persona.crowd == "circle":
            return self._of_the_circle(persona, circle)
        if persona.crowd == "staff":
            return self._dice.pick(self._staff)
        if persona.crowd == "streamer":
            return self._streamer
        if persona.crowd == "bot":
            return self._bot
        return self._newcomer(persona.subscribers)

    def _of_the_house(self, persona: Persona) -> Chatter:
        seat = self._seats.draw(self._dice)
        if self._dice.chance(HOUSE_TURNOVER):
            self._house[seat] = self._newcomer(persona.subscribers)
        return self._house[seat]

    def _of_the_circle(self, persona: Persona, circle: str) -> Chatter:
        members = self._circles.setdefault((persona.name, circle), [])
        if len(members) < CIRCLE_SIZE:
            members.append(self._newcomer(persona.subscribers))
            return members[-1]
        seat = self._dice.between(0, CIRCLE_SIZE - 1)
        if self._dice.chance(CIRCLE_TURNOVER):
            members[seat] = self._newcomer(persona.subscribers)
        return members[seat]

    def _newcomer(self, subscribers: float, *, has_spoken: bool = False) -> Chatter:
        user_id, name = self._names.new(self._dice)
        return Chatter(
            user_id=user_id,
            name=name,
            voice=new_voice(self._dice, self._emotes),
            is_subscriber=self._dice.chance(subscribers),
            has_spoken=has_spoken or self._dice.chance(LURKERS),
        )

    def _staff_member(self) -> Chatter:
        user = self._newcomer(0.9, has_spoken=True)
        user.is_moderator = True
        return user

    def _named(self, name: str, *, is_moderator: bool = False, is_broadcaster: bool = False) -> Chatter:
        user = self._newcomer(1.0, has_spoken=True)
        user.name, user.is_moderator, user.is_broadcaster = name, is_moderator, is_broadcaster
        return user


class NameMaker:
    """Names and ids, all different, in an order that looks like none."""

    def __init__(self, words: Mapping[str, tuple[Phrase, ...]]) -> None:
        self._first = ["".join(map(str, phrase)) for phrase in words["name_first"]]
        self._second = ["".join(map(str, phrase)) for phrase in words["name_second"]]
        self._made = 0

    def new(self, dice: Dice) -> tuple[str, str]:
        """Return the next id and name."""
        pairs = len(self._first) * len(self._second)
        round_, at = divmod(self._made, pairs)
        # 7919 is prime and divides neither list's length, so that every pair comes once in a round.
        first, second = divmod(at * 7919 % pairs, len(self._second))
        self._made += 1
        user_id = str(10_000_000 + self._made * 48_271 % 900_000_007)
        return user_id, _joined(self._first[first], self._second[second], round_, dice)


def _joined(first: str, second: str, round_: int, dice: Dice) -> str:
    # Rounds have numbers of their own (0–99, then 100–199 …), so that no name is given out twice.
    number = f"{round_ * 100 + dice.between(0, 99)}" if round_ or dice.chance(0.35) else ""
    style = dice.between(0, 3)
    if style == 0:
        return f"{first}{second}{number}"
    if style == 1:
        return f"{first}_{second}{number}"
    if style == 2:
        return f"{first.capitalize()}{second.capitalize()}{number}"
    return f"{first}{second.capitalize()}{number}"
