"""The root of every error that a user can do something about.

    ModerationError
    ├── BadSlugError, ConfigError        names and configs
    └── each room's own                  declared in the room that raises them

Each words itself as culprit, got, allowed, fix. The terminal prints such an error without a traceback;
whatever else comes up is a bug of ours, and is said to be one.
"""

from __future__ import annotations


class ModerationError(ValueError):
    """Something a user gave or lacks; its text says what, and what to do about it."""
