"""Positions whose history is forgotten are those of boards that were set up before their last moves."""

import numpy as np
import pytest

from hayago.evaluation.examples import choose_examples
from hayago.features.incremental import encode_positions
from hayago.features.plain import encode
from hayago.features.planes import MOST_KNOWN, PLANE_SETS, PLANES, forget_history, pack
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, WHITE
from hayago.rules.symmetry import SYMMETRIES
from hayago.training.batches import Batches, Sampler
from learning import demo_games


def set_up(board: Board, known: int) -> Board | None:
    """The position set up before its last moves; None where those moves or a ko would make another one of it."""
    start = board.after(len(board.moves) - known)
    if start.captures != board.captures or board.ko_point is not None or start.ko_point is not None:
        return None
    grid = start.grid().ravel()
    made = Board(board.size)
    made.setup(np.flatnonzero(grid == BLACK).tolist(), np.flatnonzero(grid == WHITE).tolist(), start.to_play)
    for colour, point in board.moves[len(board.moves) - known :]:
        made.play(point, colour)
    made.to_play = board.to_play
    return made


@pytest.mark.parametrize("planes", PLANE_SETS)
def test_they_are_the_planes_of_boards_that_were_set_up(planes: int) -> None:
    examples = choose_examples(demo_games(), limit=60)
    compared = 0
    for k in range(len(examples)):
        known = k % (MOST_KNOWN + 2)
        board = examples.board(k)
        if len(board.moves) < known or (made := set_up(board, known)) is None:
            continue
        rows = pack(encode(board, planes), k % SYMMETRIES)[None]
        forget_history(rows, np.array([known]), planes)
        assert (rows[0] == pack(encode(made, planes), k % SYMMETRIES)).all()
        compared += 1
    assert compared > 30


def test_only_the_rows_that_are_named_change() -> None:
    games = demo_games()
    rows, _ = encode_positions(games, np.zeros(3, np.int64), np.array([50, 51, 52]), np.zeros(3, np.uint8))
    before = rows.copy()
    forget_history(rows, np.array([99, 0, MOST_KNOWN]))
    assert (rows[[0, 2]] == before[[0, 2]]).all() and (rows[1] != before[1]).any()


@pytest.mark.parametrize("threads", [0, 2])
def test_training_sees_a_share_of_them(threads: int) -> None:
    def rows(share: float) -> np.ndarray:
        sampler = Sampler(demo_games(), 0, games_per_block=60, positions_per_game=20, history_dropout=share)
        return np.concatenate([next(batches).rows for batches in [Batches(sampler, 1000, threads=threads).start()]])

    whole, none, half = rows(0), rows(1), rows(0.5)
    assert (whole != none).any(axis=1).mean() > 0.95  # some begin the game
    assert 0.4 < (whole != half).any(axis=1).mean() < 0.6
    assert (rows(0.5) == half).all()
    assert whole.shape[1] == PLANES * 361 // 8
