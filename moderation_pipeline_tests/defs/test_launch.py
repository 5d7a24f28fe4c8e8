from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import dagster as dg
import pytest
import yaml
from dagster._utils import interrupts

from moderation_pipeline.cases.settled import Settled
from moderation_pipeline.defs.comments import READING_VERSION
from moderation_pipeline.defs.home.instance import instance, prepare_home
from moderation_pipeline.launch import BlockingCheckError, RunOutcome, launcher
from moderation_pipeline.moderation.interruption import RunInterrupted, no_signal_lost
from moderation_pipeline.moderation.trace import RunObserver
from moderation_pipeline.terminal.running.due_runs import is_reading_due
from moderation_pipeline.warehouse.duckdb_file import refresh_duckdb_file
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import DATA_VARIABLE, DataFolder
from moderation_pipeline.warehouse.tables import COMPARISON, METRICS
from moderation_pipeline_tests.backends.chat_server import ChatServer, running
from moderation_pipeline_tests.defs.conftest import CHAT, COMMENTS, home_in
from moderation_pipeline_tests.warehouse.test_duckdb_file import open_shell


class Counting(RunObserver):
    """Counts what it is told of."""

    def __init__(self) -> None:
        self.comments = 0

    def settled(self, batch: Sequence[Settled]) -> None:
        self.comments += len(batch)


class Through(NamedTuple):
    """A data folder in which the small chat was read, moderated and compared from a terminal, and what was told."""

    folder: DataFolder
    outcome: RunOutcome
    watching: Counting


@pytest.fixture(scope="module")
def through(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Through]:
    """Such a folder; no config but the default one is to be run in it."""
    watching = Counting()
    with home_in(tmp_path_factory.mktemp("through")) as (folder, _):
        with launcher(folder) as launch:
            launch.ingest_chat(CHAT)
            outcome = launch.moderate_chat(CHAT, "hybrid", watching)
            launch.compare_chat(CHAT)
        yield Through(folder, outcome, watching)


def test_the_terminal_runs_a_chat_and_finds_it_in_the_instance_afterwards(through: Through) -> None:
    folder, outcome, watching = through
    assert outcome.failed_checks == ()
    assert watching.comments == COMMENTS
    assert read_table(folder, COMPARISON, CHAT)["config"].to_list() == ["hybrid"]
    with dg.DagsterInstance.from_config(str(folder.dagster_home)) as seen_by_the_ui:
        run = seen_by_the_ui.get_run_by_id(outcome.run_id)
        assert run is not None
        assert (run.job_name, run.status) == ("moderate", dg.DagsterRunStatus.SUCCESS)
        assert seen_by_the_ui.get_dynamic_partitions("chats") == [CHAT]
        made = seen_by_the_ui.get_materialized_partitions(dg.AssetKey("metrics"))
        assert made == {f"{CHAT}|hybrid"}


def test_a_check_that_fails_is_told_with_its_culprits(
    through: Through, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moderation_pipeline.defs.moderation_loop.UNREADABLE_BOUND", -1.0)
    with launcher(through.folder) as launch:
        outcome = launch.moderate_chat(CHAT, "hybrid")
    (failed,) = outcome.failed_checks
    assert (failed.asset, failed.name) == ("student_decisions", "replies_are_readable")
    assert failed.metadata["share"] == 0.0


class Changing(RunObserver):
    """Has the provider change its model under its name, once it has answered for a batch."""

    def __init__(self, server: ChatServer) -> None:
        self._server = server

    def settled(self, batch: Sequence[Settled]) -> None:  # noqa: ARG002
        self._server.behaviour.model = "tiny-judge-of-tomorrow"


TINY = """
student: {{backend: openai, model: tiny-judge, base_url: "{base_url}"}}
expert: none
memory: null
audit: {{policy: none}}
"""


def test_a_provider_that_changes_its_model_in_mid_run_is_named_and_no_bug_of_ours(folder: DataFolder) -> None:
    folder.configs.mkdir(parents=True)
    with running() as server, launcher(folder) as launch:
        (folder.configs / "student_only.yaml").write_text(TINY.format(base_url=server.base_url))
        launch.ingest_chat(CHAT)
        with pytest.raises(BlockingCheckError) as error:
            launch.moderate_chat(CHAT, "student_only", Changing(server))
    assert "one_model_answered of student_decisions (synthetic|student_only)" in str(error.value)
    assert "tiny-judge-of-tomorrow" in str(error.value)
    assert "Run again with fresh replies" in str(error.value)


def test_a_chat_is_read_again_once_other_source_would_read_it(
    folder: DataFolder, through: Through, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else an upgrade would decide on the normal forms of the version before."""
    with launcher(folder) as launch:
        assert launch.last_read_by(CHAT) is None
    monkeypatch.setenv(DATA_VARIABLE, str(through.folder.root))
    with launcher(through.folder) as launch:
        assert launch.last_read_by(CHAT) == READING_VERSION
    assert not is_reading_due(through.folder, CHAT, is_current=True)
    assert is_reading_due(through.folder, CHAT, is_current=False)


def test_dagsters_own_lines_stay_off_the_terminal(
    folder: DataFolder, capfd: pytest.CaptureFixture[str]
) -> None:
    with launcher(folder) as launch:
        launch.ingest_chat(CHAT)
    assert capfd.readouterr() == ("", "")


def test_a_shell_that_holds_the_duckdb_file_stops_no_run_and_sees_its_rows(folder: DataFolder) -> None:
    refresh_duckdb_file(folder)
    with open_shell(folder.duckdb) as shell, launcher(folder) as launch:
        assert shell.ask("select count(*) from metrics") == "[(0,)]"
        launch.ingest_chat(CHAT)
        launch.moderate_chat(CHAT, "student_only")
        assert shell.ask("select count(*) from metrics") == "[(1,)]"
        launch.moderate_chat(CHAT, "hybrid")
        assert shell.ask("select count(*) from metrics") == "[(2,)]"


def test_a_held_file_whose_views_have_changed_is_said_in_the_runs_log(folder: DataFolder) -> None:
    refresh_duckdb_file(folder)
    (folder.warehouse / "_views.sql").write_text("-- of an older version\n")
    with open_shell(folder.duckdb), launcher(folder) as launch:
        outcome = launch.ingest_chat(CHAT)
    with instance(folder) as dagster:
        said = [entry.user_message for entry in dagster.all_logs(outcome.run_id)]
    assert any("can't be written now" in line for line in said)
    assert refresh_duckdb_file(folder).outcome == "written"


def test_the_instances_settings_are_written_once_and_then_the_users(folder: DataFolder) -> None:
    settings = prepare_home(folder) / "dagster.yaml"
    assert yaml.safe_load(settings.read_text())["telemetry"] == {"enabled": False}
    settings.write_text("telemetry: {enabled: true}\n")
    prepare_home(folder)
    assert settings.read_text() == "telemetry: {enabled: true}\n"


FOUR_MAKERS = """
import os, sys
from moderation_pipeline.defs.home.instance import instance
from moderation_pipeline.warehouse.folder import DATA_VARIABLE, DataFolder

makers = []
for _ in range(4):
    maker = os.fork()  # after the imports, so that all four begin at the same moment
    if maker == 0:
        with instance(DataFolder.find()):
            sys.exit()
    makers.append(maker)
sys.exit(any(os.waitpid(maker, 0)[1] for maker in makers))
"""


def test_an_instance_that_several_make_at_once_is_whole_for_all_of_them(folder: DataFolder) -> None:
    """Dagster makes its databases without a lock."""
    subprocess.run([sys.executable, "-c", FOUR_MAKERS], check=True)
    with launcher(folder) as launch:
        assert launch.ingest_chat(CHAT).failed_checks == ()


def test_an_instance_of_the_users_own_is_left_as_it_is(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with instance(folder) as dagster:
        assert dagster.root_directory == str(home)
    assert not (home / "terminal.yaml").exists()
    assert not (folder.root / "dagster").exists()


def test_what_dagster_logs_of_a_run_is_how_far_it_is(through: Through) -> None:
    folder, outcome, _ = through
    with instance(folder) as dagster:
        said = [entry.user_message for entry in dagster.all_logs(outcome.run_id)]
    metrics = read_table(folder, METRICS, CHAT, "hybrid")
    audits, undecided = metrics.select("audits", "undecided").row(0)
    assert undecided  # in a language that the rules don't speak
    through_all = f"{CHAT}|hybrid: {COMMENTS} of {COMMENTS} comments through"
    assert f"{through_all}, {audits} audited, {undecided} undecided" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_dagster_forgets_stops_the_command_all_the_same(number: signal.Signals) -> None:
    """Within such a context it notes that one came, and forgets it at the end if nobody looked."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(RunInterrupted) as stopped, no_signal_lost(), interrupts.capture_interrupts():
            os.kill(os.getpid(), number)
        assert stopped.value.received == number
        with no_signal_lost(), interrupts.capture_interrupts():
            pass  # what came before is no reason to stop what comes after
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
