"""The encoder beside many games at once: what it keeps for each table of `kernels.light_boards`.

A *follower* is a `Position` and a `Memory` (see `hayago.features.memory`) that repeat the moves made at a table, so
that a move costs no more than what it changes. A follower catches up whenever its table's position is asked for, which
must be before more than FOLLOWED moves are made there.
"""

from typing import Any, NamedTuple

from numpy.typing import NDArray

from hayago.features.incremental import Layout, Work, layout
from hayago.features.memory import Memory, follow, new_memories, start
from hayago.jit import kernel, prefetch
from hayago.rules.coordinates import BLACK, WHITE
from hayago.rules.kernels.frame import CELLS, WIDTH
from hayago.rules.kernels.light_boards import FRESH, NEW_GAME, NEWS, SIZE, TO_PLAY, Table
from hayago.rules.kernels.position import KO, Position, clear, new_positions, play_code

_CACHE_LINE = 64  # bytes


class Followers(NamedTuple):
    """What the encoder keeps for B tables.

    Attributes:
        positions: POSITION (B,), a `Position` each.
        memories: MEMORY (B,), a `Memory` each.
        layout: for boards of this size.
    """

    positions: NDArray[Any]
    memories: NDArray[Any]
    layout: Layout


def new_followers(count: int, size: int) -> Followers:
    """Followers for so many tables with boards of `size`; they know no game yet."""
    return Followers(
        new_positions(count, size),
        new_memories(count),
        layout(size),
    )


@kernel
def expect(position: Position, memory: Memory) -> None:
    """Have the processor fetch the cells and words of a follower while it does something else: among a thousand boards
    they have left its cache since the last look. (Of the sets and readings few are wanted, one cannot tell which.)"""
    for index in range(0, KO + 1, _CACHE_LINE // 2):
        prefetch(position.cells, index)
    for colour in (BLACK, WHITE):
        for cell in range(WIDTH, CELLS - WIDTH, _CACHE_LINE // 8):
            prefetch(memory.words[colour], cell)


@kernel
def catch_up(table: Table, position: Position, memory: Memory, work: Work) -> None:
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
        follow(position, work.notes, memory, play_code(position, work.notes, code))
        colour = 3 - colour
