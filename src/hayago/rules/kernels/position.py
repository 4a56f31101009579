"""The board as arrays, and the compiled functions that play on it. They trust what they are given: `Board` checks.

How to read it. The board lies in a frame of 21 rows of 20 *cells*: a point (row, column) is the cell
(row + 1) * 20 + column. Row 0, row 20 and every cell beyond the board's own columns hold BORDER, so each cell has four
neighbours at the same four distances on every size of board, and no edge needs a test.

A `Position` is a record of all that is known. Its small numbers lie in `cells`, in sections; the index of a cell's or a
chain's entry is the section's name plus the cell:

    COLOUR + cell     EMPTY, BLACK, WHITE or BORDER
    HEAD + cell       the *head* of the stone's chain: the cell that stands for the whole chain
    NEXT + cell       the next stone of the chain; a chain is a ring
    STONES + head     how many stones the chain has
    LIBERTIES + head  how many liberties it has
    KO                the cell of the simple ko, 0 for none

(Nothing ever stands on the cell 0. So it serves for no chain: one that has neither stones nor liberties.) The rest is
in

    sets[head * WORDS + w]     word w of the set of the chain's liberties; a *set* of cells is six 64-bit words, in
                               which bit (cell - WIDTH) stands for the cell
    side, turns                the size of the board; how many turns were played, passes counted
    recent[turn % REMEMBERED]  where the stones of the last turns were played, 0 for a pass

Every change to what stands on the board goes through `_put` and `_put_word`, which note the old value in the log of the
`Notes`. So `undo` takes back any number of moves exactly, which is what reading ladders needs. A move that is played
for good begins with `forget`. Notes belong to no position: any number of them may use the same ones in turn. (All this
is records, since numba passes them to a function for nothing, while a tuple of arrays costs reference counts at each
call; and small, since whoever has a thousand boards waits for memory.)
"""

from typing import Any, TypeAlias

import numba
import numpy as np
from numpy.typing import NDArray

from hayago.jit import kernel, lowest_bit, popcount
from hayago.rules.coordinates import BLACK, EMPTY, WHITE
from hayago.rules.kernels.frame import BORDER, CELLS, DIAGONALS, DIRECTIONS, HUNTER_MOVES, WIDTH, cell_of

Position: TypeAlias = Any  # np.record of POSITION
Notes: TypeAlias = Any  # np.record of NOTES

WORDS = 6  # 19 rows of 20 bits are 380
REMEMBERED = 8  # turns; the planes tell the age of the last 7

# One BORDER more stands before the first cell: the corner's diagonal neighbour.
COLOUR, HEAD, NEXT, STONES, LIBERTIES, KO = (1 + section * CELLS for section in range(6))
_SETS = KO + 1  # in the log, where an entry of `cells` has its index, a word of `sets` has its own plus this

POSITION = np.dtype(
    [
        ("cells", np.int16, (KO + 1,)),
        ("recent", np.int16, (REMEMBERED,)),
        ("side", np.int64),
        ("turns", np.int64),
        ("sets", np.int64, (CELLS * WORDS,)),
    ],
    align=True,
)

# Nothing looks whether the log is full, so this has to hold: never are more than MOST_LOGGED moves noted at once, a
# game's last one, then the one that saves a prey, then two for each move of its hunter. So at most 361 stones and these
# ever stand there. Each is taken off at most once, at 19 entries, and before that gets another head at most 8 times,
# since the chain it is in then becomes at least twice as large. A move has at most 51 other entries: 3 of its own, 8 of
# neighbours' liberties and 4 merges at 10.
MOST_LOGGED = 2 + 2 * HUNTER_MOVES
LOG_ENTRIES = (361 + MOST_LOGGED) * (19 + 8) + MOST_LOGGED * 51

# The log: how many changes are noted, their indices and the old values. Sets of cells: what `look_ahead` and the
# encoder's `write_row` need in between; and two of `hayago.rules.kernels.ladders`: the footprint that a reading leaves
# to whoever has asked for it, and the threatened, for each number of hunter moves.
NOTES = np.dtype(
    [
        ("logged", np.int64),
        ("after", np.int64, (WORDS,)),
        ("eyes", np.int64, (WORDS,)),
        ("footprint", np.int64, (WORDS,)),
        ("threatened", np.int64, ((HUNTER_MOVES + 1) * WORDS,)),
        ("index", np.int16, (LOG_ENTRIES,)),
        ("old", np.int64, (LOG_ENTRIES,)),
    ],
    align=True,
)

# As numba has them, for kernels that state their signature.
POSITION_TYPE, NOTES_TYPE = numba.from_dtype(POSITION), numba.from_dtype(NOTES)


def new_positions(count: int, size: int) -> NDArray[Any]:
    """POSITION (count,): so many empty boards of `size`."""
    positions = np.zeros(count, POSITION).view(np.recarray)
    for position in positions:
        clear(position, size)
    return positions


def new_position(size: int) -> Position:
    """An empty board of `size`."""
    return new_positions(1, size)[0]


def new_notes() -> Notes:
    """An empty log, whose memory is touched only as far as it is used, and scratch."""
    return np.zeros(1, NOTES).view(np.recarray)[0]


@kernel
def clear(position: Position, size: int) -> None:
    """Make it an empty board of `size`. Liberty sets need no clearing, since `place` writes a new chain's whole set;
    nor do the last turns, since `turns` says how many of them there are."""
    position.cells[: COLOUR + CELLS] = BORDER
    for row in range(1, size + 1):
        position.cells[COLOUR + row * WIDTH : COLOUR + row * WIDTH + size] = EMPTY
    position.cells[KO] = 0
    position.side = size
    position.turns = 0


@kernel
def forget(notes: Notes) -> None:
    """Empty the log: what was done so far is done for good."""
    notes.logged = 0


@kernel
def _note(position: Position, notes: Notes, index: int) -> None:
    """Note the value of an entry of `cells` in the log."""
    n = np.uint64(notes.logged)
    notes.index[n] = index
    notes.old[n] = position.cells[np.uint64(index)]
    notes.logged += 1


@kernel
def _note_word(position: Position, notes: Notes, index: int) -> None:
    """Note the value of a word of `sets` in the log."""
    n = np.uint64(notes.logged)
    notes.index[n] = _SETS + index
    notes.old[n] = position.sets[np.uint64(index)]
    notes.logged += 1


@kernel
def _put(position: Position, notes: Notes, index: int, value: int) -> None:
    """position.cells[index] = value, with the old value noted in the log."""
    _note(position, notes, index)
    position.cells[np.uint64(index)] = value


@kernel
def _put_word(position: Position, notes: Notes, index: int, value: int) -> None:
    """position.sets[index] = value, with the old value noted in the log."""
    _note_word(position, notes, index)
    position.sets[np.uint64(index)] = value


@kernel
def undo(position: Position, notes: Notes, mark: int) -> None:
    """Take back every change since notes.logged was `mark`."""
    for n in range(notes.logged - 1, mark - 1, -1):
        index, old = int(np.int64(notes.index[np.uint64(n)])), notes.old[np.uint64(n)]
        if index < _SETS:
            position.cells[np.uint64(index)] = old
        else:
            position.sets[np.uint64(index - _SETS)] = old
    notes.logged = mark


@kernel
def has_cell(array: NDArray[np.int64], at: int, cell: int) -> bool:
    """Whether the cell is in the set at array[at : at + WORDS]."""
    return bool((array[np.uint64(at + ((cell - WIDTH) >> 6))] >> ((cell - WIDTH) & 63)) & 1)


@kernel
def add_cell(array: NDArray[np.int64], at: int, cell: int) -> None:
    """Put the cell into the set at array[at : at + WORDS]."""
    array[np.uint64(at + ((cell - WIDTH) >> 6))] |= np.int64(1) << np.int64((cell - WIDTH) & 63)


@kernel
def entry(position: Position, index: int) -> int:
    """position.cells[index] as a number of 64 bits (numba's int() would leave it at 16, and compile all for either).

    The index is given as an unsigned one, so that numba need not look whether it counts from the end.
    """
    return int(np.int64(position.cells[np.uint64(index)]))


@kernel
def word_of(position: Position, head: int, w: int) -> int:
    """Word w of the set of the chain's liberties."""
    word: int = position.sets[np.uint64(head * WORDS + w)]
    return word


@kernel
def colour_of(position: Position, cell: int) -> int:
    """What is there: EMPTY, BLACK, WHITE or BORDER."""
    return entry(position, COLOUR + cell)


@kernel
def head_of(position: Position, stone: int) -> int:
    """The head of the stone's chain."""
    return entry(position, HEAD + stone)


@kernel
def next_of(position: Position, stone: int) -> int:
    """The next stone of the chain's ring."""
    return entry(position, NEXT + stone)


@kernel
def stones_of(position: Position, stone: int) -> int:
    """How many stones the chain of the stone has."""
    return entry(position, STONES + head_of(position, stone))


@kernel
def liberties_of(position: Position, stone: int) -> int:
    """How many liberties the chain of the stone has."""
    return entry(position, LIBERTIES + head_of(position, stone))


@kernel
def only_liberty(position: Position, head: int) -> int:
    """The cell of a liberty of the chain, the first in reading order: of a chain in atari, the only one."""
    for w in range(WORDS):
        word = word_of(position, head, w)
        if word != 0:
            return WIDTH + 64 * w + lowest_bit(word)
    return 0


@kernel
def is_legal(position: Position, cell: int, colour: int) -> bool:
    """Whether a stone may be played: the cell is empty, no simple ko, no suicide. Keeps: nothing is changed."""
    if colour_of(position, cell) != EMPTY or cell == position.cells[KO]:
        return False
    for direction in DIRECTIONS:
        neighbour = cell + direction
        there = colour_of(position, neighbour)
        if there == EMPTY:
            return True
        if there != BORDER and (there == colour) == (liberties_of(position, neighbour) > 1):
            return True  # a chain of one's own with another liberty, or one of the opponent's with none
    return False


@kernel
def _stones_of_all(position: Position, heads: tuple[int, int, int, int]) -> int:
    """How many stones these chains have together; some may be named twice, and 0 is none."""
    return (
        entry(position, STONES + heads[0])
        + entry(position, STONES + heads[1]) * (heads[1] != heads[0])
        + entry(position, STONES + heads[2]) * ((heads[2] != heads[0]) & (heads[2] != heads[1]))
        + entry(position, STONES + heads[3])
        * ((heads[3] != heads[0]) & (heads[3] != heads[1]) & (heads[3] != heads[2]))
    )


@kernel
def look_ahead(position: Position, notes: Notes, cell: int, colour: int) -> tuple[int, int, int]:
    """What playing at an empty cell does: stones captured, size and liberties of the new own chain.

    No liberties means that the move is suicide. Keeps: nothing is changed but the scratch `after`.
    """
    # All is gathered with hardly a branch: a processor that guesses wrong loses more time than this takes.
    empty = 0
    own = (0, 0, 0, 0)  # the heads of the chains that the stone joins, one for each direction; 0 for none
    prey = (0, 0, 0, 0)  # of those that it captures
    for direction in DIRECTIONS:
        there = colour_of(position, cell + direction)
        head = head_of(position, cell + direction)  # of what is no stone it means nothing, but is some cell
        taken = (there == 3 - colour) & (entry(position, LIBERTIES + head) == 1)
        empty += there == EMPTY
        own = (own[1], own[2], own[3], head if there == colour else 0)
        prey = (prey[1], prey[2], prey[3], head if taken else 0)
    joined = max(own[0], own[1], own[2], own[3])
    if not prey[0] | prey[1] | prey[2] | prey[3]:
        # Two points of three join nothing and capture nothing, most others join one chain: no set is needed then.
        if joined == 0:
            return 0, 1, empty
        if (
            ((own[0] == 0) | (own[0] == joined))
            & ((own[1] == 0) | (own[1] == joined))
            & ((own[2] == 0) | (own[2] == joined))
            & ((own[3] == 0) | (own[3] == joined))
        ):
            liberties = entry(position, LIBERTIES + joined) - 1  # the cell itself was one
            for direction in DIRECTIONS:
                beside = cell + direction
                is_known = has_cell(position.sets, joined * WORDS, beside)  # of border, too: it reads next to the set
                liberties += (colour_of(position, beside) == EMPTY) & (not is_known)
            return 0, entry(position, STONES + joined) + 1, liberties

    for w in range(WORDS):
        notes.after[w] = (
            word_of(position, own[0], w)
            | word_of(position, own[1], w)
            | word_of(position, own[2], w)
            | word_of(position, own[3], w)
        )
    for direction in DIRECTIONS:
        if colour_of(position, cell + direction) == EMPTY:
            add_cell(notes.after, 0, cell + direction)
    for head in prey:
        if head == 0:
            continue
        stone = head
        while True:  # a captured stone's point is a liberty if it lies beside any stone of the new chain
            for direction in DIRECTIONS:
                beside = stone + direction
                if beside == cell or (colour_of(position, beside) == colour and head_of(position, beside) in own):
                    add_cell(notes.after, 0, stone)
                    break
            stone = next_of(position, stone)
            if stone == head:
                break
    liberties = -1 if joined != 0 else 0  # the cell itself was a liberty of each chain that it joins
    for w in range(WORDS):
        liberties += popcount(notes.after[w])
    return _stones_of_all(position, prey), _stones_of_all(position, own) + 1, liberties


@kernel
def _add_liberty(position: Position, notes: Notes, head: int, cell: int) -> None:
    index = head * WORDS + ((cell - WIDTH) >> 6)
    bit = np.int64(1) << np.int64((cell - WIDTH) & 63)
    word = position.sets[np.uint64(index)]
    if not word & bit:
        _put_word(position, notes, index, word | bit)
        _put(position, notes, LIBERTIES + head, entry(position, LIBERTIES + head) + 1)


@kernel
def _drop_liberty(position: Position, notes: Notes, head: int, cell: int) -> None:
    index = head * WORDS + ((cell - WIDTH) >> 6)
    bit = np.int64(1) << np.int64((cell - WIDTH) & 63)
    word = position.sets[np.uint64(index)]
    if word & bit:
        _put_word(position, notes, index, word & ~bit)
        _put(position, notes, LIBERTIES + head, entry(position, LIBERTIES + head) - 1)


@kernel
def _merge(position: Position, notes: Notes, one: int, other: int) -> int:
    """Join two chains of one colour, the smaller into the larger, and give the head of the whole."""
    if entry(position, STONES + one) < entry(position, STONES + other):
        one, other = other, one
    stone = other
    while True:
        _put(position, notes, HEAD + stone, one)
        stone = next_of(position, stone)
        if stone == other:
            break
    after_one = next_of(position, one)
    _put(position, notes, NEXT + one, next_of(position, other))
    _put(position, notes, NEXT + other, after_one)
    _put(position, notes, STONES + one, entry(position, STONES + one) + entry(position, STONES + other))
    count = 0
    for w in range(WORDS):
        old = word_of(position, one, w)
        word = old | word_of(position, other, w)
        if word != old:
            _put_word(position, notes, one * WORDS + w, word)
        count += popcount(word)
    _put(position, notes, LIBERTIES + one, count)
    return one


@kernel
def _remove(position: Position, notes: Notes, head: int) -> None:
    """Take a chain off the board; every chain beside it gets its cells as liberties."""
    colour = colour_of(position, head)
    stone = head
    while True:
        _put(position, notes, COLOUR + stone, EMPTY)
        # `place` writes over an empty cell without notes, so all that `undo` may need again is noted here: any stone
        # may have been the head of its own chain before a merge.
        for section in (HEAD, NEXT, STONES, LIBERTIES):
            _note(position, notes, section + stone)
        for w in range(WORDS):
            _note_word(position, notes, stone * WORDS + w)
        for direction in DIRECTIONS:
            neighbour = stone + direction
            if colour_of(position, neighbour) == 3 - colour:
                _add_liberty(position, notes, head_of(position, neighbour), stone)
        stone = next_of(position, stone)
        if stone == head:
            break


@kernel
def place(position: Position, notes: Notes, cell: int, colour: int) -> int:
    """Put a stone on an empty cell, take off what it captures, set the ko; the turn is not counted.

    Gives the number of opponent stones captured. A stone that leaves its own chain without a liberty takes that chain
    off (suicide, which only other programs' moves may do). Keeps every invariant of the module's first paragraphs.
    """
    if position.cells[KO] != 0:
        _put(position, notes, KO, 0)
    _put(position, notes, COLOUR + cell, colour)
    # What an empty cell holds means nothing, so this needs no notes (`_remove` takes them).
    position.cells[np.uint64(HEAD + cell)] = cell
    position.cells[np.uint64(NEXT + cell)] = cell
    position.cells[np.uint64(STONES + cell)] = 1
    liberties = 0
    for w in range(WORDS):
        position.sets[np.uint64(cell * WORDS + w)] = 0
    for direction in DIRECTIONS:
        if colour_of(position, cell + direction) == EMPTY:
            liberty = cell + direction - WIDTH
            position.sets[np.uint64(cell * WORDS + (liberty >> 6))] |= np.int64(1) << np.int64(liberty & 63)
            liberties += 1
    position.cells[np.uint64(LIBERTIES + cell)] = liberties

    head = cell
    captured = 0
    ko = 0
    for direction in DIRECTIONS:
        neighbour = cell + direction
        there = colour_of(position, neighbour)
        if there == colour:
            other = head_of(position, neighbour)
            if other != head:
                _drop_liberty(position, notes, other, cell)
                head = _merge(position, notes, head, other)
        elif there == 3 - colour:
            prey = head_of(position, neighbour)
            _drop_liberty(position, notes, prey, cell)
            if entry(position, LIBERTIES + prey) == 0:
                captured += entry(position, STONES + prey)
                ko = prey
                _remove(position, notes, prey)
    if captured == 1 and entry(position, STONES + head) == 1 and entry(position, LIBERTIES + head) == 1:
        _put(position, notes, KO, ko)
    if entry(position, LIBERTIES + head) == 0:
        _remove(position, notes, head)
    return captured


@kernel
def play(position: Position, notes: Notes, cell: int, colour: int) -> int:
    """Play a move on an empty cell, or pass (cell 0), for good: the log then holds what it changed on the board. Gives
    the number of stones captured."""
    forget(notes)
    position.recent[position.turns % REMEMBERED] = cell
    position.turns += 1
    if cell != 0:
        return place(position, notes, cell, colour)
    _put(position, notes, KO, 0)
    return 0


@kernel
def set_up(position: Position, notes: Notes, cell: int, colour: int) -> None:
    """Put a stone there that was never moved, before the first turn: it leaves no ko. It may capture, as SGF's may not,
    but then it does so in good order."""
    forget(notes)
    place(position, notes, cell, colour)
    position.cells[KO] = 0


@kernel
def play_code(position: Position, notes: Notes, code: int) -> int:
    """`play` a move code (see `hayago.records.games`); the move must be legal or at least on an empty point. Gives the
    cell, 0 for a pass."""
    point = code & 0x1FF
    size = position.side
    cell = 0 if point == size * size else cell_of(point, size)
    play(position, notes, cell, WHITE if code & 0x8000 else BLACK)
    return cell


@kernel
def set_up_codes(position: Position, notes: Notes, size: int, setup: NDArray[np.uint16]) -> None:
    """Make it a board of `size` with these stones and nothing played."""
    clear(position, size)
    for code in setup:
        set_up(position, notes, cell_of(int(code) & 0x1FF, size), WHITE if int(code) & 0x8000 else BLACK)


@kernel
def first_illegal(
    position: Position, notes: Notes, size: int, setup: NDArray[np.uint16], codes: NDArray[np.uint16]
) -> int:
    """The index of the first move that is illegal (occupied, simple ko, suicide), or -1. `position` is overwritten."""
    set_up_codes(position, notes, size, setup)
    for n in range(len(codes)):
        code = int(codes[n])
        point = code & 0x1FF
        colour = WHITE if code & 0x8000 else BLACK
        if point > size * size:
            return n
        if point < size * size and not is_legal(position, cell_of(point, size), colour):
            return n
        play_code(position, notes, code)
    return -1


@kernel
def strike_false_eyes(position: Position, colour: int, eyes: NDArray[np.int64]) -> None:
    """Leave the true eyes of `colour` in the set eyes (WORDS,), which holds all its enclosed cells.

    A cell is *enclosed* when it is empty and only own stones (or the edge) lie beside it. The true eyes are the largest
    set E of enclosed cells with at most one bad diagonal, none at the edge; a diagonal is bad when an opponent stone
    stands there, or when it is empty and not in E. So strike out what fails until nothing changes.
    """
    changed = True
    while changed:
        changed = False
        for w in range(WORDS):
            word = eyes[w]
            while word != 0:
                bit = lowest_bit(word)
                word &= word - 1
                cell = WIDTH + 64 * w + bit
                bad, allowed = 0, 1
                for diagonal in DIAGONALS:
                    beside = cell + diagonal
                    there = colour_of(position, beside)
                    if there == BORDER:
                        allowed = 0
                    elif there == 3 - colour or (there == EMPTY and not has_cell(eyes, 0, beside)):
                        bad += 1
                if bad > allowed:
                    eyes[w] &= ~(np.int64(1) << np.int64(bit))
                    changed = True


@kernel
def is_enclosed(position: Position, cell: int, colour: int) -> bool:
    """Whether only stones of `colour` or the edge lie beside the cell."""
    beside = BORDER
    for direction in DIRECTIONS:
        beside &= colour_of(position, cell + direction)
    return bool(beside & colour)  # BORDER is BLACK | WHITE
