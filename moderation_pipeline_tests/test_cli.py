"""The commands as a user calls them, each test in a folder of its own."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from moderation_pipeline.cli import called_with
from moderation_pipeline.terminal.exit_codes import ExitCode

HEAVY = ("dagster", "altair", "sklearn", "torch", "transformers", "openai", "together")


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    stdout: str
    stderr: str


Moderation = Callable[..., Ended]


@pytest.fixture
def moderation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Moderation:
    """Return the program, as called in `tmp_path`, whose data folder is `tmp_path/data`."""
    monkeypatch.chdir(tmp_path)
    # Set rather than deleted, so that what --data sets is undone; empty counts as unset.
    monkeypatch.setenv("MODERATION_DATA", "")
    monkeypatch.setenv("DAGSTER_HOME", "")

    def call(*arguments: str, stdin: str = "") -> Ended:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = called_with(arguments)
        return Ended(code, *capsys.readouterr())

    return call


def write_config(folder: Path, name: str, text: str) -> Path:
    path = folder / "data" / "configs" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


ONLY_LOOKING = (["--help"], ["run", "--help"], ["chats"], ["configs"], ["sql", "from metrics"], ["users"])


def test_commands_that_only_look_import_nothing_heavy(tmp_path: Path) -> None:
    """One after another in one process, which is asked after each."""
    program = (
        "import sys; from moderation_pipeline.cli import called_with\n"
        f"for arguments in {ONLY_LOOKING}:\n"
        "    called_with(arguments)\n"
        f"    print('HEAVY', arguments, sorted(set({HEAVY}) & set(sys.modules)), file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    asked = [line for line in ended.stderr.splitlines() if line.startswith("HEAVY")]
    assert asked == [f"HEAVY {arguments} []" for arguments in ONLY_LOOKING]


def test_what_a_keyless_run_needs_loads_without_what_only_other_configs_need(tmp_path: Path) -> None:
    program = (
        "import sys, moderation_pipeline.launch, moderation_pipeline.agents.learned_heads\n"
        "import moderation_pipeline.agents.build_agents, moderation_pipeline.moderation.loop\n"
        "import moderation_pipeline.report.page, moderation_pipeline.evaluation.config_comparison\n"
        "print(sorted({'altair', 'openai', 'sklearn', 'scipy.stats', 'together', 'torch'} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == "[]\n"


@pytest.mark.parametrize(
    "command",
    [
        "run",
        "add",
        "synthesize",
        "chats",
        "configs",
        "sql",
        "users",
        "check",
        "ui",
        "cache",
        "tune",
        "dsa-statements",
    ],
)
def test_every_command_has_help_with_an_example(moderation: Moderation, command: str) -> None:
    ended = moderation(command, "--help")
    assert ended.code == ExitCode.OK
    examples = ended.stdout.split("Options:")[0].splitlines()[1:]
    assert any(line.startswith(f"  moderation {command}") for line in examples)


def test_the_exit_codes_are_in_the_help(moderation: Moderation) -> None:
    said = moderation("--help").stdout
    assert all(str(code.value) in said for code in ExitCode)


def test_an_empty_folder_has_the_synthetic_chat_and_the_ready_made_configs(moderation: Moderation) -> None:
    chats = json.loads(moderation("chats", "--json").stdout)
    configs = json.loads(moderation("configs", "--json").stdout)
    assert [chat["chat"] for chat in chats] == ["synthetic"]
    assert {"student_only", "student_memory", "hybrid", "expert_only"} <= {each["config"] for each in configs}


def test_an_invalid_config_is_told_apart_from_the_valid_ones(tmp_path: Path, moderation: Moderation) -> None:
    write_config(tmp_path, "broken", "student: {backend: rulez}\n")
    ended = moderation("configs", "--json")
    assert ended.code == ExitCode.FAILED
    assert "hybrid" in {each["config"] for each in json.loads(ended.stdout)}
    assert "broken.yaml: student: there is no backend 'rulez'. Did you mean 'rules'?" in ended.stderr


def test_every_view_answers_in_an_empty_folder(moderation: Moderation) -> None:
    views = [row["view"] for row in json.loads(moderation("sql", "--json").stdout)]
    counted = " union all ".join(f"select '{view}' as view, count(*) as rows from {view}" for view in views)
    answer = json.loads(moderation("sql", counted, "--json").stdout)
    assert answer == [{"view": view, "rows": 0} for view in views]


def test_a_query_may_come_from_a_pipe(moderation: Moderation) -> None:
    assert json.loads(moderation("sql", "-", "--json", stdin="select 1 as one").stdout) == [{"one": 1}]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["sql", "from metrix"],
            "Error: There is no view 'metrix'. Did you mean 'metrics'? Views are: comments",
        ),
        (["sql", "selec 1"], "Error: Parser Error: syntax error at or near"),
        (["users", "sinthetic"], "Error: There is no chat 'sinthetic'. Did you mean 'synthetic'?"),
        (["users"], "Error: The chat 'synthetic' has not been moderated yet: moderation run synthetic"),
        (["run", "nowhere"], "Error: There is no chat 'nowhere'. Chats are: synthetic."),
        (["run", "-c", "hybird"], "Error: There is no config 'hybird'. Did you mean 'hybrid'?"),
        (["check", "hybird"], "Error: There is no config 'hybird'. Did you mean 'hybrid'?"),
        (["add", "no.log"], "no.log"),
        (["chat"], "Error: No such command 'chat'. Did you mean 'chats'?"),
        (["run", "--confg", "x"], "Error: No such option '--confg'. (Did you mean one of: '--config'"),
    ],
)
def test_a_mistake_is_said_in_a_sentence_with_its_remedy(
    moderation: Moderation, arguments: list[str], said: str
) -> None:
    ended = moderation(*arguments)
    assert ended.code == ExitCode.USAGE
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "looked_in"),
    [
        (["run", "stream"], "data/chats"),
        (["users", "stream"], "data/chats"),
        (["certify", "stream"], "data/chats"),
        (["users"], "data"),
        (["certify"], "data"),
    ],
)
def test_what_is_not_found_is_said_with_where_it_was_looked_for_and_nothing_is_made_there(
    tmp_path: Path, moderation: Moderation, arguments: list[str], looked_in: str
) -> None:
    ended = moderation(*arguments)
    assert ended.code == ExitCode.USAGE
    assert f"ooked for in {tmp_path / looked_in}" in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("before", [["--data", "s3://bucket/x"], []])
def test_an_address_is_no_data_folder(
    tmp_path: Path, moderation: Moderation, monkeypatch: pytest.MonkeyPatch, before: list[str]
) -> None:
    monkeypatch.setenv("MODERATION_DATA", "" if before else "gs://bucket/x")
    ended = moderation(*before, "chats")
    assert ended.code == ExitCode.USAGE
    assert "it is an address, and has to be a folder of this machine" in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["sql", "from metrics"], ["chats"], ["configs"], ["cache"]])
def test_looking_around_makes_nothing(tmp_path: Path, moderation: Moderation, arguments: list[str]) -> None:
    assert moderation(*arguments).code == ExitCode.OK
    assert list(tmp_path.iterdir()) == []


def test_a_file_named_as_a_chat_is_told_how_to_become_one(tmp_path: Path, moderation: Moderation) -> None:
    (tmp_path / "My Log.txt").write_text("x", "utf-8")
    ended = moderation("run", "My Log.txt")
    assert "It is a file: 'moderation add My Log.txt' adds it as 'my-log'." in ended.stderr


def test_the_data_folder_can_be_named(tmp_path: Path, moderation: Moderation) -> None:
    write_config(tmp_path, "mine", "description: here\n")
    named = moderation("--data", str(tmp_path / "data"), "configs", "--json")
    assert "mine" in {each["config"] for each in json.loads(named.stdout)}


def test_a_reader_of_the_output_may_have_had_enough(tmp_path: Path) -> None:
    program = f"'{sys.executable}' -m moderation_pipeline.cli sql 'from range(200000)' | head -1"
    ended = subprocess.run(["bash", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.stderr == ""
