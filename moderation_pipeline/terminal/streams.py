"""The three streams that the program was started with, made fit to be written to, whatever they are.

A terminal or a file may have few characters (ASCII, Windows' code pages), and a stream may be closed. What is
dangerous in a text is `escaping.py`'s.
"""

from __future__ import annotations

import codecs
import io
import os
import sys

INSTEAD = {
    "–": "-",
    "—": "-",
    "…": "...",
    "·": "-",
    "×": "x",
    "≥": ">=",
    "≤": "<=",
    "‘": "'",
    "’": "'",
    "→": "->",
}
"""What our own signs are where there are only ASCII's; any other character is a question mark."""

HANDLER = "moderation_instead"


def make_fit() -> None:
    """Let the streams take any text, and open those that are closed on nothing.

    A closed one is opened before anything else is: a database would get its number, and what is printed with it.
    """
    codecs.register_error(HANDLER, _instead)
    for number, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        if _is_closed(number):
            os.dup2(os.open(os.devnull, mode), number)
    sys.stdin = sys.stdin or io.TextIOWrapper(io.FileIO(0, closefd=False), "utf-8")
    sys.stdout = _fit(sys.stdout, 1)
    sys.stderr = _fit(sys.stderr, 2)


def _is_closed(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return True
    return False


def _fit(stream: object, number: int) -> io.TextIOWrapper:
    if not isinstance(stream, io.TextIOWrapper):
        return io.TextIOWrapper(io.FileIO(number, "w", closefd=False), "utf-8", errors=HANDLER)
    stream.reconfigure(errors=HANDLER)
    return stream


def _instead(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(INSTEAD.get(each, "?") for each in error.object[error.start : error.end]), error.end
