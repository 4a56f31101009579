"""The 8 symmetries of the square board, as maps of points.

Symmetry s, 0 to 7, first flips the columns if s & 1, then flips the rows if s & 2, then swaps rows and columns if
s & 4. Symmetry 0 changes nothing.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

SYMMETRIES = 8


@cache
def point_maps(size: int) -> NDArray[np.uint16]:
    """uint16 (8, size * size + 1): `point_maps(size)[s, p]` is where symmetry s takes point p; a pass stays a pass."""
    row, column = np.divmod(np.arange(size * size), size)
    maps = np.full((SYMMETRIES, size * size + 1), size * size, np.uint16)
    for s in range(SYMMETRIES):
        new_row = size - 1 - row if s & 2 else row
        new_column = size - 1 - column if s & 1 else column
        if s & 4:
            new_row, new_column = new_column, new_row
        maps[s, :-1] = new_row * size + new_column
    maps.setflags(write=False)
    return maps


def inverse(symmetry: int) -> int:
    """The symmetry that takes every point back."""
    if symmetry & 4:  # the swap comes last, so going back the two flips change places
        return 4 | (symmetry & 1) << 1 | (symmetry & 2) >> 1
    return symmetry
