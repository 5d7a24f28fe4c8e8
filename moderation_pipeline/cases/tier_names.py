"""Which part of a learned Student decided, as `student_decisions.tier` says it; within tiers, after a slash."""

from __future__ import annotations

HEAD = "learned"

BASE = "base"
"""The base: it has no head over it yet, or none whose calibration has enough audits behind it."""

BASE_INSTEAD = "base, for the head did worse"
"""The base, because the guard says so."""

BASE_MOVED = "base, recalibrated"
"""The base, by a threshold that audits set which may not be trained on."""
