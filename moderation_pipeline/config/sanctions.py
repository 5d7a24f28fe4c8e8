"""What a sanctions file says: for each category and proposed action the steps that repetition climbs.

Ready-made ones are in `defaults/sanctions`, a user's in data/sanctions; climbing them is `moderation/ladder.py`'s.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field, field_validator

from moderation_pipeline.config.config_errors import ConfigError
from moderation_pipeline.config.replacing import Replacement
from moderation_pipeline.config.yaml_model import Closed, read_closed
from moderation_pipeline.errors import closest
from moderation_pipeline.plan import SECONDS_PER, Action, Category
from moderation_pipeline.warehouse.folder import DataFolder

_STEP = re.compile(r"(warn|reply|delete|ban|timeout (\d+)([smhd]))")


class Step(NamedTuple):
    """One rung: an action, with its duration where it is a timeout."""

    action: Action
    duration_s: int | None


class SanctionsError(ConfigError):
    """A sanctions file that can't be used: the file, the key, what it said, what is allowed."""


class CircuitBreaker(Closed):
    """Turns the rest of a run to shadow mode when bans pass a share of all comments."""

    max_ban_share: float = Field(default=0.02, gt=0, le=1)
    """The share of all comments that may be bans."""
    after_comments: int = Field(default=500, ge=1)
    """From how many comments on it is looked at."""


class SanctionsSpec(Closed):
    """A sanctions file: for each category and proposed action the steps that repetition climbs."""

    description: str = ""
    """One line that says what the file is for."""
    strikes_expire_after_s: int = Field(default=7 * 86_400, gt=0)
    """After how many seconds a strike counts no more."""
    immune: tuple[str, ...] = ("moderator", "broadcaster")
    """Who is never sanctioned: moderator, broadcaster."""
    circuit_breaker: CircuitBreaker | None = CircuitBreaker()
    """When bans pass a share of all comments, the rest of the run is in shadow; null: never."""
    ladders: dict[str, dict[Action, tuple[Step, ...]]]
    """For each category (or default) and proposed action the steps that repetition climbs."""

    @field_validator("ladders", mode="before")
    @classmethod
    def _read_steps(cls, ladders: Any) -> Any:
        if not isinstance(ladders, dict) or "default" not in ladders:
            raise ValueError("must map 'default' and categories to the steps of each proposed action")
        unknown = set(ladders) - {"default", *Category}
        if unknown:
            raise ValueError(
                f"unknown category {sorted(unknown)[0]!r}; allowed: default, {', '.join(Category)}"
            )
        return {
            category: {action: tuple(_step(step) for step in steps) for action, steps in by_action.items()}
            for category, by_action in ladders.items()
        }


def _step(text: str) -> Step:
    match = _STEP.fullmatch(str(text))
    if match is None:
        raise ValueError(f"step {text!r} is not one of: reply, warn, delete, timeout <n>s|m|h|d, ban")
    if match[2] is None:
        return Step(Action(match[1]), None)
    return Step(Action.TIMEOUT, int(match[2]) * SECONDS_PER[match[3]])


def load_sanctions(name: str, folder: DataFolder) -> SanctionsSpec:
    """Return the sanctions of that name: the user's own file, else the ready-made one.

    Raises:
        SanctionsError: no such file, or one that says what is not allowed.
    """
    places = (folder.sanctions, _ready_made())
    for place in places:
        path = place / f"{name}.yaml"
        if path.is_file():
            return _read(path)
    names = sorted({path.stem for place in places for path in place.glob("*.yaml")})
    raise SanctionsError(
        f"There are no sanctions {name!r}.{closest(name, names)} There are: {', '.join(names)}. "
        f"A file {folder.sanctions / 'NAME.yaml'} makes more."
    )


def replaced_sanctions(name: str, folder: DataFolder) -> tuple[Replacement, ...]:
    """Return the user's own file of that name where it replaces a ready-made one; else nothing."""
    own, ready_made = (place / f"{name}.yaml" for place in (folder.sanctions, _ready_made()))
    both = own.is_file() and ready_made.is_file()
    return (Replacement("sanctions", own, ready_made),) if both else ()


def _ready_made() -> Path:
    return Path(str(resources.files("moderation_pipeline.defaults") / "sanctions"))


def _read(path: Path) -> SanctionsSpec:
    try:
        return read_closed(SanctionsSpec, path)
    except ConfigError as error:
        raise SanctionsError(str(error)) from None
