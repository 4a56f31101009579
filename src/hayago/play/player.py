"""`Player`: an evaluator and a way of choosing. From a board to a prior, from a prior to a move; no protocol.

Nouns: *prior*, float32 (size * size,), is the network's probability of each legal point for the colour to play;
illegal points hold 0. A *style* says how a move is picked from it; `LEVELS[0]` to `LEVELS[9]` are the levels 1 to 10.

The network knows no pass. Late in a game an `EndgameJudge` says what is settled, and then:

    choice = player.choose(board, colour, rules=rules, seconds=5.0)
    choice.point    a point, the pass (board.pass_point), or None: resign
    choice.reason   why, in a few words
    choice.prior, choice.judgement    what it was chosen by, or None where it was not needed

`choose` leaves the board as it is, and the caller plays the move. It remembers the positions in which it was hopeless
(resigning needs several) and forgets those that the board's history no longer holds, so undo and new games need nothing.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.errors import HayagoError
from hayago.features.planes import encode_packed
from hayago.play.endgame import EndgameJudge, Judgement
from hayago.rules.board import Board
from hayago.rules.coords import opponent
from hayago.rules.game_rules import GameRules

if TYPE_CHECKING:  # the backends are loaded by whoever makes the evaluator
    from hayago.learn.evaluator import Evaluator


@dataclass(frozen=True)
class Style:
    """How a move is picked from the prior.

    Attributes:
        temperature: 0 plays the likeliest move; above it moves are sampled from prior ** (1 / temperature).
        opening_temperature: the same for the opening; None is no different.
        opening_moves: how many moves of both sides the opening lasts.
        top_p: sampling keeps the likeliest moves that together have this much of the prior.
        symmetries: 1 looks at the position once, 8 averages the prior over all symmetries of the board.
    """

    temperature: float = 0.0
    opening_temperature: float | None = None
    opening_moves: int = 30
    top_p: float = 1.0
    symmetries: int = 8


STRONGEST = Style()
LIKE_HUMAN = Style(temperature=1.0)
LEVELS: tuple[Style, ...] = (STRONGEST,) * 10


class Choice(NamedTuple):
    """What a player does, and why."""

    point: int | None
    reason: str
    prior: NDArray[np.float32] | None = None
    judgement: Judgement | None = None


class Player:
    """Picks moves by the network's prior.

    Args:
        evaluator: the network.
        style: how moves are picked.
        judge: judges late positions; by default one of its own, with the same seed.
        resign: resign where the chance of winning stays below this; None never resigns.
        seed: makes the sampling repeat exactly.

    Raises:
        ValueError: the style makes no sense.
    """

    def __init__(
        self,
        evaluator: "Evaluator",
        style: Style = STRONGEST,
        *,
        judge: EndgameJudge | None = None,
        resign: float | None = None,
        seed: int | None = None,
    ) -> None:
        if not style.temperature >= 0:
            raise ValueError(f"temperature is below 0: {style.temperature}")
        self._evaluator = evaluator
        self.style = style
        self.resign = resign
        self.judge = judge or EndgameJudge(evaluator, seed=seed or 0)
        self._random = np.random.default_rng(seed)

    def prior(self, board: Board, symmetries: int | None = None) -> NDArray[np.float32]:
        """float32 (size * size,): the softmax of the logits over the points that are legal for `board.to_play`.

        Args:
            board: the position.
            symmetries: 1 or 8, by default as the style has it.

        Raises:
            HayagoError: the network is for boards of another size.
        """
        info = self._evaluator.info
        if board.size != info.board_size:
            raise HayagoError(f"the network is for boards of {info.board_size}, not {board.size}")
        logits = self._evaluator.logits(encode_packed(board, info.planes)[np.newaxis])[0]
        return _softmax(logits, board.legal_points()[:-1])

    def choose(
        self,
        board: Board,
        colour: int | None = None,
        *,
        rules: GameRules = GameRules(),  # noqa: B008 - frozen
        seconds: float | None = None,
        cleanup: bool = False,
    ) -> Choice:
        """The move for `colour` (by default the one to play), not yet played.

        Args:
            board: the position; own moves keep positional superko, whether or not the board does.
            colour: who plays.
            rules: how the game will be counted.
            seconds: the time for this move; None is no limit but the judge's own.
            cleanup: capture all that is dead before passing (kgs-genmove_cleanup); never resigns.
        """
        view = board.copy()
        view.superko = True  # the strictest rule, whichever one the opponent goes by
        if colour is not None:
            view.to_play = colour
        sensible = view.sensible_points()
        if not sensible.any() or _should_answer_pass(view):
            return Choice(view.pass_point, "no sensible move is left")
        prior = np.where(sensible, self.prior(view), 0)
        if self.style.temperature == 0:
            return Choice(int(np.where(sensible, prior, -1).argmax()), "likeliest", prior)
        with np.errstate(divide="ignore"):  # the logarithm of 0 is -inf, a weight of 0
            weights = _softmax(np.log(prior) / self.style.temperature, sensible).astype(np.float64)
        return Choice(int(self._random.choice(len(weights), p=weights / weights.sum())), "sampled", prior)


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
