"""The ladders that the planes "ladder capture" and "ladder escape" mark, each with the chain that it is about."""

from typing import Literal, NamedTuple

import numpy as np

from hayago.rules.board import Board
from hayago.rules.kernels.ladders import add_captures, add_escapes
from hayago.rules.kernels.position import WORDS, cell_of, has_cell, head_of, new_notes


class Ladder(NamedTuple):
    """A working ladder, or a way out of one.

    Attributes:
        kind: "capture" of a chain of the other side, or "escape" of a chain of the side to play.
        move: the point to play.
        chain: the points of the chain.
    """

    kind: Literal["capture", "escape"]
    move: int
    chain: frozenset[int]


def ladders(board: Board) -> list[Ladder]:
    """All ladders for `board.to_play`, by chain and move."""
    found: list[Ladder] = []
    seen: set[int] = set()
    for point in np.flatnonzero(board.grid()).tolist():
        liberties = board.liberties(point)
        own = board.colour_at(point) == board.to_play
        if point in seen or liberties != (1 if own else 2):
            continue
        chain = board.chain(point)
        seen |= chain
        kind: Literal["capture", "escape"] = "escape" if own else "capture"
        found += [Ladder(kind, move, chain) for move in _moves(board, point, own)]
    return found


def _moves(board: Board, point: int, own: bool) -> list[int]:
    """The points that capture the chain there, or save it."""
    size, marked = board.size, np.zeros(WORDS, np.int64)
    position = board.position.copy()
    head = head_of(position, cell_of(point, size))
    (add_escapes if own else add_captures)(position, new_notes(), head, marked)
    return [move for move in range(size * size) if has_cell(marked, 0, cell_of(move, size))]
