"""Area scoring by Tromp and Taylor: stones, and empty regions that reach one colour only. No dead stones are known."""

import numpy as np
from numpy.typing import NDArray

from hayago.rules.coords import BLACK, EMPTY, WHITE
from hayago.rules.jit import kernel
from hayago.rules.kernels import CELLS, COLOUR, DIRECTIONS, WIDTH, Position


@kernel
def mark_area(position: Position, area: NDArray[np.uint8]) -> None:
    """Set area (CELLS,) to the colour that owns each cell: of its stone, or the only one its empty region reaches;
    EMPTY for neutral cells and off the board."""
    stack = np.empty(CELLS, np.int64)
    region = np.empty(CELLS, np.int64)
    seen = np.zeros(CELLS, np.uint8)
    area[:] = EMPTY
    for start in range(WIDTH, CELLS - WIDTH):
        there = position[COLOUR + start]
        if there in (BLACK, WHITE):
            area[start] = there
        if there != EMPTY or seen[start]:
            continue
        waiting, cells, reached = 1, 0, 0
        stack[0] = start
        seen[start] = 1
        while waiting > 0:
            waiting -= 1
            cell = stack[waiting]
            region[cells] = cell
            cells += 1
            for direction in DIRECTIONS:
                neighbour = cell + direction
                beside = position[COLOUR + neighbour]
                if beside == EMPTY:
                    if not seen[neighbour]:
                        seen[neighbour] = 1
                        stack[waiting] = neighbour
                        waiting += 1
                elif beside in (BLACK, WHITE):
                    reached |= beside
        if reached in (BLACK, WHITE):  # 1, 2; both together are 3
            for n in range(cells):
                area[region[n]] = reached
