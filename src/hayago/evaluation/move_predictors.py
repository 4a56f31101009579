"""Asks predictors other than networks, such as GTP engines, for their move in each position.

A *predictor* answers one position with one point. Its failures are counted, never hidden. A pass, a resignation and an
illegal move are wrong predictions. A position without an answer is lost and left out of every comparison.
"""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hayago.errors import HayagoError
from hayago.evaluation.examples import Examples
from hayago.evaluation.traits import legal_points
from hayago.features.incremental import encode_positions
from hayago.records.games import POINT_MASK, Games

LOST = 0xFFFF
MOST_FAILURES = 3


class NoAnswer(HayagoError):
    """A predictor did not answer for a position; the message says why in one line."""


class MovePredictor(Protocol):
    """Anything that can be asked for a move."""

    @property
    def name(self) -> str:
        """Its name in tables."""

    def predict(self, games: Games, game: int, ply: int) -> int:
        """The point it would play before move number `ply` (from 0) of the game, for the colour that played there;
        `games.size ** 2` for a pass or a resignation.

        Raises:
            NoAnswer: it gives no answer.
        """


class Answers(NamedTuple):
    """A predictor's answers.

    Attributes:
        name: the predictor's name.
        chosen: int64 (A,), rising, the examples that it was asked about.
        points: uint16 (A,), its answers, LOST where one is missing.
        illegal, passes: the number of illegal moves, and of passes or resignations, among the answers.
        lost: the number of missing answers for each reason.
    """

    name: str
    chosen: NDArray[np.int64]
    points: NDArray[np.uint16]
    illegal: int
    passes: int
    lost: dict[str, int]

    @property
    def answered(self) -> NDArray[np.int64]:
        """int64: the examples that it answered."""
        answered: NDArray[np.int64] = self.chosen[self.points != LOST]
        return answered

    def right(self, examples: Examples) -> NDArray[np.bool_]:
        """bool: for each answered example, whether the answer is the played point."""
        played = examples.codes[self.answered] & POINT_MASK
        right: NDArray[np.bool_] = self.points[self.points != LOST] == played
        return right


def ask(
    predictor: MovePredictor, examples: Examples, limit: int = 0, progress: Callable[[int, int], None] | None = None
) -> Answers:
    """Ask about the examples, or about `limit` of them, evenly spaced.

    After MOST_FAILURES failures in a row the predictor is not asked again, and the remaining positions are lost.
    """
    count = len(examples) if not limit else min(limit, len(examples))
    chosen = np.linspace(0, len(examples) - 1, count).astype(np.int64)
    points = np.full(count, LOST, np.uint16)
    reasons: list[str] = []
    failures = 0
    for k, (game, ply) in enumerate(zip(examples.game[chosen].tolist(), examples.ply[chosen].tolist(), strict=True)):
        try:
            points[k] = predictor.predict(examples.games, game, ply)
            failures = 0
        except NoAnswer as error:
            reasons.append(str(error))
            failures += 1
            if failures == MOST_FAILURES:
                reasons += [f"not asked after {MOST_FAILURES} failures in a row"] * (count - k - 1)
                break
        if progress is not None:
            progress(k + 1, count)
    answered = points != LOST
    size = examples.games.size
    is_move = answered & (points < size * size)
    some = chosen[is_move]
    rows, _ = encode_positions(examples.games, examples.game[some], examples.ply[some], np.zeros(len(some), np.uint8))
    legal = legal_points(rows, size)[np.arange(len(some)), points[is_move].astype(np.int64)]
    illegal = int((~legal).sum())
    passes = int((answered & ~is_move).sum())
    return Answers(predictor.name, chosen, points, illegal, passes, dict(Counter(reasons)))
