from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.terminal.escaping import harmless


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("gg wp", "gg wp"),
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("a\rb\nc\td\x00", "a␍b␊c␉d␀"),
        ("\x9b31m", "<U+009B>31m"),
        ("abc\u202egnp.exe", "abc<U+202E>gnp.exe"),
        ("sp\u200bam\U000e0000", "sp<U+200B>am<U+E0000>"),
        ("a\u2028b", "a<U+2028>b"),
        ("[red]not markup[/red]", "[red]not markup[/red]"),
        ("ação über 日本", "ação über 日本"),
        ("👨\u200d👩\u200d👧 ❤️", "👨\u200d👩\u200d👧 ❤️"),
        ("a\u200db", "a<U+200D>b"),
        ("e" + "\u0301" * 40, "e\u0301\u0301\u0301"),
        ("x\U000e0141\U000e0142", "x<U+E0141><U+E0142>"),
        ("bl\u2800ank\u3164", "bl<U+2800>ank<U+3164>"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_instead(text: str, shown: str) -> None:
    assert harmless(text) == shown


@given(st.text())
def test_no_control_character_is_left_of_any_text(text: str) -> None:
    shown = harmless(text)
    controls = [c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")]
    assert set(controls) <= {"\u200d"}


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_printable_ascii_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text
