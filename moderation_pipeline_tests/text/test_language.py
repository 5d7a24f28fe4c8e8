from __future__ import annotations

import polars as pl
import pytest

from moderation_pipeline.text.language import languages, other_script, with_languages_of_channels


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


TURKISH = "bu akşam birlikte bir oyun daha oynayalım arkadaşlar"
FRENCH = "ce soir on joue encore une partie ensemble avec vous"


def told_in_channels(*lines: tuple[str, str]) -> list[str | None]:
    """Return the language of each line, a channel and a text, once its channel's is known."""
    texts = pl.Series("text", [text for _, text in lines])
    comments = pl.DataFrame({"channel": [channel for channel, _ in lines], "text": texts})
    filled: list[str | None] = with_languages_of_channels(comments.with_columns(languages(texts)))[
        "language"
    ].to_list()
    return filled


def test_a_line_too_short_to_tell_is_in_its_channels_language() -> None:
    told = told_in_channels(
        *[("ankara", f"{TURKISH} {n}") for n in range(20)], ("ankara", "mal mısın"), ("rome", "mal mısın")
    )
    assert told[-2:] == ["tr", None]


def test_nothing_is_said_of_a_channel_before_enough_of_its_lines_are_told() -> None:
    told = told_in_channels(("ankara", "mal mısın"), *[("ankara", f"{TURKISH} {n}") for n in range(30)])
    assert told[0] is None


@pytest.mark.parametrize("text", ["12:30", "你好", "заткнись", FRENCH])
def test_a_line_that_is_not_in_its_channels_language_stays_what_it_is(text: str) -> None:
    told = told_in_channels(*[("ankara", f"{TURKISH} {n}") for n in range(20)], ("ankara", text))
    assert told[-1] == language(text)


KOREAN = "오늘 저녁에 같이 게임 한 판 더 합시다 여러분"


@pytest.mark.parametrize("text", ["noob", "you idoit", "lol gg"])
def test_a_short_line_in_latin_letters_is_in_no_language_that_is_written_in_others(text: str) -> None:
    told = told_in_channels(*[("seoul", f"{KOREAN} {n}") for n in range(30)], ("seoul", text))
    assert told[-2:] == ["ko", None]


def test_a_short_line_is_in_its_channels_language_in_the_letters_that_are_written_there() -> None:
    told = told_in_channels(
        *[("moscow", f"сегодня вечером сыграем ещё одну игру вместе друзья {n}") for n in range(30)],
        ("moscow", "ну и лох"),
        ("moscow", "noob"),
    )
    assert told[-3:] == ["ru", "ru", None]


def test_in_a_channel_of_two_languages_a_short_line_is_in_neither() -> None:
    both = [("mixed", text) for n in range(30) for text in (f"{TURKISH} {n}", f"{FRENCH} {n}")]
    assert told_in_channels(*both, ("mixed", "mal mısın"))[-1] is None


def test_a_channels_language_is_learnt_from_its_past_alone() -> None:
    lines = [("ankara", text) for n in range(30) for text in (f"{TURKISH} {n}", "mal mısın", "piç")]
    whole = told_in_channels(*lines)
    assert all(told_in_channels(*lines[:cut]) == whole[:cut] for cut in (1, 30, 61, 62, 89))
