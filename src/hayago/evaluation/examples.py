"""The examples that a network is measured on: which positions of which games, and a line that describes them.

An *example* is a position of a recorded game and the move that was played there. Passes are left out. `Examples` holds
whole games and names the positions by (game, ply), as the encoder takes them.
"""

import hashlib
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.errors import HayagoError
from hayago.features.incremental import all_positions
from hayago.records.games import POINT_MASK, WHITE_BIT, Games
from hayago.records.identity import game_keys
from hayago.records.selection import Selection
from hayago.records.sgf_values import rank_number
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, WHITE


class Facts(NamedTuple):
    """What a record says about its game, as the store holds it; "" and 0 where it says nothing."""

    date: str = ""
    handicap: int = 0
    black: str = ""
    white: str = ""
    black_rank: str = ""
    white_rank: str = ""
    event: str = ""

    @property
    def year(self) -> int:
        """0 without a date."""
        return int(self.date[:4] or 0)


@dataclass(frozen=True)
class Examples:
    """K positions of recorded games.

    Attributes:
        games: the games; some may have no position among the examples.
        facts: what is known about each of these games.
        game, ply: int64 (K,), in rising order: the position before move number ply (from 0) of the game.
        passes: the number of passes in the chosen games, which were left out.
        other_moves: the number of moves in the chosen games that were left out because of who played them.
        available: the number of examples before the limit.
        selection: the filters.
        history: the networks see so many of the last moves as moves, and older stones as if set up (None: all).
    """

    games: Games
    facts: list[Facts]
    game: NDArray[np.int64]
    ply: NDArray[np.int64]
    passes: int
    other_moves: int
    available: int
    selection: Selection
    history: int | None = None

    def __len__(self) -> int:
        return len(self.game)

    @property
    def codes(self) -> NDArray[np.uint16]:
        """uint16 (K,): the codes of the moves that were played."""
        codes: NDArray[np.uint16] = self.games.codes[self.games.offsets[self.game] + self.ply]
        return codes

    @property
    def used(self) -> NDArray[np.int64]:
        """int64, rising: the games with at least one example."""
        return np.unique(self.game)

    def take(self, chosen: NDArray[np.int64]) -> "Examples":
        """The examples of these indices, which must rise."""
        return replace(self, game=self.game[chosen], ply=self.ply[chosen])

    def key(self, g: int) -> tuple[bytes, bytes]:
        """The keys of game `g`; see `hayago.records.identity.game_keys`."""
        games = self.games
        setup = games.setup[games.setup_offsets[g] : games.setup_offsets[g + 1]]
        return game_keys(games.size, setup, games.codes[games.offsets[g] : games.offsets[g + 1]])

    def fingerprint(self) -> str:
        """SHA-256 of the set of positions. The order of the games and the orientation of their boards do not matter.

        Each game is hashed as its canonical form (all moves) followed by the plies; the result is the hash of the
        sorted hashes.
        """
        starts = np.append(np.flatnonzero(np.diff(self.game, prepend=-1)), len(self))
        digests = sorted(
            hashlib.sha256(self.key(int(self.game[first]))[1] + self.ply[first:end].astype("<u2").tobytes()).digest()
            for first, end in pairwise(starts)
        )
        return hashlib.sha256(b"".join(digests)).hexdigest()

    def describe(self) -> str:
        """Which games and positions these are, in one line, for a paper."""
        used = self.used.tolist()
        size = self.games.size
        facts = [self.facts[g] for g in used]
        about = [
            _years([fact.year for fact in facts]),
            _ranks([rank for fact in facts for rank in (fact.black_rank, fact.white_rank)]),
            _handicaps(sum(fact.handicap >= 2 or self._is_set_up(g) for g, fact in zip(used, facts, strict=True))),
        ]
        if self.history is not None:
            about.append(f"networks know only the last {self.history} moves")
        left_out = [f"{self.passes:,} passes"]
        if self.other_moves:
            left_out.append(f"{self.other_moves:,} moves by other players")
        if self.available > len(self):
            left_out.append(f"all but {len(self):,} of {self.available:,} positions, evenly spaced")
        return (
            f"{len(used):,} games on {size}x{size} ({'; '.join(about)}), {len(self):,} positions"
            f" (left out: {', '.join(left_out)}), SHA-256 of the set {self.fingerprint()[:16]}"
        )

    def _is_set_up(self, g: int) -> bool:
        return bool(self.games.setup_offsets[g + 1] > self.games.setup_offsets[g])

    def board(self, k: int) -> Board:
        """The position of example k; the colour that played there is to play."""
        games, g = self.games, int(self.game[k])
        setup = games.setup[games.setup_offsets[g] : games.setup_offsets[g + 1]].tolist()
        first, end = games.offsets[g], games.offsets[g] + self.ply[k]
        board = Board(games.size)
        board.setup([p for p in setup if not p & WHITE_BIT], [p & POINT_MASK for p in setup if p & WHITE_BIT], BLACK)
        for code in games.codes[first:end].tolist():
            board.play_tolerant(code & POINT_MASK, _colour(code))
        board.to_play = _colour(int(games.codes[end]))
        return board


def choose_examples(
    games: Games,
    facts: list[Facts] | None = None,
    selection: Selection | None = None,
    limit: int = 0,
    history: int | None = None,
) -> Examples:
    """The examples of these games that pass the selection.

    Args:
        facts: what is known about each game (None: nothing).
        selection: which games, and whose moves in them.
        limit: the largest number of examples; more are thinned out evenly (0: all).
        history: see `Examples`.

    Raises:
        HayagoError: no example is left.
    """
    count = len(games.offsets) - 1
    facts = [Facts()] * count if facts is None else facts
    selection = selection or Selection()
    wanted = np.zeros(count, np.bool_)
    counts = np.zeros((count, 2), np.bool_)  # whether Black's moves count, and White's
    for g, fact in enumerate(facts):
        stones = games.setup_offsets[g + 1] > games.setup_offsets[g]
        ranks, names = (fact.black_rank, fact.white_rank), (fact.black, fact.white)
        wanted[g] = selection.objection(fact.date, ranks, names, fact.handicap, bool(stones)) is None
        counts[g] = list(map(selection.counts, ranks, names))
    if not wanted.any():
        raise HayagoError("no game is left to measure on")
    game, ply = all_positions(games)
    white = (games.codes[games.offsets[game] + ply] & WHITE_BIT) != 0
    of_wanted = wanted[game]
    chosen = np.flatnonzero(of_wanted & counts[game, white.astype(np.int64)])
    passes = int(np.diff(games.offsets)[wanted].sum() - of_wanted.sum())
    other_moves = int(of_wanted.sum()) - len(chosen)
    available = len(chosen)
    if not available:
        by = " by such a player" if other_moves else ""
        raise HayagoError(f"the games hold no move{by} to predict")
    if 0 < limit < available:
        chosen = chosen[np.linspace(0, available - 1, limit).astype(np.int64)]
    return Examples(games, facts, game[chosen], ply[chosen], passes, other_moves, available, selection, history)


def facts_of(table: Any) -> list[Facts]:
    """The facts of each game of a store, from its `GameStore.table`."""
    columns = [table[name].to_pylist() for name in Facts._fields]
    return [Facts(*row) for row in zip(*columns, strict=True)]


def _colour(code: int) -> int:
    return WHITE if code & WHITE_BIT else BLACK


def _years(years: list[int]) -> str:
    known = [year for year in years if year]
    if not known:
        return "no dates"
    span = str(min(known)) if min(known) == max(known) else f"{min(known)}-{max(known)}"
    unknown = len(years) - len(known)
    return f"{span}, {unknown:,} without a date" if unknown else span


def _ranks(ranks: list[str]) -> str:
    numbers = [number for number in map(rank_number, ranks) if number]
    if not numbers:
        return "no ranks"
    low, high = rank_name(min(numbers)), rank_name(max(numbers))
    span = f"players {low}" if low == high else f"players {low} to {high}"
    unknown = len(ranks) - len(numbers)
    return f"{span}, {unknown:,} without a rank" if unknown else span


def rank_name(number: int) -> str:
    """The text of a `rank_number` other than 0: 3k, 6d, 9p."""
    if number < 0:
        return f"{-number}k"
    return f"{number - 10}p" if number > 10 else f"{number}d"


def _handicaps(count: int) -> str:
    return f"{count:,} with handicap or set-up stones" if count else "no handicap"
