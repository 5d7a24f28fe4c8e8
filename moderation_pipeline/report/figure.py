"""A figure as it is handed on: words and rendered drawings, no drawing library needed.

Figures are drawn in `figures`, kept as files in `figure_files`, shown in `page`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: its name (a file's stem), its plain title, what it says, and its drawing.

    `headline` says what is seen and `how` how it was measured. `spec` is the Vega-Lite chart as JSON; it,
    `svg` (without its title, see `rendering`) and `png` are null where there was nothing to draw, and `headline` then
    says why.
    """

    name: str
    title: str
    headline: str
    how: str
    spec: str | None = None
    svg: str | None = None
    png: bytes | None = None
