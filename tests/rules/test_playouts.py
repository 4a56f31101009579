"""The board of the playouts against `Board`: random games on both, all that it keeps compared at each move."""

from collections.abc import Iterator

import numpy as np
import pytest

from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, EMPTY, WHITE
from hayago.rules.kernels.frame import CELLS, DIRECTIONS, WIDTH, framed
from hayago.rules.kernels.playouts import (
    COLOUR,
    FACES,
    HEAD,
    KO,
    OPEN,
    OPENED,
    STONES,
    PlayoutBoard,
    _atari,
    _is_sound,
    _put,
    new_playout_board,
    play_out,
)

NOWHERE = np.zeros(CELLS, np.uint8)


def cell_of(point: int, size: int) -> int:
    return (point // size + 1) * WIDTH + point % size


def assert_alike(playout: PlayoutBoard, board: Board) -> None:
    """Stones, chains, faces, ataris and open cells are the board's."""
    opened = {int(cell) for cell in playout[OPEN : OPEN + playout[OPENED]]}
    for point in range(board.pass_point):
        cell = cell_of(point, board.size)
        assert playout[COLOUR + cell] == board.colour_at(point), board
        assert (cell in opened) == (board.colour_at(point) == EMPTY), board
        if board.colour_at(point) == EMPTY:
            continue
        head, chain, liberties = playout[HEAD + cell], board.chain(point), board.chain_liberties(point)
        assert playout[STONES + head] == len(chain)
        stones = [cell_of(stone, board.size) for stone in chain]
        assert all(playout[HEAD + stone] == head for stone in stones)
        assert playout[FACES + head] == sum(playout[COLOUR + s + d] == EMPTY for s in stones for d in DIRECTIONS)
        only = cell_of(next(iter(liberties)), board.size) if len(liberties) == 1 else 0
        assert _atari(playout, head) == only, board


def games(size: int, seed: int, moves: int) -> Iterator[tuple[PlayoutBoard, Board]]:
    """The same random game on a playout board and on a board, before each of its moves."""
    random = np.random.default_rng(seed)
    board, playout = Board(size), new_playout_board(framed(Board(size).grid()), NOWHERE)
    for _ in range(moves):
        yield playout, board
        points = np.flatnonzero(board.legal_points()[:-1])
        if not len(points):
            return
        point, colour = int(random.choice(points)), board.to_play
        _put(playout, cell_of(point, size), colour)
        board.play(point)


def test_the_playout_board_follows_the_board() -> None:
    kos = 0
    for seed, size in enumerate([2, 3, 4, 5, 5, 7, 7]):
        for playout, board in games(size, seed, moves=120):
            assert_alike(playout, board)
            assert_alike(new_playout_board(framed(board.grid()), NOWHERE), board)
            ko = board.ko_point
            assert playout[KO] == (0 if ko is None else cell_of(ko, size)), board
            kos += ko is not None
    assert kos > 0


def chains_beside(board: Board, point: int) -> set[frozenset[int]]:
    """The chains beside a point; an empty one for empty points."""
    row, column = divmod(point, board.size)
    beside = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
    return {board.chain(r * board.size + c) for r, c in beside if 0 <= r < board.size and 0 <= c < board.size}


def may_be_refused(board: Board, point: int) -> bool:
    """Whether a legal move is one that the policy leaves alone: into an eye, or a self-atari for nothing."""
    colour, after = board.to_play, board.copy()
    after.play(point)
    takes = after.captures[colour] > board.captures[colour]
    return not takes and (is_surrounded(board, point) or after.liberties(point) == 1)


def is_surrounded(board: Board, point: int) -> bool:
    """Whether all points beside it hold stones of the colour to play."""
    return all(chain and board.colour_at(min(chain)) == board.to_play for chain in chains_beside(board, point))


def test_the_policy_plays_what_is_legal_and_no_folly() -> None:
    kinds = set()
    for seed in range(3):
        for playout, board in games(5, seed=10 + seed, moves=100):
            for point in range(board.pass_point):
                sound = _is_sound(playout, cell_of(point, 5), board.to_play)
                legal = board.is_legal(point)
                assert legal or not sound, f"{point}\n{board}"
                assert sound or not legal or may_be_refused(board, point), f"{point}\n{board}"
                eye = legal and is_surrounded(board, point) and len(chains_beside(board, point)) == 1
                assert not (sound and eye), f"{point}\n{board}"
                kinds.add((bool(sound), legal, eye))
    assert kinds == {(True, True, False), (False, True, False), (False, True, True), (False, False, False)}


@pytest.mark.parametrize("heuristics", [True, False])
def test_a_playout_ends_where_neither_side_has_a_move(heuristics: bool) -> None:
    ended = 0
    for seed in range(1, 41):
        playout = new_playout_board(framed(Board(5).grid()), NOWHERE)
        play_out(playout, BLACK, 5, heuristics, np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64))
        opened = playout[OPEN : OPEN + playout[OPENED]]
        ended += not any(_is_sound(playout, cell, colour) for cell in opened for colour in (BLACK, WHITE))
    assert ended > 30  # the others have reached their greatest length
