"""Openings: what stands on the board when the players of a match begin to choose.

Two players who always choose the same move would play one game over and over, so a match has a list of openings, each
played with both colours. An opening is a `GameRecord`: its set-up stones and its few moves.
"""

import hashlib
from collections.abc import Callable, Iterable

import numpy as np

from hayago.errors import HayagoError
from hayago.network.evaluator import make_evaluator
from hayago.network.model_file import default_model_path, load_model
from hayago.player.player import Player
from hayago.player.styles import LIKE_HUMAN
from hayago.records.archives import iter_files
from hayago.records.games import move_codes
from hayago.records.sgf import GameRecord, read_sgf, write_sgf
from hayago.rules.board import Board, IllegalMove
from hayago.rules.coordinates import BLACK

_EDGE_LINES = 2  # nobody opens on the first and second line of a board that has room for more
_ROOM = 9
_TRIES = 100  # for one opening that is not yet in the list


def default_moves(size: int) -> int:
    """How many moves of an opening are sampled: 8 on 19x19, 4 on 9x9; Black is to play then."""
    return size // 4 * 2


def opening_board(opening: GameRecord, *, superko: bool = False) -> Board:
    """The board with the opening on it.

    Raises:
        HayagoError: a set-up or a move that the rules forbid, or two passes that have ended the game already.
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
    """The openings in an SGF file, a folder or an archive, each once, in their order.

    Args:
        path: where they are.
        size: the side that their boards must have.
        moves: how many moves of each record are the opening (None: all).
        superko: whether the rules forbid every repetition.

    Raises:
        HayagoError: no opening there, one for another board, or one that breaks the rules.
    """
    openings: dict[object, GameRecord] = {}
    for source, data in iter_files([path]):
        for record in read_sgf(data, source):
            if record.size != size:
                raise HayagoError(f"{record.source}: an opening for {record.size}x{record.size}, not {size}x{size}")
            opening = record._replace(moves=record.moves[:moves])
            opening_board(opening, superko=superko)
            openings.setdefault(_key(opening), opening)
    return list(openings.values())


def sample_openings(count: int, size: int, moves: int, seed: int) -> list[GameRecord]:
    """So many different openings, each of so many moves; the same for the same seed.

    Where the network in the box knows the board size, it plays them as the people whose games it has learned
    from; else they are drawn by lot among the points from the third line up (from all on boards smaller than 9x9).

    Raises:
        HayagoError: there are not so many.
    """
    choose = _chooser(size, seed)
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
    """A short hash of the positions and moves, whatever else the records say."""
    digest = hashlib.sha256()
    for opening in openings:
        digest.update(repr(_key(opening)).encode())
    return digest.hexdigest()[:16]


def _key(opening: GameRecord) -> tuple[object, ...]:
    return opening.setup_black, opening.setup_white, opening.to_play, opening.moves.tobytes()


def _chooser(size: int, seed: int) -> Callable[[Board], int]:
    if default_model_path().exists():
        model = load_model()
        if model.info.board_size == size:
            player = Player(make_evaluator(model, threads=1), LIKE_HUMAN, seed=seed)

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
    """An opening; a shorter one where the chooser passes."""
    board = Board(size, superko=True)  # legal whichever rule the match has
    while len(board.moves) < moves:
        point = choose(board)
        if point == board.pass_point:
            break
        board.play(point)
    return GameRecord(size, None, 0, "", (), (), move_codes(board.moves), "", "", "", "", "", "", "", BLACK, source, "")
