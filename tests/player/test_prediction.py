"""`hayago.predict` and `hayago.load`: the network in two calls."""

import numpy as np
import pytest

import hayago
from fakes import FixedEvaluator
from hayago.errors import HayagoError
from hayago.player.prediction import ranked


def test_legal_moves_likeliest_first():
    board = hayago.Board(5)
    board.play("E1")
    moves = hayago.predict(board, FixedEvaluator())  # likes the lower right corner best, which is taken
    assert [move.vertex for move in moves[:3]] == ["D1", "C1", "B1"]
    assert len(moves) == 24 and all(move.point != 24 for move in moves)
    assert sum(move.probability for move in moves) == pytest.approx(1)
    assert hayago.predict(board, FixedEvaluator(), count=2) == moves[:2]


def test_symmetries_are_averaged():
    one = hayago.predict(hayago.Board(5), FixedEvaluator(), count=1)
    assert one[0].vertex == "E1"
    corners = {move.vertex for move in hayago.predict(hayago.Board(5), FixedEvaluator(), count=4, symmetries=8)}
    assert corners == {"A1", "A5", "E1", "E5"}


def test_moves_without_probability_are_left_out():
    prior = np.zeros(25, np.float32)
    prior[[3, 7]] = 0.25, 0.75
    assert [move.point for move in ranked(hayago.Board(5), prior)] == [7, 3]


def test_the_network_in_the_box_is_loaded_once():
    network = hayago.load()
    assert hayago.load() is network and network.info.board_size == 19
    corners = {"D4", "Q4", "D16", "Q16", "D3", "C4", "Q3", "R4", "C16", "D17", "Q17", "R16"}
    assert {move.vertex for move in hayago.predict(hayago.Board(19), count=4)} <= corners
    with pytest.raises(HayagoError, match="boards of 19"):
        hayago.predict(hayago.Board(9))
    with pytest.raises(HayagoError, match="no such model"):
        hayago.load("nothing.safetensors")
