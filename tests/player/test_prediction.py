"""`hayago.predict` and `hayago.load`: the network in two calls."""

import contextlib
import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import hayago
from fakes import FixedEvaluator
from hayago.errors import HayagoError
from hayago.player import prediction
from hayago.player.player import Player
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
    with pytest.raises(HayagoError, match="boards of 5x5 to 19x19, not 4x4"):
        hayago.predict(hayago.Board(4))
    with pytest.raises(HayagoError, match="no such model"):
        hayago.load("nothing.safetensors")


def test_wrong_arguments_are_refused():
    board, evaluator = hayago.Board(5), FixedEvaluator()
    for symmetries in (0, 2, -1, 9):
        with pytest.raises(ValueError, match="symmetries are not 1 or 8"):
            hayago.predict(board, evaluator, symmetries=symmetries)
        with pytest.raises(ValueError, match="symmetries are not 1 or 8"):
            Player(evaluator).prior(board, symmetries)
    for symmetries in (None, "8", 8.0, True):
        with pytest.raises(TypeError, match="symmetries is not a whole number"):
            hayago.predict(board, evaluator, symmetries=symmetries)
    with pytest.raises(ValueError, match="count must be 0 or more: -1"):
        hayago.predict(board, evaluator, count=-1)
    for count in (1.5, "1", True):
        with pytest.raises(TypeError, match="count is not a whole number"):
            hayago.predict(board, evaluator, count=count)
    assert hayago.predict(board, evaluator, count=0) == []
    assert len(hayago.predict(board, evaluator, count=np.int64(99), symmetries=np.int64(8))) == 25
    for model in (5, b"box", ["box"]):
        with pytest.raises(TypeError, match="a model is an evaluator, a path or None"):
            hayago.predict(board, model)
        with pytest.raises(TypeError, match="a model is a path or None"):
            hayago.load(model)
    with pytest.raises(TypeError, match="not a Board: 5"):
        hayago.predict(5, evaluator)


def test_threads_load_a_network_once(monkeypatch):
    made = []

    def make(model):
        made.append(model)
        time.sleep(0.05)
        return FixedEvaluator()

    monkeypatch.setattr(prediction, "make_evaluator", make)
    monkeypatch.setattr(prediction, "_loaded", {})
    with ThreadPoolExecutor(8) as pool:
        networks = list(pool.map(hayago.load, [None] * 8))
    assert made == [None] and len(set(map(id, networks))) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_loads_its_own():
    board = hayago.Board(19)
    expected = hayago.predict(board, count=1)
    child = os.fork()
    if not child:
        status = 1
        with contextlib.suppress(BaseException):
            status = int(hayago.predict(board, count=1) != expected)
        os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
