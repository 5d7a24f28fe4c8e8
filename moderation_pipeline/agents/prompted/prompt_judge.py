"""Asking a language model for a verdict on each of many cases at once: ask, read, ask once more, account.

What is asked is `prompt.py`'s, how a reply is read `reply_parsing.py`'s, how often and how dearly a call is
made the language model's. Student and Expert differ only in what they show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from moderation_pipeline.agents.by_turns import begun_by_turns
from moderation_pipeline.agents.prompted.category_reply import read_category
from moderation_pipeline.agents.prompted.contradictions import check_unquoted, sound
from moderation_pipeline.agents.prompted.prompt import Instructions
from moderation_pipeline.agents.prompted.reply_parsing import (
    ReadReply,
    UnreadableReplyError,
    answer_in,
    read_reply,
)
from moderation_pipeline.backends.language_model import (
    BadReplyError,
    LanguageModel,
    Message,
    Reply,
    Request,
    TokenLogprob,
    TransportError,
)
from moderation_pipeline.cases.verdict import Receipt, Verdict, known_sum
from moderation_pipeline.config.model_specs import LanguageModelSpec

MOST_OF_BAD_REPLY = 1_000
"""Characters of a bad reply that are shown to the model again."""


class PromptJudge:
    """Judges cases with a language model. Calls of a batch are made at once; their order is the stream's."""

    def __init__(self, model: LanguageModel, instructions: Instructions, spec: LanguageModelSpec) -> None:
        self.model = model
        self.instructions = instructions
        self._spec = spec
        self._repair = instructions.repair

    async def judge(self, cases: Iterable[Message]) -> list[Verdict]:
        """Return one verdict per case, in order; each case's message is made when its call begins.

        Raises:
            FatalBackendError: it is no use to go on. The calls in flight are awaited first, so that what was
                paid for is stored.
        """
        verdicts = await begun_by_turns(self._verdict(case) for case in cases)
        judged: list[Verdict] = []
        for verdict in verdicts:
            if isinstance(verdict, BaseException):
                raise verdict
            judged.append(verdict)
        return judged

    def worst_case_usd(self, cases: Iterable[Message]) -> float | None:
        """Return what judging the cases may cost at most, repairs included; null where no price is known."""
        most = 0.0
        for case in cases:
            first = self.request(case)
            # A repair shows the bad reply again, so its prompt is longer by that and by what is said to it.
            again = self._repair_request(first, "x" * MOST_OF_BAD_REPLY, "x" * 200)
            dollars = (self.model.worst_case_usd(first), self.model.worst_case_usd(again))
            if dollars[0] is None or dollars[1] is None:
                return None
            most += dollars[0] + dollars[1]
        return most

    async def aclose(self) -> None:
        """Close the model."""
        await self.model.aclose()

    async def _verdict(self, case: Message) -> Verdict:
        replies: list[Reply] = []
        try:
            read = await self._read(case, replies)
        except UnreadableReplyError as error:
            return self.failed(replies, f"{error.code}: {error}")
        except BadReplyError as error:
            replies += [error.reply] if error.reply is not None else []
            return self.failed(replies, error.reply_error)
        except TransportError as error:
            return self.failed(replies, error.reply_error)
        return Verdict(read.plan, self.receipt(replies, read.mended), read.confidence_source)

    async def _read(self, case: Message, replies: list[Reply]) -> ReadReply:
        """Ask, and ask once more where the reply can't be read; every reply is added to `replies`."""
        request = self.request(case)
        reply = await self.model.complete(request)
        replies.append(reply)
        try:
            return self._parsed(reply, request)
        except UnreadableReplyError as error:
            again = self._repair_request(request, reply.text, str(error))
        second = await self.model.complete(again)
        replies.append(second)
        read = self._parsed(second, request)
        return ReadReply(read.plan, ("repaired", *read.mended), read.confidence_source)

    def _parsed(self, reply: Reply, request: Request) -> ReadReply:
        return self.read(reply.text, request, reply.logprobs, is_cut=reply.was_cut(request.max_tokens))

    def read(
        self,
        text: str,
        request: Request,
        logprobs: Sequence[TokenLogprob] | None = None,
        *,
        is_cut: bool = False,
    ) -> ReadReply:
        """Return the plan in a text that answers the request.

        Raises:
            UnreadableReplyError: there is none, or none that means one thing.
        """
        check_unquoted(answer_in(text, [], is_cut=is_cut), request.messages)
        if self.instructions.form.asks_category:
            return read_category(text, logprobs, is_cut=is_cut)
        return sound(read_reply(text, self.instructions.rules, logprobs, is_cut=is_cut), request.messages)

    def request(self, case: Message) -> Request:
        """Return the request about one case, or about whatever the message is about."""
        return Request(
            messages=(self.instructions.system, case),
            schema=self.instructions.schema,
            max_tokens=self._spec.max_tokens,
            temperature=self._spec.temperature,
            wants_logprobs=True,
            effort=self._spec.effort,
        )

    def _repair_request(self, first: Request, bad: str, reason: str) -> Request:
        said = (
            Message("assistant", bad[:MOST_OF_BAD_REPLY]),
            Message("user", self._repair.format(reason=reason[:200])),
        )
        return Request(
            messages=(*first.messages, *said),
            schema=first.schema,
            max_tokens=first.max_tokens,
            temperature=first.temperature,
            wants_logprobs=first.wants_logprobs,
            effort=first.effort,
        )

    def failed(self, replies: Sequence[Reply], reply_error: str) -> Verdict:
        """Return that there is no plan, and why, with what the replies took."""
        return Verdict(None, self.receipt(replies, (), reply_error), confidence_source="none")

    def receipt(
        self, replies: Sequence[Reply], mended: tuple[str, ...], reply_error: str | None = None
    ) -> Receipt:
        """Add up what the replies took; one unknown cost makes the sum unknown. No reply, no cost."""
        return Receipt(
            backend=self.model.identity.backend,
            model=replies[-1].model if replies else None,
            prompt_version=self.instructions.version,
            prompt_tokens=known_sum([reply.prompt_tokens for reply in replies]),
            completion_tokens=known_sum([reply.completion_tokens for reply in replies]),
            cost_usd=known_sum([reply.cost_usd for reply in replies]),
            list_cost_usd=known_sum([reply.list_cost_usd for reply in replies]),
            latency_ms=sum(reply.latency_ms for reply in replies) if replies else None,
            is_cached=bool(replies) and all(reply.is_cached for reply in replies),
            reply_error=reply_error,
            tokens_are_estimated=any(reply.tokens_are_estimated for reply in replies),
            reply_mended=mended,
        )
