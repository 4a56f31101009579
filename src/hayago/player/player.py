"""`Player`: an evaluator and a way of choosing. From a board to a prior, from a prior to a move; no protocol.

Nouns: *prior*, float32 (size * size,), is the network's probability of each legal point for the colour to play;
illegal points hold 0. A *style* says how a move is picked from it; `LEVELS[0]` to `LEVELS[9]` are the levels 1 to 10.

The network knows no pass. Late in a game an `EndgameJudge` says what is settled, and there nothing is played unless the
network is sure of it. So:

    choice = player.choose(board, colour, rules=rules, seconds=5.0)
    choice.point    a point, the pass (board.pass_point), or None: resign
    choice.reason   why, in a few words
    choice.prior, choice.judgement    what it was chosen by, or None where it was not needed

`choose` leaves the board as it is, and the caller plays the move. It remembers the positions in which it was hopeless
(resigning needs several) and forgets those that the board's history does not hold, so undo and new games need nothing.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.errors import HayagoError
from hayago.features.plain import encode
from hayago.features.planes import pack
from hayago.player.continuations import ContinuingJudge
from hayago.player.endgame import EndgameJudge, Judgement
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, opponent
from hayago.rules.game_rules import GameRules
from hayago.rules.symmetry import SYMMETRIES, point_maps

if TYPE_CHECKING:  # the backends are loaded by whoever makes the evaluator
    from hayago.network.evaluator import Evaluator


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

    def __post_init__(self) -> None:
        for temperature in (self.temperature, self.opening_temperature or 0.0):
            if not 0 <= temperature < float("inf"):
                raise ValueError(f"temperature is not 0 or more: {temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is not above 0 and at most 1: {self.top_p}")
        if self.symmetries not in (1, SYMMETRIES):
            raise ValueError(f"symmetries are not 1 or {SYMMETRIES}: {self.symmetries}")

    def temperature_at(self, moves: int) -> float:
        """The temperature after so many moves of both sides."""
        if self.opening_temperature is not None and moves < self.opening_moves:
            return self.opening_temperature
        return self.temperature


STRONGEST = Style()
# The box's cross-entropy with people's moves is lowest at 1.006 on 145 validation games of professionals, at 0.975 on
# 117 of KGS 2016-2017, where it gains 0.0015 over 1 (docs/model-card.md).
LIKE_HUMAN = Style(temperature=1.0, symmetries=1)
# Levels 1 to 10, weakest first, some 140 Elo apart: docs/experiments.md, Matches.
LEVELS: tuple[Style, ...] = (
    *(Style(temperature, symmetries=1) for temperature in (1.5, 1.42, 1.35, 1.27, 1.2, 1.1, 0.97, 0.8, 0.55)),
    STRONGEST,
)

LATE = 1 / 3  # share of the points with stones on them, from which on the position is judged at each move
OPEN_TO_CHANGE = 0.8  # of the ownership: a point whose owner may yet change, for one who thinks of resigning
# From this prior on the network's word counts for more than that of the playouts, which overlook threats. The least of
# 0.3, 0.5, 0.7, 0.9 at which nothing is played where people passed, at 78 ends of validation games of KGS.
SURE = 0.7
HOPELESS_MOVES = 3  # own moves in a row, as they are chosen, that must have been hopeless


def pick(
    style: Style,
    prior: NDArray[np.float32],
    among: NDArray[np.bool_],
    moves: int,
    draw: Callable[[NDArray[np.float64]], int],
) -> int:
    """A point of the mask by the style, after so many moves; `draw` gives an index by lot, given all probabilities."""
    temperature = style.temperature_at(moves)
    if temperature == 0:
        return int(np.where(among, prior, -1).argmax())
    weights = tempered(prior, among, temperature).astype(np.float64)
    if style.top_p < 1:
        order = np.argsort(-weights)
        kept = np.cumsum(weights[order]) - weights[order] < style.top_p
        weights[order[~kept]] = 0
    return int(draw(weights / weights.sum()))


class Choice(NamedTuple):
    """What a player does, and why.

    Attributes:
        point: a point, the pass, or None to resign.
        reason: why, in a few words.
        prior: the network's prior, where it was asked.
        judgement: of the position before the move, where it was judged.
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
        resign: resign once the playouts win no more than this share over several own moves, and even all that may yet
            change would not win; None never resigns. 0.05 is a usual one.
        seed: makes the sampling and the judging repeat exactly.
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
        # For each colour the own moves in a row that were hopeless: (moves played before, hash of the position).
        self._hopeless: dict[int, list[tuple[int, int]]] = {}

    def prior(self, board: Board, symmetries: int | None = None, seconds: float | None = None) -> NDArray[np.float32]:
        """float32 (size * size,): the softmax of the logits over the points that are legal for `board.to_play`.

        Args:
            board: the position.
            symmetries: 1 or 8, by default as the style has it; of 8 the softmaxes are averaged.
            seconds: the time for it; where 8 would take longer than that, one is looked at. None is no limit.

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
        """float32 (B, size * size): the priors of positions looked at together, by one look at each under that symmetry
        of the board, or (None) their averages over all symmetries."""
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
            board: the position; own moves keep positional superko, whether or not the board does.
            colour: who plays.
            rules: how the game will be counted.
            seconds: the time for this move; None is no limit but the judge's own.
            cleanup: capture all that is dead before passing (kgs-genmove_cleanup); never resigns.
            barred: points, or the pass, that are not to be played; where that leaves no legal move it is the pass.
        """
        started = time.perf_counter()
        view = board.copy()
        view.superko = True  # the strictest rule, whichever one the opponent goes by
        if colour is not None:
            view.to_play = colour
        may_pass = view.pass_point not in barred
        allowed = np.ones(view.pass_point, np.bool_)
        allowed[[point for point in barred if point < view.pass_point]] = False
        sensible = view.sensible_points() & allowed
        judgement = prior = None
        if cleanup or _is_late(view) or _was_passed(view):
            judgement = self.judge.judge(view, rules, seconds and seconds / 4)
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
        # Before the late game a count says little, and who passes then may mean to go on.
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
        """The prior in what is left of the seconds since the start."""
        return self.prior(board, seconds=None if seconds is None else seconds - (time.perf_counter() - started))

    def _pick(self, prior: NDArray[np.float32], among: NDArray[np.bool_], moves: int) -> tuple[int, str]:
        """A point of the mask by the style, and how it was picked."""
        point = pick(self.style, prior, among, moves, lambda weights: self._random.choice(len(weights), p=weights))
        return point, "likeliest" if self.style.temperature_at(moves) == 0 else "sampled"

    def _should_resign(self, board: Board, colour: int, judgement: Judgement) -> bool:
        """Whether this is one more hopeless position in a row, and they are enough. Notes the position."""
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
        """Take the opponent's dead stones, the nearest to capture first, and lose nothing by it."""
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


def tempered(prior: NDArray[np.float32], among: NDArray[np.bool_], temperature: float) -> NDArray[np.float32]:
    """float32 (N*N,): the prior ** (1 / temperature) of the points of the mask, adding up to 1; temperature above 0."""
    top = prior[among].max(initial=0) or 1  # so that the likeliest stay at 0, however low the temperature
    with np.errstate(divide="ignore", over="ignore"):  # the logarithm of 0 is -inf, a weight of 0
        return softmax(np.log(prior / top, dtype=np.float64) / temperature, among)


def rank_in(prior: NDArray[np.float32], point: int) -> int:
    """The rank of the point by its prior, from 1; of points that are equally likely the first comes first."""
    return int(np.flatnonzero(np.argsort(-prior, kind="stable") == point)[0]) + 1


def _is_late(board: Board) -> bool:
    """Whether so many stones are there that parts of the board may be settled; costs nothing before."""
    return bool(np.count_nonzero(board.grid()) >= LATE * board.size**2)


def _was_passed(board: Board) -> bool:
    """Whether the opponent has just passed."""
    return board.moves[-1:] == [(opponent(board.to_play), board.pass_point)]


def _is_won(colour: int, judgement: Judgement) -> bool:
    """Whether the game, counted now, is won."""
    return judgement.score > 0 if colour == BLACK else judgement.score < 0


def _breaks_seki(board: Board, points: NDArray[np.bool_], judgement: Judgement) -> NDArray[np.bool_]:
    """bool (N*N,): of these points those that put an own chain that lives in seki into atari."""
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


def softmax(logits: NDArray[np.floating], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
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
