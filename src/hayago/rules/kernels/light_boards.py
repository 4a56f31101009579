"""The light board: many games at once, each on a board of its own. It steps thousands of boards in threads.

A light board is a record of some hundred bytes, and its *past*, int64 (capacity,), so that a thousand of them stay in
the processor's cache. It has no chains. It holds sets of cells (see `hayago.rules.kernels.cell_sets`), and finds what a
move does by spreading over them, a whole board at a time:

    side, superko         the board's size; 1 if no position may come again, 0 if only the simple ko is forbidden
    to_play, passes       whose turn it is; how many passes have just been made in a row
    plies, ko, hash       how many moves were made, passes included; the cell of the simple ko, NO_CELL for none; the
                          Zobrist hash of the stones, as `Board` has it (kept if superko asks for it)
    news[n], fresh        the points played since the follower last looked, and how many; NEW_GAME more if a game has
                          begun before them
    stones[colour]        the set of the colour's stones; of EMPTY, of the empty cells
    atari[colour]         the set of those stones whose chain has one liberty
    ever, lost, recent[colour], novel   see below
    seen                  how many positions are in the past

The past is a hash set of the hashes of the game's positions: open addressing, 0 for an empty slot.

Superko. A move can only bring back a position in which its stone already stood. So its point must have lost a stone of
that colour since: it is in `lost`. And no *novel* stone can have come to the board since then and still be there: one
of a colour that the point had never had before (`ever`). So while the last novel stone, at `novel`, stands, a move that
captures nothing needs no look at the past unless its point is `recent`: has lost such a stone after the novel one was
played. (The empty board needs no entry in the past, since no move brings it back.)

The kernels take one board and trust what they are given. Chance is a stream of its own for each board, so a game
depends neither on the others nor on threads.
"""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hayago.jit import kernel
from hayago.rules.board import zobrist
from hayago.rules.coordinates import BLACK, EMPTY, WHITE
from hayago.rules.kernels.cell_sets import (
    WORDS,
    CellSet,
    add_cell,
    beside,
    cells_in,
    common,
    count,
    first,
    has_cell,
    is_empty,
    load,
    only,
    spread,
    store,
    union,
    without,
)
from hayago.rules.kernels.frame import NO_CELL, WIDTH, cell_of, point_of
from hayago.rules.kernels.playouts import next_random

LightBoard: TypeAlias = Any  # np.record of LIGHT_BOARD
Past: TypeAlias = NDArray[np.int64]

FOLLOWED = 2  # moves on a board between two looks of its follower: one of each side
NEW_GAME = FOLLOWED + 1

LIGHT_BOARD = np.dtype(
    [
        ("side", np.int64),
        ("superko", np.int64),
        ("to_play", np.int64),
        ("passes", np.int64),
        ("plies", np.int64),
        ("ko", np.int64),
        ("hash", np.int64),
        ("fresh", np.int64),
        ("seen", np.int64),
        ("novel", np.int64),
        ("news", np.int64, (NEW_GAME,)),
        ("stones", np.int64, (3, WORDS)),
        ("atari", np.int64, (3, WORDS)),
        ("ever", np.int64, (3, WORDS)),
        ("lost", np.int64, (3, WORDS)),
        ("recent", np.int64, (3, WORDS)),
    ]
)

_TRIES = 64
_FIRST_CAPACITY = 512  # slots of a past; a power of two, as are all later ones
_HASHES = zobrist()


class LightBoards(NamedTuple):
    """B boards and their pasts.

    Attributes:
        boards: LIGHT_BOARD (B,).
        pasts: int64 (B, capacity).
    """

    boards: NDArray[Any]
    pasts: NDArray[np.int64]


def new_light_boards(number: int, size: int, superko: bool) -> LightBoards:
    """Empty boards of `size`, Black to play."""
    boards = np.zeros(number, LIGHT_BOARD).view(np.recarray)
    boards.side = size
    boards.superko = superko
    pasts = np.zeros((number, _FIRST_CAPACITY), np.int64)
    for board, past in zip(boards, pasts, strict=True):
        begin(board, past)
    return LightBoards(boards, pasts)


def with_room(light: LightBoards) -> LightBoards:
    """The boards with room in each past for FOLLOWED more positions: the same ones, or the same with longer pasts.

    A past is at most half full, so that a look at it is short.
    """
    capacity = light.pasts.shape[1]
    if 2 * (int(light.boards["seen"].max()) + FOLLOWED) <= capacity:
        return light
    longer = np.zeros((len(light.boards), 2 * capacity), np.int64)
    _copy_pasts(light.pasts, longer)
    return LightBoards(light.boards, longer)


@kernel
def _copy_pasts(pasts: NDArray[np.int64], longer: NDArray[np.int64]) -> None:
    for n in range(len(pasts)):
        for position in pasts[n]:
            if position != 0:
                longer[n, _slot(longer[n], position)] = position


@kernel
def _slot(past: Past, position: int) -> int:
    """Where the position's hash stands in the past, or where it would go."""
    mask = len(past) - 1
    slot = position & mask
    while past[slot] != 0 and past[slot] != position:
        slot = (slot + 1) & mask
    return slot


@kernel
def begin(board: LightBoard, past: Past) -> None:
    """A new game: the empty board, Black to play."""
    board.to_play = BLACK
    board.passes = 0
    board.plies = 0
    board.ko = NO_CELL
    board.hash = 0
    board.seen = 0
    board.novel = NO_CELL
    board.fresh = NEW_GAME
    board.stones[:] = 0
    board.atari[:] = 0
    board.ever[:] = 0
    board.lost[:] = 0
    board.recent[:] = 0
    past[:] = 0
    for row in range(board.side):
        for column in range(board.side):
            add_cell(board.stones[EMPTY], (row + 1) * WIDTH + column)


@kernel
def _chain(start: CellSet, stones: CellSet, empty: CellSet) -> tuple[CellSet, int]:
    """The chain of a stone and how many liberties it has; the search ends, the chain incomplete, once it has two."""
    while True:
        near = beside(start)
        liberties = count(common(near, empty))
        if liberties > 1:
            return start, liberties
        wider = union(start, common(near, stones))
        if is_empty(without(wider, start)):
            return start, liberties
        start = wider


@kernel
def _hash(cells: CellSet, colour: int) -> int:
    """The hash of stones of one colour."""
    total = 0
    for cell in cells_in(cells):
        total ^= _HASHES[colour, cell]
    return total


@kernel
def _is_new(board: LightBoard, past: Past, cell: int, colour: int) -> bool:
    """Whether a stone, legal but for superko, leads to a position that the game has not had."""
    prey = load(board.atari[3 - colour])
    captured = spread(common(beside(only(cell)), prey), prey)
    position = board.hash ^ _HASHES[colour, cell] ^ _hash(captured, 3 - colour)
    return bool(past[_slot(past, position)] == 0)


@kernel
def _legal_and_doubtful(board: LightBoard, colour: int) -> tuple[CellSet, CellSet]:
    """Where `colour` may play a stone, superko apart; and at which of these cells superko must be looked at."""
    empty, prey = load(board.stones[EMPTY]), load(board.atari[3 - colour])
    safe = without(load(board.stones[colour]), load(board.atari[colour]))
    legal = common(empty, beside(union(empty, union(safe, prey))))
    if board.ko != NO_CELL and colour == board.to_play:  # the other one, who took it, may fill it
        legal = without(legal, only(board.ko))
    doubtful = common(beside(prey), load(board.lost[colour]))
    return legal, common(legal, union(doubtful, load(board.recent[colour])))


@kernel
def legal_cells(board: LightBoard, past: Past, colour: int) -> CellSet:
    """Where `colour` may play a stone."""
    legal, doubtful = _legal_and_doubtful(board, colour)
    for cell in cells_in(doubtful):
        if not _is_new(board, past, cell, colour):
            legal = without(legal, only(cell))
    return legal


@kernel
def open_cells(board: LightBoard, past: Past, colour: int) -> CellSet:
    """Where `colour` may play a stone, without the cells that its own stones, and the edge, enclose."""
    others = union(load(board.stones[EMPTY]), load(board.stones[3 - colour]))
    return common(legal_cells(board, past, colour), beside(others))


@kernel
def is_allowed(board: LightBoard, past: Past, point: int) -> bool:
    """Whether the side to play may play there; any number may be asked for."""
    area, colour = board.side * board.side, board.to_play
    if not 0 <= point < area:
        return bool(point == area)
    cell = cell_of(point, board.side)
    legal, doubtful = _legal_and_doubtful(board, colour)
    if is_empty(common(legal, only(cell))):
        return False
    return is_empty(common(doubtful, only(cell))) or _is_new(board, past, cell, colour)


@kernel
def play(board: LightBoard, past: Past, point: int) -> bool:
    """Play a legal move, or pass. Returns whether that ends the game."""
    board.news[board.fresh % NEW_GAME] = point
    board.fresh += 1
    board.plies += 1
    board.ko = NO_CELL
    colour = board.to_play
    board.to_play = 3 - colour
    if point == board.side * board.side:
        board.passes += 1
        return bool(board.passes == 2)
    board.passes = 0
    _place(board, past, cell_of(point, board.side), colour)
    return False


@kernel
def _place(board: LightBoard, past: Past, cell: int, colour: int) -> None:
    """Put a stone there by the rules."""
    other = 3 - colour
    stone = only(cell)
    near = beside(stone)
    empty, own = without(load(board.stones[EMPTY]), stone), union(load(board.stones[colour]), stone)
    theirs, weak = load(board.stones[other]), load(board.atari[other])
    captured = spread(common(near, weak), weak)  # the cell was their only liberty
    if not is_empty(captured):
        theirs, weak, empty = without(theirs, captured), without(weak, captured), union(empty, captured)
    beside_it = without(common(near, theirs), weak)
    while not is_empty(beside_it):
        chain, liberties = _chain(only(first(beside_it)), theirs, empty)
        beside_it = without(beside_it, chain)
        if liberties == 1:
            weak = union(weak, chain)
    store(board.atari[other], weak)
    store(board.stones[other], theirs)

    weak = load(board.atari[colour])
    weak = without(weak, spread(common(union(near, beside(captured)), weak), weak))
    chain, liberties = _chain(stone, own, empty)
    if liberties == 1:
        weak = union(weak, chain)
        if count(chain) == 1 and count(captured) == 1:
            board.ko = first(captured)
    store(board.atari[colour], weak)
    store(board.stones[colour], own)
    store(board.stones[EMPTY], empty)
    if board.superko:
        _note_position(board, past, cell, colour, captured)


@kernel
def _note_position(board: LightBoard, past: Past, cell: int, colour: int, captured: CellSet) -> None:
    """Note what superko needs after a move."""
    other = 3 - colour
    board.hash ^= _HASHES[colour, cell] ^ _hash(captured, other)
    slot = _slot(past, board.hash)
    board.seen += past[slot] == 0
    past[slot] = board.hash
    if not is_empty(captured):
        store(board.lost[other], union(load(board.lost[other]), captured))
        store(board.recent[other], union(load(board.recent[other]), captured))
        if board.novel != NO_CELL and not is_empty(common(captured, only(board.novel))):
            board.novel = NO_CELL
            board.recent[:] = board.lost
    if not has_cell(board.ever[colour], cell):
        add_cell(board.ever[colour], cell)
        board.novel = cell
        board.recent[:] = 0


@kernel
def area_score(board: LightBoard) -> int:
    """Black's area less White's, every stone on the board taken as alive."""
    empty = load(board.stones[EMPTY])
    black, white = load(board.stones[BLACK]), load(board.stones[WHITE])
    near_black = spread(common(beside(black), empty), empty)
    near_white = spread(common(beside(white), empty), empty)
    score = count(black) + count(without(near_black, near_white))
    return score - count(white) - count(without(near_white, near_black))


@kernel
def _row(cells: CellSet, row: int) -> int:
    """The cells of a row, bit k for column k. Bits above the row's own mean nothing."""
    at, shift = (row * WIDTH) >> 6, (row * WIDTH) & 63
    if shift <= 64 - WIDTH:
        return int(cells[at] >> shift)
    return int((cells[at] >> shift) & ((1 << (64 - shift)) - 1) | cells[at + 1] << (64 - shift))


@kernel
def write_stones(board: LightBoard, own: int, marks: NDArray[np.int8]) -> None:
    """Set marks (N * N,) to 1 for the stones of the colour `own`, 2 for those of the other, 0 for empty points."""
    mine, theirs, size = load(board.stones[own]), load(board.stones[3 - own]), board.side
    for row in range(size):
        first_bits, second_bits = _row(mine, row), _row(theirs, row)
        line = marks[row * size : row * size + size]
        for column in range(size):
            line[column] = (first_bits >> column) & 1 | ((second_bits >> column) & 1) << 1


@kernel
def mark_legal(board: LightBoard, past: Past, colour: int, legal: NDArray[np.int8]) -> None:
    """Set legal (N * N + 1,) to 1 where `colour` may play, the pass among them, else to 0."""
    cells, size = legal_cells(board, past, colour), board.side
    for row in range(size):
        bits = _row(cells, row)
        line = legal[row * size : row * size + size]
        for column in range(size):
            line[column] = (bits >> column) & 1
    legal[-1] = 1


@kernel
def draw(random: NDArray[np.uint64], n: int, number: int) -> int:
    """A random number from 0 to number - 1, from the stream random[n]."""
    random[n] = next_random(random[n])
    return int(((random[n] >> np.uint64(32)) * np.uint64(number)) >> np.uint64(32))


@kernel
def draw_open(board: LightBoard, past: Past, random: NDArray[np.uint64], n: int) -> int:
    """A random point among the `open_cells` of the side to play, or the pass if there are none."""
    size = board.side
    cells = open_cells(board, past, board.to_play)
    number = count(cells)
    if number == 0:
        return int(size * size)
    left = draw(random, n, number)
    for cell in cells_in(cells):
        if left == 0:
            return point_of(cell, size)
        left -= 1
    return int(size * size)


@kernel
def draw_legal(random: NDArray[np.uint64], legal: NDArray[np.int8], drawn: NDArray[np.int64]) -> None:
    """For each mask legal[n] set drawn[n] to one of its actions at random, or to the last, the pass, if it has none."""
    actions = legal.shape[1]
    for n in range(len(legal)):
        drawn[n] = draw(random, n, actions)
        for _ in range(_TRIES):  # on all but the fullest boards one of them hits
            if legal[n, drawn[n]]:
                break
            drawn[n] = draw(random, n, actions)
        if legal[n, drawn[n]]:
            continue
        number = 0
        for action in range(actions):
            number += legal[n, action] != 0
        left = draw(random, n, max(number, 1))
        for action in range(actions):
            drawn[n] = action
            left -= legal[n, action] != 0
            if left < 0:
                break
