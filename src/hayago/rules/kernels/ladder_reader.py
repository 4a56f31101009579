"""The fast ladder search, for whole games: the verdicts of `hayago.rules.kernels.ladders`, and what they depend on.

Read `hayago.rules.kernels.ladders` first: the definitions are there. This search plays on a `Position` and takes moves
back. It keeps two sets of cells beside the position, in a `Reading`:

- The *threatened*, one set for each number of hunter moves left. It holds a stone of every hunter chain that is in
  atari beside the prey, and stones of some that are not. Chains get into atari only by a stone beside them or of their
  own. So after an attack and an extension the set before needs only a look round these two.
- The *footprint* of the whole reading. It holds every cell that was judged or played, and the cells beside it. Of every
  chain whose liberties mattered it holds the liberties, or as many of them as decide the answer. Nothing else was
  looked at. So the verdict stands until a stone is played on the footprint, the ko comes to lie in it, or a capture
  gives liberties to a chain that has some in it.

How many liberties decide? Two show that a chain is not in atari. Beside a cell that is judged, five are enough. A chain
of the prey's colour with five gives the prey three, whatever the attack and the extension take. A hunter chain with
five is still not in atari then. While these liberties are empty, no stone elsewhere makes them fewer.
"""

from typing import Any, TypeAlias

import numba
import numpy as np
from numba import types

from hayago.jit import kernel, popcount, recursive_kernel
from hayago.rules.coordinates import EMPTY
from hayago.rules.kernels.cell_sets import WORDS, Words, add_cell, cells_in, has_cell, load
from hayago.rules.kernels.frame import BORDER, DIRECTIONS, HUNTER_MOVES, NO_CELL
from hayago.rules.kernels.position import (
    LOG_TYPE,
    POSITION_TYPE,
    Log,
    Position,
    chain_liberties,
    colour_of,
    head_of,
    is_legal,
    ko_of,
    liberties_of,
    liberty_set,
    look_ahead,
    next_of,
    only_liberty,
    place,
    stones_of,
    undo,
    word_of,
)

Reading: TypeAlias = Any  # np.record of READING

READING = np.dtype(
    [
        ("footprint", np.int64, (WORDS,)),
        ("threatened", np.int64, (HUNTER_MOVES + 1, WORDS)),
        ("found", np.int64, (WORDS,)),  # for the caller: the moves that work
    ],
    align=True,
)
READING_TYPE = numba.from_dtype(READING)

FIRST, SECOND = 1, 2  # the moves on the first and the second liberty of a prey, as bits
_ANY, _BOTH = 1, 2  # what `capturing_moves` is to find
_NOT_IN_ATARI, _ENOUGH = 2, 5  # numbers of liberties that decide, see above


def new_reading() -> Reading:
    """Room for one reading."""
    return np.zeros(1, READING).view(np.recarray)[0]


@kernel
def second_liberty(position: Position, head: int) -> int:
    """The second liberty, in reading order, of a chain that has two."""
    last = NO_CELL
    for cell in cells_in(liberty_set(position, head)):
        last = cell
    return last


@kernel
def _watch_chain(position: Position, reading: Reading, head: int, enough: int) -> None:
    """Add the liberties of a chain to the footprint, or `enough` of them."""
    left = chain_liberties(position, head)
    if left <= enough:
        for w in range(WORDS):
            reading.footprint[w] |= word_of(position, head, w)
        return
    left = enough
    for w in range(WORDS):
        word = word_of(position, head, w)
        rest = word
        for _ in range(left):
            rest &= rest - 1
        reading.footprint[w] |= word & ~rest
        left -= popcount(word & ~rest)
        if left == 0:
            return


@kernel
def _watch(position: Position, reading: Reading, cell: int, prey: int) -> None:
    """Add to the footprint all that a move at the empty cell depends on. The liberties of the chain with the head
    `prey` are left out: they are or will be there."""
    add_cell(reading.footprint, cell)
    for direction in DIRECTIONS:
        there = colour_of(position, cell + direction)
        if there == EMPTY:
            add_cell(reading.footprint, cell + direction)
        elif there != BORDER and head_of(position, cell + direction) != prey:
            _watch_chain(position, reading, head_of(position, cell + direction), _ENOUGH)


@kernel
def _is_in_atari(position: Position, cell: int, colour: int) -> bool:
    """Whether a chain of `colour` stands at the cell, with one liberty."""
    return colour_of(position, cell) == colour and liberties_of(position, cell) == 1


@kernel
def _captures(position: Position, cell: int, colour: int) -> bool:
    """Whether a stone at the empty cell would capture."""
    for direction in DIRECTIONS:  # noqa: SIM110  (numba has no any)
        if _is_in_atari(position, cell + direction, 3 - colour):
            return True
    return False


@kernel
def _find_threatened(position: Position, reading: Reading, prey: int, limit: int) -> None:
    """Fill the threatened at `limit` by a walk round the prey. All hunters met go into the footprint."""
    hunter, watched = 3 - colour_of(position, prey), NO_CELL
    threatened = reading.threatened[limit]
    threatened[:] = 0
    stone = prey
    while True:
        for direction in DIRECTIONS:
            beside = stone + direction
            if colour_of(position, beside) == hunter and head_of(position, beside) != watched:
                watched = head_of(position, beside)
                _watch_chain(position, reading, watched, _NOT_IN_ATARI)
                if chain_liberties(position, watched) == 1:
                    add_cell(threatened, watched)
        stone = next_of(position, stone)
        if stone == prey:
            break


@kernel
def _follow_threatened(position: Position, reading: Reading, extension: int, hunter: int, limit: int) -> None:
    """Fill the threatened at `limit` from those at `limit + 1`, after an extension that took nothing and joined nothing
    to the prey."""
    threatened = reading.threatened[limit]
    for w in range(WORDS):
        threatened[w] = reading.threatened[limit + 1, w]
    for direction in DIRECTIONS:
        if _is_in_atari(position, extension + direction, hunter):
            add_cell(threatened, head_of(position, extension + direction))


@kernel
def _is_threatened(position: Position, threatened: Words, hunter: int) -> bool:
    """Whether a chain of these is in atari."""
    for stone in cells_in(load(threatened)):  # noqa: SIM110
        if _is_in_atari(position, stone, hunter):
            return True
    return False


@recursive_kernel(
    types.int64(POSITION_TYPE, LOG_TYPE, READING_TYPE, types.int64, types.int64, types.int64, types.int64)
)
def capturing_moves(
    position: Position, log: Log, reading: Reading, prey: int, wanted: int, limit: int, extended: int
) -> int:
    """By which first moves the hunter captures the chain of the stone `prey`, which has two liberties: FIRST, SECOND,
    FIRST | SECOND, or 0 for none.

    Args:
        wanted: _BOTH looks at both moves; for _ANY one that works is enough.
        limit: how many moves the hunter may make. If it needs more, the prey counts as not captured.
        extended: the cell by which the prey was just extended, if the extension took and joined nothing, and if the
            threatened at `limit + 1` are right for the position before it; else NO_CELL.
    The position is left as it was.
    """
    if limit == 0:
        return 0
    colour, head = colour_of(position, prey), head_of(position, prey)
    hunter, stones = 3 - colour, stones_of(position, prey)
    threatened = reading.threatened[limit]
    attack, extension = only_liberty(position, head), second_liberty(position, head)
    _watch(position, reading, attack, head)
    _watch(position, reading, extension, head)
    # The liberties after extending to either, the other one among them. First the attack that leaves fewer.
    room, other_room = look_ahead(position, extension, colour)[2], look_ahead(position, attack, colour)[2]
    move, found, walked = int(FIRST), 0, False
    if room > other_room:
        attack, extension, room, other_room, move = extension, attack, other_room, room, int(SECOND)
    for attempt in range(2):
        if attempt == 1:
            attack, extension, room, move = extension, attack, other_room, FIRST + SECOND - move
        # Most attempts end here: the prey just extends to three liberties. An attack that captures may change what the
        # extension joins, so then everything is played out.
        if room >= 4 and not _captures(position, attack, hunter):
            continue
        if attack == ko_of(position):
            continue
        taken, _, liberties = look_ahead(position, attack, hunter)
        if liberties == 0:
            continue
        if not walked:
            if extended != NO_CELL:
                _follow_threatened(position, reading, extended, hunter, limit)
            else:
                _find_threatened(position, reading, prey, limit)
            walked = True
        plain = taken == 0 and liberties > 1
        if plain and room <= 2 and not _is_threatened(position, threatened, hunter):
            found |= move  # the prey can neither extend nor take anything
            if wanted == _ANY:
                break
            continue
        mark = log.entries
        place(position, log, attack, hunter)
        if plain:
            room -= 1
        else:  # the extension may join less, or capture the attack
            room = look_ahead(position, extension, colour)[2]
        add_cell(threatened, attack)
        escaped = room >= 3  # the extension is never the ko cell: before the attack that held a stone
        if room == 2:
            answer_mark = log.entries
            taken = place(position, log, extension, colour)
            alone = taken == 0 and stones_of(position, prey) == stones + 1
            escaped = (
                capturing_moves(
                    position, log, reading, prey, int(_ANY), limit - 1, extension if alone else int(NO_CELL)
                )
                == 0
            )
            undo(position, log, answer_mark)
        if not escaped:
            for stone in cells_in(load(threatened)):
                if not _is_in_atari(position, stone, hunter):
                    continue
                answer = only_liberty(position, head_of(position, stone))
                _watch(position, reading, answer, head)
                if answer == extension or not is_legal(position, answer, colour):
                    continue
                answer_mark = log.entries
                place(position, log, answer, colour)
                liberties = liberties_of(position, prey)
                escaped = liberties > 2 or (
                    liberties == 2
                    and capturing_moves(position, log, reading, prey, int(_ANY), limit - 1, int(NO_CELL)) == 0
                )
                undo(position, log, answer_mark)
                if escaped:
                    break
        undo(position, log, mark)
        if not escaped:
            found |= move
            if wanted == _ANY:
                break
    return found


@kernel
def is_saved_by(position: Position, log: Log, reading: Reading, prey: int, answer: int) -> bool:
    """Whether playing the empty cell `answer` is legal and saves the chain of `prey`, which is in atari: it then has
    three liberties, or two and no working ladder against it. The position is left as it was."""
    colour, head = colour_of(position, prey), head_of(position, prey)
    _watch(position, reading, answer, head)
    if answer == ko_of(position):
        return False
    room = look_ahead(position, answer, colour)[2]
    if room == 0:
        return False
    if room != 2 and answer == only_liberty(position, head):  # the room is that of the prey
        return room > 2
    mark = log.entries
    place(position, log, answer, colour)
    liberties = liberties_of(position, prey)
    saved = bool(liberties > 2)
    if liberties == 2:
        saved = capturing_moves(position, log, reading, prey, int(_ANY), int(HUNTER_MOVES), int(NO_CELL)) == 0
    undo(position, log, mark)
    return saved


@kernel
def add_captures(position: Position, log: Log, reading: Reading, head: int, found: Words) -> None:
    """Put into the set `found` the moves that begin a working ladder on the chain, which has two liberties. The
    position is left as it was."""
    moves = capturing_moves(position, log, reading, head, int(_BOTH), int(HUNTER_MOVES), int(NO_CELL))
    if moves & FIRST:
        add_cell(found, only_liberty(position, head))
    if moves & SECOND:
        add_cell(found, second_liberty(position, head))


@kernel
def add_escapes(position: Position, log: Log, reading: Reading, head: int, found: Words) -> None:
    """Put into the set `found` the moves that save the chain, which is in atari: extending, or capturing a chain in
    atari beside it. The position is left as it was."""
    colour = colour_of(position, head)
    cell = only_liberty(position, head)
    if is_saved_by(position, log, reading, head, cell):
        add_cell(found, cell)
    stone = head
    while True:
        for direction in DIRECTIONS:
            if colour_of(position, stone + direction) != 3 - colour:
                continue
            hunter = head_of(position, stone + direction)
            _watch_chain(position, reading, hunter, _NOT_IN_ATARI)
            if chain_liberties(position, hunter) == 1:
                cell = only_liberty(position, hunter)
                if not has_cell(found, cell) and is_saved_by(position, log, reading, head, cell):
                    add_cell(found, cell)
        stone = next_of(position, stone)
        if stone == head:
            break
