"""Many games at once, each on a board of its own: what steps thousands of boards in threads.

Nouns: a *table* is one game, and is one int64 array of some hundred bytes and a past, so that a thousand of them stay
in the processor's cache. There are no chains in it: it holds sets of cells (see `hayago.rules.kernels.cell_sets`), and
what a move does is found by spreading over them, a whole board at a time. The index of an entry is its name:

    SIZE, SUPERKO      the board's side; 1 where no position may come again, 0 where only the simple ko is forbidden
    TO_PLAY, PASSES    whose turn it is; how many passes have just been made in a row
    PLIES, KO, HASH    how many moves were made, passes among them; the cell of the simple ko, 0 for none; the Zobrist
                       hash of the stones, as `Board` has it (kept where superko asks for it)
    NEWS + n, FRESH    the points played since somebody last looked, and how many they are; NEW_GAME more where a game
                       has begun before them
    STONES + colour * WORDS   the set of the colour's stones; of EMPTY, of the empty cells
    ATARI + colour * WORDS    the set of those stones whose chain has one liberty
    EVER, LOST, RECENT + colour * WORDS, NOVEL   see below
    SEEN, PAST + slot  how many positions the game has had, and their hashes, a set: open addressing, 0 for none

Superko. A move can only bring back a position in which its stone already stood, so its point must have lost a stone of
that colour since: it is in LOST. And since then no *novel* stone can have come to the board, one of a colour that the
point had never (EVER) had before, and still be there. So while the last novel stone, at NOVEL, stands, a move that
captures nothing needs no look at the past unless its point is RECENT: has lost such a stone after NOVEL was played.
(The empty board needs no entry in the past, since no move brings it back.)

Kernels take one table and trust what they are given. Chance is a stream of its own for each table, so what happens at
one hangs neither on the others nor on threads.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hayago.jit import kernel, lowest_bit
from hayago.rules.board import zobrist
from hayago.rules.coordinates import BLACK, WHITE
from hayago.rules.kernels.cell_sets import (
    CellSet,
    beside,
    common,
    count,
    first,
    is_empty,
    load,
    only,
    spread,
    store,
    union,
    without,
)
from hayago.rules.kernels.frame import WIDTH, cell_of
from hayago.rules.kernels.playouts import next_random
from hayago.rules.kernels.position import WORDS, add_cell, has_cell

Table: TypeAlias = NDArray[np.int64]

FOLLOWED = 2  # moves at a table between two looks of whoever follows it: one of each side
NEW_GAME = FOLLOWED + 1

SIZE, SUPERKO, TO_PLAY, PASSES, PLIES, KO, HASH, FRESH, SEEN, NOVEL, NEWS = range(11)
STONES, ATARI, EVER, LOST, RECENT, PAST = (NEWS + NEW_GAME + section * 3 * WORDS for section in range(6))

_TRIES = 64
_FIRST_CAPACITY = 512  # slots of a past; a power of two, as are all later ones
_WORD = zobrist()


def new_tables(number: int, size: int, superko: bool) -> NDArray[np.int64]:
    """int64 (number, ...): so many tables, at each an empty board of `size`, Black to play."""
    tables = np.zeros((number, PAST + _FIRST_CAPACITY), np.int64)
    tables[:, SIZE] = size
    tables[:, SUPERKO] = superko
    for table in tables:
        begin(table)
    return tables


def roomy(tables: NDArray[np.int64]) -> NDArray[np.int64]:
    """The tables with room in each past for FOLLOWED more positions: the same ones, or such with a longer past.

    A past is at most half full, so that a look at it is short.
    """
    capacity = tables.shape[1] - PAST
    if 2 * (int(tables[:, SEEN].max()) + FOLLOWED) <= capacity:
        return tables
    longer = np.zeros((len(tables), PAST + 2 * capacity), np.int64)
    longer[:, :PAST] = tables[:, :PAST]
    _copy_pasts(tables, longer)
    return longer


@kernel
def _copy_pasts(tables: NDArray[np.int64], longer: NDArray[np.int64]) -> None:
    for n in range(len(tables)):
        for position in tables[n, PAST:]:
            if position != 0:
                longer[n, _slot(longer[n], position)] = position


@kernel
def _slot(table: Table, position: int) -> int:
    """The index at which the position's hash stands in the past, or where it would go."""
    mask = len(table) - PAST - 1
    slot = position & mask
    while table[PAST + slot] != 0 and table[PAST + slot] != position:
        slot = (slot + 1) & mask
    return PAST + slot


@kernel
def begin(table: Table) -> None:
    """A new game: the empty board, Black to play."""
    table[TO_PLAY] = BLACK
    table[PASSES:] = 0
    table[FRESH] = NEW_GAME
    for row in range(table[SIZE]):
        for column in range(table[SIZE]):
            add_cell(table, STONES, (row + 1) * WIDTH + column)


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
    for w in range(WORDS):
        word = cells[w]
        while word != 0:
            total ^= _WORD[colour, WIDTH + 64 * w + lowest_bit(word)]
            word &= word - 1
    return total


@kernel
def _is_new(table: Table, cell: int, colour: int) -> bool:
    """Whether a stone, which the rules allow but for superko, leads to a position that the game has not had."""
    prey = load(table, ATARI + (3 - colour) * WORDS)
    captured = spread(common(beside(only(cell)), prey), prey)
    position = table[HASH] ^ _WORD[colour, cell] ^ _hash(captured, 3 - colour)
    return bool(table[_slot(table, position)] == 0)


@kernel
def _legal_and_doubtful(table: Table, colour: int) -> tuple[CellSet, CellSet]:
    """Where `colour` may play a stone, superko apart, and at which of these cells that has to be looked at."""
    empty, prey = load(table, STONES), load(table, ATARI + (3 - colour) * WORDS)
    safe = without(load(table, STONES + colour * WORDS), load(table, ATARI + colour * WORDS))
    legal = common(empty, beside(union(empty, union(safe, prey))))
    if table[KO] != 0:
        legal = without(legal, only(table[KO]))
    doubtful = common(beside(prey), load(table, LOST + colour * WORDS))
    return legal, common(legal, union(doubtful, load(table, RECENT + colour * WORDS)))


@kernel
def legal_cells(table: Table, colour: int) -> CellSet:
    """Where `colour` may play a stone."""
    legal, doubtful = _legal_and_doubtful(table, colour)
    for w in range(WORDS):
        word = doubtful[w]
        while word != 0:
            cell = WIDTH + 64 * w + lowest_bit(word)
            word &= word - 1
            if not _is_new(table, cell, colour):
                legal = without(legal, only(cell))
    return legal


@kernel
def open_cells(table: Table, colour: int) -> CellSet:
    """Where `colour` may play a stone, without the cells that its own stones, and the edge, enclose."""
    others = union(load(table, STONES), load(table, STONES + (3 - colour) * WORDS))
    return common(legal_cells(table, colour), beside(others))


@kernel
def is_allowed(table: Table, point: int) -> bool:
    """Whether whoever's turn it is may play there: any number may be asked for."""
    area, colour = table[SIZE] * table[SIZE], table[TO_PLAY]
    if not 0 <= point < area:
        return bool(point == area)
    cell = cell_of(point, table[SIZE])
    legal, doubtful = _legal_and_doubtful(table, colour)
    if is_empty(common(legal, only(cell))):
        return False
    return is_empty(common(doubtful, only(cell))) or _is_new(table, cell, colour)


@kernel
def play(table: Table, point: int) -> bool:
    """Play a legal move, or pass; whether the game is over by that."""
    table[NEWS + table[FRESH] % NEW_GAME] = point
    table[FRESH] += 1
    table[PLIES] += 1
    table[KO] = 0
    colour = table[TO_PLAY]
    table[TO_PLAY] = 3 - colour
    if point == table[SIZE] * table[SIZE]:
        table[PASSES] += 1
        return bool(table[PASSES] == 2)
    table[PASSES] = 0
    _place(table, cell_of(point, table[SIZE]), colour)
    return False


@kernel
def _place(table: Table, cell: int, colour: int) -> None:
    """Put a stone there by the rules."""
    other = 3 - colour
    stone = only(cell)
    near = beside(stone)
    empty, own = without(load(table, STONES), stone), union(load(table, STONES + colour * WORDS), stone)
    theirs, weak = load(table, STONES + other * WORDS), load(table, ATARI + other * WORDS)
    captured = spread(common(near, weak), weak)  # the cell was their only liberty
    if not is_empty(captured):
        theirs, weak, empty = without(theirs, captured), without(weak, captured), union(empty, captured)
    beside_it = without(common(near, theirs), weak)
    while not is_empty(beside_it):
        chain, liberties = _chain(only(first(beside_it)), theirs, empty)
        beside_it = without(beside_it, chain)
        if liberties == 1:
            weak = union(weak, chain)
    store(table, ATARI + other * WORDS, weak)
    store(table, STONES + other * WORDS, theirs)

    weak = load(table, ATARI + colour * WORDS)
    weak = without(weak, spread(common(union(near, beside(captured)), weak), weak))
    chain, liberties = _chain(stone, own, empty)
    if liberties == 1:
        weak = union(weak, chain)
        if count(chain) == 1 and count(captured) == 1:
            table[KO] = first(captured)
    store(table, ATARI + colour * WORDS, weak)
    store(table, STONES + colour * WORDS, own)
    store(table, STONES, empty)
    if table[SUPERKO]:
        _note_position(table, cell, colour, captured)


@kernel
def _note_position(table: Table, cell: int, colour: int, captured: CellSet) -> None:
    """Keep what superko needs after a move."""
    other = 3 - colour
    table[HASH] ^= _WORD[colour, cell] ^ _hash(captured, other)
    slot = _slot(table, table[HASH])
    table[SEEN] += table[slot] == 0
    table[slot] = table[HASH]
    if not is_empty(captured):
        for section in (LOST, RECENT):
            store(table, section + other * WORDS, union(load(table, section + other * WORDS), captured))
        if table[NOVEL] != 0 and not is_empty(common(captured, only(table[NOVEL]))):
            table[NOVEL] = 0
            table[RECENT : RECENT + 3 * WORDS] = table[LOST : LOST + 3 * WORDS]
    if not has_cell(table, EVER + colour * WORDS, cell):
        add_cell(table, EVER + colour * WORDS, cell)
        table[NOVEL] = cell
        table[RECENT : RECENT + 3 * WORDS] = 0


@kernel
def area_score(table: Table) -> int:
    """Black's area less White's, every stone on the board taken as alive."""
    empty = load(table, STONES)
    black, white = load(table, STONES + BLACK * WORDS), load(table, STONES + WHITE * WORDS)
    near_black = spread(common(beside(black), empty), empty)
    near_white = spread(common(beside(white), empty), empty)
    score = count(black) + count(without(near_black, near_white))
    return score - count(white) - count(without(near_white, near_black))


@kernel
def _row(cells: CellSet, row: int) -> int:
    """The cells of a row, bit k for column k; what lies above the row's bits means nothing."""
    at, shift = (row * WIDTH) >> 6, (row * WIDTH) & 63
    if shift <= 64 - WIDTH:
        return int(cells[at] >> shift)
    return int((cells[at] >> shift) & ((1 << (64 - shift)) - 1) | cells[at + 1] << (64 - shift))


@kernel
def write_stones(table: Table, own: int, marks: NDArray[np.int8]) -> None:
    """Set marks (N * N,) to 1 for the stones of the colour `own`, 2 for those of the other, 0 for empty points."""
    mine, theirs, size = load(table, STONES + own * WORDS), load(table, STONES + (3 - own) * WORDS), table[SIZE]
    for row in range(size):
        first_bits, second_bits = _row(mine, row), _row(theirs, row)
        line = marks[row * size : row * size + size]
        for column in range(size):
            line[column] = (first_bits >> column) & 1 | ((second_bits >> column) & 1) << 1


@kernel
def mark_legal(table: Table, colour: int, legal: NDArray[np.int8]) -> None:
    """Set legal (N * N + 1,) to 1 where `colour` may play, the pass among them, else to 0."""
    cells, size = legal_cells(table, colour), table[SIZE]
    for row in range(size):
        bits = _row(cells, row)
        line = legal[row * size : row * size + size]
        for column in range(size):
            line[column] = (bits >> column) & 1
    legal[-1] = 1


@kernel
def draw(random: NDArray[np.uint64], n: int, number: int) -> int:
    """A number from 0 to number - 1 by the stream random[n]."""
    random[n] = next_random(random[n])
    return int(((random[n] >> np.uint64(32)) * np.uint64(number)) >> np.uint64(32))


@kernel
def draw_open(table: Table, random: NDArray[np.uint64], n: int) -> int:
    """A point by lot among the `open_cells` of whoever's turn it is, or the pass where there are none."""
    size = table[SIZE]
    cells = open_cells(table, table[TO_PLAY])
    number = count(cells)
    if number == 0:
        return int(size * size)
    left = draw(random, n, number)
    for w in range(WORDS):
        word = cells[w]
        while word != 0:
            if left == 0:
                cell = WIDTH + 64 * w + lowest_bit(word)
                return int((cell // WIDTH - 1) * size + cell % WIDTH)
            word &= word - 1
            left -= 1
    return int(size * size)


@kernel
def draw_legal(random: NDArray[np.uint64], legal: NDArray[np.int8], drawn: NDArray[np.int64]) -> None:
    """For each mask legal[n] set drawn[n] to one of its actions, by lot; to the last, the pass, where it has none."""
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
