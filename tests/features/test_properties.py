"""Properties of board and planes over random legal games on sizes 2 to 19.

The games begin with set-up stones or without, hold passes, and one colour may move twice in a row. They are played in
a small square somewhere on the board and wherever chains are short of liberties, so that there are fights, kos and
ladders at once, at the edge and in the centre.
"""

from collections import Counter
from random import Random

import numpy as np
import pytest
import sgfmill.boards
from hypothesis import given, settings
from hypothesis import strategies as st

from comparison import Game, as_games, broken_laws, check_one_hot, differences, everything
from hayago.features.incremental import encode_positions
from hayago.features.plain import encode, encode_packed
from hayago.features.planes import unpack
from hayago.rules.board import Board, IllegalMove
from hayago.rules.coordinates import BLACK, EMPTY, WHITE, opponent
from twin import TwinBoard, neighbours


@st.composite
def attempts(draw: st.DrawFn, largest: int = 19) -> Game:
    """A game whose moves are attempts; some are illegal.

    Played at random from a seed: what hypothesis draws varies too little to fill a board.
    """
    size = draw(st.integers(2, largest))
    side = draw(st.integers(2, min(size, 6)))
    top, left = draw(st.integers(0, size - side)), draw(st.integers(0, size - side))
    set_up, length = draw(st.integers(0, side * side)), draw(st.integers(20, 90))
    random = Random(draw(st.integers(0, 2**32)))
    places = [(top + row) * size + left + column for row in range(side) for column in range(side)]

    board = TwinBoard(size)
    stones = [(random.choice((BLACK, WHITE)), point) for point in random.sample(places, set_up)]
    if random.random() < 0.5:
        stones = around_a_ko(size, random.choice(places))
    for colour, point in stones:
        if board.legal(colour, point):
            board.play(colour, point)
    black, white = ([point for point, stone in enumerate(board.stones) if stone == c] for c in (BLACK, WHITE))

    board = TwinBoard(size)
    board.setup(black, white)
    moves, colour = [], random.choice((BLACK, WHITE))
    for _ in range(length):
        chance = random.random()
        if chance < 0.05:
            point = size * size
        elif chance < 0.1:
            point = random.choice(places)  # there may be a stone
        else:
            empty = [place for place in places if board.stones[place] == EMPTY]
            point = random.choice((chance < 0.5 and points_at_stake(board)) or empty or range(size * size))
        moves.append((colour, point))
        if board.legal(colour, point):
            board.play(colour, point)
        if random.random() < 0.9:
            colour = opponent(colour)
    return Game(size, black, white, moves)


def around_a_ko(size: int, point: int) -> list[tuple[int, int]]:
    """A white stone on `point`, and stones that let Black take it in a ko at the point below or above."""
    taker = point + size if point + size < size * size else point - size
    beside = neighbours(size)
    black, white = ([p for p in beside[a] if p != b] for a, b in ((point, taker), (taker, point)))
    return [(WHITE, point)] + [(BLACK, p) for p in black] + [(WHITE, p) for p in white]


def points_at_stake(board: TwinBoard) -> list[int]:
    """Where chains with one liberty have it; if there are none, where those with two have them."""
    liberties = [board.liberties(point) for point, stone in enumerate(board.stones) if stone]
    fewest = min(map(len, liberties), default=0)
    return sorted(set().union(*(points for points in liberties if len(points) == fewest < 3)))


def legal_part(game: Game) -> Game:
    """The game without the attempts that are illegal."""
    board = twin_of(game)
    moves = []
    for colour, point in game.moves:
        if board.legal(colour, point):
            board.play(colour, point)
            moves.append((colour, point))
    return game._replace(moves=moves)


def tolerable_part(game: Game) -> Game:
    """The game without the attempts on stones: suicides and breaches of the ko stay, as in other programs' games."""
    board = twin_of(game)
    moves = []
    for colour, point in game.moves:
        if point == game.size**2 or board.stones[point] == EMPTY:
            board.play(colour, point)
            moves.append((colour, point))
    return game._replace(moves=moves)


def twin_of(game: Game) -> TwinBoard:
    board = TwinBoard(game.size)
    board.setup(game.black, game.white)
    return board


def board_of(game: Game, *, superko: bool = False) -> Board:
    board = Board(game.size, superko=superko)
    board.setup(game.black, game.white)
    return board


legal_games = attempts().map(legal_part)


@given(legal_games)
def test_planes_equal_the_twin_and_keep_the_laws(game: Game) -> None:
    """Every position of the game; on a large board the twin judges every third."""
    games = as_games([game._replace(moves=[*game.moves, (BLACK, 0)])])  # the last move only says who is to play
    ply = np.arange(len(game.moves) + 1)
    which = np.zeros(len(ply), np.int64)
    rows, _ = encode_positions(games, which, ply, np.zeros(len(ply), np.uint8))
    check_one_hot(unpack(rows, 48, game.size))
    broken = broken_laws(games, which, ply)
    assert not broken, broken[0]
    some = ply[:: 1 if game.size < 7 else 3]
    wrong = differences(games, which[: len(some)], some, (some % 8).astype(np.uint8))
    assert not wrong, wrong[0]


@given(attempts().map(tolerable_part))
def test_suicides_and_breaches_of_the_ko_leave_the_planes_right(game: Game) -> None:
    games = as_games([game._replace(moves=[*game.moves, (WHITE, 0)])])
    ply = np.arange(len(game.moves), -1, -4)[::-1].copy()
    wrong = differences(games, np.zeros(len(ply), np.int64), ply, (ply % 8).astype(np.uint8))
    assert not wrong, wrong[0]
    board = board_of(game)
    for colour, point in game.moves:
        board.play_tolerant(point, colour)
    board.to_play = WHITE
    last, _ = encode_positions(games, np.array([0]), np.array([len(game.moves)]), np.zeros(1, np.uint8))
    np.testing.assert_array_equal(encode_packed(board), last[0])


@given(legal_games)
def test_the_board_equals_the_twin_and_undo_is_exact(game: Game) -> None:
    """After each move the board is the twin's; undone and played again, it is what it was, planes included."""
    board, twin = board_of(game), twin_of(game)
    states = [(everything(board), encode(board).tobytes())]
    for colour, point in game.moves:
        board.play(point, colour)
        twin.play(colour, point)
        assert board.grid().reshape(-1).tolist() == twin.stones
        assert board.ko_point == twin.ko
        assert board.to_play == opponent(colour)
        assert board.last_move == point
        for p in np.flatnonzero(twin.stones).tolist():
            assert board.chain(p) == twin.chain(p)
            assert board.liberties(p) == len(twin.liberties(p))
        states.append((everything(board), encode(board).tobytes()))
    for c in (BLACK, WHITE):
        eyes = twin.true_eyes(c)
        legal = [twin.legal(c, p) for p in range(game.size**2)]
        assert board.legal_points(c).tolist() == [*legal, True]
        assert np.flatnonzero(board.true_eyes(c)).tolist() == sorted(eyes)
        assert board.sensible_points(c).tolist() == [may and p not in eyes for p, may in enumerate(legal)]
    copy = board.copy()
    for state in reversed(states[:-1]):
        board.undo()
        assert (everything(board), encode(board).tobytes()) == state
    with pytest.raises(ValueError, match="nothing to undo"):
        board.undo()
    for (colour, point), state in zip(game.moves, states[1:], strict=True):
        board.play(point, colour)
        assert (everything(board), encode(board).tobytes()) == state
    assert everything(copy) == everything(board)


@given(attempts())
def test_stones_captures_ko_and_legality_equal_sgfmill(game: Game) -> None:
    size, marks = game.size, {BLACK: "b", WHITE: "w", EMPTY: None}
    board, oracle = board_of(game), sgfmill.boards.Board(size)
    assert oracle.apply_setup(*([divmod(point, size) for point in points] for points in (game.black, game.white, [])))
    ko, taker = None, EMPTY
    for colour, point in game.moves:
        if point == size * size:
            board.play(point, colour)
            ko = None
            continue
        at = divmod(point, size)
        tried = oracle.copy()
        new_ko = None if tried.get(*at) else tried.play(*at, marks[colour])
        forbidden = at == ko and colour != taker  # who has taken a ko may fill it
        legal = oracle.get(*at) is None and not forbidden and tried.get(*at) is not None
        assert board.is_legal(point, colour) == legal, f"{board}\n{at}"
        if not legal:
            with pytest.raises(IllegalMove):
                board.play(point, colour)
            continue
        before = Counter(stone for row in oracle.board for stone in row)
        captures = dict(board.captures)
        board.play(point, colour)
        oracle, ko, taker = tried, new_ko, colour
        assert board.ko_point == (None if ko is None else ko[0] * size + ko[1])
        assert [[marks[stone] for stone in row] for row in board.grid().tolist()] == oracle.board
        after = Counter(stone for row in oracle.board for stone in row)
        captures[colour] += before[marks[opponent(colour)]] - after[marks[opponent(colour)]]
        assert board.captures == captures
    assert board.area_score() == oracle.area_score()


@given(attempts(largest=5))
def test_hashes_are_those_of_the_stones_and_superko_of_the_hashes(game: Game) -> None:
    """Superko forbids the moves that bring back a hash, and hashes differ if the stones do."""
    board = board_of(game, superko=True)
    stones_of = {board.position_hash: board.grid().tobytes()}
    for colour, point in game.moves:
        after = board.copy()
        after.superko = False
        allowed = after.is_legal(point, colour)
        if allowed:
            after.play(point, colour)
        fresh = after.position_hash not in stones_of or point == board.pass_point
        assert board.is_legal(point, colour) == (allowed and fresh)
        assert board.legal_points(colour)[point] == (allowed and fresh)
        if not (allowed and fresh):
            continue
        board.play(point, colour)
        grid = board.grid().tobytes()
        assert board.position_hash == after.position_hash
        assert stones_of.setdefault(board.position_hash, grid) == grid
        again = Board(board.size)
        again.setup(*(np.flatnonzero(board.grid().reshape(-1) == c).tolist() for c in (WHITE, BLACK)[::-1]))
        assert again.position_hash == board.position_hash, "the same stones have the same hash, however they got there"
    assert len(set(stones_of.values())) == len(stones_of)


def test_the_random_games_hold_every_hard_case() -> None:
    """Set-up stones, captures, kos, passes, a colour twice, and ladders, on boards of every size."""
    seen: Counter[str] = Counter()

    @settings(max_examples=50)
    @given(legal_games)
    def look(game: Game) -> None:
        board = twin_of(game)
        seen["small" if game.size < 7 else "large"] += 1
        seen["set-up"] += bool(game.black or game.white)
        for n, (colour, point) in enumerate(game.moves):
            stones = sum(map(bool, board.stones))
            seen["twice"] += n > 0 and game.moves[n - 1][0] == colour
            seen["pass"] += point == game.size**2
            board.play(colour, point)
            seen["ko"] += board.ko is not None
            seen["capture"] += sum(map(bool, board.stones)) < stones
            if n % 5 == 0:
                planes = board.planes(opponent(colour))
                seen["ladder capture"] += bool(planes[44].any())
                seen["ladder escape"] += bool(planes[45].any())

    look()
    for what in ("small", "large", "set-up", "twice", "pass", "ko", "capture", "ladder capture", "ladder escape"):
        assert seen[what] >= 5, (what, seen)
