"""Output of the commands: tables for people, JSON for scripts, and nothing that chat text could take over.

Results go to stdout, everything said on the way to stderr, so that a pipe holds results alone. Rich is
imported when something is first drawn.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from moderation_pipeline.report.quantities import score
from moderation_pipeline.rounding import rounded, significant
from moderation_pipeline.terminal.escaping import harmless
from moderation_pipeline.text.visible import legible

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console
    from rich.table import Table

PIPE_WIDTH = 4_000
"""Columns when nobody's window bounds them: a table in a pipe is never cut."""

LONG_WORD = 24
"""Letters from which a word may be cut: an address or a hash is no word, and would keep every table from being one."""

ROWS_OF_A_PAGE = 1_000

BETWEEN = "   "
"""What stands between two columns."""

Cell = object
"""Whatever a table's cell may hold; None shows as a dash."""


def say(text: str) -> None:
    """Say something on the way, on stderr."""
    click.echo(text, err=True)


def print_json(value: object) -> None:
    """Print a value as JSON on stdout; times in ISO 8601, dates and enums as text."""
    import orjson

    options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z
    try:
        text = orjson.dumps(value, option=options, default=str)
    except TypeError:  # somewhere in it is the name of a file that is no UTF-8
        text = orjson.dumps(_legible(value), option=options, default=str)
    click.echo(text.decode())


def _legible(value: object) -> object:
    """Return the value as UTF-8 can hold it."""
    if isinstance(value, str):
        return legible(value)
    if isinstance(value, Mapping):
        return {legible(str(key)): _legible(each) for key, each in value.items()}
    return [_legible(each) for each in value] if isinstance(value, list | tuple) else value


def print_frame(frame: pl.DataFrame, *, as_json: bool = False, title: str = "") -> None:
    """Print a table's rows: as JSON, one object a row, or drawn."""
    if as_json:
        print_json(frame.to_dicts())
        return
    if title:
        click.echo(f"\n{title}")
    numbers = [column for column in frame.columns if frame[column].dtype.is_numeric()]
    print_table(frame.columns, frame.iter_rows(), right=numbers)


RUN_BY_SPREADSHEETS = r"^[=+\-@\t\r]"
"""How a text begins that a spreadsheet takes for a formula: whoever writes in a chat writes into it."""


def print_csv(frame: pl.DataFrame) -> None:
    """Print a table's rows as CSV: lists and structs as JSON, and no text that a spreadsheet would run."""
    import orjson
    import polars as pl

    def as_json(value: object) -> str:
        return orjson.dumps(value, default=str).decode()

    nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
    flat = frame.with_columns(
        pl.Series(
            name, [None if each is None else as_json(each) for each in frame[name].to_list()], dtype=pl.String
        )
        for name in nested
    )
    safe = flat.with_columns(
        pl.when(pl.col(name).str.contains(RUN_BY_SPREADSHEETS))
        .then(pl.concat_str(pl.lit("'"), name))
        .otherwise(name)
        .alias(name)
        for name, kind in flat.schema.items()
        if kind == pl.String
    )
    text = safe.write_csv()
    is_read_by_a_terminal = sys.stdout.isatty()  # which would obey what is written; a file gets it as it is
    click.echo(
        "\n".join(map(harmless, text.splitlines())) if is_read_by_a_terminal else text,
        nl=is_read_by_a_terminal,
    )


def print_rows_as_lists(frame: pl.DataFrame) -> None:
    """Print each row below the one before, a column a line, the names in line: for rows wider than any window."""
    names = [harmless(column) for column in frame.columns]
    width = max(map(len, names), default=0)
    for number, row in enumerate(frame.iter_rows(), start=1):
        click.echo(f"── row {number:,} of {frame.height:,}")
        for name, cell in zip(names, row, strict=True):
            click.echo(f"{name:<{width}}  {shown(cell)}")


def print_records(rows: Sequence[Sequence[Cell]], fields: Sequence[str], *, as_json: bool) -> None:
    """Print named tuples: as JSON, one object each, or drawn."""
    if as_json:
        print_json([dict(zip(fields, row, strict=True)) for row in rows])
    else:
        numbers = [f for i, f in enumerate(fields) if any(isinstance(row[i], int | float) for row in rows)]
        print_table(fields, rows, right=numbers)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, right: Sequence[str] = ()) -> None:
    """Draw a table on stdout; the columns named in `right` hold numbers.

    In a window too narrow for its words each row is written below the one before, a column a line: squeezed, words
    would be cut into letters, and the last columns left out. A long table is drawn in pages, each under the names of
    its columns: to know how wide a column is, all of its rows are measured, which takes a second for ten thousand.
    """
    names = [harmless(column) for column in columns]
    cells = [[shown(cell) for cell in row] for row in rows]
    screen = console()
    if len(names) > 1 and _least_width(names, cells) > screen.width:
        for row in cells:
            click.echo("\n".join(f"{name}: {cell}" for name, cell in zip(names, row, strict=True)) + "\n")
        return
    is_right = [column in right for column in columns]
    for page in range(0, max(len(cells), 1), ROWS_OF_A_PAGE):
        if page:
            screen.print()
        screen.print(_drawn(names, cells[page : page + ROWS_OF_A_PAGE], is_right))


def _drawn(names: Sequence[str], cells: Iterable[Sequence[str]], is_right: Sequence[bool]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name, right in zip(names, is_right, strict=True):
        table.add_column(Text(name), justify="right" if right else "left", overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    return table


def _least_width(names: Sequence[str], cells: Sequence[Sequence[str]]) -> int:
    """Return how wide a window has to be for no ordinary word to be cut."""
    widest = [
        max(len(word) for text in column for word in (*text.split(), ""))
        for column in zip(names, *cells, strict=True)
    ]
    return sum(min(each, LONG_WORD) for each in widest) + len(BETWEEN) * (len(names) - 1)


def console(*, err: bool = False) -> Console:
    """Return a console on stdout (or stderr) that interprets no markup and guesses no highlights."""
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False, soft_wrap=False)


def shown(cell: Cell) -> str:
    """Return how a cell reads: numbers short, times without their microseconds, text harmless."""
    match cell:
        case None:
            return "–"
        case bool():
            return "yes" if cell else "no"
        case float():
            return number(cell)
        case datetime():
            return cell.strftime("%Y-%m-%d %H:%M:%S")
        case date() | int():
            return str(cell)
        case Mapping():
            return harmless(", ".join(f"{key}: {shown(value)}" for key, value in _items(cell)))
        case list() | tuple():
            return ", ".join(shown(each) for each in cell)
        case _:
            return harmless(str(cell))


def number(value: float, digits: int = 4) -> str:
    """Return a number with so many significant digits, in plain decimals from a millionth to any size."""
    if 1e-6 < abs(value) < 1e-4:
        return rounded(value, 6).rstrip("0")
    if abs(value) >= 10**digits:
        return rounded(value, 1).replace(",", "").removesuffix(".0")
    return significant(value, digits) if abs(value) > 1e-6 else f"{value:.{digits}g}"


def two_digits(value: object) -> str:
    """Return a score as a report says it; a dash where there is none."""
    return score(value) if isinstance(value, float) else "–"


def estimate(row: Mapping[str, object], name: str, shown: Callable[[object], str] = two_digits) -> str:
    """Return a row's estimate, with its interval where it has one."""
    if row[name] is None or row[f"{name}_low"] is None:
        return shown(row[name])
    return f"{shown(row[name])} [{shown(row[f'{name}_low'])}, {shown(row[f'{name}_high'])}]"


def _items(mapping: Mapping[Any, Any]) -> Iterable[tuple[Any, Any]]:
    return mapping.items()
