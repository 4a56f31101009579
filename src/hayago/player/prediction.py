"""`predict` and `load`: the network in two calls, for scripts and notebooks."""

import os
import threading
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.errors import whole_number
from hayago.network.evaluator import Evaluator, make_evaluator
from hayago.player.player import Player
from hayago.player.styles import check_symmetries
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


_loaded: dict[tuple[int, Path | str | None], Evaluator] = {}  # by process and model
_loading = threading.Lock()
if hasattr(os, "register_at_fork"):  # a fork may come while another thread loads
    os.register_at_fork(before=_loading.acquire, after_in_parent=_loading.release, after_in_child=_loading.release)


def load(model: Path | str | None = None) -> Evaluator:
    """A network, ready to be asked: the one in the box, or a model file. A process loads it once.

    `make_evaluator` has more options.

    Raises:
        ModelError: the file cannot be read, or is not a model.
        TypeError: neither a path nor None.
    """
    if model is not None and not isinstance(model, str | Path):
        raise TypeError(f"a model is a path or None, not {model!r}")
    key = (os.getpid(), model)  # what a fork inherits cannot answer
    with _loading:
        if key not in _loaded:
            _loaded[key] = make_evaluator(model)
        return _loaded[key]


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
        HayagoError: the network is for boards of other sizes.
        ValueError: the symmetries are neither 1 nor 8, or the count is negative.
        TypeError: an argument has another type.
    """
    if not isinstance(board, Board):
        raise TypeError(f"not a Board: {board!r}")
    check_symmetries(symmetries)
    if count is not None and whole_number(count, "count") < 0:
        raise ValueError(f"count must be 0 or more: {count}")
    evaluator = load(model) if model is None or isinstance(model, str | Path) else model
    if not hasattr(evaluator, "logits"):
        raise TypeError(f"a model is an evaluator, a path or None, not {model!r}")
    return ranked(board, Player(evaluator).prior(board, symmetries))[:count]


def ranked(board: Board, prior: NDArray[np.float32]) -> list[Prediction]:
    """The moves of a prior (N*N,) in the order of their probability; those with none are left out."""
    order = np.argsort(-prior, kind="stable")
    return [
        Prediction(point_to_vertex(point, board.size), float(prior[point]), point)
        for point in order.tolist()
        if prior[point] > 0
    ]
