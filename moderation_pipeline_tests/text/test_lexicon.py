from __future__ import annotations

import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from moderation_pipeline.agents.keyless.reading import without_accents
from moderation_pipeline.plan import Category
from moderation_pipeline.text.lexicon import LexiconFile, TermIndex, lexicon, pattern_of
from moderation_pipeline.text.normalise import normalise_text


def test_the_lexicon_names_its_source_and_licence() -> None:
    assert lexicon().file.source
    assert lexicon().file.licence == "MIT"


@pytest.mark.parametrize("group", sorted(lexicon().file.groups))
def test_every_pattern_is_one_that_rust_can_run(group: str) -> None:
    counts = pl.Series(["nothing to see"]).str.count_matches(lexicon().patterns[group])
    assert len(counts) == 1


@pytest.mark.parametrize("group", sorted(lexicon().file.groups))
def test_every_term_is_found_by_its_group(group: str) -> None:
    pattern = re.compile(rf"\b(?:{lexicon().patterns[group]})\b")
    missed = [
        term for term in lexicon().file.groups[group].terms if not pattern.search(term.replace("*", ""))
    ]
    assert missed == []


def test_terms_are_written_as_texts_are_matched() -> None:
    terms = [term.removesuffix("*") for group in lexicon().file.groups.values() for term in group.terms]
    changed = [term for term in terms if term.isalpha() and without_accents(normalise_text(term)) != term]
    assert changed == []


def test_every_category_that_words_can_tell_has_a_group() -> None:
    told = {group.category for group in lexicon().file.groups.values()}
    assert told == set(Category)


WORDS = st.lists(st.sampled_from(["a", "b", "bs", "bar", "barn", "c"]), max_size=8)


@given(WORDS)
def test_the_index_finds_what_the_pattern_finds(words: list[str]) -> None:
    terms = ("bar*", "a b", "c")
    found = {(hit.start, hit.end) for hit in TermIndex({"g": terms}).find(words)}
    text = " ".join(words)
    starts = [len(" ".join([*words[:n], ""])) for n in range(len(words))]
    spans = {
        (starts.index(match.start()), starts.index(match.start()) + len(match.group().split()))
        for term in terms
        for match in re.finditer(rf"(?<!\S)(?:{pattern_of([term])})(?!\S)", text)
    }
    assert found == spans


def test_a_plural_of_a_longer_word_is_found_and_of_a_short_one_is_not() -> None:
    index = TermIndex({"g": ["clown", "ez"]})
    assert [hit.term for hit in index.find(["clowns", "ezs"])] == ["clown"]


def test_a_misspelt_key_of_the_file_is_an_error() -> None:
    content = lexicon().file.model_dump()
    with pytest.raises(ValidationError, match="license"):
        LexiconFile.model_validate({**content, "license": "MIT"})


@pytest.mark.parametrize("name", ["said_of_things", "reclaimable", "generalised"])
def test_every_beginning_is_that_of_a_term(name: str) -> None:
    terms = [term for group in ("insult_strong", "slur") for term in lexicon().file.groups[group].terms]
    beginnings: tuple[str, ...] = getattr(lexicon().file.grammar, name)
    assert [each for each in beginnings if not any(term.startswith(each) for term in terms)] == []


def test_what_is_masked_most_is_offensive_by_itself() -> None:
    assert lexicon().file.spelling.masked_most <= lexicon().strong_words
