"""The log of each comment: compressed, plain, or none, and never two of one run."""

from __future__ import annotations

from pathlib import Path

import pytest
import zstandard

from moderation_pipeline.config.run_config import Config, NamedConfig
from moderation_pipeline.moderation.trace import LogForm, RunLog


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*"))


@pytest.mark.parametrize(
    ("form", "left"), [("zstd", ["hybrid.jsonl.zst"]), ("plain", ["hybrid.jsonl"]), ("none", [])]
)
def test_a_run_leaves_one_log_whatever_the_form_of_the_one_before(
    tmp_path: Path, form: LogForm, left: list[str]
) -> None:
    for each in ("hybrid.jsonl", "hybrid.jsonl.zst"):
        (tmp_path / each).write_text("of the run before")
    with RunLog(tmp_path / "hybrid.jsonl", form) as log:
        log.settled([])
    assert names(tmp_path) == left


def test_a_compressed_log_can_be_read_while_the_run_goes_on(tmp_path: Path) -> None:
    with RunLog(tmp_path / "hybrid.jsonl") as log:
        log.settled([])
        so_far = (tmp_path / "hybrid.jsonl.zst").read_bytes()
    assert zstandard.ZstdDecompressor().stream_reader(so_far).read() == b""


def test_the_form_of_the_log_is_no_part_of_what_decides(tmp_path: Path) -> None:
    hashes = {
        NamedConfig(name="mine", path=tmp_path, config=Config.model_validate({"log": form})).config_hash
        for form in ("zstd", "plain", "none")
    }
    assert len(hashes) == 1
