"""Openings: the positions from which the players of a match begin.

Two players who always choose the same move would play one game over and over. So a match has a list of openings, each
played with both colours. An opening is a `GameRecord` with set-up stones or a few moves.
"""

import hashlib
from collections.abc import Callable, Iterable

import numpy as np

from hayago.errors import HayagoError
from hayago.network.evaluator import make_evaluator
from hayago.network.model_file import default_model_path
from hayago.player.player import Player
from hayago.player.styles import LIKE_HUMAN
from hayago.records.archives import is_store, iter_files
from hayago.records.games import move_codes
from hayago.records.sgf import GameRecord, read_sgf, write_sgf
from hayago.rules.board import Board, IllegalMove
from hayago.rules.coordinates import BLACK

_EDGE_LINES = 2  # no one opens on the first or second line of a board with room for more
_ROOM = 9
_TRIES = 100  # attempts to find one opening that is not yet in the list


def default_moves(size: int) -> int:
    """The number of moves of a sampled opening: 8 on 19x19, 4 on 9x9. Black plays next."""
    return size // 4 * 2


def opening_board(opening: GameRecord, *, superko: bool = False) -> Board:
    """The board after the opening.

    Raises:
        HayagoError: the opening breaks the rules, or ends the game by two passes.
    """
    board = Board(opening.size, superko=superko)
    try:
        board.setup(opening.setup_black, opening.setup_white, opening.to_play)
        for colour, point in opening.plays():
            board.play(point, colour)
    except IllegalMove as error:
        raise HayagoError(f"{opening.source}: {str(error).splitlines()[0]}") from error
    except ValueError as error:
        raise HayagoError(f"{opening.source}: {error}") from error
    if board.is_over:
        raise HayagoError(f"{opening.source}: this opening ends with two passes")
    return board


def read_openings(path: str, size: int, moves: int | None = None, *, superko: bool = False) -> list[GameRecord]:
    """The openings in an SGF file, a folder or an archive, in order and without duplicates.

    Args:
        path: where they are.
        size: the required side of the board.
        moves: how many moves of each record to take (None: all).
        superko: whether the rules forbid every repetition.

    Raises:
        HayagoError: it is a store, or there is no opening, or one for another size, or one that breaks the rules.
    """
    if is_store(path):
        raise HayagoError(f"{path}: a game store; openings are SGF files, folders or archives")
    openings: dict[object, GameRecord] = {}
    for source, data in iter_files([path]):
        for record in read_sgf(data, source):
            if record.size != size:
                raise HayagoError(f"{record.source}: an opening for {record.size}x{record.size}, not {size}x{size}")
            opening = record._replace(moves=record.moves[:moves])
            opening_board(opening, superko=superko)
            openings.setdefault(_key(opening), opening)
    return list(openings.values())


def sample_openings(count: int, size: int, moves: int, seed: int, by_network: bool = True) -> list[GameRecord]:
    """Different openings of `moves` moves each, the same for the same seed.

    The network in the box plays them like the people it learned from. On boards that it does not take, or not
    `by_network`, they are random points from the third line up (from all points on boards smaller than 9x9).

    Raises:
        HayagoError: there are not that many.
    """
    choose = _chooser(size, seed, by_network)
    openings: dict[object, GameRecord] = {}
    for number in range(count):
        for _ in range(_TRIES):
            opening = _sample(size, moves, f"opening {number + 1}", choose)
            if len(opening.moves) == moves and _key(opening) not in openings:
                openings[_key(opening)] = opening
                break
        else:
            raise HayagoError(
                f"on {size}x{size} there are not {count} openings of {moves} moves, only {number} were found"
            )
    return list(openings.values())


def write_openings(openings: Iterable[GameRecord]) -> bytes:
    """The openings as one SGF collection."""
    return b"".join(write_sgf(opening) for opening in openings)


def fingerprint(openings: Iterable[GameRecord]) -> str:
    """A short hash of the positions and moves alone."""
    digest = hashlib.sha256()
    for opening in openings:
        digest.update(repr(_key(opening)).encode())
    return digest.hexdigest()[:16]


def _key(opening: GameRecord) -> tuple[object, ...]:
    return opening.setup_black, opening.setup_white, opening.to_play, opening.moves.tobytes()


def _chooser(size: int, seed: int, by_network: bool) -> Callable[[Board], int]:
    if by_network and default_model_path().exists():
        evaluator = make_evaluator(threads=1)
        if size in evaluator.sizes:
            player = Player(evaluator, LIKE_HUMAN, seed=seed)

            def sample(board: Board) -> int:
                point = player.choose(board).point
                return board.pass_point if point is None else point

            return sample
    random = np.random.default_rng(seed)
    row, column = np.divmod(np.arange(size * size), size)
    height = np.minimum(np.minimum(row, size - 1 - row), np.minimum(column, size - 1 - column))
    inner = height >= (_EDGE_LINES if size >= _ROOM else 0)

    def draw(board: Board) -> int:
        points = np.flatnonzero(board.sensible_points() & inner)
        return int(random.choice(points)) if len(points) else board.pass_point

    return draw


def _sample(size: int, moves: int, source: str, choose: Callable[[Board], int]) -> GameRecord:
    """One opening, shorter if the chooser passes."""
    board = Board(size, superko=True)  # legal under either ko rule
    while len(board.moves) < moves:
        point = choose(board)
        if point == board.pass_point:
            break
        board.play(point)
    return GameRecord(size, None, 0, "", (), (), move_codes(board.moves), "", "", "", "", "", "", "", BLACK, source, "")
