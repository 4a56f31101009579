"""`EndgameJudge`: who will own which point, which stones are dead, and the score. The network knows none of that.

Unconditional life is found first. The rest is played out some hundred times; each colour begins half of the playouts. A
chain is dead if the opponent owns its points at the end of most playouts, and lives in seki if it mostly ends up there.
Then the position is counted as it stands. Until everything is settled, the *lead* is what the playouts expect instead,
and the winrate follows from the lead. Special shapes have no rules of their own: a bent four in the corner, like
every ko, is what the playouts make of it. scripts/proofs/judge_endings.py measures all this against GNU Go.
"""

import math
import time
from dataclasses import replace
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK
from hayago.rules.game_rules import GameRules
from hayago.rules.kernels.frame import CELLS, framed, unframed
from hayago.rules.kernels.playouts import play_many
from hayago.rules.life import mark_unconditional
from hayago.rules.scoring import Count, count, handicap_stones

PLAYOUTS = 400
BATCH = 50  # the clock is read after this many playouts
DEAD = 0.5  # share of the playouts that end with the opponent owning the stones
IN_SEKI = 0.5  # share of the playouts that end with the stones in seki
SETTLED = 0.9  # of the ownership
# How the lead and the winrate follow from the ownership: chosen on 300 KGS games of the training split, by the Brier
# score at moves 50, 100, 150, 200 and the end. scripts/proofs/judge_winrates.py measures them on other games.
OPEN, CLOSED = 0.3, 0.8  # ownership up to which a point is open, and from which it belongs to its owner
LATE, EARLY = 0.08, 0.25  # share of open points: below, the count alone is the lead; above, the playouts are
SPREAD, GROWTH = 5.0, 3.6  # points on 19x19 by which a lead can be wrong when nothing is open, and how that grows
STONE = 9.0  # points that a handicap stone is worth to Black, and to White's greater strength


class Judgement(NamedTuple):
    """A position as it will end, whichever side is to play.

    Attributes:
        ownership: float32 (N*N,), the expected owner at the end, from -1 (White) to 1 (Black).
        owner: int8 (N*N,), the owner of each point if the board is counted now: BLACK, WHITE or EMPTY (dame).
        dead: the points of the dead stones.
        seki: the points of stones that live in seki.
        settled: bool (N*N,), points whose owner no longer depends on play.
        score: Black's points minus White's if the board is counted now, komi and handicap compensation included.
        lead: the points that Black is expected to be ahead at the end; the score once all is settled.
        spread: the standard deviation of the lead.
        black_winrate: the probability that Black wins, as far as playouts know; 0.5 where they know nothing.
    """

    ownership: NDArray[np.float32]
    owner: NDArray[np.int8]
    dead: frozenset[int]
    seki: frozenset[int]
    settled: NDArray[np.bool_]
    score: float
    lead: float
    spread: float
    black_winrate: float


class Playouts(NamedTuple):
    """Shares of playouts, float32 (N*N,), and their scores, float32 (playouts,): Black's area minus White's."""

    black: NDArray[np.float32]
    white: NDArray[np.float32]
    seki: NDArray[np.float32]
    scores: NDArray[np.float32]


def _outlook(counted: Count, ownership: NDArray[np.float32], board: Board) -> tuple[float, float]:
    """Black's lead, and its probability of winning.

    A point that the playouts leave open counts as they have it, any other as the count has it. Where little is open,
    the lead is the count; where the game is over, the winner is certain. Otherwise the winrate is that of a normal
    distribution around the lead. Its spread grows with the open points, up to one that says nothing. A handicap says
    that White is stronger by as much, so as long as points are open, White is expected to make up for it.
    """
    if board.is_over:
        return counted.score, 0.5 if counted.score == 0 else float(counted.score > 0)
    closed = _smooth_step(np.abs(ownership), OPEN, CLOSED)
    share = float(1 - closed.mean())
    signs = np.array([0, 1, -1], np.float32)[counted.owner]
    correction = float(((1 - closed) * (ownership - signs)).sum())
    lead = counted.score + float(_smooth_step(np.array(share), LATE, EARLY)) * correction
    margin = lead - STONE * handicap_stones(board) * share
    return lead, NormalDist(0, SPREAD * math.exp(GROWTH * share) * board.size / 19).cdf(margin)


def _smooth_step(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    """From 0 up to `low` to 1 from `high` on, without a kink."""
    ramp = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(ramp * ramp * (3 - 2 * ramp), np.float32)


class EndgameJudge:
    """Judges positions by Benson's unconditional life and playouts.

    The judgement depends on the position, the rules and the arguments here alone, unless it is given a time limit.

    Args:
        playouts: the number of playouts.
        seed: of the playouts.
        heuristics: False makes the playout policy random, for comparison.
    """

    def __init__(self, playouts: int = PLAYOUTS, seed: int = 0, *, heuristics: bool = True) -> None:
        self.playouts, self._seed, self._heuristics = playouts, seed, heuristics

    def judge(
        self, board: Board, rules: GameRules, seconds: float | None = None, playouts: int | None = None
    ) -> Judgement:
        """Judge the position. The board is not changed.

        Args:
            board: the position.
            rules: how to count.
            seconds: a time limit, after which no further batch of playouts begins; None is no limit.
            playouts: another number of playouts than the judge's own.
        """
        played = self._play(board, seconds, playouts)
        ownership = played.black - played.white
        stones = board.grid().ravel()
        dead, seki = set[int](), set[int]()
        seen = set[int]()
        for point in np.flatnonzero(stones).tolist():
            if point in seen:
                continue
            chain = board.chain(point)
            seen |= chain
            where = list(chain)
            if (played.white if stones[point] == BLACK else played.black)[where].mean() > DEAD:
                dead |= chain
            elif played.seki[where].mean() > IN_SEKI:
                seki |= chain
        counted = count(board, rules, dead, seki, ownership)
        expected = counted  # when dead stones stay, they can still be captured until the game is over
        if not (rules.friendly_pass_ok or board.is_over):
            expected = count(board, replace(rules, friendly_pass_ok=True), dead, seki, ownership)
        lead, winrate = _outlook(expected, ownership, board)
        return Judgement(
            ownership,
            counted.owner,
            frozenset(dead),
            frozenset(seki),
            np.abs(ownership) >= SETTLED,
            counted.score,
            lead,
            float(played.scores.std()),
            winrate,
        )

    def _play(self, board: Board, seconds: float | None, playouts: int | None) -> Playouts:
        ends = None if seconds is None else time.perf_counter() + seconds
        size, wanted = board.size, playouts or self.playouts
        cells = framed(board.grid())
        fixed = np.empty(CELLS, np.uint8)
        mark_unconditional(cells, fixed)
        tally = np.zeros((4, CELLS), np.int32)
        scores = np.empty(wanted, np.float32)
        done = 0
        while done < wanted and (done == 0 or ends is None or time.perf_counter() < ends):
            batch = scores[done : done + BATCH]
            play_many(cells, fixed, size, done, self._heuristics, self._seed, tally, batch)
            done += len(batch)
        black, white, seki = (unframed(row, size).astype(np.float32) / np.float32(done) for row in tally[1:])
        return Playouts(black, white, seki, scores[:done])
