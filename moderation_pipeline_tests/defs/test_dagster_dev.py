"""The real thing: `dagster dev` with its daemons, a browser, and a DuckDB shell beside them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin
from dagster._core.workspace.load_target import PyProjectFileTarget, WorkspaceFileTarget
from playwright.sync_api import Browser, expect

from moderation_pipeline.definitions import defs
from moderation_pipeline.defs.partitions import chats, run_key, runs
from moderation_pipeline.launch import launcher
from moderation_pipeline.slugs import RunKey
from moderation_pipeline.synthetic.synthetic_chat import SyntheticSettings, write_synthetic
from moderation_pipeline.warehouse.duckdb_file import refresh_duckdb_file
from moderation_pipeline.warehouse.folder import DATA_VARIABLE, DataFolder
from moderation_pipeline.warehouse.views import query
from moderation_pipeline_tests.defs.conftest import CHAT, COMMENTS
from moderation_pipeline_tests.defs.dagster_dev import LOCATION, ROOT, DagsterDev, dagster_dev
from moderation_pipeline_tests.warehouse.test_duckdb_file import Shell, open_shell

pytestmark = pytest.mark.long

BACKFILLED = ("expert_only", "openai")
"""One that others are held against, and one whose key is missing: `test_presets.py` runs whatever needs none."""

GRAPH = defs.resolve_asset_graph()
EVERYTHING = {
    key.to_user_string(): [CHAT] if definition is chats else [run_key(CHAT, config) for config in BACKFILLED]
    for key in sorted(GRAPH.materializable_asset_keys)
    if (definition := GRAPH.get(key).partitions_def) in (chats, runs)
}
"""All that belongs to a chat and these configs: the synthetic chat and the attacks on configs belong to none."""

KEYS = ("TOGETHER_API_KEY", "OPENAI_API_KEY", "TYPESAFE_API_KEY")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    """A data folder with a chat that nobody has registered."""
    found = DataFolder(tmp_path_factory.mktemp("dev") / "data")
    write_synthetic(found.chats / f"{CHAT}.jsonl", SyntheticSettings(comments=COMMENTS))
    return found


@pytest.fixture(scope="module")
def shell(folder: DataFolder) -> Iterator[Shell]:
    """A DuckDB shell that somebody leaves open on the file all the while."""
    refresh_duckdb_file(folder)
    with open_shell(folder.duckdb) as opened:
        yield opened


@pytest.fixture(scope="module")
def dev(folder: DataFolder, shell: Shell) -> Iterator[DagsterDev]:
    """`dagster dev` over the folder, without any key to a paid backend."""
    assert shell.ask("select count(*) from comments") == "[(0,)]"
    with pytest.MonkeyPatch.context() as patch:
        for key in KEYS:
            patch.delenv(key, raising=False)
        with dagster_dev(folder, "-w", "workspace.yaml") as started:
            yield started


def test_a_file_that_was_dropped_in_is_read_by_itself(dev: DagsterDev, shell: Shell) -> None:
    run = dev.run_that_ended(pipelineName="ingest")
    assert run["status"] == "SUCCESS", dev.log
    assert shell.ask("select count(*) from comments") == f"[({COMMENTS},)]"


def test_a_run_that_was_launched_is_compared_when_it_is_through(
    dev: DagsterDev, folder: DataFolder, shell: Shell
) -> None:
    dev.run_that_ended(pipelineName="ingest")
    key = run_key(CHAT, "hybrid")
    dimensions = {f"dagster/partition/{name}": value for name, value in key.keys_by_dimension.items()}
    run_id = dev.launch_run("moderate", {"dagster/partition": str(key), **dimensions})
    assert dev.run_that_ended(runIds=[run_id])["status"] == "SUCCESS", dev.log
    assert dev.run_that_ended(pipelineName="compare")["status"] == "SUCCESS", dev.log
    assert query(folder, "select config, comments from comparison").rows() == [("hybrid", COMMENTS)]
    assert shell.ask("select config from comparison") == "[('hybrid',)]"
    assert folder.report(CHAT, "html").exists()


def test_a_run_of_a_terminal_is_on_its_jobs_page_and_of_the_location_that_the_timeline_shows(
    dev: DagsterDev, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATA_VARIABLE, str(folder.root))
    with launcher(folder) as launch:
        run_id = launch.ingest_chat(CHAT).run_id
    assert ("moderation_pipeline", run_id) in dev.runs_of_job("ingest")


def test_a_backfill_of_everything_for_a_chat_compares_what_could_run_and_judges_again_what_was_judged_early(
    dev: DagsterDev, folder: DataFolder, shell: Shell
) -> None:
    dev.run_that_ended(pipelineName="compare")
    ended = dev.back_fill(EVERYTHING)
    backfilled = {
        RunKey.parse(tag["value"]).config
        for run in dev.runs(tags=[{"key": "dagster/partition/chat", "value": CHAT}])
        for tag in run["tags"]
        if tag["key"] == "dagster/partition"
    }
    assert backfilled == {"hybrid", *BACKFILLED}
    # It is called failed because one config's key is missing; the others are compared all the same.
    assert ended == "COMPLETED_FAILED"
    assert dev.run_that_ended(pipelineName="judge_again")["status"] == "SUCCESS", dev.log
    rows = query(
        folder, "select config, comments, reference_agreement_rate from comparison order by 1"
    ).rows()
    assert [(config, comments) for config, comments, _ in rows] == [
        (config, COMMENTS) for config in ("expert_only", "hybrid")
    ]
    assert [config for config, _, agreement in rows if agreement is None] == ["expert_only"]
    assert shell.ask(f"select count(*) from metrics where chat = '{CHAT}'") == "[(2,)]"


def test_the_asset_graph_and_a_report_open_in_a_browser(
    dev: DagsterDev, folder: DataFolder, browser: Browser
) -> None:
    dev.wait_for("a report", lambda: folder.report(CHAT, "html").exists() or None)
    page = browser.new_page()
    page.set_default_timeout(0)
    page.goto(f"{dev.url}/locations/moderation_pipeline/asset-groups/moderation")
    for name in ("student_decisions", "expert_audits", "memory_snapshot", "action_log"):
        expect(page.get_by_text(name, exact=True).first).to_be_visible(timeout=0)
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(folder.report(CHAT, "html").as_uri())
    expect(page.locator("h1")).to_contain_text(CHAT, timeout=0)
    expect(page.locator("table").first).to_contain_text("hybrid", timeout=0)
    assert complaints == []
    page.close()


def test_without_a_workspace_file_the_project_names_the_same_location() -> None:
    """By Dagster's own reading of both files; that what they name loads, the tests above have shown."""
    (of_project,) = PyProjectFileTarget(str(ROOT / "pyproject.toml")).create_origins()
    (of_workspace,) = WorkspaceFileTarget([str(ROOT / "workspace.yaml")]).create_origins()
    assert of_project.location_name == of_workspace.location_name == LOCATION
    named = [
        origin.loadable_target_origin.module_name
        for origin in (of_project, of_workspace)
        if isinstance(origin, ManagedGrpcPythonEnvCodeLocationOrigin)
    ]
    assert named == 2 * ["moderation_pipeline.definitions"]
