"""`Player`: an evaluator and a way of choosing. From a board to a prior, from a prior to a move; no protocol,
no state.

Nouns: *prior*, float32 (size * size,), is the network's probability of each legal point for the colour to
play; illegal points hold 0. The network knows no pass: when to pass is decided here.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hayago.errors import HayagoError
from hayago.features.planes import encode_packed
from hayago.rules.board import Board
from hayago.rules.coords import opponent

if TYPE_CHECKING:  # the backends are loaded by whoever makes the evaluator
    from hayago.learn.evaluator import Evaluator


class Player:
    """Picks moves by the network's prior.

    Args:
        evaluator: the network.
        temperature: 0 plays the likeliest move; above it moves are sampled from prior ** (1 / temperature),
        so 1 plays
            as the people did whose games the network has learned from.
        seed: makes the sampling repeat exactly.

    Raises:
        ValueError: the temperature is negative.
    """

    def __init__(self, evaluator: "Evaluator", *, temperature: float = 0.0, seed: int | None = None) -> None:
        if not temperature >= 0:
            raise ValueError(f"temperature is below 0: {temperature}")
        self._evaluator = evaluator
        self._temperature = temperature
        self._random = np.random.default_rng(seed)

    def prior(self, board: Board) -> NDArray[np.float32]:
        """float32 (size * size,): the softmax of the logits over the points that are legal for
        `board.to_play`.

        Raises:
            HayagoError: the network is for boards of another size.
        """
        info = self._evaluator.info
        if board.size != info.board_size:
            raise HayagoError(f"the network is for boards of {info.board_size}, not {board.size}")
        logits = self._evaluator.logits(encode_packed(board, info.planes)[np.newaxis])[0]
        return _softmax(logits, board.legal_points()[:-1])

    def choose(self, board: Board, colour: int | None = None) -> int:
        """The move for `colour` (by default the one to play): a sensible point that repeats no earlier
        position, or the pass. The board is left as it is."""
        view = board.copy()
        view.superko = True  # the strictest rule, whichever one the opponent goes by
        if colour is not None:
            view.to_play = colour
        sensible = view.sensible_points()
        if not sensible.any() or _should_answer_pass(view):
            return view.pass_point
        prior = np.where(sensible, self.prior(view), 0)
        if self._temperature == 0:
            return int(np.where(sensible, prior, -1).argmax())
        with np.errstate(divide="ignore"):  # the logarithm of 0 is -inf, a weight of 0
            weights = _softmax(np.log(prior) / self._temperature, sensible).astype(np.float64)
        return int(self._random.choice(len(weights), p=weights / weights.sum()))


def _should_answer_pass(board: Board) -> bool:
    """Interim: without a judgement of the score, a pass is believed once half the board's points have been
    played."""
    passed = board.moves[-1:] == [(opponent(board.to_play), board.pass_point)]
    return passed and 2 * len(board.moves) >= board.size * board.size


def _softmax(logits: NDArray[np.floating], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """float32, of the shape of both: the softmax over the points of the mask, 0 elsewhere; all 0 for an empty
    mask.

    Points of the mask that all are -inf (a prior that has underflowed) share equally.
    """
    if not mask.any():
        return np.zeros(mask.shape, np.float32)
    top = logits[mask].max()
    weights = mask.astype(np.float32) if np.isneginf(top) else np.exp(np.where(mask, logits - top, -np.inf))
    shares: NDArray[np.float32] = (weights / weights.sum()).astype(np.float32)
    return shares
