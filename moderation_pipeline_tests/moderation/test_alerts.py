"""Alerts, sent to a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from moderation_pipeline.moderation.alerts import WEBHOOK, alert


class Hook(HTTPServer):
    """Answers every request with its status, and keeps what was posted."""

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = status
        self.posted: list[dict[str, object]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hooks/s3cret"


class _Handler(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append(json.loads(body))
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def hook(status: int = 200) -> Iterator[Hook]:
    """Run a server that alerts can be sent to."""
    server = Hook(status)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


FAILED = [{"chat": "monday", "failures": ["it is no chat"]}]


def test_an_alert_is_one_post_that_says_what_failed() -> None:
    with hook() as server:
        assert alert({WEBHOOK: server.address}, "monday failed", FAILED) is None
        warned = [{"chat": "tuesday", "warnings": ["it is old"]}]
        assert alert({WEBHOOK: server.address}, "look at tuesday", [], warned) is None
    assert server.posted == [
        {"text": "monday failed", "failed": FAILED, "warned": []},
        {"text": "look at tuesday", "failed": [], "warned": warned},
    ]


def test_without_an_address_nobody_is_told_and_nothing_is_wrong() -> None:
    assert alert({}, "monday failed", FAILED) is None


@pytest.mark.parametrize("status", [302, 404, 500])
def test_an_alert_that_was_refused_says_so_and_the_address_stays_unsaid(status: int) -> None:
    with hook(status) as server:
        problem = str(alert({WEBHOOK: server.address}, "monday failed", FAILED))
    assert f"HTTP {status}" in problem
    assert "s3cret" not in problem
    assert len(server.posted) == 1


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/s3cret", "ftp://host/s3cret", "s3cret"])
def test_an_address_that_takes_none_is_said_and_raises_nothing(address: str) -> None:
    problem = str(alert({WEBHOOK: address}, "monday failed", FAILED))
    assert WEBHOOK in problem
    assert "s3cret" not in problem
