"""A decision model as the Student: the questions put about each comment, and what follows from the answers.

One comment per request, unless the config accepts what more cost it. The questions are `question_set.py`'s, the
way from probabilities to a plan `deriving.py`'s, the model `backends/`'. Whatever is wrong with an answer makes
the whole verdict a bad reply (law 4): a rule that nobody judged is not a rule that was kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import chain

from moderation_pipeline.agents.by_turns import begun_by_turns
from moderation_pipeline.agents.deciding.deriving import derive
from moderation_pipeline.agents.deciding.question_set import QuestionSet
from moderation_pipeline.agents.prompted.prompt import MOST_OF_COMMENT, ShownOfCase, case_data, shown_state
from moderation_pipeline.agents.student import Student
from moderation_pipeline.backends.decisions.decision_model import (
    NO,
    Answer,
    DecisionModel,
    DecisionReply,
    DecisionRequest,
    Distribution,
    Question,
    Refusal,
    Unusable,
    WorkedExample,
)
from moderation_pipeline.backends.language_model import BadReplyError, JsonValue, Reply, TransportError
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Situation, leading
from moderation_pipeline.cases.verdict import OptionProbability, Receipt, Verdict, known_sum, shared_out
from moderation_pipeline.config.decision_specs import AskingSpec, ChatDecisionsSpec, DecidingSpec
from moderation_pipeline.text.visible import shortened

UNUSABLE = "unusable_answer"
REFUSED = "refused"
"""Codes of a reply that came, but with an answer that is none."""

ONE_OF_MANY = "Of the list `comments` look only at comments[{index}], as if it stood there alone.\n"

Asked = tuple[Case, Situation]


@dataclass(frozen=True, slots=True)
class Showing:
    """What of a case a model is shown, and how many cases at a time."""

    shown: ShownOfCase | None = None
    shows_memories: bool = False
    comments_per_request: int = 1
    as_examples: bool = field(default=False, repr=False)
    """Whether memories are shown as worked examples, each with its answers, and not as data of the state."""

    @classmethod
    def of(cls, spec: DecidingSpec) -> Showing:
        """Return what the spec says; a model that takes no questions is shown the comment's text alone."""
        if not isinstance(spec, AskingSpec):
            return cls()
        return cls(
            ShownOfCase(spec.context_lines, spec.own_lines),
            spec.shows_memories,
            spec.comments_per_request,
            spec.shows_memories and isinstance(spec, ChatDecisionsSpec) and spec.memories_as == "examples",
        )

    @property
    def form(self) -> str:
        """What tells this showing from others, as it stands in the version of what is asked."""
        return f"{self} examples" if self.as_examples else str(self)

    def state(self, asked: Asked) -> dict[str, JsonValue]:
        """Return the state that stands for one case."""
        case, situation = asked
        if self.shown is None:
            return {"comment": {"text": shortened(case.text, MOST_OF_COMMENT)}}
        is_data = self.shows_memories and not self.as_examples
        return case_data(case, self.shown, situation=situation if is_data else None)

    def examples(self, situation: Situation, questions: QuestionSet) -> tuple[WorkedExample, ...] | None:
        """Return the memories as worked examples, the most similar last; null where none are shown so."""
        if not self.as_examples:
            return None
        return tuple(
            WorkedExample({"comment": {"text": shown_state(each)}}, questions.answers_of(each.plan))
            for each in reversed(leading(situation.recalled))
        )

    def memory_ids(self, situation: Situation) -> tuple[str, ...]:
        """Return the memories that a model is shown with a case."""
        return (
            tuple(memory.memory_id for memory in leading(situation.recalled)) if self.shows_memories else ()
        )


class DecisionStudent(Student):
    """Decides by the probabilities that a decision model gives to the rules.

    The memories that it is shown, where it is shown any, are the ones it is said to have used.
    """

    def __init__(self, model: DecisionModel, questions: QuestionSet, spec: DecidingSpec) -> None:
        self._model = model
        self._questions = questions
        self._thresholds = spec.thresholds
        self._addressing_threshold = spec.addressing_threshold if isinstance(spec, AskingSpec) else 1.0
        self._showing = Showing.of(spec)
        form = f"{questions.version} {self._showing.form}"
        self._version = blake2b(form.encode(), digest_size=6).hexdigest()

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        """Ask about every case at once.

        Raises:
            FatalBackendError: it is no use to go on. The calls in flight are awaited first, so that what was
                paid for is stored.
        """
        requests = self._chunks(list(zip(cases, situations, strict=True)))
        outcomes = await begun_by_turns(map(self._judged, requests))
        verdicts: list[Verdict] = []
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            verdicts += outcome
        return [
            replace(verdict, memory_ids=self._showing.memory_ids(situation))
            for verdict, situation in zip(verdicts, situations, strict=True)
        ]

    def worst_case_usd(self, cases: Sequence[Case], situations: Sequence[Situation]) -> float | None:
        """Return what deciding the batch may cost at most."""
        requests = self._chunks(list(zip(cases, situations, strict=True)))
        return known_sum([self._model.worst_case_usd(self._request(each)) for each in requests])

    async def aclose(self) -> None:
        """Close the model."""
        await self._model.aclose()

    def _chunks(self, asked: Sequence[Asked]) -> list[Sequence[Asked]]:
        size = self._showing.comments_per_request
        return [asked[start : start + size] for start in range(0, len(asked), size)]

    def _request(self, asked: Sequence[Asked]) -> DecisionRequest:
        if self._showing.comments_per_request == 1:
            return DecisionRequest(
                self._showing.state(asked[0]),
                self._questions.questions,
                self._showing.examples(asked[0][1], self._questions),
            )
        states: list[JsonValue] = [self._showing.state(each) for each in asked]
        questions = (
            replace(
                each, name=_of_many(each, i), instructions=ONE_OF_MANY.format(index=i) + each.instructions
            )
            for i in range(len(asked))
            for each in self._questions.questions
        )
        return DecisionRequest({"comments": states}, tuple(questions))

    async def _judged(self, asked: Sequence[Asked]) -> list[Verdict]:
        try:
            reply = await self._model.decide(self._request(asked))
        except BadReplyError as error:
            return self._failed(len(asked), error.reply_error, error.reply)
        except TransportError as error:
            return self._failed(len(asked), error.reply_error, None)
        return [self._verdict(reply, i, len(asked)) for i in range(len(asked))]

    def _verdict(self, reply: DecisionReply, index: int, count: int) -> Verdict:
        """Return the verdict on one of `count` comments of a request, each of which bears an equal part."""
        answers = {
            each.name: reply.answers[each.name if self._alone else _of_many(each, index)]
            for each in self._questions.questions
        }
        receipt = replace(self._receipt(reply.reply, index, count), reply_error=_problem(answers))
        usable = {name: each for name, each in answers.items() if isinstance(each, Distribution)}
        probabilities = tuple(chain.from_iterable(_kept(name, each) for name, each in usable.items()))
        if receipt.reply_error is not None:
            return Verdict(None, receipt, confidence_source="none", probabilities=probabilities)
        plan, doubt, must_audit = derive(
            self._questions, usable, self._thresholds, self._addressing_threshold
        )
        return Verdict(
            plan,
            receipt,
            confidence_source="probabilities",
            probabilities=probabilities,
            doubt=doubt,
            must_audit=must_audit,
        )

    @property
    def _alone(self) -> bool:
        return self._showing.comments_per_request == 1

    def _receipt(self, reply: Reply, index: int, count: int) -> Receipt:
        receipt = Receipt(
            backend=self._model.identity.backend,
            model=reply.model,
            prompt_version=self._version,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            cost_usd=reply.cost_usd,
            list_cost_usd=reply.list_cost_usd,
            latency_ms=reply.latency_ms,
            is_cached=reply.is_cached,
            tokens_are_estimated=reply.tokens_are_estimated,
        )
        return shared_out(receipt, index, count)

    def _failed(self, count: int, reply_error: str, reply: Reply | None) -> list[Verdict]:
        """Return a bad reply for each comment of a request that failed as a whole, with what it cost."""
        nothing = Receipt(backend=self._model.identity.backend, prompt_version=self._version, latency_ms=None)
        verdicts = []
        for index in range(count):
            receipt = nothing if reply is None else self._receipt(reply, index, count)
            verdicts.append(
                Verdict(None, replace(receipt, reply_error=reply_error), confidence_source="none")
            )
        return verdicts


def _of_many(question: Question, index: int) -> str:
    return f"{index}.{question.name}"


def _kept(name: str, answer: Distribution) -> list[OptionProbability]:
    """Return a question's distribution for its row; of yes and no only yes, which is all of it."""
    return [
        OptionProbability(name, option, probability)
        for option, probability in answer.probabilities
        if option != NO or len(answer.probabilities) != 2
    ]


def _problem(answers: Mapping[str, Answer]) -> str | None:
    """Return what is wrong with the answers, naming the questions; null where all are usable."""
    refused = [name for name, answer in answers.items() if isinstance(answer, Refusal)]
    if refused:
        return f"{REFUSED}: {', '.join(refused)}"
    broken = [f"{name}: {each.problem}" for name, each in answers.items() if isinstance(each, Unusable)]
    return f"{UNUSABLE}: {'; '.join(broken)[:400]}" if broken else None
