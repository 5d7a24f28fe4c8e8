"""The sanction ladder: what a plan becomes, given who wrote the comment and what counts against them.

What a ladder says is YAML (`defaults/sanctions`, data/sanctions); records are kept in `user_state.py`.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field, field_validator

from moderation_pipeline.agents.case import Case
from moderation_pipeline.agents.plan import UNDECIDED, Action, Category, Plan
from moderation_pipeline.closed import Closed, read_closed
from moderation_pipeline.config_errors import ConfigError, closest
from moderation_pipeline.moderation.user_state import DEEDS, Deed, Record, Standings
from moderation_pipeline.warehouse.folder import DataFolder

SECONDS_PER = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
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
    after_comments: int = Field(default=500, ge=1)


class SanctionsSpec(Closed):
    """A sanctions file: for each category and proposed action the steps that repetition climbs."""

    description: str = ""
    strikes_expire_after_s: int = Field(default=7 * 86_400, gt=0)
    immune: tuple[str, ...] = ("moderator", "broadcaster")
    circuit_breaker: CircuitBreaker | None = CircuitBreaker()
    ladders: dict[str, dict[Action, tuple[Step, ...]]]

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
    ready_made = Path(str(resources.files("moderation_pipeline.defaults") / "sanctions"))
    for place in (folder.sanctions, ready_made):
        path = place / f"{name}.yaml"
        if path.is_file():
            return _read(path)
    names = sorted({path.stem for place in (folder.sanctions, ready_made) for path in place.glob("*.yaml")})
    raise SanctionsError(
        f"There are no sanctions {name!r}.{closest(name, names)} There are: {', '.join(names)}. "
        f"A file {folder.sanctions / 'NAME.yaml'} makes more."
    )


def _read(path: Path) -> SanctionsSpec:
    try:
        return read_closed(SanctionsSpec, path)
    except ConfigError as error:
        raise SanctionsError(str(error)) from None


class Sanction(NamedTuple):
    """What is done about a comment: a row of the action log without what the comment itself says.

    `decided_by` is student, expert, fallback, or ladder where the ladder changed the plan.
    """

    action: str
    category: str | None
    duration_s: int | None
    reply_text: str | None
    decided_by: str
    reason: str
    strikes: int
    counts_until_us: int | None
    under_sanction: bool
    is_shadow: bool


def _in_shadow(sanction: Sanction, why: str) -> Sanction:
    """Return the sanction as it is recorded only; letting be is letting be, in shadow too."""
    if sanction.action in (Action.ALLOW, UNDECIDED):
        return sanction._replace(is_shadow=True)
    return sanction._replace(is_shadow=True, reason=f"{sanction.reason} (in shadow: {why})")


class Ladder:
    """Turns plans into sanctions in stream order, and keeps every user's record while doing so."""

    def __init__(self, spec: SanctionsSpec, *, shadow: bool = False) -> None:
        self._spec = spec
        self._shadow = shadow
        self._tripped_at: int | None = None
        self._comments = 0
        self._bans = 0
        self.standings = Standings()

    @property
    def tripped_at(self) -> int | None:
        """The position at which the circuit breaker turned the run to shadow mode, if it did."""
        return self._tripped_at

    def foresee(self, case: Case, plan: Plan | None) -> Sanction:
        """Return what would be done about the case as things stand, without doing it."""
        record = self.standings.record_of(case.channel, case.user_id)
        return self._sanction(case, plan, "student", record)

    def act(self, case: Case, plan: Plan | None, decided_by: str, *, withheld: str | None = None) -> Sanction:
        """Return what is done about the case, and fold it into its author's record.

        `withheld` says why the system may not do this alone, where it may not; it is then done in shadow.
        """
        self._comments += 1
        record = self.standings.record_of(case.channel, case.user_id)
        sanction = self._sanction(case, plan, decided_by, record)
        if withheld is not None:
            sanction = _in_shadow(sanction, withheld)
        if sanction.action not in DEEDS:
            return sanction
        deed = Deed(sanction.action, case.sent_at_us, sanction.duration_s, sanction.counts_until_us)
        self.standings.take_in(case.channel, case.user_id, deed)
        self._watch(case, sanction)
        after = self.standings.record_of(case.channel, case.user_id)
        return sanction._replace(strikes=after.strikes_at(case.sent_at_us))

    def _sanction(self, case: Case, plan: Plan | None, decided_by: str, record: Record) -> Sanction:
        now = case.sent_at_us
        strikes = record.strikes_at(now) if record.strikes_until else 0
        in_force = record.sanction_at(now) if record.sanction is not None else None
        if in_force is not None:
            category = plan.category.value if plan is not None else None
            reason = f"already under a {in_force}"
            return self._nothing("allow", category, "ladder", reason, strikes, under_sanction=True)
        if plan is None:
            return self._nothing(UNDECIDED, None, "student", "nobody could decide", strikes)
        category = str(plan.category)
        if not plan.action.is_sanction:
            quiet = self._nothing(str(plan.action), category, decided_by, plan.reasoning, strikes)
            return quiet if plan.action == "allow" else quiet._replace(reply_text=plan.reply_text)
        immunity = self._immunity(case)
        if immunity is not None:
            return self._nothing("allow", category, "ladder", f"{immunity}s are immune", strikes)
        return self._climb(case, plan, decided_by, record, strikes)

    def _nothing(
        self,
        action: str,
        category: str | None,
        by: str,
        reason: str,
        strikes: int,
        *,
        under_sanction: bool = False,
    ) -> Sanction:
        shadow = self._shadow or self._tripped_at is not None
        return Sanction(action, category, None, None, by, reason, strikes, None, under_sanction, shadow)

    def _immunity(self, case: Case) -> str | None:
        if case.is_broadcaster and "broadcaster" in self._spec.immune:
            return "broadcaster"
        return "moderator" if case.is_moderator and "moderator" in self._spec.immune else None

    def _climb(self, case: Case, plan: Plan, decided_by: str, record: Record, strikes: int) -> Sanction:
        level = strikes + record.is_warned_at(case.sent_at_us)
        steps = self._steps(plan)
        step = steps[min(level, len(steps) - 1)]
        duration = step.duration_s
        if step.action is Action.TIMEOUT and plan.action is Action.TIMEOUT and plan.duration_s is not None:
            duration = max(plan.duration_s, step.duration_s or 0)
        changed = step.action is not plan.action
        reason = plan.reasoning
        if changed:
            reason = f"{plan.action} raised to {step.action} at level {level}: {plan.reasoning}"
        expires = None
        if case.sent_at_us is not None:
            expires = case.sent_at_us + self._spec.strikes_expire_after_s * 1_000_000
        return Sanction(
            step.action.value,
            plan.category.value,
            duration,
            plan.reply_text,
            "ladder" if changed else decided_by,
            reason,
            strikes,
            expires,
            under_sanction=False,
            is_shadow=self._shadow or self._tripped_at is not None,
        )

    def _steps(self, plan: Plan) -> tuple[Step, ...]:
        default = self._spec.ladders["default"]
        steps = self._spec.ladders.get(plan.category, default).get(plan.action) or default.get(plan.action)
        return steps or (Step(plan.action, plan.duration_s),)

    def _watch(self, case: Case, sanction: Sanction) -> None:
        breaker = self._spec.circuit_breaker
        if breaker is None or sanction.is_shadow or sanction.action != Action.BAN:
            return
        self._bans += 1
        if self._comments >= breaker.after_comments and self._bans > breaker.max_ban_share * self._comments:
            self._tripped_at = case.position
