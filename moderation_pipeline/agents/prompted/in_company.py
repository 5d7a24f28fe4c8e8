"""Several comments in one request, each answered under its number and read by itself: cheaper, and not the same.

What the policy costs is then paid once for all of them; what a model says of a comment may change with its neighbours
(docs/measured.md), so that nobody gets this without asking for it. A number that is missing from the reply, or whose
answer can't be read, is asked about alone, and that is counted (`alone` among what was mended).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import orjson

from moderation_pipeline.agents.by_turns import begun_by_turns
from moderation_pipeline.agents.prompted.contradictions import check_unquoted
from moderation_pipeline.agents.prompted.prompt import mark_for
from moderation_pipeline.agents.prompted.prompt_judge import PromptJudge
from moderation_pipeline.agents.prompted.reply_parsing import UnreadableReplyError, answer_in, braced
from moderation_pipeline.backends.language_model import (
    BadReplyError,
    JsonValue,
    Message,
    Reply,
    ReplySchema,
    Request,
    TransportError,
)
from moderation_pipeline.cases.verdict import Verdict, added_up, known_sum, shared_out

TAIL_OF_MANY = """{situation}The data block of this call stands between two lines that read {mark}. It holds {count}
comments, each under its number, with what belongs to it.

{mark}
{data}
{mark}

Judge each `comment` by itself, as if the others weren't there. Answer with one JSON object whose keys are the numbers
from 1 to {count}, and under each of them the JSON object that is described above."""

NUMBERED = re.compile(r'"(\d+)"\s*:\s*(?=\{)')
ALONE = "alone"


@dataclass(frozen=True, slots=True)
class Together:
    """A message about several comments, and the message about each of them, should it have to be asked alone."""

    message: Message
    alone: tuple[Message, ...]


def many_message(cases: Sequence[JsonValue], before: str) -> Message:
    """Return the last message: several cases by their numbers. `before` is what is said ahead of the data."""
    text = orjson.dumps({str(number): case for number, case in enumerate(cases, start=1)}).decode()
    told = TAIL_OF_MANY.format(situation=before, mark=mark_for(text), count=len(cases), data=text)
    return Message("user", told)


async def judge_together(judge: PromptJudge, groups: Iterable[Together]) -> list[Verdict]:
    """Return one verdict per comment, in order; a group of one is asked as ever.

    Raises:
        FatalBackendError: it is no use to go on. The calls in flight are awaited first.
    """
    outcomes = await begun_by_turns(_judged(judge, group) for group in groups)
    verdicts: list[Verdict] = []
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
        verdicts += outcome
    return verdicts


def together_worst_case_usd(judge: PromptJudge, groups: Sequence[Together]) -> float | None:
    """Return what judging the groups may cost at most: where nothing can be read, each comment once more."""
    alone = judge.worst_case_usd(message for group in groups for message in group.alone)
    many = [judge.model.worst_case_usd(_request(judge, group)) for group in groups if len(group.alone) > 1]
    return known_sum([alone, *many])


async def _judged(judge: PromptJudge, group: Together) -> list[Verdict]:
    count = len(group.alone)
    if count == 1:
        return await judge.judge(group.alone)
    request = _request(judge, group)
    try:
        reply = await judge.model.complete(request)
    except BadReplyError as error:
        return await _completed(judge, group, [None] * count, error.reply)
    except TransportError as error:
        return [judge.failed([], error.reply_error)] * count
    return await _completed(judge, group, _read(judge, request, reply, count), reply)


def _read(judge: PromptJudge, request: Request, reply: Reply, count: int) -> list[Verdict | None]:
    """Return the verdicts that the reply holds, null where it has none for a number."""
    try:
        is_cut = reply.was_cut(request.max_tokens)
        check_unquoted(answer_in(reply.text, [], is_cut=is_cut), request.messages)
        parts = parts_of(reply.text, is_cut=is_cut)
    except UnreadableReplyError:
        parts = {}
    if not parts.keys() <= set(range(1, count + 1)):
        parts = {}  # it counts otherwise (from 0, say), and its answers are about other comments than they seem
    verdicts: list[Verdict | None] = []
    for index in range(count):
        try:
            read = judge.read(parts.get(index + 1, ""), request)
        except UnreadableReplyError:
            verdicts.append(None)
        else:
            verdicts.append(Verdict(read.plan, judge.receipt([reply], read.mended), read.confidence_source))
    return verdicts


async def _completed(
    judge: PromptJudge, group: Together, read: Sequence[Verdict | None], reply: Reply | None
) -> list[Verdict]:
    """Return the verdicts with what is missing asked alone; each comment bears an equal part of the request."""
    count = len(read)
    version = _version(judge, count)
    missing = [message for message, verdict in zip(group.alone, read, strict=True) if verdict is None]
    later = iter(await judge.judge(missing) if missing else ())
    verdicts = []
    for index, found in enumerate(read):
        shared = shared_out(judge.receipt([reply] if reply else [], ()), index, count)
        if found is not None:
            receipt = replace(shared, reply_mended=found.receipt.reply_mended, prompt_version=version)
            verdicts.append(replace(found, receipt=receipt))
            continue
        alone = next(later)
        both = added_up([shared, alone.receipt]) if reply else alone.receipt
        mended = (ALONE, *alone.receipt.reply_mended)
        verdicts.append(replace(alone, receipt=replace(both, reply_mended=mended, prompt_version=version)))
    return verdicts


def parts_of(text: str, *, is_cut: bool) -> Mapping[int, str]:
    """Return the answers in a reply by their numbers; one that is cut off, or stands there twice, is not among them.

    Raises:
        UnreadableReplyError: it ended before an answer did.
    """
    answer = answer_in(text, [], is_cut=is_cut)
    found: dict[int, str] = {}
    twice: set[int] = set()
    at = 0
    while match := NUMBERED.search(answer, at):
        number, pieces = int(match[1]), braced(answer[match.end() :])
        if not pieces or not answer[match.end() :].startswith(pieces[0]):
            break
        twice |= {number} if found.get(number, pieces[0]) != pieces[0] else set()
        found[number] = pieces[0]
        at = match.end() + len(pieces[0])
    return {number: piece for number, piece in found.items() if number not in twice}


def _request(judge: PromptJudge, group: Together) -> Request:
    count = len(group.alone)
    one = judge.request(group.message)
    return replace(one, schema=_many(judge.instructions.schema, count), max_tokens=one.max_tokens * count)


def _many(schema: ReplySchema, count: int) -> ReplySchema:
    numbers = [str(number) for number in range(1, count + 1)]
    properties: dict[str, JsonValue] = {number: schema.as_mapping() for number in numbers}
    return ReplySchema.of(
        "verdicts",
        {
            "type": "object",
            "properties": properties,
            "required": list(numbers),
            "additionalProperties": False,
        },
    )


def _version(judge: PromptJudge, count: int) -> str:
    text = f"{judge.instructions.version}\x1f{TAIL_OF_MANY}\x1f{count}"
    return blake2b(text.encode(), digest_size=6).hexdigest()
