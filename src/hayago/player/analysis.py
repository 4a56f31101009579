"""Analysis as clients draw it: candidate moves with their priors and likely continuations, and the score.

An `Analyst` looks at one position. Each call of `refine` lets it look a little longer, and `report` returns what it has
seen. Its words do not mean what they mean in an engine that searches:

- *prior* is what the player chooses from: the network's prior, late in the game without the points it leaves alone.
  Where the player would pass, the pass has all of it. So the first candidate is the move of a player that always plays
  the likeliest.
- *visits* shows the prior in thousandths, because clients draw nothing for a move without visits.
- *winrate*, *lead* and *spread* come from playouts of the position. They judge the position, so they are the same for
  every candidate.
- *line* is the candidate followed by the likeliest answers, each by one look at one symmetry.
"""

import math
import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.player.endgame import Judgement
from hayago.player.player import Options, Player
from hayago.player.restrictions import Restriction, barred
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, WHITE
from hayago.rules.game_rules import GameRules

VISITS = 1000
LINES, LINE_LENGTH = 8, 10  # number of candidates that get a line, and the length of a line


class Candidate(NamedTuple):
    """A candidate move, a point or the pass."""

    point: int
    prior: float
    visits: int
    line: list[int]


class Report(NamedTuple):
    """What is known about a position, seen by the colour to play.

    Attributes:
        colour: who is to play.
        candidates: the moves, the likeliest first.
        winrate: share of the playouts that `colour` wins.
        lead: its points less the other's, komi included.
        spread: the standard deviation of the lead.
        ownership: float32 (N*N,), -1 to 1, 1 where `colour` will own the point.
    """

    colour: int
    candidates: list[Candidate]
    winrate: float
    lead: float
    spread: float
    ownership: NDArray[np.float32]

    def seen_by(self, colour: int) -> "Report":
        """The same report from the side of `colour`."""
        if colour == self.colour:
            return self
        return self._replace(winrate=1 - self.winrate, lead=0.0 - self.lead, ownership=0 - self.ownership)


class Analyst:
    """Looks at one position, along ever longer lines. Candidates and lines keep to the restrictions."""

    def __init__(
        self, player: Player, board: Board, rules: GameRules, restrictions: tuple[Restriction, ...] = ()
    ) -> None:
        self._player, self._board, self._rules, self._restrictions = player, board, rules, restrictions
        self._lines: dict[int, tuple[Board, list[int]]] = {}
        self._found: tuple[Judgement, Options] | None = None
        self._limit = 0.0  # seconds within which that was found

    def is_of(self, board: Board, rules: GameRules, restrictions: tuple[Restriction, ...]) -> bool:
        """Whether this is the position it looks at, including the moves, since the network sees the last ones."""
        mine = self._board
        return (
            rules == self._rules
            and restrictions == self._restrictions
            and board.to_play == mine.to_play
            and board.moves == mine.moves
            and board.setup_stones == mine.setup_stones
            and board.size == mine.size
        )

    def refine(self, seconds: float | None = None, moves: int = 1) -> None:
        """Look further: judge the position, if that is not done, and make each line longer by so many moves.

        `seconds` limits the judging and the looks at the position, but not the lines. None is no limit; what is found
        then depends on the position alone. What was found in less time is looked at again.
        """
        self._find(seconds)
        for point in self._likeliest()[:LINES]:
            board, line = self._lines.setdefault(point, (self._board.copy(), []))
            for _ in range(min(moves, LINE_LENGTH - len(line))):
                if line and line[-1] == board.pass_point:
                    break
                line.append(self._follow(board, len(line)) if line else point)
                board.play_tolerant(line[-1], board.to_play)

    def report(self, least: int = 1, most: int | None = None) -> Report:
        """What has been seen so far.

        Args:
            least: report at least this many moves, even without visits.
            most: report at most this many moves.
        """
        judgement, (shares, *_) = self._found or self._find(None)
        candidates: list[Candidate] = []
        for point in self._likeliest():
            visits = round(VISITS * float(shares[point]))
            if len(candidates) == most or (visits == 0 and len(candidates) >= least):
                break
            line = self._lines[point][1] if point in self._lines else [point]
            candidates.append(Candidate(point, float(shares[point]), max(visits, 1), line.copy()))
        black = Report(
            BLACK, candidates, judgement.black_winrate, judgement.lead, judgement.spread, judgement.ownership
        )
        seen = black if self._board.to_play == BLACK else black.seen_by(WHITE)
        return seen._replace(colour=self._board.to_play)

    @property
    def shares(self) -> NDArray[np.float32]:
        """float32 (N*N + 1,): the prior of each point and of the pass, as the player chooses from them."""
        return self.options.shares

    @property
    def options(self) -> Options:
        """What the player chooses from, as the candidates show it."""
        return (self._found or self._find(None))[1]

    def _find(self, seconds: float | None) -> tuple[Judgement, Options]:
        """The judgement, for which there is half of the time, and the options, for which there is the rest."""
        limit = math.inf if seconds is None else seconds
        if self._found is None or limit > self._limit:
            started = time.perf_counter()
            judgement = self._player.judge.judge(self._board, self._rules, None if seconds is None else seconds / 2)
            options = self._player.options(
                self._board,
                self._rules,
                seconds=None if seconds is None else seconds - (time.perf_counter() - started),
                barred=barred(self._restrictions, self._board.to_play),
                judgement=judgement,
            )
            self._found, self._limit = (judgement, options), limit
        return self._found

    def _likeliest(self) -> list[int]:
        """The legal points, likeliest first, and the pass only where it is the move. That it is if all is barred."""
        legal = self._unbarred(self._board.legal_points(), self._board, 0)
        legal[-1] = self.shares[-1] > 0
        moves = np.flatnonzero(legal)
        ordered: list[int] = moves[np.argsort(-self.shares[moves], kind="stable")].tolist()
        return ordered

    def _unbarred(self, points: NDArray[np.bool_], board: Board, ply: int) -> NDArray[np.bool_]:
        """The points that no restriction bars after `ply` moves."""
        points[[point for point in barred(self._restrictions, board.to_play, ply) if point < len(points)]] = False
        return points

    def _follow(self, board: Board, ply: int) -> int:
        """The likeliest sensible move; else the pass, or, where that is barred, the likeliest legal move."""
        among = self._unbarred(board.sensible_points(), board, ply)
        if not among.any() and board.pass_point in barred(self._restrictions, board.to_play, ply):
            among = self._unbarred(board.legal_points()[:-1], board, ply)
        if not among.any():
            return board.pass_point
        return int(np.where(among, self._player.prior(board, 1), -1).argmax())
