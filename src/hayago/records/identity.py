"""When two records are the same game, which split a game belongs to, and which moves are illegal.

A game has 8 images under the symmetries. Its *canonical form* is the image whose codes (the sorted set-up stones, then
the moves) come first in dictionary order. Colours belong to the codes: exchanging them makes another game.
"""

import hashlib
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hayago.jit import kernel
from hayago.records.games import POINT_MASK, WHITE_BIT
from hayago.rules.coordinates import BLACK, WHITE
from hayago.rules.kernels.frame import cell_of
from hayago.rules.kernels.position import Log, Position, colour_of, first_illegal, set_up_codes
from hayago.rules.symmetry import point_maps

KEY_MOVES = 80
KEY_BYTES = 16
TEST_SHARE = 0.02
VALIDATION_SHARE = 0.01

Split = Literal["train", "validation", "test"]

LEGAL, ILLEGAL_SETUP = -1, -2


@kernel
def _canonical(maps: NDArray[np.uint16], setup: NDArray[np.uint16], moves: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """The canonical form, uint16 (len(setup) + len(moves),); maps are `point_maps`."""
    stones = len(setup)
    length = stones + len(moves)
    best = np.empty(length, np.uint16)
    image = np.empty(length, np.uint16)
    for s in range(len(maps)):
        for n in range(stones):
            code = maps[s, setup[n] & POINT_MASK] | setup[n] & WHITE_BIT
            at = n
            while at > 0 and image[at - 1] > code:
                image[at] = image[at - 1]
                at -= 1
            image[at] = code
        for n in range(len(moves)):
            image[stones + n] = maps[s, moves[n] & POINT_MASK] | moves[n] & WHITE_BIT
        n = 0
        while s > 0 and n < length and image[n] == best[n]:
            n += 1
        if s == 0 or (n < length and image[n] < best[n]):
            best[:] = image
    return best


def game_keys(size: int, setup: NDArray[np.uint16], moves: NDArray[np.uint16]) -> tuple[bytes, bytes]:
    """Two hashes of the canonical form: of its first KEY_MOVES moves, which is the game's *key*, and of all moves.

    Both include the size and the set-up. They are equal for a game of fewer than KEY_MOVES moves.
    """
    form = _canonical(point_maps(size), setup, moves).astype("<u2", copy=False)
    begin = hashlib.blake2b(bytes([size, len(setup) & 0xFF, len(setup) >> 8]), digest_size=KEY_BYTES)
    whole = begin.copy()
    begin.update(form[: len(setup) + KEY_MOVES].tobytes())
    whole.update(form.tobytes())
    return begin.digest(), whole.digest()


def split_of(key: bytes) -> Split:
    """The split of a game with this key: the lowest TEST_SHARE of all keys are for testing, the next VALIDATION_SHARE
    for validation, the rest for training."""
    place = int.from_bytes(key[:8], "big") / 2**64
    if place < TEST_SHARE:
        return "test"
    return "validation" if place < TEST_SHARE + VALIDATION_SHARE else "train"


@kernel
def find_illegal(position: Position, log: Log, size: int, setup: NDArray[np.uint16], moves: NDArray[np.uint16]) -> int:
    """The index of the first illegal move, LEGAL, or ILLEGAL_SETUP if a set-up chain has no liberty.

    `position` and `log` are overwritten.
    """
    set_up_codes(position, log, size, setup)
    for code in setup:
        colour = WHITE if code & WHITE_BIT else BLACK
        if colour_of(position, cell_of(code & POINT_MASK, size)) != colour:
            return ILLEGAL_SETUP
    return first_illegal(position, log, size, setup, moves)


def why_illegal(
    position: Position, log: Log, size: int, setup: NDArray[np.uint16], moves: NDArray[np.uint16]
) -> tuple[str, str] | None:
    """Why the rules forbid this game, as (reason, detail); None if they do not. The first two are overwritten."""
    if len(setup) and (setup & POINT_MASK).max() >= size * size:
        return "illegal set-up", "a stone off the board"
    found = find_illegal(position, log, size, setup, moves)
    if found == LEGAL:
        return None
    if found == ILLEGAL_SETUP:
        return "illegal set-up", "a chain without a liberty"
    return "illegal move", f"move {found + 1} of {len(moves)}"
