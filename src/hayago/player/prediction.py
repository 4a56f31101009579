"""`predict` and `load`: the network in two calls, for scripts and notebooks."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.network.evaluator import Evaluator, make_evaluator
from hayago.player.player import Player
from hayago.rules.board import Board
from hayago.rules.coordinates import point_to_vertex


class Prediction(NamedTuple):
    """A move and its probability.

    Attributes:
        vertex: the move as players write it, "D4".
        probability: from 0 to 1; those of all legal moves add up to 1.
        point: the same move as a number, row * size + column.
    """

    vertex: str
    probability: float
    point: int


@cache
def load(model: Path | str | None = None) -> Evaluator:
    """A network, ready to be asked: the one in the box, or a model file. It is loaded once.

    `make_evaluator` has more options.

    Raises:
        ModelError: the file cannot be read, or is not a model.
    """
    return make_evaluator(model)


def predict(
    board: Board, model: Evaluator | Path | str | None = None, *, count: int | None = None, symmetries: int = 1
) -> list[Prediction]:
    """The legal moves in the order of their probability, likeliest first. The network does not know the pass.

    Args:
        board: the position; `board.to_play` moves.
        model: what `load` gives, a model file, or None for the network in the box.
        count: how many moves at most; None for all.
        symmetries: 1, or 8 to average over all symmetries of the board, which is a little better.

    Raises:
        ModelError: the model cannot be read.
        HayagoError: the network is for boards of another size.
    """
    evaluator = load(model) if model is None or isinstance(model, (str, Path)) else model
    return ranked(board, Player(evaluator).prior(board, symmetries))[:count]


def ranked(board: Board, prior: NDArray[np.float32]) -> list[Prediction]:
    """The moves of a prior (N*N,) in the order of their probability; those with none are left out."""
    order = np.argsort(-prior, kind="stable")
    return [
        Prediction(point_to_vertex(point, board.size), float(prior[point]), point)
        for point in order.tolist()
        if prior[point] > 0
    ]
