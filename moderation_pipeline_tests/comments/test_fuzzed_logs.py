from __future__ import annotations

from itertools import cycle

import pytest

from moderation_pipeline_tests.comments.lines import is_conserved, read
from moderation_pipeline_tests.comments.samples import SAMPLES, mutations
from moderation_pipeline_tests.comments.test_ingest import is_whole


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_is_known_for_what_it_is(name: str) -> None:
    ingested = read(SAMPLES[name], name="room-2023-11-14.log")
    assert ingested.ingestion["format"].item() == name.partition(",")[0]
    assert ingested.comments.height > 0
    assert ingested.rejected_lines.is_empty()
    assert is_conserved(ingested)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_with_bytes_changed_is_refused_in_words_or_read_to_its_last_record(name: str) -> None:
    # In turn by what they look like and by what they are said to be: reading each in both ways takes twice as long.
    ways = cycle((None, name.partition(",")[0]))
    for raw, said in zip(mutations(SAMPLES[name], 40, seed=11), ways, strict=False):
        assert is_whole(raw, said)
