"""How well a network predicts the moves of game records: top-1, top-5 and cross-entropy.

The prior is the plain softmax over all N*N points, as in the paper: illegal points are not masked. Passes are no
examples.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.errors import HayagoError
from hayago.features.encoder import all_positions, encode_positions
from hayago.learn.evaluator import Evaluator
from hayago.records.games import Games
from hayago.records.identity import game_keys, split_of


class Metrics(NamedTuple):
    """What was measured, over `positions` positions of `games` games.

    Attributes:
        top1: share of the positions, 0 to 1, where the likeliest point was played.
        top5: share where one of the five likeliest was.
        cross_entropy: mean of -log(probability of the point that was played), in nats.
        positions, games: how many were measured.
    """

    top1: float
    top5: float
    cross_entropy: float
    positions: int
    games: int


def evaluate(
    evaluator: Evaluator,
    games: Games,
    *,
    batch_size: int = 256,
    limit: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Metrics:
    """Measure a network on all positions of the games, a batch at a time.

    Args:
        limit: stop after about so many positions, spread evenly over the games (0: all).
        progress: called after each batch with the positions done and those to do.

    Raises:
        HayagoError: the games hold no position, or are of another size than the network's board.
    """
    info = evaluator.info
    if games.size != info.board_size:
        raise HayagoError(
            f"the network plays on {info.board_size}x{info.board_size}, the games on {games.size}x{games.size}"
        )
    game, ply = all_positions(games)
    if limit and limit < len(game):
        chosen = np.linspace(0, len(game) - 1, limit).astype(np.int64)
        game, ply = game[chosen], ply[chosen]
    if not len(game):
        raise HayagoError("the games hold no move to predict")
    symmetry = np.zeros(len(game), np.uint8)
    sums = np.zeros(3)
    for first in range(0, len(game), batch_size):
        part = slice(first, first + batch_size)
        rows, labels = encode_positions(games, game[part], ply[part], symmetry[part], info.planes)
        sums += _sums(evaluator.logits(rows), labels)
        if progress is not None:
            progress(min(first + batch_size, len(game)), len(game))
    top1, top5, cross_entropy = (sums / len(game)).tolist()
    return Metrics(top1, top5, cross_entropy, len(game), len(np.unique(game)))


def _sums(logits: NDArray[np.float32], labels: NDArray[np.uint16]) -> tuple[float, float, float]:
    """Over a batch: how often the played point is first, how often among five, and the sum of -log(prior)."""
    wide = logits.astype(np.float64)
    highest = wide.max(1, keepdims=True)
    log_sums = np.log(np.exp(wide - highest).sum(1)) + highest[:, 0]
    played = np.take_along_axis(wide, labels[:, None].astype(np.int64), 1)
    # Ties count against the network: a point is first if none of the others is as likely.
    rank = (wide >= played).sum(1) - 1
    return float((rank < 1).sum()), float((rank < 5).sum()), float((log_sums - played[:, 0]).sum())


def trained_on(evaluator: Evaluator, games: Games) -> int:
    """How many of the games the network may have learned from.

    The split of a game follows from the game alone, so these are the games whose split is "train", if the network was
    trained on any store of games. It errs on the safe side: not every such game was in that store.
    """
    if not evaluator.info.data_fingerprint:
        return 0
    count = 0
    for g in range(len(games.offsets) - 1):
        setup = games.setup[games.setup_offsets[g] : games.setup_offsets[g + 1]]
        moves = games.codes[games.offsets[g] : games.offsets[g + 1]]
        count += split_of(game_keys(games.size, setup, moves)[0]) == "train"
    return count
