"""Sets of cells as six 64-bit words, and what can be done to a whole board at once.

The bit of a cell is that of the sets in `hayago.rules.kernels.position`: bit (cell - WIDTH). Here a `CellSet` is a
tuple of the six words, which the compiler keeps in registers; `load` and `store` exchange one with an array. Sets hold
only cells of the board: shifted bits that fall onto the border are taken off by the set that one intersects with.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hayago.jit import kernel, lowest_bit, popcount
from hayago.rules.kernels.frame import WIDTH

CellSet: TypeAlias = tuple[Any, Any, Any, Any, Any, Any]  # six int64

_LOW_63 = (1 << 63) - 1  # what shifting right by 1, 44 and 20 leaves, since numba's shift copies the sign
_LOW_44 = (1 << 44) - 1
_LOW_20 = (1 << 20) - 1


@kernel
def load(array: NDArray[np.int64], at: int) -> CellSet:
    """The set at array[at : at + 6]."""
    return array[at], array[at + 1], array[at + 2], array[at + 3], array[at + 4], array[at + 5]


@kernel
def store(array: NDArray[np.int64], at: int, cells: CellSet) -> None:
    """Write the set to array[at : at + 6]."""
    array[at], array[at + 1], array[at + 2], array[at + 3], array[at + 4], array[at + 5] = cells


@kernel
def only(cell: int) -> CellSet:
    """The set of one cell."""
    word = (cell - WIDTH) >> 6
    bit = np.int64(1) << np.int64((cell - WIDTH) & 63)
    return (
        bit if word == 0 else 0,
        bit if word == 1 else 0,
        bit if word == 2 else 0,
        bit if word == 3 else 0,
        bit if word == 4 else 0,
        bit if word == 5 else 0,
    )


@kernel
def union(a: CellSet, b: CellSet) -> CellSet:
    """The cells in either."""
    return a[0] | b[0], a[1] | b[1], a[2] | b[2], a[3] | b[3], a[4] | b[4], a[5] | b[5]


@kernel
def common(a: CellSet, b: CellSet) -> CellSet:
    """The cells in both."""
    return a[0] & b[0], a[1] & b[1], a[2] & b[2], a[3] & b[3], a[4] & b[4], a[5] & b[5]


@kernel
def without(a: CellSet, b: CellSet) -> CellSet:
    """The cells of a that are not in b."""
    return a[0] & ~b[0], a[1] & ~b[1], a[2] & ~b[2], a[3] & ~b[3], a[4] & ~b[4], a[5] & ~b[5]


@kernel
def is_empty(a: CellSet) -> bool:
    """Whether no cell is in it."""
    return bool((a[0] | a[1] | a[2] | a[3] | a[4] | a[5]) == 0)


@kernel
def count(a: CellSet) -> int:
    """How many cells are in it."""
    return popcount(a[0]) + popcount(a[1]) + popcount(a[2]) + popcount(a[3]) + popcount(a[4]) + popcount(a[5])


@kernel
def first(a: CellSet) -> int:
    """The first cell of a set that is not empty, in reading order."""
    for w in range(6):
        if a[w] != 0:
            return WIDTH + 64 * w + lowest_bit(a[w])
    return 0


@kernel
def _beside_word(before: int, word: int, after: int) -> int:
    """One word of `beside`, by the words around it."""
    row_before = word << WIDTH | ((before >> (64 - WIDTH)) & _LOW_20)
    row_after = ((word >> WIDTH) & _LOW_44) | after << (64 - WIDTH)
    column_before = word << 1 | ((before >> 63) & 1)
    column_after = ((word >> 1) & _LOW_63) | after << 63
    return row_before | row_after | column_before | column_after


@kernel
def beside(a: CellSet) -> CellSet:
    """The cells, and border, that lie beside cells of the set."""
    return (
        _beside_word(0, a[0], a[1]),
        _beside_word(a[0], a[1], a[2]),
        _beside_word(a[1], a[2], a[3]),
        _beside_word(a[2], a[3], a[4]),
        _beside_word(a[3], a[4], a[5]),
        _beside_word(a[4], a[5], 0),
    )


@kernel
def spread(a: CellSet, within: CellSet) -> CellSet:
    """All cells of `within` that are connected to those of the set, which must be in it themselves."""
    while True:
        wider = union(a, common(beside(a), within))
        if is_empty(without(wider, a)):
            return a
        a = wider
