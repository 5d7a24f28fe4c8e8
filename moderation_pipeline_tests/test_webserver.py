"""The guard in front of Dagster's page: what may ask, under which name, and by which method."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from moderation_pipeline.defs import plots, report
from moderation_pipeline.warehouse.folder import DATA_VARIABLE, DataFolder
from moderation_pipeline.webserver import REPORTS_AT, PageGuard, guarded
from moderation_pipeline_tests.defs.dagster_dev import free_port
from moderation_pipeline_tests.hostile_folder import hostile_modules, without_python_settings

MUTATION = 'mutation { deletePipelineRun(runId: "x") { __typename } }'


def asked(method: str = "POST", query: str = "", **headers: str) -> dict[str, Any]:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": method, "query_string": query.encode(), "headers": pairs}


async def nothing(*_: object) -> None:
    """An application that is never asked here."""


GUARD = PageGuard(nothing, hosts=("mod.example.org",))


@pytest.mark.parametrize(
    "scope",
    [
        asked(host="127.0.0.1:3000"),
        asked(host="localhost:3000", origin="http://localhost:3000"),
        asked(host="[::1]:3000", origin="http://[::1]:3000"),
        asked(host="mod.example.org", origin="https://mod.example.org"),
        asked("GET", urlencode({"query": "{ version }"}), host="localhost"),
        asked("GET", urlencode({"query": "no graphql at all {{"}), host="localhost"),
    ],
)
def test_the_page_itself_may_ask(scope: dict[str, Any]) -> None:
    assert GUARD.refusal_of(scope) is None


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        (asked(host="evil.example"), 403),
        (asked(host="127.0.0.1.evil.example:3000"), 403),
        (asked(host="[oops"), 403),
        (asked(), 403),
        (asked(host="localhost:3000", origin="http://evil.example"), 403),
        (asked(host="localhost:3000", origin="null"), 403),
        (asked(host="localhost:3000", origin="http://localhost:8080"), 403),
        (asked("GET", urlencode({"query": MUTATION}), host="localhost"), 405),
        (asked("GET", urlencode({"query": "query A { version } " + MUTATION}), host="localhost"), 405),
        (asked("GET", urlencode([("query", "{ version }"), ("query", MUTATION)]), host="localhost"), 405),
    ],
)
def test_others_are_refused_with_the_reason(scope: dict[str, Any], status: int) -> None:
    refusal = GUARD.refusal_of(scope)
    assert refusal is not None
    assert refusal[0] == status


def test_the_running_page_refuses_other_sites_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    port = free_port()
    marks = hostile_modules(tmp_path)
    command = [str(Path(sys.executable).with_name("moderation")), "ui", "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env={**without_python_settings(), "MODERATION_DATA": str(tmp_path / "data")},
            cwd=tmp_path,
            stdout=log,
            stderr=log,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
    try:
        while answer(port) is None:
            assert process.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.5)
        assert answer(port) == 200
        assert answer(port, Origin="http://evil.example") == 403
        assert answer(port, Host="evil.example") == 403
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
    assert process.returncode == 130
    assert list(marks.iterdir()) == []


def answer(port: int, **headers: str) -> int | None:
    """Return the status of a question to the page; null while nobody answers."""
    body = json.dumps({"query": "{ version }"}).encode()
    request = Request(
        f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json", **headers}
    )
    try:
        with urlopen(request) as reply:
            status: int = reply.status
            return status
    except HTTPError as error:
        with error:
            return error.code
    except (URLError, ConnectionError):
        return None


def test_a_report_is_shown_in_a_sandbox_and_nothing_else_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = DataFolder(tmp_path)
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    folder.report("stream", "html").parent.mkdir(parents=True)
    folder.report("stream", "html").write_text("<h1>stream</h1>")
    folder.run_log("stream", "hybrid").write_text("{}")
    app = guarded(Starlette(routes=[Route("/{path:path}", lambda _: PlainTextResponse("Dagster's page"))]))

    async def answers() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:3000") as client:
            names = ("stream", "evening", "..", "%2e%2e", "stream.md")
            return [await client.get(f"/reports/{name}", follow_redirects=True) for name in names]

    page, *others = asyncio.run(answers())
    assert (page.status_code, page.text) == (200, "<h1>stream</h1>")
    assert page.headers["Content-Security-Policy"].startswith("sandbox;")
    assert "stream" not in "".join(each.text for each in others if each.status_code == 200)


def test_the_pages_of_disagreements_run_their_own_script_in_a_sandbox_without_an_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = DataFolder(tmp_path)
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    folder.disagreements("stream").mkdir(parents=True)
    (folder.disagreements("stream") / "search.html").write_text("<h1>search</h1>")
    (folder.disagreements("stream") / "notes.html").write_text("not ours")
    app = guarded(Starlette(routes=[Route("/{path:path}", lambda _: PlainTextResponse("Dagster's page"))]))

    async def answers() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:3000") as client:
            names = ("search.html", "notes.html", "page-2.html", "..%2freport.html")
            return [await client.get(f"/reports/stream/disagreements/{name}") for name in names]

    page, *others = asyncio.run(answers())
    policy = page.headers["Content-Security-Policy"]
    assert (page.status_code, page.text) == (200, "<h1>search</h1>")
    assert policy.startswith("sandbox allow-scripts allow-downloads;")
    assert "allow-same-origin" not in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    assert "not ours" not in "".join(each.text for each in others)


def test_the_link_to_a_report_goes_where_it_is_shown() -> None:
    assert plots.REPORTS_AT == REPORTS_AT


def test_pictures_out_of_the_ui_s_reach_are_told_in_words() -> None:
    told = report.without_pictures("## Cost\n\n![hybrid costs least](plots/cost.png)\n", "/reports/stream")
    assert told == "## Cost\n\n*hybrid costs least* ([picture](/reports/stream))\n"
