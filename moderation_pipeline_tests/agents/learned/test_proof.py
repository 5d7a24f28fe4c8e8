"""Tests of what proves a head: no one user's audits, no one text with its near-copies, and no few violations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.agents.learned.proof import Answers, is_proven
from moderation_pipeline.chance import draw
from moderation_pipeline.statistics.weighted_audits import weighted_f1
from moderation_pipeline_tests.agents.learned.test_learned_student import GOOD, learned, moderated
from moderation_pipeline_tests.moderation.scripted import chat_of

VARIED = ("total zorg you", "zorg off", "what a zorg", "nobody likes zorg people", "go home zorg")
"""What a base that allows everything misses, in texts of which none is near another."""


def answers(head: Sequence[bool], base: Sequence[bool], truth: Sequence[bool]) -> Answers:
    return Answers(np.array(head), np.array(base), np.array(truth), np.ones(len(truth)))


def tiers(lines: Sequence[str], users: Sequence[str], *, audited: float = 0.5) -> set[str]:
    """Return who decides of a chat of which chance audits such a share."""
    tables = moderated(learned(), chat_of(lines, users=users), rate=audited, floor=audited)
    return set(tables.student_decisions["tier"])


def with_insults(insults: Sequence[str], insulters: int) -> set[str]:
    """Return who decides a chat in which so many users say the insults in turn, among forty who say none."""
    is_insult = [draw(3, "insult", str(i)) < 0.2 for i in range(600)]
    lines = [f"{(insults if bad else GOOD)[i % 5]} {i % 89}" for i, bad in enumerate(is_insult)]
    return tiers(lines, [f"gull{i % insulters}" if bad else f"u{i % 40}" for i, bad in enumerate(is_insult)])


def test_a_head_decides_once_what_several_users_said_in_several_ways_shows_that_it_is_better() -> None:
    assert "learned" in with_insults(VARIED, 3)


def test_what_one_user_alone_has_shown_lets_no_head_decide() -> None:
    assert with_insults(VARIED, 1) == {"base"}


def test_where_all_users_are_called_the_same_several_texts_show_that_a_head_is_better() -> None:
    is_insult = [draw(3, "insult", str(i)) < 0.2 for i in range(600)]
    lines = [f"{(VARIED if bad else GOOD)[i % 5]} {i % 89}" for i, bad in enumerate(is_insult)]

    assert "learned" in tiers(lines, ["anonymous"] * 600)


def test_what_one_text_alone_has_shown_lets_no_head_decide_however_many_say_it() -> None:
    assert with_insults(["people like you are a zorg"] * 5, 30) == {"base"}


def test_a_head_that_no_fold_can_judge_yet_decides_nothing() -> None:
    """Four violations are too few for five folds, however often heads were right before an audit was known."""
    bad = {100: "zorg off", 200: "what a zorg", 250: "total zorg you", 300: "go home zorg"}
    lines = [f"{bad.get(i, GOOD[i % 5])} {i % 89}" for i in range(500)]

    assert tiers(lines, [f"u{i % 40}" for i in range(500)], audited=1.0) == {"base"}


def test_where_one_user_wrote_all_that_was_missed_nothing_is_shown_without_him() -> None:
    found = answers([True, True, False, False], [False] * 4, [True, True, False, False])

    assert is_proven(found, [0, 1, 2, 3])
    assert not is_proven(found, ["gull", "gull", "kite", "rook"])
    assert not is_proven(found, [0, 1, 2, 3], [7, 7, 8, 9])


def test_a_head_that_is_right_of_the_same_audits_as_its_base_is_not_proven() -> None:
    assert not is_proven(answers([True, False], [True, False], [True, False]), [0, 1])


AUDITS = st.lists(
    st.tuples(
        st.booleans(), st.booleans(), st.booleans(), st.sampled_from([1.0, 5.0, 12.5]), st.integers(0, 3)
    ),
    min_size=1,
    max_size=12,
)


@given(AUDITS)
def test_it_is_what_comparing_without_each_source_in_turn_says(
    audits: list[tuple[bool, bool, bool, float, int]],
) -> None:
    head, base, truth, weights, sources = map(np.array, zip(*audits, strict=True))

    # Without the only source there is nothing left to compare.
    others = [sources != source for source in sources] if len(set(sources.tolist())) > 1 else []
    kept = [np.full(len(audits), fill_value=True), *others]
    said = [
        (
            weighted_f1(head[some], truth[some], weights[some]),
            weighted_f1(base[some], truth[some], weights[some]),
        )
        for some in kept
    ]

    if all(abs(of_head - of_base) > 1e-9 or of_head == of_base for of_head, of_base in said):
        assert is_proven(Answers(head, base, truth, weights), sources.tolist()) == all(a > b for a, b in said)
