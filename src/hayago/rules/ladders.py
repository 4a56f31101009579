"""Reading ladders: can the *hunter* capture the *prey*, atari after atari?

The definitions are those of the planes "ladder capture" and "ladder escape" (Silver et al. 2016, Extended Data
Table 2), with what the paper leaves open settled in `hayago.features.planes`. The search is exact: it tries every
hunter move on the prey's two liberties and every answer (the last liberty, and each capture of a hunter chain in atari
beside the prey). Depth is bounded by hunter moves, never by a number of nodes, so the verdict does not depend on the
order of the search and is the same under all symmetries.

A reading leaves its *footprint* behind, the set of cells at FOOTPRINT, to which everything adds that is judged or played
in it. The verdict stands as long as no stone is really played on the footprint, nothing is captured, and the ko point
is not in it: whatever a reading asks of a cell or a chain is answered by the cell, its neighbours, and the liberties of
the chains beside it, and these are what `watch` adds.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from hayago.rules.coords import EMPTY
from hayago.rules.jit import kernel, lowest_bit, recursive_kernel
from hayago.rules.kernels import (
    BORDER,
    COLOUR,
    DIRECTIONS,
    FOOTPRINT,
    HEAD,
    HUNTER_MOVES,
    KO,
    LIBERTIES,
    LOGGED,
    NEXT,
    SETS,
    TRIED,
    WIDTH,
    WORDS,
    Position,
    add_cell,
    has_cell,
    is_legal,
    look_ahead,
    only_liberty,
    place,
    undo,
)

ANY = 0  # no cell of the board


@kernel
def second_liberty(position: Position, head: int) -> int:
    """The cell of the second liberty, in reading order, of a chain that has two."""
    seen = 0
    for w in range(WORDS):
        word = position[SETS + head * WORDS + w]
        while word != 0:
            if seen == 1:
                return WIDTH + 64 * w + lowest_bit(word)
            seen = 1
            word &= word - 1
    return 0


@kernel
def watch_chain(position: Position, head: int) -> None:
    """Add the liberties of a chain to the footprint."""
    for w in range(WORDS):
        position[FOOTPRINT + w] |= position[SETS + head * WORDS + w]


@kernel
def watch(position: Position, cell: int) -> None:
    """Add to the footprint all that a move at the empty cell depends on: the cell, those beside it, the liberties of the
    chains beside it."""
    add_cell(position, FOOTPRINT, cell)
    for direction in DIRECTIONS:
        there = position[COLOUR + cell + direction]
        if there == EMPTY:
            add_cell(position, FOOTPRINT, cell + direction)
        elif there != BORDER:
            watch_chain(position, position[HEAD + cell + direction])


@recursive_kernel(types.boolean(types.int64[::1], types.int64, types.int64, types.int64))
def works(position: Position, prey: int, first: int, limit: int) -> bool:
    """Whether the hunter, to move, captures the chain of the stone `prey`, which has two liberties.

    The hunter's first move is `first`, or either liberty if that is ANY; `limit` is how many moves it may make. Where
    the limit is met the prey counts as not captured. Keeps: the position is as before.
    """
    if limit == 0:
        return False
    colour = position[COLOUR + prey]
    hunter = 3 - colour
    head = position[HEAD + prey]
    liberty, other = only_liberty(position, head), second_liberty(position, head)
    for attempt in range(2):
        attack, extension = (liberty, other) if attempt == 0 else (other, liberty)
        if first not in (ANY, attack):
            continue
        watch(position, attack)
        watch(position, extension)
        if not is_legal(position, attack, hunter):
            continue
        # Most attempts end here: the prey just extends to three liberties. (Four are counted, the attack is one.) An
        # attack that captures may change what the extension joins, so then all is played out.
        if look_ahead(position, extension, colour)[2] >= 4 and look_ahead(position, attack, hunter)[0] == 0:
            continue
        attack_mark = position[LOGGED]
        place(position, attack, hunter)
        captured = position[LIBERTIES + position[HEAD + prey]] == 1
        if captured:
            # Answers in one walk round the prey: its last liberty comes first, then the captures as they are met.
            tried = TRIED + (limit - 1) * WORDS
            for w in range(WORDS):
                position[tried + w] = 0
            stone = prey
            direction = -1
            answer = only_liberty(position, position[HEAD + prey])
            # The extension's liberties are known without playing it; only two of them need a further look.
            after = look_ahead(position, answer, colour)[2]
            if after >= 3 and answer != position[KO]:
                captured = False
            elif after < 2:
                answer = ANY
            while captured:
                if answer != ANY and is_legal(position, answer, colour):
                    answer_mark = position[LOGGED]
                    place(position, answer, colour)
                    liberties = position[LIBERTIES + position[HEAD + prey]]
                    if liberties >= 3 or (liberties == 2 and not works(position, prey, int(ANY), limit - 1)):
                        captured = False
                    undo(position, answer_mark)
                    if not captured:
                        break
                answer = ANY
                direction += 1
                if direction == 4:
                    direction = 0
                    stone = position[NEXT + stone]
                    if stone == prey:
                        break
                neighbour = stone + DIRECTIONS[direction]
                if position[COLOUR + neighbour] != hunter:
                    continue
                watch_chain(position, position[HEAD + neighbour])
                if position[LIBERTIES + position[HEAD + neighbour]] == 1:
                    answer = only_liberty(position, position[HEAD + neighbour])
                    bit = np.int64(1) << np.int64((answer - WIDTH) & 63)
                    if position[tried + ((answer - WIDTH) >> 6)] & bit:  # met before
                        answer = ANY
                    else:
                        position[tried + ((answer - WIDTH) >> 6)] |= bit
                        watch(position, answer)
        undo(position, attack_mark)
        if captured:
            return True
    return False


@kernel
def saves(position: Position, prey: int, answer: int) -> bool:
    """Whether playing the empty cell `answer` is legal and saves the chain of `prey`, which is in atari: it then has
    three liberties, or two and no working ladder against it. Keeps: the position is as before."""
    colour = position[COLOUR + prey]
    watch(position, answer)
    if not is_legal(position, answer, colour):
        return False
    mark = position[LOGGED]
    place(position, answer, colour)
    liberties = position[LIBERTIES + position[HEAD + prey]]
    saved = liberties >= 3 or (liberties == 2 and not works(position, prey, int(ANY), int(HUNTER_MOVES)))
    undo(position, mark)
    return saved


@kernel
def add_captures(position: Position, head: int, sets: NDArray[np.int64], at: int) -> None:
    """Put into the set at sets[at : at + WORDS] the moves that begin a working ladder on the chain, which has two
    liberties. Keeps: the position is as before."""
    for cell in (only_liberty(position, head), second_liberty(position, head)):
        if works(position, head, cell, int(HUNTER_MOVES)):
            add_cell(sets, at, cell)


@kernel
def add_escapes(position: Position, head: int, sets: NDArray[np.int64], at: int) -> None:
    """Put into the set at sets[at : at + WORDS] the moves that save the chain, which is in atari: extending, or
    capturing a chain in atari beside it. Keeps: the position is as before."""
    colour = position[COLOUR + head]
    cell = only_liberty(position, head)
    if saves(position, head, cell):
        add_cell(sets, at, cell)
    stone = head
    while True:
        for direction in DIRECTIONS:
            if position[COLOUR + stone + direction] != 3 - colour:
                continue
            hunter = position[HEAD + stone + direction]
            watch_chain(position, hunter)
            if position[LIBERTIES + hunter] == 1:
                cell = only_liberty(position, hunter)
                if not has_cell(sets, at, cell) and saves(position, head, cell):
                    add_cell(sets, at, cell)
        stone = position[NEXT + stone]
        if stone == head:
            break
