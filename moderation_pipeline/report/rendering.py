"""Vega-Lite specs made into pictures by vl-convert, offline. What is drawn is in `charts`.

vl-convert lets go of the interpreter while it works (measured), so that others go on meanwhile; its first
picture takes half a second more than the others, in which it starts its engine.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import vl_convert

PNG_SCALE = 1.5
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"


class Picture(NamedTuple):
    """One chart: its spec as JSON, and rendered; the PNG has the title, which stands beside the SVG as text."""

    spec: str
    svg: str
    png: bytes


def render(spec: dict[str, Any]) -> Picture:
    """Return the picture of a Vega-Lite spec.

    An SVG's letters are drawn in whatever font its reader has, so a long line that fitted here is cut there: its title
    is left to the page, which breaks lines by its own width. A PNG is drawn once and for all. The spec is compiled
    once for both, and the title, which stands beside the chart, taken out of what it became.
    """
    vega = vl_convert.vegalite_to_vega(spec)
    png: bytes = vl_convert.svg_to_png(vl_convert.vega_to_svg(vega), scale=PNG_SCALE)
    vega.pop("title", None)
    return Picture(json.dumps(spec), vl_convert.vega_to_svg(vega), png)


def warm_up() -> None:
    """Start the engine, so that the first picture that somebody waits for is as quick as the others."""
    render({"$schema": SCHEMA, "data": {"values": [{"x": 0}]}, "mark": "point", "encoding": {}})
