"""The plain encoder: one board to its 48 planes, feature by feature, as the table in `hayago.features.planes` has them.

`encode` and `encode_packed` are for code that has a single board: the player, the page, a single environment. They are
also the reference that `hayago.features.incremental`, which encodes whole games much faster, is tested against.
"""

import numpy as np
from numpy.typing import NDArray

from hayago.features.planes import (
    CAPTURE_SIZE,
    LADDER_CAPTURE,
    LADDER_ESCAPE,
    LIBERTIES,
    LIBERTIES_AFTER,
    ONES,
    OPPONENT,
    OWN,
    PLANES,
    SELF_ATARI_SIZE,
    SENSIBLENESS,
    TURNS_SINCE,
    VACANT,
    check_planes,
    pack,
)
from hayago.jit import kernel
from hayago.rules.board import Board
from hayago.rules.coordinates import EMPTY
from hayago.rules.kernels.frame import BORDER, CELLS, HUNTER_MOVES, WIDTH, cell_of, framed, unframed
from hayago.rules.kernels.ladders import is_captured_by, is_saved_by, ways_out
from hayago.rules.kernels.plain_rules import Stones, chain_at, mark_true_eyes, try_move
from hayago.rules.kernels.position import ko_of

Marks = NDArray[np.uint8]

_OLDEST = 8  # turns; older stones all share the last plane


@kernel
def _mark_stones(stones: Stones, own: int, ages: NDArray[np.int64], marks: Marks) -> None:
    """The features of what stands on the board: colour, age, and liberties."""
    for cell in range(WIDTH, CELLS - WIDTH):
        if stones[cell] == BORDER:
            continue
        marks[ONES, cell] = 1
        if stones[cell] == EMPTY:
            marks[VACANT, cell] = 1
            continue
        marks[OWN if stones[cell] == own else OPPONENT, cell] = 1
        marks[TURNS_SINCE + ages[cell] - 1, cell] = 1
        _, liberties = chain_at(stones, cell)
        marks[LIBERTIES + min(len(liberties), 8) - 1, cell] = 1


@kernel
def _mark_moves(stones: Stones, ko: int, own: int, marks: Marks) -> None:
    """The features of what each legal move does, and whether it is sensible."""
    eyes = np.empty(CELLS, np.bool_)
    mark_true_eyes(stones, own, eyes)
    for cell in range(WIDTH, CELLS - WIDTH):
        move = try_move(stones, ko, cell, own)
        if len(move.liberties) == 0:
            continue
        marks[CAPTURE_SIZE + min(move.captured, 7), cell] = 1
        if len(move.liberties) == 1:
            marks[SELF_ATARI_SIZE + min(len(move.chain), 8) - 1, cell] = 1
        marks[LIBERTIES_AFTER + min(len(move.liberties), 8) - 1, cell] = 1
        if not eyes[cell]:
            marks[SENSIBLENESS, cell] = 1


@kernel
def _mark_ladders(stones: Stones, ko: int, own: int, marks: Marks) -> None:
    """The moves that capture an opponent's chain of two liberties in a ladder, or save a friendly chain in atari."""
    seen = np.zeros(CELLS, np.bool_)
    for cell in range(WIDTH, CELLS - WIDTH):
        if stones[cell] == EMPTY or stones[cell] == BORDER or seen[cell]:
            continue
        chain, liberties = chain_at(stones, cell)
        for stone in chain:
            seen[stone] = True
        if stones[cell] != own and len(liberties) == 2:
            for attack in liberties:
                if is_captured_by(stones, ko, cell, attack, HUNTER_MOVES):
                    marks[LADDER_CAPTURE, attack] = 1
        elif stones[cell] == own and len(liberties) == 1:
            for answer in ways_out(stones, cell):
                if is_saved_by(stones, ko, cell, answer):
                    marks[LADDER_ESCAPE, answer] = 1


@kernel
def _mark_planes(stones: Stones, ko: int, own: int, ages: NDArray[np.int64], marks: Marks) -> None:
    """Set marks (PLANES, CELLS), all 0 before, to 1 wherever a plane is 1."""
    _mark_stones(stones, own, ages, marks)
    _mark_moves(stones, ko, own, marks)
    _mark_ladders(stones, ko, own, marks)


def _ages(board: Board) -> NDArray[np.int64]:
    """int64 (CELLS,): how many turns ago the last stone was put on each cell, at most _OLDEST."""
    ages = np.full(CELLS, _OLDEST)
    recent = board.moves[-(_OLDEST - 1) :]
    for age, (_, point) in zip(range(len(recent), 0, -1), recent, strict=True):
        if point != board.pass_point:
            ages[cell_of(point, board.size)] = age
    return ages


def encode(board: Board, planes: int = PLANES) -> NDArray[np.uint8]:
    """uint8 (planes, size, size): the position with `board.to_play` to move.

    Raises:
        ValueError: `planes` is not one of PLANE_SETS.
    """
    check_planes(planes)
    marks = np.zeros((PLANES, CELLS), np.uint8)
    _mark_planes(framed(board.grid()), ko_of(board.position), board.to_play, _ages(board), marks)
    return unframed(marks[:planes], board.size).reshape(planes, board.size, board.size)


def encode_packed(board: Board, planes: int = PLANES, symmetry: int = 0) -> NDArray[np.uint8]:
    """uint8 (row_bytes,): the position with `board.to_play` to move, seen under the symmetry, as a row.

    Raises:
        ValueError: `planes` is not one of PLANE_SETS.
    """
    return pack(encode(board, planes), symmetry)
