"""Whose eyes what is written is for: its owner's alone, and those of a group that he has opened the folder to."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from moderation_pipeline.warehouse.access import umask_for
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.hardlinks import _own_place
from moderation_pipeline_tests.backends.chat_server import running
from moderation_pipeline_tests.program import moderation as in_this_process

NOBODY, A_GROUP = 65_534, 54_321
ROOT = Path(__file__).parent.parent.parent

CONFIG = """
student: {{backend: learned, base: {{backend: openai, model: tiny-judge, base_url: "{base_url}"}}}}
expert: careful_rules
"""


class Filled(NamedTuple):
    """Folders in each of which is a data folder."""

    private: Path
    opened: Path


AS_ANOTHER_USER = """
import os, sys
from moderation_pipeline.cli import called_with
data, user, group, *arguments = sys.argv[1:]
# All that is imported, while it may be read; how a wrong use is said, too.
called_with(["--data", data + "-of-nobody", *arguments]), called_with(["no-such-command"])
os.setgroups([]), os.setgid(int(group)), os.setuid(int(user))
print("NOW")
sys.exit(called_with(["--data", data, *arguments]))
"""


def moderation(folder: Path, *arguments: str, another: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the program, under a system's usual umask, as this user or as another one of the group."""
    data = str(folder / "data")
    as_this_user = ["-m", "moderation_pipeline.cli", "--data", data, *arguments]
    as_another = ["-c", AS_ANOTHER_USER, data, str(NOBODY), str(A_GROUP), *arguments]
    return own_process(folder, *(as_another if another else as_this_user))


def own_process(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "DAGSTER_HOME": ""},
        capture_output=True,
        text=True,
        check=False,
        umask=0o022,
    )


def all_that_writes(chat: Path, config: str, data: Path) -> None:
    """A chat that is added, a model's replies, a head that learns on top, a run, its report, the synthetic chat."""

    def call(*arguments: str) -> None:
        before = os.umask(0o022)  # the usual one of a system, which each command finds
        try:
            ended = in_this_process(chat.parent, "--data", str(data), *arguments)
        finally:
            os.umask(before)
        assert ended.returncode == 0, ended.stderr

    call("add", str(chat))
    (data / "configs").mkdir()
    (data / "configs" / "student_only.yaml").write_text(config, "utf-8")
    call("run", "mine", "-c", "student_only")
    call("synthesize", "--comments", "20")


@pytest.fixture(scope="module")
def filled() -> Iterator[Filled]:
    """A folder in which all that writes was done, and one that its owner had opened to a group before.

    Other users can come to them, as far as what lies in them lets them.
    """
    made = Path(tempfile.mkdtemp(prefix="moderation-test-"))
    made.chmod(0o755)
    found = Filled(made / "private", made / "opened")
    for folder in found:
        folder.mkdir()
        folder.chmod(0o755)  # whatever umask this process has by now
    data = found.opened / "data"
    data.mkdir()
    if os.geteuid() == 0:
        os.chown(data, -1, A_GROUP)
    data.chmod(0o2750)
    chat = made / "mine.jsonl"
    chat.write_text("".join(f'{{"text": "hello {i}", "user_id": "{i}"}}\n' for i in range(9)), "utf-8")
    chat.chmod(0o644)
    with running() as server:
        config = CONFIG.format(base_url=server.base_url)
        for each in found:
            all_that_writes(chat, config, each / "data")
    yield found
    shutil.rmtree(made)


def modes(data: Path) -> dict[str, int]:
    """Return the modes of all that the program made; the folder of configs is the user's own work."""
    paths = [data, *data.rglob("*")]
    return {
        path.relative_to(data).as_posix(): stat.S_IMODE(path.lstat().st_mode)
        for path in paths
        if not path.is_relative_to(data / "configs")
    }


def test_everything_that_is_written_is_its_owners_alone(filled: Filled) -> None:
    folder = filled.private
    made = modes(folder / "data")
    assert {"replies.sqlite", "moderation.duckdb", "dagster", "warehouse/comments/mine.parquet"} <= set(made)
    assert {"chats/mine.jsonl", "results/mine/report.html", "results/mine/student_only.jsonl.zst"} <= set(
        made
    )
    assert {name: oct(mode) for name, mode in made.items() if mode & 0o077} == {}
    if os.geteuid() == 0:  # nobody else can be another user
        asked = moderation(folder, "sql", "select count(*) as n from action_log", "--json", another=True)
        assert asked.returncode != 0
        assert "Traceback" not in asked.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_another_user_of_the_group_reads_and_queries_where_the_owner_opened_the_folder(
    filled: Filled,
) -> None:
    folder = filled.opened
    data = folder / "data"
    assert {name: oct(mode) for name, mode in modes(data).items() if mode & 0o007} == {}
    asked = moderation(folder, "sql", "select count(*) as n from action_log", "--json", another=True)
    assert '"n":9' in asked.stdout.partition("NOW")[2].replace(" ", ""), asked.stderr
    assert moderation(folder, "chats", another=True).returncode == 0
    for path in [each for each in data.rglob("*") if each.is_file() and "configs" not in each.parts]:
        assert path.stat().st_mode & stat.S_IRGRP, path


@pytest.mark.parametrize(
    ("mode", "inherited", "umask"),
    [
        (None, 0o022, 0o077),
        (None, 0o002, 0o077),
        (None, 0o000, 0o077),
        (None, 0o077, 0o077),
        (None, 0o027, 0o027),
        (None, 0o007, 0o007),
        (0o700, 0o022, 0o077),
        (0o755, 0o022, 0o077),
        (0o775, 0o002, 0o077),
        (0o750, 0o022, 0o027),
        (0o2750, 0o077, 0o027),
        (0o770, 0o022, 0o007),
        (0o2770, 0o027, 0o007),
        (0o710, 0o022, 0o077),
    ],
)
def test_what_was_opened_on_purpose_stays_open_and_what_a_system_opens_does_not(
    tmp_path: Path, mode: int | None, inherited: int, umask: int
) -> None:
    folder = DataFolder(tmp_path / "data")
    if mode is not None:
        folder.root.mkdir()
        folder.root.chmod(mode)
    assert umask_for(folder, inherited) == umask


@pytest.mark.parametrize("squatted", ["a link", "a file", "nothing"])
def test_who_only_looks_keeps_no_copy_where_somebody_else_has_taken_the_place(
    tmp_path: Path, squatted: str
) -> None:
    taken, elsewhere = tmp_path / f"moderation-{os.getuid()}.frozen", tmp_path / "elsewhere"
    elsewhere.mkdir()
    if squatted == "a link":
        taken.symlink_to(elsewhere)
    elif squatted == "a file":
        taken.touch()
    place = _own_place(tmp_path)
    assert (place == taken) == (squatted == "nothing")
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert list(elsewhere.iterdir()) == []
