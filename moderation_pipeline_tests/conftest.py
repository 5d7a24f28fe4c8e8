"""What all tests share: property tests without a deadline, for a busy machine is not a fault of the code; a browser;
a Postgres; and what is compiled kept, and garbage looked for seldom, for those are a third of what collecting costs.

And how they are shared out among processes (pytest-xdist): the tests of a file stay together, for they may have a
folder or a server in common; whatever runs a real model waits for its turn, for a model takes every core it finds.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, Error, sync_playwright
from xdist.scheduler import LoadGroupScheduling

from moderation_pipeline.moderation.gc_pause import NEW_OBJECTS
from moderation_pipeline.warehouse.folder import STORE_VARIABLE
from moderation_pipeline_tests.postgres_server import (
    NoPostgresError,
    PostgresServer,
    new_database,
    own_server,
    some_server,
)

# Whatever the environment says: else every process that is started compiles all of ours anew, and every worker all
# tests too, with their assertions rewritten.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# What is imported and collected here is alive to the end: by Python's default it is looked through again and again.
gc.set_threshold(NEW_OBJECTS)

# Each run draws other examples, and those that failed come back first. Readers are looked at for as long as one likes
# by `benchmarks.fuzz_readers`, and what says nothing of how often it is tried by `--hypothesis-profile thorough`.
settings.register_profile("thorough", deadline=None, max_examples=1_000)
settings.register_profile("no_deadline", deadline=None, max_examples=40)
settings.load_profile("no_deadline")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class ByFile(LoadGroupScheduling):  # type: ignore[misc]
    """Gives a process whole files, and whole groups where tests are marked as one."""

    def _split_scope(self, nodeid: str) -> str:
        group: str = super()._split_scope(nodeid)
        return nodeid.partition("::")[0] if group == nodeid else group


def pytest_xdist_auto_num_workers() -> int:
    """Return one process more than there are cores: tests wait for `dagster dev`, a browser and killed runs."""
    return (os.cpu_count() or 1) + 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    return ByFile(config, log)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist writes the groups into the tests' names
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        assert isinstance(item, pytest.Function)
        if item.get_closest_marker("local"):
            item.add_marker(pytest.mark.xdist_group("real_models"))
        if {"postgres", "own_postgres", "s3"} & set(item.fixturenames):
            item.add_marker(pytest.mark.fleet)
    gc.freeze()
    # The longest first, and those of real models, a group for which the other processes would wait at the end.
    items.sort(key=lambda item: not any(map(item.get_closest_marker, ("long", "local"))))


def pytest_unconfigure() -> None:
    gc.unfreeze()  # else what libraries look for at their end is said to have leaked


# Of a module, not of the session: Playwright keeps an event loop in this thread, beside which the loop of a run
# can not be started.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser; where none can be had the test is skipped, and says so."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser on PATH (looked for {', '.join(BROWSERS)})")
    with sync_playwright() as playwright:
        try:
            opened = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        except Error as error:
            pytest.skip(f"{found} does not start: {str(error).splitlines()[0]}")
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a real Postgres; where none can be had the test is skipped, and says so."""
    pytest.importorskip("psycopg", reason="needs the extras fleet and fleet-tests")
    with ExitStack() as stack:
        try:
            url = stack.enter_context(some_server())
        except NoPostgresError as error:
            pytest.skip(str(error))
        yield url


@pytest.fixture
def shared_store(postgres: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty database, which MODERATION_STORE names during the test."""
    url = new_database(postgres)
    monkeypatch.setenv(STORE_VARIABLE, url)
    return url


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A Postgres of the test's own, which it may stop and start."""
    pytest.importorskip("psycopg", reason="needs the extras fleet and fleet-tests")
    with ExitStack() as stack:
        try:
            server = stack.enter_context(own_server())
        except NoPostgresError as error:
            pytest.skip(str(error))
        yield server
