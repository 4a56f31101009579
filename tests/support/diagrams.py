"""Positions drawn as boards, and the planes they must give, drawn by hand from the specification.

In a board `X` is a black stone, `O` a white one, `.` an empty point; a row `:` stands for several empty rows; a lower-
case letter names an empty point, so that the moves played from there can be written down ("X a", "O pass"). In an
expected plane `.` is no mark. A feature of one plane is drawn with `x`, or its marked points are named ("a b", "" for
none); a feature of several is drawn with its number at each point, where the last one stands for "or more". A diagram
lists the features that it is about; it says nothing about the others.
"""

from dataclasses import dataclass

import numpy as np

from hayago.rules.board import Board
from twin import TwinBoard

BLACK, WHITE = 1, 2
COLOURS = {"X": BLACK, "O": WHITE}

# feature: (first plane, number of planes, number that the first plane stands for)
PLANES = {
    "own": (0, 1, None),
    "opponent": (1, 1, None),
    "empty": (2, 1, None),
    "ones": (3, 1, None),
    "turns_since": (4, 8, 1),
    "liberties": (12, 8, 1),
    "capture_size": (20, 8, 0),
    "self_atari_size": (28, 8, 1),
    "liberties_after": (36, 8, 1),
    "ladder_capture": (44, 1, None),
    "ladder_escape": (45, 1, None),
    "sensible": (46, 1, None),
    "zeros": (47, 1, None),
}


@dataclass(frozen=True)
class Diagram:
    """A position, the side to move, and what some features must be there."""

    name: str
    board: str
    to_play: str
    expected: dict[str, str]
    moves: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return len(rows(self.board))

    @property
    def colour(self) -> int:
        """The side to move, as a number."""
        return COLOURS[self.to_play]

    def setup(self, stone: str) -> list[int]:
        """The points where the board shows `stone`."""
        return [point for point, mark in enumerate("".join(rows(self.board))) if mark == stone]

    def played(self) -> list[tuple[int, int]]:
        """The moves as (colour, point); a pass is `size * size`."""
        points = self.points() | {"pass": self.size * self.size}
        return [(COLOURS[stone], points[name]) for stone, name in (move.split() for move in self.moves)]

    def points(self) -> dict[str, int]:
        """The points that letters name."""
        return {mark: point for point, mark in enumerate("".join(rows(self.board))) if mark.islower()}

    def expected_planes(self, feature: str) -> np.ndarray:
        """The planes drawn for `feature`: uint8 (planes, size, size)."""
        _, count, lowest = PLANES[feature]
        planes = np.zeros((count, self.size, self.size), dtype=np.uint8)
        if "\n" not in self.expected[feature]:
            assert count == 1, (self.name, feature)
            for name in self.expected[feature].split():
                planes[0].flat[self.points()[name]] = 1
            return planes
        drawing = rows(self.expected[feature])
        assert [len(row) for row in drawing] == [self.size] * self.size, (self.name, feature)
        for r, row in enumerate(drawing):
            for c, mark in enumerate(row):
                if mark != ".":
                    planes[0 if lowest is None else int(mark) - lowest, r, c] = 1
        return planes


def rows(drawing: str) -> list[str]:
    """The rows of a drawing, without its spaces; a row `:` stands for the empty rows that the square board lacks."""
    found = [row.replace(" ", "") for row in drawing.strip().splitlines()]
    size = max(map(len, found))
    if ":" in found:
        at = found.index(":")
        found[at : at + 1] = ["." * size] * (size - len(found) + 1)
    return found


def drawn(planes: np.ndarray, feature: str) -> str:
    """The drawing of a feature's planes (planes, size, size); `?` where two of them are marked."""
    _, _, lowest = PLANES[feature]
    text = []
    for row in np.moveaxis(planes, 0, -1):
        marks = []
        for cell in row:
            (on,) = np.nonzero(cell)
            marks.append(
                "." if len(on) == 0 else "?" if len(on) > 1 else "x" if lowest is None else str(on[0] + lowest)
            )
        text.append(" ".join(marks))
    return "\n".join(text)


def mismatches(diagram: Diagram, planes: np.ndarray) -> list[str]:
    """What is wrong in `planes` (48, size, size), feature by feature, drawn; empty where the diagram holds."""
    wrong = []
    for feature in diagram.expected:
        first, count, _ = PLANES[feature]
        found, expected = planes[first : first + count], diagram.expected_planes(feature)
        if not np.array_equal(found, expected):
            wrong.append(
                f"{diagram.name}: {feature}, found\n{drawn(found, feature)}\nexpected\n{drawn(expected, feature)}"
            )
    return wrong


AGES = """
    a . b . c
    . . . . .
    d . e . f
    . . . . .
    X g . h O"""

STONES = (
    Diagram(
        "stones, ages with a pass, a colour twice and set-up stones",
        AGES,
        "X",
        moves=("X a", "O b", "X c", "O pass", "X d", "X e", "O f", "X g", "O h"),
        expected={
            "own": """
                x . . . x
                . . . . .
                x . x . .
                . . . . .
                x x . . .""",
            "opponent": """
                . . x . .
                . . . . .
                . . . . x
                . . . . .
                . . . x x""",
            "empty": """
                . x . x .
                x x x x x
                . x . x .
                x x x x x
                . . x . .""",
            "ones": """
                x x x x x
                x x x x x
                x x x x x
                x x x x x
                x x x x x""",
            "turns_since": """
                8 . 8 . 7
                . . . . .
                5 . 4 . 3
                . . . . .
                8 2 . 1 8""",
            "liberties": """
                2 . 3 . 2
                . . . . .
                3 . 4 . 3
                . . . . .
                3 3 . 3 3""",
            "zeros": """
                . . . . .
                . . . . .
                . . . . .
                . . . . .
                . . . . .""",
        },
    ),
    Diagram(
        "the same seen by White",
        AGES,
        "O",
        moves=("X a", "O b", "X c", "O pass", "X d", "X e", "O f", "X g", "O h"),
        expected={
            "own": """
                . . x . .
                . . . . .
                . . . . x
                . . . . .
                . . . x x""",
            "opponent": """
                x . . . x
                . . . . .
                x . x . .
                . . . . .
                x x . . .""",
            "turns_since": """
                8 . 8 . 7
                . . . . .
                5 . 4 . 3
                . . . . .
                8 2 . 1 8""",
        },
    ),
    Diagram(
        "passes make the stones older",
        """
        a . .
        . . .
        . . b""",
        "X",
        moves=("X a", "O b", "X pass", "O pass"),
        expected={
            "turns_since": """
                4 . .
                . . .
                . . 3"""
        },
    ),
    Diagram(
        "a stone played where one was captured is as old as its own move",
        """
        . X O . .
        X b a O .
        . X O . .
        . . . . .
        . . . . .""",
        "X",
        moves=("O b", "X a", "O pass", "X pass", "O b"),
        expected={
            "turns_since": """
                . 8 8 . .
                8 1 . 8 .
                . 8 8 . .
                . . . . .
                . . . . ."""
        },
    ),
    Diagram(
        "eight liberties and more",
        """
        . . . . .
        X X X X .
        . . . . .
        O O O . .
        . . . . .""",
        "O",
        expected={
            "liberties": """
                . . . . .
                8 8 8 8 .
                . . . . .
                7 7 7 . .
                . . . . .""",
            "liberties_after": """
                1 2 2 2 2
                . . . . 2
                6 6 7 3 3
                . . . 8 3
                6 6 7 3 2""",
            "self_atari_size": """
                1 . . . .
                :""",
        },
    ),
)

ENCLOSED = """
    . X O . .
    X X O . .
    O O . . .
    . . . O .
    . . O . O"""

KO = """
    . X O . .
    X O a O .
    . X O . .
    . . . . .
    . . . . ."""

MOVES = (
    Diagram(
        "captures",
        """
        . O X . .
        O X . . .
        X . . . .
        . . . X O
        . . X O .""",
        "X",
        expected={
            "liberties": """
                . 1 2 . .
                1 2 . . .
                2 . . . .
                . . . 2 2
                . . 2 1 .""",
            "capture_size": """
                2 . . 0 0
                . . 0 0 0
                . 0 0 0 0
                0 0 0 . .
                0 0 . . 1""",
            "self_atari_size": """
                :
                . . . . 1""",
            "liberties_after": """
                2 . . 3 2
                . . 4 4 3
                . 4 4 4 2
                3 4 4 . .
                2 3 . . 1""",
        },
    ),
    Diagram(
        "a capture of more than seven",
        """
        . O O O O
        O O O O O
        X X X X X
        . . . . .
        . . . . .""",
        "X",
        expected={
            "capture_size": """
                7 . . . .
                . . . . .
                . . . . .
                0 0 0 0 0
                0 0 0 0 0""",
            "liberties_after": """
                2 . . . .
                . . . . .
                . . . . .
                5 5 5 5 5
                2 3 3 3 2""",
        },
    ),
    Diagram(
        "self-atari of one stone and of eight",
        """
        X X X . .
        X X X X O
        O O O O .
        . . . . .
        . . . . .""",
        "X",
        expected={
            "liberties": """
                1 1 1 . .
                1 1 1 1 2
                5 5 5 5 .
                . . . . .
                . . . . .""",
            "self_atari_size": """
                . . . 8 1
                . . . . .
                . . . . 1
                . . . . .
                . . . . .""",
            "liberties_after": """
                . . . 1 1
                . . . . .
                . . . . 1
                2 3 3 3 3
                2 3 3 3 2""",
            "capture_size": """
                . . . 0 0
                . . . . .
                . . . . 0
                0 0 0 0 0
                0 0 0 0 0""",
        },
    ),
    Diagram(
        "suicide is illegal",
        ENCLOSED,
        "X",
        expected={
            "capture_size": """
                . . . 0 0
                . . . 0 0
                . . 0 0 0
                0 0 0 . 0
                0 0 . . .""",
            "sensible": """
                . . . x x
                . . . x x
                . . x x x
                x x x . x
                x x . . .""",
        },
    ),
    Diagram(
        "the same points are open to the other side",
        ENCLOSED,
        "O",
        expected={
            "capture_size": """
                3 . . 0 0
                . . . 0 0
                . . 0 0 0
                0 0 0 . 0
                0 0 . 0 .""",
            "sensible": """
                x . . x x
                . . . x x
                . . x x x
                x x x . x
                x x . x .""",
        },
    ),
    Diagram(
        "the ko point",
        KO,
        "O",
        moves=("X a",),
        expected={
            "capture_size": """
                . . . 0 0
                . . . . 0
                0 . . 0 0
                0 0 0 0 0
                0 0 0 0 0""",
            "sensible": """
                . . . x x
                . . . . x
                x . . x x
                x x x x x
                x x x x x""",
            "turns_since": """
                . 8 8 . .
                8 . 1 8 .
                . 8 8 . .
                . . . . .
                . . . . .""",
        },
    ),
    Diagram(
        "the ko point is of no colour",
        KO,
        "X",
        moves=("X a",),
        expected={
            "capture_size": """
                0 . . 1 0
                . . . . 0
                0 . . 0 0
                0 0 0 0 0
                0 0 0 0 0"""
        },
    ),
    Diagram(
        "a pass clears the ko",
        KO,
        "O",
        moves=("X a", "O pass", "X pass"),
        expected={
            "capture_size": """
                . . . 0 0
                . 1 . . 0
                0 . . 0 0
                0 0 0 0 0
                0 0 0 0 0""",
            "self_atari_size": """
                . . . . .
                . 1 . . .
                1 . . . .
                . . . . .
                . . . . .""",
            "turns_since": """
                . 8 8 . .
                8 . 3 8 .
                . 8 8 . .
                . . . . .
                . . . . .""",
        },
    ),
    Diagram(
        "any other move clears the ko",
        """
        . X O . .
        X O a O .
        . X O . .
        . . . . .
        c . . . b""",
        "O",
        moves=("X a", "O b", "X c"),
        expected={
            "capture_size": """
                . . . 0 0
                . 1 . . 0
                0 . . 0 0
                0 0 0 0 0
                . 0 0 0 ."""
        },
    ),
    Diagram(
        "two stones taken by one leave no ko",
        """
        O O a O .
        X X O . .
        :""",
        "O",
        moves=("X a",),
        expected={
            "capture_size": """
                0 1 . . 0
                . . . 0 0
                0 0 0 0 0
                0 0 0 0 0
                0 0 0 0 0""",
            "self_atari_size": """
                1 . . . .
                :""",
        },
    ),
)

TWO_HEADED_DRAGON = """
    . . X X O . .
    . X X . X . .
    . X O X X X .
    . X O . O X .
    . X X X O X .
    . . X . X X .
    . . O X X . ."""

EYES = (
    Diagram(
        "eyes in the corner, on the edge and with one bad diagonal",
        """
        . X . . . X .
        X X . . . O X
        . . X X X . .
        . . X . X . .
        . . X X O . .
        X X X . O X X
        X . X . X . X""",
        "X",
        expected={
            "sensible": """
                . . x x x . x
                . . x x x . .
                x x . . . x x
                x x . . . x x
                x x . . . x x
                . . . x . . .
                . . . x . x ."""
        },
    ),
    Diagram(
        "two bad diagonals make a false eye",
        """
        . . . . .
        . X X X .
        . X . X .
        . O X O .
        . . . . .""",
        "X",
        expected={
            "sensible": """
                x x x x x
                x . . . x
                x . x . x
                x . . . x
                x x x x x"""
        },
    ),
    Diagram(
        "an open diagonal makes a corner no eye",
        """
        . X . . .
        X . . . .
        :""",
        "X",
        expected={
            "sensible": """
                x . x x x
                . x x x x
                x x x x x
                x x x x x
                x x x x x"""
        },
    ),
    Diagram(
        "eyes that support each other",
        """
        . X O . .
        X . X X .
        X X . X .
        . X X O .
        . . . . .""",
        "X",
        expected={
            "sensible": """
                . . . x x
                . . . . x
                . . . . x
                x . . . x
                x x x x x"""
        },
    ),
    Diagram(
        "one of them fails, and all fall",
        """
        . X O . .
        X . X X .
        X X . X .
        . O X O .
        . . . . .""",
        "X",
        expected={
            "sensible": """
                x . . x x
                . x . . x
                . . x . x
                x . . . x
                x x x x x"""
        },
    ),
    Diagram(
        "the eyes of the two-headed dragon have two bad diagonals each",
        TWO_HEADED_DRAGON,
        "X",
        expected={
            "sensible": """
                x x . . . x x
                x . . x . x x
                x . . . . . x
                x . . x . . x
                x . . . . . x
                x x . x . . x
                x x . . . x x"""
        },
    ),
    Diagram(
        "and are no points for the other side",
        TWO_HEADED_DRAGON,
        "O",
        expected={
            "sensible": """
                x x . . . x x
                x . . . . x x
                x . . . . . x
                x . . . . . x
                x . . . . . x
                x x . . . . x
                x x . . . x x"""
        },
    ),
)


LADDER = """
    . . . . . . . . .
    . . X X . . . . .
    . X O . . . . . .
    . . a . . . . . .
    :"""

CONNECTION = """
    . . . . . . .
    . . . . . . .
    . . . X X . .
    . . X O . O .
    . . . X X . .
    . . . . . . .
    . . . . . . ."""

KO_LADDER = """
    . . . . . .
    . . . . . O
    . . . X . O
    . . X . X O
    . . X O X O
    . X O . O O"""

LADDERS = (
    Diagram("a ladder works", LADDER, "X", expected={"ladder_capture": "a", "ladder_escape": ""}),
    Diagram(
        "running out of a working ladder is no escape",
        LADDER,
        "O",
        moves=("X a",),
        expected={"ladder_capture": "", "ladder_escape": ""},
    ),
    Diagram(
        "a chain in atari is no ladder capture",
        LADDER,
        "X",
        moves=("X a",),
        expected={"ladder_capture": "", "ladder_escape": ""},
    ),
    Diagram(
        "a breaker in the ladder's way",
        """
        . . . . . . . . .
        . . X X . . . . .
        . X O . . . . . .
        :
        . . . . . . O . .
        . . . . . . . . .
        . . . . . . . . .""",
        "X",
        expected={"ladder_capture": ""},
    ),
    Diagram(
        "the escape towards a breaker",
        """
        . . . . . . . . .
        . . X X . . . . .
        . X O . . . . . .
        . . a . . . . . .
        . . . . . . . . .
        . . . . . . . . .
        . . . . . . O . .
        . . . . . . . . .
        . . . . . . . . .""",
        "O",
        moves=("X a",),
        expected={
            "ladder_escape": """
                . . . . . . . . .
                . . . . . . . . .
                . . . x . . . . .
                :"""
        },
    ),
    # The ladder never touches the white stone at its side, but its fourth black stone, below and left of it, does:
    # it is in atari when White runs past, and taking it saves the runner.
    Diagram(
        "broken by an atari on the way",
        """
        . . . . . . . . .
        . . X X . . . . .
        . X O . . . . . .
        . . . . . . O . .
        :""",
        "X",
        expected={"ladder_capture": ""},
    ),
    Diagram(
        "the escape towards an atari on the way",
        """
        . . . . . . . . .
        . . X X . . . . .
        . X O . . . . . .
        . . a . . . O . .
        :""",
        "O",
        moves=("X a",),
        expected={
            "ladder_escape": """
                . . . . . . . . .
                . . . . . . . . .
                . . . x . . . . .
                :"""
        },
    ),
    Diagram(
        "a ladder along the edge",
        """
        . . X O . . .
        :""",
        "X",
        expected={
            "ladder_capture": """
                . . . . . . .
                . . . x . . .
                :"""
        },
    ),
    Diagram(
        "a ladder along the edge with a breaker",
        """
        . . X O . . .
        . . . a . O .
        :""",
        "O",
        moves=("X a",),
        expected={
            "ladder_escape": """
                . . . . x . .
                :"""
        },
    ),
    Diagram(
        "escape by capture nearby, where running only loses another stone",
        """
        . . . . . . .
        . . . O . . .
        . . O X . . .
        . . X O . X .
        . . . X X . .
        . . . . . . .
        . . . . . . .""",
        "O",
        expected={
            "ladder_escape": """
                . . . . . . .
                . . . . . . .
                . . . . x . .
                :""",
            "ladder_capture": "",
        },
    ),
    Diagram(
        "escape by capture far from the last liberty",
        """
        . . . . . . . . .
        O . . . . . . . .
        O . . . . . . . .
        O X X X X X X X .
        X O O O O O O . X
        . X X X X X X . .
        :""",
        "O",
        expected={
            "ladder_escape": """
                :
                x . . . . . . . .
                . . . . . . . . .
                . . . . . . . . .
                . . . . . . . . ."""
        },
    ),
    Diagram(
        "escape by connection, no ladder about",
        CONNECTION,
        "O",
        expected={
            "ladder_escape": """
                :
                . . . . x . .
                . . . . . . .
                . . . . . . .
                . . . . . . .""",
            "ladder_capture": "",
        },
    ),
    Diagram(
        "the same seen by Black: the chain is in atari already",
        CONNECTION,
        "X",
        expected={"ladder_capture": "", "ladder_escape": ""},
    ),
    Diagram(
        "a snapback is read",
        """
        X O . . X
        X O O O X
        X X X X X
        . . . . .
        . . . . .""",
        "X",
        expected={
            "ladder_capture": """
                . . x x .
                :""",
            "self_atari_size": """
                . . 1 . .
                :""",
            "liberties_after": """
                . . 1 6 .
                . . . . .
                . . . . .
                6 6 6 6 6
                2 3 3 3 2""",
        },
    ),
    Diagram(
        "the bait of a snapback",
        """
        X O a . X
        X O O O X
        X X X X X
        . . . . .
        . . . . .""",
        "O",
        moves=("X a",),
        expected={
            "ladder_escape": "",
            "capture_size": """
                . . . 1 .
                . . . . .
                . . . . .
                0 0 0 0 0
                0 0 0 0 0""",
            "self_atari_size": """
                . . . 5 .
                :""",
        },
    ),
    Diagram(
        "the snap: five stones, and no ko before it",
        """
        X O a b X
        X O O O X
        X X X X X
        . . . . .
        . . . . .""",
        "X",
        moves=("X a", "O b"),
        expected={
            "capture_size": """
                . . 5 . .
                . . . . .
                . . . . .
                0 0 0 0 0
                0 0 0 0 0""",
            "liberties_after": """
                . . 3 . .
                . . . . .
                . . . . .
                5 5 5 5 5
                2 3 3 3 2""",
            "ladder_capture": "",
        },
    ),
    # Black's throw-in on the bottom edge takes the ko stone to its left. White may not take back at once, and the
    # stone above is caught; could he, he would connect under it to the safe stones on the right.
    Diagram(
        "a ladder that works because of a ko",
        KO_LADDER,
        "X",
        expected={
            "ladder_capture": """
                :
                . . . x . .""",
            "self_atari_size": """
                . . . . . 1
                :
                . . . 1 . .""",
        },
    ),
    Diagram(
        "after the ko was taken there is no escape",
        """
        . . . . . .
        . . . . . O
        . . . X . O
        . . X . X O
        . . X O X O
        . X O a O O""",
        "O",
        moves=("X a",),
        expected={"ladder_escape": ""},
    ),
    # The same stones, but no ko to respect: White takes, and now it is Black who may not take back.
    Diagram(
        "an escape that works because of a ko",
        """
        . . . . . .
        . . . . . O
        . . . X . O
        . . X . X O
        . . X O X O
        . X . X O O""",
        "O",
        expected={
            "ladder_escape": """
                :
                . . x . . ."""
        },
    ),
    Diagram(
        "the ko stone connects",
        KO_LADDER,
        "O",
        expected={
            "ladder_escape": """
                :
                . . . x . .""",
            "ladder_capture": "",
        },
    ),
    # Black at the point below and right of the stone would catch it in a net; no move on its liberties does.
    Diagram(
        "a net is no ladder",
        """
        . . . . . . . . .
        . . X X . . . . .
        . X O . . . . . .
        . X . . . . . . .
        . . . . . . . . .
        . . . . . . . . .
        . . . . . . O . .
        . . . . . . . . .
        . . . . . . . . .""",
        "X",
        expected={"ladder_capture": ""},
    ),
)

EDGE = """
    . . X O b . . X O
    . . . a . . . O O
    . . . . . . . O .
    :"""

EYE = """
    e O X . .
    O O X . .
    d X . . .
    . . . . .
    . . . . ."""

NET = """
    . . . . . . . . .
    . . . . . . . O .
    . . . . . . . . .
    . . . . X . . . .
    . . . X O a . . .
    . . . X b X . . .
    :"""

CLOSED_KO_LADDER = """
    . . . . . .
    . . . . . O
    . . . X . O
    . . X . X O
    . . X O X O
    . X b X O O"""

HARDER_LADDERS = (
    # White's stone touches no stone that the ladder will put down, black or white.
    Diagram(
        "a stone beside the ladder's way breaks nothing",
        """
        . . . . . . . . .
        . . X X . . . . .
        . X O . . . . . .
        . . a . . . . . .
        . . . . . . . . .
        . . . . . . . . .
        . . O . . . . . .
        . . . . . . . . .
        . . . . . . . . .""",
        "X",
        expected={"ladder_capture": "a"},
    ),
    Diagram(
        "two ladders apart",
        """
        . . . . . . . . .
        . . X X . . . . .
        . X O . . . . . .
        . . a . . . . . .
        :
        . . . b . . . . .
        . . X O . . . . .""",
        "X",
        expected={"ladder_capture": "a b"},
    ),
    # Each prey runs into the other one, which has no liberty but those that the running fills.
    Diagram(
        "two ladders that meet",
        """
        . . . . . . . . .
        . . X X . . . . .
        . X O . . . . . .
        . . a . . . . . .
        . . . . . . . . .
        . . . . . . b . .
        . . . . . . O X .
        . . . . . X X . .
        . . . . . . . . .""",
        "X",
        expected={"ladder_capture": "a b"},
    ),
    # At a both stones are in atari: the lower one can run, the upper one is caught. From any other side they join at a.
    Diagram(
        "two chains in atari by one move, one of them caught",
        """
        . . . . . . . . .
        . . X X . . . . .
        . X O . . . . . .
        . . a . . . . . .
        . X O . . . . . .
        . . X . . . . . .
        :""",
        "X",
        expected={"ladder_capture": "a"},
    ),
    Diagram(
        "of two chains in atari the one that can run is saved",
        """
        . . . . . . . . .
        . . X X . . . . .
        . X O . . . . . .
        . . a . . . . . .
        . X O b . . . . .
        . . X . . . . . .
        :""",
        "O",
        moves=("X a",),
        expected={"ladder_escape": "b"},
    ),
    Diagram(
        "an extension to three liberties, no ladder about",
        """
        . . . . . . .
        . . . . . . .
        . . . X . . .
        . . X O a . .
        . . . X . . .
        . . . . . . .
        . . . . . . .""",
        "O",
        expected={"ladder_escape": "a", "ladder_capture": ""},
    ),
    # White crawls along the edge up to Black's stone in the corner's mouth, which is in atari there.
    Diagram("broken by a capture at the end of the edge", EDGE, "X", expected={"ladder_capture": ""}),
    Diagram(
        "a capture that does not touch the prey is no escape, though the way to it is",
        EDGE,
        "O",
        moves=("X a",),
        expected={"ladder_escape": "b"},
    ),
    # White takes a stone at e, and both chains in atari have two liberties; Black fills one, and joining where the
    # stone was taken leaves the whole with one.
    Diagram(
        "a capture that is not enough",
        """
        e X O f X . .
        X O X X . . .
        X . X . . . .
        X X . . . . .
        :""",
        "O",
        expected={
            "ladder_escape": "",
            "capture_size": """
                1 . . . . 0 0
                . . . . 0 0 0
                . . . 0 0 0 0
                . . 0 0 0 0 0
                0 0 0 0 0 0 0
                0 0 0 0 0 0 0
                0 0 0 0 0 0 0""",
        },
    ),
    Diagram(
        "a connection that gains two liberties and is caught in a ladder",
        """
        . . . . . . . . .
        . . . . . . . . .
        . . . X X . . . .
        . . X O a O . . .
        . . . X X X . . .
        :""",
        "O",
        expected={"ladder_escape": ""},
    ),
    Diagram(
        "the same connection with a breaker in the way",
        """
        . . . . . . . . .
        . . . . . . . O .
        . . . X X . . . .
        . . X O a O . . .
        . . . X X X . . .
        :""",
        "O",
        expected={"ladder_escape": "a"},
    ),
    Diagram(
        "the hunter may not play into the prey's eye, but beside it",
        EYE,
        "X",
        expected={
            "ladder_capture": "d",
            "capture_size": """
                . . . 0 0
                . . . 0 0
                0 . 0 0 0
                0 0 0 0 0
                0 0 0 0 0""",
        },
    ),
    Diagram(
        "the prey may not fill its last eye",
        EYE,
        "O",
        moves=("X d",),
        expected={"ladder_escape": "", "ladder_capture": ""},
    ),
    # From a White can only run to b, into one liberty. From b White runs to a and on to the breaker.
    Diagram(
        "a closed net: nothing runs, and its last atari is a ladder capture", NET, "X", expected={"ladder_capture": "a"}
    ),
    Diagram(
        "a closed net: a chain of two liberties is no ladder escape",
        NET,
        "O",
        expected={"ladder_escape": "", "ladder_capture": ""},
    ),
    # The throw-in of "a ladder that works because of a ko", but now White has just taken that ko.
    Diagram(
        "a ladder that the ko forbids to begin", CLOSED_KO_LADDER, "X", moves=("O b",), expected={"ladder_capture": ""}
    ),
    Diagram(
        "and that may begin when the ko is open again",
        CLOSED_KO_LADDER,
        "X",
        moves=("O b", "X pass", "O pass"),
        expected={
            "ladder_capture": """
                :
                . . . x . ."""
        },
    ),
)

# A stone on the first line crawls round the whole board, one step for each black move beside it; White's ring leaves
# Black no other way, the white stones at three corners let it turn. From the first drawing Black needs 3 moves along
# the top, 16 down the right side, 16 along the bottom, and 16 up the left side: 51, one more than are read.
_LOOP = """
    . . . . . . . . . . . . . . . . O . O
    . . . . . . . . . . . . . . . . O . .
    . . . . . . . . . . . . . . . . O . .
    . . O . . . . . . . . . . . . . O . .
    . . O . . . . . . . . . . . . . O . .
    . . O . . . . . . . . . . . . . O . .
    . . O . . . . . . . . . . . . . O . .
    . . O . . . . . . . . . . . . . O . .
    . . O . . . . . . . . . . . . . O . .
    . . O . . . . . . . . . . . . . O . .
    . . O . . . . . . . . . . . . . O . .
    . . O . . . . . . . . . . . . . O . .
    . . O . . . . . . . . . . . . . O . .
    . . O . . . . . . . . . . . . . O . .
    O . O O O O O O O O O O O O O O O . .
    O . . . . . . . . . . . . . . . . . .
    . . . . . . . . . . . . . . . . O O ."""
_START_51 = """
    . . . . . . . . . . . . . . X O . . .
    . b . . . . . . . . . . . . X a . . O"""
_START_52 = """
    . . . . . . . . . . . . . X O c . . .
    . . . . . . . . . . . . . X a . . . O"""


# From the corner to the far corner: 33 black moves and 32 white ones between them. White's last stone, on the right
# edge beside the corner, has one liberty.
_ACROSS = """
    . X X . . . . . . . . . . . . . . . .
    X O b . . . . . . . . . . . . . . . .
    . a . . . . . . . . . . . . . . . . .
    :
    . . . . . . . . . . . . . . . c . . .
    . . . . . . . . . . . . . . . . . . .
    . . . . . . . . . . . . . . . . . . .
    . . . . . . . . . . . . . . . . . . ."""

LONG_LADDERS = (
    Diagram("a ladder across the board", _ACROSS, "X", expected={"ladder_capture": "a"}),
    Diagram("no escape across the board", _ACROSS, "O", moves=("X a",), expected={"ladder_escape": ""}),
    Diagram("a breaker on the far star point", _ACROSS.replace("c", "O"), "X", expected={"ladder_capture": ""}),
    Diagram(
        "the escape towards the far star point",
        _ACROSS.replace("c", "O"),
        "O",
        moves=("X a",),
        expected={"ladder_escape": "b"},
    ),
    Diagram("a black stone on the far star point", _ACROSS.replace("c", "X"), "X", expected={"ladder_capture": "a"}),
    Diagram(
        "a ladder of 51 moves is not read to its end", _START_51.rstrip() + _LOOP, "X", expected={"ladder_capture": ""}
    ),
    Diagram(
        "a ladder of 50 moves works",
        _START_51.replace("b", "X").rstrip() + _LOOP,
        "X",
        expected={"ladder_capture": "a"},
    ),
    Diagram(
        "no escape from 50 moves to come",
        _START_51.rstrip() + _LOOP,
        "O",
        moves=("X a",),
        expected={"ladder_escape": ""},
    ),
    Diagram(
        "an escape from 51 moves to come",
        _START_52.rstrip() + _LOOP,
        "O",
        moves=("X a",),
        expected={"ladder_escape": "c"},
    ),
)

DIAGRAMS = STONES + MOVES + EYES + LADDERS + HARDER_LADDERS + LONG_LADDERS


def drawn_board(drawing: str, to_play: int = BLACK, *, superko: bool = False) -> Board:
    """A board with the stones of a drawing set up."""
    marks = "".join(rows(drawing))
    board = Board(len(rows(drawing)), superko=superko)
    black, white = ([point for point, mark in enumerate(marks) if mark == stone] for stone in "XO")
    board.setup(black, white, to_play=to_play)
    return board


def twin_of(diagram: Diagram) -> TwinBoard:
    """The diagram's position, played out on a twin board."""
    board = TwinBoard(diagram.size)
    board.setup(diagram.setup("X"), diagram.setup("O"))
    for colour, point in diagram.played():
        board.play(colour, point)
    return board
