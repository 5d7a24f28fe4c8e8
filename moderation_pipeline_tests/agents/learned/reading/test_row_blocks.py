"""Tests of sparse rows put together from blocks: as if the full rows had been put side by side."""

from __future__ import annotations

import numpy as np

from moderation_pipeline.agents.learned.reading.row_blocks import beside, cells_of

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
