"""Whether a config may become the champion of a chat or channel: its stored runs in pairs with the champion's.

A chat is one test, on the comments of both runs; where a channel has several chats their p-values are corrected for
that (Holm). How runs are paired is `evaluation/history/accepted_runs.py`'s, what is written `config/champions.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from moderation_pipeline.config.champions import Scope
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.errors import ModerationError, closest
from moderation_pipeline.evaluation.comparable import made, stale
from moderation_pipeline.evaluation.estimates import comment_sums
from moderation_pipeline.evaluation.history.accepted_runs import (
    QUALITIES,
    UNKNOWN,
    Paired,
    expert_version,
    paired,
)
from moderation_pipeline.evaluation.judged import Run, judge
from moderation_pipeline.evaluation.yardstick import yardstick_of
from moderation_pipeline.report.quantities import p_value, plural, signed
from moderation_pipeline.statistics.bootstrap import Interval
from moderation_pipeline.statistics.paired_tests import holm
from moderation_pipeline.terminal.listings import NothingRunError, require_chat
from moderation_pipeline.warehouse.files import read_table, stored_partitions
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import (
    ACTION_LOG,
    COMMENTS,
    EXPERT_AUDITS,
    INGESTION,
    MEMORY_SNAPSHOT,
    METRICS,
    STUDENT_DECISIONS,
    USER_STATE,
)
from moderation_pipeline.warehouse.views import query

CHANNELS = "select distinct channel, chat from comments where channel is not null order by channel, chat"


class NoSuchScopeError(ModerationError):
    """Neither a chat nor a channel."""

    def __init__(self, name: str, chats: Sequence[str], channels: Sequence[str]) -> None:
        super().__init__(
            f"There is no chat and no channel {name!r} that was read.{closest(name, [*chats, *channels])} Chats are: "
            f"{', '.join(chats) or 'none'}; channels: {', '.join(channels) or 'none'}."
        )


class PlaceOfChampion(NamedTuple):
    """What a champion is of: a chat, or a channel with the chats that it wrote in."""

    scope: Scope
    name: str
    chats: tuple[str, ...]


def place_of(folder: DataFolder, name: str) -> PlaceOfChampion:
    """Return the chat of that name, else the channel.

    Raises:
        NoSuchScopeError: there is neither.
    """
    found = query(folder, CHANNELS)
    chats = sorted({path.stem for path in stored_partitions(folder, COMMENTS)})
    if name in chats:
        return PlaceOfChampion("chat", name, (name,))
    of_channel = found.filter(pl.col("channel") == name)["chat"].to_list()
    if not of_channel:
        raise NoSuchScopeError(name, chats, found["channel"].unique(maintain_order=True).to_list())
    return PlaceOfChampion("channel", name, tuple(of_channel))


class ChatEvidence(NamedTuple):
    """What one chat says: how the candidate fares against the champion, on how many comments; or why nothing."""

    chat: str
    paired: Paired
    comments: int
    why_not: str | None = None


class PromotionVerdict(NamedTuple):
    """What all chats say together; `p_values` are corrected for their number."""

    champion: str
    candidate: str
    evidence: tuple[ChatEvidence, ...]
    p_values: tuple[float | None, ...]

    @property
    def worse_on(self) -> list[str]:
        """The chats on which the candidate is worse by more than chance."""
        both = zip(self.evidence, self.p_values, strict=True)
        return [each.chat for each, p in both if p is not None and each.paired.is_worse(p)]

    @property
    def made_on(self) -> list[str]:
        """The chats of which both have a run."""
        return [each.chat for each in self.evidence if each.why_not is None]

    @property
    def is_known(self) -> bool:
        """Whether any chat tells chance and more than chance apart."""
        return any(p is not None for p in self.p_values)

    @property
    def may_be_promoted(self) -> bool:
        """Whether nothing speaks against it."""
        return self.is_known and not self.worse_on

    @property
    def said(self) -> str:
        """The comparison in words, chat by chat."""
        told = [_told(each, p) for each, p in zip(self.evidence, self.p_values, strict=True)]
        return f"{self.candidate} against {self.champion}: {'; '.join(told)}"


def _told(each: ChatEvidence, p: float | None) -> str:
    quality, difference = each.paired.quality, each.paired.difference
    if each.why_not is not None or quality is None or p is None:
        return f"{each.chat} tells nothing ({each.why_not or 'too little was labelled, or audited by one Expert'})"
    on = plural(each.comments, "comment")
    return f"{each.chat} {QUALITIES[quality]} {_signed(difference)} on {on}, p {p_value(p)}"


def _signed(difference: Interval) -> str:
    estimate, low, high = (0.0 if value is None else value for value in difference)
    return f"{signed(estimate, 3)} [{signed(low, 3)}, {signed(high, 3)}]"


def compared(folder: DataFolder, place: PlaceOfChampion, champion: str, candidate: str) -> PromotionVerdict:
    """Return how a candidate's stored runs fare against the champion's."""
    library = ConfigLibrary(folder)
    pair = library.load(champion), library.load(candidate)
    channel = place.name if place.scope == "channel" else None
    evidence = tuple(_evidence(folder, library, chat, pair, channel) for chat in place.chats)
    known = [each.paired.p for each in evidence if each.paired.p is not None]
    corrected = iter(holm(known))
    p_values = tuple(None if each.paired.p is None else next(corrected) for each in evidence)
    return PromotionVerdict(champion, candidate, evidence, p_values)


def _evidence(
    folder: DataFolder,
    library: ConfigLibrary,
    chat: str,
    pair: tuple[NamedConfig, NamedConfig],
    channel: str | None,
) -> ChatEvidence:
    version = str(read_table(folder, INGESTION, chat)["data_version"][0])
    metrics = read_table(folder, METRICS, chat)
    current = set(metrics["config"]) - set(stale(made(metrics), library, version))
    missing = [each.name for each in pair if each.name not in current]
    if missing:
        command = f"moderation run {chat}" + "".join(f" -c {name}" for name in missing)
        return ChatEvidence(chat, UNKNOWN, 0, f"no run of it as it is now: {command}")
    configs = [library.load(name) for name in sorted(current)]
    comments = read_table(folder, COMMENTS, chat)
    before, now = (_sums(folder, chat, comments, each, configs) for each in pair)
    if channel is not None:
        of_channel = comments.filter(pl.col("channel") == channel).select("comment_id")
        now = now.join(of_channel, on="comment_id", how="semi", maintain_order="left")
    found = paired(before, now, seed=chat, same_expert=_have_one_expert(pair, configs))
    return ChatEvidence(chat, found, now.height)


def _have_one_expert(pair: tuple[NamedConfig, NamedConfig], configs: Sequence[NamedConfig]) -> bool:
    yardsticks = [yardstick_of(each, configs) for each in pair]
    same = expert_version(pair[0]) == expert_version(pair[1])
    return same or (yardsticks[0] is not None and yardsticks[0] == yardsticks[1])


def _sums(
    folder: DataFolder, chat: str, comments: pl.DataFrame, named: NamedConfig, configs: Sequence[NamedConfig]
) -> pl.DataFrame:
    """Return the sums of a stored run's comments, with their ids."""
    tables = (STUDENT_DECISIONS, EXPERT_AUDITS, MEMORY_SNAPSHOT, ACTION_LOG, USER_STATE)
    run = Run(named, *(read_table(folder, table, chat, named.name) for table in tables))
    against = yardstick_of(named, configs)
    reference = None if against is None else read_table(folder, EXPERT_AUDITS, chat, against)
    judged = judge(comments, run, reference)
    return comment_sums(run, judged).insert_column(0, judged["comment_id"])


class StaleRunError(ModerationError):
    """A run that is not of the chat's comments or of the config as they are."""

    def __init__(self, chat: str, config: str, why: str) -> None:
        super().__init__(
            f"The run of {config!r} on {chat!r} can't be made the measure: {why}. Run it again: moderation run {chat} "
            f"-c {config}."
        )


def refuse_what_is_stale(folder: DataFolder, chat: str, config: str) -> None:
    """Refuse to hold later runs against one that is not of what there is now.

    Raises:
        NoSuchChatError, ConfigError, NothingRunError, StaleRunError: why not.
    """
    library = ConfigLibrary(folder)
    library.load(config)
    metrics = read_table(folder, METRICS, require_chat(folder, chat), config)
    if metrics.is_empty():
        raise NothingRunError(chat, config, folder)
    version = str(read_table(folder, INGESTION, chat)["data_version"][0])
    why = stale(made(metrics), library, version).get(config)
    if why is not None:
        raise StaleRunError(chat, config, why)


class AlreadyChampionError(ModerationError):
    """A champion that is to be promoted again."""

    def __init__(self, place: PlaceOfChampion, config: str) -> None:
        chats = plural(len(place.chats), "chat")
        super().__init__(
            f"{config} is the champion of {place.scope} {place.name} already. 'moderation accept {place.chats[0]} "
            f"{config} REASON' has later runs held against the run there is now ({chats} to do so for)."
        )


class RefusedPromotionError(ModerationError):
    """A config that is worse than the champion, or of which that can't be known."""

    def __init__(self, verdict: PromotionVerdict, place: PlaceOfChampion) -> None:
        why = (
            f"is worse than {verdict.champion} by more than chance on {', '.join(verdict.worse_on)}"
            if verdict.worse_on
            else f"can't be told from {verdict.champion}, better or worse"
        )
        super().__init__(
            f"{verdict.candidate} was not promoted for {place.scope} {place.name}: it {why}. {verdict.said}. "
            f"'moderation promote {place.name} {verdict.candidate} --accept REASON' promotes it all the same, and "
            "keeps the reason."
        )
