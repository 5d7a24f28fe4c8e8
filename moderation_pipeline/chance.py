"""Chance as a pure function: a hash of (seed, purpose, comment_id), never a generator's state (law 1)."""

from __future__ import annotations

from hashlib import blake2b


def draw(seed: int, purpose: str, comment_id: str) -> float:
    """Return a number in [0, 1), uniform over comments, fixed by its arguments.

    Each use of chance has its own `purpose`, so that two draws about one comment are independent.
    """
    digest = blake2b(f"{seed}\x1f{purpose}\x1f{comment_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
