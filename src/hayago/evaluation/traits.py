"""Kinds of positions and moves: the traits by which an evaluation is broken down.

A *trait* puts every example into one of a few *classes* (a code and a label), or into none. `tactics_of` reads what a
move does on the board from the packed rows of planes, just before the network gets them. `traits_of` adds what follows
from the record alone.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.evaluation.examples import Examples, rank_name
from hayago.features.planes import SLICE
from hayago.records.games import POINT_MASK, WHITE_BIT
from hayago.records.sgf_values import rank_number

NONE = 255  # the code where a trait does not apply
MOST_YEARS = 15  # more are grouped into decades

_MOVE_NUMBERS = (30, 60, 90, 120, 150, 180, 210, 240, 270)
_DISTANCES = (1, 2, 3, 4, 6, 9)
# Shares of the board's points that hold stones. On 19x19 the opening ends at 50 stones, the endgame begins at 150.
_OPENING_SHARE, _ENDGAME_SHARE = 50 / 361, 150 / 361

_YES_NO = ("no", "yes")
_FAR = 8
_SET_UP = 1000  # takes the place of the number of handicap stones where the record does not state it
_OWN, _OPPONENT = SLICE["stone_colour"].start, SLICE["stone_colour"].start + 1
_ATARI = SLICE["liberties"].start


class Trait(NamedTuple):
    """One way to sort examples.

    Attributes:
        name: its name in tables.
        meaning: what the classes are, as part of a sentence.
        labels: the labels of the classes, in order.
        codes: uint8 (K,), the class of each example, or NONE.
    """

    name: str
    meaning: str
    labels: tuple[str, ...]
    codes: NDArray[np.uint8]


class Tactics(NamedTuple):
    """What the moves of B examples do, according to the planes; all (B,).

    Attributes:
        stones: int16, the number of stones on the board before the move.
        captures: bool, whether the move captures.
        saves: bool, whether it saves a chain of the player from atari: it has one liberty before the move and more than
            one after it, because the move extends or joins the chain, or captures a chain next to it.
        ladder_capture, ladder_escape: bool, whether the planes of these names mark the point.
    """

    stones: NDArray[np.int16]
    captures: NDArray[np.bool_]
    saves: NDArray[np.bool_]
    ladder_capture: NDArray[np.bool_]
    ladder_escape: NDArray[np.bool_]


def tactics_of(rows: NDArray[np.uint8], labels: NDArray[np.uint16], size: int) -> Tactics:
    """The tactics of the moves `labels` (B,) in the positions `rows`, which hold all 48 planes, packed."""
    point = labels.astype(np.int64)
    own, opponent, atari = (plane_of(rows, plane, size) for plane in (_OWN, _OPPONENT, _ATARI))
    captures = ~_marked(rows, SLICE["capture_size"].start, point, size)
    liberties = SLICE["liberties_after"]
    leaves_two = ~_marked(rows, liberties.start, point, size)
    return Tactics(
        (own.sum(1) + opponent.sum(1)).astype(np.int16),
        captures,
        _saves(own & atari, opponent & atari, point, leaves_two, size),
        _marked(rows, SLICE["ladder_capture"].start, point, size),
        _marked(rows, SLICE["ladder_escape"].start, point, size),
    )


def legal_points(rows: NDArray[np.uint8], size: int) -> NDArray[np.bool_]:
    """bool (B, N*N): where the side to move may play: one of the planes "liberties after" is set exactly there."""
    planes = range(SLICE["liberties_after"].start, SLICE["liberties_after"].stop)
    legal: NDArray[np.bool_] = np.logical_or.reduce([plane_of(rows, plane, size) for plane in planes])
    return legal


def plane_of(rows: NDArray[np.uint8], plane: int, size: int) -> NDArray[np.bool_]:
    """bool (B, N*N): one plane of packed rows."""
    area = size * size
    first, skipped = divmod(plane * area, 8)
    packed = rows[:, first : first + (skipped + area + 7) // 8]
    bits = np.unpackbits(packed, axis=1, bitorder="little")[:, skipped : skipped + area]
    return bits.astype(np.bool_)


def _marked(rows: NDArray[np.uint8], plane: int, point: NDArray[np.int64], size: int) -> NDArray[np.bool_]:
    """Whether the plane is set at each row's point."""
    bit = plane * size * size + point
    marked: NDArray[np.bool_] = (rows[np.arange(len(rows)), bit >> 3] >> (bit & 7).astype(np.uint8) & 1) != 0
    return marked


def _saves(
    own_atari: NDArray[np.bool_],
    opponent_atari: NDArray[np.bool_],
    point: NDArray[np.int64],
    leaves_two: NDArray[np.bool_],
    size: int,
) -> NDArray[np.bool_]:
    """See `Tactics.saves`. Chains are grown from the move, inside the sets of all stones in atari."""
    saves = np.zeros(len(point), np.bool_)
    rows = np.flatnonzero(own_atari.any(1))
    move = np.zeros((len(rows), size * size), np.bool_)
    move[np.arange(len(rows)), point[rows]] = True
    own = own_atari[rows].reshape(-1, size, size)
    beside_move = _beside(move.reshape(-1, size, size))
    joined = _grown(beside_move & own, own)
    captured_from = opponent_atari[rows].reshape(-1, size, size)
    captured = _grown(beside_move & captured_from, captured_from)
    # A joined chain has the liberties of the new chain. Any other keeps its own and gains those that the capture opens.
    relieved = _beside(captured) & own & ~joined
    saves[rows] = (joined.any((1, 2)) & leaves_two[rows]) | relieved.any((1, 2))
    return saves


def _beside(points: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The points (B, N, N) that have a neighbour in the set."""
    near = np.zeros_like(points)
    near[:, 1:] |= points[:, :-1]
    near[:, :-1] |= points[:, 1:]
    near[:, :, 1:] |= points[:, :, :-1]
    near[:, :, :-1] |= points[:, :, 1:]
    return near


def _grown(points: NDArray[np.bool_], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The parts of the set `inside` that are connected to `points`, a subset of it."""
    while True:
        more = points | (_beside(points) & inside)
        if (more == points).all():
            return points
        points = more


def joined_tactics(parts: list[Tactics]) -> Tactics:
    """The tactics of several parts in sequence."""
    return Tactics(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def distances(examples: Examples) -> NDArray[np.int64]:
    """int64 (K,): the distance of each move from the previous one, the larger of the steps along rows and columns.

    It is 0 for the first move and after a pass.
    """
    games, size = examples.games, examples.games.size
    at = games.offsets[examples.game] + examples.ply
    here = (games.codes[at] & POINT_MASK).astype(np.int64)
    before = (games.codes[at - (examples.ply > 0)] & POINT_MASK).astype(np.int64)
    far = np.maximum(abs(here // size - before // size), abs(here % size - before % size))
    return np.where((examples.ply > 0) & (before < size * size), far, 0)


def traits_of(examples: Examples, tactics: Tactics) -> list[Trait]:
    """All traits of these examples."""
    white = (examples.codes & WHITE_BIT) != 0
    area = examples.games.size**2
    phase = np.digitize(tactics.stones, [_OPENING_SHARE * area, _ENDGAME_SHARE * area])
    ladder = np.where(tactics.ladder_capture, 1, np.where(tactics.ladder_escape, 2, 0))
    return [
        _binned("move number", "the first move of a game is 1", examples.ply + 1, _MOVE_NUMBERS),
        Trait(
            "phase",
            "by the number of stones on the board: fewer than 50 of 361 points, fewer than 150, or more",
            ("opening", "middle game", "endgame"),
            phase.astype(np.uint8),
        ),
        Trait("colour", "the player who moves", ("Black", "White"), white.astype(np.uint8)),
        _rank_trait(examples, white),
        _year_trait(examples),
        _handicap_trait(examples),
        _binned(
            "distance",
            "from the previous move, the larger of the steps along rows and columns; none after a pass or at the start",
            distances(examples),
            _DISTANCES,
        ),
        Trait("captures", "the move takes stones off the board", _YES_NO, tactics.captures.astype(np.uint8)),
        Trait(
            "saves from atari",
            "the move gives a friendly chain in atari more liberties, by extending it or by capturing next to it",
            _YES_NO,
            tactics.saves.astype(np.uint8),
        ),
        Trait(
            "ladder",
            "the move starts a working ladder, or saves a chain in atari from every ladder",
            ("neither", "capture", "escape"),
            ladder.astype(np.uint8),
        ),
    ]


def surprising(examples: Examples, tactics: Tactics) -> NDArray[np.bool_]:
    """bool (K,): moves that nothing on the board calls for directly.

    They come after the opening, at least _FAR lines from the previous move, and capture or save nothing and play no
    ladder.
    """
    called_for = tactics.captures | tactics.saves | tactics.ladder_capture | tactics.ladder_escape
    return (tactics.stones >= _OPENING_SHARE * examples.games.size**2) & (distances(examples) >= _FAR) & ~called_for


def _binned(name: str, meaning: str, values: NDArray[np.int64], edges: tuple[int, ...]) -> Trait:
    """Classes from 1 to the first edge, and so on, with an open class at the end; a value of 0 is in no class."""
    lows = (1, *(edge + 1 for edge in edges))
    labels = [str(low) if low == high else f"{low}-{high}" for low, high in zip(lows, edges, strict=False)]
    codes = np.where(values > 0, np.searchsorted(edges, values), NONE)
    return Trait(name, meaning, (*labels, f"{lows[-1]} or more"), codes.astype(np.uint8))


def _rank_trait(examples: Examples, white: NDArray[np.bool_]) -> Trait:
    """The rank of the player who moves; all kyu ranks are one class."""
    numbers = np.array([[_rank(fact.black_rank), _rank(fact.white_rank)] for fact in examples.facts])
    names = {number: "kyu" if number < 0 else rank_name(number) for number in np.unique(numbers).tolist() if number}
    return _listed("rank", "the rank of the player who moves", numbers[examples.game, white.astype(np.int64)], names)


def _rank(text: str) -> int:
    return max(rank_number(text), -1)


def _year_trait(examples: Examples) -> Trait:
    years = np.array([fact.year for fact in examples.facts])
    if len(np.unique(years[examples.used])) > MOST_YEARS:
        years = years // 10 * 10
        names = {year: f"{year}s" for year in np.unique(years).tolist() if year}
    else:
        names = {year: str(year) for year in np.unique(years).tolist() if year}
    return _listed("year", "the year in which the game was played", years[examples.game], names)


def _handicap_trait(examples: Examples) -> Trait:
    """By the number of stones that the record states; set-up stones without a number are a class of their own."""
    set_up = np.diff(examples.games.setup_offsets) > 0
    stated = np.array([fact.handicap if fact.handicap >= 2 else 0 for fact in examples.facts])
    numbers = np.where(stated > 0, stated, np.where(set_up, _SET_UP, 1))
    names = {1: "none", _SET_UP: "set-up stones"}
    names |= {number: str(number) for number in np.unique(stated).tolist() if number}
    return _listed("handicap", "the handicap of the game", numbers[examples.game], names)


def _listed(name: str, meaning: str, values: NDArray[np.int64], names: dict[int, str]) -> Trait:
    """A class for each value that has a name and occurs, in the order of the values."""
    present = [value for value in sorted(names) if (values == value).any()]
    codes = np.full(len(values), NONE, np.uint8)
    for code, value in enumerate(present):
        codes[values == value] = code
    return Trait(name, meaning, tuple(names[value] for value in present), codes)
