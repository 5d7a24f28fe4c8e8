"""How often Python looks for garbage while a run goes on: seldom, for a run makes next to none in cycles.

What a comment leaves behind is freed the moment nothing refers to it. Only cycles need looking for, and the
loop makes none; but thousands of comments are in hand at a time, which at Python's default makes it look
through all that is alive, modules and memories and all, 13 times per 100,000 comments: a tenth of the loop's
time (measured).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

NEW_OBJECTS = 20_000
"""New objects after which the youngest are looked through; Python's default is some hundreds."""


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Have garbage in cycles looked for seldom; as it was, afterwards."""
    before, *older = gc.get_threshold()
    gc.set_threshold(max(before, NEW_OBJECTS) if before else 0, *older)
    try:
        yield
    finally:
        gc.set_threshold(before, *older)
