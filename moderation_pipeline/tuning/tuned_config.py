"""The winner as a config file, with what it rests on said in its first lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.report.quantities import signed
from moderation_pipeline.rounding import rounded
from moderation_pipeline.statistics.bootstrap import Interval
from moderation_pipeline.tuning.paired_comparison import ComparedWay, TuningResult

FIRST_WORDS = "# Written by `moderation tune"


class NotOursError(ModerationError):
    """A file of that name that this command didn't write."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is there, and not by `moderation tune`: it is left as it is. Rename it, or name another with --to."
        )


def check_may_be_written(path: Path) -> None:
    """Refuse to take the place of a file that somebody wrote, before anything is paid.

    Raises:
        NotOursError: there is one.
    """
    if path.exists() and not path.read_text(encoding="utf-8").startswith(FIRST_WORDS):
        raise NotOursError(path)


def tuned_text(named: NamedConfig, chat: str, found: TuningResult, winner: ComparedWay) -> str:
    """Return the winner's file: what was compared, then the config that extends the one that was tuned."""
    own = found.compared[0]
    comments = (
        f"{FIRST_WORDS} {named.name} {chat}`: the best of {len(found.compared)} ways to ask, by F1 of violation on "
        f"{found.asked} labelled",
        f"# comments ({found.violations} of them violations), each counted for as many as it stands for in the chat.",
        f"# {winner.candidate.label}: {told(winner.f1)}",
        f"# {own.candidate.label} ({named.name} as it is): {told(own.f1)}",
        f"# The difference, in pairs: {told(winner.above, say=signed)}; 95 % for all ways together.",
        "# It was chosen on this chat: what it is worth elsewhere another chat must say.",
    )
    content: dict[str, Any] = {
        "description": f"{named.name} as tuned on {chat}: {winner.candidate.label}.",
        "extends": named.name,
        winner.candidate.part: dict(winner.candidate.changes),
    }
    return "\n".join((*comments, yaml.safe_dump(content, sort_keys=False, width=120)))


def told(found: Interval, *, say: Callable[[float, int], str] = rounded) -> str:
    """Return an estimate with its interval in words; `say=signed` for a difference."""
    if found.estimate is None:
        return "unknown"
    if found.low is None or found.high is None:
        return say(found.estimate, 3)
    return f"{say(found.estimate, 3)} [{say(found.low, 3)}, {say(found.high, 3)}]"
