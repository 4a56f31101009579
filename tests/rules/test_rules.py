"""The rules through the board's public face: known counts, single rules, coordinates. Random games: test_properties."""

import pickle
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

import numpy as np
import pytest

from comparison import everything
from diagrams import drawn_board
from hayago.errors import HayagoError
from hayago.rules.board import Board, IllegalMove
from hayago.rules.coordinates import BLACK, WHITE, handicap_points, pass_point, point_to_vertex, vertex_to_point
from hayago.rules.symmetry import inverse, point_maps
from twin import TwinBoard


def drawing_of(board: Board) -> list[str]:
    return ["".join(".XO"[stone] for stone in row) for row in board.grid()]


# --- counts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "positions"), [(1, 1), (2, 57), pytest.param(3, 12675, marks=pytest.mark.slow)])
def test_legal_positions_reachable(size: int, positions: int) -> None:
    """The known numbers of legal positions, all reached by play and passes (Tromp and Farnebäck, 2007)."""
    frontier = [Board(size)]
    seen = {state_of(frontier[0])}
    for board in frontier:
        for point in np.flatnonzero(board.legal_points()).tolist():
            after = board.copy()
            after.play(point)
            if state_of(after) not in seen:
                seen.add(state_of(after))
                frontier.append(after)
    assert len({stones for stones, _, _ in seen}) == positions


def state_of(board: Board) -> tuple[bytes, int, int | None]:
    """What the moves to come depend on."""
    return board.grid().tobytes(), board.to_play, board.ko_point


# --- single rules -----------------------------------------------------------------------------------------------------


def test_sizes() -> None:
    for size in (1, 19):
        assert Board(size).grid().shape == (size, size)
    for size in (0, 20):
        with pytest.raises(ValueError, match=str(size)):
            Board(size)


def test_strict_play_refuses_and_leaves_the_board() -> None:
    board = drawn_board(
        """
        . X O . .
        X X O . .
        O O . . .
        . . . . .
        . . . . .
        """
    )
    before = everything(board)
    for point, reason in [(0, "suicide"), (1, "occupied"), (26, "board"), (-1, "board")]:
        assert not board.is_legal(point)
        with pytest.raises(IllegalMove, match=reason) as caught:
            board.play(point)
        assert everything(board) == before
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, HayagoError)
    with pytest.raises(IllegalMove, match="A5") as caught:
        board.play(0)
    assert str(board) in str(caught.value)


def test_captures_are_counted() -> None:
    board = drawn_board(
        """
        . O X . .
        O X . . .
        X . . . .
        . . . . .
        . . . . .
        """
    )
    board.play(0)
    assert board.captures == {BLACK: 2, WHITE: 0}
    assert drawing_of(board)[:2] == ["X.X..", ".X..."]
    board.undo()
    assert board.captures == {BLACK: 0, WHITE: 0}
    assert drawing_of(board)[:2] == [".OX..", "OX..."]


KO = """
    . X O . .
    X O . O .
    . X O . .
    . . . . .
    . . . . .
    """


def test_ko() -> None:
    board = drawn_board(KO)
    board.play(7)
    assert board.ko_point == 6
    with pytest.raises(IllegalMove, match="ko"):
        board.play(6)
    board.play(25)
    assert board.ko_point is None
    board.undo()
    assert board.ko_point == 6, "undoing a pass brings the ko back"
    board.play(24)
    assert board.ko_point is None
    board.play(20)
    board.play(6)
    assert board.ko_point == 7


def test_tolerant_play() -> None:
    board = drawn_board(KO)
    board.play(7)
    board.play_tolerant(6, WHITE)
    assert drawing_of(board)[1] == "XO.O."
    assert board.ko_point == 7
    assert board.to_play == BLACK

    board = drawn_board(
        """
        . X O . .
        X X O . .
        O O . . .
        . . . . .
        . . . . .
        """
    )
    before = everything(board)
    board.play_tolerant(0, BLACK)
    assert drawing_of(board)[:3] == ["..O..", "..O..", "OO..."]
    assert board.ko_point is None
    board.undo()
    assert everything(board) == before
    with pytest.raises(IllegalMove, match="occupied"):
        board.play_tolerant(1, WHITE)
    assert everything(board) == before
    board.play_tolerant(25, BLACK)
    board.play_tolerant(0, WHITE)
    assert board.captures == {BLACK: 0, WHITE: 3}


def test_superko_forbids_every_earlier_position() -> None:
    """On small boards games run in circles soon: what would bring back an earlier position is what is illegal."""
    repeats = 0
    for seed in range(30):
        random = Random(seed)
        size = random.choice((2, 2, 3))
        board, twin = Board(size, superko=True), TwinBoard(size)
        seen = {tuple(twin.stones)}
        for _ in range(40):
            colour, legal = board.to_play, []
            for point in range(size * size):
                if twin.legal(colour, point):
                    fresh = tuple(twin.stones_after(colour, point)) not in seen
                    repeats += not fresh
                    if fresh:
                        legal.append(point)
            assert np.flatnonzero(board.legal_points()).tolist() == [*legal, size * size]
            point = random.choice(legal or [size * size])
            board.play(point)
            twin.play(colour, point)
            seen.add(tuple(twin.stones))
    assert repeats > 20


def test_a_board_after_some_of_its_moves() -> None:
    board = drawn_board(KO, superko=True)
    boards = [board.copy()]
    for colour, point in ((BLACK, 7), (WHITE, 25), (WHITE, 24), (BLACK, 25)):  # White twice, as records have it
        board.play_tolerant(point, colour)
        boards.append(board.copy())
    for moves, before in enumerate(boards):
        after = board.after(moves)
        assert drawing_of(after) == drawing_of(before) and after.ko_point == before.ko_point
        assert (after.moves, after.captures, after.superko) == (before.moves, before.captures, True)
        assert after.legal_points(WHITE).tolist() == before.legal_points(WHITE).tolist()
    assert [board.after(moves).to_play for moves in range(5)] == [BLACK, WHITE, WHITE, BLACK, WHITE]
    for moves in (-1, 5):
        with pytest.raises(ValueError, match=f"not {moves}"):
            board.after(moves)


def test_superko_after_undo_and_in_tolerant_play() -> None:
    # White takes two and Black takes one back: the position of the beginning, which simple ko allows.
    sending_two = """
        . O X . X
        . . X X X
        X X X X X
        X X X X X
        X X X X X
        """
    for superko in (False, True):
        board = drawn_board(sending_two, WHITE, superko=superko)
        board.play(0)
        board.play(5)
        board.play(25)
        board.play(6)
        assert drawing_of(board)[:2] == ["..X.X", "XXXXX"]
    board = drawn_board(KO, superko=True)
    board.play(7)
    assert not board.is_legal(6)
    board.play(25)
    board.play(25)
    assert not board.is_legal(6), "a pass changes no stones"
    board.play_tolerant(6, WHITE)
    assert drawing_of(board)[1] == "XO.O."
    for _ in range(4):
        board.undo()
    assert board.is_legal(7)


def test_set_up_stones() -> None:
    board = drawn_board(KO, WHITE)
    assert board.to_play == WHITE
    assert sorted(board.setup_stones) == sorted(
        [(BLACK, point) for point in (1, 5, 11)] + [(WHITE, point) for point in (2, 6, 8, 12)]
    )
    assert board.moves == []
    assert board.last_move is None
    with pytest.raises(ValueError, match="nothing to undo"):
        board.undo()
    board.play(24)
    with pytest.raises(ValueError):
        board.setup([0], [])
    for black, white in ([3, 3], []), ([3], [3]), ([25], []), ([1, 5], [0]):
        with pytest.raises(ValueError):
            Board(5).setup(black, white)


def test_no_colour_and_no_stone() -> None:
    board = drawn_board(KO)
    assert board.chain(24) == frozenset()
    assert board.liberties(24) == 0
    assert board != "a board"


def test_who_takes_a_ko_may_fill_it() -> None:
    """The simple ko forbids the opponent to take back at once, and nothing else."""
    for superko in (False, True):
        board = drawn_board(KO, superko=superko)
        board.play(7)
        assert board.ko_point == 6
        assert not board.is_legal(6, WHITE) and not board.legal_points(WHITE)[6]
        assert board.is_legal(6, BLACK) and board.legal_points(BLACK)[6]
        with pytest.raises(IllegalMove, match="takes back the ko"):
            board.play(6, WHITE)
        board.play(6, BLACK)
        assert board.ko_point is None and board.chain(6) == {1, 5, 6, 7, 11}


_NOT_POINTS: tuple[Any, ...] = (-1, 25, 26, 82, 10**9, -(10**9), 10**30, "pass", "Z9", "F1", "")
_NOT_NUMBERS: tuple[Any, ...] = (1.0, 1.5, np.float32(2.7), None, True, b"A1", [3], np.array([1, 2]))
_NOT_COLOURS: tuple[Any, ...] = (0, 3, -1, 10**30, "", "red", "x")
_WRONG_TYPES: tuple[Any, ...] = (1.0, 1.5, True, b"b", [1])


@pytest.mark.parametrize("name", ["colour_at", "chain", "liberties", "chain_liberties"])
def test_only_points_of_the_board_can_be_looked_at(name: str) -> None:
    board = drawn_board(KO)
    board.play(7)
    look = getattr(board, name)
    assert look(np.uint8(7)) == look(np.int64(7)) == look("C4") == look(7)
    for point in _NOT_POINTS:
        with pytest.raises(ValueError):
            look(point)
    for point in _NOT_NUMBERS:
        with pytest.raises(TypeError, match="not a whole number"):
            look(point)
    with pytest.raises(ValueError, match="not a point of a 5x5 board: 81"):
        look(81)


def test_moves_are_vertices_or_whole_numbers() -> None:
    board = Board(5)
    for point in _NOT_NUMBERS:
        for method in (board.is_legal, board.play, lambda move: board.play_tolerant(move, BLACK)):
            with pytest.raises(TypeError, match="not a whole number"):
                method(point)
        with pytest.raises(TypeError, match="not a whole number"):
            board.setup([point])
    for point in (-1, 26, 10**30):
        assert not board.is_legal(point)
        for method in (board.play, lambda move: board.play_tolerant(move, BLACK)):
            with pytest.raises(IllegalMove, match="off the board"):
                method(point)
        with pytest.raises(ValueError, match="off the board"):
            board.setup(white=[point])
    assert board == Board(5) and not board.moves
    board.play(np.uint8(3))
    board.play_tolerant("A1", "white")
    assert board.moves == [(BLACK, 3), (WHITE, 20)]
    assert {type(number) for move in board.moves for number in move} == {int}


def test_colours_are_one_check_everywhere() -> None:
    board = drawn_board(KO)
    methods = (
        lambda colour: board.is_legal(24, colour),
        lambda colour: board.play(24, colour),
        lambda colour: board.play_tolerant(24, colour),
        board.legal_points,
        board.sensible_points,
        board.true_eyes,
        board.enclosed_points,
        lambda colour: Board(5).setup(to_play=colour),
    )
    for method in methods:
        for colour in _NOT_COLOURS:
            with pytest.raises(ValueError, match="not a colour"):
                method(colour)
        for colour in _WRONG_TYPES:
            with pytest.raises(TypeError, match="a colour is not a whole number"):
                method(colour)
    with pytest.raises(ValueError, match="not a colour: None"):
        Board(5).setup(to_play=None)  # type: ignore[arg-type]
    assert not board.moves
    for name in ("legal_points", "sensible_points", "true_eyes", "enclosed_points"):
        for given in ("w", "White", np.int8(WHITE)):
            assert getattr(board, name)(given).tolist() == getattr(board, name)(WHITE).tolist()
    other = Board(5)
    other.setup(["A1"], [np.int16(3)], to_play="white")
    assert other.to_play == WHITE and other.setup_stones == ((BLACK, 20), (WHITE, 3))


def test_what_a_board_is_made_of() -> None:
    for size in (19.0, True, "19", None, np.float32(9), b"9"):
        with pytest.raises(TypeError, match="board size is not a whole number"):
            Board(size)  # type: ignore[arg-type]
    for side in (0, 20, -1, np.int8(-3)):
        with pytest.raises(ValueError, match="board size is not 1 to 19"):
            Board(side)  # type: ignore[arg-type]
    for number in (np.int8(19), np.uint8(19), np.int64(19)):
        board = Board(number)  # type: ignore[arg-type]
        assert type(board.size) is int and board.pass_point == 361 and board.legal_points().all()
    for superko in ("no", 1, None, 0.0):
        with pytest.raises(TypeError, match="superko is neither True nor False"):
            Board(superko=superko)  # type: ignore[arg-type]
    assert Board(superko=np.True_).superko is True  # type: ignore[arg-type]


def test_no_hash_before_the_first_move() -> None:
    board = Board(5)
    assert board.position_hash_at(0) == 0
    assert board.position_hash_at(-1) is None and board.position_hash_at(1) is None


def test_two_passes_end_the_game() -> None:
    board = Board(5)
    for moves, over in (((25, 12, 25), False), ((25,), True), ((0,), False)):
        for point in moves:
            board.play(point)
        assert board.is_over == over


@pytest.mark.parametrize("copied", [Board.copy, deepcopy, lambda board: pickle.loads(pickle.dumps(board))])
def test_copies_are_independent(copied: Callable[[Board], Board]) -> None:
    board = drawn_board(KO)
    board.play(7)
    copy = copied(board)
    assert copy == board
    assert everything(copy) == everything(board)
    copy.play(24)
    assert copy != board
    assert board.ko_point == 6
    copy.undo()
    copy.undo()
    assert len(board.moves) == 1


def test_the_same_stones_have_the_same_hash() -> None:
    one, other, third = Board(9), Board(9), Board(9)
    for point in (10, 20, 30, 40):
        one.play(point)
    for point in (30, 40, 10, 20):
        other.play(point)
    for point in (20, 10, 40, 30):
        third.play(point)
    assert one.position_hash == other.position_hash != third.position_hash
    assert one == other
    assert one.position_hash != Board(9).position_hash


def test_area_score() -> None:
    assert Board(9).area_score() == 0
    assert Board(9).area_score(komi=7.5) == -7.5
    board = drawn_board(
        """
        . X . O .
        X X . O O
        . X . O .
        X X . O .
        . X . O .
        """
    )
    assert board.area_score() == 0
    board.play(7)
    assert board.area_score(komi=0.5) == 0.5
    one = Board(5)
    one.play(12)
    assert one.area_score() == 25


def test_the_drawing() -> None:
    board = drawn_board(KO)
    board.play(7)
    lines = str(board).splitlines()
    assert lines[0].split() == lines[-1].split() == ["A", "B", "C", "D", "E"]
    assert lines[2].replace(" ", "") == "4X.(X)O.4"
    assert "5x5" in repr(board)


# --- coordinates ------------------------------------------------------------------------------------------------------


def test_vertices() -> None:
    assert vertex_to_point("A19", 19) == 0
    assert vertex_to_point("T1", 19) == 360
    assert vertex_to_point("d4", 19) == vertex_to_point("D4", 19) == 15 * 19 + 3
    assert vertex_to_point("J9", 9) == 8, "there is no column I"
    assert vertex_to_point("pass", 9) == vertex_to_point("PASS", 9) == pass_point(9) == 81
    assert point_to_vertex(15 * 19 + 3, 19) == "D4"
    assert point_to_vertex(361, 19) == "PASS"
    for size in range(1, 20):
        for point in range(size * size + 1):
            vertex = point_to_vertex(point, size)
            assert vertex_to_point(vertex, size) == vertex_to_point(vertex.lower(), size) == point


@pytest.mark.parametrize("vertex", ["", "I5", "5", "D", "4D", "foo", "D4x", "D 4", "D-4", "D4.0", "é4", "D٤", "AA1"])
def test_no_vertices(vertex: str) -> None:
    with pytest.raises(ValueError, match="not a vertex"):
        vertex_to_point(vertex, 19)


@pytest.mark.parametrize("vertex", ["Z9", "K1", "A10", "A0"])
def test_vertices_off_the_board(vertex: str) -> None:
    with pytest.raises(ValueError, match=f"off the board: '{vertex}'"):
        vertex_to_point(vertex, 9)


@pytest.mark.parametrize(
    ("size", "stones", "vertices"),
    [
        (19, 2, "D4 Q16"),
        (19, 3, "D4 Q16 D16"),
        (19, 4, "D4 Q16 D16 Q4"),
        (19, 5, "D4 Q16 D16 Q4 K10"),
        (19, 6, "D4 Q16 D16 Q4 D10 Q10"),
        (19, 7, "D4 Q16 D16 Q4 D10 Q10 K10"),
        (19, 8, "D4 Q16 D16 Q4 D10 Q10 K4 K16"),
        (19, 9, "D4 Q16 D16 Q4 D10 Q10 K4 K16 K10"),
        (13, 5, "D4 K10 D10 K4 G7"),
        (12, 4, "C3 K10 C10 K3"),
        (9, 9, "C3 G7 C7 G3 C5 G5 E3 E7 E5"),
        (8, 4, "C3 F6 C6 F3"),
        (7, 4, "C3 E5 C5 E3"),
    ],
)
def test_handicap_points(size: int, stones: int, vertices: str) -> None:
    """GTP specification, version 2, section 4.1.1: fixed handicap placement."""
    assert {point_to_vertex(point, size) for point in handicap_points(stones, size)} == set(vertices.split())


@pytest.mark.parametrize(("size", "stones"), [(19, 1), (19, 10), (19, 0), (18, 5), (7, 5), (6, 2), (5, 4), (19, -1)])
def test_no_such_handicap(size: int, stones: int) -> None:
    with pytest.raises(ValueError):
        handicap_points(stones, size)


@pytest.mark.parametrize("size", [1, 2, 5, 19])
def test_symmetries_of_points(size: int) -> None:
    maps = point_maps(size)
    assert maps.dtype == np.uint16
    assert maps.shape == (8, size * size + 1)
    np.testing.assert_array_equal(maps[0], np.arange(size * size + 1))
    for symmetry in range(8):
        assert maps[symmetry, -1] == size * size
        np.testing.assert_array_equal(maps[inverse(symmetry)][maps[symmetry]], np.arange(size * size + 1))
    if size > 1:
        assert len({row.tobytes() for row in maps}) == 8
        corner = {symmetry: divmod(int(maps[symmetry, 1]), size) for symmetry in (1, 2, 4, 5)}
        last = size - 1
        assert corner == {1: (0, last - 1), 2: (last, 1), 4: (1, 0), 5: (last - 1, 0)}


# --- the front door ---------------------------------------------------------------------------------------------------


def test_moves_are_vertices_or_points() -> None:
    board, other = Board(19), Board(19)
    board.play("D4")
    board.play("q16", "white")
    board.play("pass", "B")
    other.play(15 * 19 + 3)
    other.play(3 * 19 + 15, WHITE)
    other.play(361, BLACK)
    assert board == other and board.moves == other.moves
    assert not board.is_legal("D4") and board.is_legal("D5", "w")


@pytest.mark.parametrize(("move", "colour"), [("Z99", None), ("I9", None), ("D4", "green"), ("", None)])
def test_what_is_no_move_changes_nothing(move: str, colour: str | None) -> None:
    board = Board(19)
    with pytest.raises(ValueError, match=r"vertex|colour"):
        board.play(move, colour)
    assert board == Board(19) and not board.moves


def test_boards_of_records() -> None:
    text = "(;SZ[9]AB[ee]HA[2]PL[W];W[cc];B[gg];B[gc])"
    board = Board.from_sgf(text)
    assert [point_to_vertex(point, 9) for _, point in board.moves] == ["C7", "G3", "G7"]
    assert [colour for colour, _ in board.moves] == [WHITE, BLACK, BLACK]
    assert board.setup_stones == ((BLACK, 40),)
    assert Board.from_sgf(text, 2).to_play == BLACK  # who plays next, whoever's turn it should be
    assert Board.from_sgf(text.encode(), 0).to_play == WHITE
    with pytest.raises(HayagoError, match="the game has 3 moves, not 4"):
        Board.from_sgf(text, 4)
    with pytest.raises(HayagoError, match="set-up stones: a chain that is set up has no liberty"):
        Board.from_sgf("(;SZ[2]AB[aa]AW[ab][ba])")
    with pytest.raises(HayagoError, match=r"cannot read no\.sgf"):
        Board.from_sgf("no.sgf")


def test_a_board_is_a_picture_in_notebooks() -> None:
    board = Board(9)
    board.play("C3")
    picture = board._repr_svg_()
    assert picture.startswith("<svg") and picture.count("<circle") >= 2  # star points, and the stone
