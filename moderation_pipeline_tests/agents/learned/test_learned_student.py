"""Tests of the learned Student: it starts as its base, learns from audits it may learn from, and can be kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from moderation_pipeline.agents.build_agents import Agents
from moderation_pipeline.agents.conduct.conduct_levels import WIDTH
from moderation_pipeline.agents.keyless.rules import RulesStudent
from moderation_pipeline.agents.learned.learned_student import LearnedStudent
from moderation_pipeline.agents.learned.model_snapshot import (
    NoSnapshotError,
    OtherConductError,
    load_snapshot,
    save_snapshot,
)
from moderation_pipeline.agents.learned.reading.feature_columns import OtherColumnsError
from moderation_pipeline.agents.student import Student
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Lesson, Recalled, Situation
from moderation_pipeline.cases.verdict import OptionProbability, Receipt, Verdict
from moderation_pipeline.chance import draw
from moderation_pipeline.config.agent_specs import LearnedSpec
from moderation_pipeline.config.run_config import MemorySpec, NamedConfig, VoteSpec
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.embedders.embedder import Embedder
from moderation_pipeline.memory.store import MemoryStore
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.moderation.loop import moderate
from moderation_pipeline.moderation.run_tables import RunTables
from moderation_pipeline.plan import Plan
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.moderation.scripted import (
    ALLOW,
    DELETE,
    WARN,
    ScriptedExpert,
    ScriptedStudent,
    chat_of,
)
from moderation_pipeline_tests.moderation.test_loop import config_of, run

GOOD = ["hello everyone", "nice run", "what a save", "good luck", "see you tomorrow"]
BAD = ["you total zorg", "zorg off", "what a zorg"]
SPAMMY = ["buy florps now", "cheap florps here"]


def invented_chat(count: int, seed: int = 1) -> pl.DataFrame:
    """Return a chat with words no lexicon knows: `zorg` is an insult, `florps` are spam."""

    def line(i: int) -> str:
        kind, pick = draw(seed, "kind", str(i)), draw(seed, "pick", str(i))
        texts = BAD if kind < 0.2 else SPAMMY if kind < 0.3 else GOOD
        return f"{texts[int(pick * len(texts))]} {i % 7}"

    return chat_of([line(i) for i in range(count)], users=[f"u{i % 50}" for i in range(count)])


@pytest.mark.parametrize("least_similarity", [0.8, 0.6])
def test_a_head_hears_memories_from_where_its_base_does(least_similarity: float) -> None:
    base = RulesStudent(VoteSpec(least_similarity=least_similarity))

    assert LearnedStudent(LearnedSpec(), base, may_train=True).hears_from == least_similarity


@pytest.mark.parametrize(("one_in", "reads_conduct"), [(100, True), (10, False)])
def test_who_writes_and_how_is_read_before_folds_can_say_only_where_violations_are_rare(
    one_in: int, reads_conduct: bool
) -> None:
    lines = [f"{'you zorg' if i % one_in == 7 else GOOD[i % len(GOOD)]} {i}" for i in range(400)]
    student = learned(least_audits=20)

    moderated(student, chat_of(lines[: 4 * one_in], users=[f"u{i}" for i in range(4 * one_in)]), rate=1.0)

    snapshot = student.snapshot()
    assert snapshot is not None
    assert snapshot.way.reads_conduct == reads_conduct


def test_a_copy_of_a_student_can_be_asked_apart() -> None:
    student = LearnedStudent(LearnedSpec(), RulesStudent(), may_train=True)

    assert deepcopy(student).spec == student.spec


def truth(case: Case) -> Plan:
    return DELETE if "zorg" in case.text else WARN if "florps" in case.text else ALLOW


def backwards(case: Case) -> Plan:
    return ALLOW if truth(case).is_violation else DELETE


def always_allow(case: Case) -> Plan:  # noqa: ARG001
    return ALLOW


def learned(base: Student | None = None, *, may_train: bool = True, **spec: object) -> LearnedStudent:
    return LearnedStudent(
        LearnedSpec.model_validate(spec), base or ScriptedStudent(always_allow), may_train=may_train
    )


def moderated(
    student: Student, comments: pl.DataFrame, *, rate: float = 0.1, floor: float = 0.05
) -> RunTables:
    config = config_of(memory=None, audit={"policy": "uncertain", "rate": rate, "random_floor": floor})
    return run(comments, config, student=student, expert=ScriptedExpert(truth))


def mistakes(tables: RunTables, comments: pl.DataFrame, *, after: int) -> float:
    """Return the share of wrong categories from a position on."""
    both = tables.student_decisions.join(comments.select("comment_id", "text"), on="comment_id")
    right = (
        pl.when(pl.col("text").str.contains("zorg"))
        .then(pl.lit("harassment"))
        .when(pl.col("text").str.contains("florps"))
        .then(pl.lit("spam"))
        .otherwise(pl.lit("none"))
    )
    late = both.filter(pl.col("position") >= after)
    return float(late.select((pl.col("category") != right).mean()).item())


def test_until_there_are_enough_audits_it_decides_as_its_base() -> None:
    comments = invented_chat(100)

    tables = moderated(learned(least_audits=1_000), comments)

    assert set(tables.student_decisions["action"]) == {"allow"}
    assert set(tables.student_decisions["tier"]) == {"base"}


def test_it_learns_which_words_are_violations_and_of_which_category() -> None:
    comments = invented_chat(3_000)

    tables = moderated(learned(), comments)

    assert mistakes(tables, comments, after=1_500) < 0.02
    assert tables.expert_audits.height < 0.2 * comments.height


def test_what_weighed_most_is_in_the_row() -> None:
    comments = invented_chat(3_000)

    tables = moderated(learned(), comments)

    last = tables.student_decisions.join(comments.select("comment_id", "text"), on="comment_id")
    insult = last.filter(pl.col("text").str.contains("zorg"), pl.col("tier") == "learned").tail(1)
    names = [each["name"] for each in insult["explanation"].item()]
    assert any("zorg" in name or "zor" in name or "org" in name for name in names)
    assert insult["probabilities"].item()[-1]["question"] == "violation"


def test_confidence_is_calibrated_once_the_sample_allows_it_and_says_so() -> None:
    student = learned()

    tables = moderated(student, invented_chat(3_000))

    assert tables.student_decisions["confidence_source"].to_list()[-1] == "calibrated"
    assert student.calibration.effective_sample_size > 50
    assert student.calibration.auroc == pytest.approx(1, abs=0.05)


def test_audits_that_may_not_be_trained_on_never_reach_the_fit() -> None:
    student = learned(may_train=False)

    tables = moderated(student, invented_chat(2_000))

    assert student.refits == 0
    assert set(tables.student_decisions["tier"]) == {"base"}


def test_refits_cost_no_more_than_a_constant_times_the_last_one() -> None:
    student = learned(refit_growth=1.1)

    tables = moderated(student, invented_chat(6_000), rate=0.3)

    assert student.refits > 10
    assert student.fitted_rows < 1.1 / 0.1 * 1.2 * tables.expert_audits.height


def test_the_guard_lets_the_base_decide_where_the_head_is_worse() -> None:
    """The Expert changes its mind half-way, and the base is right from then on."""
    comments = invented_chat(6_000)

    def turned(case: Case) -> Plan:
        return truth(case) if case.position < 2_000 else backwards(case)

    student = learned(ScriptedStudent(backwards), refit_growth=50.0, guard_window=60)
    config = config_of(memory=None, audit={"policy": "uncertain", "rate": 0.1, "random_floor": 0.1})
    tables = run(comments, config, student=student, expert=ScriptedExpert(turned))

    assert student.guard.fallbacks == 1
    assert set(tables.student_decisions["tier"].tail(64)) == {"base, for the head did worse"}


def test_a_run_that_starts_from_another_knows_what_that_one_learnt(tmp_path: Path) -> None:
    first = learned()
    moderated(first, invented_chat(3_000))
    snapshot = first.snapshot()
    assert snapshot is not None
    save_snapshot(snapshot, tmp_path / "chat" / "config")

    second = learned()
    second.begin_with(load_snapshot(tmp_path / "chat" / "config"))
    comments = invented_chat(200, seed=2)
    tables = moderated(second, comments)

    assert mistakes(tables, comments, after=0) < 0.05
    assert set(tables.student_decisions["tier"]) == {"learned"}


def test_a_snapshot_is_the_same_when_read_back_and_holds_no_pickle(tmp_path: Path) -> None:
    student = learned()
    moderated(student, invented_chat(2_000))
    snapshot = student.snapshot()
    assert snapshot is not None

    save_snapshot(snapshot, tmp_path / "one")
    again = load_snapshot(tmp_path / "one")

    assert again.head.classes == snapshot.head.classes
    assert again.calibration == snapshot.calibration
    assert again.vocabulary.names == snapshot.vocabulary.names
    np.testing.assert_array_equal(again.head.gate.weights, snapshot.head.gate.weights)
    assert [each.outcome for each in again.examples] == [each.outcome for each in snapshot.examples]
    with np.load(tmp_path / "one.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays.files)


def test_a_head_kept_before_conduct_was_read_says_what_it_said_and_learns_on(tmp_path: Path) -> None:
    student = learned()
    moderated(student, invented_chat(2_000))
    snapshot = student.snapshot()
    assert snapshot is not None
    save_snapshot(snapshot, tmp_path / "now")
    numbers = len(snapshot.examples[0].numbers)
    with np.load(tmp_path / "now.npz") as arrays:
        older = {name: arrays[name] for name in arrays.files if name != "levels"}
    for name in ("gate_weights", "which_weights"):
        older[name] = np.delete(older[name], range(numbers, numbers + WIDTH), axis=1)
    np.savez(tmp_path / "before.npz", **older)
    words = json.loads((tmp_path / "now.json").read_text("utf-8"))
    del words["conduct"]
    (tmp_path / "before.json").write_text(json.dumps(words), "utf-8")

    again = load_snapshot(tmp_path / "before")

    weights, conduct = again.head.gate.weights, slice(numbers, numbers + WIDTH)
    assert not weights[:, conduct].any()
    kept = np.delete(snapshot.head.gate.weights, range(numbers, numbers + WIDTH), axis=1)
    np.testing.assert_array_equal(np.delete(weights, range(numbers, numbers + WIDTH), axis=1), kept)
    second = learned()
    second.begin_with(again)
    other = invented_chat(3_000, seed=2)
    tables = moderated(second, other)
    assert second.refits > 0
    assert mistakes(tables, other, after=1_500) < 0.02


def test_a_head_of_other_aspects_is_refused_with_what_to_do(tmp_path: Path) -> None:
    student = learned()
    moderated(student, invented_chat(2_000))
    snapshot = student.snapshot()
    assert snapshot is not None
    save_snapshot(snapshot, tmp_path / "one")
    words = json.loads((tmp_path / "one.json").read_text("utf-8"))
    words["conduct"] = ["length of the user's beard"]
    (tmp_path / "one.json").write_text(json.dumps(words), "utf-8")

    with pytest.raises(OtherConductError, match="Run that chat under that config again"):
        load_snapshot(tmp_path / "one")


class SpeaksOneLanguage(ScriptedStudent):
    """Lets everything be, and is no judge of what is marked as foreign."""

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        verdicts = await super().decide(cases, situations)
        return [
            replace(verdict, not_judged="not judged: foreign" if case.language == "xx" else None)
            for case, verdict in zip(cases, verdicts, strict=True)
        ]


def test_a_head_judges_a_language_that_its_base_does_not_once_it_was_taught_some() -> None:
    comments = invented_chat(3_000).with_columns(
        language=pl.when(pl.col("position") % 3 == 0).then(pl.lit("xx"))
    )

    tables = moderated(learned(SpeaksOneLanguage(always_allow)), comments)

    foreign = tables.student_decisions.join(
        comments.select("comment_id", "language"), on="comment_id"
    ).filter(language="xx")
    assert foreign["action"].head(10).null_count() == 10
    assert foreign["action"].tail(300).null_count() == 0
    assert mistakes(tables, comments, after=2_000) < 0.02


def test_a_missing_snapshot_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(NoSnapshotError, match=r"nowhere\.json"):
        load_snapshot(tmp_path / "nowhere")


def test_audits_that_may_not_be_trained_on_still_move_the_threshold() -> None:
    comments = invented_chat(2_000)
    student = learned(Timid(), may_train=False)

    tables = moderated(student, comments, rate=0.3, floor=0.3)

    assert student.refits == 0
    assert student.calibration.is_fitted
    late = tables.student_decisions.join(comments.select("comment_id", "text"), on="comment_id").tail(500)
    wrong = (late["category"] != "none") != late["text"].str.contains("zorg|florps")
    assert wrong.mean() < 0.02  # type: ignore[operator]
    assert set(late["tier"]) == {"base, recalibrated"}


class Timid(ScriptedStudent):
    """Is right about which is likelier a violation, but says so of one insult only: its threshold is too high."""

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        await super().decide(cases, situations)
        return [Verdict(self._plan(case), Receipt("timid")) for case in cases]

    def _plan(self, case: Case) -> Plan:
        if "off" in case.text:
            return replace(DELETE, confidence=0.6)
        return replace(ALLOW, confidence=0.7 if truth(case).is_violation else 0.95)


def test_a_memory_that_would_turn_the_decision_has_the_comment_audited_and_turns_nothing() -> None:
    """What was learnt says nothing; what is remembered says all, so a head comes to lean on it."""
    comments = invented_chat(2_000)
    words = [f"word{draw(3, 'word', str(i))}" for i in range(2_000)]
    student = learned()
    remembered = Remembering(student)
    chat = comments.with_columns(normalised=pl.Series(words))

    tables = moderated(remembered, chat, rate=0.3)

    asked = tables.expert_audits.filter(pl.col("audit_reason") == "memory")
    told = tables.student_decisions.filter(pl.col("comment_id").is_in(asked["comment_id"].implode()))
    assert told.height > 50
    assert set(told["category"]) == {"none"}
    assert set(asked["category"]) <= {"harassment", "spam"}
    assert {each["kind"] for row in told["explanation"] for each in row} >= {"memory"}
    assert not remembered.without


class ByVector(Embedder):
    """Says in two numbers what a text is about, as a model might."""

    name = "two numbers"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        kinds = [[float("zorg" in text or "florps" in text), 1.0] for text in texts]
        vectors = np.array(kinds, dtype=np.float32).reshape(-1, 2)
        lengths: NDArray[np.float32] = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / lengths


def test_embeddings_are_features_where_a_dense_embedder_is_configured() -> None:
    comments = invented_chat(1_500)
    student = learned()
    memory = MemoryStore(MemorySpec(embedder="sbert"), ByVector(), chat="test", config="scripted")
    config = config_of(audit={"policy": "random", "rate": 0.2, "random_floor": 0.2})

    tables = moderate(
        comments,
        NamedConfig(name="scripted", path=DataFolder.find().root, config=config),
        agents=Agents(student, ScriptedExpert(truth), None),
        memory=memory,
        ladder=Ladder(load_sanctions("default", DataFolder.find())),
    )

    named = {each["name"] for row in tables.student_decisions["explanation"].drop_nulls() for each in row}
    assert "embedding 0" in named
    snapshot = student.snapshot()
    assert snapshot is not None
    without = learned()
    without.begin_with(snapshot)
    with pytest.raises(OtherColumnsError, match=r"Name the same memory\.embedder"):
        moderated(without, comments)


class Remembering(Student):
    """Recalls for every violation a memory that says so, and notes what was decided without it."""

    def __init__(self, inner: LearnedStudent) -> None:
        self._inner = inner
        self.without: list[Plan | None] = []

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        recalling = [
            replace(each, recalled=(Recalled("m", 0.9, 3, "state", truth(case)),))
            if truth(case).is_violation
            else each
            for case, each in zip(cases, situations, strict=True)
        ]
        verdicts = await self._inner.decide(cases, recalling)
        self.without += [verdict.without_memory for verdict in verdicts if verdict.memory_ids]
        return verdicts

    def learn(self, lessons: Sequence[Lesson]) -> None:
        self._inner.learn(lessons)


class Odd(ScriptedStudent):
    """Allows everything, and gives a probability that ranks violations but has the wrong threshold."""

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        await super().decide(cases, situations)
        return [
            Verdict(
                ALLOW,
                Receipt("odd"),
                probabilities=(OptionProbability("spam", "true", 0.4 if truth(case).is_violation else 0.1),),
            )
            for case in cases
        ]


def test_a_base_with_the_wrong_threshold_is_repaired_by_few_audits() -> None:
    words = [f"word{draw(3, 'word', str(i))}" for i in range(3_000)]
    comments = invented_chat(3_000)
    only_numbers = comments.with_columns(normalised=pl.Series(words))

    tables = moderated(learned(Odd()), only_numbers, rate=0.08)

    both = tables.student_decisions.join(comments.select("comment_id", "text"), on="comment_id").tail(1_000)
    wrong = (both["category"] != "none") != both["text"].str.contains("zorg|florps")
    assert wrong.mean() < 0.02  # type: ignore[operator]


def test_the_same_run_twice_gives_the_same_rows() -> None:
    comments = invented_chat(1_500)

    first, second = (moderated(learned(), comments) for _ in range(2))

    assert first.student_decisions.equals(second.student_decisions)


def test_the_base_decides_until_the_audits_behind_a_calibration_are_worth_enough() -> None:
    """Of 2,000 comments some 20 are audited by chance, each for a hundred others: worth about as many equal ones."""
    student = learned()

    tables = moderated(student, invented_chat(2_000), rate=0.1, floor=0.01)

    assert student.refits > 2
    assert 0 < student.calibration.effective_sample_size < 50
    assert set(tables.student_decisions["tier"]) == {"base"}
    assert set(tables.student_decisions["action"]) == {"allow"}


def test_while_the_base_decides_a_head_that_is_fitted_already_says_what_to_audit() -> None:
    """The base is sure of everything, so it is the head's doubt that finds the violations among few audits."""
    tables = moderated(learned(), invented_chat(2_000), rate=0.1, floor=0.01)

    late = tables.expert_audits.filter(pl.col("position") > 1_000, pl.col("audit_reason") == "uncertain")
    assert (late["category"] != "none").mean() > 0.4  # type: ignore[operator]


def test_a_calibration_that_a_run_begins_with_holds_until_its_own_audits_are_enough_for_another() -> None:
    first = learned()
    moderated(first, invented_chat(3_000))
    snapshot = first.snapshot()
    assert snapshot is not None
    assert snapshot.calibration.is_fitted

    second = learned(refit_growth=1.01)
    second.begin_with(snapshot)
    tables = moderated(second, invented_chat(1_000, seed=2), rate=0.1, floor=0.01)

    assert second.refits > 1
    assert second.calibration == snapshot.calibration
    assert set(tables.student_decisions["tier"]) == {"learned"}


class Failing(Odd):
    """Gives no readable reply in the first batch, as a server that has just been started may."""

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        verdicts = await super().decide(cases, situations)
        if cases[0].position:
            return verdicts
        return [Verdict(None, Receipt("odd", reply_error="no JSON")) for _ in verdicts]


def test_a_base_that_fails_at_first_is_read_from_its_first_answers_on() -> None:
    student = learned(Failing())

    moderated(student, invented_chat(1_500))

    snapshot = student.snapshot()
    assert snapshot is not None
    assert snapshot.options == (("spam", "true"),)


def test_a_head_is_not_put_on_a_base_that_answers_other_questions() -> None:
    student = learned(Odd())
    moderated(student, invented_chat(1_500))
    snapshot = student.snapshot()
    assert snapshot is not None

    other = learned()
    other.begin_with(snapshot)

    with pytest.raises(OtherColumnsError, match="answers spam=true; this base answers no questions"):
        moderated(other, invented_chat(100))


def test_where_every_comment_is_audited_the_guard_goes_by_all_of_them() -> None:
    """The Expert changes its mind half-way; no audit is drawn by chance, for all are certain."""

    def turned(case: Case) -> Plan:
        return truth(case) if case.position < 1_000 else backwards(case)

    student = learned(ScriptedStudent(backwards), refit_growth=50.0, guard_window=60)
    run(
        invented_chat(2_000),
        config_of(memory=None, audit={"policy": "all"}),
        student=student,
        expert=ScriptedExpert(turned),
    )

    assert student.guard.fallbacks == 1


def test_a_word_that_a_slip_disguises_is_read_as_the_word_and_counts_as_disguised() -> None:
    def unkind(case: Case) -> Plan:
        return DELETE if "idoit" in case.text else ALLOW

    texts = ["what an idoit", "what a nice day", "idoit as ever", "what an idea"] * 225
    comments = chat_of([f"{text} {i % 9}" for i, text in enumerate(texts)])
    config = config_of(memory=None, audit={"policy": "uncertain", "rate": 0.3, "random_floor": 0.3})

    tables = run(comments, config, student=learned(), expert=ScriptedExpert(unkind))

    told = tables.student_decisions.filter(pl.col("category") != "none").tail(1)["explanation"].item()
    names = {each["name"] for each in told}
    assert "is_misspelt" in names
    assert not any("ido" in name for name in names)
