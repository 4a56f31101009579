"""The log has room for all moves that are ever in it at once: nothing checks whether it is full."""

from random import Random

import numpy as np
import pytest

from comparison import everything
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, EMPTY, WHITE
from hayago.rules.kernels.frame import cell_of
from hayago.rules.kernels.position import LOG_ENTRIES, MOST_LOGGED, colour_of, new_log, place, undo

AREA = 361


def most_entries(board: Board, seed: int) -> int:
    """The number of log entries that as many moves take as the log must hold.

    Black plays the first one on the first empty point. The others are random, suicides among them. All are taken back.
    """
    random, position, log = Random(seed), board.position, new_log()
    before = everything(board)
    cells = [cell_of(point, 19) for point in range(AREA)]
    for n in range(MOST_LOGGED):
        empty = [cell for cell in cells if colour_of(position, cell) == EMPTY]
        place(position, log, random.choice(empty) if n else empty[0], random.choice((BLACK, WHITE)) if n else BLACK)
    entries = int(log.entries)
    undo(position, log, 0)
    assert everything(board) == before
    return entries


@pytest.mark.parametrize("seed", range(3))
def test_there_is_room_for_the_largest_captures(seed: int) -> None:
    whole = Board(19)
    whole.setup(white=range(1, AREA))  # Black takes it all
    mixed, random = Board(19), Random(seed)
    for _ in range(400):
        mixed.play(random.choice(np.flatnonzero(mixed.legal_points()[:-1]).tolist()))
    for board, least in ((whole, 360 * 12), (mixed, 1000)):
        assert least < most_entries(board, seed) <= LOG_ENTRIES
