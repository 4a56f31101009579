"""The encoder of whole games: positions to bit-packed rows. What the planes mean stands in `hayago.features.planes`.

`write_row` writes one position. It begins with the words of its cells (see `hayago.features.memory`): bit p of a word
is what plane p has there. The words are laid out in the order of the points as a *matrix*, six blocks of 64 words. Then
what depends on the whole board or on time is put in, cell by cell. Then each block is transposed, 64 by 64 bits. Now a
row of the matrix is a plane, and the planes are shifted together. A symmetry costs nothing: it only decides to which
place of the matrix a cell's word goes. `write_planes` does the same up to the transposition, and then spreads the
planes out to bytes.

`encode_positions` replays games and writes the rows of the plies asked for.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.errors import HayagoError
from hayago.features.bits import spread_bits
from hayago.features.memory import Memory, follow, new_memories, read_ladders, refresh, start
from hayago.features.planes import (
    CAPTURE_SIZE,
    LADDER_CAPTURE,
    LADDER_ESCAPE,
    ONES,
    PLANES,
    SENSIBLENESS,
    TURNS_SINCE,
    VACANT,
    row_bytes,
)
from hayago.jit import borrowed, kernel
from hayago.records.games import Games
from hayago.rules.kernels.cell_sets import WORDS, Words, cells_in, load
from hayago.rules.kernels.frame import CELLS, NO_CELL, WIDTH
from hayago.rules.kernels.ladder_reader import Reading, new_reading
from hayago.rules.kernels.position import (
    OCCUPIED,
    REMEMBERED,
    Log,
    Position,
    ko_of,
    new_log,
    new_position,
    play_code,
    set_up_codes,
    strike_false_eyes,
)
from hayago.rules.move_codes import POINT_MASK, colour_of_code, point_of_code
from hayago.rules.symmetry import SYMMETRIES, point_maps

_FOLLOWED = 16  # plies from one row to the next; over more of them it is quicker to keep nothing
_BLOCK = 64  # points whose words are transposed together


class Layout(NamedTuple):
    """Where the words of the cells go in the matrix. Its place k * WORDS + b is that of point 64 * b + k.

    Attributes:
        places: uint16 (8, CELLS), under each symmetry the place of each cell; of border, which has no word, the last
            place, which belongs to no point.
        points: uint16 (8, size * size + 1), `hayago.rules.symmetry.point_maps`.
    """

    places: NDArray[np.uint16]
    points: NDArray[np.uint16]


@cache
def layout(size: int) -> Layout:
    """The layout for boards of this size."""
    points = point_maps(size)
    row, column = np.divmod(np.arange(size * size), size)
    cell = (row + 1) * WIDTH + column
    places = np.full((SYMMETRIES, CELLS), _BLOCK * WORDS - 1, np.uint16)
    for s in range(SYMMETRIES):
        places[s, cell] = points[s, :-1] % _BLOCK * WORDS + points[s, :-1] // _BLOCK
    return Layout(places, points)


class Work(NamedTuple):
    """Room for a row in the making.

    Attributes:
        matrix: int64 (64 * WORDS,), the words of the cells, then the planes.
        packed: int64, the planes shifted together.
        spread: uint64 (PLANES * 8 * WORDS,), the matrix with a byte for each bit.
        log: the undo log of the position.
        reading: for reading ladders.
    """

    matrix: NDArray[np.int64]
    packed: NDArray[np.int64]
    spread: NDArray[np.uint64]
    log: Log
    reading: Reading


def new_work() -> Work:
    """Room for a row of any size."""
    return Work(
        np.zeros(_BLOCK * WORDS, np.int64),
        np.zeros(_BLOCK * WORDS + WORDS, np.int64),
        np.zeros(PLANES * _BLOCK // 8 * WORDS, np.uint64),
        new_log(),
        new_reading(),
    )


@kernel
def _exchange(matrix: NDArray[np.int64], rows: int, outer: int, inner: int, used: int) -> None:
    """Two steps of the transposition at once, on the first `used` rows. In every square of 4 * rows rows and bits,
    exchange the two quarters off the diagonal; then do the same in each quarter. The masks are the bits that go
    left."""
    step = rows * WORDS
    for first in range(0, used * WORDS, 4 * step):
        one, two = matrix[first : first + step], matrix[first + step : first + 2 * step]
        three, four = matrix[first + 2 * step : first + 3 * step], matrix[first + 3 * step : first + 4 * step]
        for n in range(step):
            a, b, c, d = one[n], two[n], three[n], four[n]
            swap = ((a >> 2 * rows) ^ c) & outer
            a, c = a ^ swap << 2 * rows, c ^ swap
            swap = ((b >> 2 * rows) ^ d) & outer
            b, d = b ^ swap << 2 * rows, d ^ swap
            swap = ((a >> rows) ^ b) & inner
            one[n], two[n] = a ^ swap << rows, b ^ swap
            swap = ((c >> rows) ^ d) & inner
            three[n], four[n] = c ^ swap << rows, d ^ swap


@kernel
def _transpose(matrix: NDArray[np.int64]) -> None:
    """Exchange rows and columns of bits in all blocks: bit p of word k becomes bit k of word p, for PLANES p."""
    _exchange(matrix, 16, 0x00000000FFFFFFFF, 0x0000FFFF0000FFFF, 64)
    _exchange(matrix, 4, 0x00FF00FF00FF00FF, 0x0F0F0F0F0F0F0F0F, PLANES)
    _exchange(matrix, 1, 0x3333333333333333, 0x5555555555555555, PLANES)


@kernel
def _pack(matrix: NDArray[np.int64], planes: int, area: int, packed: NDArray[np.int64]) -> None:
    """Write the planes, which are the rows of the matrix, one after the other with no bit between them."""
    packed[0] = 0
    blocks = (area + _BLOCK - 1) // _BLOCK
    for plane in range(planes):
        at, shift = (plane * area) >> 6, (plane * area) & 63
        carry = packed[at]
        for block in range(blocks):
            word = matrix[plane * WORDS + block]
            packed[at + block] = carry | word << shift
            carry = (word >> (63 - shift) >> 1) & ((np.int64(1) << shift) - 1)
        packed[at + blocks] = carry


@kernel
def _mark(matrix: NDArray[np.int64], cells: Words, places: NDArray[np.uint16], plane: int) -> None:
    """Set a plane's bit at all cells of the set."""
    for cell in cells_in(load(cells)):
        matrix[places[cell]] |= np.int64(1) << plane


@kernel
def _fill(
    position: Position,
    memory: Memory,
    colour: int,
    layout: Layout,
    symmetry: int,
    planes: int,
    ladders: bool,
    work: Work,
) -> None:
    """Make the rows of the matrix the planes of the position, see `write_row`."""
    matrix, places = work.matrix, layout.places[symmetry]
    if planes > CAPTURE_SIZE:
        refresh(position, memory, colour)
    words = memory.words[colour]
    matrix[:] = 0
    for cell in range(WIDTH, CELLS - WIDTH):
        matrix[np.uint64(places[cell])] = words[np.uint64(cell)]
    now = position.turns  # the words take every stone for an old one
    for age in range(1, min(7, now) + 1):
        cell = position.recent[(now - age) % REMEMBERED]
        if cell != NO_CELL:
            word = matrix[places[cell]]
            # Mark the age if a stone is there, and none of a later turn: that one would no longer look old.
            if (word >> TURNS_SINCE + 7) & 1:
                matrix[places[cell]] = word ^ (1 << TURNS_SINCE + 7 | 1 << TURNS_SINCE + age - 1)
    if planes > CAPTURE_SIZE:
        if ladders:
            read_ladders(position, work.log, work.reading, memory, colour)
            _mark(matrix, memory.captures, places, LADDER_CAPTURE)
            _mark(matrix, memory.escapes, places, LADDER_ESCAPE)
        eyes = memory.eyes  # the words take every legal point for a sensible one
        for w in range(WORDS):
            eyes[w] = memory.enclosed[colour, w]
        strike_false_eyes(position, colour, eyes)
        for cell in cells_in(load(eyes)):
            matrix[places[cell]] &= ~(1 << SENSIBLENESS)
        if ko_of(position) != NO_CELL:  # and the ko point for a legal one
            matrix[places[ko_of(position)]] = 1 << VACANT | 1 << ONES
    _transpose(matrix)


@kernel
def write_row(
    position: Position,
    memory: Memory,
    colour: int,
    layout: Layout,
    symmetry: int,
    planes: int,
    ladders: bool,
    work: Work,
    row: NDArray[np.uint8],
) -> None:
    """Write the position with `colour` to move into `row`, uint8 (row_bytes,), seen under the symmetry.

    `memory` fits the position. `ladders` False leaves out the two ladder planes, for measuring. The position is left as
    it was, and the memory still fits it.
    """
    _fill(position, memory, colour, layout, symmetry, planes, ladders, work)
    _pack(work.matrix, planes, position.side * position.side, work.packed)
    packed = work.packed.view(np.uint8)
    for byte in range(len(row)):
        row[byte] = packed[byte]


@kernel
def write_planes(
    position: Position, memory: Memory, colour: int, layout: Layout, work: Work, planes: NDArray[np.uint8]
) -> None:
    """Write all planes of the position with `colour` to move into `planes`, uint8 (PLANES * size * size,)."""
    _fill(position, memory, colour, layout, 0, PLANES, True, work)
    area = position.side * position.side
    written = (area + _BLOCK - 1) // _BLOCK * _BLOCK  # whole blocks, which is quicker
    spread_bits(work.matrix.view(np.uint8)[: PLANES * WORDS * 8], work.spread)
    points = work.spread.view(np.uint8)
    for plane in range(PLANES):
        # The excess goes where the next planes will be written, or is cut off by the end of `planes`.
        at, line = plane * WORDS * _BLOCK, planes[plane * area : plane * area + written]
        for point in range(len(line)):
            line[point] = points[at + point]


@kernel
def _encode(
    position: Position,
    memory: Memory,
    games: Games,
    layout: Layout,
    game: NDArray[np.int64],
    ply: NDArray[np.int64],
    symmetry: NDArray[np.uint8],
    planes: int,
    ladders: bool,
    work: Work,
    rows: NDArray[np.uint8],
    into: NDArray[np.int64],
    labels: NDArray[np.uint16],
) -> int:
    """Row k goes to rows[into[k]]; a game is replayed from where the last row left it as long as the plies rise.

    Returns -1; or k, if a move on the way to that position is on an occupied point. Nothing more is then encoded."""
    games, layout, work, rows = borrowed((games, layout, work, rows))
    now_game, now_ply = -1, 0
    for k in range(len(game)):
        g, target = game[k], ply[k]
        first = games.offsets[g]
        known = g == now_game and now_ply <= target <= now_ply + _FOLLOWED
        if g != now_game or target < now_ply:
            set_up_codes(
                position, work.log, games.size, games.setup[games.setup_offsets[g] : games.setup_offsets[g + 1]]
            )
            now_game, now_ply = g, 0
        moves = games.codes[first + now_ply : first + target]
        now_ply = target
        if known:
            for move in moves:
                cell = play_code(position, work.log, int(move))
                if cell == OCCUPIED:
                    return k
                follow(position, work.log, memory, cell)
        else:
            for move in moves:
                if play_code(position, work.log, int(move)) == OCCUPIED:
                    return k
            start(position, memory)
        code = int(games.codes[first + target])
        colour = colour_of_code(code)
        write_row(position, memory, colour, layout, int(symmetry[k]), planes, ladders, work, rows[into[k]])
        labels[k] = layout.points[symmetry[k], point_of_code(code)]
    return -1


def encode_positions(
    games: Games,
    game: NDArray[np.int64],
    ply: NDArray[np.int64],
    symmetry: NDArray[np.uint8],
    planes: int = PLANES,
    *,
    ladders: bool = True,
    out: NDArray[np.uint8] | None = None,
    into: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Encode K positions of recorded games.

    Row k is the position of game game[k] before its move number ply[k] (from 0), seen under symmetry[k], with the
    colour of that move to play; label k is that move's point under the same symmetry. Consecutive rows of one game with
    rising plies share one replay. The kernel holds no interpreter lock: threads may encode at once.

    Args:
        games: the games, as `read_store` returns them. Moves may break the ko or be suicide.
        game: int64 (K,); ply: int64 (K,); symmetry: uint8 (K,), 0 to 7.
        planes: one of PLANE_SETS.
        ladders: False leaves the two ladder planes empty, for measuring.
        out: uint8 (M, row_bytes), memory to write the rows into. New memory costs a tenth of the time.
        into: int64 (K,), the row of `out` for each position (by default 0, 1, 2, ...). So shuffling costs nothing.

    Returns:
        rows uint8 (K, row_bytes(planes, size)), or `out`, and labels uint16 (K,), size * size if the move is a pass.

    Raises:
        ValueError: `out` and `into` do not fit the rows.
        HayagoError: a game has a move on an occupied point before a position asked for.
    """
    width = row_bytes(planes, games.size)
    rows = np.empty((len(game), width), np.uint8) if out is None else out
    if into is None:
        into = np.arange(len(game))
    if rows.shape[1] != width or into.max(initial=-1) >= len(rows) or into.min(initial=0) < 0:
        raise ValueError(f"rows of {width} bytes do not go into memory of the shape {rows.shape}")
    labels = np.empty(len(game), np.uint16)
    stopped = _encode(
        new_position(games.size), new_memories(1)[0], games, layout(games.size), game, ply, symmetry, planes, ladders,
        new_work(), rows, into, labels,
    )  # fmt: skip
    if stopped >= 0:
        raise HayagoError(f"game {game[stopped]}: a move on an occupied point, among its first {ply[stopped]}")
    return rows, labels


def all_positions(games: Games) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The (game, ply), int64 each, of every move that is not a pass: the examples of these games, in order."""
    game = np.repeat(np.arange(len(games.offsets) - 1), np.diff(games.offsets))
    ply = np.arange(len(games.codes)) - games.offsets[game]
    played = (games.codes & POINT_MASK) != games.size * games.size
    return game[played], ply[played]
