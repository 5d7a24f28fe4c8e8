"""How a number is rounded before it is shown: one way, so that page, plots and terminal never differ by one.

Halves go away from nothing, as readers round: 48.5 is 49. They are halves of the number as it is written in decimals,
not of the float beside it: .1435 is 14.4 %, though 100 times that float is a little less than 14.35. Python's own
formats do neither, and d3's not the second. What numbers are called, with their units, is in `report/quantities.py`.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from math import isfinite

EXACT = Context(prec=400, rounding=ROUND_HALF_UP)
"""Of digits that any float has, scaled."""


def rounded(value: float, digits: int = 0, *, times: int = 1) -> str:
    """Return 1,234.57 of 1234.565: a number, times a whole one, with so many decimals (negative ones round to tens)."""
    if not isfinite(value):
        return str(value)
    whole = EXACT.multiply(Decimal(repr(float(value))), Decimal(times))
    return f"{EXACT.plus(EXACT.quantize(whole, Decimal(1).scaleb(-digits))):,f}"


def significant(value: float, digits: int) -> str:
    """Return 0.0029 of .00285: a number with so many significant digits, in plain decimals without zeros behind."""
    if not isfinite(value) or value == 0:
        return "0" if value == 0 else str(value)
    exact = Decimal(repr(float(value)))
    places = digits - 1 - exact.adjusted()
    said = f"{EXACT.quantize(exact, Decimal(1).scaleb(-places)):f}"
    return said.rstrip("0").rstrip(".") if "." in said else said
