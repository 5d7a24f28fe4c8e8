"""Tests of cross-fitting: no audit is judged by a head that has seen its text, and few audits are enough to decide."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from moderation_pipeline.agents.learned.cross_fitting import FOLDS, Folds, cross_fitted
from moderation_pipeline.agents.learned.head import Strengths, Way, gate_to_fit
from moderation_pipeline.agents.learned.linear_fits import ToFit, fitted
from moderation_pipeline.agents.learned.model_snapshot import ALWAYS_LEARNT
from moderation_pipeline.agents.learned.reading.row_blocks import Cells
from moderation_pipeline_tests.agents.learned.test_learned_student import (
    invented_chat,
    learned,
    mistakes,
    moderated,
)

STRENGTHS = Strengths(everything=0.5, text=10.0, width=1, conduct=range(1, 1))


def marked_rows(count: int) -> tuple[csr_matrix, NDArray[np.bool_]]:
    """Return rows of a constant and a word that all violations hold, and which of them are violations."""
    is_violation = np.arange(count) % 4 == 0
    return csr_matrix(np.column_stack([np.full(count, 0.5), is_violation.astype(float)])), is_violation


def dealt(count: int, is_violation: NDArray[np.bool_]) -> NDArray[np.int64]:
    folds = Folds()
    return np.array([folds.of(f"line {i}", is_violation=bool(is_violation[i])) for i in range(count)])


def test_a_text_is_in_one_fold_however_often_it_is_said() -> None:
    folds = Folds()

    first = [folds.of(f"line {i}", is_violation=i % 3 == 0) for i in range(30)]
    again = [folds.of(f"line {i}", is_violation=i % 3 != 0) for i in range(30)]

    assert first == again
    assert set(first) == set(range(FOLDS))


def test_a_word_that_only_one_fold_holds_is_unknown_to_the_head_that_judges_it() -> None:
    """The word stands in every violation of one fold and nowhere else, so what judges that fold has never seen it."""
    rows, is_violation = marked_rows(40)
    folds = dealt(40, is_violation)
    rare = ((folds == 0) & is_violation).astype(float)
    rows = csr_matrix(np.column_stack([np.full(40, 0.5), rare]))

    found = cross_fitted(rows, is_violation, folds, np.ones(40), STRENGTHS, reads_conduct=False)

    assert found is not None
    in_fold = found.scores[folds == 0]
    assert np.allclose(in_fold, in_fold[0])


def test_what_a_run_began_with_is_learnt_from_and_not_judged() -> None:
    rows, is_violation = marked_rows(60)
    folds = dealt(60, is_violation)
    folds[:20] = ALWAYS_LEARNT

    found = cross_fitted(rows, is_violation, folds, np.ones(60), STRENGTHS, reads_conduct=False)

    assert found is not None
    assert np.isnan(found.scores[:20]).all()
    assert not np.isnan(found.scores[20:]).any()


def test_folds_say_nothing_while_a_kind_is_too_rare() -> None:
    rows, is_violation = marked_rows(16)

    assert (
        cross_fitted(rows, is_violation, dealt(16, is_violation), np.ones(16), STRENGTHS, reads_conduct=False)
        is None
    )


def conduct_and_text(count: int, *, told_by_conduct: float) -> tuple[csr_matrix, NDArray[np.bool_]]:
    """Return rows of a constant, of a level that tells in a share of rows and else is noise, and of a word."""
    random = np.random.default_rng(1)
    is_violation = np.arange(count) % 4 == 0
    noise = random.random(count) < 0.5
    word = np.where(random.random(count) < 0.6, is_violation, random.random(count) < 0.5)
    other = 0.5 * (random.random(count) < 0.5)
    level = np.where(random.random(count) < told_by_conduct, is_violation, noise)
    columns = [np.full(count, 0.5), 0.5 * level, other, word]
    return csr_matrix(np.column_stack(columns)), is_violation


def test_who_writes_and_how_is_read_where_it_helps_and_left_out_where_it_does_not() -> None:
    strengths = Strengths(everything=0.5, text=None, width=3, conduct=range(1, 3))
    read = []
    for told in (1.0, 0.0):
        rows, is_violation = conduct_and_text(200, told_by_conduct=told)
        found = cross_fitted(
            rows, is_violation, dealt(200, is_violation), np.ones(200), strengths, reads_conduct=False
        )
        assert found is not None
        read.append(found.way.reads_conduct)

    assert read == [True, False]


def test_where_it_is_read_from_the_start_who_writes_and_how_is_left_out_once_folds_show_that_it_harms() -> (
    None
):
    """Hundreds of levels that are noise harm; one of them is within what chance makes."""
    rows, is_violation = conduct_and_text(200, told_by_conduct=0.0)
    noise = np.random.default_rng(4).random((200, 400)) < 0.5
    text = rows.toarray()[:, 3:]
    read = []
    for levels in (1, 400):
        columns = np.column_stack([rows.toarray()[:, :1], noise[:, :levels], text])
        strengths = Strengths(5.0, None, width=1 + levels, conduct=range(1, 1 + levels))
        folds = dealt(200, is_violation)
        found = cross_fitted(
            csr_matrix(columns), is_violation, folds, np.ones(200), strengths, reads_conduct=True
        )
        assert found is not None
        read.append(found.way.reads_conduct)

    assert read == [True, False]


def test_what_many_audits_show_is_not_drowned_by_the_few_that_chance_drew() -> None:
    strengths = Strengths(everything=0.5, text=None, width=3, conduct=range(1, 3))
    rows, is_violation = conduct_and_text(400, told_by_conduct=0.7)
    weights = np.where(np.random.default_rng(2).random(400) < 0.01, 100.0, 1.0)

    found = cross_fitted(
        rows, is_violation, dealt(400, is_violation), weights, strengths, reads_conduct=False
    )

    assert found is not None
    assert found.way.reads_conduct


def test_what_is_left_out_has_no_weight() -> None:
    rows, is_violation = conduct_and_text(200, told_by_conduct=1.0)
    strengths = Strengths(0.5, 10.0, width=3, conduct=range(1, 3), way=Way(1.0, reads_conduct=False))

    everything, text = fitted(gate_to_fit(rows, is_violation, strengths))

    assert not everything.weights[:, 1:3].any()
    assert everything.weights[:, 3] > 0
    [alone] = fitted([ToFit(rows[:, [0, 3]], is_violation, 0.5)])
    np.testing.assert_allclose(everything.weights[:, [0, 3]], alone.weights)
    _, beside = fitted(gate_to_fit(rows, is_violation, strengths._replace(way=Way(1.0, reads_conduct=True))))
    np.testing.assert_array_equal(text.weights, beside.weights)


def test_two_fits_added_up_are_one_linear_model_of_the_same_scores() -> None:
    rows, is_violation = marked_rows(40)
    everything, text = fitted(gate_to_fit(rows, is_violation, STRENGTHS))

    both = everything.beside(text, 1.0)

    expected = (everything.scores(Cells.of(rows)) + text.scores(Cells.of(rows[:, 1:]))) / 2
    assert np.allclose(both.scores(Cells.of(rows)), expected)


def test_a_fit_counts_both_kinds_alike_as_scikit_learn_balances_them() -> None:
    rows, is_violation = marked_rows(40)
    balanced = LogisticRegression(
        C=0.5, class_weight="balanced", solver="liblinear", dual=True, max_iter=1_000, random_state=0
    ).fit(rows, is_violation)

    [model] = fitted([ToFit(rows, is_violation, 0.5)])

    np.testing.assert_array_equal(model.weights, balanced.coef_)
    np.testing.assert_array_equal(model.intercepts, balanced.intercept_)


def test_what_is_fitted_together_is_what_each_would_be_fitted_alone() -> None:
    rows, is_violation = conduct_and_text(200, told_by_conduct=0.7)
    odd = np.arange(200) % 3 == 0
    wanted = [
        ToFit(rows, is_violation, 0.5),
        ToFit(rows[:, 2:], is_violation, 10.0),
        ToFit(rows[:90], is_violation[:90], 0.5),
        ToFit(rows[:, 2:], odd, 10.0),
    ]

    together = fitted(wanted)

    for model, each in zip(together, wanted, strict=True):
        [alone] = fitted([each])
        assert model.weights.shape == alone.weights.shape
        np.testing.assert_allclose(model.weights, alone.weights, atol=1e-3)
        np.testing.assert_allclose(model.intercepts, alone.intercepts, atol=1e-3)


def test_what_no_fit_knew_yet_does_not_count() -> None:
    rows, is_violation = marked_rows(40)
    [model] = fitted([ToFit(rows, is_violation, 0.5)])
    wider = np.column_stack([rows.toarray(), np.ones((40, 3))])

    scores = model.scores(Cells.of(csr_matrix(wider)))

    np.testing.assert_array_equal(scores, model.scores(Cells.of(rows)))
    np.testing.assert_array_equal(scores, rows @ model.weights.T + model.intercepts)


def test_the_head_decides_after_tens_of_audits() -> None:
    comments = invented_chat(400)

    tables = moderated(learned(), comments, rate=0.2, floor=0.2)

    audited = tables.expert_audits["position"].sort().to_list()
    by_head = tables.student_decisions.filter(tier="learned")["position"].min()
    assert isinstance(by_head, int)
    assert sum(position < by_head for position in audited) < 60
    assert mistakes(tables, comments, after=300) < 0.05
