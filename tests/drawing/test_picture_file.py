"""Pictures become files, with their colours and letters, or one line says why not."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from hayago.cli import main
from hayago.drawing.picture_file import save_picture
from hayago.drawing.svg import MARGIN, board_svg
from hayago.errors import HayagoError
from hayago.rules.board import Board
from hayago.rules.coordinates import vertex_to_point


def test_a_png_shows_the_board(tmp_path: Path) -> None:
    board = Board(9)
    for vertex in ("E5", "C3"):
        board.play(vertex)
    prior = np.zeros(81, np.float32)
    prior[vertex_to_point("G7", 9)] = 1
    save_picture(tmp_path / "board.png", board_svg(board, prior=prior))
    image = imread(tmp_path / "board.png")
    assert image.shape[:2] == (960, 960)

    def cell(vertex: str, half: float = 0.5) -> np.ndarray:
        """The pixels around a point, (H, W, 3)."""
        unit = 960 / (8 + 2 * MARGIN)
        row, column = divmod(vertex_to_point(vertex, 9), 9)
        y, x = (row + MARGIN) * unit, (column + MARGIN) * unit
        return image[int(y - half * unit) : int(y + half * unit), int(x - half * unit) : int(x + half * unit), :3]

    assert np.median(cell("E5"), (0, 1)).max() < 0.2  # a black stone
    assert np.median(cell("C3", 0.1), (0, 1)).min() > 0.8  # a white one, inside the ring of the last move
    red, green, _ = np.median(cell("G7"), (0, 1))
    assert red > 2 * green  # hot
    assert (cell("G7", 0.3).max(2) < 0.2).any()  # the black digits of "100": fonts were found
    assert cell("G3").min() > 0.1


def test_an_svg_is_written_as_it_is(tmp_path: Path) -> None:
    save_picture(tmp_path / "board.SVG", board_svg(Board(5)))
    assert (tmp_path / "board.SVG").read_text(encoding="utf-8") == board_svg(Board(5))


@pytest.mark.parametrize("name", ["none/board.png", "none/board.svg"])
def test_a_missing_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(HayagoError, match="cannot write"):
        save_picture(tmp_path / name, board_svg(Board(5)))


@pytest.mark.parametrize("option", ["--image", "--planes"])
@pytest.mark.parametrize("name", ["board.gif", "board", "board.svg.txt"])
def test_other_names_are_refused_first(capsys: pytest.CaptureFixture[str], option: str, name: str) -> None:
    """Before the game is read: nothing else is wrong with the command line, but the game is missing."""
    assert main(["predict", "nothing.sgf", "--move", "1", option, name]) == 1
    assert capsys.readouterr().err == f"hayago: cannot draw {name}: the name of a picture ends in .svg or .png\n"
