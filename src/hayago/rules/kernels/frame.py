"""*Cells*: the stones of a board and nothing else, uint8 (CELLS,), in the frame of `hayago.rules.kernels.position`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hayago.rules.kernels.position import BORDER, CELLS, WIDTH


def framed(grid: NDArray[np.int8]) -> NDArray[np.uint8]:
    """uint8 (CELLS,): the cells of a grid (N, N)."""
    rows, columns = grid.shape
    cells = np.full(CELLS, BORDER, np.uint8)
    cells.reshape(-1, WIDTH)[1 : rows + 1, :columns] = grid
    return cells


def unframed(values: NDArray[Any], size: int) -> NDArray[Any]:
    """The entries (N*N,) of the points among those (CELLS,) of the cells."""
    return values.reshape(-1, WIDTH)[1 : size + 1, :size].reshape(-1)
