"""Who writes a line, and how: a user's lines so far, his pauses and repeats, and what is unlike the channel in it.

Of the unlabelled chat alone (law 8), and for each line of nothing but the lines before it and itself (law 1). So it can
be computed for a whole chat at once: lines that share something are sorted beside each other, and nothing is counted
one by one. What is kept of a line is a byte for each aspect (`conduct_levels.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np
import polars as pl
from numpy.typing import NDArray

from moderation_pipeline.agents.conduct.conduct_levels import ASPECTS, Floats, Levels

Keys = NDArray[np.uint64]

NEAR_LETTERS = 12
"""Lines that begin with the same letters and digits, so many of them, are near to each other."""

PACE_LINES = 20
"""The channel's pace is the time that its last lines took, so many of them."""

OWN_PACE_LINES = 5
"""A user's own pace, likewise."""

LOOKS_LIKE_AN_EMOTE = r"\b\w*[a-z0-9][A-Z]\w*"
LOOKS_LIKE_A_LINK = r"https?://|www\.|\w\.(?:com|gg|tv|net|org|ly)\b"


def conduct_of(comments: pl.DataFrame) -> Levels:
    """Return the level of each aspect (columns) of each comment (rows, in stream order)."""
    rows = {aspect.key: row for row, aspect in enumerate(ASPECTS)}
    found = np.empty((len(ASPECTS), comments.height), dtype=np.uint8)
    # One at a time: as numbers, all aspects of two million lines would be half a gigabyte.
    for key, values in _numbers(comments):
        found[rows[key]] = ASPECTS[rows[key]].levels_of(values)
    return np.ascontiguousarray(found.T)


def _numbers(comments: pl.DataFrame) -> Iterator[tuple[str, Floats]]:
    """Yield each aspect's key, and its number of each comment."""
    keys = comments.select(_keys())
    room, own, said, near, tongue = (keys[name].to_numpy() for name in keys.columns)
    at = comments.select(pl.col("sent_at").dt.timestamp("us") / 1e6).to_series().to_numpy()
    alone = comments.select(value.cast(pl.Float32).alias(key) for key, value in _alone().items())
    yield from ((key, alone[key].cast(pl.Float64).to_numpy()) for key in alone.columns)
    in_room = _Alike(room)
    yield from _of_the_channel(in_room, at, alone)
    yield (
        "room_language",
        _language_share(in_room, room ^ tongue, comments["language"].is_not_null().to_numpy()),
    )
    yield from _repeats("room", room, said, near, at)
    is_nobody = comments["user_id"].is_null().to_numpy()
    of_users = (_repeats("own", own, said, near, at), _of_the_user(own, said, at, in_room.before, alone))
    for key, values in chain(*of_users):
        values[is_nobody] = np.nan
        yield key, values


def _keys() -> list[pl.Expr]:
    """What lines are alike in: the channel, the user in it, what is said, how it begins, and the language."""
    text, normalised = pl.col("text").fill_null(""), pl.col("normalised").fill_null("")
    return [
        pl.col("channel").hash(1).alias("room"),
        (pl.col("channel").hash(1) ^ pl.col("user_id").hash(2)).alias("own"),
        pl.when(normalised == "").then(text.hash(3)).otherwise(normalised.hash(3)).alias("said"),
        normalised.str.replace_all(r"[^\p{L}\p{N}]+", "").str.head(NEAR_LETTERS).hash(4).alias("near"),
        pl.col("language").hash(5).alias("tongue"),
    ]


def _alone() -> dict[str, pl.Expr]:
    """What a line shows by itself."""
    text = pl.col("text").fill_null("")
    length, words, letters = (
        text.str.len_chars(),
        text.str.count_matches(r"\S+"),
        text.str.count_matches(r"\p{L}"),
    )
    rank = {"is_subscriber": 1, "is_moderator": 2, "is_broadcaster": 3}
    return {
        "length": length,
        "words": words,
        "capitals": text.str.count_matches("[A-Z]") / pl.max_horizontal(letters, 1),
        "not_ascii": (length - text.str.count_matches(r"[\x00-\x7f]")) / pl.max_horizontal(length, 1),
        "foreign": text.str.count_matches(r"[\p{L}&&[^\p{Latin}]]") / pl.max_horizontal(letters, 1),
        "emotes": text.str.count_matches(LOOKS_LIKE_AN_EMOTE) / pl.max_horizontal(words, 1),
        "digits": text.str.count_matches(r"\d"),
        "links": text.str.to_lowercase().str.count_matches(LOOKS_LIKE_A_LINK),
        "mentions": text.str.count_matches("@", literal=True),
        "command": pl.col("is_command").fill_null(value=False),
        "asks": text.str.contains("?", literal=True),
        "reply": pl.col("reply_to").is_not_null(),
        "role": pl.max_horizontal(pl.col(role).fill_null(value=False) * much for role, much in rank.items()),
    }


class _Alike:
    """Lines that share a key, each with those before it."""

    def __init__(self, keys: Keys) -> None:
        self._order = np.argsort(keys, kind="stable")
        in_order = keys[self._order]
        is_first = np.ones(len(keys), dtype=np.bool_)
        is_first[1:] = in_order[1:] != in_order[:-1]
        self._first = np.maximum.accumulate(np.where(is_first, np.arange(len(keys)), 0))
        self._place = np.arange(len(keys)) - self._first

    @property
    def before(self) -> Floats:
        """How many lines with its key stand before each line."""
        return self._put_back(self._place)

    def earlier(self, values: Floats, back: int = 1) -> Floats:
        """Return for each line the value of the one with its key so many before it; not a number where none is."""
        found = np.full(len(values), np.nan)
        has = np.flatnonzero(self._place >= back)
        found[self._order[has]] = values[self._order[has - back]]
        return found

    def sum_before(self, values: Floats) -> Floats:
        """Return the sum of the values of the lines with its key before each line."""
        in_order = values[self._order]
        sums = np.cumsum(in_order) - in_order
        return self._put_back(sums - sums[self._first])

    def mean_before(self, values: Floats) -> Floats:
        """Return the mean of the values of the lines with its key before each line; not a number where none is."""
        return _share(self.sum_before(values), self.before)

    def _put_back(self, values: NDArray[np.generic]) -> Floats:
        found = np.empty(len(values))
        found[self._order] = values
        return found


def _since(at: Floats, alike: _Alike, back: int = 1) -> Floats:
    """Return the seconds since the line so many before it; logs are a little out of order, but time isn't."""
    since: Floats = np.maximum(at - alike.earlier(at, back), 0.0)
    return since


def _share(part: Floats, whole: Floats) -> Floats:
    """Return the share of a whole, not a number where there is none."""
    share: Floats = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return share


def _of_the_channel(room: _Alike, at: Floats, alone: pl.DataFrame) -> Iterator[tuple[str, Floats]]:
    yield "room_pace", _since(at, room, PACE_LINES)
    yield "room_foreign", room.mean_before(_where(alone["foreign"] > 0))
    yield "room_not_ascii", room.mean_before(_where(alone["not_ascii"] > 0))


def _language_share(room: _Alike, in_language: Keys, is_known: NDArray[np.bool_]) -> Floats:
    """Return the share of the channel's lines before, of those whose language is known, that are in the line's."""
    told, in_it = room.sum_before(is_known.astype(np.float64)), _Alike(in_language).before
    return _share(in_it, np.where(is_known, told, 0))


def _repeats(whose: str, who: Keys, said: Keys, near: Keys, at: Floats) -> Iterator[tuple[str, Floats]]:
    same = _Alike(who ^ said)
    yield f"{whose}_same", same.before
    yield f"{whose}_same_pause", _since(at, same)
    yield f"{whose}_near", _Alike(who ^ near).before


def _of_the_user(
    who: Keys, said: Keys, at: Floats, place_in_room: Floats, alone: pl.DataFrame
) -> Iterator[tuple[str, Floats]]:
    own, is_repeat = _Alike(who), _Alike(who ^ said).before > 0
    yield "own_lines", own.before
    yield "own_pause", _since(at, own)
    yield "own_pace", _since(at, own, OWN_PACE_LINES)
    yield "others_between", place_in_room - own.earlier(place_in_room) - 1
    yield "own_length", own.mean_before(alone["length"].cast(pl.Float64).to_numpy())
    yield "own_repeating", own.mean_before(is_repeat.astype(np.float64))


def _where(flags: pl.Series) -> Floats:
    return flags.cast(pl.Float64).to_numpy()
