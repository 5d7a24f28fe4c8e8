"""A store of objects over real HTTP: what arrives is whole, what is away is waited for, and no secret is shown."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.objects.object_store import ObjectStore
from moderation_pipeline.warehouse.objects.shared_warehouse import shared_warehouse
from moderation_pipeline_tests.warehouse.objects.machines import heights, machine, make_run
from moderation_pipeline_tests.warehouse.objects.s3_server import S3Server, s3_server

CONTENT = b"what was said" * 10_000
NAME = sha256(CONTENT).hexdigest()


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    with s3_server() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def content(tmp_path: Path) -> Path:
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    return path


def quick(address: str, pauses_s: tuple[float, ...] = (0.0, 0.0, 0.0)) -> ObjectStore:
    return ObjectStore(address, pauses_s=pauses_s)


def test_a_bucket_gives_back_what_was_put(s3: S3Server, content: Path, tmp_path: Path) -> None:
    store = quick(s3.address)
    store.put(content, NAME)
    store.fetch(NAME, len(CONTENT), tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == CONTENT
    (listed,) = store.listed()
    assert (listed.sha256, listed.size) == (NAME, len(CONTENT))
    store.delete(NAME)
    store.delete(NAME)
    assert not list(store.listed())


def test_machines_over_a_bucket_have_the_same_tables(
    s3: S3Server, shared_store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shared_store
    monkeypatch.setenv("MODERATION_WAREHOUSE", s3.address)
    here, there = (shared_warehouse(DataFolder(tmp_path / name)) for name in ("here", "there"))
    assert here is not None and there is not None  # noqa: PT018
    make_run(here, 3)
    there.follow()
    assert heights(there.folder) == {3}


def test_a_server_that_is_started_anew_is_waited_for(s3: S3Server, content: Path) -> None:
    store = quick(s3.address, pauses_s=(0.1,) * 100)
    store.put(content, NAME)
    s3.stop()
    back = threading.Timer(0.5, s3.start)
    back.start()
    store.put(content, NAME)
    back.join()
    assert [each.sha256 for each in store.listed()] == [NAME]


@contextmanager
def silent_at_first(port: int, connections: int) -> Iterator[int]:
    """Give a port from which that one is reached, but by the first connections: those hear nothing for ever."""
    with socket.create_server(("127.0.0.1", 0)) as listening, ExitStack() as opened:

        def pass_on(source: socket.socket, to: socket.socket) -> None:
            with suppress(OSError):
                while some := source.recv(65_536):
                    to.sendall(some)
                to.shutdown(socket.SHUT_WR)

        def accept() -> None:
            with suppress(OSError):
                for number in itertools.count():
                    here = opened.enter_context(listening.accept()[0])
                    if number >= connections:
                        there = opened.enter_context(socket.create_connection(("127.0.0.1", port)))
                        for pair in ((here, there), (there, here)):
                            threading.Thread(target=pass_on, args=pair, daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1]


@pytest.mark.parametrize("is_there", [False, True], ids=["putting", "fetching"])
def test_a_server_that_takes_connections_and_says_nothing_is_given_up_and_asked_again(
    s3: S3Server, content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    if is_there:
        quick(s3.address).put(content, NAME)
    with silent_at_first(s3.port, connections=2) as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        store = ObjectStore(s3.address, pauses_s=(0.0,) * 5, answers_within_s=1.0)
        if not is_there:
            store.put(content, NAME)
        store.fetch(NAME, len(CONTENT), tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == CONTENT


def test_a_server_that_never_says_anything_is_an_error(
    s3: S3Server, content: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with silent_at_first(s3.port, connections=100) as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        store = ObjectStore(s3.address, pauses_s=(0.0, 0.0), answers_within_s=0.2)
        with pytest.raises(ModerationError, match="could not be reached in 3 tries"):
            store.put(content, NAME)


def test_a_server_that_stays_away_is_an_error_that_shows_no_secret(
    s3: S3Server, content: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    store = quick(s3.address.replace("s3://", "s3://user:hidden@"), pauses_s=(0.0,))
    s3.stop()
    with pytest.raises(
        ModerationError, match=r"could not be reached in 2 tries .* the same command goes on"
    ) as said:
        store.put(content, NAME)
    assert "hidden" not in str(said.value)
    assert "very-secret" not in str(said.value)


def test_what_is_not_there_is_said_at_once(s3: S3Server, content: Path, tmp_path: Path) -> None:
    with pytest.raises(ModerationError, match=f"Object {NAME} .* is not there"):
        quick(s3.address).fetch(NAME, 1, tmp_path / "fetched")
    with pytest.raises(ModerationError, match="there is no such bucket or folder"):
        quick("s3://nowhere/prefix").put(content, NAME)


def test_an_object_that_is_another_is_not_taken(s3: S3Server, content: Path, tmp_path: Path) -> None:
    store = quick(s3.address)
    other = "0" * 64
    store.put(content, other)
    with pytest.raises(ModerationError, match="is not what its name says"):
        store.fetch(other, len(CONTENT), tmp_path / "fetched")
    assert not list(tmp_path.glob("*fetched*"))


class CutOnce(ObjectStore):
    """Puts half of a file and breaks off, the first time."""

    is_cut = False

    def _put_whole(self, path: Path, place: str) -> None:
        if not self.is_cut:
            self.is_cut = True
            half = path.with_name("half")
            half.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            super()._put_whole(half, place)
            raise ConnectionError("cut")
        super()._put_whole(path, place)


@pytest.mark.parametrize("where", ["bucket", "folder"])
def test_an_upload_that_is_cut_half_way_is_done_again(
    request: pytest.FixtureRequest, where: str, content: Path, tmp_path: Path
) -> None:
    address = request.getfixturevalue("s3").address if where == "bucket" else f"file://{tmp_path / 'store'}"
    store = CutOnce(address, pauses_s=(0.0,))
    store.put(content, NAME)
    store.fetch(NAME, len(CONTENT), tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == CONTENT


def test_half_an_upload_is_never_an_object_of_a_folder(content: Path, tmp_path: Path) -> None:
    store = ObjectStore(f"file://{tmp_path / 'store'}", pauses_s=())

    class Full(type(store._files)):  # type: ignore[misc]
        """A disk that fills up half-way."""

        def put_file(self, lpath: str, rpath: str) -> None:
            Path(rpath).write_bytes(Path(lpath).read_bytes()[:10])
            raise OSError(28, "No space left on device")

    store._files = Full()
    with pytest.raises(ModerationError, match="could not be reached"):
        store.put(content, NAME)
    assert not [path for path in (tmp_path / "store").rglob("*") if path.is_file()]


def test_a_download_that_is_cut_is_noticed_and_done_again(tmp_path: Path) -> None:
    with serving([CONTENT[:100], CONTENT]) as address:
        quick(address).fetch(NAME, len(CONTENT), tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == CONTENT


def serving(answers: list[bytes]) -> _Served:
    return _Served(answers)


class _Served:
    """A web server that gives one answer after another, the last one for ever."""

    def __init__(self, answers: list[bytes]) -> None:
        self._answers = answers

    def __enter__(self) -> str:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._answers))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}/store"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(answers: list[bytes]) -> Callable[..., BaseHTTPRequestHandler]:
    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Answering


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("bucket/prefix", "that is no address"),
        ("nosuch://bucket/prefix", "no file system has that protocol"),
        ("gs://user:hidden@host/prefix", "is not installed"),
    ],
)
def test_an_address_that_can_not_be_used_says_what_could(address: str, why: str) -> None:
    with pytest.raises(ModerationError, match=f"{why}.*Allowed: s3://BUCKET/PREFIX") as said:
        ObjectStore(address)
    assert "hidden" not in str(said.value)


def test_machines_over_a_folder_that_all_mount_need_no_bucket(shared_store: str, tmp_path: Path) -> None:
    assert shared_store
    store = ObjectStore(f"file://{tmp_path / 'store'}", pauses_s=())
    make_run(machine(tmp_path / "here", store), 2)
    there = machine(tmp_path / "there", store)
    there.follow()
    assert heights(there.folder) == {2}
