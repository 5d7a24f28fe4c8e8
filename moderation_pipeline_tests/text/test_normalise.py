from __future__ import annotations

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moderation_pipeline.text.normalise import normalise, normalise_text

DISGUISES = st.sampled_from(
    [
        *"aeiknotu0134578@$!*. -_'’",
        "\u200b",
        "\U000e0000",
        "\u0456",
        "\u0430",
        "\uff46",
        "\u0301",
        "&amp;",
        "&#97;",
        "  ",
        "\n",
    ]
)
TEXTS = st.one_of(
    st.text(max_size=40),
    st.lists(DISGUISES, max_size=30).map("".join),
    st.lists(
        st.sampled_from(["gg", "n00b", "f u c k", "EZ", "a$$", "f**k", "sooo", "https://a.tv/A1", "1v5"])
    ).map(" ".join),
)


@given(TEXTS)
@example("&amp;amp;#102;uck")
@example("&" + "amp;" * 50 + "#38;#102;")
@example("&&#97;&#109;p;#x26;lt;")
@example("A\u0301 \u0130\ufb03")
@example("f\u2800u c k")
def test_normalising_twice_is_normalising_once(text: str) -> None:
    once = normalise_text(text)
    assert normalise_text(once) == once


@given(st.lists(st.one_of(st.none(), TEXTS), max_size=12))
@example(["F.U.C.K", None, "ok", "ok", " a  b ", "\t", "", "wow!!", "İ", "K", "4$K"])
def test_a_column_and_its_texts_one_by_one_come_out_alike(texts: list[str | None]) -> None:
    column = pl.Series("said", texts, dtype=pl.String)
    expected = [None if text is None else normalise_text(text) for text in texts]
    normalised = normalise(column)
    assert normalised.to_list() == expected
    assert normalised.name == "said"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ＦＵＣＫ off", "fuck off"),
        ("fu\u200bck", "fuck"),
        ("gg wp \U000e0000", "gg wp"),
        ("fuсk уоu", "fuck you"),
        ("ѕtuрid", "stupid"),
        ("f u c k  y o u", "fuck you"),
        ("F.U.C.K", "fuck"),
        ("k y s", "kys"),
        ("n00b", "noob"),
        ("bl4ck p3opl3", "black people"),
        ("a$$ sh!t", "ass shit"),
        ("f**k and f*ck", "fuck and fuck"),
        ("Nooooooob!!! soooo", "noob!!! so"),
        ("🅵🆄🅲🅺", "fuck"),
        ("f̷u̷c̷k̷", "fuck"),
        ("Tom &amp; Jerry &lt;3 &#8220;x&#8221;", 'tom & jerry <3 "x"'),
        ("don’t", "don't"),
        ("  two\t\nwords ", "two words"),
    ],
)
def test_a_disguise_is_undone(text: str, expected: str) -> None:
    assert normalise_text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "gg",
        "1v5",
        "10k mmr",
        "mp3 ps5 m4a1 gr8 5head",
        "455 1337",
        "100% $5",
        "https://twitch.tv/n00b_1v1",
        "@n00bslayer3000",
        "@fag",
        "привет как дела",
        "你 好 吗",
        "ελληνικά",
        "مرحبا بكم",
        "déjà vu, señor",
        "ʕ•ᴥ•ʔ",
        "c++ c#",
        "i am a b c",
        "",
    ],
)
def test_what_is_no_disguise_stays_as_it_is(text: str) -> None:
    assert normalise_text(text) == text


def test_a_russian_word_is_not_taken_for_its_latin_look_alikes() -> None:
    assert normalise_text("Сахар и ром") == "сахар и ром"


def test_each_distinct_text_comes_out_once_per_place() -> None:
    assert normalise(pl.Series(["N00B", "ok", "N00B"])).to_list() == ["noob", "ok", "noob"]


def test_an_empty_column_stays_empty() -> None:
    assert normalise(pl.Series([], dtype=pl.String)).to_list() == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("g e t  o u t  o f  h e r e", "get out of here"),
        ("g.o t.o b.e.d n.o.w", "go to bed now"),
        ("wheeereee dooo youuu liiiveee", "where do you live"),
        ("seeend nuuudeees", "send nudes"),
        ("c0m3 over, wh3r3 ever", "come over, where ever"),
    ],
)
def test_words_that_phrases_are_made_of_are_read_whole(text: str, expected: str) -> None:
    assert normalise_text(text) == expected


@pytest.mark.parametrize("text", ["* * *  * * *", "white b4, black h3", "a.m or p.m", "x  y"])
def test_rows_of_signs_squares_and_pairs_are_left_alone(text: str) -> None:
    assert normalise_text(text) == " ".join(text.split())
