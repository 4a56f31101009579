"""Counting: who owns each point of a finished position, and the score under the rules of the game.

`mark_area` is Tromp and Taylor's area, with every stone alive. `count` first removes dead stones, knows seki, and adds
White's komi and handicap compensation.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.jit import kernel
from hayago.rules.coordinates import BLACK, EMPTY, WHITE
from hayago.rules.game_rules import GameRules
from hayago.rules.kernels.frame import CELLS, DIRECTIONS, WIDTH, framed, unframed
from hayago.rules.kernels.plain_rules import chain_at

if TYPE_CHECKING:
    from hayago.rules.board import Board

# Chosen on the ends of 200 professional games (borders open) and 150 of KGS (dame left):
# scripts/proofs/judge_endings.py.
DAME = 7  # the largest neutral region that counts as dame; a larger one is an open border
CLEAR = 0.6  # how far, from 0 to 1, a point of an open border must lean to belong to one side
WIDE = 0.5  # share of the board from which on a region, until both pass, belongs to those around it only where it leans
LEANING = 0.3  # their way by this much


class Count(NamedTuple):
    """A position counted.

    Attributes:
        owner: int8 (N*N,), who has each point: BLACK, WHITE, or EMPTY where neither does.
        score: Black's points minus White's, komi and compensation included.
    """

    owner: NDArray[np.int8]
    score: float


@kernel
def mark_area(cells: NDArray[np.uint8], area: NDArray[np.uint8], room: NDArray[np.int16]) -> None:
    """Set area (CELLS,) to the colour that owns each cell: of its stone, or the only one its empty region reaches;
    EMPTY for neutral cells and off the board. Set room (CELLS,) to the size of that region, 0 where there is none."""
    stack = np.empty(CELLS, np.int64)
    region = np.empty(CELLS, np.int64)
    seen = np.zeros(CELLS, np.uint8)
    area[:] = EMPTY
    room[:] = 0
    for start in range(WIDTH, CELLS - WIDTH):
        there = cells[start]
        if there in (BLACK, WHITE):
            area[start] = there
        if there != EMPTY or seen[start]:
            continue
        waiting, found, reached = 1, 0, 0
        stack[0] = start
        seen[start] = 1
        while waiting > 0:
            waiting -= 1
            cell = stack[waiting]
            region[found] = cell
            found += 1
            for direction in DIRECTIONS:
                neighbour = cell + direction
                beside = cells[neighbour]
                if beside == EMPTY:
                    if not seen[neighbour]:
                        seen[neighbour] = 1
                        stack[waiting] = neighbour
                        waiting += 1
                elif beside in (BLACK, WHITE):
                    reached |= beside
        for n in range(found):
            room[region[n]] = found
            if reached in (BLACK, WHITE):  # 1, 2; both together are 3
                area[region[n]] = reached


def area_of(grid: NDArray[np.int8]) -> tuple[NDArray[np.int8], NDArray[np.int16]]:
    """int8 and int16 (N, N): what `mark_area` says of a grid (N, N)."""
    area, room = np.empty(CELLS, np.uint8), np.empty(CELLS, np.int16)
    mark_area(framed(grid), area, room)
    size = len(grid)
    return unframed(area, size).astype(np.int8).reshape(grid.shape), unframed(room, size).reshape(grid.shape)


@kernel
def mark_false_eyes(
    cells: NDArray[np.uint8], area: NDArray[np.uint8], shared: NDArray[np.bool_], false_eyes: NDArray[np.bool_]
) -> None:
    """Set false_eyes (CELLS,) where a colour must still play inside its own area: a chain of it is in atari there even
    once that colour has taken all neutral points. area is `mark_area`'s; shared (CELLS,) marks the neutral points of a
    seki, which no one takes."""
    false_eyes[:] = False
    for colour in (BLACK, WHITE):
        stones = cells.copy()
        for cell in range(WIDTH, CELLS - WIDTH):
            if cells[cell] == EMPTY and area[cell] == EMPTY and not shared[cell]:
                stones[cell] = colour
        cell = WIDTH
        while cell < CELLS - WIDTH:
            if stones[cell] == colour:
                _, liberties = chain_at(stones, cell)
                if len(liberties) == 1 and area[liberties[0]] == colour:
                    last = liberties[0]
                    stones[last] = colour
                    if len(chain_at(stones, cell)[1]) > 0:
                        false_eyes[last] = True
                        cell = WIDTH  # other chains may be in atari now
                        continue
                    stones[last] = EMPTY
            cell += 1


def handicap_stones(board: "Board") -> int:
    """The number of Black's handicap stones: set up without any of White's, or played before White's first move."""
    if any(colour == WHITE for colour, _ in board.setup_stones):
        return 0
    stones = len(board.setup_stones)
    for colour, point in board.moves:
        if colour == WHITE:
            break
        stones += point != board.pass_point
    # Black's only stone before White's is the first move of an even game.
    return stones if stones >= 2 else 0


def count(
    board: "Board",
    rules: GameRules,
    dead: Collection[int] = (),
    seki: Collection[int] = (),
    leaning: NDArray[np.float32] | None = None,
) -> Count:
    """Count the position as if the game were over.

    Args:
        board: the position.
        rules: how to count. Without `friendly_pass_ok` every stone lives.
        dead: the points of dead stones.
        seki: the points of stones that live in seki; in territory scoring what they surround counts nothing.
        leaning: float32 (N*N,), from -1 (White) to 1 (Black): whose a point is expected to be. It decides, where it
            is clear, the points of open borders: regions that both colours reach and that are too large for dame. And
            it keeps a few stones of one colour from owning a board on which all is open.
    """
    if not rules.friendly_pass_ok:
        dead, leaning = (), None
    stones = board.grid().ravel()
    living = stones.copy()
    living[list(dead)] = EMPTY
    area, room = area_of(living.reshape(board.size, board.size))
    owner = area.ravel()
    if leaning is not None:
        open_points = (owner == EMPTY) & (room.ravel() > DAME) & (np.abs(leaning) >= CLEAR)
        owner[open_points] = np.where(leaning[open_points] > 0, BLACK, WHITE)
        wide = (living == EMPTY) & (room.ravel() > WIDE * board.size**2)
        if not board.is_over:
            owner[wide & (np.where(owner == BLACK, leaning, -leaning) < LEANING)] = EMPTY
    points = owner.copy()
    if rules.scoring == "territory":
        points[living != EMPTY] = EMPTY
        shared = _reached_from(living, list(seki), board.size)
        points[shared | _false_eyes(living, area, shared)] = EMPTY
    score = int(np.count_nonzero(points == BLACK)) - int(np.count_nonzero(points == WHITE))
    if rules.scoring == "territory":
        taken = stones[list(dead)]
        score += board.captures[BLACK] + int(np.count_nonzero(taken == WHITE))
        score -= board.captures[WHITE] + int(np.count_nonzero(taken == BLACK))
    return Count(owner, score - rules.komi_and_compensation(handicap_stones(board)))


def _false_eyes(living: NDArray[np.int8], area: NDArray[np.int8], shared: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """bool (N*N,): see `mark_false_eyes`."""
    marked = np.zeros(CELLS, np.bool_)
    seki = framed(shared.reshape(area.shape).astype(np.int8)) == 1
    mark_false_eyes(framed(living.reshape(area.shape)), framed(area), seki, marked)
    return unframed(marked, len(area))


def _reached_from(living: NDArray[np.int8], stones: list[int], size: int) -> NDArray[np.bool_]:
    """bool (N*N,): the empty points that can be reached from these stones over empty points."""
    reached = np.zeros((size, size), np.bool_)
    reached.ravel()[stones] = True
    empty = (living == EMPTY).reshape(size, size)
    while True:
        wider = reached.copy()
        wider[1:] |= reached[:-1]
        wider[:-1] |= reached[1:]
        wider[:, 1:] |= reached[:, :-1]
        wider[:, :-1] |= reached[:, 1:]
        wider &= empty | reached
        if (wider == reached).all():
            break
        reached = wider
    return np.ravel(reached & empty)
