"""What the encoder of whole games keeps from one position to the next, so that a move costs only what it changes.

The *word* of a cell tells all of its planes at once: bit p is what plane p has there. A `Memory` holds the words with
either side to move. A word follows from the stones nearby alone. What depends on the whole board or on time (the age of
the last moves, the ko, true eyes, ladders) is left to `hayago.features.incremental`, which adds it to each row. In
turn:

- `start` forgets everything and makes the memory fit a position.
- `follow` is called after every move. It rewrites the words of stones at once. It notes as *stale* the empty cells
  whose words may have changed: the liberties of the chains that the move touched, for the side to which that matters.
- `refresh` brings the words of one side up to date: it looks ahead at that side's stale cells.
- `read_ladders` gathers the ladders of one side. It keeps the verdict on a chain together with the footprint of its
  reading (see `hayago.rules.kernels.ladder_reader`), until `follow` sees a stone fall on the footprint, or a capture
  free a chain that the reading looked at.

A `Memory` is a record, and its sets are those of `hayago.rules.kernels.cell_sets`. Where the first index is a colour,
that is the colour to move.

    words[colour, cell]        the word of a cell
    stale[colour]              a set: the empty cells whose words are no longer right
    enclosed[colour]           a set: the cells that `colour` encloses; means nothing at stale cells and at stones
    spacious[colour]           a set: the cells where a stone of `colour` gets MOST_LIBERTIES or more; likewise
    unread[colour]             a set: the heads of all chains whose ladders `colour` has yet to read (its own in atari,
                               the opponent's with two liberties), and cells that are such heads no more
    captures, escapes          sets: what `read_ladders` found, the cells of the two ladder planes
    eyes                       a set: the true eyes of the side that was encoded last
    freed                      a set: the liberties of all chains beside the stones that the last move took off

The *readings* that still hold, at most READINGS for a colour. Bit k of three words says whether there is a reading k,
and whether it has found something:

    held[colour]               the readings that hold
    capturing, escaping[colour]   those of them that have found captures, or escapes
    chains[colour, k]          the head of the chain
    footprints[colour, w, k]   word w of the footprint
    verdicts[colour, k]        a set: the cells to mark in a ladder plane, if the reading has found any
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hayago.features.planes import (
    CAPTURE_SIZE,
    LIBERTIES,
    LIBERTIES_AFTER,
    ONES,
    OPPONENT,
    OWN,
    SELF_ATARI_SIZE,
    SENSIBLENESS,
    TURNS_SINCE,
    VACANT,
)
from hayago.jit import kernel, lowest_bit
from hayago.rules.coordinates import BLACK, EMPTY, WHITE
from hayago.rules.kernels.cell_sets import WORDS, Words, add_cell, bits_in, cells_in, drop_cell, has_cell, load
from hayago.rules.kernels.frame import BORDER, CELLS, DIRECTIONS, NO_CELL, WIDTH
from hayago.rules.kernels.ladder_reader import Reading, add_captures, add_escapes
from hayago.rules.kernels.position import (
    Log,
    Position,
    changed_cell,
    colour_of,
    head_of,
    is_enclosed,
    ko_of,
    liberties_of,
    look_ahead,
    next_of,
    word_of,
)

Memory: TypeAlias = Any  # np.record of MEMORY

MOST_LIBERTIES = 8  # that a word can tell: this many and more look alike

READINGS = 64  # more than a side needs at once, except on the oddest boards, where some are read again each time

MEMORY = np.dtype(
    [
        ("words", np.int64, (3, CELLS)),
        ("stale", np.int64, (3, WORDS)),
        ("enclosed", np.int64, (3, WORDS)),
        ("spacious", np.int64, (3, WORDS)),
        ("unread", np.int64, (3, WORDS)),
        ("captures", np.int64, (WORDS,)),
        ("escapes", np.int64, (WORDS,)),
        ("eyes", np.int64, (WORDS,)),
        ("freed", np.int64, (WORDS,)),
        ("held", np.int64, (3,)),
        ("capturing", np.int64, (3,)),
        ("escaping", np.int64, (3,)),
        ("chains", np.int64, (3, READINGS)),
        ("footprints", np.int64, (3, WORDS, READINGS)),
        ("verdicts", np.int64, (3, READINGS, WORDS)),
    ]
)


def new_memories(count: int) -> NDArray[Any]:
    """MEMORY (count,); `start` makes one fit a position."""
    return np.zeros(count, MEMORY).view(np.recarray)


@kernel
def start(position: Position, memory: Memory) -> None:
    """Keep nothing from before: the words of the stones are right, all empty cells are stale, and no ladder is read.
    (What is left in other sets means nothing.)"""
    for colour in (BLACK, WHITE):
        memory.unread[colour] = 0
        memory.held[colour] = 0
        memory.capturing[colour] = 0
        memory.escaping[colour] = 0
    for cell in range(WIDTH, CELLS - WIDTH):
        there = colour_of(position, cell)
        if there == EMPTY:
            _note_empty(memory, cell)
        elif there != BORDER and head_of(position, cell) == cell:
            _note_stones(position, memory, cell, True)


@kernel
def _note_empty(memory: Memory, cell: int) -> None:
    """The cell is empty; what playing there does is not known."""
    for colour in (BLACK, WHITE):
        memory.words[colour, cell] = 1 << VACANT | 1 << ONES
        add_cell(memory.stale[colour], cell)


@kernel
def _note_stones(position: Position, memory: Memory, head: int, rewrite: bool) -> None:
    """Write the words of a chain's stones, as if all were played 8 or more turns ago. A weak chain is to be read.

    All stones of a chain have the same word. So nothing is written if the head has the right one already, unless
    `rewrite` says that the chain has other stones than before.
    """
    colour, liberties = colour_of(position, head), liberties_of(position, head)
    word = 1 << ONES | 1 << TURNS_SINCE + 7 | 1 << LIBERTIES + min(liberties, MOST_LIBERTIES) - 1
    if liberties <= 2:
        add_cell(memory.unread[colour if liberties == 1 else 3 - colour], head)
    own, others = memory.words[colour], memory.words[3 - colour]
    if not rewrite and own[head] == word | 1 << OWN:
        return
    stone = head
    while True:
        own[stone] = word | 1 << OWN
        others[stone] = word | 1 << OPPONENT
        stone = next_of(position, stone)
        if stone == head:
            break


@kernel
def _note_stale(position: Position, memory: Memory, head: int, colour: int) -> None:
    """The words of a chain's liberties are no longer right with `colour` to move.

    An exception: a chain of that colour that gives a stone on any of its liberties as many as a word can tell. Then
    only those are stale where a stone got fewer before. Captures depend on the opponent's chains, and `enclosed` on
    neighbours; and with so many liberties a word tells nothing else of a chain.
    """
    stale, spacious = memory.stale[colour], memory.spacious[colour]
    kept = -1 if liberties_of(position, head) > MOST_LIBERTIES and colour_of(position, head) == colour else 0
    for w in range(WORDS):
        stale[w] |= word_of(position, head, w) & ~(spacious[w] & kept)


@kernel
def follow(position: Position, log: Log, memory: Memory, cell: int) -> None:
    """Take note of the last move, which was at `cell` (NO_CELL for a pass) and whose changes are in the log.

    After it the words of all stones are right, and so are those of all empty cells that are not stale. An empty cell's
    word follows from what stands beside it and from the liberties, sizes and places of the chains there. So it changes
    only where a neighbour changes colour or a chain beside it changes.
    """
    memory.freed[:] = 0
    changed = 0
    if cell != NO_CELL:
        _forget_readings_on(memory, cell)
    for n in range(log.entries):
        now = changed_cell(log, n)
        if now != NO_CELL:
            changed += 1
            _follow_change(position, memory, now, changed > 1)
    if changed > 1:
        _forget_readings_freed(memory)


@kernel
def _forget(memory: Memory, colour: int, k: int) -> None:
    """Forget a reading: its chain, if it still is one, is to be read again."""
    others = ~(np.int64(1) << np.int64(k))
    memory.held[colour] &= others
    memory.capturing[colour] &= others
    memory.escaping[colour] &= others
    add_cell(memory.unread[colour], memory.chains[colour, k])


@kernel
def _forget_readings_on(memory: Memory, cell: int) -> None:
    """Forget the readings on whose footprint a stone was played.

    These are the readings of all chains that the stone joins, captures, or takes a liberty from, since the liberties of
    the chain itself are part of the footprint. (Other chains get liberties by a capture, see `_forget_readings_freed`.
    So no chain of a reading that holds has changed.)
    """
    bit = np.int64((cell - WIDTH) & 63)
    for colour in (BLACK, WHITE):
        words = memory.footprints[colour, (cell - WIDTH) >> 6]
        for k in bits_in(memory.held[colour]):
            if (words[k] >> bit) & 1:
                _forget(memory, colour, k)


@kernel
def _forget_readings_freed(memory: Memory) -> None:
    """Forget the readings that looked at a chain which has just been freed.

    Such a reading has all liberties of that chain in its footprint, or so many that more of them change nothing. If it
    looked at a chain that was captured, the move lies in its footprint. (A new ko needs no look of its own: its cell is
    among the freed.)
    """
    for colour in (BLACK, WHITE):
        footprints = memory.footprints[colour]
        for k in bits_in(memory.held[colour]):
            for w in range(WORDS):
                if footprints[w, k] & memory.freed[w]:
                    _forget(memory, colour, k)
                    break


@kernel
def _follow_change(position: Position, memory: Memory, cell: int, removed: bool) -> None:
    """`follow` for one cell, on which a stone was put or from which one was taken."""
    there = colour_of(position, cell)
    if there == EMPTY:
        _note_empty(memory, cell)
    else:
        head = head_of(position, cell)
        _note_stones(position, memory, head, True)
        _note_stale(position, memory, head, there)
        if liberties_of(position, head) == 1:
            _note_stale(position, memory, head, 3 - there)
    for direction in DIRECTIONS:
        beside = cell + direction
        colour = colour_of(position, beside)
        if colour == EMPTY:
            _note_empty(memory, beside)
        elif colour not in (BORDER, there):
            head = head_of(position, beside)
            liberties = liberties_of(position, head)
            _note_stones(position, memory, head, False)
            _note_stale(position, memory, head, colour)
            if removed or liberties == 1:
                _note_stale(position, memory, head, 3 - colour)
            if removed:
                for w in range(WORDS):
                    memory.freed[w] |= word_of(position, head, w)


@kernel
def refresh(position: Position, memory: Memory, colour: int) -> None:
    """Look ahead at the stale cells of the side to move; after that none are stale."""
    words, stale = memory.words[colour], memory.stale[colour]
    enclosed, spacious = memory.enclosed[colour], memory.spacious[colour]
    for w in range(WORDS):
        enclosed[w] &= ~stale[w]
        spacious[w] &= ~stale[w]
    for cell in cells_in(load(stale)):
        if colour_of(position, cell) != EMPTY:
            continue
        word = 1 << VACANT | 1 << ONES
        captured, stones, after = look_ahead(position, cell, colour)
        if after > 0:
            word |= 1 << CAPTURE_SIZE + min(captured, 7)
            word |= 1 << LIBERTIES_AFTER + min(after, MOST_LIBERTIES) - 1
            word |= 1 << SENSIBLENESS
            if after == 1:
                word |= 1 << SELF_ATARI_SIZE + min(stones, 8) - 1
        words[np.uint64(cell)] = word
        if after >= MOST_LIBERTIES:
            add_cell(spacious, cell)
        if is_enclosed(position, cell, colour):
            add_cell(enclosed, cell)
    stale[:] = 0


@kernel
def _read_chain(position: Position, log: Log, reading: Reading, memory: Memory, head: int, colour: int) -> None:
    """Read the ladders of a weak chain. The verdict is kept if there is room, unless it depends on the ko cell."""
    found = reading.found
    found[:] = 0
    reading.footprint[:] = 0
    escaping = colour_of(position, head) == colour
    if escaping:
        add_escapes(position, log, reading, head, found)
    else:
        add_captures(position, log, reading, head, found)
    finds = np.int64(0)
    for w in range(WORDS):
        finds |= found[w]
    if finds != 0:
        plane = memory.escapes if escaping else memory.captures
        for w in range(WORDS):
            plane[w] |= found[w]
    room, ko = ~memory.held[colour], ko_of(position)
    if room == 0 or (ko != NO_CELL and has_cell(reading.footprint, ko)):
        return
    k = lowest_bit(room)
    memory.held[colour] |= np.int64(1) << k
    memory.chains[colour, k] = head
    for w in range(WORDS):
        memory.footprints[colour, w, k] = reading.footprint[w]
    if finds != 0:
        finding = memory.escaping if escaping else memory.capturing
        finding[colour] |= np.int64(1) << k
        for w in range(WORDS):
            memory.verdicts[colour, k, w] = found[w]
    drop_cell(memory.unread[colour], head)


@kernel
def _gather(verdicts: NDArray[np.int64], finding: int, plane: Words) -> None:
    """Fill the set `plane` with the verdicts, (READINGS, WORDS), of the readings in the mask `finding`."""
    plane[:] = 0
    for k in bits_in(finding):
        for w in range(WORDS):
            plane[w] |= verdicts[k, w]


@kernel
def read_ladders(position: Position, log: Log, reading: Reading, memory: Memory, colour: int) -> None:
    """Gather in `captures` and `escapes` the moves by which `colour` captures or saves a chain.

    The position is left as it was. Every kept verdict that is used is what a new reading would give."""
    _gather(memory.verdicts[colour], memory.capturing[colour], memory.captures)
    _gather(memory.verdicts[colour], memory.escaping[colour], memory.escapes)
    unread = memory.unread[colour]
    for head in cells_in(load(unread)):
        there = colour_of(position, head)
        wanted = 1 if there == colour else 2
        if there == EMPTY or head_of(position, head) != head or liberties_of(position, head) != wanted:
            drop_cell(unread, head)
        else:
            _read_chain(position, log, reading, memory, head, colour)
