"""The picture of the planes holds all of them, each in its place."""

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from hayago.cli import main
from hayago.drawing import planes_picture as planes_module
from hayago.drawing.planes_picture import planes_svg
from hayago.features.plain import encode
from hayago.features.planes import FEATURES, plane_name
from hayago.network.model_file import save_model
from hayago.rules.board import Board
from learning import small_model

SVG = "{http://www.w3.org/2000/svg}"


def a_fight() -> Board:
    """A position with stones of both colours, an atari and captures."""
    board = Board(9)
    for vertex in ("E5", "E4", "D4", "D5", "F4", "G7", "E3", "C4"):
        board.play(vertex)
    return board


def test_all_planes_are_drawn() -> None:
    board = a_fight()
    planes = encode(board)
    root = ElementTree.fromstring(planes_svg(board, planes))
    drawn = {path.attrib["id"]: path.attrib["d"] for path in root.iter(f"{SVG}path") if "id" in path.attrib}
    texts = [text.text or "" for text in root.iter(f"{SVG}text")]
    titles = set(pairwise(texts))
    for plane in range(48):
        marks = re.findall(r"M(\d+) (\d+)h1v1h-1z", drawn[f"plane-{plane}"])
        cells = {(int(row), int(column)) for column, row in marks}
        assert cells == set(map(tuple, np.argwhere(planes[plane]).tolist()))
        assert (f"{plane}  {plane_name(plane)}", str(planes[plane].sum())) in titles
    assert [use.get("href") for use in root.iter(f"{SVG}use")] == ["#position"] * 48
    words = " ".join(texts)
    assert all(feature.meaning in words for feature in FEATURES)
    assert "Move 9, black to play" in words and "Last move C4" in words


def test_no_two_planes_lie_on_each_other() -> None:
    root = ElementTree.fromstring(planes_svg(a_fight(), encode(a_fight())))
    places = [group.attrib["transform"] for group in root if group.get("transform")]
    corners = np.array([re.findall(r"\d+", place) for place in places], int)
    assert len(corners) == 48
    far = np.abs(corners[:, None] - corners).max(2)
    assert far[~np.eye(48, dtype=bool)].min() >= 120
    width, height = int(root.attrib["width"]), int(root.attrib["height"])
    assert (corners <= [width - 108, height - 120]).all()


def test_predict_draws_the_planes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_model(filters=2, layers=2)
    save_model(tmp_path / "tiny.safetensors", model.weights, model.info)
    (tmp_path / "game.sgf").write_text("(;SZ[19];B[dd];W[pp];B[dp])")
    drawn: list[np.ndarray] = []

    def draw(board: Board, planes: np.ndarray) -> str:
        drawn.append(planes)
        return planes_svg(board, planes)

    monkeypatch.setattr(planes_module, "planes_svg", draw)
    files = [str(tmp_path / name) for name in ("game.sgf", "planes.png", "tiny.safetensors")]
    assert main(["predict", files[0], "--move", "3", "--planes", files[1], "--model", files[2]]) == 0
    assert Path(files[1]).read_bytes().startswith(b"\x89PNG")
    board = Board(19)
    board.play(60)
    board.play(300)
    np.testing.assert_array_equal(drawn, [encode(board)])
