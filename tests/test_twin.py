"""The slow twin against planes drawn by hand: what judges the encoder must be judged itself."""

import pytest

from diagrams import DIAGRAMS, Diagram, mismatches
from twin import TwinBoard


def twin_of(diagram: Diagram) -> TwinBoard:
    """The diagram's position, played out on a twin board."""
    board = TwinBoard(diagram.size)
    board.setup(diagram.setup("X"), diagram.setup("O"))
    for colour, point in diagram.played():
        board.play(colour, point)
    return board


@pytest.mark.parametrize("diagram", DIAGRAMS, ids=lambda diagram: diagram.name)
def test_diagram(diagram: Diagram) -> None:
    wrong = mismatches(diagram, twin_of(diagram).planes(diagram.colour))
    assert not wrong, "\n".join(wrong)
