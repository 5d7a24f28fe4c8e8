"""Who says what when: scenes are chosen, played and laid over each other on the channels' time.

Chat is made in blocks. A block draws how many of its lines violate (one coin per line, so that the number is
binomial), plays violating scenes until it has them and innocent ones until it is full, and sorts them by
time. So the base rate is met at every length, and a long chat needs no more memory than a block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from moderation_pipeline.synthetic.cast import Cast, Chatter, NameMaker
from moderation_pipeline.synthetic.dice import Dice, Urn
from moderation_pipeline.synthetic.evasion import disguised
from moderation_pipeline.synthetic.phrases import Slot, fill
from moderation_pipeline.synthetic.script import Channel, Library, Scene, SpokenLabel, Turn
from moderation_pipeline.synthetic.voice import voiced

MEAN_GAP_MS = 1_900
"""Between two lines, over all channels together: three channels of a few hundred viewers each."""

LEAST_BLOCK, MOST_BLOCK = 1_000, 20_000
VIOLATIONS_PER_BLOCK = 60
"""A block is long enough for a raid (25 lines) to fit into its violations, where the base rate allows."""

CASTING_TRIES = 10
"""Draws for somebody who isn't in the scene yet; there is always somebody but in a scene of two bots."""


class Spoken(NamedTuple):
    """A line as it was said. `answers` is the index of another line of the same block, before this one."""

    at_ms: int
    channel: str
    user: Chatter
    persona: str
    text: str
    label: SpokenLabel | None
    answers: int | None
    is_emote_only: bool


@dataclass(slots=True)
class Quota:
    """How many lines a block still takes."""

    violating: int
    innocent: int

    def takes(self, turn: Turn) -> bool:
        """Return whether a line of the turn still fits, and count it if it does."""
        if turn.label:
            self.violating -= 1
            return self.violating >= 0
        self.innocent -= 1
        return self.innocent >= 0


class _Line(NamedTuple):
    offset_ms: int
    turn: Turn
    user: Chatter
    text: str
    answers: int | None


class Stage:
    """One channel: its people, and the scenes that can be played there."""

    def __init__(
        self,
        channel: Channel,
        scenes: Sequence[Scene],
        mix: Mapping[str, float],
        names: NameMaker,
        dice: Dice,
    ) -> None:
        self.channel = channel
        self.dice = dice
        self.cast = Cast(channel, names, dice)
        own = [scene for scene in scenes if scene.within is None or channel.name in scene.within]
        self.innocent = _urn([scene for scene in own if not scene.violates], mix)
        self.bursts = _urn([scene for scene in own if scene.is_burst], mix)
        self.lapses = _urn([scene for scene in own if scene.violates and not scene.is_burst], mix)
        in_bursts, in_lapses = (_share(urn.options, mix) for urn in (self.bursts, self.lapses))
        self.burst_share = in_bursts / ((in_bursts + in_lapses) or 1)

    def play(self, scene: Scene, quota: Quota) -> list[_Line]:
        """Return the scene's lines in the order of their turns; what the quota doesn't take is left out."""
        playing = _Playing(self, scene, quota)
        for turn in scene.turns:
            if turn.label and quota.violating <= 0:
                break
            playing.turn(turn)
        return playing.lines


def _share(scenes: Sequence[Scene], mix: Mapping[str, float]) -> float:
    return sum(scene.share * mix.get(scene.lead, 1.0) for scene in scenes)


def _urn(scenes: Sequence[Scene], mix: Mapping[str, float]) -> Urn[Scene]:
    return Urn(scenes, [scene.share / scene.expected_lines * mix.get(scene.lead, 1.0) for scene in scenes])


class _Playing:
    """A scene while it is played: who has which role, what was said, what the time is."""

    def __init__(self, stage: Stage, scene: Scene, quota: Quota) -> None:
        self.dice = stage.dice
        self.lines: list[_Line] = []
        self._stage = stage
        self._parts = {turn.role: turn for turn in reversed(scene.turns)}
        self._quota = quota
        self._roles: dict[str, Chatter] = {}
        self._shared: dict[str, str] = {}
        self._first_line_of_turn: list[int | None] = []
        self._now_ms = 0
        self._speaking: Chatter | None = None

    def word(self, slot: Slot) -> str:
        """Return what a slot says in this scene: a role's name, the channel's or the vocabulary's word."""
        name = slot.name
        if slot.is_shared and name in self._shared:
            return self._shared[name]
        words = self._stage.channel.words.get(name)
        if words is not None:
            said = fill(self.dice.pick(words), self)
            if slot.is_shared:
                self._shared[name] = said
            return said
        if name in self._roles:
            return self._roles[name].name
        if name == "someone":
            return self._someone_else()
        channel = self._stage.channel
        known = {"streamer": channel.streamer, "game": channel.game, "bot": channel.bot}
        # A role is cast here where the quota left out the turn in which it would have spoken first.
        return known.get(name) or self._speaker(self._parts[name], is_crowd=False).name

    def _someone_else(self) -> str:
        someone = self._stage.cast.someone()
        while someone is self._speaking:
            someone = self._stage.cast.someone()
        return someone.name

    def turn(self, turn: Turn) -> None:
        """Say the lines of a turn."""
        self._first_line_of_turn.append(None)
        if turn.often < 1 and not self.dice.chance(turn.often):
            return
        start_ms = self._now_ms
        flood_text: str | None = None
        times = self.dice.between(*turn.times)
        for time in range(times):
            if not self._quota.takes(turn):
                return
            user = self._speaker(turn, is_crowd=times > 1 and not turn.is_flood)
            text = flood_text or self._said(turn, user)
            if turn.is_flood:
                flood_text = text
            low, high = turn.after_s
            wait_ms = int((low + self.dice.roll() * (high - low)) * 1000)
            # A crowd types at once, so each waits from the turn's start; one person from their line before.
            at_ms = (start_ms if not turn.is_flood else self._now_ms) + wait_ms
            if time == 0:
                self._first_line_of_turn[-1] = len(self.lines)
            self._now_ms = max(self._now_ms, at_ms)
            self.lines.append(_Line(at_ms, turn, user, text, self._answered(turn, user)))

    def _speaker(self, turn: Turn, *, is_crowd: bool) -> Chatter:
        user = None if is_crowd else self._roles.get(turn.role)
        if user is None:
            user = self._someone_without_a_role(turn)
            self._roles[turn.role] = user
        return user

    def _someone_without_a_role(self, turn: Turn) -> Chatter:
        others = [user for role, user in self._roles.items() if role != turn.role]
        for _ in range(CASTING_TRIES):
            user = self._stage.cast.speaker(turn.persona, turn.circle)
            if not any(user is other for other in others):
                break
        return user

    def _said(self, turn: Turn, user: Chatter) -> str:
        self._speaking = user
        text = fill(self.dice.pick(turn.phrases), self)
        if turn.label and turn.persona.evades:
            return disguised(text, self._stage.channel.charged, self.dice)
        return voiced(text, user.voice, self._stage.channel.emotes, self.dice) if turn.has_voice else text

    def _answered(self, turn: Turn, user: Chatter) -> int | None:
        if turn.answers is None:
            return None
        line = self._first_line_of_turn[turn.answers]
        return None if line is None or self.lines[line].user is user else line


class Show:
    """A chat in the making."""

    def __init__(
        self, library: Library, channels: Sequence[str], mix: Mapping[str, float], base_rate: float, seed: int
    ) -> None:
        self._dice = Dice(seed)
        self._base_rate = base_rate
        names = NameMaker(library.channels[channels[0]].words)
        cast = [library.channels[name] for name in channels]
        stages = [Stage(channel, library.scenes, mix, names, self._dice) for channel in cast]
        self._stages = Urn(stages, [stage.channel.share for stage in stages])
        shares = [stage.channel.share * stage.burst_share for stage in stages]
        self._burst_share = sum(shares) / sum(stage.channel.share for stage in stages)
        self._lines_owed_to_bursts = 0.0

    def blocks(self, comments: int) -> Iterator[list[Spoken]]:
        """Yield the chat's lines block by block, each sorted by time, later blocks later."""
        size = int(VIOLATIONS_PER_BLOCK / max(self._base_rate, VIOLATIONS_PER_BLOCK / MOST_BLOCK))
        size = max(LEAST_BLOCK, size)
        start_ms = 0
        for done in range(0, comments, size):
            block = self._block(start_ms, min(size, comments - done))
            yield block
            start_ms = block[-1].at_ms + self._dice.between(1, 2 * MEAN_GAP_MS)

    def _block(self, start_ms: int, size: int) -> list[Spoken]:
        violating = sum(self._dice.roll() < self._base_rate for _ in range(size))
        quota = Quota(violating, size - violating)
        self._lines_owed_to_bursts += violating * self._burst_share
        length_ms = size * MEAN_GAP_MS
        said: list[Spoken] = []
        while quota.violating > 0 or quota.innocent > 0:
            stage = self._stages.draw(self._dice)
            lines = stage.play(self._next_scene(stage, quota), quota)
            if lines:
                self._lay_down(said, lines, stage, start_ms, length_ms)
            quota.violating, quota.innocent = max(quota.violating, 0), max(quota.innocent, 0)
        return _in_order(said)

    def _next_scene(self, stage: Stage, quota: Quota) -> Scene:
        if not quota.violating:
            return stage.innocent.draw(self._dice)
        if stage.bursts.options:
            burst = stage.bursts.draw(self._dice)
            is_due = self._lines_owed_to_bursts >= burst.expected_lines / 2
            if not stage.lapses.options or (is_due and burst.least_violations <= quota.violating):
                self._lines_owed_to_bursts -= burst.expected_lines
                return burst
        return stage.lapses.draw(self._dice)

    def _lay_down(
        self, said: list[Spoken], lines: list[_Line], stage: Stage, start_ms: int, length_ms: int
    ) -> None:
        spare_ms = max(0, length_ms - max(line.offset_ms for line in lines))
        start_ms += int(self._dice.roll() * spare_ms)
        before = len(said)
        for line in lines:
            answers = None if line.answers is None else before + line.answers
            said.append(
                Spoken(
                    at_ms=start_ms + line.offset_ms,
                    channel=stage.channel.name,
                    user=line.user,
                    persona=line.turn.persona.name,
                    text=line.text,
                    label=line.turn.label,
                    answers=answers,
                    is_emote_only=all(word in stage.channel.emotes for word in line.text.split(" ")),
                )
            )


def _in_order(said: list[Spoken]) -> list[Spoken]:
    """Return the lines by time; of those of one millisecond the one that was laid down first comes first."""
    order = sorted(range(len(said)), key=lambda index: said[index].at_ms)
    place = [0] * len(said)
    for position, index in enumerate(order):
        place[index] = position
    return [
        line if line.answers is None else line._replace(answers=place[line.answers])
        for line in (said[index] for index in order)
    ]
