from __future__ import annotations

import json
from datetime import UTC, datetime

import polars as pl
import pytest

from moderation_pipeline.terminal.screen import Cell, number, print_frame, shown


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, "–"),
        (True, "yes"),
        (3, "3"),
        (0.123456, "0.1235"),
        (0.00001, "0.00001"),
        (12345.6, "12345.6"),
        (datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC), "2026-01-02 03:04:05"),
        (["a", None], "a, –"),
        ({"option": "allow", "probability": 0.5}, "option: allow, probability: 0.5"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
    ],
)
def test_a_cell_reads_as_a_person_would_write_it(cell: Cell, text: str) -> None:
    assert shown(cell) == text


@pytest.mark.parametrize(("value", "text"), [(0.0, "0"), (1.0, "1"), (2 / 3, "0.6667"), (1e-9, "1e-09")])
def test_a_number_has_four_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_a_table_in_a_pipe_is_never_cut_and_its_text_interpreted_by_nobody(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_frame(pl.DataFrame({"text": ["x" * 500 + "[bold]y[/bold] :smile: \x1b[31m"]}))
    assert "x" * 500 + "[bold]y[/bold] :smile: ␛[31m" in capsys.readouterr().out


def test_json_holds_the_text_as_it_is_and_times_in_iso_8601(capsys: pytest.CaptureFixture[str]) -> None:
    frame = pl.DataFrame({"text": ["\x1b[31m"], "sent_at": [datetime(2026, 1, 2, tzinfo=UTC)]})
    print_frame(frame, as_json=True)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert json.loads(out) == [{"text": "\x1b[31m", "sent_at": "2026-01-02T00:00:00Z"}]
