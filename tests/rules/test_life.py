"""Unconditional life, drawn by hand: positions of Benson's paper's kinds, and laws that every position must keep."""

import numpy as np
import pytest

from diagrams import rows
from hayago.rules.board import Board
from hayago.rules.kernels.frame import CELLS, framed, unframed
from hayago.rules.life import mark_unconditional


def unconditional(drawing: str) -> str:
    """What is unconditional in a drawing: `x` Black's, `o` White's, `.` neither's."""
    grid = np.array([[".XO".index(mark) for mark in row] for row in rows(drawing)], np.int8)
    owner = np.empty(CELLS, np.uint8)
    mark_unconditional(framed(grid), owner)
    return "\n".join("".join(".xo"[colour] for colour in row) for row in unframed(owner, len(grid)).reshape(grid.shape))


def check(drawing: str, expected: str) -> None:
    assert unconditional(drawing) == "\n".join(rows(expected))


def test_two_eyes_in_the_corner() -> None:
    check(
        """
        . X . X O .
        X X X X O .
        O O O O O .
        . . . . . .
        . . . . . .
        . . . . . .
        """,
        """
        xxxx..
        xxxx..
        ......
        ......
        ......
        ......
        """,
    )


def test_one_eye_and_one_liberty_outside_is_not_life() -> None:
    check(
        """
        . X . . .
        X X . . .
        . . . . .
        . . . . .
        . . . . .
        """,
        "\n".join(["....."] * 5),
    )


def test_two_headed_dragon() -> None:
    """Two chains that meet only at two eyes: each alone has false ones, together they live (Benson 1976)."""
    drawing = """
        . X X X X X X X X
        . X X O . . . . X
        . X . X . . . . X
        . O X X X . . . X
        . . . . X X . . X
        . . . . . X X O X
        . . . . . X . X X
        . . . . . O X X .
        . . . . . . . . .
    """
    check(
        drawing,
        """
        .xxxxxxxx
        .xx.....x
        .xxx....x
        ..xxx...x
        ....xx..x
        .....xx.x
        .....xxxx
        ......xx.
        .........
        """,
    )
    # With one of the eyes open, neither chain is sure of anything.
    broken = drawing.replace("O X X .", "O . X .")
    assert broken != drawing
    assert "x" not in unconditional(broken)


def test_false_eye_is_none() -> None:
    # The chain on the right meets the one on the left only at the eye A1 x 3; its other eye is one alone.
    check(
        """
        . X O . .
        X O . . .
        . X . . .
        X X . . .
        . . . . .
        """,
        "\n".join(["....."] * 5),
    )


def test_seki_is_not_unconditional() -> None:
    check(
        """
        X X . O O
        X X O O O
        X X O O O
        X X X O O
        X X . O O
        """,
        """
        .....
        .....
        .....
        .....
        .....
        """,
    )


def test_dead_stones_in_small_regions_are_territory() -> None:
    # The region on the right holds a white stone, but each of its empty points is a liberty of Black's.
    check(
        """
        . X . O .
        X X X X X
        . . . . .
        . . . . .
        . . . . .
        """,
        """
        xxxxx
        xxxxx
        .....
        .....
        .....
        """,
    )


def test_a_region_with_room_for_an_eye_is_no_territory() -> None:
    # Black lives by two small eyes; A4 lies beside no stone of Black's, so White's eye could come about there.
    check(
        """
        . X . X . . .
        X X X X . . .
        . . . X . . .
        . . . X . . .
        . . . X . . .
        X X X X . . .
        . . . . . . .
        """,
        """
        xxxx...
        xxxx...
        ...x...
        ...x...
        ...x...
        xxxx...
        .......
        """,
    )


def test_regions_beside_a_lost_chain_count_for_neither() -> None:
    # The black stone at E5 borders the second eye and is cut off: it can be taken, and then the eye is none.
    drawing = """
        . X . X . .
        X X O . . .
        . O O . . .
        . . . . . .
        . . . . . .
        . . . . . .
    """
    assert "x" not in unconditional(drawing)


def test_both_colours_at_once() -> None:
    check(
        """
        . X . X O . O .
        X X X X O O O O
        . . . . . . . .
        . . . . . . . .
        . . . . . . . .
        . . . . . . . .
        . . . . . . . .
        . . . . . . . .
        """,
        """
        xxxxoooo
        xxxxoooo
        ........
        ........
        ........
        ........
        ........
        ........
        """,
    )


def test_empty_board() -> None:
    assert set(unconditional("\n".join(["..."] * 3))) <= {".", "\n"}


@pytest.mark.parametrize("seed", range(6))
def test_what_is_unconditional_survives_any_attack(seed: int) -> None:
    """The law itself: the owner passes for ever, the opponent plays anything legal, and the stones still stand."""
    random = np.random.default_rng(seed)
    found = 0
    for _ in range(40):
        size = 5
        board = Board(size)
        for _ in range(60):
            points = np.flatnonzero(board.sensible_points())
            if not len(points):
                break
            board.play(int(random.choice(points)))
        owner = np.empty(CELLS, np.uint8)
        mark_unconditional(framed(board.grid()), owner)
        owner = unframed(owner, size)
        for colour in (1, 2):
            living = np.flatnonzero((owner == colour) & (board.grid().ravel() == colour))
            if not len(living):
                continue
            found += 1
            attacked = board.copy()
            for _ in range(80):
                points = np.flatnonzero(attacked.legal_points(3 - colour)[:-1])
                if not len(points):
                    break
                attacked.play(int(random.choice(points)), 3 - colour)
            assert (attacked.grid().ravel()[living] == colour).all(), str(board)
    assert found > 10
