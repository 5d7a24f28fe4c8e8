"""Tests of sparse rows put together from blocks: as if the full rows had been put side by side."""

from __future__ import annotations

import numpy as np

from moderation_pipeline.agents.learned.reading.row_blocks import Cells, beside, cells_of

LEFT = np.array([[0.0, 1.5, 2.0], [0.0, 0.0, 0.0], [3.0, 0.0, 0.0]])
RIGHT = np.array([[4.0, 0.0], [0.0, 5.0], [0.0, 0.0]])


def test_blocks_stand_side_by_side() -> None:
    rows = beside([cells_of(LEFT), cells_of(RIGHT), cells_of(LEFT)]).matrix

    np.testing.assert_array_equal(rows.toarray(), np.hstack([LEFT, RIGHT, LEFT]))


def test_a_rows_cells_are_in_the_order_of_the_blocks() -> None:
    assert beside([cells_of(RIGHT), cells_of(LEFT)]).columns.tolist() == [0, 3, 4, 1, 2]


def test_a_block_without_columns_changes_nothing() -> None:
    rows = beside([cells_of(LEFT), cells_of(np.empty((3, 0)))]).matrix

    np.testing.assert_array_equal(rows.toarray(), LEFT)


def test_rows_are_taken_in_the_order_asked_for() -> None:
    cells = cells_of(LEFT)

    np.testing.assert_array_equal(cells.take(np.array([2, 0, 1, 2])).matrix.toarray(), LEFT[[2, 0, 1, 2]])
    assert cells.take(np.empty(0, dtype=np.int64)).rows == 0


def test_each_cell_knows_its_row() -> None:
    assert cells_of(LEFT).row_of_each.tolist() == [0, 0, 2]


def test_a_matrix_is_the_block_that_it_was() -> None:
    matrix = cells_of(LEFT).matrix

    np.testing.assert_array_equal(Cells.of(matrix).matrix.toarray(), LEFT)
