"""The slow twin against planes drawn by hand: the encoders are judged by it, so it must be judged itself."""

import pytest

from diagrams import DIAGRAMS, Diagram, mismatches, twin_of
from twin import BLACK, EMPTY, WHITE, Position, hunt_works


@pytest.mark.parametrize("diagram", DIAGRAMS, ids=lambda diagram: diagram.name)
def test_diagram(diagram: Diagram) -> None:
    wrong = mismatches(diagram, twin_of(diagram).planes(diagram.colour))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("name", "hunter_moves"),
    [
        ("a ladder works", 11),
        ("a ladder across the board", 33),
        ("a ladder of 50 moves works", 50),
        ("a ladder of 51 moves is not read to its end", 51),
    ],
)
def test_ladders_are_as_long_as_they_are_drawn(name: str, hunter_moves: int) -> None:
    """Counted by hand along the drawn board; with one move fewer the prey counts as saved."""
    (diagram,) = (diagram for diagram in DIAGRAMS if diagram.name == name)
    stones = [EMPTY] * diagram.size**2
    for colour, mark in ((BLACK, "X"), (WHITE, "O")):
        for point in diagram.setup(mark):
            stones[point] = colour
    position, point = Position(diagram.size, stones), diagram.points()["a"]
    prey = point - diagram.size
    assert hunt_works(position, prey, point, hunter_moves)
    assert not hunt_works(position, prey, point, hunter_moves - 1)
