"""The runs of one chat, or of several, in this process or by workers: what was made, and what failed.

What is due, and how it is worded, is `due_runs.py`'s; when a night begins, cron's, systemd's or Dagster's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from moderation_pipeline.comments.chat_files import named_twice
from moderation_pipeline.config.config_errors import ConfigError
from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.moderation.interruption import terminated_as_interrupted
from moderation_pipeline.moderation.run_states import (
    DueRun,
    asks_anew,
    changed_at,
    longest_unmade_first,
    why_due,
)
from moderation_pipeline.moderation.trace import RunObserver
from moderation_pipeline.terminal.exit_codes import in_a_sentence
from moderation_pipeline.terminal.running import due_runs
from moderation_pipeline.terminal.running.at_once import are_apart, in_turns, processes_for
from moderation_pipeline.terminal.running.due_runs import ChecksTold
from moderation_pipeline.terminal.screen import say
from moderation_pipeline.warehouse.folder import DataFolder

if TYPE_CHECKING:
    from moderation_pipeline.launch import Launcher


LISTENED_EVERY_S = 0.5
"""How soon Ctrl-C is heard while others make the runs."""


class Wanted(NamedTuple):
    """What is wanted of each chat: under which configs, only what changed, how often a failed run is tried again.

    `run_config` is Dagster's, for the runs that moderate; `has_champion`: each chat's champion too; `at_once`: how many
    runs this machine makes at once, null where that is ours to say; `since`: when it was wanted, in seconds since 1970.
    """

    configs: Sequence[NamedConfig]
    only_new: bool = False
    retries: int = 0
    run_config: Mapping[str, Any] = {}
    has_champion: bool = False
    at_once: int | None = None
    since: float | None = None

    def of(self, folder: DataFolder, chat: str) -> Sequence[NamedConfig]:
        """Return the configs of a chat that was read."""
        return due_runs.with_champion(folder, chat, self.configs) if self.has_champion else self.configs

    @property
    def is_fresh(self) -> bool:
        """Whether models are asked anew, whatever replies there are."""
        return asks_anew(self.run_config)

    @property
    def is_of_a_night(self) -> bool:
        """Whether only what is due is wanted, whoever makes it: of two that want the same, one makes it."""
        return self.only_new or self.is_fresh

    def has_it(self, launch: Launcher, folder: DataFolder, chat: str, named: NamedConfig) -> bool:
        """Whether a run that is there will do: one that is up to date, and made anew by this or another night."""
        if not self.only_new and (
            self.since is None or not launch.is_made_anew(chat, named.name, self.since)
        ):
            return False
        return why_due(folder, chat, named) is None

    @property
    def told(self) -> str:
        """Under what it is moderated, in words."""
        return ", ".join([each.name for each in self.configs] + ["the champion"] * self.has_champion)


class ChatOutcome(NamedTuple):
    """What became of a chat: configs whose runs were made, those that were up to date, what failed, in words.

    `warnings` say what somebody should look at; nothing failed for that. One that was `left_out` says why. `elsewhere`
    are the configs whose runs Dagster is making.
    """

    chat: str
    made: tuple[str, ...] = ()
    current: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    left_out: str | None = None
    elsewhere: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """What became of it in one line."""
        if self.left_out is not None:
            return f"{self.chat}: left out, {self.left_out}"
        parts = [f"made {', '.join(self.made)}"] if self.made else []
        parts += [f"up to date {', '.join(self.current)}"] if self.current else []
        parts += [f"left to Dagster {', '.join(self.elsewhere)}"] if self.elsewhere else []
        parts += [f"FAILED ({len(self.failures)})"] if self.failures else []
        parts += [f"warned of ({len(self.warnings)})"] if self.warnings else []
        return f"{self.chat}: {'; '.join(parts)}"


def moderated(
    launch: Launcher, folder: DataFolder, chat: str, wanted: Wanted, observer: RunObserver
) -> ChatOutcome:
    """Read the chat where that is due, make the runs that are wanted, and compare them."""
    if not wanted.is_of_a_night:
        return _moderated(launch, folder, chat, wanted, observer)
    with launch.alone_with(
        chat, lambda: say(f"Another night is at {chat}: this one waits until it is through.")
    ):
        return _moderated(launch, folder, chat, wanted, observer)


def _moderated(
    launch: Launcher, folder: DataFolder, chat: str, wanted: Wanted, observer: RunObserver
) -> ChatOutcome:
    told = _read(launch, folder, chat, observer)
    configs = wanted.of(folder, chat)
    current = [each.name for each in configs if wanted.has_it(launch, folder, chat, each)]
    busy = launch.made_by_dagster(chat) if wanted.is_of_a_night else {}
    elsewhere = [
        each.name
        for each in configs
        if each.name in busy
        and each.name not in current
        and busy[each.name].will_do(changed_at(folder, chat, each.name), fresh=wanted.is_fresh)
    ]
    for name in elsewhere:
        run_id = busy[name].run_id
        say(f"{chat} under {name} is left to Dagster, which has a run of it under way ({run_id}).")
    due = [each for each in configs if each.name not in (*current, *elsewhere)]
    made = []
    for together in in_turns(chat, due):
        for named, said, is_made, watching in side_by_side(
            launch, lambda each: _made(launch, chat, each, wanted, observer), together
        ):
            watching.told()
            told = told.beside(said)
            made += [named.name] if is_made else []
    # Else there is nothing new to compare, and what failed must not be hidden by that.
    if made or (current and not told.failures and due_runs.is_comparing_due(folder, chat)):
        say("Comparing, drawing, writing the report.")
        told = told.beside(due_runs.checks_told(launch.compare_chat(chat)))
    return ChatOutcome(chat, tuple(made), tuple(current), *told, elsewhere=tuple(elsewhere))


def _read(launch: Launcher, folder: DataFolder, chat: str, observer: RunObserver) -> ChecksTold:
    from moderation_pipeline.defs.comments import READING_VERSION

    if due_runs.is_synthetic_missing(folder, chat):
        launch.synthesize()
    is_current = launch.last_read_by(chat) == READING_VERSION
    if not due_runs.is_reading_due(folder, chat, is_current=is_current):
        return ChecksTold()
    say(f"Reading {chat}.")
    return due_runs.checks_told(launch.ingest_chat(chat, observer))


class _Made(NamedTuple):
    """A config, what is to be said of its run, whether it was made, and who watched it."""

    named: NamedConfig
    said: ChecksTold
    is_made: bool
    watching: RunObserver


def _made(launch: Launcher, chat: str, named: NamedConfig, wanted: Wanted, observer: RunObserver) -> _Made:
    """Make a run, again where it failed; of several failures the last one is said."""
    watching = observer if launch.at_once == 1 else observer.beside()
    for attempt in range(wanted.retries + 1):
        noted: list[due_runs.Noted] = []
        with due_runs.failure_noted(named, noted):
            outcome = launch.moderate_chat(chat, named.name, watching, wanted.run_config)
            return _Made(named, due_runs.checks_told(outcome), True, watching)
        if noted[0].is_lasting:
            break
        if attempt < wanted.retries:
            say(f"{noted[0].why} Trying again ({attempt + 1} of {wanted.retries}).")
    return _Made(named, ChecksTold((noted[0].why,)), False, watching)


Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(launch: Launcher, make: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Yield what is made of each, in this order: in turn in this process, at once by others or on workers."""
    if launch.at_once == 1:
        yield from map(make, items)
        return
    with terminated_as_interrupted(), ThreadPoolExecutor(min(launch.at_once, len(items))) as pool:
        try:
            waiting = [pool.submit(make, each) for each in items]
            for each in waiting:
                # Not for ever: Polars has a wait for a lock go on after a signal, whose handler would wait as long.
                while not wait([each], LISTENED_EVERY_S).done:
                    pass
                yield each.result()
        except BaseException:
            launch.stop()
            if launch.is_at_it:
                say("Stopping. The chat that is being read or compared is finished first.")
            raise


def all_moderated(
    folder: DataFolder, chats: Sequence[str], wanted: Wanted, observer: RunObserver
) -> list[ChatOutcome]:
    """Moderate several chats; one that fails stops no other."""
    from moderation_pipeline.launch import launcher

    chats = _in_order(folder, chats, wanted)
    with launcher(folder) as launch:
        configs = allow_at_once(launch, folder, chats, wanted)
        groups = [chats] if are_apart(chats, configs) else [[each] for each in chats]
        return [
            outcome
            for together in groups
            for outcome in side_by_side(
                launch, lambda chat: _whatever_fails(launch, folder, chat, wanted, observer), together
            )
        ]


def _in_order(folder: DataFolder, chats: Sequence[str], wanted: Wanted) -> Sequence[str]:
    """Return the chats as they were named; where models are asked anew, those first that were made longest ago."""
    if not wanted.is_fresh:
        return chats
    runs = [DueRun(chat, each.name, "") for chat in chats for each in _configs_of(folder, chat, wanted)]
    ordered = [run.chat for run in longest_unmade_first(folder, runs)]
    # All of them: of one without a config that can be used that is said in its turn.
    return list(dict.fromkeys([*ordered, *chats]))


def _configs_of(folder: DataFolder, chat: str, wanted: Wanted) -> Sequence[NamedConfig]:
    """Return a chat's configs; a champion that can't be used will be said when the chat's turn comes."""
    with suppress(ConfigError):
        return wanted.of(folder, chat)
    return wanted.configs


def allow_at_once(
    launch: Launcher, folder: DataFolder, chats: Sequence[str], wanted: Wanted
) -> list[NamedConfig]:
    """Say once for a command how many runs are made at once, and return the configs of all its chats, each once."""
    configs = {each.name: each for each in wanted.configs}
    for chat in chats:
        configs |= {each.name: each for each in _configs_of(folder, chat, wanted)}
    of_all = list(configs.values())
    launch.allow(processes_for(folder, chats, of_all, wanted.at_once))
    return of_all


def _whatever_fails(
    launch: Launcher, folder: DataFolder, chat: str, wanted: Wanted, observer: RunObserver
) -> ChatOutcome:
    try:
        return moderated(launch, folder, chat, wanted, observer)
    except Exception as error:  # a night goes on with the next chat, whatever this one is up to
        told = in_a_sentence(error)
        return ChatOutcome(chat, failures=(told or f"a bug of ours: {type(error).__name__}: {error}",))


def chats_that_can_be(folder: DataFolder, only: Sequence[str] = ()) -> tuple[list[str], list[ChatOutcome]]:
    """Return the chats to moderate of all, or of those that settings name, and what became of the others.

    Left out are those that are gone or unreadable. A name that is no chat's fails as long as settings have it.
    """
    from moderation_pipeline.comments.keeping.chat_states import chat_states
    from moderation_pipeline.terminal.listings import NoSuchChatError

    states, twice = chat_states(folder), named_twice(folder)
    unknown = [chat for chat in dict.fromkeys(only) if chat not in states]
    if only:
        states = {chat: states[chat] for chat in dict.fromkeys(only) if chat in states}
        twice = {chat: error for chat, error in twice.items() if chat in only}
    left_out = {chat: state for chat, state in states.items() if state.state in ("gone", "unreadable")}
    told = [
        ChatOutcome(chat, left_out=f"{state.state}: {state.why}")
        for chat, state in left_out.items()
        if chat not in twice
    ]
    # What was never read is no file that somebody knows to be broken: it fails anew until one of the two is renamed.
    told += [ChatOutcome(chat, failures=(str(error),)) for chat, error in twice.items()]
    told += [
        ChatOutcome(
            chat, failures=(f"{folder.nights} names it. {NoSuchChatError(chat, list(states), folder)}",)
        )
        for chat in unknown
    ]
    return [chat for chat in states if chat not in left_out], told
