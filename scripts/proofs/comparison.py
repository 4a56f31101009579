"""The encoders compared with their slow twin and with each other: random games, and the planes that differ.

What is compared: `encode_positions`, which replays whole games in the kernels, with a twin that plays the same moves;
with the plain encoder, which knows one board at a time; and with itself on the same games seen under a symmetry, or
played with the colours swapped.
A `Game` here is a size, the stones set up, and the moves as (colour, point); a pass is `size * size`.
"""

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import NamedTuple

import numpy as np

import twin
from hayago.features.incremental import encode_positions
from hayago.features.plain import encode_packed
from hayago.features.planes import PLANES, SLICE, plane_name, row_bytes, unpack
from hayago.records.games import POINT_MASK, WHITE_BIT, Games
from hayago.rules.board import Board
from twin import BLACK, WHITE, TwinBoard, opponent

PLANE_NAMES = [plane_name(plane) for plane in range(PLANES)]


class Game(NamedTuple):
    """A game as a test writes it down."""

    size: int
    black: list[int]
    white: list[int]
    moves: list[tuple[int, int]]


class Difference(NamedTuple):
    """One plane at one position where the encoder disagrees with the twin, or with itself."""

    game: int
    ply: int
    seen: str
    plane: str
    found: np.ndarray
    expected: np.ndarray

    def __str__(self) -> str:
        where = f"game {self.game}, ply {self.ply}, {self.seen}, {self.plane}"
        return f"{where}: found\n{self.found}\nexpected\n{self.expected}"


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


def everything(board: Board) -> tuple[object, ...]:
    """All that a board shows of its state, to compare two boards, or one board at two times."""
    return (
        board.grid().tobytes(),
        board.to_play,
        board.ko_point,
        list(board.moves),
        dict(board.captures),
        board.position_hash,
        board.last_move,
        board.legal_points(BLACK).tobytes(),
        board.legal_points(WHITE).tobytes(),
        [(board.liberties(point), board.chain(point)) for point in np.flatnonzero(board.grid()).tolist()],
        str(board),
    )


def moves_of(games: Games, game: int) -> list[tuple[int, int]]:
    """The moves of one of the games as (colour, point)."""
    codes = games.codes[games.offsets[game] : games.offsets[game + 1]]
    return [(_colour(code), _point(code)) for code in codes.tolist()]


def _setup(games: Games, game: int) -> tuple[list[int], list[int]]:
    """The points of the black and of the white stones that one of the games sets up."""
    stones = games.setup[games.setup_offsets[game] : games.setup_offsets[game + 1]].tolist()
    black, white = ([_point(code) for code in stones if _colour(code) == colour] for colour in (BLACK, WHITE))
    return black, white


def board_at_start(games: Games, game: int) -> Board:
    """A board with the stones that one of the games sets up."""
    board = Board(games.size)
    board.setup(*_setup(games, game))
    return board


def twin_at_start(games: Games, game: int) -> TwinBoard:
    """A twin board with the stones that one of the games sets up."""
    board = TwinBoard(games.size)
    board.setup(*_setup(games, game))
    return board


def positions_of(games: Games) -> tuple[np.ndarray, np.ndarray]:
    """Every (game, ply) whose move is not a pass, as int64 (K,) twice."""
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

    A position of the same game as the one before, with a higher ply, is played from there.
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


def _goes_to(size: int, symmetry: int) -> np.ndarray:
    """Where a symmetry takes each point, the pass to itself: uint16 (size * size + 1,)."""
    points = np.arange(size * size + 1, dtype=np.uint16)
    goes_to = points.copy()
    goes_to[seen_under(points[:-1].reshape(size, size), symmetry).reshape(-1)] = points[:-1]
    return goes_to


def games_seen_under(games: Games, symmetry: int) -> Games:
    """The same games on boards seen under a symmetry."""
    goes_to = _goes_to(games.size, symmetry)

    def seen(codes: np.ndarray) -> np.ndarray:
        return goes_to[codes & POINT_MASK] | codes & np.uint16(WHITE_BIT)

    setup = seen(games.setup)
    for start, stop in zip(games.setup_offsets, games.setup_offsets[1:], strict=False):
        setup[start:stop] = sorted(setup[start:stop], key=_point)
    return games._replace(codes=seen(games.codes), setup=setup)


def games_with_swapped_colours(games: Games) -> Games:
    """The same games with every black stone white and every white one black."""
    return games._replace(codes=games.codes ^ np.uint16(WHITE_BIT), setup=games.setup ^ np.uint16(WHITE_BIT))


def plain_rows(
    games: Games, game: np.ndarray, ply: np.ndarray, symmetry: np.ndarray, planes: int = PLANES
) -> np.ndarray:
    """The rows of positions, uint8 (K, row_bytes), by the plain encoder. The positions are those of whole games in
    order: a position of the same game as the one before has at least its ply."""
    rows = np.empty((len(game), row_bytes(planes, games.size)), np.uint8)
    at: tuple[int, int] = (-1, 0)
    for k, (g, p) in enumerate(zip(game.tolist(), ply.tolist(), strict=True)):
        if at[0] != g:
            board, moves, at = board_at_start(games, g), moves_of(games, g), (g, 0)
        for colour, point in moves[at[1] : p]:
            board.play_tolerant(point, colour)
        at = (g, p)
        board.to_play = moves[p][0]
        rows[k] = encode_packed(board, planes, int(symmetry[k]))
    return rows


def encoded_in_turn(
    games: Games, game: np.ndarray, ply: np.ndarray, symmetry: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Planes (K, 48, size, size) and labels of positions, encoded among all positions before them, one after the other.

    So the encoder can use what it keeps from one position to the next. No position may be asked for twice.
    """
    until = np.zeros(len(games.offsets) - 1, np.int64)
    np.maximum.at(until, game, ply + 1)
    start = np.cumsum(until) - until
    all_games = np.repeat(np.arange(len(until)), until)
    all_symmetries = np.zeros(len(all_games), np.uint8)
    asked = start[game] + ply
    all_symmetries[asked] = symmetry
    rows, labels = encode_positions(games, all_games, np.arange(len(all_games)) - start[all_games], all_symmetries)
    return unpack(rows[asked], 48, games.size), labels[asked]


def differences(games: Games, game: np.ndarray, ply: np.ndarray, symmetry: np.ndarray) -> list[Difference]:
    """Each plane of each position in which the encoder differs from the twin; labels are compared too.

    Each position is encoded twice: in its turn, and alone.
    """
    found, labels = encoded_in_turn(games, game, ply, symmetry)
    alone = unpack(encode_positions(games, game, ply, symmetry)[0], 48, games.size)
    wrong = []
    for k, (planes, point) in enumerate(twin_planes(games, game, ply)):
        expected = seen_under(planes, int(symmetry[k]))
        where = int(game[k]), int(ply[k]), f"seen under symmetry {symmetry[k]}"
        for plane in np.flatnonzero((found[k] != expected).any(axis=(1, 2))):
            wrong.append(Difference(*where, PLANE_NAMES[plane], found[k, plane], expected[plane]))
        where = int(game[k]), int(ply[k]), f"encoded alone, seen under symmetry {symmetry[k]}"
        for plane in np.flatnonzero((alone[k] != expected).any(axis=(1, 2))):
            wrong.append(Difference(*where, PLANE_NAMES[plane], alone[k, plane], expected[plane]))
        label = _goes_to(games.size, int(symmetry[k]))[point]
        if labels[k] != label:
            wrong.append(Difference(*where, "label", labels[k], label))
    return wrong


def broken_laws(games: Games, game: np.ndarray, ply: np.ndarray) -> list[Difference]:
    """Each plane of each position in which a law is broken.

    The laws: a game played under one of the 8 symmetries has the planes under that symmetry, and swapped colours change
    nothing. So each position is seen in 16 ways.
    """
    plain = np.zeros(len(game), np.uint8)
    planes, _ = encoded_in_turn(games, game, ply, plain)
    wrong = []
    for symmetry in range(8):
        expected = seen_under(planes, symmetry)
        played = games_seen_under(games, symmetry)
        for seen, other in (
            (f"played under symmetry {symmetry}", played),
            (f"played under symmetry {symmetry} with swapped colours", games_with_swapped_colours(played)),
        ):
            found, _ = encoded_in_turn(other, game, ply, plain)
            for k, plane in np.argwhere((found != expected).any(axis=(2, 3))):
                where = int(game[k]), int(ply[k]), seen
                wrong.append(Difference(*where, PLANE_NAMES[plane], found[k, plane], expected[k, plane]))
    return wrong


def check_one_hot(planes: np.ndarray) -> None:
    """The laws that planes (B, 48, size, size) obey in every position."""
    marks = {name: planes[:, where].sum(axis=1) for name, where in SLICE.items()}
    empty, legal = planes[:, 2], marks["capture_size"]
    assert (marks["stone_colour"] == 1).all()
    assert (marks["ones"] == 1).all()
    assert (marks["zeros"] == 0).all()
    np.testing.assert_array_equal(marks["turns_since"], 1 - empty)
    np.testing.assert_array_equal(marks["liberties"], 1 - empty)
    assert (legal <= empty).all()
    np.testing.assert_array_equal(marks["liberties_after"], legal)
    # A self-atari is a legal point with one liberty after the move.
    np.testing.assert_array_equal(marks["self_atari_size"], planes[:, SLICE["liberties_after"]][:, 0])
    for name in ("sensibleness", "ladder_capture", "ladder_escape"):
        assert (marks[name] <= legal).all(), name


class LadderCount:
    """Counts the ladders that the twin reads inside a `with`, and those in which a line reached the limit of moves.

    A ladder is one first move: of the hunter against a chain of two liberties, or of a chain in atari.
    """

    read = met_limit = 0

    def __enter__(self) -> "LadderCount":
        self._kept = twin.hunt_works, twin.escape_works
        self._depth, self._cut = 0, False
        twin.hunt_works, twin.escape_works = (self._watched(works) for works in self._kept)
        return self

    def __exit__(self, *_: object) -> None:
        twin.hunt_works, twin.escape_works = self._kept

    def _watched(self, works: Callable[..., bool]) -> Callable[..., bool]:
        def read(position: twin.Position, prey: int, point: int, hunter_moves: int = twin.HUNTER_MOVES) -> bool:
            self._cut = self._depth > 0 and (self._cut or (works is self._kept[0] and hunter_moves == 0))
            self._depth += 1
            result = works(position, prey, point, hunter_moves)
            self._depth -= 1
            if self._depth == 0:
                self.read += 1
                self.met_limit += self._cut
            return result

        return read
