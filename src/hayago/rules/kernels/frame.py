"""The frame: how every fast board lays its points out in memory. Open this file first.

A board lies in a frame of 21 rows of 20 *cells*. The point (row, column) is the cell (row + 1) * WIDTH + column. Row 0,
row 20 and every cell outside the board's own columns are border. So each cell has its four neighbours at the same four
distances on boards of every size, and no edge needs a test. (One column of border is enough: it serves the right edge
of its own row and the left edge of the next.)

*Stones* is the simplest board: uint8 (CELLS,), at each cell EMPTY, BLACK, WHITE or BORDER. No point is the cell 0, so 0
stands for "no cell".
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hayago.jit import kernel

BORDER = 3  # beside EMPTY, BLACK and WHITE; equal to BLACK | WHITE
WIDTH = 20
CELLS = 21 * WIDTH
NO_CELL = 0
DIRECTIONS = (-WIDTH, -1, 1, WIDTH)
DIAGONALS = (-WIDTH - 1, -WIDTH + 1, WIDTH - 1, WIDTH + 1)
HUNTER_MOVES = 50  # the most moves that the hunter of a ladder may make, for both ladder searches and the undo log


@kernel
def cell_of(point: int, size: int) -> int:
    """The cell of a point on a board of `size`; the point is not a pass."""
    return (point // size + 1) * WIDTH + point % size


@kernel
def point_of(cell: int, size: int) -> int:
    """The point of a cell that is on a board of `size`."""
    return (cell // WIDTH - 1) * size + cell % WIDTH


def framed(grid: NDArray[np.int8]) -> NDArray[np.uint8]:
    """uint8 (CELLS,): the stones of a grid (N, N)."""
    rows, columns = grid.shape
    stones = np.full(CELLS, BORDER, np.uint8)
    stones.reshape(-1, WIDTH)[1 : rows + 1, :columns] = grid
    return stones


def unframed(values: NDArray[Any], size: int) -> NDArray[Any]:
    """The entries (..., N * N) of the points, from values (..., CELLS) of the cells."""
    rows = values.reshape(*values.shape[:-1], -1, WIDTH)[..., 1 : size + 1, :size]
    return rows.reshape(*values.shape[:-1], size * size)
