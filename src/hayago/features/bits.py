"""Bits to bytes, compiled: what `unpack` and the encoder of whole games have in common."""

import numpy as np
from numpy.typing import NDArray

from hayago.jit import kernel


@kernel
def spread_bits(row: NDArray[np.uint8], words: NDArray[np.uint64]) -> None:
    """Set words[n] to the 8 bits of row[n], one in each of its bytes, the lowest first.

    Halves, quarters and eighths of the byte are moved apart. The processor does that for several bytes at once, which
    is quicker than a table.
    """
    for n in range(len(row)):
        word = np.uint64(row[n])
        word = (word | word << np.uint64(28)) & np.uint64(0x0000000F0000000F)
        word = (word | word << np.uint64(14)) & np.uint64(0x0003000300030003)
        words[n] = (word | word << np.uint64(7)) & np.uint64(0x0101010101010101)


def unpack_bits(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 (B, 8 * n): the bits of rows uint8 (B, n), the lowest of each byte first. Holds no interpreter lock."""
    words = np.empty(rows.shape, np.uint64)
    spread_bits(np.ascontiguousarray(rows).reshape(-1), words.reshape(-1))
    return words.astype("<u8", copy=False).view(np.uint8)
