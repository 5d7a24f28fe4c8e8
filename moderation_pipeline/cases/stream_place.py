"""Which batch of the stream a call is for: where calls wait for each other, the earlier batch's goes first.

It goes along with a task (a context variable), so that nobody between the loop and the call has to hand it on.
"""

from __future__ import annotations

from contextvars import ContextVar

BATCH: ContextVar[int] = ContextVar("batch", default=0)
