"""The encoder beside its slow twin: random games, and the planes in which the two differ.

What is compared: `encode_positions`, which replays whole games in the kernels, with a twin that plays the same moves.
A `Game` here is a size, the stones set up, and the moves as (colour, point); a pass is `size * size`.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

import numpy as np

from hayago.features.encoder import encode_positions
from hayago.features.planes import FEATURES, SLICE, unpack
from hayago.records.games import POINT_MASK, WHITE_BIT, Games
from twin import BLACK, WHITE, TwinBoard, opponent

PLANE_NAMES = [
    f"{feature.name}[{plane}]" if feature.planes > 1 else feature.name
    for feature in FEATURES
    for plane in range(SLICE[feature.name].stop - SLICE[feature.name].start)
]


class Game(NamedTuple):
    """A game as a test writes it down."""

    size: int
    black: list[int]
    white: list[int]
    moves: list[tuple[int, int]]


class Difference(NamedTuple):
    """One plane at one position where the encoder and the twin disagree."""

    game: int
    ply: int
    symmetry: int
    plane: str
    found: np.ndarray
    expected: np.ndarray

    def __str__(self) -> str:
        where = f"game {self.game}, ply {self.ply}, symmetry {self.symmetry}, {self.plane}"
        return f"{where}: found\n{self.found}\nthe twin has\n{self.expected}"


def random_game(random: Random, size: int, length: int, set_up: int = 0) -> Game:
    """Random legal moves, with passes and, now and then, one colour twice, after `set_up` random moves as set-up.

    Half of the moves are played beside the move before, where the fights, ladders and kos are.
    """
    board = TwinBoard(size)
    colour = random.choice((BLACK, WHITE))
    for _ in range(set_up):
        board.play(colour, _random_point(random, board, colour, None))
        colour = opponent(colour)
    black, white = ([point for point, stone in enumerate(board.stones) if stone == c] for c in (BLACK, WHITE))
    board = TwinBoard(size)
    board.setup(black, white)
    moves: list[tuple[int, int]] = []
    while len(moves) < length:
        point = _random_point(random, board, colour, moves[-1][1] if moves else None)
        board.play(colour, point)
        moves.append((colour, point))
        if random.random() > 0.06:
            colour = opponent(colour)
    return Game(size, black, white, moves)


def _random_point(random: Random, board: TwinBoard, colour: int, last: int | None) -> int:
    """A legal point, or a pass once in 30 times and where no legal point is found soon."""
    size = board.size
    for _ in range(0 if random.random() < 1 / 30 else 30):
        if last is not None and last < size * size and random.random() < 0.5:
            r, c = divmod(last, size)
            r, c = r + random.randint(-2, 2), c + random.randint(-2, 2)
            if not (0 <= r < size and 0 <= c < size):
                continue
            point = r * size + c
        else:
            point = random.randrange(size * size)
        if board.legal(colour, point):
            return point
    return size * size


def as_games(games: Sequence[Game]) -> Games:
    """Games of one size as the flat arrays that the encoder reads."""
    moves = [[_code(colour, point) for colour, point in game.moves] for game in games]
    stones = [
        sorted([_code(BLACK, p) for p in game.black] + [_code(WHITE, p) for p in game.white], key=_point)
        for game in games
    ]
    return Games(games[0].size, *_flat(moves), *_flat(stones))


def _code(colour: int, point: int) -> int:
    return point | (WHITE_BIT if colour == WHITE else 0)


def _point(code: int) -> int:
    return code & POINT_MASK


def _colour(code: int) -> int:
    return WHITE if code & WHITE_BIT else BLACK


def _flat(lists: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    codes = np.array([code for codes in lists for code in codes], dtype=np.uint16)
    return codes, np.cumsum([0] + [len(codes) for codes in lists], dtype=np.int64)


def moves_of(games: Games, game: int) -> list[tuple[int, int]]:
    """The moves of one of the games as (colour, point)."""
    codes = games.codes[games.offsets[game] : games.offsets[game + 1]]
    return [(_colour(code), _point(code)) for code in codes.tolist()]


def twin_at_start(games: Games, game: int) -> TwinBoard:
    """A twin board with the stones that one of the games sets up."""
    stones = games.setup[games.setup_offsets[game] : games.setup_offsets[game + 1]].tolist()
    board = TwinBoard(games.size)
    board.setup(
        [_point(code) for code in stones if _colour(code) == BLACK],
        [_point(code) for code in stones if _colour(code) == WHITE],
    )
    return board


def positions_of(games: Games) -> tuple[np.ndarray, np.ndarray]:
    """Every (game, ply) whose move is no pass, as int64 (K,) twice."""
    pairs = [
        (game, ply)
        for game in range(len(games.offsets) - 1)
        for ply, (_, point) in enumerate(moves_of(games, game))
        if point < games.size**2
    ]
    game, ply = np.array(pairs, dtype=np.int64).T
    return game, ply


def twin_planes(games: Games, game: np.ndarray, ply: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
    """For each position the twin's planes (48, size, size) and the point played there.

    A position of the same game with a higher ply than the one before goes on from there.
    """
    at: tuple[int, int] = (-1, 0)
    for g, p in zip(game.tolist(), ply.tolist(), strict=True):
        if at[0] != g or at[1] > p:
            board, moves, at = twin_at_start(games, g), moves_of(games, g), (g, 0)
        for move in moves[at[1] : p]:
            board.play(*move)
        at = (g, p)
        colour, point = moves[p]
        yield board.planes(colour), point


def seen_under(planes: np.ndarray, symmetry: int) -> np.ndarray:
    """Planes (..., size, size) under a symmetry: bit 0 flips the columns, bit 1 the rows, bit 2 then transposes."""
    if symmetry & 1:
        planes = planes[..., ::-1]
    if symmetry & 2:
        planes = planes[..., ::-1, :]
    return np.swapaxes(planes, -1, -2) if symmetry & 4 else planes


def differences(games: Games, game: np.ndarray, ply: np.ndarray, symmetry: np.ndarray) -> list[Difference]:
    """Each plane of each position in which the encoder differs from the twin; labels are compared too."""
    rows, labels = encode_positions(games, game, ply, symmetry)
    found = unpack(rows, 48, games.size)
    wrong = []
    for k, (planes, point) in enumerate(twin_planes(games, game, ply)):
        where = int(game[k]), int(ply[k]), int(symmetry[k])
        expected = seen_under(planes, where[2])
        for plane in np.flatnonzero((found[k] != expected).any(axis=(1, 2))):
            wrong.append(Difference(*where, PLANE_NAMES[plane], found[k, plane], expected[plane]))
        point_plane = np.zeros((games.size, games.size), dtype=np.uint8)
        point_plane.flat[point] = 1
        label_plane = np.zeros_like(point_plane)
        label_plane.flat[labels[k]] = 1
        if not np.array_equal(label_plane, seen_under(point_plane, where[2])):
            wrong.append(Difference(*where, "label", label_plane, seen_under(point_plane, where[2])))
    return wrong
