"""The plan: what an agent proposes for a comment, and the closed sets that plans are made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What may be done about a comment, mildest first: the order of declaration is the severity."""

    ALLOW = "allow"
    REPLY = "reply"
    WARN = "warn"
    DELETE = "delete"
    TIMEOUT = "timeout"
    BAN = "ban"

    # Told once, of each member: several looks per comment at a property that looks members up by their hash,
    # which Python computes in Python, are a microsecond.
    severity: int
    """The rank: 0 for allow up to 5 for ban."""
    is_sanction: bool
    """Whether the action is held against the user: warn and above."""

    def __init__(self, name: str) -> None:
        self.severity = len(type(self).__members__)
        self.is_sanction = name not in ("allow", "reply")


SEVERITY: dict[Action, int] = {action: action.severity for action in Action}

SANCTIONS = tuple(action for action in Action if action.is_sanction)

SECONDS_PER = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
"""How durations are written wherever people write them: `10m`."""

UNDECIDED = "undecided"
"""What `action_log.action` says where nobody could decide: acts on nobody, neither allowed nor sanctioned."""

NOT_JUDGED = "not_judged"
"""Who decided what is undecided because none that was asked can judge it: a comment in a language they don't speak."""


class Category(StrEnum):
    """What a comment violates; `none` is the only one that is no violation."""

    HARASSMENT = "harassment"
    HATE = "hate"
    THREAT = "threat"
    SEXUAL = "sexual"
    SPAM = "spam"
    SELF_HARM = "self_harm"
    PERSONAL_INFORMATION = "personal_information"
    OTHER = "other"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Plan:
    """What an agent proposes for a comment.

    `confidence` is in [0, 1]; `duration_s` is set only for a timeout, and may be null there too: the ladder
    then chooses. `reply_text` is what is said to the user, `rule` the identifier of the rule cited.
    """

    action: Action
    category: Category
    confidence: float
    reasoning: str = ""
    reply_text: str | None = None
    rule: str | None = None
    duration_s: int | None = None

    @property
    def is_violation(self) -> bool:
        """Whether the comment breaks a rule (a caring reply to self-harm is one too)."""
        return self.category != "none"

    def agrees_with(self, other: Plan) -> bool:
        """Whether both propose the same action for the same category; durations and words may differ."""
        return self.action is other.action and self.category is other.category
