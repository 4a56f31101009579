"""`Player`: from a board to a prior, from a prior to a move. No protocol.

A *prior*, float32 (size * size,), is the network's probability of each legal point for the colour to play; illegal
points hold 0. A *style* says how a move is picked from it: see `hayago.player.styles`.

The network knows no pass. Late in a game an `EndgameJudge` says what is settled. There nothing is played unless the
network is sure of it.

    choice = player.choose(board, colour, rules=rules, seconds=5.0)
    choice.point    a point, the pass (board.pass_point), or None: resign
    choice.reason   why, in a few words
    choice.prior, choice.judgement    what the choice was based on, or None

`choose` does not change the board; the caller plays the move. It remembers hopeless positions, since resigning needs
several, and forgets those that are not in the board's history. So undo and new games need no special care.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.errors import HayagoError
from hayago.features.plain import encode
from hayago.features.planes import pack
from hayago.player.continuations import ContinuingJudge
from hayago.player.endgame import EndgameJudge, Judgement
from hayago.player.styles import STRONGEST, Style, pick, softmax
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, opponent
from hayago.rules.game_rules import GameRules
from hayago.rules.symmetry import SYMMETRIES, point_maps

if TYPE_CHECKING:  # making an evaluator loads its backend; using one needs none
    from hayago.network.evaluator import Evaluator


LATE = 1 / 3  # share of the points with stones from which on the position is judged before each move
OPEN_TO_CHANGE = 0.8  # ownership below which a point may still change its owner, when it comes to resigning
# From this prior on, the network overrules the playouts, which overlook threats. It is the least of 0.3, 0.5, 0.7, 0.9
# at which nothing is played where people passed, at 78 ends of KGS validation games.
SURE = 0.7
HOPELESS_MOVES = 3  # own moves in a row that must have been hopeless before resigning


class Choice(NamedTuple):
    """What a player does, and why.

    Attributes:
        point: a point, the pass, or None to resign.
        reason: why, in a few words.
        prior: the network's prior, if it was asked.
        judgement: of the position before the move, if it was judged.
    """

    point: int | None
    reason: str
    prior: NDArray[np.float32] | None = None
    judgement: Judgement | None = None


class Player:
    """Picks moves by the network's prior.

    Args:
        evaluator: the network.
        style: how moves are picked.
        judge: judges late positions; by default one of its own, and a `ContinuingJudge` for the count at the end.
        resign: resign when the playouts win at most this share over several own moves, and even everything undecided
            would not win; None never resigns. 0.05 is usual.
        seed: makes sampling and judging repeatable.
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
        self._evaluator = evaluator
        self.style = style
        self.resign = resign
        self.judge = judge or EndgameJudge(seed=seed or 0)
        self.last_judge = judge or ContinuingJudge(evaluator, seed=seed or 0)
        self._random = np.random.default_rng(seed)
        # The hopeless positions in a row of each colour: (moves played before, hash of the position).
        self._hopeless: dict[int, list[tuple[int, int]]] = {}

    def prior(self, board: Board, symmetries: int | None = None, seconds: float | None = None) -> NDArray[np.float32]:
        """float32 (size * size,): the softmax of the logits over the points that are legal for `board.to_play`.

        Args:
            board: the position.
            symmetries: 1, or 8 to average the softmaxes; by default the style's.
            seconds: time limit; if 8 symmetries would take longer, only one is used. None is no limit.

        Raises:
            HayagoError: the network is for boards of another size.
        """
        info = self._evaluator.info
        if board.size != info.board_size:
            raise HayagoError(f"the network is for boards of {info.board_size}, not {board.size}")
        legal = board.legal_points()[:-1]
        started = time.perf_counter()
        prior: NDArray[np.float32] = self._look([board], [legal], range(1))[0]
        took = time.perf_counter() - started
        if (self.style.symmetries if symmetries is None else symmetries) == 1:
            return prior
        if seconds is not None and SYMMETRIES * took > seconds:
            return prior
        others = self._look([board], [legal], range(1, SYMMETRIES))[0]
        averaged: NDArray[np.float32] = (prior + (SYMMETRIES - 1) * others) / np.float32(SYMMETRIES)
        return averaged

    def priors(self, boards: Sequence[Board], symmetry: int | None = None) -> NDArray[np.float32]:
        """float32 (B, size * size): the priors of several positions, under one symmetry of the board or (None)
        averaged over all."""
        symmetries = range(SYMMETRIES) if symmetry is None else range(symmetry, symmetry + 1)
        return self._look(boards, [board.legal_points()[:-1] for board in boards], symmetries)

    def _look(
        self, boards: Sequence[Board], legal: Sequence[NDArray[np.bool_]], symmetries: range
    ) -> NDArray[np.float32]:
        """The prior of each board, averaged over these symmetries."""
        planes, maps = self._evaluator.info.planes, point_maps(boards[0].size)[:, :-1]
        rows = [pack(seen, s) for seen in (encode(board, planes) for board in boards) for s in symmetries]
        logits = self._evaluator.logits(np.stack(rows)).reshape(len(boards), len(symmetries), -1)
        priors = np.empty((len(boards), boards[0].size ** 2), np.float32)
        for prior, seen, mask in zip(priors, logits, legal, strict=True):
            turned = [softmax(each[maps[symmetry]], mask) for symmetry, each in zip(symmetries, seen, strict=True)]
            prior[:] = np.mean(turned, axis=0)
        return priors

    def choose(
        self,
        board: Board,
        colour: int | None = None,
        *,
        rules: GameRules = GameRules(),  # noqa: B008 - frozen
        seconds: float | None = None,
        cleanup: bool = False,
        barred: frozenset[int] = frozenset(),
    ) -> Choice:
        """The move for `colour` (by default the one to play), not yet played.

        Args:
            board: the position; our moves keep positional superko even if the board does not.
            colour: who plays.
            rules: how the game will be counted.
            seconds: time limit for this move; None is no limit.
            cleanup: capture all dead stones before passing (kgs-genmove_cleanup); never resigns.
            barred: points, or the pass, not to play; if that leaves no legal move, the choice is the pass.
        """
        started = time.perf_counter()
        view = board.copy()
        view.superko = True  # the strictest rule, whichever the opponent follows
        if colour is not None:
            view.to_play = colour
        may_pass = view.pass_point not in barred
        allowed = np.ones(view.pass_point, np.bool_)
        allowed[[point for point in barred if point < view.pass_point]] = False
        sensible = view.sensible_points() & allowed
        judgement = prior = None
        if cleanup or _is_late(view) or _was_passed(view):
            judgement = self.judge.judge(view, rules, None if seconds is None else seconds / 4)
            if cleanup:
                return self._clean_up(view, sensible, judgement, seconds)
            if self._should_resign(board, view.to_play, judgement):
                return Choice(None, "no chance is left", judgement=judgement)
            if (judgement.settled & sensible).any():
                prior = self._prior_within(view, seconds, started)
                sensible &= ~judgement.settled | (prior >= SURE)
            sensible &= ~_breaks_seki(view, sensible, judgement)
        if not sensible.any() and not may_pass:
            sensible = view.legal_points()[:-1] & allowed
        if not sensible.any():
            return Choice(view.pass_point, "nothing is left to play for", judgement=judgement)
        # Before the late game a count says little, and an opponent who passes may still want to play.
        answers_pass = may_pass and _is_late(view) and _was_passed(view)
        if judgement is not None and answers_pass and _is_won(view.to_play, judgement):
            return Choice(view.pass_point, "the opponent has passed and the game is won", judgement=judgement)
        if prior is None:
            prior = self._prior_within(view, seconds, started)
        point, reason = self._pick(np.where(sensible, prior, 0), sensible, len(board.moves))
        if judgement is not None:
            settled = judgement.settled[point]
            reason += ", though the playouts call it settled" if settled else " of what is not settled"
        return Choice(point, reason, prior, judgement)

    def _prior_within(self, board: Board, seconds: float | None, started: float) -> NDArray[np.float32]:
        """The prior, within what is left of the time since the start."""
        return self.prior(board, seconds=None if seconds is None else seconds - (time.perf_counter() - started))

    def _pick(self, prior: NDArray[np.float32], among: NDArray[np.bool_], moves: int) -> tuple[int, str]:
        """A point of the mask by the style, and how it was picked."""
        point = pick(self.style, prior, among, moves, lambda weights: self._random.choice(len(weights), p=weights))
        return point, "likeliest" if self.style.temperature_at(moves) == 0 else "sampled"

    def _should_resign(self, board: Board, colour: int, judgement: Judgement) -> bool:
        """Whether there were enough hopeless positions in a row. Notes this one if it is hopeless."""
        if self.resign is None:
            return False
        sign = 1 if colour == BLACK else -1
        winrate = judgement.black_winrate if colour == BLACK else 1 - judgement.black_winrate
        loose = np.abs(judgement.ownership) < OPEN_TO_CHANGE
        best = sign * judgement.score + float((1 - sign * judgement.ownership)[loose].sum())
        if winrate > self.resign or best > 0:
            self._hopeless[colour] = []
            return False
        noted = self._hopeless.get(colour, [])
        past = [(moves, seen) for moves, seen in noted if board.position_hash_at(moves) == seen]
        now = len(board.moves), board.position_hash
        self._hopeless[colour] = [*past, now] if now not in past else past
        return len(self._hopeless[colour]) >= HOPELESS_MOVES

    def _clean_up(
        self, board: Board, sensible: NDArray[np.bool_], judgement: Judgement, seconds: float | None
    ) -> Choice:
        """Capture the opponent's dead stones, those nearest to capture first, without losing stones."""
        stones = board.grid().ravel()
        dead = [point for point in judgement.dead if stones[point] == opponent(board.to_play)]
        own_dead = sum(stones[point] == board.to_play for point in judgement.dead)
        tries = _captures_first(board, sensible, dead)
        share = None if seconds is None else seconds / 2 / max(len(tries), 1)
        for point in tries:
            after = board.copy()
            after.play(point)
            if sum(stones[p] == board.to_play for p in self.judge.judge(after, GameRules(), share).dead) <= own_dead:
                return Choice(point, "takes dead stones", judgement=judgement)
        return Choice(board.pass_point, "no dead stones are left", judgement=judgement)


def _is_late(board: Board) -> bool:
    """Whether there are enough stones that parts of the board may be settled."""
    return bool(np.count_nonzero(board.grid()) >= LATE * board.size**2)


def _was_passed(board: Board) -> bool:
    """Whether the opponent has just passed."""
    return board.moves[-1:] == [(opponent(board.to_play), board.pass_point)]


def _is_won(colour: int, judgement: Judgement) -> bool:
    """Whether the game would be won if it were counted now."""
    return judgement.score > 0 if colour == BLACK else judgement.score < 0


def _breaks_seki(board: Board, points: NDArray[np.bool_], judgement: Judgement) -> NDArray[np.bool_]:
    """bool (N*N,): those of the points that put one of the player's chains in seki into atari."""
    breaks = np.zeros(len(points), np.bool_)
    if not judgement.seki:
        return breaks
    for point in np.flatnonzero(points).tolist():
        after = board.copy()
        after.play(point)
        breaks[point] = after.liberties(point) == 1 and bool(after.chain(point) & judgement.seki)
    return breaks


def _captures_first(board: Board, sensible: NDArray[np.bool_], dead: list[int]) -> list[int]:
    """The sensible points beside the empty regions of the dead stones, in the order in which to try them: first those
    on the liberties of the chain with the fewest, moves into atari last."""
    near: dict[int, int] = {}
    for point in dead:
        for liberty in board.chain_liberties(point):
            near[liberty] = min(near.get(liberty, 999), board.liberties(point))
    ranked = []
    for point, liberties in near.items():
        if sensible[point]:
            after = board.copy()
            taken = after.captures[board.to_play]
            after.play(point)
            taken = after.captures[board.to_play] - taken
            ranked.append((taken == 0 and after.liberties(point) == 1, liberties, -taken, point))
    return [point for *_, point in sorted(ranked)]
