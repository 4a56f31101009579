"""Sets of cells: one bit for each cell, in six 64-bit words.

Bit number (cell - WIDTH) stands for the cell, so the 19 rows of a board take 380 bits. A set comes in two forms:

- *words*: int64 (WORDS,), a set that lies in memory. `has_cell`, `add_cell` and `drop_cell` work on one cell of it.
- *CellSet*: a tuple of the six words, which the compiler keeps in registers. All operations on whole sets work on
  these, and `cells_in` goes through the cells. `load` and `store` exchange a CellSet with words.

A CellSet holds only cells of the board. Operations that shift bits may put some on the border; the intersection that
follows them takes these off.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hayago.jit import generator, kernel, lowest_bit, popcount
from hayago.rules.kernels.frame import WIDTH

WORDS = 6

Words: TypeAlias = NDArray[np.int64]
CellSet: TypeAlias = tuple[Any, Any, Any, Any, Any, Any]  # six int64

_LOW_63 = (1 << 63) - 1  # what shifting right by 1, 44 and 20 leaves, since numba's shift copies the sign
_LOW_44 = (1 << 44) - 1
_LOW_20 = (1 << 20) - 1


@kernel
def bit_of(cell: int) -> Any:
    """The bit of the cell in its word, which is word (cell - WIDTH) >> 6."""
    return np.int64(1) << np.int64((cell - WIDTH) & 63)


@kernel
def has_cell(words: Words, cell: int) -> bool:
    """Whether the cell is in the set."""
    return bool((words[np.uint64((cell - WIDTH) >> 6)] >> ((cell - WIDTH) & 63)) & 1)


@kernel
def add_cell(words: Words, cell: int) -> None:
    """Put the cell into the set."""
    words[np.uint64((cell - WIDTH) >> 6)] |= bit_of(cell)


@kernel
def drop_cell(words: Words, cell: int) -> None:
    """Take the cell out of the set."""
    words[np.uint64((cell - WIDTH) >> 6)] &= ~bit_of(cell)


@generator
def bits_in(word: int) -> Iterator[int]:
    """The numbers of the bits that are set in a 64-bit word, the lowest first."""
    while word != 0:
        yield lowest_bit(word)
        word &= word - 1


@generator
def cells_in(cells: CellSet) -> Iterator[int]:
    """The cells of a set in reading order."""
    for w in range(WORDS):
        word = cells[w]
        while word != 0:
            yield WIDTH + 64 * w + lowest_bit(word)
            word &= word - 1


@kernel
def load(words: Words) -> CellSet:
    """The set in memory as a CellSet."""
    return words[0], words[1], words[2], words[3], words[4], words[5]


@kernel
def store(words: Words, cells: CellSet) -> None:
    """Write the set to memory."""
    words[0], words[1], words[2], words[3], words[4], words[5] = cells


@kernel
def only(cell: int) -> CellSet:
    """The set of one cell."""
    word, bit = (cell - WIDTH) >> 6, bit_of(cell)
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
    """Whether the set has no cell."""
    return bool((a[0] | a[1] | a[2] | a[3] | a[4] | a[5]) == 0)


@kernel
def count(a: CellSet) -> int:
    """The number of cells."""
    return popcount(a[0]) + popcount(a[1]) + popcount(a[2]) + popcount(a[3]) + popcount(a[4]) + popcount(a[5])


@kernel
def first(a: CellSet) -> int:
    """The first cell in reading order; 0 if the set is empty."""
    for w in range(WORDS):
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
    """The cells, border among them, that lie beside cells of the set."""
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
    """All cells of `within` that are connected to those of the set, which must be in `within` themselves."""
    while True:
        wider = union(a, common(beside(a), within))
        if is_empty(without(wider, a)):
            return a
        a = wider
