"""`moderation check` as a user calls it, against real servers: ten lines each say what is wrong."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from moderation_pipeline.backends.chat.abilities import FoundAbilities
from moderation_pipeline.backends.chat.chat_wire import Abilities, Structure
from moderation_pipeline.backends.language_model import ModelIdentity
from moderation_pipeline.backends.stores.open_store import open_store
from moderation_pipeline.cli import called_with
from moderation_pipeline.terminal.exit_codes import ExitCode
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.backends.chat_server import Behaviour, Fault, running
from moderation_pipeline_tests.backends.decision_server import DecisionServer, serving, status

KEY = "sk-not-a-real-key-4711"
CHAT = ["openai", "together"]
DECIDERS = ["systemone", "openai_decisions"]


@pytest.fixture(autouse=True)
def configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of its own, and a key in the environment."""
    monkeypatch.setenv("MODERATION_DATA", str(tmp_path))
    monkeypatch.setenv("THE_KEY", KEY)
    (tmp_path / "configs").mkdir()
    return tmp_path / "configs"


def spec(backend: str, base_url: str, model: str = "tiny-judge") -> str:
    return (
        f'{{backend: {backend}, model: {model}, base_url: "{base_url}", api_key_env: THE_KEY, timeout_s: 2}}'
    )


def checked(configs: Path, student: str, expert: str = "careful_rules") -> int:
    (configs / "mine.yaml").write_text(f"student: {student}\nexpert: {expert}\nmemory: null\n")
    return called_with(["check", "mine"])


@pytest.mark.parametrize("backend", CHAT)
def test_a_model_that_answers_is_shown_with_what_its_endpoint_can_do(
    configs: Path, capsys: pytest.CaptureFixture[str], backend: str
) -> None:
    with running() as server:
        code = checked(configs, spec(backend, server.base_url), spec(backend, server.base_url, "large"))
        calls = server.calls

    told = capsys.readouterr()
    assert code == ExitCode.OK
    assert calls == 20
    assert "replies held to a JSON schema, with log-probabilities" in told.err
    assert "harassment" in told.out


def test_an_endpoint_that_could_do_less_when_a_run_first_asked_it_is_told_of(
    configs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = FoundAbilities(Abilities(Structure.PLAIN, has_logprobs=False), ())
    with running() as server:
        with closing(open_store(DataFolder.find())) as store:
            store.keep_abilities(ModelIdentity("openai", server.base_url, "tiny-judge"), plain)
        checked(configs, spec("openai", server.base_url))
        told = capsys.readouterr().err
        called_with(["cache", "--forget-endpoints"])
        checked(configs, spec("openai", server.base_url))

    assert "first asked it (plain text replies, read tolerantly" in told
    assert told.count("--forget-endpoints") == 1
    assert "first asked it" not in capsys.readouterr().err


@pytest.mark.parametrize("backend", CHAT)
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault.UNAUTHORISED, "The key in THE_KEY was not accepted"),
        (Fault.FORBIDDEN, "may not use this model"),
        (Fault.NOT_FOUND, "It doesn't list 'tiny-judge'; what it serves: tiny-judge-2, large-judge"),
        (Fault.BAD_REQUEST, "400"),
    ],
)
def test_what_is_wrong_with_key_or_model_is_said_and_what_is_served(
    configs: Path, capsys: pytest.CaptureFixture[str], backend: str, fault: Fault, said: str
) -> None:
    behaviour = Behaviour(faults=lambda _: fault, models=("large-judge", "tiny-judge-2"))
    with running(behaviour) as server:
        code = checked(configs, spec(backend, server.base_url))

    told = capsys.readouterr().err
    assert code != ExitCode.OK
    assert said in told
    assert KEY not in told


def test_the_table_has_the_code_of_an_error_and_the_sentence_below_all_of_it(
    configs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(Behaviour(faults=lambda _: Fault.CONTEXT_LENGTH)) as server:
        code = checked(configs, spec("openai", server.base_url))
    told = capsys.readouterr()
    assert code == ExitCode.FAILED
    assert "too_long" in told.out
    assert "too_long:" not in told.out
    assert "The student gave no plan: too_long: 400" in told.err


@pytest.mark.parametrize("backend", [*CHAT, *DECIDERS])
def test_a_server_that_is_not_there_is_named(
    configs: Path, capsys: pytest.CaptureFixture[str], backend: str
) -> None:
    with running() as server:
        gone = server.base_url

    code = checked(configs, spec(backend, gone))

    told = capsys.readouterr().err
    assert code != ExitCode.OK
    assert gone.removesuffix("/v1") in told
    assert "doesn't answer" in told


@pytest.mark.parametrize("backend", ["openai", "together", "systemone", "openai_decisions"])
def test_a_missing_key_is_named_before_anything_is_asked(
    configs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    monkeypatch.delenv("THE_KEY")
    with running() as server:
        code = checked(configs, spec(backend, server.base_url))
        asked = len(server.bodies)

    assert code != ExitCode.OK
    assert asked == 0
    assert "THE_KEY is not set" in capsys.readouterr().err


@pytest.mark.parametrize("backend", DECIDERS)
@pytest.mark.parametrize(
    ("code", "said"),
    [
        (401, "The key in THE_KEY was not accepted"),
        (404, "It doesn't list 'decidr'; what it serves: decider, other"),
        (422, "It doesn't list 'decidr'; what it serves: decider, other"),
    ],
)
def test_of_a_decision_model_it_is_said_too(
    configs: Path, capsys: pytest.CaptureFixture[str], backend: str, code: int, said: str
) -> None:
    refused = status(code, {"error": {"message": f"no, not with {KEY}"}})
    with serving(DecisionServer(faults=[refused], models=("other", "decider"))) as server:
        url = server.base_url + ("/v1" if backend == "openai_decisions" else "")
        ended = checked(configs, spec(backend, url, "decidr"))

    told = capsys.readouterr().err
    assert ended != ExitCode.OK
    assert said in told
    assert KEY not in told


def test_every_tier_is_asked_also_behind_one_that_is_sure(
    configs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(DecisionServer()) as server:
        tiers = f"{{tiers: [rules, {spec('systemone', server.base_url)}], unsure_from: 0.05}}"
        code = checked(configs, tiers)
        asked = len(server.bodies)

    told = capsys.readouterr().out
    assert code == ExitCode.FAILED  # this server decides all lines alike
    assert asked == 10
    assert "decider-1.0" in told


def test_a_config_whose_models_are_replaced_says_so_loudly(
    configs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("THE_KEY")
    (configs / "mine.yaml").write_text(
        f"student: {spec('openai', 'http://localhost:9/v1')}\nexpert: careful_rules\nfallback: rules\n"
    )

    assert called_with(["check", "mine"]) == ExitCode.OK
    assert "The Student is rules, not openai" in capsys.readouterr().err


COPIED = {"category": "none", "action": "allow", "rule": "R9", "confidence": 0.9, "reasoning": "Game talk."}


def test_a_model_that_copies_one_plan_is_said_to_be_useless_in_one_sentence(
    configs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(Behaviour(answer=lambda _: {**COPIED, "duration_s": None, "reply_text": None})) as server:
        code = checked(configs, spec("openai", server.base_url))

    told = capsys.readouterr().err
    assert code == ExitCode.FAILED
    assert (
        "The student is useless as it is: it gives the same plan word for word (allow none: Game talk.) to all 10 "
        "lines, and 5 of 10 are violations. Try another `prompt`, or a larger model."
    ) in told


def test_keyless_agents_tell_the_lines_apart(configs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(configs, "rules") == ExitCode.OK

    told = capsys.readouterr().out
    assert "of 5" in told
    assert "useless" not in told


def test_a_budget_that_can_t_be_held_is_named_before_the_run(
    configs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running() as server:
        mine = spec("openai", server.base_url)
        budget = "expert: careful_rules\nmemory: null\nbudget: {usd_per_run: 2}\n"
        (configs / "mine.yaml").write_text(f"student: {mine}\n{budget}")
        unpriced = called_with(["check", "mine"])
        told = capsys.readouterr().err
        (configs / "mine.yaml").write_text(f"student: {mine[:-1]}, price: 0}}\n{budget}")
        priced = called_with(["check", "mine"])

    assert unpriced == ExitCode.FAILED
    assert (
        "A budget of $2 a run can't be held: nobody knows what the student's model 'tiny-judge' costs" in told
    )
    assert "`price: 0`" in told
    assert priced == ExitCode.OK


def test_a_context_that_is_too_small_is_named_before_the_run(
    configs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(Behaviour(context_tokens=200)) as server:
        code = checked(configs, spec("openai", server.base_url))

    told = capsys.readouterr().err
    assert code == ExitCode.FAILED
    assert "exceeds the available context size (200 tokens)" in told
    assert "10 of 10 lines" in told
    assert told.count("with a context of") == 1
    assert "--ctx-size" in told


def test_a_student_of_scores_has_nothing_to_be_asked_and_says_so(
    configs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = checked(configs, "{backend: scores, columns: {harassment: INSULT}}")

    assert code == ExitCode.USAGE
    assert "decides by scores that a chat comes with" in capsys.readouterr().err
