from __future__ import annotations

import re
from pathlib import Path

import pytest

from moderation_pipeline.comments.formats import FORMATS, READERS, UnknownFormatError, UnreadableFileError
from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline_tests.comments.lines import read, said


@pytest.mark.parametrize(
    "raw", [b"", b"\n\n", b"\x00\x01\x02" * 100, b"some prose\nand more of it\n", b"{}\n{}"]
)
def test_a_file_in_which_nothing_can_be_read_is_an_error_that_names_the_formats_tried(raw: bytes) -> None:
    with pytest.raises((UnreadableFileError, ValueError)) as caught:
        read(raw)
    assert "chat.log" in str(caught.value)
    if isinstance(caught.value, UnreadableFileError):
        assert "Tried: " in str(caught.value)
        assert all(name in str(caught.value) for name in FORMATS)


def test_a_format_that_reads_nothing_of_a_file_says_why() -> None:
    with pytest.raises(UnreadableFileError, match=r"line 1: not a Chatterino line.*Tried: chatterino"):
        read([said("hi")], format_name="chatterino")


def test_an_unknown_format_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownFormatError, match=re.escape("no format 'ircc'. Did you mean 'irc'?")):
        read([said("hi")], format_name="ircc")


def test_a_log_that_begins_with_noise_is_still_known() -> None:
    lines = ["connecting...", ":tmi.twitch.tv 001 justinfan1 :Welcome", said("hi")]
    assert read(lines).ingestion["format"].item() == "irc"


def test_a_format_named_beside_the_file_is_used(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text(said("hi"))
    (tmp_path / "log.txt.format").write_text("chatterino\n")
    with pytest.raises(UnreadableFileError, match="Tried: chatterino"):
        ingest(path, "chat")
    assert ingest(path, "chat", format="irc").comments.height == 1


def test_names_of_formats_are_unique() -> None:
    assert len({reader.name for reader in READERS}) == len(READERS)
