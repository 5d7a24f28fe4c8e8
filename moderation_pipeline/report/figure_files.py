"""Figures as files: a PNG and an SVG each, one interactive page for all, and a list that says what they show.

The interactive page needs no network and no file beside it: the drawing library is in it, once, for it is larger than
all that it draws. That library takes vl-convert a second and a half to put together, so it is kept as a file where the
caller says.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import vl_convert
from markupsafe import Markup

from moderation_pipeline.report.figure import Figure
from moderation_pipeline.report.templating import html_environment
from moderation_pipeline.warehouse.files import replaced_atomically

LIST = "figures.json"
PAGE = "interactive.html"
GLOBALS = "window.vegaEmbed=vegaEmbed;"
"""What the library's script leaves on the page: the one function that draws."""


def save_figures(figures: Sequence[Figure], folder: Path, *, chat: str, cache: Path) -> list[Path]:
    """Write each figure's `<name>.png` and `.svg`, the page and the list of them all; return the paths.

    Files of figures that are no longer drawn are removed. `cache` is a folder in which the drawing library is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for figure in figures:
        svg = None if figure.svg is None else figure.svg.encode()
        # Once each figure had a page of its own; those of an older version would go on showing older runs.
        for kind, content in (("png", figure.png), ("svg", svg), ("html", None)):
            path = folder / f"{figure.name}.{kind}"
            if content is None:
                path.unlink(missing_ok=True)
            else:
                written.append(_write(path, content))
    library = drawing_library(cache) if any(figure.spec for figure in figures) else ""
    written.append(_write(folder / PAGE, charts_page(figures, chat=chat, library=library).encode()))
    listed = [asdict(replace(figure, svg=None, png=None)) for figure in figures]
    return [*written, _write(folder / LIST, json.dumps(listed).encode())]


def load_figures(folder: Path) -> list[Figure]:
    """Return the figures that `save_figures` wrote into the folder; none where it wrote nothing."""
    if not (folder / LIST).is_file():
        return []
    listed = json.loads((folder / LIST).read_text("utf-8"))
    return [
        replace(
            Figure(**entry),
            svg=_read(folder / f"{entry['name']}.svg"),
            png=_bytes(folder / f"{entry['name']}.png"),
        )
        for entry in listed
    ]


def charts_page(figures: Sequence[Figure], *, chat: str, library: str) -> str:
    """Return a page that draws the figures interactively, offline, by the script `library`."""
    drawn = [
        (figure, None if figure.spec is None else Markup(figure.spec.replace("<", "\\u003c")))
        for figure in figures
    ]
    template = html_environment().get_template("charts.html.j2")
    return template.render(drawn=drawn, chat=chat, library=Markup(library))


def drawing_library(cache: Path) -> str:
    """Return Vega, Vega-Lite and Vega-Embed in one script, put together once per version of vl-convert."""
    path = cache / f"vega-{version('vl-convert-python')}.js"
    if path.is_file():
        return path.read_text("utf-8")
    script = vl_convert.javascript_bundle(GLOBALS)
    cache.mkdir(parents=True, exist_ok=True)
    _write(path, script.encode())
    return script


def _write(path: Path, content: bytes) -> Path:
    """Write a file whole or not at all: it gets its name when it is complete."""
    with replaced_atomically(path) as temporary:
        temporary.write_bytes(content)
    return path


def _read(path: Path) -> str | None:
    return path.read_text("utf-8") if path.is_file() else None


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
