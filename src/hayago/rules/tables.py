"""Many games at once, each on a board of its own: what steps thousands of boards in threads.

Nouns: a *table* is one game: its stones on a *pitch* (see `hayago.rules.playouts`), whose turn it is, and which
positions it has seen. `Tables` holds B of them, as arrays whose first index is the table. Kernels take a table's number
and trust what they are given; two threads may be at work on different tables.

Superko. A position is known by its Zobrist hash, the same that `Board` uses. The `past` of a table is a hash set: open
addressing, 0 for a free slot (the empty board needs no entry, since no move brings it back). Most points need no look
at it: a move that captures nothing can only repeat a position if that point has lost a stone of that colour before,
which is what `lost` tells. A move that captures is looked up by the hash that it would lead to.

Each table has a random stream of its own, so what happens at it hangs neither on the other tables nor on the threads.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.rules.board import zobrist
from hayago.rules.coords import BLACK, EMPTY
from hayago.rules.jit import kernel
from hayago.rules.kernels import BORDER, CELLS, DIRECTIONS, WIDTH
from hayago.rules.playouts import (
    COLOUR,
    HEAD,
    KO,
    LENGTH,
    NEXT,
    OPEN,
    OPENED,
    atari,
    clear_pitch,
    next_random,
    put,
)
from hayago.rules.scoring import mark_area

_FIRST_CAPACITY = 1024  # slots of a table's past; a power of two, as are all later ones
FOLLOWED = 2  # moves at a table between two looks of whoever follows it: one of each side


class Tables(NamedTuple):
    """B games on boards of one size.

    Attributes:
        pitch: int32 (B, LENGTH), the stones.
        to_play: int64 (B,), whose turn it is.
        passes: int64 (B,), how many passes have just been made in a row.
        plies: int64 (B,), how many moves were made, passes among them.
        hashes: int64 (B,), of the stones on the board.
        past: int64 (B, a power of two), the hashes of the positions seen; seen: int64 (B,), how many they are.
        lost: uint8 (B, CELLS), bit `colour` is set where a stone of that colour was ever taken.
        news: int64 (B, FOLLOWED), the points played since somebody last looked; fresh: int64 (B,), how many those are,
            and `NEW_GAME` more where a game has begun before them.
        random: uint64 (B,), the state of each table's stream.
        zobrist: int64 (3, CELLS).
        points: int64 (CELLS,), the point of each cell of the board.
        cells: int64 (N * N,), the cell of each point.
        size: N.
        superko: whether no position may come again; else only the simple ko is forbidden.
    """

    pitch: NDArray[np.int32]
    to_play: NDArray[np.int64]
    passes: NDArray[np.int64]
    plies: NDArray[np.int64]
    hashes: NDArray[np.int64]
    past: NDArray[np.int64]
    seen: NDArray[np.int64]
    lost: NDArray[np.uint8]
    news: NDArray[np.int64]
    fresh: NDArray[np.int64]
    random: NDArray[np.uint64]
    zobrist: NDArray[np.int64]
    points: NDArray[np.int64]
    cells: NDArray[np.int64]
    size: int
    superko: bool


NEW_GAME = FOLLOWED + 1


def new_tables(count: int, size: int, superko: bool) -> Tables:
    """So many tables, at each an empty board of `size`, Black to play."""
    row, column = np.divmod(np.arange(size * size), size)
    cells = (row + 1) * WIDTH + column
    points = np.zeros(CELLS, np.int64)
    points[cells] = np.arange(size * size)
    tables = Tables(
        pitch=np.zeros((count, LENGTH), np.int32),
        to_play=np.zeros(count, np.int64),
        passes=np.zeros(count, np.int64),
        plies=np.zeros(count, np.int64),
        hashes=np.zeros(count, np.int64),
        past=np.zeros((count, _FIRST_CAPACITY), np.int64),
        seen=np.zeros(count, np.int64),
        lost=np.zeros((count, CELLS), np.uint8),
        news=np.zeros((count, FOLLOWED), np.int64),
        fresh=np.zeros(count, np.int64),
        random=np.ones(count, np.uint64),
        zobrist=zobrist(),
        points=points,
        cells=cells,
        size=size,
        superko=superko,
    )
    for table in range(count):
        begin(tables, table)
    return tables


def roomy(tables: Tables) -> Tables:
    """The tables with room in each past for FOLLOWED more positions: the same ones, or such with a longer past.

    A past is at most half full, so that it is found quickly what is in it.
    """
    capacity = tables.past.shape[1]
    if 2 * (int(tables.seen.max()) + FOLLOWED) <= capacity:
        return tables
    longer = np.zeros((len(tables.past), 2 * capacity), np.int64)
    _copy_pasts(tables.past, longer)
    return tables._replace(past=longer)


@kernel
def _copy_pasts(past: NDArray[np.int64], longer: NDArray[np.int64]) -> None:
    for table in range(len(past)):
        for position in past[table]:
            if position != 0:
                _remember(longer[table], position)


@kernel
def _remember(past: NDArray[np.int64], position: int) -> bool:
    """Put a position's hash into the set; whether it is new there."""
    mask = len(past) - 1
    slot = position & mask
    while past[slot] != 0:
        if past[slot] == position:
            return False
        slot = (slot + 1) & mask
    past[slot] = position
    return True


@kernel
def _was_there(past: NDArray[np.int64], position: int) -> bool:
    mask = len(past) - 1
    slot = position & mask
    while past[slot] != 0:
        if past[slot] == position:
            return True
        slot = (slot + 1) & mask
    return False


@kernel
def begin(tables: Tables, table: int) -> None:
    """A new game: the empty board, Black to play. The stream goes on."""
    clear_pitch(tables.pitch[table], tables.size)
    tables.to_play[table] = BLACK
    tables.passes[table] = 0
    tables.plies[table] = 0
    tables.hashes[table] = 0
    tables.past[table] = 0
    tables.seen[table] = 0
    tables.lost[table] = 0
    tables.fresh[table] = NEW_GAME


@kernel
def _look(pitch: NDArray[np.int32], cell: int, colour: int, words: NDArray[np.int64]) -> tuple[bool, int]:
    """Whether a stone may be played at an empty cell, ko and superko apart, and the hash of what it would capture."""
    breathes, captured = False, 0
    prey = (0, 0, 0, 0)
    for direction in DIRECTIONS:
        neighbour = cell + direction
        there = pitch[COLOUR + neighbour]
        if there == EMPTY:
            breathes = True
        elif there != BORDER:
            head = pitch[HEAD + neighbour]
            if there == colour:
                breathes = breathes or atari(pitch, head) == 0
            elif head not in prey and atari(pitch, head) != 0:
                prey = (head, prey[0], prey[1], prey[2])
                breathes = True
                stone = head
                while True:
                    captured ^= words[there, stone]
                    stone = pitch[NEXT + stone]
                    if stone == head:
                        break
    return breathes, captured


@kernel
def _is_legal(tables: Tables, table: int, cell: int, colour: int) -> bool:
    """Whether the rules allow a stone at an empty cell."""
    breathes, captured = _look(tables.pitch[table], cell, colour, tables.zobrist)
    if not breathes:
        return False
    if not tables.superko:
        return bool(tables.pitch[table, KO] != cell)
    if captured == 0 and not (tables.lost[table, cell] >> colour) & 1:
        return True
    return not _was_there(tables.past[table], tables.hashes[table] ^ tables.zobrist[colour, cell] ^ captured)


@kernel
def mark_legal(tables: Tables, table: int, colour: int, legal: NDArray[np.int8]) -> None:
    """Set legal (N * N + 1,) to 1 where `colour` may play, the pass among them, else to 0."""
    pitch = tables.pitch[table]
    legal[:] = 0
    legal[-1] = 1
    for n in range(pitch[OPENED]):
        cell = pitch[OPEN + n]
        if _is_legal(tables, table, cell, colour):
            legal[tables.points[cell]] = 1


@kernel
def is_allowed(tables: Tables, table: int, point: int) -> bool:
    """Whether whoever's turn it is may play there: any number may be asked for."""
    area = len(tables.cells)
    if not 0 <= point < area:
        return bool(point == area)
    cell = tables.cells[point]
    return bool(tables.pitch[table, COLOUR + cell] == EMPTY) and _is_legal(tables, table, cell, tables.to_play[table])


@kernel
def play(tables: Tables, table: int, point: int) -> bool:
    """Play a legal move, or pass; whether the game is over by that."""
    tables.news[table, tables.fresh[table] % NEW_GAME] = point
    tables.fresh[table] += 1
    tables.plies[table] += 1
    colour = tables.to_play[table]
    tables.to_play[table] = 3 - colour
    pitch = tables.pitch[table]
    if point == len(tables.cells):
        pitch[KO] = 0
        tables.passes[table] += 1
        return bool(tables.passes[table] == 2)
    tables.passes[table] = 0
    cell = tables.cells[point]
    before = pitch[OPENED]
    put(pitch, cell, colour)
    position = tables.hashes[table] ^ tables.zobrist[colour, cell]
    for n in range(before - 1, pitch[OPENED]):  # `put` takes its own cell off and adds those of the captured stones
        taken = pitch[OPEN + n]
        position ^= tables.zobrist[3 - colour, taken]
        tables.lost[table, taken] |= 1 << (3 - colour)
    tables.hashes[table] = position
    if tables.superko:
        tables.seen[table] += _remember(tables.past[table], position)
    return False


@kernel
def area_score(tables: Tables, table: int) -> int:
    """Black's area less White's, every stone on the board taken as alive."""
    cells = np.empty(CELLS, np.uint8)
    area, room = np.empty(CELLS, np.uint8), np.empty(CELLS, np.int16)
    for cell in range(CELLS):
        cells[cell] = tables.pitch[table, COLOUR + cell]
    mark_area(cells, area, room)
    score = 0
    for cell in tables.cells:
        score += (area[cell] == BLACK) - (area[cell] != BLACK and area[cell] != EMPTY)
    return score


@kernel
def draw(random: NDArray[np.uint64], table: int, count: int) -> int:
    """A number from 0 to count - 1 by the table's stream."""
    random[table] = next_random(random[table])
    return int(((random[table] >> np.uint64(32)) * np.uint64(count)) >> np.uint64(32))


@kernel
def draw_sensible(tables: Tables, table: int, legal: NDArray[np.int8]) -> int:
    """A point by lot among those that are legal and not enclosed by own stones, or the pass where there is none.

    `legal` (N * N + 1,) is what `mark_legal` says of the side to play; it is overwritten.
    """
    colour, area = tables.to_play[table], len(tables.cells)
    count = 0
    for point in range(area):
        if legal[point]:
            beside = BORDER
            for direction in DIRECTIONS:
                beside &= tables.pitch[table, COLOUR + tables.cells[point] + direction]
            legal[point] = not beside & colour  # BORDER is BLACK | WHITE
            count += legal[point]
    if count == 0:
        return area
    left = draw(tables.random, table, count)
    for point in range(area):
        left -= legal[point]
        if left < 0:
            return point
    return area


@kernel
def draw_legal(random: NDArray[np.uint64], legal: NDArray[np.int8], drawn: NDArray[np.int64]) -> None:
    """For each mask legal[n] set drawn[n] to one of its actions, by lot."""
    for n in range(len(legal)):
        mask = legal[n]
        while True:  # the pass is always legal, so this ends, and on all but the fullest boards soon
            action = draw(random, n, len(mask))
            if mask[action]:
                break
        drawn[n] = action
