"""Figures as files: a PNG, an SVG and an interactive page each, and a list that says what they show.

An interactive page needs no network: the drawing library lies beside it, once for all pages of a chat, for it is nine
tenths of a megabyte. It takes vl-convert seconds to put together, so it is kept where the caller says, and for as long
as the process lives.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
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
LIBRARY = "vega.js"
"""The drawing library, beside the pages that it draws."""
GLOBALS = "window.vegaEmbed=vegaEmbed;"
"""What the library's script leaves on the page: the one function that draws."""


def save_figures(figures: Sequence[Figure], folder: Path, *, chat: str, cache: Path) -> list[Path]:
    """Write each figure's `<name>.png`, `.svg` and `.html`, and the list of them all; return the paths.

    A figure without a drawing has only its page. Files of figures that are no longer drawn are removed.
    `cache` is a folder in which the drawing library is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [_library_beside(folder, cache)] if any(figure.spec for figure in figures) else []
    for figure in figures:
        svg = None if figure.svg is None else figure.svg.encode()
        page = chart_page(figure, chat=chat).encode()
        for kind, content in (("png", figure.png), ("svg", svg), ("html", page)):
            path = folder / f"{figure.name}.{kind}"
            if content is None:
                path.unlink(missing_ok=True)
            else:
                written.append(_write(path, content))
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


def chart_page(figure: Figure, *, chat: str) -> str:
    """Return a page that draws the figure interactively, offline, by the script LIBRARY beside it."""
    spec = None if figure.spec is None else Markup(figure.spec.replace("<", "\\u003c"))
    return (
        html_environment()
        .get_template("chart.html.j2")
        .render(figure=figure, chat=chat, spec=spec, library=LIBRARY)
    )


def drawing_library(cache: Path) -> Path:
    """Return Vega, Vega-Lite and Vega-Embed in one script, put together once per version of vl-convert."""
    path = cache / f"vega-{version('vl-convert-python')}.js"
    if not path.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        _write(path, _library())
    return path


@functools.cache
def _library() -> bytes:
    script: str = vl_convert.javascript_bundle(GLOBALS)
    return script.encode()


def _library_beside(folder: Path, cache: Path) -> Path:
    """Put the drawing library into a folder of pages, without a byte more where the file system has links."""
    library, path = drawing_library(cache), folder / LIBRARY
    with replaced_atomically(path) as temporary:
        try:
            os.link(library, temporary)
        except OSError:
            shutil.copyfile(library, temporary)
    return path


def _write(path: Path, content: bytes) -> Path:
    """Write a file whole or not at all: it gets its name when it is complete."""
    with replaced_atomically(path) as temporary:
        temporary.write_bytes(content)
    return path


def _read(path: Path) -> str | None:
    return path.read_text("utf-8") if path.is_file() else None


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
