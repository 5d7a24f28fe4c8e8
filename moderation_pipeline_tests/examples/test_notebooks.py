"""The example notebooks run, and what stands below their cells is what they print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from moderation_pipeline_tests.examples.notebook_cells import NOTEBOOKS, code_cells, printed, read, stored

NUMBER = re.compile(r"\d+(?:\.\d+)?")
"""Last digits may differ where another BLAS fits the model."""


def test_there_is_an_example() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_prints_what_it_shows(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cells = code_cells(read(path))
    for cell, said in zip(cells, printed(cells), strict=True):
        assert NUMBER.split(said) == NUMBER.split(stored(cell))
        now, shown = (list(map(float, NUMBER.findall(text))) for text in (said, stored(cell)))
        assert now == pytest.approx(shown, abs=0.02, rel=0.03)
