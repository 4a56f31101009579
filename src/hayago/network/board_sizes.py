"""One network on boards of every size.

The kernels know no size: only the last bias belongs to the points of one board. It is taken over by the distance to the
edges. Line i of the new board, counted from its nearer edge, takes the bias of line i of the old one. On a larger board
the lines far from all edges take that of the middle.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hayago.network.model_file import Model, ModelInfo
from hayago.rules.coordinates import MAX_SIZE

SMALLEST = 5  # below it, the first layer's 5x5 kernels see little but edges


def sizes_of(infos: Iterable[ModelInfo]) -> dict[int, ModelInfo]:
    """The board sizes that these networks can play on, and for each the network that plays there.

    A network that learned on a size goes first. Any other size is taken by the network of the next larger board, or
    else by that of the largest.
    """
    networks = sorted(infos, key=lambda info: info.board_size)
    sizes = sorted({*(info.board_size for info in networks), *range(SMALLEST, MAX_SIZE + 1)})
    return {size: next((info for info in networks if info.board_size >= size), networks[-1]) for size in sizes}


def named_sizes(sizes: Iterable[int]) -> str:
    """ "9x9" or "5x5 to 19x19": sizes as people read them, in order."""
    runs: list[list[int]] = []
    for size in sorted(sizes):
        if runs and size == runs[-1][-1] + 1:
            runs[-1].append(size)
        else:
            runs.append([size])
    texts = [" to ".join(f"{size}x{size}" for size in dict.fromkeys((run[0], run[-1]))) for run in runs]
    return " and ".join(texts)


def for_board(model: Model, size: int) -> Model:
    """The model for boards of `size`: itself on its own size, elsewhere with the bias of `bias_for_board`."""
    if size == model.info.board_size:
        return model
    weights = {**model.weights, "last.bias": bias_for_board(model.weights["last.bias"], size)}
    return Model(replace(model.info, board_size=size), weights)


def bias_for_board(bias: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """float32 (size * size,): a bias (N*N,) taken over by the distance to the edges.

    Turning or mirroring the board before or after gives the same: a middle line, as near to one edge as to the other,
    takes the mean of the two lines that it stands for.
    """
    own = round(len(bias) ** 0.5)
    lines = _lines(own, size)
    moved: NDArray[np.float32] = np.ravel(lines @ bias.reshape(own, own) @ lines.T)
    return moved


def _lines(own: int, size: int) -> NDArray[np.float32]:
    """float32 (size, own): how much each line of the new board takes of each line of the old one."""
    shares = np.zeros((size, own), np.float32)
    for line in range(size):
        near = min(line, size - 1 - line, (own - 1) // 2)
        if line <= size - 1 - line:
            shares[line, near] += 0.5
        if line >= size - 1 - line:
            shares[line, own - 1 - near] += 0.5
    shares /= shares.sum(axis=1, keepdims=True)
    return shares
