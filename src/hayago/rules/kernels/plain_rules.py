"""The rules of Go in the plainest way: chains by flood fill, moves on a copy of the board.

A board is *stones*, uint8 (CELLS,), see `hayago.rules.kernels.frame`. These functions need no other state, compile in
seconds, and are easy to check by eye. They serve single boards, and are the reference that the fast
boards are tested against.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.jit import kernel
from hayago.rules.coordinates import EMPTY
from hayago.rules.kernels.frame import BORDER, CELLS, DIAGONALS, DIRECTIONS, NO_CELL, WIDTH

Stones = NDArray[np.uint8]
Cells = NDArray[np.int64]


class Trial(NamedTuple):
    """What a move does.

    Attributes:
        stones: the board after the move; meaningless if the move is illegal.
        captured: how many of the opponent's stones the move takes off.
        chain: the cells of the new chain.
        liberties: the liberties of that chain; none if the move is illegal.
        ko: the cell that the opponent may not play next, NO_CELL for none.
    """

    stones: Stones
    captured: int
    chain: Cells
    liberties: Cells
    ko: int


@kernel
def chain_at(stones: Stones, start: int) -> tuple[Cells, Cells]:
    """The cells of the chain that the stone at `start` belongs to, and the chain's liberties."""
    chain, liberties, seen = np.empty(CELLS, np.int64), np.empty(CELLS, np.int64), np.zeros(CELLS, np.bool_)
    chain[0], length, free = start, 1, 0
    seen[start] = True
    visited = 0
    while visited < length:
        for direction in DIRECTIONS:
            cell = chain[visited] + direction
            if seen[cell]:
                continue
            if stones[cell] == stones[start]:
                chain[length] = cell
                length += 1
                seen[cell] = True
            elif stones[cell] == EMPTY:
                liberties[free] = cell
                free += 1
                seen[cell] = True
        visited += 1
    return chain[:length], liberties[:free]


@kernel
def try_move(stones: Stones, ko: int, cell: int, colour: int) -> Trial:
    """Play on a copy of the board. The move is illegal, and so has no liberties, if the cell is occupied or is the ko
    cell, or if it is suicide."""
    after = stones.copy()
    if stones[cell] != EMPTY or cell == ko:
        nothing = np.empty(0, np.int64)
        return Trial(after, 0, nothing, nothing, NO_CELL)
    after[cell] = colour
    captured = 0
    for direction in DIRECTIONS:
        if after[cell + direction] == 3 - colour:
            prey, liberties = chain_at(after, cell + direction)
            if len(liberties) == 0:
                captured += len(prey)
                for stone in prey:
                    after[stone] = EMPTY
    chain, liberties = chain_at(after, cell)
    # The only liberty of a single stone that has captured a single stone is the cell of the stone captured.
    is_ko = captured == 1 and len(chain) == 1 and len(liberties) == 1
    return Trial(after, captured, chain, liberties, liberties[0] if is_ko else NO_CELL)


@kernel
def mark_true_eyes(stones: Stones, colour: int, eyes: NDArray[np.bool_]) -> None:
    """Set eyes (CELLS,) to True on the true eyes of `colour` and to False elsewhere.

    An empty cell is *enclosed* if only own stones or the border lie beside it. The true eyes are the largest set of
    enclosed cells in which each has at most one bad diagonal, or none at the edge. A diagonal is bad if an opponent's
    stone stands there, or if it is empty and not in the set. So begin with all enclosed cells and strike out those that
    fail, until none does.
    """
    eyes[:] = False
    for cell in range(WIDTH, CELLS - WIDTH):
        if stones[cell] == EMPTY:
            eyes[cell] = True
            for direction in DIRECTIONS:
                eyes[cell] &= stones[cell + direction] == colour or stones[cell + direction] == BORDER
    changed = True
    while changed:
        changed = False
        for cell in range(WIDTH, CELLS - WIDTH):
            if eyes[cell]:
                bad, allowed = 0, 1
                for diagonal in DIAGONALS:
                    there = stones[cell + diagonal]
                    if there == BORDER:
                        allowed = 0
                    elif there == 3 - colour or (there == EMPTY and not eyes[cell + diagonal]):
                        bad += 1
                if bad > allowed:
                    eyes[cell] = False
                    changed = True
