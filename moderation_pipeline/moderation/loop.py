"""The loop: a chat goes through Student, audit policy, Expert, memory and ladder, batch by batch (law 1).

Batch b is decided with the memory, the Student and the standing as batches up to b - 1 - feedback_lag left
them, whenever replies arrive: a batch's audits are awaited, in stream order, when the lag is used up.

Where there is a lag, a Student that is asked elsewhere gets the next batch as soon as what it is decided with is known,
while the slowest replies of the batch before are still out (`begins_ahead`); the rows are the same.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace

import polars as pl

from moderation_pipeline.agents.build_agents import Agents
from moderation_pipeline.agents.expert import AuditsByBatch, Expert, SeesStudent
from moderation_pipeline.agents.student import Student
from moderation_pipeline.audits.audit_policy import AuditPolicy
from moderation_pipeline.cases.audit_reason import AuditReason
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.chosen import Chosen, DecidedBy, stands
from moderation_pipeline.cases.settled import NOT_AUDITED, AuditChoice, Sanction, Settled
from moderation_pipeline.cases.situation import Lesson, Situation
from moderation_pipeline.cases.stream_place import BATCH
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.certificates.decided_alone import decided_alone
from moderation_pipeline.certificates.ledger import Ledger
from moderation_pipeline.config.run_config import Config, NamedConfig
from moderation_pipeline.memory.state import state_of
from moderation_pipeline.memory.store import Learnt, MemoryStore
from moderation_pipeline.moderation.gc_pause import seldom_collected
from moderation_pipeline.moderation.in_flight import AuditBill, BeingDecided, InFlight, abandon, begins_ahead
from moderation_pipeline.moderation.interruption import run_until_interrupted
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.moderation.precedents import Precedent, Precedents
from moderation_pipeline.moderation.repeated_plans import RepeatedPlans
from moderation_pipeline.moderation.run_tables import RunRecorder, RunTables
from moderation_pipeline.moderation.spending import Spending
from moderation_pipeline.moderation.stream import Stream
from moderation_pipeline.moderation.trace import RunObserver, watching
from moderation_pipeline.plan import Action, Plan
from moderation_pipeline.warehouse.tables import MEMORY_SNAPSHOT


def moderate(
    comments: pl.DataFrame,
    named: NamedConfig,
    *,
    agents: Agents,
    memory: MemoryStore | None,
    ladder: Ladder,
    observers: Sequence[RunObserver] = (),
    secret: str = "",
) -> RunTables:
    """Moderate one chat under one config and return the run's tables.

    `comments` is the chat's table, all of one chat; `secret` goes into the draws of audits. Runs an event loop of its
    own, so it must not be called from a coroutine: there, await `Moderation(…).run()`.
    """
    return run_until_interrupted(Moderation(comments, named, agents, memory, ladder, observers, secret).run())


class Moderation:
    """One run as it goes."""

    def __init__(
        self,
        comments: pl.DataFrame,
        named: NamedConfig,
        agents: Agents,
        memory: MemoryStore | None,
        ladder: Ladder,
        observers: Sequence[RunObserver] = (),
        secret: str = "",
    ) -> None:
        self._chat = str(comments["chat"][0]) if comments.height else ""
        expected = named.config.expected_violations_per_1000
        self._stream = Stream(comments, None if expected is None else expected.share_of(self._chat))
        self._named = named
        self._agents = agents
        self._memory = memory
        self._ladder = ladder
        heard = named.config.memory.vote if named.config.memory is not None else None
        self._spending = Spending(named.config.budget, agents, self._note, vote=heard)
        self._policy = AuditPolicy(named.config.audit, named.config.loop.seed, secret)
        autonomy = named.config.autonomy
        self._ledger = Ledger(autonomy, named.config.audit) if autonomy is not None else None
        self._uncharged: deque[AuditBill] = deque()
        self._precedents = Precedents()
        self._observers = observers
        self._repeated = RepeatedPlans(self._note)
        self._recorder = RunRecorder(self._chat, named.name, self._stream.comments)

    @property
    def _config(self) -> Config:
        return self._named.config

    async def run(self) -> RunTables:
        """Run the loop to the end."""
        begun: deque[BeingDecided] = deque()
        in_flight: deque[InFlight] = deque()
        with seldom_collected(), watching(self._observers, self._chat, self._named.name, len(self._stream)):
            try:
                await self._run_batches(begun, in_flight)
                if self._policy.note is not None:
                    self._note(self._policy.note)
            finally:
                await abandon([*(each.deciding for each in begun), *(each.audits for each in in_flight)])
                await self._agents.aclose()
        snapshot = MEMORY_SNAPSHOT.empty() if self._memory is None else self._memory.snapshot()
        return self._recorder.finish(snapshot)

    async def _run_batches(self, begun: deque[BeingDecided], in_flight: deque[InFlight]) -> None:
        loop = self._config.loop
        ahead = 1 if begins_ahead(self._config, self._agents) else 0
        for number, cases in enumerate(self._stream.batches(loop.batch_size)):
            while len(begun) + len(in_flight) > loop.feedback_lag:
                await self._settle(in_flight.popleft())
            begun.append(await self._begin(number, cases))
            while len(begun) > ahead:
                in_flight.append(await self._decided(begun[0]))
                begun.popleft()
        while begun:
            in_flight.append(await self._decided(begun[0]))
            begun.popleft()
        while in_flight:
            await self._settle(in_flight.popleft())
        self._repeated.end()

    async def _begin(self, number: int, cases: list[Case]) -> BeingDecided:
        """Put a batch to the Student."""
        situations = self._situations(cases)
        student = self._spending.student_for(cases, situations)
        BATCH.set(number)
        deciding = None if student is None else asyncio.ensure_future(student.decide(cases, situations))
        return BeingDecided(number, cases, situations, deciding)

    async def _decided(self, begun: BeingDecided) -> InFlight:
        """Await a batch's decisions, choose its audits, and set them going."""
        cases, expert = begun.cases, self._agents.expert
        BATCH.set(begun.number)
        decided: Sequence[Verdict | None] = [None] * len(cases)
        if begun.deciding is not None:
            decided = _standing(await begun.deciding)
        self._spending.decided(decided)
        self._repeated.decided(cases, decided)
        self._charge_audits(up_to=begun.number - 1 - self._config.loop.feedback_lag)
        choices, audits = [NOT_AUDITED] * len(cases), None
        if expert is not None:
            foreseen = self._foreseen(cases, decided)
            choices = self._policy.choose(cases, decided, expert, foreseen, self._spending)
            if begun.deciding is None:
                decided = await self._by_rules(cases, begun.situations, choices)
            audits = _begun(expert, cases, decided, choices)
        self._spending.chosen()
        return InFlight(
            number=begun.number,
            cases=cases,
            situations=begun.situations,
            decided=decided,
            choices=choices,
            audits=audits,
            degraded=[self._spending.degraded_at(case.position) for case in cases],
        )

    def _charge_audits(self, *, up_to: int) -> None:
        """Tell the policy what audits cost, of batches up to this one: what it chooses by hangs on the lag alone."""
        while self._uncharged and self._uncharged[0].batch <= up_to:
            _, audits, usd = self._uncharged.popleft()
            self._policy.pace.charge(audits, usd)

    async def _by_rules(
        self, cases: Sequence[Case], situations: Sequence[Situation], choices: Sequence[AuditChoice]
    ) -> list[Verdict | None]:
        """Return what rules decide, in a run without a Student, of what the run's budget has left unaudited."""
        rules = self._spending.student_for(cases, situations)
        if rules is None:
            return [None] * len(cases)
        verdicts = _standing(await rules.decide(cases, situations))
        return [
            verdict if choice.reason is None else None
            for verdict, choice in zip(verdicts, choices, strict=True)
        ]

    def _foreseen(self, cases: Sequence[Case], decided: Sequence[Verdict | None]) -> list[Sanction]:
        """Return what the ladder would make of each plan, where the audit policy asks for it."""
        if self._config.audit.policy != "severity":
            return []
        plans = map(_plan, decided)
        return [self._ladder.foresee(case, plan) for case, plan in zip(cases, plans, strict=True)]

    def _situations(self, cases: Sequence[Case]) -> list[Situation]:
        standings = self._ladder.standings
        standing = [standings.standing_of(case.channel, case.user_id, case.sent_at_us) for case in cases]
        student = self._agents.student
        if self._memory is None or student is None or (len(self._memory) == 0 and not student.reads_vectors):
            return [Situation(each) for each in standing]
        states, channels = [state_of(case) for case in cases], [case.channel for case in cases]
        recalled = self._memory.recall(states, channels, least=student.hears_from)
        if not student.reads_vectors:
            return [Situation(*each) for each in zip(standing, recalled, strict=True)]
        vectors = self._memory.dense_vectors(states)
        return [Situation(*each) for each in zip(standing, recalled, vectors, strict=True)]

    async def _settle(self, batch: InFlight) -> None:
        """Await a batch's audits; learn from them, act on every comment, and record it all."""
        audited = await self._audited(batch)
        self._spending.audited(audited)
        found = self._precedents_of(batch)
        chosen = [
            _following(each, precedent)
            for each, precedent in zip(await self._chosen(batch, audited), found, strict=True)
        ]
        settled = [
            Settled(
                case=case,
                decided=decided,
                choice=choice,
                audited=audit,
                agrees=_agrees(decided, audit),
                sanction=self._act(case, plan, choice, degraded),
                degraded=degraded,
                precedent=precedent.comment_id if precedent is not None else None,
            )
            for case, decided, choice, audit, plan, degraded, precedent in zip(
                batch.cases,
                batch.decided,
                batch.choices,
                audited,
                chosen,
                batch.degraded,
                found,
                strict=True,
            )
        ]
        self._precedents.take_in(settled)
        if self._ledger is not None:
            self._ledger.take_in(list(decided_alone(settled)))
        receipts = [each.audited.receipt for each in settled if each.audited is not None]
        usd = sum(receipt.list_cost_usd or 0.0 for receipt in receipts)
        self._uncharged.append(AuditBill(batch.number, len(receipts), usd))
        self._count_uses(settled)
        self._learn(settled, batch.situations)
        self._recorder.settled(settled)
        for observer in self._observers:
            observer.settled(settled)

    def _precedents_of(self, batch: InFlight) -> list[Precedent | None]:
        """Return the precedent of each case; none where audits don't act, nor where the Student is to be certified.

        A certificate is about what the Student itself decides.
        """
        if not self._config.audits_act or self._ledger is not None:
            return [None] * len(batch.cases)
        return [
            self._precedents.of(case, decided)
            for case, decided in zip(batch.cases, batch.decided, strict=True)
        ]

    def _note(self, note: str) -> None:
        for observer in self._observers:
            observer.noted(note)

    def _act(self, case: Case, chosen: Chosen, choice: AuditChoice, degraded: str | None) -> Sanction:
        withheld = self._withheld(case, chosen, choice, degraded)
        return self._ladder.act(
            case, chosen.plan, chosen.decided_by, withheld=withheld, why_none=chosen.why_none
        )

    def _withheld(self, case: Case, chosen: Chosen, choice: AuditChoice, degraded: str | None) -> str | None:
        """Return why a plan is only recorded; null where it is carried out, as the Expert's always is.

        What the ladder makes of a plan is known only now, after the batch before it; under `severity` a ban or
        long timeout that was not foreseen, and so not audited, is done in shadow.
        """
        plan, decided_by = chosen.plan, chosen.decided_by
        if plan is None or decided_by is DecidedBy.EXPERT or plan.action is Action.ALLOW:
            return None
        if self._config.audit.policy == "severity" and self._policy.must_be_audited(
            self._ladder.foresee(case, plan)
        ):
            return "it is not audited"
        if self._ledger is None:
            return None
        return self._ledger.objection(plan, decided_by, choice.probability, degraded)

    async def _audited(self, batch: InFlight) -> list[Verdict | None]:
        """Return the audit of each case of the batch, null where there was none."""
        replies: Iterator[Verdict] = iter(())
        if batch.audits is not None:
            expert, audits = self._agents.expert, batch.audits
            found = await (expert.collected(audits) if isinstance(expert, AuditsByBatch) else audits)
            replies = iter(found)
        return [next(replies) if choice.reason is not None else None for choice in batch.choices]

    async def _chosen(self, batch: InFlight, audited: Sequence[Verdict | None]) -> list[Chosen]:
        """Return the plan that stands for each case; where there is none, the fallback is asked (law 4)."""
        audits_act = self._config.audits_act
        chosen = [
            _of_whom(stands(_plan(decided), _plan(audit), audits_act=audits_act), audit, decided)
            for decided, audit in zip(batch.decided, audited, strict=True)
        ]
        missing = [i for i, each in enumerate(chosen) if each.plan is None]
        if missing and self._agents.fallback is not None:
            verdicts = _standing(await _decide_some(self._agents.fallback, batch, missing))
            for i, verdict in zip(missing, verdicts, strict=True):
                chosen[i] = _of_whom(Chosen(verdict.plan, DecidedBy.FALLBACK), verdict)
        return chosen

    def _count_uses(self, settled: Sequence[Settled]) -> None:
        used = [name for each in settled if each.decided is not None for name in each.decided.memory_ids]
        if self._memory is not None and used:
            self._memory.count_uses(used)

    def _learn(self, settled: Sequence[Settled], situations: Sequence[Situation]) -> None:
        lessons = [
            Lesson(
                case=each.case,
                situation=situation,
                decided=each.decided,
                audited=each.audited,
                audit_probability=each.choice.probability,
                audit_reason=each.choice.reason,
            )
            for each, situation in zip(settled, situations, strict=True)
            if each.decided is not None
            and each.audited is not None
            and each.choice.reason is not None
            # Who pleads chooses what is audited; what he chose must not teach.
            and each.choice.reason is not AuditReason.ADDRESSES_MODERATOR
        ]
        if not lessons:
            return
        if self._memory is not None:
            _remember(self._memory, lessons)
        if self._agents.student is not None:
            self._agents.student.learn(lessons)


def _begun(
    expert: Expert,
    cases: Sequence[Case],
    decided: Sequence[Verdict | None],
    choices: Sequence[AuditChoice],
) -> asyncio.Task[list[Verdict]] | None:
    """Set the audits of a batch going; null where there are none."""
    picked = [i for i, choice in enumerate(choices) if choice.reason is not None]
    if not picked:
        return None
    proposed = [_plan(decided[i]) for i in picked]
    return asyncio.ensure_future(_audits(expert, [cases[i] for i in picked], proposed))


async def _audits(expert: Expert, cases: Sequence[Case], proposed: Sequence[Plan | None]) -> list[Verdict]:
    """Have cases audited: blind, unless the Expert is one that is shown the Student's plans."""
    if isinstance(expert, SeesStudent):
        return await expert.audit_beside(cases, proposed)
    return await expert.audit(cases)


def _standing(verdicts: Sequence[Verdict]) -> list[Verdict]:
    return [verdict.standing for verdict in verdicts]


def _following(chosen: Chosen, precedent: Precedent | None) -> Chosen:
    """Return what was chosen, or in the Student's place what the precedent says."""
    if precedent is None or chosen.decided_by is not DecidedBy.STUDENT:
        return chosen
    said = replace(
        precedent.verdict, reasoning=f"as of {precedent.comment_id}: {precedent.verdict.reasoning}"
    )
    return Chosen(said, DecidedBy.PRECEDENT)


def _of_whom(chosen: Chosen, *asked: Verdict | None) -> Chosen:
    """Return what was chosen; where there is no plan because one of those asked is no judge of the comment, that."""
    reasons = [each.not_judged for each in asked if each is not None and each.not_judged is not None]
    if chosen.plan is not None or not reasons:
        return chosen
    return Chosen(None, DecidedBy.NOT_JUDGED, reasons[0])


def _plan(verdict: Verdict | None) -> Plan | None:
    return None if verdict is None else verdict.plan


def _agrees(decided: Verdict | None, audited: Verdict | None) -> bool | None:
    if decided is None or audited is None or decided.plan is None or audited.plan is None:
        return None
    return decided.plan.agrees_with(audited.plan)


async def _decide_some(student: Student, batch: InFlight, indices: Sequence[int]) -> list[Verdict]:
    return await student.decide([batch.cases[i] for i in indices], [batch.situations[i] for i in indices])


def _account(memory: MemoryStore, lesson: Lesson) -> None:
    """Tell the memory what the audit says of the memories that spoke, and of those that were outvoted.

    Nothing where it isn't known what would have been decided without them: a paid Student is asked for a share.
    """
    decided, audited, heard = lesson.decided, lesson.audited.plan, lesson.situation.recalled
    without = decided.without_memory if decided.memory_ids else decided.plan
    if without is None or decided.plan is None or audited is None:
        return
    memory.account(decided.memory_ids, without=without, with_=decided.plan, audited=audited)
    silent = [one for one in heard if one.memory_id not in decided.memory_ids]
    memory.account_heard(silent, without=without, audited=audited)


def _remember(memory: MemoryStore, lessons: Sequence[Lesson]) -> None:
    """Write the disagreements to memory, and tell it what the memories used were worth."""
    for lesson in lessons:
        _account(memory, lesson)
    memory.learn(
        [
            Learnt(
                state=state_of(lesson.case),
                plan=lesson.audited.plan,
                channel=lesson.case.channel,
                source_user_id=lesson.case.user_id,
                source_comment_id=lesson.case.comment_id,
                position=lesson.case.position,
            )
            for lesson in lessons
            # Of what speaks to the moderator a state holds no more than the rest: it may lack what was sanctioned.
            if not lesson.case.addresses_moderator
            and lesson.audited.plan is not None
            and _agrees(lesson.decided, lesson.audited) is False
        ]
    )
