from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from datetime import UTC, datetime

import polars as pl
import pytest

from moderation_pipeline.terminal.screen import (
    ROWS_OF_A_PAGE,
    Cell,
    number,
    print_csv,
    print_frame,
    print_rows_as_lists,
    print_table,
    shown,
)


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


WIDE = """
import polars as pl
from moderation_pipeline.terminal.screen import print_frame
print_frame(pl.DataFrame({f"column_{n}": ["value " * n + f"end{n}", None] for n in range(8)}))
"""


def in_a_window(columns: int, program: str) -> list[str]:
    """Return the lines that a program prints in a terminal so wide."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    variables = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=slave, env={**variables, "TERM": "xterm"}
    ) as process:
        os.close(slave)
        printed = b""
        while block := _block(master):
            printed += block
    os.close(master)
    assert process.returncode == 0
    return re.sub("\x1b\\[[0-9;]*m|\r", "", printed.decode()).splitlines()


def _block(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # how a terminal says that nobody writes to it any more
        return b""


def test_in_a_window_too_narrow_for_its_words_a_table_is_a_list_and_nothing_is_lost() -> None:
    lines = in_a_window(40, WIDE)
    for n in range(8):
        assert f"column_{n}: {'value ' * n}end{n}" in lines
        assert f"column_{n}: –" in lines


def test_in_a_window_that_holds_its_words_it_is_a_table() -> None:
    lines = in_a_window(120, WIDE)
    assert lines[0].split() == [f"column_{n}" for n in range(8)]
    assert all(f"end{n}" in "\n".join(lines) for n in range(8))


def test_a_long_table_is_drawn_in_pages_under_their_names_and_none_of_its_rows_is_lost(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = 2 * ROWS_OF_A_PAGE + 1
    print_table(["row", "text"], ((i, f"line {i}") for i in range(rows)))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines if line[1:2] == ["line"]] == [str(i) for i in range(rows)]
    assert lines.count(["row", "text"]) == 3


def test_json_holds_the_text_as_it_is_and_times_in_iso_8601(capsys: pytest.CaptureFixture[str]) -> None:
    frame = pl.DataFrame({"text": ["\x1b[31m"], "sent_at": [datetime(2026, 1, 2, tzinfo=UTC)]})
    print_frame(frame, as_json=True)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert json.loads(out) == [{"text": "\x1b[31m", "sent_at": "2026-01-02T00:00:00Z"}]


def test_csv_runs_nothing_in_a_spreadsheet_and_reads_back(capsys: pytest.CaptureFixture[str]) -> None:
    frame = pl.DataFrame(
        {"text": ["=HYPERLINK(1)", 'a "quoted", line', None], "n": [-1, 2, None], "ids": [["a"], [], None]}
    )

    print_csv(frame)

    read = pl.read_csv(io.StringIO(capsys.readouterr().out))
    assert read["text"].to_list() == ["'=HYPERLINK(1)", 'a "quoted", line', None]
    assert read["n"].to_list() == [-1, 2, None]
    assert read["ids"].to_list() == ['["a"]', "[]", None]


def test_a_wide_row_is_a_list_with_a_column_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows_as_lists(pl.DataFrame({"chat": ["arena", "dash"], "agreement": [0.5, None]}))

    assert capsys.readouterr().out.splitlines() == [
        "── row 1 of 2",
        "chat       arena",
        "agreement  0.5",
        "── row 2 of 2",
        "chat       dash",
        "agreement  –",
    ]
