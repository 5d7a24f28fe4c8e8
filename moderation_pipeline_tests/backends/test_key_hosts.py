"""Which server is sent which key, whatever a config says: a config may have come with somebody else's data folder."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest

from moderation_pipeline.backends.chat.chat_backends import chat_endpoint, endpoint_of
from moderation_pipeline.backends.decisions.decision_backends import decision_backend
from moderation_pipeline.backends.decisions.decision_model import DecisionRequest
from moderation_pipeline.backends.key_hosts import (
    ALLOWED_VARIABLE,
    BadAllowanceError,
    KeyNotAllowedError,
    UnclearAddressError,
    allowances_file,
    own_hosts,
)
from moderation_pipeline.backends.language_model import LanguageModelError, Message, Request
from moderation_pipeline.cli import called_with
from moderation_pipeline.config.decision_specs import (
    OpenAIDecisionsSpec,
    OpenAIModerationsSpec,
    SystemOneSpec,
)
from moderation_pipeline.config.model_specs import Address, OpenAISpec, RemoteSpec, TogetherSpec
from moderation_pipeline.errors import ModerationError
from moderation_pipeline_tests.backends.chat_server import ChatServer, running

KEY = "a-value-that-must-stay-here"
VARIABLES = dict.fromkeys(("OPENAI_API_KEY", "OPENAI_KEY_OF_TEAM_B", "TOGETHER_API_KEY", "HOME_SECRET"), KEY)


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the user's own settings, in which nothing is allowed yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.delenv(ALLOWED_VARIABLE, raising=False)
    return tmp_path / "settings"


def openai(base_url: str | None, variable: str | None = "OPENAI_API_KEY") -> OpenAISpec:
    return OpenAISpec(model="tiny", base_url=base_url, api_key_env=variable)


@pytest.mark.parametrize(
    ("variable", "address"),
    [
        ("OPENAI_API_KEY", None),
        ("OPENAI_KEY_OF_TEAM_B", None),
        ("OPENAI_API_KEY", "https://api.openai.com/v1"),
        ("OPENAI_API_KEY", "https://API.OpenAI.com./v1"),
        ("OPENAI_API_KEY", "https://eu.api.openai.com:443/v1"),
        ("TOGETHER_API_KEY", "https://api.together.xyz/v1"),
        ("HOME_SECRET", "http://localhost:8000/v1"),
        ("HOME_SECRET", "http://127.0.0.1:8000/v1"),
        ("OPENAI_API_KEY", "http://[::1]:8000/v1"),
    ],
)
def test_a_key_goes_to_its_providers_own_hosts_and_to_this_machine(
    variable: str, address: str | None
) -> None:
    assert endpoint_of(openai(address, variable), VARIABLES).key == KEY


@pytest.mark.parametrize(
    ("variable", "address"),
    [
        ("HOME_SECRET", None),
        ("TOGETHER_API_KEY", None),
        ("TOGETHER_API_KEY", "https://api.openai.com/v1"),
        ("HOME_SECRET", "https://api.openai.com/v1"),
        ("OPENAI_API_KEY", "https://evil.example/v1"),
        ("OPENAI_API_KEY", "https://evil.example:443/api.openai.com"),
        ("OPENAI_API_KEY", "https://api.openai.com.evil.example/v1"),
        ("OPENAI_API_KEY", "https://notapi.openai.com/v1"),
        ("OPENAI_API_KEY", "https://evil.api.openai.com/v1"),
        ("OPENAI_API_KEY", "https://openai.com/v1"),
        ("OPENAI_API_KEY", "https://api.openai.com:8443/v1"),
        ("OPENAI_API_KEY", "http://api.openai.com/v1"),
        ("HOME_SECRET", "http://localhost.evil.example/v1"),
        ("HOME_SECRET", "http://evil.localhost/v1"),
        ("HOME_SECRET", "http://0.0.0.0:8000/v1"),
        ("HOME_SECRET", "http://10.0.0.7:8000/v1"),
        ("HOME_SECRET", "http://127.1:8000/v1"),
        ("HOME_SECRET", "http://2130706433:8000/v1"),
    ],
)
def test_no_config_sends_a_variable_anywhere_else(variable: str, address: str | None) -> None:
    with pytest.raises(KeyNotAllowedError, match=variable) as raised:
        endpoint_of(openai(address, variable), VARIABLES)
    assert "nothing was sent" in str(raised.value)
    assert KEY not in str(raised.value)


@pytest.mark.parametrize(
    "address",
    [
        "https://api.openai.com\\@evil.example/v1",
        "https://api.openai.com\\.evil.example/v1",
        "https://api.open\nai.com/v1",
        "https://api.openai.com%2eevil.example/v1",
        "https://\N{FULLWIDTH LATIN SMALL LETTER A}pi.openai.com/v1",
        "https://api.openai.com#@evil.example/v1",
        "https://api.openai.com/@evil.example",
        "https://api.openai.com:443x/v1",
        "https://api.openai.com../v1",
    ],
)
def test_an_address_that_programs_read_in_two_ways_is_given_no_key(address: str) -> None:
    with pytest.raises((UnclearAddressError, ValueError)):
        endpoint_of(openai(address), VARIABLES)


@pytest.mark.parametrize(
    "address", ["https://api.openai.com@evil.example/v1", "https://evil.example/?api.openai.com"]
)
def test_an_address_holds_no_user_and_no_query(address: str) -> None:
    with pytest.raises(ValueError, match="must hold no user, password or query"):
        openai(address)


def test_a_server_that_is_given_no_key_needs_no_word_of_its_owner() -> None:
    assert endpoint_of(openai("https://llm.example.org/v1", None), VARIABLES).key == ""


def test_a_server_of_ones_own_is_allowed_once_by_name_and_for_that_key_scheme_and_port_alone() -> None:
    spec = openai("https://llm.example.org:8443/v1", "HOME_SECRET")
    with pytest.raises(
        KeyNotAllowedError, match=r"moderation allow HOME_SECRET https://llm\.example\.org:8443'"
    ):
        endpoint_of(spec, VARIABLES)

    assert called_with(["allow", "HOME_SECRET", "https://LLM.example.org:8443/v1/"]) == 0

    assert endpoint_of(spec, VARIABLES).key == KEY
    others = [
        "https://llm.example.org/v1",
        "http://llm.example.org:8443/v1",
        "https://x.llm.example.org:8443",
    ]
    for address in others:
        with pytest.raises(KeyNotAllowedError):
            endpoint_of(openai(address, "HOME_SECRET"), VARIABLES)
    with pytest.raises(KeyNotAllowedError):
        endpoint_of(openai(spec.base_url, "OPENAI_API_KEY"), VARIABLES)


def test_what_was_allowed_is_listed_and_a_second_time_changes_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for _ in range(2):
        called_with(["allow", "MY_KEY", "https://llm.example.org"])
    assert called_with(["allow", "--json"]) == 0
    assert capsys.readouterr().out.count("https://llm.example.org") == 1
    assert called_with(["allow", "MY_KEY"]) == 2
    assert called_with(["allow", "MY_KEY", "llm.example.org"]) == 2


def test_a_machine_without_a_users_folder_allows_by_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOWED_VARIABLE, "OTHER https://a.example, HOME_SECRET https://llm.example.org")
    assert endpoint_of(openai("https://llm.example.org/v1", "HOME_SECRET"), VARIABLES).key == KEY


def test_neither_a_data_folder_nor_a_dotenv_file_allows_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    entry = "HOME_SECRET https://evil.example"
    (tmp_path / ".env").write_text(f"{ALLOWED_VARIABLE}={entry}\nXDG_CONFIG_HOME={tmp_path}\n", "utf-8")
    (tmp_path / "moderation").mkdir()
    (tmp_path / "moderation" / "key_hosts").write_text(entry, "utf-8")
    with pytest.raises(KeyNotAllowedError):
        endpoint_of(openai("https://evil.example/v1", "HOME_SECRET"), VARIABLES)


def test_an_entry_that_cannot_be_read_is_an_error_that_names_the_file(own_settings: Path) -> None:
    allowances_file().parent.mkdir(parents=True)
    allowances_file().write_text("# mine\nMY_KEY\n", "utf-8")
    with pytest.raises(BadAllowanceError, match=f"{own_settings}.*'MY_KEY'"):
        endpoint_of(openai("https://llm.example.org/v1", "MY_KEY"), VARIABLES)


@pytest.mark.parametrize(
    "kind", [OpenAISpec, TogetherSpec, SystemOneSpec, OpenAIDecisionsSpec, OpenAIModerationsSpec]
)
def test_every_providers_variable_has_hosts_of_its_own(kind: type[Address]) -> None:
    assert own_hosts(kind.key_named)


CONFIG = """
student: {{backend: {backend}, model: tiny-judge, base_url: "{base_url}", api_key_env: HOME_SECRET}}
expert: careful_rules
fallback: rules
"""


@pytest.mark.parametrize(
    "backend", ["openai", "together", "systemone", "openai_decisions", "openai_moderations"]
)
@pytest.mark.parametrize("command", ["check", "run", "attack"])
def test_a_config_that_came_with_a_data_folder_takes_no_secret_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    backend: str,
    command: str,
) -> None:
    """By 0.0.0.0, which is no loopback address by its number, and reaches the server all the same."""
    for name, value in (("MODERATION_DATA", str(tmp_path)), ("HOME_SECRET", KEY), ("COLUMNS", "400")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    (tmp_path / "chats").mkdir()
    (tmp_path / "chats" / "chat.jsonl").write_text('{"text": "hello", "user_id": "1"}\n', "utf-8")
    (tmp_path / "configs").mkdir()
    with running() as server:
        base_url = server.base_url.replace("127.0.0.1", "0.0.0.0")
        (tmp_path / "configs" / "hybrid.yaml").write_text(CONFIG.format(backend=backend, base_url=base_url))
        arguments = ["run", "chat", "-c", "hybrid"] if command == "run" else [command, "hybrid"]
        code = called_with(arguments)
        asked = server.bodies, server.headers

    said = capfd.readouterr().err
    assert code != 0
    assert "The config asks to send the value of HOME_SECRET to http://0.0.0.0:" in said
    assert "moderation allow HOME_SECRET http://0.0.0.0:" in said
    assert KEY not in said
    assert asked == ([], [])


def test_a_key_that_goes_to_a_port_of_this_machine_is_said_until_it_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("MODERATION_DATA", str(tmp_path)), ("HOME_SECRET", KEY), ("COLUMNS", "400")):
        monkeypatch.setenv(name, value)
    (tmp_path / "configs").mkdir()
    with running() as server:
        (tmp_path / "configs" / "mine.yaml").write_text(
            CONFIG.format(backend="openai", base_url=server.base_url)
        )
        assert called_with(["check", "mine"]) == 0
        first = capfd.readouterr().err
        called_with(["allow", "HOME_SECRET", server.base_url])
        assert called_with(["check", "mine"]) == 0
        second = capfd.readouterr().err.partition(" may be sent to ")[2]

    assert "The value of HOME_SECRET is sent to http://127.0.0.1:" in first
    assert "is sent to" not in second


HELLO = Request(messages=(Message("user", "hello"),))
ChatSpec = OpenAISpec | TogetherSpec
CHAT_SPECS = [OpenAISpec, TogetherSpec]


def complete(spec: RemoteSpec) -> None:
    async def once() -> None:
        model = chat_endpoint(spec, VARIABLES)
        try:
            await model.complete(HELLO)
        finally:
            await model.aclose()

    asyncio.run(once())


@pytest.mark.parametrize("kind", CHAT_SPECS)
def test_what_the_sdks_read_from_the_environment_by_themselves_reaches_no_other_server(
    monkeypatch: pytest.MonkeyPatch, kind: type[ChatSpec]
) -> None:
    names = ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY", "OPENAI_API_KEY", "TOGETHER_API_KEY")
    for name in names:
        monkeypatch.setenv(name, KEY)
    for name in ("OPENAI_CUSTOM_HEADERS", "TOGETHER_CUSTOM_HEADERS"):
        monkeypatch.setenv(name, f"X-Gateway: {KEY}\nAuthorization: Bearer {KEY}")
    with running() as server:
        complete(kind(model="tiny-judge", base_url=server.base_url))
    assert server.headers
    assert not [value for headers in server.headers for value in headers.values() if KEY in value]


class Redirecting(BaseHTTPRequestHandler):
    """Sends every call on to `to`, and asks for the whole call to be repeated there."""

    to: ClassVar[str]

    def do_POST(self) -> None:
        """Answer with the other address."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(307)
        self.send_header("location", f"{self.to}{self.path.removeprefix('/v1')}")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write no lines over the tests' own."""


@contextmanager
def redirecting(to: str) -> Iterator[str]:
    """A server whose every answer is that another one has it."""
    handler = type("RedirectingTo", (Redirecting,), {"to": to})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def reached(server: ChatServer) -> list[str]:
    return [value for headers in server.headers for value in headers.values()]


@pytest.mark.parametrize("kind", CHAT_SPECS)
def test_a_redirect_to_another_server_takes_no_key_along(kind: type[ChatSpec]) -> None:
    with running() as server, redirecting(server.base_url) as base_url:
        complete(kind(model="tiny-judge", base_url=base_url, api_key_env="HOME_SECRET"))
    assert reached(server)
    assert not [value for value in reached(server) if KEY in value]


def test_a_decision_models_redirect_takes_no_key_along() -> None:
    async def once(base_url: str) -> None:
        spec = SystemOneSpec(base_url=base_url, api_key_env="HOME_SECRET")
        model = decision_backend(spec, VARIABLES)
        try:
            await model.decide(DecisionRequest("hello", ()))
        except (LanguageModelError, ModerationError):
            pass
        finally:
            await model.aclose()

    with running() as server, redirecting(f"{server.base_url}/chat/completions?") as base_url:
        asyncio.run(once(base_url))
    assert reached(server)
    assert not [value for value in reached(server) if KEY in value]
