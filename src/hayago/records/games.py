"""`Games`: many games as flat arrays, the form in which the store hands them to the encoder.

A *move code* is a uint16: the point in bits 0 to 8 (size * size is a pass), bit 15 set when White plays.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

WHITE_BIT = 0x8000
POINT_MASK = 0x01FF


class Games(NamedTuple):
    """G games on boards of one size.

    Attributes:
        size: the board's side, 1 to 19.
        codes: uint16 (M,), the move codes of all games, one after the other.
        offsets: int64 (G + 1,); game g has the moves codes[offsets[g]:offsets[g + 1]].
        setup: uint16 (S,), codes of the stones that stood before the first move, sorted by point.
        setup_offsets: int64 (G + 1,), like offsets, into setup.
    """

    size: int
    codes: NDArray[np.uint16]
    offsets: NDArray[np.int64]
    setup: NDArray[np.uint16]
    setup_offsets: NDArray[np.int64]
