"""The encoder beside many games at once: each table of `hayago.rules.tables` is followed by what the encoder keeps.

A *follower* is a `Position` and a `Memory` (see `hayago.features.memory`) that repeat the moves made at a table, so
that a move costs no more than what it changes. A follower catches up whenever its table's position is asked for, which
must be before more than FOLLOWED moves are made there.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.features.encoder import Layout, Work, layout, spread_bits, write_row
from hayago.features.memory import Memory, follow, new_memory, start
from hayago.features.planes import PLANES
from hayago.rules.coords import WHITE
from hayago.rules.jit import kernel
from hayago.rules.kernels import Notes, Position, clear, new_positions, play_code
from hayago.rules.tables import FRESH, NEW_GAME, NEWS, SIZE, TO_PLAY, Table


class Followers(NamedTuple):
    """What the encoder keeps for B tables.

    Attributes:
        positions: POSITION (B,), a `Position` each.
        memories: int64 (B, ...), a `Memory` each.
        layout: for boards of this size.
    """

    positions: NDArray[Any]
    memories: NDArray[np.int64]
    layout: Layout


def new_followers(count: int, size: int) -> Followers:
    """Followers for so many tables with boards of `size`; they know no game yet."""
    return Followers(
        new_positions(count, size),
        np.zeros((count, len(new_memory())), np.int64),
        layout(size),
    )


@kernel
def _catch_up(table: Table, position: Position, notes: Notes, memory: Memory) -> None:
    """Repeat what has happened at the table since the last look."""
    moves = table[FRESH]
    table[FRESH] = 0
    if moves >= NEW_GAME:
        moves -= NEW_GAME
        clear(position, table[SIZE])
        start(position, memory)
    colour = table[TO_PLAY] if moves % 2 == 0 else 3 - table[TO_PLAY]
    for n in range(moves):
        code = table[NEWS + n] | (0x8000 if colour == WHITE else 0)
        follow(position, notes, memory, play_code(position, notes, code))
        colour = 3 - colour


@kernel
def catch_up(tables: NDArray[np.int64], followers: Followers, first: int, end: int, work: Work) -> None:
    """Repeat what has happened at these tables, where no planes are asked for."""
    for t in range(first, end):
        _catch_up(tables[t], followers.positions[t], work.notes, followers.memories[t])


@kernel
def write_rows(
    tables: NDArray[np.int64],
    followers: Followers,
    chosen: NDArray[np.int64],
    symmetry: int,
    work: Work,
    rows: NDArray[np.uint8],
) -> None:
    """Write rows[n], all planes packed, for whoever's turn it is at table chosen[n], seen under the symmetry."""
    for n in range(len(chosen)):
        table, position = tables[chosen[n]], followers.positions[chosen[n]]
        memory = followers.memories[chosen[n]]
        _catch_up(table, position, work.notes, memory)
        write_row(position, memory, table[TO_PLAY], followers.layout, symmetry, PLANES, True, work, rows[n])


@kernel
def write_planes(
    tables: NDArray[np.int64],
    followers: Followers,
    first: int,
    end: int,
    viewers: NDArray[np.int64],
    work: Work,
    row: NDArray[np.uint8],
    planes: NDArray[np.uint64],
) -> None:
    """Write planes[t], all planes unpacked, eight points a word, as the colour viewers[t] sees board t."""
    for t in range(first, end):
        position, memory = followers.positions[t], followers.memories[t]
        _catch_up(tables[t], position, work.notes, memory)
        write_row(position, memory, viewers[t], followers.layout, 0, PLANES, True, work, row)
        spread_bits(row, planes[t])
