"""How charts look: one place for type, greys, and the marks that tell configs apart without colour.

A config is told by dash, by shape and by its name written at the end of its line; colour only helps. The hues
are Okabe and Ito's, which people who see fewer colours can tell apart, ordered so that neighbours differ in
lightness as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import altair as alt
import polars as pl

WIDTH = 620
HEIGHT = 300
INK = "#1a1a1a"
QUIET = "#5c5c5c"
RULE = "#dcdcdc"
FILL = "#4d7ea8"

COLOURS = ("#0072b2", "#d55e00", "#222222", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#7a7a7a")
DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [4, 2], [12, 4], [1, 4], [6, 2, 1, 2, 1, 2])
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "stroke")

LABEL_ROOM = 0.055
"""The least distance of two labels at line ends, as a share of the axis: 12 px of 300 and some air."""


PADDING = {"left": 40, "top": 14, "bottom": 14, "right": 44}
"""At the sides there is room for labels in a reader's font that is wider than the one they were laid out in: a fifth
of the longest, measured with DejaVu Sans, one of the widest that is anybody's default."""


def percent_ticks(low: float, high: float) -> str:
    """Return how d3 writes shares on an axis of some six ticks from `low` to `high`: no two of them alike."""
    digits = 0
    while digits < MOST_DIGITS and high - low < 6 * 0.01 * 10.0**-digits:
        digits += 1
    return f".{digits}%"


MOST_DIGITS = 3
"""Of a percentage on an axis."""


class Titled(NamedTuple):
    """What a chart shows, in a headline that says it and a line that says how it was measured."""

    headline: str
    how: str


Spec = dict[str, Any]
"""A whole chart, in Vega-Lite's own words."""

STYLE = {
    "font": "Helvetica, Arial, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK,
        "titleColor": QUIET,
        "gridColor": RULE,
        "domainColor": QUIET,
        "tickColor": QUIET,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "labelLimit": 240,
    },
    "header": {"labelColor": INK, "titleColor": QUIET, "labelFontSize": 12},
}


def titled(spec: Spec, title: Titled) -> Spec:
    """Return the chart with its title and the house style.

    They are put into what Altair built: it would copy every layer, and check it, once for each of them.
    """
    header = {
        "text": _wrapped(title.headline, 72),
        "subtitle": _wrapped(title.how, 92),
        "anchor": "start",
        "frame": "group",
        "fontSize": 16,
        "fontWeight": 600,
        "color": INK,
        "subtitleColor": QUIET,
        "subtitleFontSize": 12,
        "subtitleLineHeight": 16,
        "subtitlePadding": 4,
        "offset": 14,
    }
    return spec | {"title": header, "background": "white", "padding": PADDING, "config": STYLE}


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) + 1 > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


class Marks:
    """The encodings that tell configs apart, the same in every chart of a chat."""

    def __init__(self, configs: Sequence[str]) -> None:
        self._configs = list(configs)

    def colour(self) -> alt.Color:
        """Return the colour of each config, without a legend: names stand at the lines."""
        return alt.Color("config:N", scale=self._scale(COLOURS), legend=None)

    def dash(self) -> alt.StrokeDash:
        """Return the dash of each config."""
        return alt.StrokeDash("config:N", scale=self._scale(DASHES), legend=None)

    def shape(self) -> alt.Shape:
        """Return the point of each config."""
        return alt.Shape("config:N", scale=self._scale(SHAPES), legend=None)

    def _scale(self, values: Sequence[str] | Sequence[list[int]]) -> alt.Scale:
        cycled = [values[i % len(values)] for i in range(len(self._configs))]
        return alt.Scale(domain=self._configs, range=cycled)


def end_labels(ends: pl.DataFrame, value: str, low: float, high: float) -> pl.DataFrame:
    """Return the frame with `label_at`: its values moved apart so that labels beside them don't overlap."""
    room = (high - low) * LABEL_ROOM
    ordered = ends.sort(value, maintain_order=True)
    places: list[float] = []
    for wanted in ordered[value].to_list():
        places.append(wanted if not places else max(wanted, places[-1] + room))
    overflow = max(0.0, places[-1] - high) if places else 0.0
    for i in reversed(range(len(places))):
        ceiling = places[i + 1] - room if i + 1 < len(places) else high
        places[i] = min(places[i], ceiling) if overflow else places[i]
    return ordered.with_columns(pl.Series("label_at", places, dtype=pl.Float64))
