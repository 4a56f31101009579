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
from hayago.network.board_sizes import named_sizes
from hayago.player.endgame import EndgameJudge, Judgement
from hayago.player.styles import STRONGEST, Style, check_symmetries, pick, softmax
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


class Options(NamedTuple):
    """What a player chooses from.

    Attributes:
        shares: float32 (N*N + 1,), adding up to 1: the prior without the points that the player leaves alone. The last
            is the pass, which has either nothing or everything.
        reason: why one move has everything, in a few words; "" if the prior decides.
        prior: the network's prior, if it was asked.
        judgement: of the position, if it is late or the opponent has passed.
    """

    shares: NDArray[np.float32]
    reason: str
    prior: NDArray[np.float32] | None = None
    judgement: Judgement | None = None


class Player:
    """Picks moves by the network's prior.

    Args:
        evaluator: the network.
        style: how moves are picked.
        judge: judges late positions, and counts them at the end; by default one of its own.
        resign: resign when the playouts win at most this share over several own moves, and even everything undecided
            would not win; None never resigns. 0.05 is usual.
        seed: makes sampling repeatable.

    Attributes:
        sizes: the board sizes that the network takes, and for each the network that plays there.
        board_size: the size that its first network learned on.
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
        self.sizes, self.board_size = evaluator.sizes, evaluator.info.board_size
        self.style = style
        self.resign = resign
        self.judge = judge or EndgameJudge()
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
            HayagoError: the network is for boards of other sizes.
            ValueError: the symmetries are neither 1 nor 8.
        """
        if symmetries is None:
            symmetries = self.style.symmetries
        check_symmetries(symmetries)
        if board.size not in self.sizes:
            raise HayagoError(f"the network is for boards of {named_sizes(self.sizes)}, not {board.size}x{board.size}")
        legal = board.legal_points()[:-1]
        started = time.perf_counter()
        prior: NDArray[np.float32] = self._look([board], [legal], range(1))[0]
        took = time.perf_counter() - started
        if symmetries == 1:
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
        options: Options | None = None,
    ) -> Choice:
        """The move for `colour` (by default the one to play), not yet played.

        Args:
            board: the position; our moves keep positional superko even if the board does not.
            colour: who plays.
            rules: how the game will be counted. Without `friendly_pass_ok` dead stones are captured before passing.
            seconds: time limit for this move; None is no limit.
            cleanup: capture all dead stones before passing (kgs-genmove_cleanup); never resigns.
            barred: points, or the pass, not to play; if that leaves no legal move, the choice is the pass.
            options: what to choose from, where that is known; the four arguments before then no longer matter.
        """
        view = board.copy()
        if colour is not None:
            view.to_play = colour
        if options is None:
            options = self.options(view, rules, seconds=seconds, cleanup=cleanup, barred=barred)
        judgement = options.judgement
        if judgement is not None and not cleanup and self._should_resign(board, view.to_play, judgement):
            return Choice(None, "no chance is left", judgement=judgement)
        if options.reason:
            return Choice(int(options.shares.argmax()), options.reason, judgement=judgement)
        point, reason = self._pick(options.shares[:-1], len(board.moves))
        if judgement is not None:
            settled = judgement.settled[point]
            reason += ", though the playouts call it settled" if settled else " of what is not settled"
        return Choice(point, reason, options.prior, judgement)

    def options(
        self,
        board: Board,
        rules: GameRules,
        *,
        seconds: float | None = None,
        cleanup: bool = False,
        barred: frozenset[int] = frozenset(),
        judgement: Judgement | None = None,
    ) -> Options:
        """What `choose` chooses from, for `board.to_play`.

        Args:
            board: the position.
            rules: as for `choose`, like the next three.
            seconds: time limit.
            cleanup: capture all dead stones first.
            barred: moves not to play.
            judgement: of this position, if it has been judged already.
        """
        started = time.perf_counter()
        view = board.copy()
        view.superko = True  # the strictest rule, whichever the opponent follows
        allowed = np.ones(view.pass_point, np.bool_)
        allowed[[point for point in barred if point < view.pass_point]] = False
        may_pass, sensible = view.pass_point not in barred, view.sensible_points() & allowed
        late, passed = _is_late(view), _was_passed(view)
        if not (cleanup or late or passed):
            judgement = None
        elif judgement is None:
            judgement = self.judge.judge(view, rules, None if seconds is None else seconds / 4)
        if cleanup and judgement is not None:
            return self._clean_up(view, sensible, judgement, seconds)
        among, prior = sensible, None
        if judgement is not None:
            if (judgement.settled & sensible).any():
                prior = self._prior_within(view, seconds, started)
                among = sensible & (~judgement.settled | (prior >= SURE))
            among = among & ~_breaks_seki(view, among, judgement)
        if not among.any() and not may_pass:
            among = view.legal_points()[:-1] & allowed
        # Before the late game a count says little, and an opponent who passes may still want to play.
        if judgement is not None and may_pass and late and passed and _is_won(view.to_play, judgement):
            return _only(view, view.pass_point, "the opponent has passed and the game is won", judgement)
        if not among.any():
            if judgement is not None and not rules.friendly_pass_ok:
                return self._clean_up(view, sensible, judgement, seconds)
            return _only(view, view.pass_point, "nothing is left to play for", judgement)
        if prior is None:
            prior = self._prior_within(view, seconds, started)
        weights = np.append(np.where(among, prior, 0), np.float32(0))
        if not weights.any():  # a prior that has underflowed
            weights[:-1] = among
        return Options(weights / weights.sum(), "", prior, judgement)

    def _prior_within(self, board: Board, seconds: float | None, started: float) -> NDArray[np.float32]:
        """The prior, within what is left of the time since the start."""
        return self.prior(board, seconds=None if seconds is None else seconds - (time.perf_counter() - started))

    def _pick(self, shares: NDArray[np.float32], moves: int) -> tuple[int, str]:
        """A point by the style, and how it was picked."""
        point = pick(
            self.style, shares, shares > 0, moves, lambda weights: self._random.choice(len(weights), p=weights)
        )
        return point, "likeliest" if self.style.temperature_at(moves) == 0 else "sampled"

    def _should_resign(self, board: Board, colour: int, judgement: Judgement) -> bool:
        """Whether there were enough hopeless positions in a row. Notes this one if it is hopeless."""
        if self.resign is None:
            return False
        sign = 1 if colour == BLACK else -1
        winrate = judgement.black_winrate if colour == BLACK else 1 - judgement.black_winrate
        loose = np.abs(judgement.ownership) < OPEN_TO_CHANGE
        best = sign * judgement.lead + float((1 - sign * judgement.ownership)[loose].sum())
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
    ) -> Options:
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
                return _only(board, point, "takes dead stones", judgement)
        return _only(board, board.pass_point, "no dead stones are left", judgement)


def _only(board: Board, move: int, reason: str, judgement: Judgement | None) -> Options:
    """The only move, a point or the pass."""
    shares = np.zeros(board.pass_point + 1, np.float32)
    shares[move] = 1
    return Options(shares, reason, judgement=judgement)


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
