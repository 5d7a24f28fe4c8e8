"""The pages beside a report: its config's disagreements, a hundred a page, and one page that searches them all.

These pages, and no others of the project, run a script: one each, whole in the page and named by its hash, which loads
nothing and sends nothing. Texts reach it as data and the page as text (law 6). What is said of a case stays in the
reader's browser until it is saved as a file; `moderation add` reads that as a labelled chat.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from markupsafe import Markup

from moderation_pipeline.evaluation.judged import NO_VIOLATION
from moderation_pipeline.report.markup import pieces
from moderation_pipeline.report.quantities import count, plural
from moderation_pipeline.report.report_parts import CATEGORIES, CaseShown
from moderation_pipeline.report.templating import html_environment, read_template, style_hash

A_PAGE = 100
"""Cases on a page: some 300 kB."""

MOST = 5_000
"""Cases that there are pages of, the costliest first: of more the search's page would pass three megabytes."""

SEARCHED = 120
"""Characters of a text that the search looks at and shows; its page has more."""

LONGEST = 2_000
"""Characters of a text that a review repeats."""

SCRIPTS = {"page": "reviews.js.j2", "search": "search.js.j2"}


class SearchChoice(NamedTuple):
    """What the search can be narrowed by: the values are marks of cases (`report_parts`)."""

    name: str
    mark: str
    values: tuple[tuple[str, str], ...]


CHOICES = (
    SearchChoice(
        "Harsher",
        "harsher",
        (("student-harsher", "the Student"), ("expert-harsher", "the Expert"), ("same-action", "neither")),
    ),
    SearchChoice(
        "Right by the label",
        "right",
        (
            ("student-right", "the Student"),
            ("expert-right", "the Expert"),
            ("both-right", "both"),
            ("neither-right", "neither"),
            ("no-label", "no label"),
        ),
    ),
    SearchChoice("About", "about", tuple((f"of-{name}", name.replace("_", " ")) for name in CATEGORIES)),
)


@dataclass(frozen=True, slots=True)
class _CasesPage:
    chat: str
    config: str
    said: str
    number: int
    of: int
    first: int
    last: int
    cases: Sequence[CaseShown]
    data: Markup
    categories: Sequence[str] = CATEGORIES


@dataclass(frozen=True, slots=True)
class _SearchPage:
    chat: str
    config: str
    said: str
    data: Markup
    choices: Sequence[SearchChoice] = CHOICES


def case_pages(chat: str, config: str, cases: Sequence[CaseShown], of: int) -> Iterator[tuple[str, str]]:
    """Yield each page's file name and HTML: `search.html`, `page-1.html` and so on; nothing where there is no case.

    Args:
        chat: the chat's name.
        config: the config whose disagreements they are.
        cases: those that are shown, the costliest first.
        of: how many there are in all.
    """
    if not cases:
        return
    said = _said(len(cases), of)
    search = _SearchPage(chat, config, said, as_data(_index(cases)))
    yield "search.html", _rendered("cases_search.html.j2", "search", search)
    pages = -(-len(cases) // A_PAGE)
    for at in range(pages):
        own = cases[at * A_PAGE : (at + 1) * A_PAGE]
        first = at * A_PAGE + 1
        data = as_data({"chat": chat, "config": config, "cases": _reviewed(own, first)})
        page = _CasesPage(chat, config, said, at + 1, pages, first, first + len(own) - 1, own, data)
        yield f"page-{at + 1}.html", _rendered("cases_page.html.j2", "page", page)


def _said(shown: int, of: int) -> str:
    whole = f"{plural(of, 'disagreement')} of Student and Expert, each text with the same two plans once"
    if shown == of:
        return f"{whole}, those furthest apart in severity first."
    return (
        f"{whole}; here are the {count(shown)} costliest, those furthest apart in severity first. The others are in the"
        " view disagreements of 'moderation sql'."
    )


def _index(cases: Sequence[CaseShown]) -> Mapping[str, Any]:
    rows = [
        [_visible(each.text), _visible(each.where), each.student, each.expert, each.marks] for each in cases
    ]
    return {"page_size": A_PAGE, "cases": rows}


def _visible(text: str) -> str:
    """Return a text with what can't be seen written out; the page puts it in as text."""
    return "".join(f"⟨{piece.text}⟩" if piece.is_sign else piece.text for piece in pieces(text, SEARCHED))


def _reviewed(cases: Sequence[CaseShown], first: int) -> Mapping[str, Mapping[str, Any]]:
    """Return by a case's number what a review of it repeats; `was_violation` is whether it was judged one."""
    return {
        str(first + at): {
            "comment_id": each.comment_id,
            "channel": each.channel,
            "user_id": each.user_id,
            "text": each.text[:LONGEST],
            "done": each.done,
            "done_category": each.done_category,
            "was_violation": each.done_category not in (None, NO_VIOLATION),
        }
        for at, each in enumerate(cases)
    }


def as_data(value: object) -> Markup:
    """Return a value as JSON that may stand in a page: nothing in it can end the element that it stands in."""
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return Markup(written)


def script_hashes() -> list[str]:
    """Return the source expressions by which a policy allows the pages' scripts and no other."""
    return [str(style_hash(read_template(name))) for name in SCRIPTS.values()]


def _rendered(template: str, script: str, page: object) -> str:
    style, code = (Markup(read_template(name)) for name in ("report.css", SCRIPTS[script]))
    return (
        html_environment()
        .get_template(template)
        .render(
            page=page, style=style, style_hash=style_hash(style), script=code, script_hash=style_hash(code)
        )
    )
