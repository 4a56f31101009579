"""True eyes, drawn: of the board and of the slow twin, for both colours, under every symmetry.

In these drawings `e` is a true eye of Black and `f` one of White; all other empty points are not.
"""

import numpy as np
import pytest

from comparison import seen_under
from diagrams import TWO_HEADED_DRAGON, rows
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, WHITE, opponent
from twin import TwinBoard

DRAWINGS = {
    "in the corner": """
        e X .
        X X .
        . . .
        """,
    "no eye in the corner with an open diagonal": """
        . X .
        X . .
        . . .
        """,
    "no eye in the corner with White on the diagonal": """
        . X .
        X O .
        . . .
        """,
    "on the edge": """
        X e X .
        X X X .
        . . . .
        . . . .
        """,
    "no eye on the edge with an open diagonal": """
        X . X .
        . X X .
        . . . .
        . . . .
        """,
    "no eye on the edge with White on a diagonal": """
        X . X .
        X X O .
        . . . .
        . . . .
        """,
    "in the centre with one bad diagonal, White's or open": """
        X X X . . X X
        X e X . X e X
        X X O . X X X
        . . . . . . .
        . . . . . . .
        . . . . . . .
        . . . . . . .
        """,
    "no eye in the centre with two bad diagonals": """
        . X X O . X .
        . X . X X . X
        . X X O X X .
        . . . . . . .
        . O X X . . .
        . X . X . . .
        . . X X . . .
        """,
    "no eye beside an opponent's stone, or beside an empty point": """
        X X X X X
        X . . X X
        X X X X X
        X . O X X
        X X X X X
        """,
    "of both colours": """
        e X . O f
        X X . O O
        . . . . .
        O O . X X
        f O . X e
        """,
    "on the edge, held up by an eye in the centre": """
        X e X X X
        X X e X .
        . X X X .
        . . . . .
        . . . . .
        """,
    "in the corner and in the centre, holding each other up": """
        e X O . .
        X e X . .
        X X X . .
        . . . . .
        . . . . .
        """,
    "both fall where one has a bad diagonal too many": """
        . X O . .
        X . X . .
        O X X . .
        . . . . .
        . . . . .
        """,
    "four that hold each other up": """
        X e X
        e X e
        X e X
        """,
    "the whole board of two points": """
        e X
        X e
        """,
    # Each of the row has White at one diagonal, and the next ones of the row at two more.
    "a row of them": """
        X X O . . . .
        X e X O . . .
        X X e X O . .
        . X X e X O .
        . . X X e X .
        . . . X X X .
        . . . . . . .
        """,
    "a row of them, which falls from its end to its beginning": """
        X X O . . . .
        X . X O . . .
        X X . X O . .
        . X X . X O .
        . . X X . X .
        . . . X X O .
        . . . . . . .
        """,
    # Alive, but by other means: each head has two bad diagonals, and the other head is one of them.
    "the two-headed dragon has none": TWO_HEADED_DRAGON,
}


def stones_of(drawing: str) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """The stones (size, size), and for each colour where its true eyes are."""
    marks = np.array([list(row) for row in rows(drawing)])
    stones = (marks == "X") * BLACK + (marks == "O") * WHITE
    return stones, {BLACK: marks == "e", WHITE: marks == "f"}


@pytest.mark.parametrize("drawing", DRAWINGS.values(), ids=DRAWINGS)
def test_true_eyes(drawing: str) -> None:
    stones, eyes = stones_of(drawing)
    for symmetry in range(8):
        for black, white in ((BLACK, WHITE), (WHITE, BLACK)):
            seen = seen_under(stones, symmetry)
            setup = np.flatnonzero(seen == black).tolist(), np.flatnonzero(seen == white).tolist()
            board, twin = Board(len(stones)), TwinBoard(len(stones))
            board.setup(*setup)
            twin.setup(*setup)
            for colour in (BLACK, WHITE):
                expected = seen_under(eyes[colour if black == BLACK else opponent(colour)], symmetry)
                found = board.true_eyes(colour).reshape(stones.shape)
                assert np.array_equal(found, expected), f"{board}\n{found}"
                assert twin.true_eyes(colour) == set(np.flatnonzero(expected).tolist())


def test_the_only_point_is_an_eye_of_both() -> None:
    for colour in (BLACK, WHITE):
        assert Board(1).true_eyes(colour).tolist() == [True]
        assert TwinBoard(1).true_eyes(colour) == {0}
