"""What every reply store is: what it is asked and what it answers. The two that there are stand beside this file.

Beside the replies a store keeps who is asking right now (claims), unfinished runs, what each day has cost and may still
cost, whose turn it is where an endpoint takes only so much a minute, sent batches, and what endpoints can do. Which
reply may be used, and who pays for it, is `wrappers/reply_cache.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

import orjson

from moderation_pipeline.backends.batches.batched_model import BatchLedger, SentBatch
from moderation_pipeline.backends.chat.abilities import PROBE_VERSION, FoundAbilities
from moderation_pipeline.backends.chat.chat_wire import Abilities
from moderation_pipeline.backends.language_model import ModelIdentity, Reply, TokenLogprob

LEASE_S = 20.0
"""How long a claim counts after its process was last heard of, where it can't be looked for: on another machine,
or in a container that came back under another name. A living process renews its claims every RENEWED_EVERY_S."""

RENEWED_EVERY_S = 5.0

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class StoredReply:
    """A reply as it is kept; a bad one with its error's code. `bought_by` is the id of the run that paid."""

    reply: Reply | None
    error_code: str | None
    error_detail: str | None
    bought_by: str
    bought_at: float

    @property
    def list_cost_usd(self) -> float:
        """What it cost at list price; 0 where nobody knows."""
        return 0.0 if self.reply is None else self.reply.list_cost_usd or 0.0


class Attempt(NamedTuple):
    """A run as the store knows it: the same id through all its attempts, so that what it paid stays paid."""

    run_id: str
    is_resumed: bool
    repeated_calls: int
    claimed_elsewhere: tuple[str, ...] = ()
    """Machines of which a process asks for replies of this run, or did so a moment ago."""


class Allowance(NamedTuple):
    """What a call may cost at worst, and what a day may cost."""

    worst_usd: float
    usd_per_day: float


class Spent(NamedTuple):
    """What today (UTC) has cost, and what the calls in flight may cost at worst."""

    usd: float
    in_flight_usd: float

    def leaves(self, allowance: Allowance) -> bool:
        """Whether the day's budget has room for one more call."""
        return self.usd + self.in_flight_usd + allowance.worst_usd <= allowance.usd_per_day

    def may_leave(self, allowance: Allowance) -> bool:
        """Whether it would have, if what is in flight cost next to nothing."""
        return self.in_flight_usd > 0 and self.usd + allowance.worst_usd <= allowance.usd_per_day


@dataclass(frozen=True, slots=True)
class Wish:
    """A reply that a run wants: `will_do` says of one that is stored whether it may be used."""

    key: bytes
    run_id: str
    will_do: Callable[[StoredReply], bool] = lambda _: True
    allowance: Allowance | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """What became of a wish: the reply is there, or is ours to ask for, or another's, or beyond the day's budget."""

    stored: StoredReply | None = None
    is_ours: bool = False
    beyond: Spent | None = None


class ReplyStore(BatchLedger, Protocol):
    """A store of replies, shared by all processes that open it.

    What is awaited is asked for with every call, and another machine may take its time to answer; the rest is asked
    for once in a run, and waited for.
    """

    @property
    def now(self) -> Callable[[], float]:
        """The time, in seconds since 1970."""
        ...

    def close(self) -> None:
        """Give up what was being asked, and close."""
        ...

    def at_once(self, key: bytes) -> StoredReply | None:
        """Return the reply where that can be said without waiting for another machine."""
        ...

    async def claim(self, wanted: Wish) -> Claim:
        """Return the reply if it is there and will do, else claim it unless another living process has.

        A claim and what its call may cost at worst are one: both hold until `put` or `release`, or until their
        process is not heard of any more. What a lost call may have cost counts as spent.
        """
        ...

    async def put(self, key: bytes, identity: ModelIdentity, stored: StoredReply) -> None:
        """Keep a reply the moment it arrived, count what it cost, and give the claim on it back, all at once."""
        ...

    async def release(self, key: bytes) -> None:
        """Give a claim back without a reply."""
        ...

    async def turn(self, identity: ModelIdentity, request_s: float, tokens_s: float) -> float:
        """Take an endpoint's next turn, and return in how many seconds it is.

        Turns are as many seconds apart as the requests between them, or their tokens, are worth: `request_s` and
        `tokens_s` are what this call is. Negative ones give back what it turned out not to need.
        """
        ...

    def begin_run(self, run_key: str) -> Attempt:
        """Return the run of that key: the unfinished one where there is one, else a new one.

        `repeated_calls` counts the calls that were in flight when the attempt before was killed: they will be
        asked again, and may have been paid for.
        """
        ...

    def finish_run(self, run_id: str) -> None:
        """Say that the run is through: what it bought is another run's from now on."""
        ...

    def spent_today(self) -> Spent:
        """Return what was spent today, and what is in flight."""
        ...

    def spend(self, usd: float) -> None:
        """Count what was spent today on something that is not kept as a reply."""
        ...

    def abilities_of(self, identity: ModelIdentity) -> Abilities | None:
        """Return what was found out about an endpoint."""
        ...

    def keep_abilities(self, identity: ModelIdentity, found: FoundAbilities) -> None:
        """Keep what was found out about an endpoint."""
        ...

    def sent_batches(self) -> list[SentBatch]:
        """Return the batches whose answers have not been brought yet, the oldest first."""
        ...


class CachedReplies(NamedTuple):
    """What the store holds of one model."""

    backend: str
    endpoint: str
    model: str
    replies: int
    bad_replies: int
    list_cost_usd: float | None
    megabytes: float
    oldest_days: float


class Pruned(NamedTuple):
    """How many replies were dropped, and what asking for them again would cost at list price."""

    replies: int
    list_cost_usd: float
    megabytes: float


class CacheUpkeep(Protocol):
    """What `moderation cache` shows and prunes.

    Dropping a reply is forgetting that it was paid for: it is asked for, and paid, again when it is next needed.
    """

    def show(self) -> list[CachedReplies]:
        """Return what is held, by model, the dearest first; nothing where there is no store yet."""
        ...

    def drop_errors(self) -> Pruned:
        """Drop bad replies, so that they are asked for again."""
        ...

    def drop_older_than(self, days: float) -> Pruned:
        """Drop replies bought longer ago than so many days."""
        ...

    def older_than(self, days: float) -> Pruned:
        """Return what `drop_older_than` would drop."""
        ...

    def drop_beyond(self, megabytes: float) -> Pruned:
        """Drop the oldest replies until what is left is no larger."""
        ...

    def forget_endpoints(self) -> int:
        """Forget what endpoints can do, so that it is found out anew; return how many were forgotten."""
        ...


def day_of(moment: float) -> str:
    """Return the day (UTC) of a moment."""
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def name_of(identity: ModelIdentity) -> str:
    """Return the key of what was found out about an endpoint: by this probe, and no older one."""
    return "\n".join((*identity, f"probe {PROBE_VERSION}"))


def host_of(owner: str) -> str:
    """Return the machine of a claim's owner, who is written as `host:process:number`."""
    return owner.rsplit(":", 2)[0]


def packed(reply: Reply | None) -> bytes:
    """Return a reply as bytes."""
    return orjson.dumps(reply, default=tuple)  # log-probabilities are named tuples


def unpacked(blob: bytes) -> Reply | None:
    """Return the reply of which these are the bytes."""
    data = orjson.loads(blob)
    if data is None:
        return None
    for name in ("logprobs", "first_tokens"):
        if data.get(name) is not None:
            data[name] = tuple(TokenLogprob(*pair) for pair in data[name])
    return Reply(**data)
