"""Templates in which nothing that is written can act: every value is escaped as it is put in (law 6).

What the escaping is, is in `markup`; the templates are package data beside this module.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from moderation_pipeline.report.markup import as_html, as_markdown

LONGEST_VALUE = 4_000
"""No value that the project words itself is this long; what others wrote is `cut` in the templates."""


@cache
def html_environment() -> Environment:
    """Return the environment of HTML templates; what is invisible in a value is made visible."""
    environment = Environment(
        loader=FunctionLoader(read_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: as_html(value, LONGEST_VALUE) if type(value) is str else value,
    )
    environment.filters.update(cut=as_html, image=image_address)
    return environment


@cache
def markdown_environment() -> Environment:
    """Return the environment of Markdown templates."""
    environment = Environment(
        loader=FunctionLoader(read_template),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: as_markdown(value, LONGEST_VALUE) if type(value) is str else value,
    )
    environment.filters["cut"] = lambda text: Markup(as_markdown(text))
    return environment


def read_template(name: str) -> str:
    """Return the text of a template, or of another file that lies with them."""
    return (resources.files("moderation_pipeline.report") / "templates" / name).read_text("utf-8")


def style_hash(style: str) -> Markup:
    """Return the source expression by which a page's policy allows this one style sheet and no other."""
    digest = hashlib.sha256(f"\n{style}\n".encode()).digest()
    return Markup(f"sha256-{base64.b64encode(digest).decode()}")


def image_address(svg: str) -> Markup:
    """Return an SVG drawing as the address of an image, in which nothing can run."""
    return Markup(f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}")
