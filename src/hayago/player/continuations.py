"""`ContinuingJudge`: the judge for the final count, which lets the network play on where playouts disagree.

A *continuation* is the position after further moves sampled from the network. The network knows no pass, so a side
passes when nothing sensible is left outside unconditional life. scripts/proofs/judge_endings.py measured the gain: far
fewer living stones are called dead. This takes seconds where something is in doubt, too long for every move.
"""

import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hayago.features.plain import encode_packed
from hayago.player.endgame import PLAYOUTS, EndgameJudge, Playouts
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, EMPTY, WHITE
from hayago.rules.kernels.frame import CELLS, framed, unframed
from hayago.rules.life import mark_unconditional

if TYPE_CHECKING:
    from hayago.network.evaluator import Evaluator

CONTINUATIONS, MOVES = 16, 60
UNSURE = 0.2  # share of the playouts


class ContinuingJudge(EndgameJudge):
    """Judges by playouts, and doubtful stones by playouts after continuations.

    Args:
        evaluator: the network; positions of other sizes are judged by playouts alone.
        seed: of the playouts and the continuations.
        continuations: their number, all in one batch; Black begins half of them.
        moves: their length.
        unsure: a stone is in doubt if each side gets its point in at least this share of the playouts; 0 takes
            everything from the continuations.
    """

    def __init__(
        self,
        evaluator: "Evaluator",
        seed: int = 0,
        *,
        continuations: int = CONTINUATIONS,
        moves: int = MOVES,
        unsure: float = UNSURE,
    ) -> None:
        super().__init__(seed=seed)
        self._evaluator, self._continuations, self._moves, self._unsure = evaluator, continuations, moves, unsure

    def _play(self, board: Board, seconds: float | None, playouts: int | None) -> Playouts:
        ends = None if seconds is None else time.perf_counter() + seconds
        plain = super()._play(board, seconds, playouts)
        stones = board.grid().ravel()
        doubtful = (np.minimum(plain.black, plain.white) >= self._unsure) & (stones != EMPTY)
        if board.size != self._evaluator.info.board_size or (self._unsure and not doubtful.any()):
            return plain
        boards = [board.copy() for _ in range(self._continuations)]
        for number, each in enumerate(boards):
            each.superko, each.to_play = True, WHITE if number % 2 else BLACK
        random = np.random.default_rng(self._seed)
        for _ in range(self._moves):
            if ends is not None and time.perf_counter() >= ends:
                break
            self._move(boards, random)
        share = (playouts or PLAYOUTS) // self._continuations
        after = [super(ContinuingJudge, self)._play(each, None, share) for each in boards]
        black, white = (np.mean([each[row] for each in after], axis=0) for row in (0, 1))
        # A stone that was captured and played again is not the one that lived in seki. That is rare.
        seki = np.mean(
            [each.seki * (end.grid().ravel() == stones) for each, end in zip(after, boards, strict=True)], axis=0
        )
        if not self._unsure:
            return Playouts(black, white, seki, np.concatenate([each.scores for each in after]))
        return Playouts(
            np.where(doubtful, black, plain.black),
            np.where(doubtful, white, plain.white),
            np.where(doubtful, seki, plain.seki),
            plain.scores,
        )

    def _move(self, boards: list[Board], random: np.random.Generator) -> None:
        """A move, or a pass, on each board."""
        movers: list[Board] = []
        masks: list[NDArray[np.bool_]] = []
        for board in boards:
            fixed = np.empty(CELLS, np.uint8)
            mark_unconditional(framed(board.grid()), fixed)
            mask = board.sensible_points() & (unframed(fixed, board.size) == EMPTY)
            if mask.any():
                movers.append(board)
                masks.append(mask)
            else:
                board.play(board.pass_point)
        if not movers:
            return
        planes = self._evaluator.info.planes
        logits = self._evaluator.logits(np.stack([encode_packed(board, planes) for board in movers]))
        noise = random.gumbel(size=logits.shape)  # the largest of logits plus Gumbel noise is a sample at temperature 1
        for board, point in zip(movers, np.where(masks, logits + noise, -np.inf).argmax(axis=1), strict=True):
            board.play(int(point))
