"""A key that a server says again, whole or cut, escaped or not, is taken out before anything is cut or kept."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import ExitStack, closing
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.backends.http_errors import Caller, http_error
from moderation_pipeline.backends.language_model import ModelIdentity
from moderation_pipeline.backends.redaction import body_without_key, without_key
from moderation_pipeline.config.run_config import KEYLESS_REGIMES
from moderation_pipeline_tests.backends.chat_server import Behaviour, Body, running
from moderation_pipeline_tests.backends.decision_server import DecisionServer, serving
from moderation_pipeline_tests.program import Ended, moderation

KEY = "sk-fake/0123456789+do-not-find-me"
HALF = KEY[: len(KEY) // 2 + 1]
CALLER = Caller(ModelIdentity("openai", "https://api.example/v1", "tiny"), "THE_KEY", KEY)


@pytest.mark.parametrize("before", range(440, 520, 3))
@pytest.mark.parametrize("status", [400, 401, 429, 500])
@pytest.mark.parametrize("is_json", [True, False])
def test_wherever_an_error_is_cut_no_half_of_a_key_stays(before: int, status: int, is_json: bool) -> None:
    said = "x" * before + KEY + " is wrong"
    error = http_error(status, {}, {"error": {"message": said}} if is_json else said, CALLER)
    assert HALF not in str(error)
    assert HALF not in error.reply_error


@given(
    st.text(alphabet="abc/+-._0123456789", min_size=8, max_size=40), st.integers(min_value=0, max_value=40)
)
def test_a_key_that_the_server_itself_has_cut_is_known_by_its_first_half(key: str, cut: int) -> None:
    part = key[: max(8, (len(key) + 1) // 2, cut)]
    assert part not in without_key(f"<<{part}>>", key)
    assert body_without_key(f"<<{part}>>".encode(), key) == b"<<[key]>>"


@pytest.mark.parametrize(
    "written",
    [
        KEY,
        KEY.replace("/", "\\/"),
        "".join(f"\\u{ord(letter):04x}" for letter in KEY),
        "".join(f"\\u{ord(letter):04X}" for letter in KEY),
        "".join(f"\\\\u{ord(letter):04x}" for letter in KEY),
        f"\\u0073{KEY[1:]}",
    ],
)
def test_a_key_is_found_in_a_body_however_json_may_write_it(written: str) -> None:
    assert body_without_key(f'{{"text": "it is {written}."}}'.encode(), KEY) == b'{"text": "it is [key]."}'


def test_a_word_that_serves_as_a_key_is_left_in_a_body_and_taken_out_of_an_error() -> None:
    assert body_without_key(b'{"none": "test"}', "none") == b'{"none": "test"}'
    assert without_key("got none", "none") == "got [key]"


def test_nothing_that_holds_a_key_shows_it_when_it_is_printed() -> None:
    assert KEY not in repr(CALLER)


def saying_the_key(_: Body) -> Body:
    return {
        "category": "harassment",
        "action": "delete",
        "rule": None,
        "duration_s": None,
        "confidence": 0.9,
        "reasoning": f"You sent me {KEY}.",
        "reply_text": f"{HALF} and {KEY}",
    }


CONFIG = """
student: {{backend: {backend}, model: "{model}", base_url: "{base_url}", api_key_env: THE_KEY}}
expert: careful_rules
log: plain
"""
"""The log is plain, for in a compressed one nobody would find a key."""


def run(folder: Path, endpoints: Mapping[str, tuple[str, str, str]]) -> Ended:
    """Moderate a chat under a config for each endpoint: its backend, address and model."""
    data = folder / "data"
    (data / "chats").mkdir(parents=True)
    lines = "".join(json.dumps({"text": f"hello {i}", "user_id": "1"}) + "\n" for i in range(5))
    (data / "chats" / "chat.jsonl").write_text(lines, "utf-8")
    (data / "configs").mkdir()
    configs: list[str] = []
    for name, (backend, base_url, model) in endpoints.items():
        text = CONFIG.format(backend=backend, base_url=base_url, model=model)
        (data / "configs" / f"{name}.yaml").write_text(text, "utf-8")
        configs += ["-c", name]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THE_KEY", KEY)
        return moderation(folder, "run", "chat", *configs)


def holding(data: Path, text: str) -> list[Path]:
    return [path for path in data.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


SAID = dict(
    zip(KEYLESS_REGIMES, product(("openai", "together"), (False, True)), strict=True),
)
"""Configs by what is asked and whether it answers with a tool's arguments, for it refuses the schema.

Under ready-made names: which configs there are, Dagster's definitions read when they are loaded.
"""


def test_a_reply_that_says_the_key_is_stored_without_it(tmp_path: Path) -> None:
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(
                running(Behaviour(answer=saying_the_key, model=f"tiny {KEY}", refuses_schema=refuses_schema))
            )
            for name, (_, refuses_schema) in SAID.items()
        }
        endpoints = {name: (SAID[name][0], server.base_url, "tiny-judge") for name, server in servers.items()}
        ended = run(tmp_path, endpoints)
        assert ended.returncode == 0, ended.stderr
        for server in servers.values():
            assert any(KEY in value for headers in server.headers for value in headers.values())

    assert KEY not in ended.stdout + ended.stderr
    logs = {path.name for path in holding(tmp_path, "You sent me [key].")}
    assert logs >= {f"{name}.jsonl" for name in SAID}
    assert holding(tmp_path, HALF) == []
    with closing(sqlite3.connect(tmp_path / "data" / "replies.sqlite")) as store:
        kept = [json.loads(row[0]) for row in store.execute("select reply from replies")]
    assert kept
    assert all(reply["logprobs"] is None for reply in kept)  # whose tokens spell it


def test_a_decision_models_reply_that_says_the_key_is_stored_without_it(tmp_path: Path) -> None:
    backends = ("systemone", "openai_decisions", "openai_moderations")
    with ExitStack() as stack:
        servers = [
            DecisionServer(
                model=f"decider {KEY}", changes=lambda reply: {**reply, "answers": f"{'x' * 70}{KEY}"}
            )
            for _ in backends
        ]
        for server in servers:
            stack.enter_context(serving(server))
        endpoints = {
            config: (backend, f"{server.base_url}/v1", "decider")
            for config, backend, server in zip(KEYLESS_REGIMES, backends, servers, strict=False)
        }
        ended = run(tmp_path, endpoints)
        assert all(server.headers for server in servers), ended.stderr

    assert HALF not in ended.stdout + ended.stderr
    assert holding(tmp_path, HALF) == []
