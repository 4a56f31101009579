"""The board as arrays, and the compiled functions that play on it. They trust what they are given: `Board` checks.

How to read it. The board lies in a frame of 21 rows of 20 *cells*: a point (row, column) is the cell
(row + 1) * 20 + column. Row 0, row 20 and every cell beyond the board's own columns hold BORDER, so each cell has four
neighbours at the same four distances on every size of board, and no edge needs a test.

A `Position` is one int64 array that holds all that is known, in sections; the index of a cell's or a chain's entry is
the section's name plus the cell:

    COLOUR + cell     EMPTY, BLACK, WHITE or BORDER
    HEAD + cell       the *head* of the stone's chain: the cell that stands for the whole chain
    NEXT + cell       the next stone of the chain; a chain is a ring
    STONES + head     how many stones the chain has
    LIBERTIES + head  how many liberties it has
    TURN + cell       the turn on which the stone was put there, NEVER for set-up stones
    SETS + head * WORDS + w   word w of the set of the chain's liberties; a *set* of cells is six 64-bit words, in which
                              bit (cell - WIDTH) stands for the cell
    KO, TURNS, SIZE   the cell of the simple ko (0 for none); turns played, passes counted; the board's side
    LOGGED, LOG       how many changes are noted, and their (index, old value) pairs

Every change to what stands on the board goes through `_put`, which notes the old value. So `undo` takes back any number
of moves exactly, which is what reading ladders needs. A move that is played for good begins with `forget`. (One array,
since numba passes it to a function for nothing, while a tuple of arrays costs reference counts at each call.)
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hayago.rules.coords import BLACK, EMPTY, WHITE
from hayago.rules.jit import kernel, lowest_bit, popcount

Position: TypeAlias = NDArray[np.int64]

BORDER = 3
WIDTH = 20  # 19 columns and one of border, which serves the right edge of its row and the left edge of the next
CELLS = 21 * WIDTH
WORDS = 6  # 19 rows of 20 bits are 380
DIRECTIONS = (-WIDTH, -1, 1, WIDTH)
DIAGONALS = (-WIDTH - 1, -WIDTH + 1, WIDTH - 1, WIDTH + 1)
NEVER = -1
HUNTER_MOVES = 50  # how many moves the hunter of a ladder may make

# One BORDER more stands before the first cell: the corner's diagonal neighbour.
COLOUR, HEAD, NEXT, STONES, LIBERTIES, TURN = (1 + section * CELLS for section in range(6))
SETS = 1 + 6 * CELLS
AFTER = SETS + CELLS * WORDS  # scratch of `look_ahead`: the liberty set of the new chain
EYES = AFTER + WORDS  # scratch of `strike_false_eyes`: a set of cells
FOOTPRINT = EYES + WORDS  # scratch of `ladders.watch`: a set of cells
THREATENED = FOOTPRINT + WORDS  # scratch of `ladders.works`: a set of cells for each number of hunter moves
KO, TURNS, SIZE, LOGGED, LOG = (THREATENED + (HUNTER_MOVES + 1) * WORDS + i for i in range(5))

# Nothing looks whether the log is full, so this has to hold: never are more than MOST_LOGGED moves noted at once, a
# game's last one, then the one that saves a prey, then two for each move of its hunter. So at most 361 stones and these
# ever stand there. Each is taken off at most once, at 20 entries, and before that gets another head at most 8 times,
# since the chain it is in then becomes at least twice as large. A move has at most 52 other entries: 4 of its own, 8 of
# neighbours' liberties and 4 merges at 10. (A stone that is set up has 3 more, but stands in the log alone.)
MOST_LOGGED = 2 + 2 * HUNTER_MOVES
LOG_ENTRIES = (361 + MOST_LOGGED) * (20 + 8) + MOST_LOGGED * 52


def new_position(size: int) -> Position:
    """An empty board of `size`; the memory of the log is touched only as far as it is used."""
    position = np.empty(LOG + 2 * LOG_ENTRIES, np.int64)
    position[:LOG] = 0
    clear(position, size)
    return position


@kernel
def cell_of(point: int, size: int) -> int:
    """The cell of a point that is no pass."""
    return (point // size + 1) * WIDTH + point % size


@kernel
def clear(position: Position, size: int) -> None:
    """Make it an empty board of `size`. Liberty sets need no clearing: `place` writes a new chain's whole set."""
    position[COLOUR - 1 : COLOUR + CELLS] = BORDER
    for row in range(1, size + 1):
        position[COLOUR + row * WIDTH : COLOUR + row * WIDTH + size] = EMPTY
    position[KO] = 0
    position[TURNS] = 0
    position[SIZE] = size
    forget(position)


@kernel
def forget(position: Position) -> None:
    """Empty the log: what was done so far is done for good."""
    position[LOGGED] = 0


@kernel
def _note(position: Position, index: int) -> None:
    """Note the value of an entry in the log."""
    n = position[LOGGED]
    position[LOG + 2 * n] = index
    position[LOG + 2 * n + 1] = position[index]
    position[LOGGED] = n + 1


@kernel
def _put(position: Position, index: int, value: int) -> None:
    """position[index] = value, with the old value noted in the log."""
    _note(position, index)
    position[index] = value


@kernel
def undo(position: Position, mark: int) -> None:
    """Take back every change since position[LOGGED] was `mark`."""
    for n in range(position[LOGGED] - 1, mark - 1, -1):
        position[position[LOG + 2 * n]] = position[LOG + 2 * n + 1]
    position[LOGGED] = mark


@kernel
def has_cell(array: Position, at: int, cell: int) -> bool:
    """Whether the cell is in the set at array[at : at + WORDS]."""
    return bool((array[at + ((cell - WIDTH) >> 6)] >> ((cell - WIDTH) & 63)) & 1)


@kernel
def add_cell(array: Position, at: int, cell: int) -> None:
    """Put the cell into the set at array[at : at + WORDS]."""
    array[at + ((cell - WIDTH) >> 6)] |= np.int64(1) << np.int64((cell - WIDTH) & 63)


@kernel
def only_liberty(position: Position, head: int) -> int:
    """The cell of a liberty of the chain, the first in reading order: of a chain in atari, the only one."""
    for w in range(WORDS):
        word = position[SETS + head * WORDS + w]
        if word != 0:
            return WIDTH + 64 * w + lowest_bit(word)
    return 0


@kernel
def is_legal(position: Position, cell: int, colour: int) -> bool:
    """Whether a stone may be played: the cell is empty, no simple ko, no suicide. Keeps: nothing is changed."""
    if position[COLOUR + cell] != EMPTY or cell == position[KO]:
        return False
    for direction in DIRECTIONS:
        neighbour = cell + direction
        there = position[COLOUR + neighbour]
        if there == EMPTY:
            return True
        if there != BORDER and (there == colour) == (position[LIBERTIES + position[HEAD + neighbour]] > 1):
            return True  # a chain of one's own with another liberty, or one of the opponent's with none
    return False


@kernel
def look_ahead(position: Position, cell: int, colour: int) -> tuple[int, int, int]:
    """What playing at an empty cell does: stones captured, size and liberties of the new own chain.

    No liberties means that the move is suicide. Keeps: nothing is changed but the scratch at AFTER.
    """
    empty, joined, stones, captured = 0, 0, 1, 0
    own = (0, 0, 0, 0)  # the heads of the chains that the stone joins
    prey = (0, 0, 0, 0)  # of those that it captures
    for direction in DIRECTIONS:
        there = position[COLOUR + cell + direction]
        if there == EMPTY:
            empty += 1
        elif there != BORDER:
            head = position[HEAD + cell + direction]
            if there == colour:
                if head not in own:
                    own = (head, own[0], own[1], own[2])
                    stones += position[STONES + head]
                    joined += 1
            elif position[LIBERTIES + head] == 1 and head not in prey:
                prey = (head, prey[0], prey[1], prey[2])
                captured += position[STONES + head]
    # Two points of three join nothing and capture nothing, most others join one chain: no set is needed then.
    if captured == 0 and joined == 0:
        return 0, 1, empty
    if captured == 0 and joined == 1:
        liberties = position[LIBERTIES + own[0]] - 1  # the cell itself was one
        at = SETS + own[0] * WORDS
        for direction in DIRECTIONS:
            if position[COLOUR + cell + direction] == EMPTY and not has_cell(position, at, cell + direction):
                liberties += 1
        return 0, stones, liberties

    for w in range(WORDS):
        word = np.int64(0)
        for n in range(joined):
            word |= position[SETS + own[n] * WORDS + w]
        position[AFTER + w] = word
    for direction in DIRECTIONS:
        if position[COLOUR + cell + direction] == EMPTY:
            add_cell(position, AFTER, cell + direction)
    for head in prey:
        if head == 0:
            break
        stone = head
        while True:  # a captured stone's point is a liberty if it lies beside any stone of the new chain
            for direction in DIRECTIONS:
                beside = stone + direction
                if beside == cell or (position[COLOUR + beside] == colour and position[HEAD + beside] in own):
                    add_cell(position, AFTER, stone)
                    break
            stone = position[NEXT + stone]
            if stone == head:
                break
    liberties = -1 if joined else 0  # the cell itself was a liberty of each chain that it joins
    for w in range(WORDS):
        liberties += popcount(position[AFTER + w])
    return captured, stones, liberties


@kernel
def _add_liberty(position: Position, head: int, cell: int) -> None:
    index = SETS + head * WORDS + ((cell - WIDTH) >> 6)
    bit = np.int64(1) << np.int64((cell - WIDTH) & 63)
    word = position[index]
    if not word & bit:
        _put(position, index, word | bit)
        _put(position, LIBERTIES + head, position[LIBERTIES + head] + 1)


@kernel
def _drop_liberty(position: Position, head: int, cell: int) -> None:
    index = SETS + head * WORDS + ((cell - WIDTH) >> 6)
    bit = np.int64(1) << np.int64((cell - WIDTH) & 63)
    word = position[index]
    if word & bit:
        _put(position, index, word & ~bit)
        _put(position, LIBERTIES + head, position[LIBERTIES + head] - 1)


@kernel
def _merge(position: Position, one: int, other: int) -> int:
    """Join two chains of one colour, the smaller into the larger, and give the head of the whole."""
    if position[STONES + one] < position[STONES + other]:
        one, other = other, one
    stone = other
    while True:
        _put(position, HEAD + stone, one)
        stone = position[NEXT + stone]
        if stone == other:
            break
    after_one = position[NEXT + one]
    _put(position, NEXT + one, position[NEXT + other])
    _put(position, NEXT + other, after_one)
    _put(position, STONES + one, position[STONES + one] + position[STONES + other])
    count = 0
    for w in range(WORDS):
        old = position[SETS + one * WORDS + w]
        word = old | position[SETS + other * WORDS + w]
        if word != old:
            _put(position, SETS + one * WORDS + w, word)
        count += popcount(word)
    _put(position, LIBERTIES + one, count)
    return one


@kernel
def _remove(position: Position, head: int) -> None:
    """Take a chain off the board; every chain beside it gets its cells as liberties."""
    colour = position[COLOUR + head]
    stone = head
    while True:
        _put(position, COLOUR + stone, EMPTY)
        # `place` writes over an empty cell without notes, so all that `undo` may need again is noted here: any stone
        # may have been the head of its own chain before a merge.
        for section in (HEAD, NEXT, STONES, LIBERTIES, TURN):
            _note(position, section + stone)
        for w in range(WORDS):
            _note(position, SETS + stone * WORDS + w)
        for direction in DIRECTIONS:
            neighbour = stone + direction
            if position[COLOUR + neighbour] == 3 - colour:
                _add_liberty(position, position[HEAD + neighbour], stone)
        stone = position[NEXT + stone]
        if stone == head:
            break


@kernel
def place(position: Position, cell: int, colour: int) -> int:
    """Put a stone on an empty cell, take off what it captures, set the ko, count the turn.

    Gives the number of opponent stones captured. A stone that leaves its own chain without a liberty takes that chain
    off (suicide, which only other programs' moves may do). Keeps every invariant of the module's first paragraphs.
    """
    if position[KO] != 0:
        _put(position, KO, 0)
    _put(position, COLOUR + cell, colour)
    _put(position, TURNS, position[TURNS] + 1)
    # What an empty cell holds means nothing, so this needs no notes (`_remove` takes them).
    position[HEAD + cell] = cell
    position[NEXT + cell] = cell
    position[STONES + cell] = 1
    position[TURN + cell] = position[TURNS] - 1
    liberties = 0
    for w in range(WORDS):
        position[SETS + cell * WORDS + w] = 0
    for direction in DIRECTIONS:
        if position[COLOUR + cell + direction] == EMPTY:
            liberty = cell + direction - WIDTH
            position[SETS + cell * WORDS + (liberty >> 6)] |= np.int64(1) << np.int64(liberty & 63)
            liberties += 1
    position[LIBERTIES + cell] = liberties

    head = cell
    captured = 0
    ko = 0
    for direction in DIRECTIONS:
        neighbour = cell + direction
        there = position[COLOUR + neighbour]
        if there == colour:
            other = position[HEAD + neighbour]
            if other != head:
                _drop_liberty(position, other, cell)
                head = _merge(position, head, other)
        elif there == 3 - colour:
            prey = position[HEAD + neighbour]
            _drop_liberty(position, prey, cell)
            if position[LIBERTIES + prey] == 0:
                captured += position[STONES + prey]
                ko = prey
                _remove(position, prey)
    if captured == 1 and position[STONES + head] == 1 and position[LIBERTIES + head] == 1:
        _put(position, KO, ko)
    if position[LIBERTIES + head] == 0:
        _remove(position, head)
    return captured


@kernel
def place_pass(position: Position) -> None:
    """A pass: it clears the ko and counts as a turn."""
    _put(position, KO, 0)
    _put(position, TURNS, position[TURNS] + 1)


@kernel
def set_up(position: Position, cell: int, colour: int) -> None:
    """Put a stone there that was never moved: it counts as no turn and leaves no ko. It may capture, as SGF's may not,
    but then it does so in good order."""
    place(position, cell, colour)
    _put(position, KO, 0)
    _put(position, TURN + cell, NEVER)
    _put(position, TURNS, position[TURNS] - 1)


@kernel
def play_code(position: Position, code: int) -> int:
    """Play a move code (see `hayago.records.games`) for good; the move must be legal or at least on an empty point.

    Gives the cell, 0 for a pass; the log holds what it changed.
    """
    forget(position)
    point = code & 0x1FF
    size = position[SIZE]
    if point == size * size:
        place_pass(position)
        return 0
    cell = cell_of(point, size)
    place(position, cell, WHITE if code & 0x8000 else BLACK)
    return int(cell)


@kernel
def set_up_codes(position: Position, size: int, setup: NDArray[np.uint16]) -> None:
    """Make it a board of `size` with these stones and nothing played."""
    clear(position, size)
    for code in setup:
        forget(position)
        set_up(position, cell_of(int(code) & 0x1FF, size), WHITE if int(code) & 0x8000 else BLACK)
    forget(position)


@kernel
def first_illegal(position: Position, size: int, setup: NDArray[np.uint16], codes: NDArray[np.uint16]) -> int:
    """The index of the first move that is illegal (occupied, simple ko, suicide), or -1. `position` is overwritten."""
    set_up_codes(position, size, setup)
    for n in range(len(codes)):
        code = int(codes[n])
        point = code & 0x1FF
        colour = WHITE if code & 0x8000 else BLACK
        if point > size * size:
            return n
        if point < size * size and not is_legal(position, cell_of(point, size), colour):
            return n
        play_code(position, code)
    return -1


@kernel
def strike_false_eyes(position: Position, colour: int) -> None:
    """Leave the true eyes of `colour` in the set at EYES, which holds all its enclosed cells.

    A cell is *enclosed* when it is empty and only own stones (or the edge) lie beside it. The true eyes are the largest
    set E of enclosed cells with at most one bad diagonal, none at the edge; a diagonal is bad when an opponent stone
    stands there, or when it is empty and not in E. So strike out what fails until nothing changes.
    """
    changed = True
    while changed:
        changed = False
        for w in range(WORDS):
            word = position[EYES + w]
            while word != 0:
                bit = lowest_bit(word)
                word &= word - 1
                cell = WIDTH + 64 * w + bit
                bad, allowed = 0, 1
                for diagonal in DIAGONALS:
                    beside = cell + diagonal
                    there = position[COLOUR + beside]
                    if there == BORDER:
                        allowed = 0
                    elif there == 3 - colour or (there == EMPTY and not has_cell(position, EYES, beside)):
                        bad += 1
                if bad > allowed:
                    position[EYES + w] &= ~(np.int64(1) << np.int64(bit))
                    changed = True


@kernel
def is_enclosed(position: Position, cell: int, colour: int) -> bool:
    """Whether only stones of `colour` or the edge lie beside the cell."""
    beside = BORDER
    for direction in DIRECTIONS:
        beside &= position[COLOUR + cell + direction]
    return bool(beside & colour)  # BORDER is BLACK | WHITE


@kernel
def mark_true_eyes(position: Position, colour: int, eyes: NDArray[np.uint8]) -> None:
    """Set eyes (CELLS,) to 1 on the true eyes of `colour` and to 0 elsewhere."""
    position[EYES : EYES + WORDS] = 0
    for cell in range(WIDTH, CELLS - WIDTH):
        if position[COLOUR + cell] == EMPTY and is_enclosed(position, cell, colour):
            add_cell(position, EYES, cell)
    strike_false_eyes(position, colour)
    eyes[:] = 0
    for cell in range(WIDTH, CELLS - WIDTH):
        if has_cell(position, EYES, cell):
            eyes[cell] = 1
