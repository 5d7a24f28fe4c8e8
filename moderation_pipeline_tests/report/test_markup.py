from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from moderation_pipeline.report.markup import LONGEST, as_html, as_markdown, pieces
from moderation_pipeline_tests.evaluation.hostile import HOSTILE

RENDERERS = {
    "CommonMark": MarkdownIt("commonmark"),
    "CommonMark with tables and strikethrough": MarkdownIt("commonmark").enable(["table", "strikethrough"]),
}


def plain(text: str, left: str, right: str) -> str:
    """What a reader should see: the text, with signs in brackets."""
    return "".join(f"{left}{piece.text}{right}" if piece.is_sign else piece.text for piece in pieces(text))


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("one\ntwo", "one⏎two"),
        ("a\u200bb", "aU+200Bb"),
        ("a\u200b\u200b\u200bb", "aU+200B ×3b"),
        ("\u202eevil", "U+202Eevil"),
        ("tag\U000e0041", "tagU+E0041"),
        ("\u3164", "U+3164"),
        ("", "no text"),
        ("👩\u200d💻 ❤\ufe0f 🏳\ufe0f\u200d🌈", "👩\u200d💻 ❤\ufe0f 🏳\ufe0f\u200d🌈"),
        ("क्षि é नमस्ते שָׁלוֹם", "क्षि é नमस्ते שָׁלוֹם"),
        ("e" + "\u0301" * 9, "e" + "\u0301" * 3 + "mark ×6"),
    ],
)
def test_what_can_not_be_seen_is_written_out_and_real_scripts_are_left_alone(text: str, seen: str) -> None:
    assert "".join(piece.text for piece in pieces(text)) == seen


@given(st.text(st.sampled_from("ab ~\n\u200b\u0301éЖ\u3164👩\x7f"), max_size=12), st.integers(0, 12))
def test_plain_stretches_change_nothing_about_what_stands_between_them(text: str, at: int) -> None:
    """A stretch is looked at whole, so where one begins may make no difference to the signs beside it."""
    apart = text[:at] + "plain words" + text[at:]
    assert plain(apart, "⟨", "⟩").replace("plain words", "", 1) == plain(
        text[:at] + "p" + text[at:], "⟨", "⟩"
    ).replace("p", "", 1)


def test_a_long_text_is_cut_and_says_by_how_much() -> None:
    found = pieces("x" * (LONGEST + 1_234))
    assert [piece.text for piece in found] == ["x" * LONGEST, "… 1,234 more"]


@given(st.text(max_size=60))
def test_html_shows_any_text_and_nothing_but_the_text(text: str) -> None:
    page = str(as_html(text))
    signs = re.sub(r'<span class="sign">(.*?)</span>', "⟨\\1⟩", page)
    assert "<" not in signs
    assert html.unescape(signs) == plain(text, "⟨", "⟩")


@pytest.mark.parametrize("renderer", RENDERERS.values(), ids=RENDERERS)
@given(
    st.one_of(
        st.text(max_size=60), st.text("<>&|`*_[]()!#-+=~\\\n 1.:/@a", max_size=30), st.sampled_from(HOSTILE)
    )
)
def test_markdown_renders_any_text_as_the_text_itself(renderer: MarkdownIt, text: str) -> None:
    rendered = renderer.render(f"before {as_markdown(text)} after")
    shown = html.unescape(rendered.removeprefix("<p>").removesuffix("</p>\n"))
    assert " ".join(shown.split()) == " ".join(f"before {plain(text, '⟨', '⟩')} after".split())


@pytest.mark.parametrize("renderer", RENDERERS.values(), ids=RENDERERS)
@given(st.one_of(st.text("<>&|`*_[]()!#-+=~\\\n 1.:/@a", max_size=20), st.sampled_from(HOSTILE)))
def test_markdown_begins_no_block_but_a_paragraph(renderer: MarkdownIt, text: str) -> None:
    rendered = renderer.render(as_markdown(text))
    assert rendered == "" or re.fullmatch("<p>[^<]*</p>\n", rendered)
    assert " ".join(html.unescape(rendered[3:-5]).split()) == " ".join(plain(text, "⟨", "⟩").split())


@given(st.one_of(st.text(max_size=60), st.text("|\\` a", max_size=20), st.sampled_from(HOSTILE)))
def test_no_text_breaks_out_of_a_table_cell(text: str) -> None:
    table = f"| a | b |\n| - | - |\n| {as_markdown(text)} | last |\n"
    cells = re.findall(
        "<td>(.*?)</td>", RENDERERS["CommonMark with tables and strikethrough"].render(table), re.DOTALL
    )
    assert [" ".join(html.unescape(cell).split()) for cell in cells] == [
        " ".join(plain(text, "⟨", "⟩").split()),
        "last",
    ]


def test_addresses_are_no_links_even_where_a_renderer_makes_links_of_bare_ones() -> None:
    assert (
        as_markdown("see https://a.example or WWW.b.example") == r"see https\://a.example or WWW\.b.example"
    )


def test_plain_words_stay_readable_in_the_source() -> None:
    words = "student_only, hybrid: 12.5 % (10 to 15), isn't it? #1!"
    assert as_markdown(words) == words
