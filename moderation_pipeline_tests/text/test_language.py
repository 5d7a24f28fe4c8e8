from __future__ import annotations

import polars as pl
import pytest

from moderation_pipeline.text.language import languages, other_script


def language(text: str | None) -> str | None:
    told: str | None = languages(pl.Series([text], dtype=pl.String))[0]
    return told


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("has anyone seen the new map yet", "en"),
        ("heute abend spielen wir noch eine runde zusammen", "de"),
        ("hoy jugamos otra partida con los amigos", "es"),
        ("ce soir on joue encore une partie ensemble", "fr"),
        ("hoje vamos jogar mais uma partida juntos", "pt"),
        ("stasera giochiamo ancora una partita insieme", "it"),
        ("dzisiaj wieczorem gramy jeszcze jedną partię", "pl"),
        ("bu akşam birlikte bir oyun daha oynayalım", "tr"),
        ("сегодня вечером играем ещё раз", "ru"),
        ("今日はもう一回遊びましょう", "ja"),
    ],
)
def test_the_language_of_a_sentence_is_told(text: str, code: str) -> None:
    assert language(text) == code


@pytest.mark.parametrize(
    "text", ["gg", "ez mid", "lol", "", "12:30", "nice one", "KEKW KEKW KEKW KEKW", None]
)
def test_what_is_too_short_is_left_unsure(text: str | None) -> None:
    assert language(text) is None


def test_emotes_names_and_links_are_no_language() -> None:
    assert (
        language("PogChamp catJAM LULWide @bonjour_les_amis https://example.com/guten/abend/zusammen") is None
    )


def test_what_is_said_many_times_counts_once() -> None:
    assert language("lul " * 40) is None


def test_there_is_one_answer_for_each_text_in_their_order() -> None:
    texts = ["gg", "hoy jugamos otra partida con los amigos", None, "gg", "has anyone seen the new map yet"]
    assert languages(pl.Series(texts)).to_list() == [None, "es", None, None, "en"]


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("مرحبا", "Arabic"),
        ("שלום", "Hebrew"),
        ("สวัสดี", "Thai"),
        ("草草", "East Asian"),
        ("바보야 ㅋㅋ lol", "East Asian"),
        ("ναι", "Greek"),
        ("(ノಠ益ಠ)ノ", None),
        ("¯\\_(ツ)_/¯", None),
        ("¡qué día más bonito!", None),
        ("привет", None),
        ("the sign says 出口", None),
        ("", None),
    ],
)
def test_a_script_that_is_neither_latin_nor_cyrillic_is_told_of_two_letters(
    text: str, script: str | None
) -> None:
    assert other_script(text) == script
