"""How numbers are said: sensible precision, units, and a dash with a reason where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from moderation_pipeline.rounding import rounded, significant

SPACE = "\u00a0"
"""Keeps a number and its unit on one line."""

NONE = "–"
"""What stands for a number that is unknown or undefined."""


ADDED_UP = 1e-12
"""A share of sums of floats misses nothing and all by less: 1 that was added up of thirds is .9999999999999998."""


def _as_added_up(share: float | None) -> float | None:
    """Return a share that misses 0 or 1 by rounding as 0 or 1."""
    if share is None or min(abs(share), abs(1 - share)) > ADDED_UP:
        return share
    return float(round(share))


def _as_read(text: str) -> float:
    return float(text.replace(",", ""))


def count(number: int | None) -> str:
    """Return 12,345."""
    return NONE if number is None else f"{number:,}"


def plural(number: int, one: str, many: str | None = None) -> str:
    """Return `1 comment`, `2,000 comments`, `no comments`."""
    words = one if number == 1 else many or f"{one}s"
    return f"{number:,} {words}" if number else f"no {words}"


def percent(share: float | None, digits: int = 1) -> str:
    """Return 4.8 %; what is neither nothing nor all is never rounded to it."""
    share = _as_added_up(share)
    if share is None:
        return NONE
    text = rounded(share, digits, times=100)
    least = 10.0**-digits
    if share > 0 and _as_read(text) == 0:
        return f"<{SPACE}{rounded(least, digits)}{SPACE}%"
    if share < 1 and _as_read(text) == 100:
        return f">{SPACE}{rounded(100 - least, digits)}{SPACE}%"
    return f"{text}{SPACE}%"


def shares_in_words(shares: Sequence[float | None], digits: int) -> list[str]:
    """Return shares as percentages that stand side by side, with a digit more where one would only be `> 99 %`."""
    known = [share for share in shares if share is not None]
    if any(percent(share, digits)[0] in "<>" for share in known):
        digits += 1
    return [percent(share, digits) for share in shares]


def of_thousand(share: float | None) -> str:
    """Return 49 of a share of .049; what is neither none nor all of a thousand is never said to be."""
    return _of_so_many(share, 1_000)


def _of_so_many(share: float | None, whole: int) -> str:
    share = _as_added_up(share)
    if share is None:
        return NONE
    text = rounded(share, times=whole)
    if share > 0 and text == "0":
        return "fewer than 1"
    if share < 1 and text == f"{whole:,}":
        return f"more than {whole - 1:,}"
    return text


def score(value: float | None) -> str:
    """Return .818 as 0.82: two digits are what intervals of chats support; more where they would read as 0 or as 1."""
    value = _as_added_up(value)
    if value is None:
        return NONE
    for digits in range(2, MOST_DIGITS + 1):
        text = rounded(value, digits)
        if _as_read(text) not in (0, 1) or value in (0, 1):
            return text
    least = 10.0**-MOST_DIGITS
    said = rounded(least if value < least else 1 - least, MOST_DIGITS)
    return f"{'<' if value < least else '>'}{SPACE}{said}"


MOST_DIGITS = 4
"""Of a score that is neither 0 nor 1 and near one of them."""


def p_value(p: float) -> str:
    """Return 0.043, or `< .001`: chance alone is never said to be impossible."""
    return rounded(p, 3) if p >= 0.001 else "< .001"


def milliseconds(amount: float | None) -> str:
    """Return 250 ms, 1.2 s or < 1 ms."""
    if amount is None:
        return NONE
    if amount < 1:
        return f"<{SPACE}1{SPACE}ms"
    return f"{rounded(amount)}{SPACE}ms" if amount < 1_000 else f"{rounded(amount / 1_000, 1)}{SPACE}s"


def dollars(amount: float | None) -> str:
    """Return $12.30, $0.0042, or $0; a dash where the price is unknown."""
    if amount is None:
        return NONE
    if amount == 0:
        return "$0"
    if abs(amount) >= 1:
        return f"${rounded(amount, 2)}"
    return f"${significant(amount, 2)}" if abs(amount) >= 0.0001 else f"${amount:.1e}"


def signed(value: float | None, digits: int = 2) -> str:
    """Return +0.03 or −0.12, with a real minus sign; 0.00 has none.

    An end of an interval that is near nothing gets up to two digits more: beside it stands which side it is on.
    """
    if value is None:
        return NONE
    for more in range(3):
        text = rounded(abs(value), digits + more)
        if _as_read(text) != 0:
            return f"{'+' if value > 0 else '−'}{text}"
    return rounded(0.0, digits)


def of_hundred(share: float | None) -> str:
    """Return 71 of a share of .71: what is neither none nor all of a hundred is never said to be."""
    said = _of_so_many(share, 100)
    return {"0": "none", "100": "all"}.get(said, said)


class Told(NamedTuple):
    """So many of so many, for a sentence: `of 100 rows` and `71`, or `of the 4 rows` and `all`."""

    whole: str
    part: str


def counted_out(part: int, whole: int, one: str, many: str | None = None) -> Told:
    """Return a share in counts to feel: of a hundred, or of all where there are fewer, for nobody saw a hundred."""
    several = many or f"{one}s"
    if whole >= 100:
        return Told(f"of 100 {several}", of_hundred(part / whole))
    number = "none" if not part else "all" if part == whole else f"{part:,}"
    return Told(f"of the only {one}" if whole == 1 else f"of the {whole:,} {several}", number)
