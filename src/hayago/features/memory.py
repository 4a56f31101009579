"""What the encoder keeps from one position of a game to the next, so that a move costs no more than what it changes.

How to read it. The *word* of a cell says all of its planes at once: bit p is what plane p has there. Words are kept for
either side to move, and one follows from the stones nearby alone. What hangs on the whole board or on time (the age of
the last moves, the ko, true eyes, ladders) is left to `hayago.features.incremental`, which adds it to each row. In
turn:

- `follow` is called after every move. It rewrites the words of stones at once, and notes as *stale* the empty cells
  whose words may have changed: the liberties of the chains that it touched, for the side to which that matters.
- `refresh` brings the words of one side up to date: it looks ahead at that side's stale cells.
- `read_ladders` gathers the ladders of one side. The verdict on a chain is kept with the footprint of its reading (see
  `hayago.rules.kernels.ladder_reader`) until `follow` sees a stone fall on the footprint, or a capture free a chain
  that the reading looked at.
- `start` forgets everything and makes the memory fit a position: then all is stale and nothing is kept.

A `Memory` is a record. A set of cells is six words, as everywhere; what comes in three has the colour to move as its
first index (none is for EMPTY).

    words[colour, cell]        a cell's word with `colour` to move
    stale[colour, w]           the set of empty cells whose words with `colour` to move are no longer right
    enclosed[colour, w]        the set of cells that are enclosed by `colour` (what it says of stale cells, and of
                               cells with stones, means nothing)
    spacious[colour, w]        the set of cells where a stone of `colour` gets as many liberties as a word can tell, or
                               more (the same holds)
    unread[colour, w]          a set that holds the heads of all chains whose ladders `colour` has yet to read (its own
                               in atari, the other colour's with two liberties), and cells that no longer are such heads
    captures[w], escapes[w]    what `read_ladders` found: the cells of the two ladder planes
    freed[w]                   the liberties of all chains beside the stones that the last move took off
    found[w]                   scratch of `read_ladders`

and the *readings* that still hold, at most READINGS for a colour: bit k of three words says whether there is a reading
k, and whether it has found something.

    held[colour]               the readings that hold
    capturing, escaping[colour]   those of them that have found captures, or escapes
    chains[colour, k]          the head of the chain
    footprints[colour, w, k]   word w of the footprint
    verdicts[colour, k, w]     word w of the cells to mark in a ladder plane; for those that found any
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hayago.jit import kernel, lowest_bit
from hayago.rules.coordinates import BLACK, EMPTY, WHITE
from hayago.rules.kernels.frame import BORDER, CELLS, DIRECTIONS, WIDTH
from hayago.rules.kernels.ladder_reader import add_captures, add_escapes
from hayago.rules.kernels.position import (
    COLOUR,
    KO,
    WORDS,
    Notes,
    Position,
    add_cell,
    colour_of,
    entry,
    has_cell,
    head_of,
    is_enclosed,
    liberties_of,
    look_ahead,
    next_of,
    word_of,
)

Memory: TypeAlias = Any  # np.record of MEMORY

# The first plane of each feature, in the order of hayago.features.planes.FEATURES (a test compares them).
OWN, OPPONENT, VACANT, ONES = 0, 1, 2, 3
TURNS_SINCE, LIBERTY_COUNT, CAPTURE_SIZE, SELF_ATARI, LIBERTIES_AFTER = 4, 12, 20, 28, 36
LADDER_CAPTURE, LADDER_ESCAPE, SENSIBLENESS = 44, 45, 46

MOST_LIBERTIES = 8  # that a word can tell; this and more look alike

READINGS = 64  # more than a side has to do with at once but on the oddest boards, where some are read again each time

MEMORY = np.dtype(
    [
        ("words", np.int64, (3, CELLS)),
        ("stale", np.int64, (3, WORDS)),
        ("enclosed", np.int64, (3, WORDS)),
        ("spacious", np.int64, (3, WORDS)),
        ("unread", np.int64, (3, WORDS)),
        ("captures", np.int64, (WORDS,)),
        ("escapes", np.int64, (WORDS,)),
        ("freed", np.int64, (WORDS,)),
        ("found", np.int64, (WORDS,)),
        ("held", np.int64, (3,)),
        ("capturing", np.int64, (3,)),
        ("escaping", np.int64, (3,)),
        ("chains", np.int64, (3, READINGS)),
        ("footprints", np.int64, (3, WORDS, READINGS)),
        ("verdicts", np.int64, (3, READINGS, WORDS)),
    ]
)


def new_memories(count: int) -> NDArray[Any]:
    """MEMORY (count,): room for what is kept beside so many positions; `start` makes one fit a position."""
    return np.zeros(count, MEMORY).view(np.recarray)


@kernel
def start(position: Position, memory: Memory) -> None:
    """Keep nothing from before: the words of the stones are right, all empty cells are stale, no ladder is read. (What
    is left in other sets means nothing.)"""
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
        add_cell(memory.stale[colour], 0, cell)


@kernel
def _note_stones(position: Position, memory: Memory, head: int, rewrite: bool) -> None:
    """Write the words of a chain's stones, as if all were put there 8 or more turns ago. A weak chain is to be read.

    All stones of a chain have the same word. So without `rewrite`, which is for chains that have other stones than
    before, nothing is written if the head has the right one already.
    """
    colour, liberties = colour_of(position, head), liberties_of(position, head)
    word = 1 << ONES | 1 << TURNS_SINCE + 7 | 1 << LIBERTY_COUNT + min(liberties, MOST_LIBERTIES) - 1
    if liberties <= 2:
        add_cell(memory.unread[colour if liberties == 1 else 3 - colour], 0, head)
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

    If the chain is of that colour, and gives a stone on any of its liberties as many as a word can tell, this is so
    only where they were fewer before: captures hang on the other colour's chains, `enclosed` on neighbours, and with so
    many liberties nothing else is told of a chain.
    """
    stale, spacious = memory.stale[colour], memory.spacious[colour]
    kept = -1 if liberties_of(position, head) > MOST_LIBERTIES and colour_of(position, head) == colour else 0
    for w in range(WORDS):
        stale[w] |= word_of(position, head, w) & ~(spacious[w] & kept)


@kernel
def follow(position: Position, notes: Notes, memory: Memory, cell: int) -> None:
    """Take note of a move at `cell` (0 for a pass), which is the last thing done and stands in the notes.

    Keeps: the words of all stones are right; so are those of all empty cells that are not stale. An empty cell's word
    follows from what stands beside it and from the liberties, sizes and places of the chains there; so it changes only
    where a neighbour changes colour or a chain beside it changes.
    """
    memory.freed[:] = 0
    changed = 0
    if cell != 0:
        _forget_readings_on(memory, cell)
    for n in range(notes.logged):
        index = int(np.int64(notes.index[n]))
        if index < COLOUR + CELLS:
            changed += 1
            _follow_change(position, memory, index - COLOUR, changed > 1)
    if changed > 1:
        _forget_readings_freed(memory)


@kernel
def _forget(memory: Memory, colour: int, k: int) -> None:
    """Forget a reading: its chain, if it still is one, is to be read again."""
    others = ~(np.int64(1) << np.int64(k))
    memory.held[colour] &= others
    memory.capturing[colour] &= others
    memory.escaping[colour] &= others
    add_cell(memory.unread[colour], 0, memory.chains[colour, k])


@kernel
def _forget_readings_on(memory: Memory, cell: int) -> None:
    """Forget the readings on whose footprint a stone was played.

    That is so for all chains that the stone joins, captures, or takes a liberty from, since the liberties of the chain
    itself are part of the footprint. (Others get liberties by a capture, see `_forget_readings_freed`. So no chain of a
    reading that holds has changed.)
    """
    bit = np.int64((cell - WIDTH) & 63)
    for colour in (BLACK, WHITE):
        held, words = memory.held[colour], memory.footprints[colour, (cell - WIDTH) >> 6]
        while held != 0:
            k = lowest_bit(held)
            held &= held - 1
            if (words[k] >> bit) & 1:
                _forget(memory, colour, k)


@kernel
def _forget_readings_freed(memory: Memory) -> None:
    """Forget the readings that looked at a chain which has just been freed.

    Such a reading has all liberties of that chain in its footprint, or so many that more of them change nothing. If it
    looked at a chain that was captured, the move lies in it. (A ko that has come needs no look of its own: its cell is
    among the freed.)
    """
    for colour in (BLACK, WHITE):
        held, footprints = memory.held[colour], memory.footprints[colour]
        while held != 0:
            k = lowest_bit(held)
            held &= held - 1
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
def refresh(position: Position, notes: Notes, memory: Memory, colour: int) -> None:
    """Look ahead at the stale cells of the side to move. Keeps: the position is as before, and nothing is stale."""
    words, all_stale = memory.words[colour], memory.stale[colour]
    enclosed, spacious = memory.enclosed[colour], memory.spacious[colour]
    for w in range(WORDS):
        stale = all_stale[w]
        all_stale[w] = 0
        enclosed[w] &= ~stale
        spacious[w] &= ~stale
        while stale != 0:
            bit = lowest_bit(stale)
            cell = WIDTH + 64 * w + bit
            stale &= stale - 1
            if colour_of(position, cell) != EMPTY:
                continue
            word = 1 << VACANT | 1 << ONES
            captured, stones, after = look_ahead(position, notes, cell, colour)
            if after > 0:
                word |= 1 << CAPTURE_SIZE + min(captured, 7)
                word |= 1 << LIBERTIES_AFTER + min(after, MOST_LIBERTIES) - 1
                word |= 1 << SENSIBLENESS
                if after == 1:
                    word |= 1 << SELF_ATARI + min(stones, 8) - 1
            words[np.uint64(cell)] = word
            spacious[w] |= np.int64(after >= MOST_LIBERTIES) << bit
            enclosed[w] |= np.int64(is_enclosed(position, cell, colour)) << bit


@kernel
def _read_chain(position: Position, notes: Notes, memory: Memory, head: int, colour: int) -> None:
    """Read the ladders of a weak chain, and keep the verdict if there is room, unless it hangs on the ko point."""
    memory.found[:] = 0
    notes.footprint[:] = 0
    escaping = colour_of(position, head) == colour
    if escaping:
        add_escapes(position, notes, head, memory.found)
    else:
        add_captures(position, notes, head, memory.found)
    finds = np.int64(0)
    for w in range(WORDS):
        finds |= memory.found[w]
    if finds != 0:
        plane = memory.escapes if escaping else memory.captures
        for w in range(WORDS):
            plane[w] |= memory.found[w]
    room, ko = ~memory.held[colour], entry(position, KO)
    if room == 0 or (ko != 0 and has_cell(notes.footprint, 0, ko)):
        return
    k = lowest_bit(room)
    memory.held[colour] |= np.int64(1) << k
    memory.chains[colour, k] = head
    for w in range(WORDS):
        memory.footprints[colour, w, k] = notes.footprint[w]
    if finds != 0:
        finding = memory.escaping if escaping else memory.capturing
        finding[colour] |= np.int64(1) << k
        for w in range(WORDS):
            memory.verdicts[colour, k, w] = memory.found[w]
    memory.unread[colour, (head - WIDTH) >> 6] &= ~(np.int64(1) << np.int64((head - WIDTH) & 63))


@kernel
def _gather(verdicts: NDArray[np.int64], finding: int, plane: NDArray[np.int64]) -> None:
    """Fill the set `plane` with the verdicts, (READINGS, WORDS), of the readings in the mask `finding`."""
    plane[:] = 0
    while finding != 0:
        k = lowest_bit(finding)
        finding &= finding - 1
        for w in range(WORDS):
            plane[w] |= verdicts[k, w]


@kernel
def read_ladders(position: Position, notes: Notes, memory: Memory, colour: int) -> None:
    """Gather in `captures` and `escapes` the moves by which `colour` captures or saves a chain. Keeps: the position is
    as before; every kept verdict that is used is what a new reading would give."""
    _gather(memory.verdicts[colour], memory.capturing[colour], memory.captures)
    _gather(memory.verdicts[colour], memory.escaping[colour], memory.escapes)
    all_unread = memory.unread[colour]
    for w in range(WORDS):
        unread = all_unread[w]
        while unread != 0:
            bit = lowest_bit(unread)
            unread &= unread - 1
            head = WIDTH + 64 * w + bit
            there = colour_of(position, head)
            wanted = 1 if there == colour else 2
            if there == EMPTY or head_of(position, head) != head or liberties_of(position, head) != wanted:
                all_unread[w] &= ~(np.int64(1) << np.int64(bit))
            else:
                _read_chain(position, notes, memory, head, colour)
