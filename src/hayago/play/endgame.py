"""`EndgameJudge`: from a position to who will own what, which stones are dead, and the score. The network knows none
of that.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.rules.board import Board
from hayago.rules.coords import BLACK, EMPTY
from hayago.rules.game_rules import GameRules

if TYPE_CHECKING:
    from hayago.learn.evaluator import Evaluator


class Judgement(NamedTuple):
    """A position as it will end, whoever is to play.

    Attributes:
        ownership: float32 (N*N,), the expected owner at the end, from -1 (White) to 1 (Black).
        owner: int8 (N*N,), who gets each point when the board is counted now: BLACK, WHITE or EMPTY (dame).
        dead: the points of the stones that are dead as they stand.
        seki: the points of the stones that live in seki.
        settled: bool (N*N,), points whose owner no longer depends on play.
        score: Black's points less White's under the rules' scoring, komi and handicap compensation included.
        score_spread: standard deviation of the playouts' scores.
        black_winrate: share of the playouts that Black wins.
    """

    ownership: NDArray[np.float32]
    owner: NDArray[np.int8]
    dead: frozenset[int]
    seki: frozenset[int]
    settled: NDArray[np.bool_]
    score: float
    score_spread: float
    black_winrate: float


class EndgameJudge:
    """Judges positions by Benson's unconditional life, playouts and, given a network, its continuations.

    Args:
        evaluator: the network, for boards of its size; None judges without one, on every size.
        seconds: how long a judgement may take.
        seed: the same seed and number of playouts give the same judgement.
    """

    def __init__(self, evaluator: "Evaluator | None" = None, seconds: float = 0.3, seed: int = 0) -> None:
        self._evaluator, self._seconds, self._seed = evaluator, seconds, seed

    def judge(
        self, board: Board, rules: GameRules, seconds: float | None = None, playouts: int | None = None
    ) -> Judgement:
        """Judge the position; the board is left as it is.

        Args:
            board: the position.
            rules: how to count.
            seconds: the time for it, if not the judge's own; some playouts are made however short it is.
            playouts: exactly so many instead, however long they take.
        """
        area = board.area().ravel()
        return Judgement(
            np.select([area == BLACK, area != EMPTY], [1.0, -1.0]).astype(np.float32),
            area,
            frozenset(),
            frozenset(),
            area != EMPTY,
            board.area_score(rules.komi),
            0.0,
            float(board.area_score(rules.komi) > 0),
        )
