"""Watching a run as it goes: what is told of each settled comment, and the JSONL log that every run leaves.

How a trace looks on a terminal is the terminal's business; Dagster's progress lines are in `defs/`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, NamedTuple

import orjson

from moderation_pipeline.cases.settled import Settled
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.plan import SANCTIONS, UNDECIDED


class HowFar(NamedTuple):
    """How far a run is: comments settled, and how many of them were audited, acted against, and decided by nobody."""

    comments: int = 0
    audits: int = 0
    sanctions: int = 0
    undecided: int = 0

    def after(self, batch: Sequence[Settled]) -> HowFar:
        """Return how far it is after another batch."""
        return HowFar(
            self.comments + len(batch),
            self.audits + sum(each.audited is not None for each in batch),
            self.sanctions + sum(each.sanction.action in SANCTIONS for each in batch),
            self.undecided + sum(each.sanction.action == UNDECIDED for each in batch),
        )

    @property
    def undecided_told(self) -> str:
        """What stands behind the other counts where nobody decided some; else nothing."""
        return f", {self.undecided:,} undecided" if self.undecided else ""


class RunObserver(ABC):
    """Something that watches a run; it never changes what the run does."""

    def beside(self) -> RunObserver:
        """Return who watches one of several runs that are made at once."""
        return self

    def told(self) -> None:  # noqa: B027  (most say at once what they have to say)
        """Say what was kept back while other runs were under way."""

    def moved(self, tally: HowFar) -> None:  # noqa: B027  (most watch what is settled itself)
        """Take note of how far a run is whose comments another process settles."""

    def begins(self, chat: str, config: str, comments: int) -> None:  # noqa: B027  (most watch only batches)
        """Take note that a run of so many comments begins."""

    def noted(self, note: str) -> None:  # noqa: B027  (most watch only batches)
        """Take note of what is to be said loudly: who decides in another's place, what is not known."""

    def read(self, acts: Mapping[str, int], ignored: Mapping[str, int], why: str) -> None:  # noqa: B027  (few do)
        """Take note of what a chat holds beside comments: acts and ignored records by kind; why it was read so."""

    @abstractmethod
    def settled(self, batch: Sequence[Settled]) -> None:
        """Take note of a batch, in stream order, once its audits are in and its actions taken."""

    def ends(self) -> None:  # noqa: B027  (most watch only batches)
        """Take note that the run is over."""


LogForm = Literal["zstd", "plain", "none"]


class RunLog(RunObserver):
    """Writes one JSON object per comment to a file, batch by batch, so that it can be followed.

    The file is begun anew: a run that is repeated leaves one log, not two after one another, whatever their forms.
    Compressed it is a tenth, ends in `.zst`, and can be read up to the last batch while the run goes on.
    """

    def __init__(self, path: Path, form: LogForm = "zstd") -> None:
        self._forms = {"plain": path, "zstd": path.with_name(f"{path.name}.zst")}
        self._form = form
        self._file: BinaryIO | None = None
        self._compressor: Any = None

    def __enter__(self) -> RunLog:
        for path in self._forms.values():
            path.unlink(missing_ok=True)
        if self._form != "none":
            path = self._forms[self._form]
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb")
        if self._form == "zstd":
            import zstandard

            self._compressor = zstandard.ZstdCompressor().compressobj()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            if self._compressor is not None:
                self._file.write(self._compressor.flush())
            self._file.close()

    def settled(self, batch: Sequence[Settled]) -> None:
        """Append the batch."""
        if self._form == "none":
            return
        if self._file is None:
            raise RuntimeError(
                f"The run log {self._forms[self._form]} is written inside a with statement only."
            )
        lines = b"".join(_line(each) for each in batch)
        if self._compressor is not None:
            import zstandard

            block = zstandard.COMPRESSOBJ_FLUSH_BLOCK
            lines = self._compressor.compress(lines) + self._compressor.flush(block)
        self._file.write(lines)
        self._file.flush()


def _line(settled: Settled) -> bytes:
    case, sanction = settled.case, settled.sanction
    entry = {
        "position": case.position,
        "comment_id": case.comment_id,
        "channel": case.channel,
        "user_id": case.user_id,
        "user_name": case.user_name,
        "text": case.text,
        "decision": _told(settled.decided),
        "audit": _told(settled.audited),
        "audit_reason": settled.choice.reason,
        "agrees": settled.agrees,
        "action": sanction.action,
        "duration_s": sanction.duration_s,
        "reply_text": sanction.reply_text,
        "decided_by": sanction.decided_by,
        "precedent": settled.precedent,
        "reason": sanction.reason,
        "strikes": sanction.strikes,
        "under_sanction": sanction.under_sanction,
        "is_shadow": sanction.is_shadow,
    }
    return orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)


def _told(verdict: Verdict | None) -> dict[str, object] | None:
    if verdict is None:
        return None
    plan, receipt = verdict.plan, verdict.receipt
    return {
        "action": plan.action if plan else None,
        "category": plan.category if plan else None,
        "confidence": plan.confidence if plan else None,
        "reasoning": plan.reasoning if plan else None,
        "memory_ids": verdict.memory_ids,
        "backend": receipt.backend,
        "cost_usd": receipt.cost_usd,
        "tokens_are_estimated": receipt.tokens_are_estimated,
        "reply_error": receipt.reply_error,
    }


@contextmanager
def watching(observers: Sequence[RunObserver], chat: str, config: str, comments: int) -> Iterator[None]:
    """Tell the observers that the run begins, and that it is over however it ended."""
    for observer in observers:
        observer.begins(chat, config, comments)
    try:
        yield
    finally:
        for observer in observers:
            observer.ends()
