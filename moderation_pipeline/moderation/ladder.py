"""The sanction ladder: what a plan becomes, given who wrote the comment and what counts against them.

What a ladder says is YAML (`defaults/sanctions`, data/sanctions); records are kept in `user_state.py`.
"""

from __future__ import annotations

from typing import Protocol

from moderation_pipeline.cases.chosen import DecidedBy
from moderation_pipeline.cases.settled import Sanction
from moderation_pipeline.config.sanctions import SanctionsSpec, Step
from moderation_pipeline.moderation.standings import DEEDS, Deed, Standings, UserRecord
from moderation_pipeline.plan import UNDECIDED, Action, Plan


def _in_shadow(sanction: Sanction, why: str) -> Sanction:
    """Return the sanction as it is recorded only; letting be is letting be, in shadow too."""
    if sanction.action in (Action.ALLOW, UNDECIDED):
        return sanction._replace(is_shadow=True)
    return sanction._replace(is_shadow=True, reason=f"{sanction.reason} (in shadow: {why})")


class Judged(Protocol):
    """What the ladder has to know of a comment: a `Case`, or as much of one as a stored run holds."""

    @property
    def position(self) -> int:
        """The comment's place in the stream."""
        ...

    @property
    def channel(self) -> str:
        """The room: standing does not travel between rooms."""
        ...

    @property
    def user_id(self) -> str | None:
        """Who wrote it, null where nobody knows."""
        ...

    @property
    def sent_at_us(self) -> int | None:
        """When, in microseconds since 1970 (UTC); null where unknown."""
        ...

    @property
    def is_moderator(self) -> bool:
        """Whether a moderator of the channel wrote it."""
        ...

    @property
    def is_broadcaster(self) -> bool:
        """Whether the channel's owner wrote it."""
        ...


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

    def foresee(self, case: Judged, plan: Plan | None) -> Sanction:
        """Return what would be done about the case as things stand, without doing it."""
        record = self.standings.record_of(case.channel, case.user_id)
        return self._sanction(case, plan, DecidedBy.STUDENT, record)

    def act(
        self,
        case: Judged,
        plan: Plan | None,
        decided_by: DecidedBy,
        *,
        withheld: str | None = None,
        why_none: str = "",
    ) -> Sanction:
        """Return what is done about the case, and fold it into its author's record.

        `withheld` says why the system may not do this alone, where it may not; it is then done in shadow. `why_none`
        says why there is no plan, where there is none.
        """
        self._comments += 1
        record = self.standings.record_of(case.channel, case.user_id)
        sanction = self._sanction(case, plan, decided_by, record)
        if sanction.action == UNDECIDED and why_none:
            sanction = sanction._replace(reason=why_none)
        if withheld is not None:
            sanction = _in_shadow(sanction, withheld)
        if sanction.action not in DEEDS:
            return sanction
        deed = Deed(sanction.action, case.sent_at_us, sanction.duration_s, sanction.counts_until_us)
        self.standings.take_in(case.channel, case.user_id, deed)
        self._watch(case, sanction)
        after = self.standings.record_of(case.channel, case.user_id)
        return sanction._replace(strikes=after.strikes_at(case.sent_at_us))

    def _sanction(
        self, case: Judged, plan: Plan | None, decided_by: DecidedBy, record: UserRecord
    ) -> Sanction:
        now = case.sent_at_us
        strikes = record.strikes_at(now) if record.strikes_until else 0
        in_force = record.sanction_at(now) if record.sanction is not None else None
        if in_force is not None:
            category = plan.category.value if plan is not None else None
            reason = f"already under a {in_force}"
            return self._nothing("allow", category, DecidedBy.LADDER, reason, strikes, under_sanction=True)
        if plan is None:
            by = DecidedBy.NOT_JUDGED if decided_by is DecidedBy.NOT_JUDGED else DecidedBy.NOBODY
            return self._nothing(UNDECIDED, None, by, "nobody could decide", strikes)
        category = str(plan.category)
        if not plan.action.is_sanction:
            quiet = self._nothing(str(plan.action), category, decided_by, plan.reasoning, strikes)
            return quiet if plan.action == "allow" else quiet._replace(reply_text=plan.reply_text)
        immunity = self._immunity(case)
        if immunity is not None:
            return self._nothing("allow", category, DecidedBy.LADDER, f"{immunity}s are immune", strikes)
        return self._climb(case, plan, decided_by, record, strikes)

    def _nothing(
        self,
        action: str,
        category: str | None,
        by: DecidedBy,
        reason: str,
        strikes: int,
        *,
        under_sanction: bool = False,
    ) -> Sanction:
        shadow = self._shadow or self._tripped_at is not None
        return Sanction(
            action=action,
            category=category,
            duration_s=None,
            reply_text=None,
            decided_by=by,
            reason=reason,
            strikes=strikes,
            counts_until_us=None,
            under_sanction=under_sanction,
            is_shadow=shadow,
        )

    def _immunity(self, case: Judged) -> str | None:
        if case.is_broadcaster and "broadcaster" in self._spec.immune:
            return "broadcaster"
        return "moderator" if case.is_moderator and "moderator" in self._spec.immune else None

    def _climb(
        self, case: Judged, plan: Plan, decided_by: DecidedBy, record: UserRecord, strikes: int
    ) -> Sanction:
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
            action=step.action.value,
            category=plan.category.value,
            duration_s=duration,
            reply_text=plan.reply_text,
            decided_by=DecidedBy.LADDER if changed else decided_by,
            reason=reason,
            strikes=strikes,
            counts_until_us=expires,
            under_sanction=False,
            is_shadow=self._shadow or self._tripped_at is not None,
        )

    def _steps(self, plan: Plan) -> tuple[Step, ...]:
        default = self._spec.ladders["default"]
        steps = self._spec.ladders.get(plan.category, default).get(plan.action) or default.get(plan.action)
        return steps or (Step(plan.action, plan.duration_s),)

    def _watch(self, case: Judged, sanction: Sanction) -> None:
        breaker = self._spec.circuit_breaker
        if breaker is None or sanction.is_shadow or sanction.action != Action.BAN:
            return
        self._bans += 1
        if self._comments >= breaker.after_comments and self._bans > breaker.max_ban_share * self._comments:
            self._tripped_at = case.position
