"""`Position`: the board that whole games are replayed on, with chains, liberties and an undo log.

The kernels here trust what they are given; `hayago.rules.board.Board` checks. Points are laid out as
`hayago.rules.kernels.frame` says.

A `Position` is a record. The stones of a chain form a ring, and one of them, the *head*, stands for the whole chain.
Kernels read a position through these functions:

    colour_of(cell)           EMPTY, BLACK, WHITE or BORDER
    head_of(stone)            the head of the stone's chain
    next_of(stone)            the next stone of the ring
    chain_stones(head)        how many stones the chain has
    chain_liberties(head)     how many liberties it has; word_of(head, w) is a word of the set of them (see
                              `hayago.rules.kernels.cell_sets`)
    ko_of()                   the cell that the simple ko forbids, NO_CELL for none
    side, turns               fields: the size of the board; how many turns were played, passes included
    recent[turn % REMEMBERED]   a field: the cells of the last moves, NO_CELL for a pass

For an empty cell the functions about chains return meaningless values. (Nothing stands on NO_CELL, so it serves as a
chain that has neither stones nor liberties.) All that they read lies in two arrays, so that one index names any of it
in the log. As fields of their own they would cost the encoder a tenth of its speed, since `undo` would have to branch.

Every change to the stones goes through `_put` and `_put_word`, which write the old value to a `Log`. So `undo` takes
back any number of moves exactly, which is what reading ladders needs. A move that is played for good empties the log
first. A log belongs to no position, so positions may share one.

All of this is in records, because numba passes a record to a function at no cost, while a tuple of arrays costs a
reference count for each. And the records are small, because a thousand boards together must not fill the cache.
"""

from typing import Any, TypeAlias

import numba
import numpy as np
from numpy.typing import NDArray

from hayago.jit import kernel, lowest_bit, popcount
from hayago.rules.coordinates import EMPTY
from hayago.rules.kernels.cell_sets import (
    WORDS,
    CellSet,
    Words,
    bit_of,
    cells_in,
    count,
    drop_cell,
    has_cell,
    load,
    only,
    union,
)
from hayago.rules.kernels.frame import BORDER, CELLS, DIAGONALS, DIRECTIONS, HUNTER_MOVES, NO_CELL, WIDTH, cell_of
from hayago.rules.move_codes import colour_of_code, point_of_code

Position: TypeAlias = Any  # np.record of POSITION
Log: TypeAlias = Any  # np.record of LOG

OCCUPIED = -1  # no cell: what `play_code` returns for a move that cannot be played

REMEMBERED = 8  # turns; the planes tell the age of the last 7

# Where the parts of `cells` begin; the colours are at 0. In the log, words have their own index plus _WORDS.
_HEAD, _NEXT, _STONES, _LIBERTIES, _KO = (part * CELLS for part in range(1, 6))
_WORDS = _KO + 1

POSITION = np.dtype(
    [
        ("cells", np.int16, (_KO + 1,)),
        ("recent", np.int16, (REMEMBERED,)),
        ("side", np.int64),
        ("turns", np.int64),
        ("words", np.int64, (CELLS * WORDS,)),
    ],
    align=True,
)

# Nothing checks whether the log is full, so this must hold: at most MOST_LOGGED moves are in the log at once. They are
# a game's last move, then the one that saves a prey, then two for each move of its hunter. So a stone is put on the
# board at most 361 + MOST_LOGGED times. Each is taken off at most once, at 19 entries. Before that it gets another head
# at most 8 times, since its chain then becomes at least twice as large. A move has at most 51 other entries: 3 of its
# own, 8 of its neighbours' liberties, and 4 merges at 10.
MOST_LOGGED = 2 + 2 * HUNTER_MOVES
LOG_ENTRIES = (361 + MOST_LOGGED) * (19 + 8) + MOST_LOGGED * 51

LOG = np.dtype(
    [
        ("entries", np.int64),  # how many changes are in it
        ("index", np.int16, (LOG_ENTRIES,)),  # what was changed
        ("old", np.int64, (LOG_ENTRIES,)),  # its value before
    ],
    align=True,
)

# As numba has them, for kernels that state their signature.
POSITION_TYPE, LOG_TYPE = numba.from_dtype(POSITION), numba.from_dtype(LOG)


def new_positions(count: int, size: int) -> NDArray[Any]:
    """POSITION (count,): empty boards of `size`."""
    positions = np.zeros(count, POSITION).view(np.recarray)
    for position in positions:
        clear(position, size)
    return positions


def new_position(size: int) -> Position:
    """An empty board of `size`."""
    return new_positions(1, size)[0]


def new_log() -> Log:
    """An empty log. Its memory is touched only as far as it is used."""
    return np.zeros(1, LOG).view(np.recarray)[0]


@kernel
def clear(position: Position, size: int) -> None:
    """Make it an empty board of `size`.

    Liberty sets need no clearing, since `place` writes the whole set of a new chain. Nor do the last moves, since
    `turns` says how many of them there are."""
    position.cells[:CELLS] = BORDER
    for row in range(1, size + 1):
        position.cells[row * WIDTH : row * WIDTH + size] = EMPTY
    position.cells[_KO] = NO_CELL
    position.side = size
    position.turns = 0


# Reading. An index is given as an unsigned number, so that numba need not check whether it counts from the end; and a
# value as one of 64 bits, so that no kernel is compiled for two kinds of numbers.


@kernel
def colour_of(position: Position, cell: int) -> int:
    """What is there: EMPTY, BLACK, WHITE or BORDER."""
    return int(np.int64(position.cells[np.uint64(cell)]))


@kernel
def head_of(position: Position, stone: int) -> int:
    """The head of the stone's chain."""
    return int(np.int64(position.cells[np.uint64(_HEAD + stone)]))


@kernel
def next_of(position: Position, stone: int) -> int:
    """The next stone of the chain's ring."""
    return int(np.int64(position.cells[np.uint64(_NEXT + stone)]))


@kernel
def chain_stones(position: Position, head: int) -> int:
    """How many stones the chain with this head has."""
    return int(np.int64(position.cells[np.uint64(_STONES + head)]))


@kernel
def chain_liberties(position: Position, head: int) -> int:
    """How many liberties the chain with this head has."""
    return int(np.int64(position.cells[np.uint64(_LIBERTIES + head)]))


@kernel
def stones_of(position: Position, stone: int) -> int:
    """How many stones the chain of the stone has."""
    return chain_stones(position, head_of(position, stone))


@kernel
def liberties_of(position: Position, stone: int) -> int:
    """How many liberties the chain of the stone has."""
    return chain_liberties(position, head_of(position, stone))


@kernel
def word_of(position: Position, head: int, w: int) -> int:
    """Word w of the set of the chain's liberties."""
    word: int = position.words[np.uint64(head * WORDS + w)]
    return word


@kernel
def liberty_set(position: Position, head: int) -> CellSet:
    """The set of the chain's liberties."""
    return load(position.words[head * WORDS : head * WORDS + WORDS])


@kernel
def ko_of(position: Position) -> int:
    """The cell that the simple ko forbids, NO_CELL for none."""
    return int(np.int64(position.cells[_KO]))


@kernel
def has_liberty(position: Position, head: int, cell: int) -> bool:
    """Whether the cell is a liberty of the chain. (The border is none, wherever its bit falls.)"""
    return bool((word_of(position, head, (cell - WIDTH) >> 6) >> ((cell - WIDTH) & 63)) & 1)


@kernel
def only_liberty(position: Position, head: int) -> int:
    """The first liberty of the chain in reading order: if it is in atari, the only one."""
    for w in range(WORDS):
        word = word_of(position, head, w)
        if word != 0:
            return WIDTH + 64 * w + lowest_bit(word)
    return NO_CELL


# Writing, with the log.


@kernel
def _note(log: Log, index: int, old: int) -> None:
    """Add an entry to the log."""
    n = np.uint64(log.entries)
    log.index[n] = index
    log.old[n] = old
    log.entries += 1


@kernel
def _put(position: Position, log: Log, index: int, value: int) -> None:
    """position.cells[index] = value, with the old value in the log."""
    _note(log, index, position.cells[np.uint64(index)])
    position.cells[np.uint64(index)] = value


@kernel
def _put_word(position: Position, log: Log, head: int, w: int, value: int) -> None:
    """Set a word of a chain's liberties, with the old value in the log."""
    _note(log, _WORDS + head * WORDS + w, word_of(position, head, w))
    position.words[np.uint64(head * WORDS + w)] = value


@kernel
def undo(position: Position, log: Log, mark: int) -> None:
    """Take back every change since log.entries was `mark`."""
    for n in range(log.entries - 1, mark - 1, -1):
        index, old = int(np.int64(log.index[np.uint64(n)])), log.old[np.uint64(n)]
        if index < _WORDS:
            position.cells[np.uint64(index)] = old
        else:
            position.words[np.uint64(index - _WORDS)] = old
    log.entries = mark


@kernel
def changed_cell(log: Log, n: int) -> int:
    """The cell whose colour entry n of the log is about; NO_CELL if it is about something else."""
    index = int(np.int64(log.index[n]))
    return index if index < CELLS else NO_CELL


@kernel
def is_enclosed(position: Position, cell: int, colour: int) -> bool:
    """Whether only stones of `colour` or the edge lie beside the cell."""
    beside = BORDER
    for direction in DIRECTIONS:
        beside &= colour_of(position, cell + direction)
    return bool(beside & colour)  # BORDER is BLACK | WHITE


@kernel
def is_legal(position: Position, cell: int, colour: int) -> bool:
    """Whether a stone may be played: the cell is empty, the simple ko allows it, and it is not suicide.

    The ko forbids only to take back. Who has taken it may fill it, if its turn comes again without another move."""
    if colour_of(position, cell) != EMPTY or (cell == ko_of(position) and not is_enclosed(position, cell, colour)):
        return False
    for direction in DIRECTIONS:
        neighbour = cell + direction
        there = colour_of(position, neighbour)
        if there == EMPTY:
            return True
        if there != BORDER and (there == colour) == (liberties_of(position, neighbour) > 1):
            return True  # a friendly chain with another liberty, or an opponent's without one
    return False


@kernel
def _stones_of_all(position: Position, heads: tuple[int, int, int, int]) -> int:
    """How many stones these chains have together. A chain may be named twice; NO_CELL is none."""
    return (
        chain_stones(position, heads[0])
        + chain_stones(position, heads[1]) * (heads[1] != heads[0])
        + chain_stones(position, heads[2]) * ((heads[2] != heads[0]) & (heads[2] != heads[1]))
        + chain_stones(position, heads[3]) * ((heads[3] != heads[0]) & (heads[3] != heads[1]) & (heads[3] != heads[2]))
    )


@kernel
def look_ahead(position: Position, cell: int, colour: int) -> tuple[int, int, int]:
    """What playing at an empty cell would do: the stones captured, and the size and liberties of the new own chain.

    No liberties means that the move is suicide. The ko is not looked at.
    """
    # All is gathered with hardly a branch: a processor that guesses wrong loses more time than this takes.
    empty = 0
    own = (0, 0, 0, 0)  # the heads of the chains that the stone joins, one for each direction; 0 for none
    prey = (0, 0, 0, 0)  # of those that it captures
    for direction in DIRECTIONS:
        there = colour_of(position, cell + direction)
        head = head_of(position, cell + direction)  # if no stone is there it means nothing, but is some cell
        taken = (there == 3 - colour) & (chain_liberties(position, head) == 1)
        empty += there == EMPTY
        own = (own[1], own[2], own[3], head if there == colour else 0)
        prey = (prey[1], prey[2], prey[3], head if taken else 0)
    joined = max(own[0], own[1], own[2], own[3])
    if not prey[0] | prey[1] | prey[2] | prey[3]:
        # Two moves of three join and capture nothing, and most others join one chain. Those need no set.
        if joined == 0:
            return 0, 1, empty
        if (
            ((own[0] == 0) | (own[0] == joined))
            & ((own[1] == 0) | (own[1] == joined))
            & ((own[2] == 0) | (own[2] == joined))
            & ((own[3] == 0) | (own[3] == joined))
        ):
            liberties = chain_liberties(position, joined) - 1  # the cell itself was one
            for direction in DIRECTIONS:
                neighbour = cell + direction
                is_known = has_liberty(position, joined, neighbour)
                liberties += (colour_of(position, neighbour) == EMPTY) & (not is_known)
            return 0, chain_stones(position, joined) + 1, liberties

    after = union(
        union(liberty_set(position, own[0]), liberty_set(position, own[1])),
        union(liberty_set(position, own[2]), liberty_set(position, own[3])),
    )
    for direction in DIRECTIONS:
        if colour_of(position, cell + direction) == EMPTY:
            after = union(after, only(cell + direction))
    for head in prey:
        if head == 0:
            continue
        stone = head
        while True:  # the cell of a captured stone is a liberty if it lies beside any stone of the new chain
            for direction in DIRECTIONS:
                neighbour = stone + direction
                if neighbour == cell or (
                    colour_of(position, neighbour) == colour and head_of(position, neighbour) in own
                ):
                    after = union(after, only(stone))
                    break
            stone = next_of(position, stone)
            if stone == head:
                break
    # The cell itself was a liberty of each chain that it joins.
    return _stones_of_all(position, prey), _stones_of_all(position, own) + 1, count(after) - (joined != 0)


@kernel
def _add_liberty(position: Position, log: Log, head: int, cell: int) -> None:
    w, bit = (cell - WIDTH) >> 6, bit_of(cell)
    word = word_of(position, head, w)
    if not word & bit:
        _put_word(position, log, head, w, word | bit)
        _put(position, log, _LIBERTIES + head, chain_liberties(position, head) + 1)


@kernel
def _drop_liberty(position: Position, log: Log, head: int, cell: int) -> None:
    w, bit = (cell - WIDTH) >> 6, bit_of(cell)
    word = word_of(position, head, w)
    if word & bit:
        _put_word(position, log, head, w, word & ~bit)
        _put(position, log, _LIBERTIES + head, chain_liberties(position, head) - 1)


@kernel
def _merge(position: Position, log: Log, one: int, other: int) -> int:
    """Join two chains of one colour, the smaller into the larger, and return the head of the whole."""
    if chain_stones(position, one) < chain_stones(position, other):
        one, other = other, one
    stone = other
    while True:
        _put(position, log, _HEAD + stone, one)
        stone = next_of(position, stone)
        if stone == other:
            break
    after_one = next_of(position, one)
    _put(position, log, _NEXT + one, next_of(position, other))
    _put(position, log, _NEXT + other, after_one)
    _put(position, log, _STONES + one, chain_stones(position, one) + chain_stones(position, other))
    liberties = 0
    for w in range(WORDS):
        old = word_of(position, one, w)
        word = old | word_of(position, other, w)
        if word != old:
            _put_word(position, log, one, w, word)
        liberties += popcount(word)
    _put(position, log, _LIBERTIES + one, liberties)
    return one


@kernel
def _remove(position: Position, log: Log, head: int) -> None:
    """Take a chain off the board; every chain beside it gets its cells as liberties."""
    colour = colour_of(position, head)
    stone = head
    while True:
        _put(position, log, stone, EMPTY)
        # `place` writes over an empty cell without the log, so all that `undo` may need again is noted here: any stone
        # may have been the head of its own chain before a merge.
        _note(log, _HEAD + stone, head_of(position, stone))
        _note(log, _NEXT + stone, next_of(position, stone))
        _note(log, _STONES + stone, chain_stones(position, stone))
        _note(log, _LIBERTIES + stone, chain_liberties(position, stone))
        for w in range(WORDS):
            _note(log, _WORDS + stone * WORDS + w, word_of(position, stone, w))
        for direction in DIRECTIONS:
            neighbour = stone + direction
            if colour_of(position, neighbour) == 3 - colour:
                _add_liberty(position, log, head_of(position, neighbour), stone)
        stone = next_of(position, stone)
        if stone == head:
            break


@kernel
def place(position: Position, log: Log, cell: int, colour: int) -> int:
    """Put a stone on an empty cell, take off what it captures, and set the ko. The turn is not counted.

    Returns the number of opponent's stones captured. A stone that leaves its own chain without a liberty takes that
    chain off (suicide, which only other programs' moves may do).
    """
    if ko_of(position) != NO_CELL:
        _put(position, log, _KO, NO_CELL)
    _put(position, log, cell, colour)
    # What an empty cell holds means nothing, so this needs no log (`_remove` sees to that).
    position.cells[np.uint64(_HEAD + cell)] = cell
    position.cells[np.uint64(_NEXT + cell)] = cell
    position.cells[np.uint64(_STONES + cell)] = 1
    liberties = 0
    for w in range(WORDS):
        position.words[np.uint64(cell * WORDS + w)] = 0
    for direction in DIRECTIONS:
        neighbour = cell + direction
        if colour_of(position, neighbour) == EMPTY:
            position.words[np.uint64(cell * WORDS + ((neighbour - WIDTH) >> 6))] |= bit_of(neighbour)
            liberties += 1
    position.cells[np.uint64(_LIBERTIES + cell)] = liberties

    head = cell
    captured = 0
    ko = NO_CELL
    for direction in DIRECTIONS:
        neighbour = cell + direction
        there = colour_of(position, neighbour)
        if there == colour:
            other = head_of(position, neighbour)
            if other != head:
                _drop_liberty(position, log, other, cell)
                head = _merge(position, log, head, other)
        elif there == 3 - colour:
            prey = head_of(position, neighbour)
            _drop_liberty(position, log, prey, cell)
            if chain_liberties(position, prey) == 0:
                captured += chain_stones(position, prey)
                ko = prey
                _remove(position, log, prey)
    if captured == 1 and chain_stones(position, head) == 1 and chain_liberties(position, head) == 1:
        _put(position, log, _KO, ko)
    if chain_liberties(position, head) == 0:
        _remove(position, log, head)
    return captured


@kernel
def play(position: Position, log: Log, cell: int, colour: int) -> int:
    """Play a move on an empty cell, or pass (NO_CELL), for good: the log then holds what the move changed.

    Returns the number of stones captured."""
    log.entries = 0
    position.recent[position.turns % REMEMBERED] = cell
    position.turns += 1
    if cell != NO_CELL:
        return place(position, log, cell, colour)
    _put(position, log, _KO, NO_CELL)
    return 0


@kernel
def set_up(position: Position, log: Log, cell: int, colour: int) -> None:
    """Put a stone there that was never played, before the first turn: it leaves no ko. A set-up should not capture;
    if it does, the captured stones are taken off as usual."""
    log.entries = 0
    place(position, log, cell, colour)
    position.cells[_KO] = NO_CELL


@kernel
def play_code(position: Position, log: Log, code: int) -> int:
    """`play` a move code, which must not be off the board. Returns the cell, NO_CELL for a pass; or OCCUPIED, and plays
    nothing, if a stone is there."""
    point, size = point_of_code(code), position.side
    cell = NO_CELL if point == size * size else cell_of(point, size)
    if cell != NO_CELL and colour_of(position, cell) != EMPTY:
        return OCCUPIED
    play(position, log, cell, colour_of_code(code))
    return cell


@kernel
def set_up_codes(position: Position, log: Log, size: int, setup: NDArray[np.uint16]) -> None:
    """Make it a board of `size` with these stones and nothing played; of two stones on a point, the first stays."""
    clear(position, size)
    for code in setup:
        cell = cell_of(point_of_code(int(code)), size)
        if colour_of(position, cell) == EMPTY:
            set_up(position, log, cell, colour_of_code(int(code)))


@kernel
def first_illegal(position: Position, log: Log, size: int, setup: NDArray[np.uint16], codes: NDArray[np.uint16]) -> int:
    """The index of the first illegal move (occupied, simple ko, suicide), or -1. `position` is overwritten."""
    set_up_codes(position, log, size, setup)
    for n in range(len(codes)):
        code = int(codes[n])
        point = point_of_code(code)
        if point > size * size:
            return n
        if point < size * size and not is_legal(position, cell_of(point, size), colour_of_code(code)):
            return n
        play_code(position, log, code)
    return -1


@kernel
def strike_false_eyes(position: Position, colour: int, eyes: Words) -> None:
    """Leave the true eyes of `colour` in the set, which holds all its enclosed cells.

    What a true eye is: see `hayago.rules.kernels.plain_rules.mark_true_eyes`.
    """
    changed = True
    while changed:
        changed = False
        for cell in cells_in(load(eyes)):
            bad, allowed = 0, 1
            for diagonal in DIAGONALS:
                there = colour_of(
                    position, (cell + diagonal) % CELLS
                )  # -1 beside the corner is border, as the last cell is
                if there == BORDER:
                    allowed = 0
                elif there == 3 - colour or (there == EMPTY and not has_cell(eyes, cell + diagonal)):
                    bad += 1
            if bad > allowed:
                drop_cell(eyes, cell)
                changed = True
