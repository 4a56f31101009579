"""The pictures are written, of the right size, and a folder that is missing is said in one line."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from hayago.cli import main
from hayago.drawing import plots
from hayago.drawing.plots import planes_figure, save_board_image, save_planes_image, save_training_curve, star_points
from hayago.errors import HayagoError
from hayago.features.plain import encode
from hayago.features.planes import FEATURES, plane_name
from hayago.network.model_file import save_model
from hayago.rules.board import Board
from hayago.rules.coordinates import vertex_to_point
from learning import small_model


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


def a_fight() -> Board:
    """A position with stones of both colours, an atari and captures."""
    board = Board(9)
    for vertex in ("E5", "E4", "D4", "D5", "F4", "G7", "E3", "C4"):
        board.play(vertex_to_point(vertex, 9))
    return board


def test_the_picture_of_the_planes_holds_them_all() -> None:
    board = a_fight()
    planes = encode(board)
    figure = planes_figure(board, planes)
    drawn = {axes.get_label(): axes for axes in figure.axes}
    for plane in range(48):
        axes = drawn[f"plane {plane}"]
        (image,) = axes.images
        np.testing.assert_array_equal(image.get_array(), planes[plane])
        assert axes.get_title(loc="left") == f"{plane}  {plane_name(plane)}"
        assert axes.get_title(loc="right") == str(planes[plane].sum())
        stones = [circles.get_offsets().tolist() for circles in axes.collections[-2:]]
        assert stones == [[[c, r] for r, c in np.argwhere(board.grid() == colour).tolist()] for colour in (1, 2)]
    words = " ".join(text.get_text().replace("\n", " ") for axes in figure.axes for text in axes.texts)
    assert all(feature.meaning in words for feature in FEATURES)
    assert "Move 9, black to play" in words and "Last move C4" in words


def test_the_file_shows_where_a_plane_is_1(tmp_path: Path) -> None:
    board = a_fight()
    planes = encode(board)
    axes = next(axes for axes in planes_figure(board, planes).axes if axes.get_label() == "plane 21")
    changed = planes.copy()
    changed[21, 8, 0] ^= 1
    pictures = []
    for name, values in (("one", planes), ("other", changed)):
        save_planes_image(tmp_path / f"{name}.png", board, values)
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        pictures.append(imread(tmp_path / f"{name}.png"))
    height = pictures[0].shape[0]
    scale = height / axes.figure.bbox.height

    def colour(picture: np.ndarray, row: int, column: int) -> np.ndarray:
        """The colour of a point of plane 21, beside the crossing."""
        x, y = axes.transData.transform((column + 0.3, row + 0.3)) * scale
        return picture[round(height - y), round(x), :3]

    for row, column in np.ndindex(9, 9):
        red, green, _ = colour(pictures[0], row, column)
        assert (red > 2 * green) == planes[21, row, column]
    red, green, _ = colour(pictures[1], 8, 0)
    assert red > 2 * green


def test_predict_draws_the_planes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_model(filters=2, layers=2)
    save_model(tmp_path / "tiny.safetensors", model.weights, model.info)
    (tmp_path / "game.sgf").write_text("(;SZ[19];B[dd];W[pp];B[dp])")
    drawn: list[np.ndarray] = []

    def draw(board: Board, planes: np.ndarray) -> Figure:
        drawn.append(planes)
        return planes_figure(board, planes)

    monkeypatch.setattr(plots, "planes_figure", draw)
    files = [str(tmp_path / name) for name in ("game.sgf", "planes.png", "tiny.safetensors")]
    assert main(["predict", files[0], "--move", "3", "--planes", files[1], "--model", files[2]]) == 0
    assert Path(files[1]).read_bytes().startswith(b"\x89PNG")
    board = Board(19)
    board.play(60)
    board.play(300)
    np.testing.assert_array_equal(drawn, [encode(board)])


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(HayagoError, match="cannot write"):
        save_board_image(tmp_path / "none" / "board.png", Board(5), np.full(25, 0.04, np.float32))


@pytest.mark.parametrize(("size", "count"), [(19, 9), (13, 5), (9, 5), (7, 0)])
def test_star_points(size: int, count: int) -> None:
    points = star_points(size)
    assert len(set(points)) == count
    assert all((size * size - 1 - point) in points for point in points)
