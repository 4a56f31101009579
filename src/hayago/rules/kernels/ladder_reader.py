"""Reading ladders: can the *hunter* capture the *prey*, atari after atari?

The definitions are those of the planes "ladder capture" and "ladder escape" (Silver et al. 2016, Extended Data
Table 2), with what the paper leaves open settled in `hayago.features.planes`. The search is exact: it tries every
hunter move on the prey's two liberties and every answer (the last liberty, and each capture of a hunter chain in atari
beside the prey). Depth is bounded by hunter moves, never by a number of nodes, so the verdict does not depend on the
order of the search and is the same under all symmetries.

Two sets of cells are kept beside the position while one reads:

- The *threatened*, one set for each number of hunter moves left: in it is a stone of every hunter chain that is in
  atari beside the prey, and of some that are not. Chains get into atari only by a stone beside them or of their own, so
  after an attack and an extension the set before needs but a look round these two.
- The *footprint* of the whole reading: every cell that was judged or played, the cells beside it, and of every chain
  that was asked for its liberties so many of these as decide the answer, or all. Nothing else was asked, so the verdict
  stands until a stone is really played on the footprint, the ko comes to lie in it, or a chain with liberties in it
  gets more by a capture.

How many decide: two, that a chain is not in atari. Beside a cell that is judged, five: a chain of the prey's colour
that has so many gives the prey three, whatever the attack and the extension take; a hunter's is still not in atari
then. While these are empty, no stone elsewhere makes them fewer.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from hayago.jit import kernel, lowest_bit, popcount, recursive_kernel
from hayago.rules.coordinates import EMPTY
from hayago.rules.kernels.frame import BORDER, DIRECTIONS, HUNTER_MOVES, WIDTH
from hayago.rules.kernels.position import (
    KO,
    NOTES_TYPE,
    POSITION_TYPE,
    WORDS,
    Notes,
    Position,
    add_cell,
    colour_of,
    has_cell,
    head_of,
    is_legal,
    liberties_of,
    look_ahead,
    next_of,
    only_liberty,
    place,
    stones_of,
    undo,
    word_of,
)

ONE, ALL = 1, 2  # what is asked of `works`
_NOT_IN_ATARI, _ENOUGH = 2, 5  # liberties that decide, see above
_NO_CELL = 0


@kernel
def second_liberty(position: Position, head: int) -> int:
    """The cell of the second liberty, in reading order, of a chain that has two."""
    seen = 0
    for w in range(WORDS):
        word = word_of(position, head, w)
        while word != 0:
            if seen == 1:
                return WIDTH + 64 * w + lowest_bit(word)
            seen = 1
            word &= word - 1
    return 0


@kernel
def watch_chain(position: Position, notes: Notes, head: int, enough: int) -> None:
    """Add the liberties of a chain to the footprint, or `enough` of them."""
    left = liberties_of(position, head)
    if left <= enough:
        for w in range(WORDS):
            notes.footprint[w] |= word_of(position, head, w)
        return
    left = enough
    for w in range(WORDS):
        word = word_of(position, head, w)
        rest = word
        for _ in range(left):
            rest &= rest - 1
        notes.footprint[w] |= word & ~rest
        left -= popcount(word & ~rest)
        if left == 0:
            return


@kernel
def watch(position: Position, notes: Notes, cell: int, prey: int) -> None:
    """Add to the footprint all that a move at the empty cell hangs on, but for the liberties of the chain with the head
    `prey`, which are or will be there."""
    add_cell(notes.footprint, 0, cell)
    for direction in DIRECTIONS:
        there = colour_of(position, cell + direction)
        if there == EMPTY:
            add_cell(notes.footprint, 0, cell + direction)
        elif there != BORDER and head_of(position, cell + direction) != prey:
            watch_chain(position, notes, head_of(position, cell + direction), _ENOUGH)


@kernel
def _captures(position: Position, cell: int, colour: int) -> bool:
    """Whether a stone at the empty cell would capture."""
    for direction in DIRECTIONS:
        beside = cell + direction
        if colour_of(position, beside) == 3 - colour and liberties_of(position, beside) == 1:
            return True
    return False


@kernel
def _add_threatened(position: Position, notes: Notes, cell: int, hunter: int, limit: int) -> None:
    """Add to the threatened at `limit` the chain of a stone, if it is the hunter's and in atari."""
    if colour_of(position, cell) == hunter and liberties_of(position, cell) == 1:
        add_cell(notes.threatened, limit * WORDS, head_of(position, cell))


@kernel
def find_threatened(position: Position, notes: Notes, prey: int, limit: int) -> None:
    """Fill the threatened at `limit` by a walk round the prey, all of whose hunters go into the footprint."""
    hunter, watched = 3 - colour_of(position, prey), 0
    for w in range(WORDS):
        notes.threatened[np.uint64(limit * WORDS + w)] = 0
    stone = prey
    while True:
        for direction in DIRECTIONS:
            beside = stone + direction
            if colour_of(position, beside) == hunter and head_of(position, beside) != watched:
                watched = head_of(position, beside)
                watch_chain(position, notes, watched, _NOT_IN_ATARI)
                _add_threatened(position, notes, beside, hunter, limit)
        stone = next_of(position, stone)
        if stone == prey:
            break


@kernel
def _follow_threatened(position: Position, notes: Notes, extension: int, hunter: int, limit: int) -> None:
    """Fill the threatened at `limit` from those at `limit + 1`, after an extension that took nothing and joined nothing
    to the prey."""
    for w in range(WORDS):
        notes.threatened[np.uint64(limit * WORDS + w)] = notes.threatened[np.uint64((limit + 1) * WORDS + w)]
    for direction in DIRECTIONS:
        _add_threatened(position, notes, extension + direction, hunter, limit)


@kernel
def _is_threatened(position: Position, notes: Notes, hunter: int, limit: int) -> bool:
    """Whether a chain among the threatened at `limit` is in atari."""
    for w in range(WORDS):
        word = notes.threatened[np.uint64(limit * WORDS + w)]
        while word != 0:
            stone = WIDTH + 64 * w + lowest_bit(word)
            word &= word - 1
            if colour_of(position, stone) == hunter and liberties_of(position, stone) == 1:
                return True
    return False


@recursive_kernel(types.int64(POSITION_TYPE, NOTES_TYPE, types.int64, types.int64, types.int64, types.int64))
def works(position: Position, notes: Notes, prey: int, asked: int, limit: int, extended: int) -> int:
    """By which first move the hunter captures the chain of the stone `prey`, which has two liberties: 1 for the first
    of them in reading order, 2 for the second, 0 for none.

    ALL gives the sum over both; for ONE any that works is enough. `limit` is how many moves the hunter may make; where
    it is met the prey counts as not captured. `extended` is the cell by which the prey was just extended, if it took
    nothing and joined nothing then, and the threatened at `limit + 1` are right for the position before; else 0. Keeps:
    the position is as before.
    """
    if limit == 0:
        return 0
    colour, head = colour_of(position, prey), head_of(position, prey)
    hunter, stones = 3 - colour, stones_of(position, prey)
    threatened = limit * WORDS
    attack, extension = only_liberty(position, head), second_liberty(position, head)
    watch(position, notes, attack, head)
    watch(position, notes, extension, head)
    # The liberties after extending to either, the other one among them. First the attack that leaves fewer.
    room, other_room = look_ahead(position, notes, extension, colour)[2], look_ahead(position, notes, attack, colour)[2]
    move, found, walked = 1, 0, False
    if room > other_room:
        attack, extension, room, other_room, move = extension, attack, other_room, room, 2
    for attempt in range(2):
        if attempt == 1:
            attack, extension, room, move = extension, attack, other_room, 3 - move
        # Most attempts end here: the prey just extends to three liberties. An attack that captures may change what the
        # extension joins, so then all is played out.
        if room >= 4 and not _captures(position, attack, hunter):
            continue
        if attack == position.cells[KO]:
            continue
        taken, _, liberties = look_ahead(position, notes, attack, hunter)
        if liberties == 0:
            continue
        if not walked:
            if extended != 0:
                _follow_threatened(position, notes, extended, hunter, limit)
            else:
                find_threatened(position, notes, prey, limit)
            walked = True
        plain = taken == 0 and liberties > 1
        if plain and room <= 2 and not _is_threatened(position, notes, hunter, limit):
            found |= move  # the prey can neither extend nor take anything
            if asked == ONE:
                break
            continue
        mark = notes.logged
        place(position, notes, attack, hunter)
        if plain:
            room -= 1
        else:  # the extension may join less, or capture the attack
            room = look_ahead(position, notes, extension, colour)[2]
        add_cell(notes.threatened, threatened, attack)
        escaped = room >= 3  # a ko is no hindrance: its cell held a stone before the attack, the extension none
        if room == 2:
            answer_mark = notes.logged
            taken = place(position, notes, extension, colour)
            alone = taken == 0 and stones_of(position, prey) == stones + 1
            escaped = works(position, notes, prey, int(ONE), limit - 1, extension if alone else int(_NO_CELL)) == 0
            undo(position, notes, answer_mark)
        for w in range(WORDS):
            word = notes.threatened[np.uint64(threatened + w)]
            while word != 0 and not escaped:
                stone = WIDTH + 64 * w + lowest_bit(word)
                word &= word - 1
                if colour_of(position, stone) != hunter or liberties_of(position, stone) != 1:
                    continue
                answer = only_liberty(position, head_of(position, stone))
                watch(position, notes, answer, head)
                if answer == extension or not is_legal(position, answer, colour):
                    continue
                answer_mark = notes.logged
                place(position, notes, answer, colour)
                liberties = liberties_of(position, prey)
                escaped = liberties > 2 or (
                    liberties == 2 and works(position, notes, prey, int(ONE), limit - 1, int(_NO_CELL)) == 0
                )
                undo(position, notes, answer_mark)
        undo(position, notes, mark)
        if not escaped:
            found |= move
            if asked == ONE:
                break
    return found


@kernel
def saves(position: Position, notes: Notes, prey: int, answer: int) -> bool:
    """Whether playing the empty cell `answer` is legal and saves the chain of `prey`, which is in atari: it then has
    three liberties, or two and no working ladder against it. Keeps: the position is as before."""
    colour, head = colour_of(position, prey), head_of(position, prey)
    watch(position, notes, answer, head)
    if answer == position.cells[KO]:
        return False
    room = look_ahead(position, notes, answer, colour)[2]
    if room == 0:
        return False
    if room != 2 and answer == only_liberty(position, head):  # the room is that of the prey
        return room > 2
    mark = notes.logged
    place(position, notes, answer, colour)
    liberties = liberties_of(position, prey)
    saved = bool(liberties > 2)
    if liberties == 2:
        saved = works(position, notes, prey, int(ONE), int(HUNTER_MOVES), int(_NO_CELL)) == 0
    undo(position, notes, mark)
    return saved


@kernel
def add_captures(position: Position, notes: Notes, head: int, found: NDArray[np.int64]) -> None:
    """Put into the set `found` the moves that begin a working ladder on the chain, which has two
    liberties. Keeps: the position is as before."""
    moves = works(position, notes, head, int(ALL), int(HUNTER_MOVES), int(_NO_CELL))
    if moves & 1:
        add_cell(found, 0, only_liberty(position, head))
    if moves & 2:
        add_cell(found, 0, second_liberty(position, head))


@kernel
def add_escapes(position: Position, notes: Notes, head: int, found: NDArray[np.int64]) -> None:
    """Put into the set `found` the moves that save the chain, which is in atari: extending, or
    capturing a chain in atari beside it. Keeps: the position is as before."""
    colour = colour_of(position, head)
    cell = only_liberty(position, head)
    if saves(position, notes, head, cell):
        add_cell(found, 0, cell)
    stone = head
    while True:
        for direction in DIRECTIONS:
            if colour_of(position, stone + direction) != 3 - colour:
                continue
            hunter = head_of(position, stone + direction)
            watch_chain(position, notes, hunter, _NOT_IN_ATARI)
            if liberties_of(position, hunter) == 1:
                cell = only_liberty(position, hunter)
                if not has_cell(found, 0, cell) and saves(position, notes, head, cell):
                    add_cell(found, 0, cell)
        stone = next_of(position, stone)
        if stone == head:
            break
