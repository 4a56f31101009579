"""The encoder for many games at once: what it keeps for each light board of the vector environment.

A *follower* is a `Position` and a `Memory` (see `hayago.features.memory`). It repeats the moves made on a light board
(see `hayago.rules.kernels.light_boards`), so that a move costs only what it changes. A follower catches up when the
planes of its board are asked for. That must be before more than FOLLOWED moves are made there.
"""

from typing import Any, NamedTuple

from numpy.typing import NDArray

from hayago.features.incremental import Layout, Work, layout
from hayago.features.memory import Memory, follow, new_memories, start
from hayago.jit import kernel, prefetch
from hayago.rules.coordinates import BLACK, WHITE
from hayago.rules.kernels.frame import CELLS, WIDTH
from hayago.rules.kernels.light_boards import NEW_GAME, LightBoard
from hayago.rules.kernels.position import Position, clear, new_positions, play_code
from hayago.rules.move_codes import code_of

_CACHE_LINE = 64  # bytes


class Followers(NamedTuple):
    """What the encoder keeps for B boards.

    Attributes:
        positions: POSITION (B,), a `Position` each.
        memories: MEMORY (B,), a `Memory` each.
        layout: for boards of this size.
    """

    positions: NDArray[Any]
    memories: NDArray[Any]
    layout: Layout


def new_followers(count: int, size: int) -> Followers:
    """Followers of `count` boards of `size`; they know no game yet."""
    return Followers(new_positions(count, size), new_memories(count), layout(size))


@kernel
def expect(position: Position, memory: Memory) -> None:
    """Have the processor fetch the fields and words of a follower while it does something else: among a thousand boards
    they have left its cache since the last look. (Few of the sets and readings are needed, and it is not known
    which.)"""
    for index in range(0, len(position.cells), _CACHE_LINE // 2):
        prefetch(position.cells, index)
    for colour in (BLACK, WHITE):
        for cell in range(WIDTH, CELLS - WIDTH, _CACHE_LINE // 8):
            prefetch(memory.words[colour], cell)


@kernel
def catch_up(board: LightBoard, position: Position, memory: Memory, work: Work) -> None:
    """Repeat what has happened on the board since the last look."""
    moves = board.fresh
    board.fresh = 0
    if moves >= NEW_GAME:
        moves -= NEW_GAME
        clear(position, board.side)
        start(position, memory)
    colour = board.to_play if moves % 2 == 0 else 3 - board.to_play
    for n in range(moves):
        code = code_of(board.news[n], colour)
        follow(position, work.log, memory, play_code(position, work.log, code))
        colour = 3 - colour
