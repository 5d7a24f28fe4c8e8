"""What a run may still spend, and what it gives up when that is spent: audits first, then the model, or it stops.

Everything is decided at batch borders in stream order, from list costs and worst cases, so that rows don't
depend on timing or on what was cached (law 1).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from moderation_pipeline.agents.build_agents import Agents
from moderation_pipeline.agents.keyless.rules import RulesStudent
from moderation_pipeline.agents.student import Student
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.settled import AUDITS_OFF, RULES
from moderation_pipeline.cases.situation import Situation
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.config.config_errors import UnpricedBudgetError
from moderation_pipeline.config.run_config import BudgetSpec, VoteSpec
from moderation_pipeline.errors import ModerationError


class RunBudget:
    """What one run may cost at list price. List cost, so that rows don't depend on what was cached.

    The loop asks, before each batch and in stream order, whether its worst case fits, and charges what the
    batch really cost at list price once it is over.
    """

    def __init__(self, usd_per_run: float) -> None:
        self.usd_per_run = usd_per_run
        self.spent_usd = 0.0

    def can_afford(self, worst_case_usd: float) -> bool:
        """Whether a batch that costs this much at worst may start."""
        return self.spent_usd + worst_case_usd <= self.usd_per_run

    def charge(self, list_cost_usd: float) -> None:
        """Count what a batch cost at list price."""
        self.spent_usd += list_cost_usd


class RunBudgetSpentError(ModerationError):
    """A run's budget is spent, and its config says that it then stops."""

    def __init__(self, budget: RunBudget, position: int) -> None:
        super().__init__(
            f"The run's budget of ${budget.usd_per_run:g} doesn't cover the batch from comment {position:,} on: "
            f"${budget.spent_usd:.4f} are spent at list price. Nothing is lost: with a higher usd_per_run the run "
            "asks for no reply again. With `when_spent: rules` it would have gone on without models."
        )


class Spending:
    """Watches over one run's budget; without one it allows everything and reckons nothing."""

    def __init__(
        self,
        spec: BudgetSpec | None,
        agents: Agents,
        say: Callable[[str], None],
        *,
        vote: VoteSpec | None = None,
    ) -> None:
        """Take the budget, and how the rules hear memories once they decide in the Student's place."""
        self._spec = spec
        self._rules = RulesStudent(vote)
        self._agents = agents
        self._say = say
        self._budget = None if spec is None else RunBudget(spec.usd_per_run)
        self._reserved_usd: deque[float] = deque()
        self._reserving_usd = 0.0
        self._degraded_from = 0
        self.degraded: str | None = None

    def student_for(self, cases: Sequence[Case], situations: Sequence[Situation]) -> Student | None:
        """Return who decides the batch: the Student while its worst case fits, else the rules.

        Raises:
            RunBudgetSpentError: it doesn't fit, and the config says stop.
            UnpricedBudgetError: nobody knows what the Student costs.
        """
        student = self._agents.student
        if self._budget is None or self.degraded == RULES:
            return self._rules if self.degraded == RULES else student
        if student is None:
            return None
        if self._fits(self._priced(student.worst_case_usd(cases, situations), "Student")):
            return student
        self._degrade(RULES, cases[0].position)
        return self._rules

    def degraded_at(self, position: int) -> str | None:
        """Return what was given up by this comment of the latest batch: audits end within one."""
        return self.degraded if position >= self._degraded_from else None

    def may_audit(self, case: Case) -> bool:
        """Whether the case may be audited; if not, audits have ended.

        Asked of each comment in stream order and before it is drawn: a batch that is cut after its draws goes on
        where chance made it cheap, and its audits would be less likely than they say.

        Raises:
            RunBudgetSpentError: it doesn't fit, and the config says stop.
            UnpricedBudgetError: nobody knows what the Expert costs.
        """
        if self._budget is None:
            return True
        if self.degraded is not None:
            return False
        if self._fits(self._worst_usd(case)):
            return True
        # A run in which only the Expert decides has nobody left but the rules.
        self._degrade(AUDITS_OFF if self._agents.student is not None else RULES, case.position)
        return False

    def reserve_audit(self, case: Case) -> None:
        """Set aside what the audit of the case may cost at most, until `audited`."""
        if self._budget is not None:
            self._reserving_usd += self._worst_usd(case)

    def chosen(self) -> None:
        """Close the present batch: `audited` gives back what was set aside for it."""
        self._reserved_usd.append(self._reserving_usd)
        self._reserving_usd = 0.0

    def decided(self, verdicts: Sequence[Verdict | None]) -> None:
        """Charge what a batch's decisions cost."""
        self._charge(verdicts)

    def audited(self, verdicts: Sequence[Verdict | None]) -> None:
        """Charge what the oldest batch in flight cost to audit, and give back what was reserved for it."""
        if self._reserved_usd:
            self._reserved_usd.popleft()
        self._charge(verdicts)

    def _charge(self, verdicts: Sequence[Verdict | None]) -> None:
        if self._budget is not None:
            costs = [verdict.receipt.list_cost_usd or 0.0 for verdict in verdicts if verdict is not None]
            self._budget.charge(sum(costs))

    def _worst_usd(self, case: Case) -> float:
        assert self._agents.expert is not None
        return self._priced(self._agents.expert.worst_case_usd([case]), "Expert")

    def _fits(self, worst_usd: float) -> bool:
        assert self._budget is not None
        set_aside = sum(self._reserved_usd) + self._reserving_usd
        return worst_usd == 0 or self._budget.can_afford(set_aside + worst_usd)

    def _priced(self, worst_usd: float | None, part: str) -> float:
        if worst_usd is None:
            assert self._spec is not None
            raise UnpricedBudgetError(f"the {part}'s model", f"A budget of ${self._spec.usd_per_run:g} a run")
        return worst_usd

    def _degrade(self, to: str, position: int) -> None:
        assert self._spec is not None
        assert self._budget is not None
        if self._spec.when_spent == "stop":
            raise RunBudgetSpentError(self._budget, position)
        self.degraded = to
        self._degraded_from = position
        goes_on = "nothing is audited" if to == AUDITS_OFF else "the rules decide and nothing is audited"
        self._say(
            f"The run's budget of ${self._spec.usd_per_run:g} is spent (${self._budget.spent_usd:.4f} at list price, "
            f"and what comes next may cost more than is left): from comment {position:,} on {goes_on}."
        )
