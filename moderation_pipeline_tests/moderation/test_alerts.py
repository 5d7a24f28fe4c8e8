"""Alerts, sent to a real server."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Event, Thread

import pytest

from moderation_pipeline.moderation import alerts
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


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:9/s3cret",
        "ftp://host/s3cret",
        "s3cret",
        "https://me:s3cret@127.0.0.1/hook",
        "http://127.0.0.1:9/hook of s3cret",
        "http://[::1/s3cret",
    ],
)
def test_an_address_that_takes_none_is_said_and_raises_nothing(address: str) -> None:
    problem = str(alert({WEBHOOK: address}, "monday failed", FAILED))
    assert WEBHOOK in problem
    assert "s3cret" not in problem


def test_a_server_that_speaks_no_http_is_said_and_raises_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        greeting = Thread(target=greet)
        greeting.start()
        problem = alert({WEBHOOK: f"http://127.0.0.1:{server.getsockname()[1]}/s3cret"}, "failed", FAILED)
        greeting.join()
    assert problem is not None
    assert "could not be sent" in problem
    assert "s3cret" not in problem


def test_a_server_that_answers_a_line_now_and_then_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "WAITED_S", 0.5)
    has_given_up = Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while not has_given_up.wait(0.1):
                    connection.sendall(b"X-More: to come\r\n")

        trickling = Thread(target=trickle)
        trickling.start()
        problem = alert({WEBHOOK: f"http://127.0.0.1:{server.getsockname()[1]}/s3cret"}, "failed", FAILED)
        has_given_up.set()
        trickling.join()
    assert "did not answer" in str(problem)
