"""The ladders that the planes "ladder capture" and "ladder escape" mark, each with the chain that it is about."""

from typing import Literal, NamedTuple

from hayago.rules.board import Board
from hayago.rules.kernels.frame import HUNTER_MOVES, cell_of, framed, point_of
from hayago.rules.kernels.ladders import is_captured_by, is_saved_by, ways_out
from hayago.rules.kernels.plain_rules import chain_at
from hayago.rules.kernels.position import ko_of


class Ladder(NamedTuple):
    """A working ladder, or a way out of one.

    Attributes:
        kind: "capture" of an opponent's chain, or "escape" of a chain of the side to play.
        move: the point to play.
        chain: the points of the chain.
    """

    kind: Literal["capture", "escape"]
    move: int
    chain: frozenset[int]


def ladders(board: Board) -> list[Ladder]:
    """All ladders for `board.to_play`, sorted by the first stone of the chain and then by the move."""
    size, stones, ko = board.size, framed(board.grid()), ko_of(board.position)
    found: list[Ladder] = []
    seen: set[int] = set()
    for point in range(size * size):
        colour, prey = board.colour_at(point), cell_of(point, size)
        if not colour or point in seen:
            continue
        chain = board.chain(point)
        seen |= chain
        _, liberties = chain_at(stones, prey)
        kind: Literal["capture", "escape"]
        if colour != board.to_play and len(liberties) == 2:
            kind, moves = (
                "capture",
                [move for move in liberties if is_captured_by(stones, ko, prey, move, HUNTER_MOVES)],
            )
        elif colour == board.to_play and len(liberties) == 1:
            kind = "escape"
            moves = [move for move in ways_out(stones, prey) if is_saved_by(stones, ko, prey, move)]
        else:
            continue
        found += [Ladder(kind, move, chain) for move in sorted(point_of(int(cell), size) for cell in moves)]
    return found
