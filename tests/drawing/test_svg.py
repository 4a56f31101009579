"""The board as an SVG picture: what is drawn where, with nothing that a page would have to supply."""

import xml.etree.ElementTree as ElementTree
from xml.etree.ElementTree import Element

import numpy as np
import pytest

from hayago.drawing.svg import board_svg
from hayago.rules.board import Board
from hayago.rules.coordinates import vertex_to_point


def parts(svg: str) -> dict[str, Element]:
    """The elements of a picture that have a class, by class."""
    return {element.attrib["class"]: element for element in ElementTree.fromstring(svg) if "class" in element.attrib}


def centres(element: Element) -> set[tuple[str, str]]:
    return {(circle.attrib["cx"], circle.attrib["cy"]) for circle in element}


def middle(element: Element) -> tuple[float, float]:
    x, y, width, height = (float(element.attrib[name]) for name in ("x", "y", "width", "height"))
    return x + width / 2, y + height / 2


def test_a_position_with_its_policy() -> None:
    board = Board(9)
    for point in (20, 60, 40):
        board.play(point)
    prior = np.zeros(81, np.float32)
    prior[[10, 11, 12]] = 0.72, 0.27, 0.005
    drawn = parts(board_svg(board, prior=prior, played=12))
    assert centres(drawn["black"]) == {("2", "2"), ("4", "4")}
    assert centres(drawn["white"]) == {("6", "6")}
    assert centres(drawn["last"]) == {("4", "4")}
    assert centres(drawn["star"]) == {("2", "2"), ("6", "2"), ("4", "4"), ("2", "6"), ("6", "6")}
    assert middle(drawn["played"]) == (3, 1)
    assert [middle(rect) for rect in drawn["heat"]] == [(1, 1), (2, 1)]
    first, second = (float(rect.attrib["opacity"]) for rect in drawn["heat"])
    assert first > second > 0
    assert [text.text for text in drawn["numbers"]] == ["72", "27"]
    assert "".join(text.text or "" for text in drawn["edge"]) == "ABCDEFGHJ987654321"


def test_a_board_alone() -> None:
    board = Board(19)
    assert set(parts(board_svg(board))) == {"edge", "star", "black", "white"}
    assert board._repr_svg_() == board_svg(board)
    board.play("pass")
    assert not {"last", "played"} & set(parts(board_svg(board, played=board.pass_point)))


def test_the_ko_point() -> None:
    board = Board(5)
    for vertex in ("B3", "C3", "C2", "D2", "C4", "D4", "A1", "E3", "D3"):
        board.play(vertex)
    assert board.ko_point == vertex_to_point("C3", 5)
    assert middle(parts(board_svg(board))["ko"]) == (2, 2)


@pytest.mark.parametrize(("label", "read"), [("a & <b> \"c\" 'd'", "a & <b> \"c\" 'd'"), ("", repr(Board(5)))])
def test_the_label_is_text(label: str, read: str) -> None:
    assert ElementTree.fromstring(board_svg(Board(5), label=label)).get("aria-label") == read
