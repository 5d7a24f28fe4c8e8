"""Counting tokens where a server doesn't: with the model's own tokenizer if this machine has it, else roughly.

Nothing is downloaded for it. A count made here is marked as estimated in its row (`metering.py`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any


def counted(model: str, text: str) -> int:
    """Return how many tokens the text has for the model."""
    tokenizer = _tokenizer(model)
    return (
        roughly_counted(text) if tokenizer is None else len(tokenizer.encode(text, add_special_tokens=False))
    )


def roughly_counted(text: str) -> int:
    """Return one token for four bytes of UTF-8."""
    return (len(text.encode()) + 3) // 4


@lru_cache(maxsize=8)
def _tokenizer(model: str) -> Any | None:
    """Return the model's tokenizer; null where transformers or its files aren't on this machine."""
    try:
        from transformers import AutoTokenizer
    except ImportError:
        return None
    try:
        return AutoTokenizer.from_pretrained(model, local_files_only=True)
    except (OSError, ValueError):
        return None
