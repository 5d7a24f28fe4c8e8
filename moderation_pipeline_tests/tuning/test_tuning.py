"""`moderation tune` against a real local server: what is compared, paid, written, and said where nothing differs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from moderation_pipeline.config.config_errors import UnpricedBudgetError
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.decision_specs import ChatDecisionsSpec
from moderation_pipeline.terminal.tuning_round import NothingUsableError, Tuned, tuned
from moderation_pipeline.tuning.candidates import NothingToTuneError, candidates_of
from moderation_pipeline.tuning.tuned_config import NotOursError
from moderation_pipeline.tuning.tuning_sample import TooSmallSampleError, draw_sample
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMMENTS
from moderation_pipeline_tests.agents.cases import comments_of
from moderation_pipeline_tests.backends.chat_server import Behaviour, Body, ChatServer, Fault, judge, running
from moderation_pipeline_tests.test_cli import Moderation, moderation, write_config
from moderation_pipeline_tests.warehouse.rows import write_table

__all__ = ["moderation"]


def chat(count: int = 120, *, every: int = 3) -> pl.DataFrame:
    """Return a labelled chat of which every third line is an insult, each line by a user of its own."""
    texts = [f"you idiot {i}" if i % every == 0 else f"hello {i}" for i in range(count)]
    labels = pl.Series("label_is_violation", [i % every == 0 for i in range(count)])
    return comments_of(*texts).with_columns(labels)


def folder_with(path: Path, student: str, comments: pl.DataFrame | None = None) -> DataFolder:
    folder = DataFolder(path / "data")
    write_config(path, "mine", f"description: mine\nextends: hybrid\nstudent: {student}\n")
    write_table(chat() if comments is None else comments, folder, COMMENTS, "test")
    return folder


def tune(folder: DataFolder, *, usd: float = 5.0, most: int = 60) -> Tuned:
    return tuned(folder, ConfigLibrary(folder).load("mine"), "test", usd=usd, most=most, to="mine_tuned")


def language_model(server: ChatServer, **more: object) -> str:
    spec = {"backend": "openai", "model": "tiny-judge", "base_url": server.base_url, "price": 1, **more}
    return json.dumps(spec)


BLIND: Body = {"category": "none", "action": "allow"}


def asks_category(body: Body) -> bool:
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
    return list(schema.get("properties", {})) == ["category"]


def blind_but_by_category(body: Body) -> Body:
    """See an insult only where the category alone is asked for."""
    return judge(body) if asks_category(body) else {**judge(body), **BLIND}


def test_the_better_form_is_written_as_a_config_that_says_how_much_better(tmp_path: Path) -> None:
    with running(Behaviour(answer=blind_but_by_category)) as server:
        folder = folder_with(tmp_path, language_model(server, prompt="brief"))
        found = tune(folder)
    assert found.path is not None
    text = found.path.read_text("utf-8")
    assert text.startswith("# Written by `moderation tune mine test`: the best of 5 ways to ask")
    assert "prompt: category: 1.000 [1.000, 1.000]" in text
    assert "prompt: brief (mine as it is): 0.000" in text
    winner = ConfigLibrary(folder).load("mine_tuned").config
    assert not isinstance(winner.student, str)
    assert (winner.student.backend, getattr(winner.student, "prompt", None)) == ("openai", "category")
    assert winner.expert == ConfigLibrary(folder).load("mine").config.expert
    first = found.rows[0]
    assert (first.asked_with, first.above) == ("prompt: brief", 0.0)


def test_where_too_little_differs_no_file_is_written_and_it_is_said_what_could_have_been_seen(
    tmp_path: Path,
) -> None:
    def misses_a_few_by_category(body: Body) -> Body:
        comment = str(body["messages"][-1]["content"]).rsplit('"comment"', 1)[-1]
        is_missed = asks_category(body) and any(f'idiot {n}"' in comment for n in (0, 30, 60, 90))
        return {**judge(body), **BLIND} if is_missed else judge(body)

    with running(Behaviour(answer=misses_a_few_by_category)) as server:
        found = tune(folder_with(tmp_path, language_model(server, prompt="category")))
    assert found.path is None
    assert found.sentence.startswith("No difference found on 60 comments; the best is prompt: full")
    assert "can't be seen with so few" in found.sentence
    assert not (tmp_path / "data/configs/mine_tuned.yaml").exists()


def test_ways_that_decide_all_alike_are_said_to(tmp_path: Path) -> None:
    with running() as server:
        found = tune(folder_with(tmp_path, language_model(server)), most=20)
    assert found.path is None
    assert found.sentence.startswith("No difference found: every way came to the same on all 20 comments.")


def test_nothing_is_paid_twice_and_more_money_goes_on_where_less_stopped(tmp_path: Path) -> None:
    with running() as server:
        folder = folder_with(tmp_path, language_model(server))
        little = tune(folder, usd=0.4)
        some = len(server.bodies)
        tune(folder, usd=5)
        everything = len(server.bodies)
        again = tune(folder, usd=5)
    assert "the budget covers no more than" in little.sentence
    assert 0 < some < everything == 1 + 5 * 60  # the probe, and five forms
    assert len(server.bodies) == everything
    assert "$0 were spent" in again.sentence


def test_the_budget_holds_also_where_every_reply_is_at_its_dearest(tmp_path: Path) -> None:
    with running() as server:
        folder = folder_with(tmp_path, language_model(server))
        tune(folder, usd=0.4)
        tokens = sum(
            sum(len(str(each["content"])) for each in body["messages"]) // 4 + body["max_tokens"]
            for body in server.bodies[1:]
        )
    assert tokens * 1e-6 < 0.4


def test_other_thresholds_of_a_decision_model_cost_nothing_more(tmp_path: Path) -> None:
    def unsure(body: Body) -> Mapping[str, float]:
        state, question = body["messages"][-1]["content"].split("\n\n", 1)
        is_bad = "idiot" in state.rsplit('"comment"', 1)[-1]
        yes = 0.3 if is_bad and "harass someone" in question else 0.01
        letters = dict.fromkeys("BCDEFGHJ", 0.001)
        return {"A": 0.9, **letters} if "one letter" in question else {"Yes": yes, "No": 1 - yes}

    with running(Behaviour(first_tokens=unsure)) as server:
        student = {"backend": "chat_decisions", "model": "m", "base_url": server.base_url, "price": 1}
        folder = folder_with(tmp_path, json.dumps(student))
        found = tune(folder, most=20)
    # The probe; each rule; the category, and whether it is harmful, in both orders.
    assert len(server.bodies) == 1 + 20 * (9 + 2 + 2)
    assert found.path is not None
    winner = ConfigLibrary(folder).load("mine_tuned").config.student
    assert isinstance(winner, ChatDecisionsSpec)
    assert winner.thresholds.default.mild in {0.02, 0.05, 0.1, 0.2}


def test_a_config_without_a_model_has_nothing_to_tune(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "rules")
    with pytest.raises(NothingToTuneError, match="its Student is rules, its Expert careful_rules"):
        tune(folder)


def test_the_experts_prompt_is_tuned_where_there_is_no_student(tmp_path: Path) -> None:
    write_config(
        tmp_path,
        "audits",
        'extends: expert_only\nexpert: {backend: openai, model: m-2B, base_url: "http://x/v1"}\n',
    )
    named = ConfigLibrary(DataFolder(tmp_path / "data")).load("audits")
    candidates = candidates_of(named)
    assert {each.part for each in candidates} == {"expert"}
    assert len({each.label for each in candidates}) == 5


def test_a_model_whose_price_nobody_knows_holds_no_budget(tmp_path: Path) -> None:
    with running() as server:
        folder = folder_with(tmp_path, language_model(server, price=None))
        with pytest.raises(UnpricedBudgetError, match=r"A budget of \$5 can't be held"):
            tune(folder)


def test_somebodys_own_file_is_never_replaced(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "rules")
    write_config(tmp_path, "mine_tuned", "extends: hybrid\n")
    with pytest.raises(NotOursError, match="it is left as it is"):
        tune(folder)


def test_a_chat_with_too_few_labels_is_told_how_many_it_takes() -> None:
    with pytest.raises(
        TooSmallSampleError, match="4 comments that are labelled as violations and 8 labelled as none"
    ):
        draw_sample("test", chat(12), 60, seed=0)


def test_each_label_is_drawn_by_turns_and_counts_for_its_share_of_the_chat() -> None:
    sample = draw_sample("test", chat(300, every=10), 40, seed=0)
    assert [each.is_violation for each in sample.drawn[:4]] == [True, False, True, False]
    assert (sample.violations, sample.innocent) == (30, 270)
    assert sample.weights(20) == (3.0, 27.0)
    again = draw_sample("test", chat(300, every=10), 40, seed=0)
    assert [each.case.comment_id for each in again.drawn] == [each.case.comment_id for each in sample.drawn]
    assert sample.drawn[0].case.lines_before(3)  # the chat's own surroundings, not the sample's


def test_the_command_prints_a_row_a_way_and_says_what_was_found(
    tmp_path: Path, moderation: Moderation
) -> None:
    with running(Behaviour(answer=blind_but_by_category)) as server:
        folder_with(tmp_path, language_model(server, prompt="brief"))
        ended = moderation("tune", "mine", "test", "--usd", "5", "--comments", "40", "--json")
    assert ended.code == 0
    rows = json.loads(ended.stdout)
    assert [row["asked_with"] for row in rows][:2] == ["prompt: brief", "prompt: full"]
    assert "prompt: category is better: +1.000" in ended.stderr
    assert "mine_tuned.yaml" in ended.stderr


def test_replies_of_which_none_can_be_used_are_no_tie(tmp_path: Path) -> None:
    with running(Behaviour(faults=lambda _: Fault.REFUSAL)) as server:
        folder = folder_with(tmp_path, language_model(server))
        with pytest.raises(
            NothingUsableError, match=r"None of 100 replies.*refused.*moderation check mine.*spent"
        ):
            tune(folder, most=20)
