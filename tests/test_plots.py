"""The pictures are written, of the right size, and a folder that is missing is said in one line."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from hayago.errors import HayagoError
from hayago.learn.plots import save_board_image, save_training_curve, star_points
from hayago.rules.board import Board
from hayago.rules.coords import vertex_to_point


def test_a_board_with_its_policy(tmp_path: Path) -> None:
    board = Board(9)
    for vertex in ("E5", "C3"):
        board.play(vertex_to_point(vertex, 9))
    prior = np.zeros(81, np.float32)
    prior[vertex_to_point("G7", 9)] = 1
    save_board_image(tmp_path / "board.png", board, prior, played=vertex_to_point("C7", 9))
    image = imread(tmp_path / "board.png")
    height, width = image.shape[:2]
    assert height == width == 960
    assert image.std() > 0.1

    def colour(vertex: str) -> np.ndarray:
        """The picture a little beside the middle of a point, off its number or mark."""
        row, column = divmod(vertex_to_point(vertex, 9), 9)
        scale, left = 0.93 * width / 9.6, 0.035 * width
        return image[int(left + (row + 0.8 + 0.3) * scale), int(left + (column + 0.8 + 0.12) * scale), :3]

    assert colour("E5").max() < 0.2  # a black stone
    assert colour("C3").min() > 0.8  # a white one
    red, green, _ = colour("G7")
    assert red > 2 * green  # hot


def test_a_training_curve(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(
        "step,positions,train_loss,train_top1,validation_loss,validation_top1\n"
        "1,64,5.8,0.01,,\n2,128,5.1,0.03,5.2,0.02\n"
    )
    save_training_curve(log, tmp_path / "curve.png")
    assert imread(tmp_path / "curve.png").std() > 0.05


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(HayagoError, match="cannot write"):
        save_board_image(tmp_path / "none" / "board.png", Board(5), np.full(25, 0.04, np.float32))


@pytest.mark.parametrize(("size", "count"), [(19, 9), (13, 5), (9, 5), (7, 0)])
def test_star_points(size: int, count: int) -> None:
    points = star_points(size)
    assert len(set(points)) == count
    assert all((size * size - 1 - point) in points for point in points)
