"""Which runs are made at once: as many as pay and fit, and none before the one that it needs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from moderation_pipeline.config.champions import Promotion, promoted
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.launch import Launcher
from moderation_pipeline.terminal.nights.chat_runs import Wanted, allow_at_once
from moderation_pipeline.terminal.running import at_once
from moderation_pipeline.terminal.running.at_once import are_apart, in_turns, processes_for
from moderation_pipeline.warehouse.folder import DataFolder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    """Return a folder with a chat of 120,000 comments, on a machine of eight cores with room enough."""
    folder = DataFolder(tmp_path)
    folder.chats.mkdir()
    folder.configs.mkdir()
    line = '{"text": "%s", "user_id": "u"}\n' % ("x" * (at_once.BYTES_A_COMMENT - 30))
    (folder.chats / "long.jsonl").write_text(line * 120_000)
    (folder.chats / "short.jsonl").write_text(line * 10)
    monkeypatch.setattr(at_once, "_cores", lambda: 8)
    monkeypatch.setattr(at_once, "_free_bytes", lambda: 64_000_000_000)
    return folder


def named(folder: DataFolder, **written: str) -> list[NamedConfig]:
    for name, text in written.items():
        (folder.configs / f"{name}.yaml").write_text(text)
    library = ConfigLibrary(folder)
    return [library.load(name) for name in written]


def names(groups: list[list[NamedConfig]]) -> list[list[str]]:
    return [[each.name for each in group] for group in groups]


def test_a_long_chat_has_a_process_a_run_as_far_as_there_are_cores_and_a_short_one_none(
    folder: DataFolder,
) -> None:
    few = named(folder, a="extends: hybrid\n", b="extends: student_only\n")
    many = named(folder, **{f"c{i}": "extends: hybrid\n" for i in range(12)})
    assert processes_for(folder, ["long"], few, None) == 2
    assert processes_for(folder, ["long"], many, None) == 8
    assert processes_for(folder, ["short"], many, None) == 1
    assert processes_for(folder, ["short"], many, 3) == 3
    assert processes_for(folder, ["short"], few, 9) == 2
    assert processes_for(folder, ["long", "short"], few[:1], None) == 2


def test_no_more_runs_are_made_at_once_than_memory_holds(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = named(folder, **{f"c{i}": "extends: hybrid\n" for i in range(8)})
    monkeypatch.setattr(at_once, "_free_bytes", lambda: 5_000_000_000)
    assert 1 < processes_for(folder, ["long"], configs, None) < 8
    monkeypatch.setattr(at_once, "_free_bytes", lambda: 1_000_000)
    assert processes_for(folder, ["long"], configs, None) == 1


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({"memory.max": "max\n", "memory.current": "5\n"}, []),
        ({"memory.max": "2000000000\n", "memory.current": "500000000\n"}, [1_500_000_000]),
        ({"memory/memory.limit_in_bytes": "900\n", "memory/memory.usage_in_bytes": "400\n"}, [500]),
        ({}, []),
    ],
)
def test_a_container_has_the_memory_that_is_left_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], left: list[int]
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(at_once, "CONTAINER", tmp_path)
    assert at_once._left_of_container() == left
    assert at_once._free_bytes() <= min([*left, 1 << 62])


def test_what_asks_a_model_is_made_at_once_only_where_that_was_asked_for(folder: DataFolder) -> None:
    asks = "student: {backend: openai, model: m}\nexpert: none\naudit: {policy: none}\n"
    configs = named(folder, asks=asks, keyless="extends: student_only\n")
    assert processes_for(folder, ["long"], configs, None) == 1
    assert processes_for(folder, ["long"], configs, 2) == 2


def test_a_run_waits_for_the_one_it_starts_from_and_all_wait_for_the_experts(folder: DataFolder) -> None:
    configs = named(
        folder,
        third="extends: hybrid\nmemory: {start_from: long|second}\n",
        second="extends: hybrid\nmemory: {start_from: long|first}\n",
        first="extends: hybrid\n",
        elsewhere="extends: hybrid\nmemory: {start_from: other|third}\n",
        all_audited="extends: expert_only\n",
    )
    assert names(in_turns("long", configs)) == [
        ["all_audited"],
        ["first", "elsewhere"],
        ["second"],
        ["third"],
    ]
    assert names(in_turns("other", configs)) == [["all_audited"], ["third", "second", "first"], ["elsewhere"]]


def test_runs_that_start_from_one_another_are_all_made_nevertheless(folder: DataFolder) -> None:
    configs = named(
        folder,
        egg="extends: hybrid\nmemory: {start_from: long|hen}\n",
        hen="extends: hybrid\nmemory: {start_from: long|egg}\n",
        own="extends: hybrid\nmemory: {start_from: long|own}\n",
    )
    assert names(in_turns("long", configs)) == [["own"], ["egg"], ["hen"]]


def test_chats_of_which_one_starts_from_another_are_moderated_in_their_order(folder: DataFolder) -> None:
    apart = named(folder, a="extends: hybrid\n", b="extends: hybrid\nmemory: {start_from: monday|a}\n")
    assert are_apart(["tuesday", "wednesday"], apart)
    assert not are_apart(["monday", "tuesday"], apart)


def test_a_champion_that_asks_a_model_keeps_all_chats_of_a_night_in_turn(folder: DataFolder) -> None:
    class Allowed(Launcher):
        def __init__(self) -> None:
            self.processes: list[int] = []

        def allow(self, processes: int) -> None:
            self.processes.append(processes)

    asks = "student: {backend: openai, model: m}\nexpert: none\naudit: {policy: none}\n"
    keyless, _ = named(folder, keyless="extends: student_only\n", asks=asks)
    launch, wanted = Allowed(), Wanted([keyless], has_champion=True)
    assert [each.name for each in allow_at_once(launch, folder, ["long", "short"], wanted)] == [
        "keyless",
        "hybrid",
    ]
    promoted(
        folder,
        Promotion(
            scope="chat",
            name="short",
            config="asks",
            config_hash="abcd",
            instead_of="hybrid",
            promoted_at=datetime(2026, 11, 29, tzinfo=UTC),
            by="ann",
            why="better",
        ),
    )
    of_all = allow_at_once(launch, folder, ["long", "short"], wanted)
    assert {each.name for each in of_all} == {"keyless", "hybrid", "asks"}
    assert launch.processes == [4, 1]
