"""The encoder beside many games at once: each table of `hayago.rules.tables` is followed by what the encoder keeps.

A *follower* is a `Position` and a `Memory` (see `hayago.features.memory`) that repeat the moves made at a table, so that
a move costs no more than what it changes. A follower catches up whenever its table's position is asked for, which must
be before FOLLOWED more moves are made there.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.features.encoder import Layout, Work, byte_words, layout, write_row
from hayago.features.memory import follow, new_memory, start
from hayago.features.planes import PLANES
from hayago.rules.coords import WHITE
from hayago.rules.jit import kernel
from hayago.rules.kernels import clear, new_position, play_code
from hayago.rules.tables import NEW_GAME, Tables


class Followers(NamedTuple):
    """What the encoder keeps for B tables.

    Attributes:
        positions: int64 (B, ...), a `Position` each.
        memories: int64 (B, ...), a `Memory` each.
        layout: for boards of this size.
        words: uint64 (256,), `hayago.features.encoder.byte_words`.
    """

    positions: NDArray[np.int64]
    memories: NDArray[np.int64]
    layout: Layout
    words: NDArray[np.uint64]


def new_followers(count: int, size: int) -> Followers:
    """Followers for so many tables with boards of `size`; they know no game yet."""
    return Followers(
        np.empty((count, len(new_position(size))), np.int64),
        np.empty((count, len(new_memory())), np.int64),
        layout(size),
        byte_words(),
    )


@kernel
def _catch_up(tables: Tables, followers: Followers, table: int) -> None:
    """Repeat what has happened at the table since the last look."""
    position, memory = followers.positions[table], followers.memories[table]
    moves = tables.fresh[table]
    if moves >= NEW_GAME:
        moves -= NEW_GAME
        clear(position, tables.size)
        start(position, memory)
    colour = tables.to_play[table]
    if moves % 2 == 1:
        colour = 3 - colour
    for n in range(moves):
        code = tables.news[table, n]
        if colour == WHITE:
            code |= 0x8000
        follow(position, memory, play_code(position, code))
        colour = 3 - colour
    tables.fresh[table] = 0


@kernel
def write_rows(
    tables: Tables,
    followers: Followers,
    chosen: NDArray[np.int64],
    symmetry: int,
    work: Work,
    rows: NDArray[np.uint8],
) -> None:
    """Write rows[n], all planes packed, for whoever's turn it is at table chosen[n], seen under the symmetry."""
    for n in range(len(chosen)):
        table = chosen[n]
        _catch_up(tables, followers, table)
        write_row(
            followers.positions[table], followers.memories[table], tables.to_play[table], followers.layout, symmetry,
            PLANES, True, work, rows[n],
        )  # fmt: skip


@kernel
def write_planes(
    tables: Tables,
    followers: Followers,
    first: int,
    end: int,
    viewers: NDArray[np.int64],
    work: Work,
    row: NDArray[np.uint8],
    planes: NDArray[np.uint64],
) -> None:
    """Write planes[table], all planes unpacked, eight points a word, as the colour viewers[table] sees the board."""
    for table in range(first, end):
        _catch_up(tables, followers, table)
        write_row(
            followers.positions[table], followers.memories[table], viewers[table], followers.layout, 0, PLANES, True,
            work, row,
        )  # fmt: skip
        for n in range(len(row)):
            planes[table, n] = followers.words[row[n]]
