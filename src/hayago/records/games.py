"""`Games`: many games as flat arrays, the form in which the store hands them to the encoder.

A *move code* is a uint16, see `hayago.rules.move_codes`. An *example* is a position in which a move other than a pass
was played. It is named by its game and its ply, the number of moves before it.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.jit import kernel
from hayago.rules.coordinates import WHITE
from hayago.rules.move_codes import POINT_MASK as POINT_MASK
from hayago.rules.move_codes import WHITE_BIT as WHITE_BIT
from hayago.rules.move_codes import colour_of_code

if TYPE_CHECKING:
    from hayago.records.sgf import GameRecord


def move_codes(plays: Iterable[tuple[int, int]]) -> NDArray[np.uint16]:
    """uint16 (M,): the codes of moves given as (colour, point); `GameRecord.plays` is the inverse."""
    return np.array([point | (WHITE_BIT if colour == WHITE else 0) for colour, point in plays], np.uint16)


class Games(NamedTuple):
    """G games on boards of one size.

    Attributes:
        size: the board's side, 1 to 19.
        codes: uint16 (M,), the move codes of all games, one after another.
        offsets: int64 (G + 1,); game g has the moves codes[offsets[g]:offsets[g + 1]].
        setup: uint16 (S,), codes of the set-up stones, sorted by point.
        setup_offsets: int64 (G + 1,), like offsets, into setup.
    """

    size: int
    codes: NDArray[np.uint16]
    offsets: NDArray[np.int64]
    setup: NDArray[np.uint16]
    setup_offsets: NDArray[np.int64]


def check_games(games: Games) -> None:
    """Raise ValueError unless the arrays fit together. The codes themselves are not checked: see `check_codes`."""
    for codes, offsets in ((games.codes, games.offsets), (games.setup, games.setup_offsets)):
        if codes.dtype != np.uint16 or offsets.dtype != np.int64 or codes.ndim != 1 or offsets.ndim != 1:
            raise ValueError("games need codes of uint16 and offsets of int64, each of one dimension")
        if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(codes) or (np.diff(offsets) < 0).any():
            raise ValueError(f"these offsets do not divide {len(codes)} codes into games")
    if len(games.offsets) != len(games.setup_offsets):
        raise ValueError("moves and set-up are not of the same number of games")


def check_codes(games: Games) -> None:
    """Raise ValueError unless a replay of these games stays on the board, whatever moves they hold.

    That is, no code is off the board, and no two set-up stones share a point. Moves on occupied points are found where
    games are replayed: to replay all of them takes longer than to read them.
    """
    area, setup = games.size * games.size, games.setup & ~np.uint16(WHITE_BIT)
    # White's codes are the largest as they stand, Black's are the largest as signed numbers: no copy is made.
    if games.codes.max(initial=0) > WHITE_BIT | area or games.codes.view(np.int16).max(initial=0) > area:
        raise ValueError(f"a move off the board of {games.size}x{games.size}")
    if setup.max(initial=0) >= area:
        raise ValueError(f"a set-up stone off the board of {games.size}x{games.size}")
    rises = np.diff(setup.astype(np.int64), prepend=-1) > 0
    rises[games.setup_offsets[:-1][np.diff(games.setup_offsets) > 0]] = True  # where a game begins
    if not rises.all():
        raise ValueError("set-up stones that share a point, or are not sorted")


def records_to_games(records: "Sequence[GameRecord]") -> Games:
    """The records as flat arrays.

    Raises:
        ValueError: there are no records, or they differ in size.
    """
    sizes = {record.size for record in records}
    if len(sizes) != 1:
        raise ValueError(f"all games must have one size, not {sorted(sizes)}")
    setups = [record.setup for record in records]
    return Games(
        sizes.pop(),
        np.concatenate([record.moves for record in records]),
        _offsets([len(record.moves) for record in records]),
        np.concatenate(setups),
        _offsets([len(setup) for setup in setups]),
    )


def _offsets(lengths: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def some_games(games: Games, first: int, end: int) -> Games:
    """The games from number `first` up to but not including `end`; their codes are views of the same memory."""
    moves, stones = games.offsets[first : end + 1], games.setup_offsets[first : end + 1]
    return Games(
        games.size,
        games.codes[moves[0] : moves[-1]],
        moves - moves[0],
        games.setup[stones[0] : stones[-1]],
        stones - stones[0],
    )


BOTH = 3  # the moves of both colours: BLACK and WHITE as bits


def movers_of(games: Games) -> NDArray[np.uint8]:
    """uint8 (G,): that in every game the moves of both colours count."""
    return np.full(len(games.offsets) - 1, BOTH, np.uint8)


@kernel
def is_example(games: Games, n: int, movers: int) -> bool:
    """Whether move n of all is an example: no pass, and by one of the movers (a bit for each colour)."""
    code = games.codes[n]
    return (code & POINT_MASK) != games.size * games.size and (movers & colour_of_code(code)) != 0


@kernel
def count_examples(games: Games, movers: NDArray[np.uint8]) -> NDArray[np.int64]:
    """int64 (G,): the number of examples in each game."""
    counts = np.zeros(len(games.offsets) - 1, np.int64)
    for game in range(len(counts)):
        for n in range(games.offsets[game], games.offsets[game + 1]):
            counts[game] += is_example(games, n, movers[game])
    return counts


@kernel
def draw_examples(
    games: Games,
    movers: NDArray[np.uint8],
    chosen: NDArray[np.int64],
    examples: NDArray[np.int64],
    taken: NDArray[np.int64],
    draws: NDArray[np.float64],
) -> NDArray[np.int64]:
    """For every k, the plies of taken[k] of the examples[k] examples of game chosen[k], rising within each game.

    Every subset of a game's examples is equally likely: an example is taken with probability (number still wanted) /
    (number still to come). `draws`, from 0 up to 1, holds one number for each example.
    """
    plies = np.empty(taken.sum(), np.int64)
    found = seen = 0
    for k in range(len(chosen)):
        wanted, left = taken[k], examples[k]
        start = games.offsets[chosen[k]]
        for n in range(start, games.offsets[chosen[k] + 1]):
            if wanted == 0:
                break
            if not is_example(games, n, movers[chosen[k]]):
                continue
            if draws[seen + examples[k] - left] * left < wanted:
                plies[found] = n - start
                found += 1
                wanted -= 1
            left -= 1
        seen += examples[k]
    return plies
