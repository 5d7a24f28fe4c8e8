"""People: nobody shares a name or an id, regulars write most, newcomers are new."""

from __future__ import annotations

from collections import Counter

from moderation_pipeline.synthetic.cast import Cast, NameMaker
from moderation_pipeline.synthetic.dice import Dice
from moderation_pipeline.synthetic.library import shipped_library

LIBRARY = shipped_library()
ARENA = LIBRARY.channels["arena"]


def arena_cast() -> Cast:
    return Cast(ARENA, NameMaker(ARENA.words), Dice(1))


def test_no_two_people_share_a_name_or_an_id() -> None:
    names, dice = NameMaker(ARENA.words), Dice(1)
    people = [names.new(dice) for _ in range(60_000)]
    assert len({user_id for user_id, _ in people}) == len(people)
    # Logins don't know case, so names that differ in case alone would be one person.
    assert len({name.lower() for _, name in people}) == len(people)


def test_a_few_regulars_write_most() -> None:
    cast = arena_cast()
    lines = Counter(cast.speaker(LIBRARY.personas["regular"]).user_id for _ in range(3_000))
    most = sum(count for _, count in lines.most_common(15))
    assert most > sum(lines.values()) / 2


def test_a_newcomer_is_somebody_else_each_time() -> None:
    cast = arena_cast()
    newcomers = [cast.speaker(LIBRARY.personas["newcomer"]) for _ in range(200)]
    assert len({user.user_id for user in newcomers}) == 200
    assert sum(not user.has_spoken for user in newcomers) > 100


def test_trolls_come_back() -> None:
    cast = arena_cast()
    trolls = Counter(cast.speaker(LIBRARY.personas["troll"]).user_id for _ in range(100))
    assert max(trolls.values()) >= 5
    assert len(trolls) > 5


def test_people_of_one_language_keep_to_it() -> None:
    cast = arena_cast()
    non_english = LIBRARY.personas["non_english"]
    spanish = {cast.speaker(non_english, "es").user_id for _ in range(50)}
    german = {cast.speaker(non_english, "de").user_id for _ in range(50)}
    assert not spanish & german


def test_badges_are_worn_by_those_who_have_them() -> None:
    cast = arena_cast()
    assert cast.speaker(LIBRARY.personas["moderator"]).is_moderator
    assert cast.speaker(LIBRARY.personas["bot"]).is_moderator
    streamer = cast.speaker(LIBRARY.personas["streamer"])
    assert streamer.is_broadcaster
    assert streamer.name == ARENA.streamer
