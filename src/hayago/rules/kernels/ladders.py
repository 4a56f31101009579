"""The plain ladder search: can the *hunter* capture the *prey*, atari after atari?

The definitions are those of the planes "ladder capture" and "ladder escape" (Silver et al. 2016, Extended Data
Table 2). `hayago.features.planes` settles what the paper leaves open. The search is exact: it tries each hunter move on
the prey's two liberties, and each answer of the prey. Its depth is bounded by hunter moves and never by a number of
nodes. So the verdict does not depend on the order of the search, and is the same under all symmetries.

`hayago.rules.kernels.ladder_reader` finds the same verdicts for whole games, faster and with far more code.
"""

import numpy as np
from numba import types

from hayago.jit import kernel, recursive_kernel
from hayago.rules.coordinates import EMPTY
from hayago.rules.kernels.frame import CELLS, DIRECTIONS, HUNTER_MOVES
from hayago.rules.kernels.plain_rules import Cells, Stones, chain_at, try_move


@kernel
def ways_out(stones: Stones, prey: int) -> Cells:
    """The moves that may save the chain of `prey`, which is in atari: its last liberty first, then the capture of each
    hunter chain in atari beside it."""
    chain, liberties = chain_at(stones, prey)
    hunter = 3 - stones[prey]
    ways, count, looked_at = np.empty(CELLS, np.int64), 1, np.zeros(CELLS, np.bool_)
    ways[0] = liberties[0]
    for stone in chain:
        for direction in DIRECTIONS:
            beside = stone + direction
            if stones[beside] != hunter or looked_at[beside]:
                continue
            hunters, free = chain_at(stones, beside)
            for other in hunters:
                looked_at[other] = True
            if len(free) == 1 and not looked_at[free[0]] and free[0] != ways[0]:
                looked_at[free[0]] = True
                ways[count] = free[0]
                count += 1
    return ways[:count]


@kernel
def attacks(stones: Stones, liberties: Cells) -> tuple[int, int]:
    """The two liberties of a prey, first the one beside which more cells are empty. The prey needs that one more, so
    the hunter's move there is the more likely one to work. (The order saves time, and changes no verdict.)"""
    first_room, second_room = 0, 0
    for direction in DIRECTIONS:
        first_room += stones[liberties[0] + direction] == EMPTY
        second_room += stones[liberties[1] + direction] == EMPTY
    return (liberties[0], liberties[1]) if first_room >= second_room else (liberties[1], liberties[0])


@recursive_kernel(types.boolean(types.uint8[::1], types.int64, types.int64, types.int64, types.int64))
def is_captured_by(stones: Stones, ko: int, prey: int, attack: int, hunter_moves: int) -> bool:
    """Whether the hunter's move at `attack` begins a ladder that captures the chain of `prey`.

    The chain has two liberties, and `attack` is one of them. The hunter may make `hunter_moves` moves, this one among
    them. If it would need more, the prey counts as saved.
    """
    if hunter_moves == 0:
        return False
    attacked = try_move(stones, ko, attack, 3 - stones[prey])
    if len(attacked.liberties) == 0:
        return False
    for answer in ways_out(attacked.stones, prey):
        answered = try_move(attacked.stones, attacked.ko, answer, stones[prey])
        if len(answered.liberties) == 0:
            continue
        _, liberties = chain_at(answered.stones, prey)
        if len(liberties) > 2:
            return False
        if len(liberties) == 2:
            one, other = attacks(answered.stones, liberties)
            if not is_captured_by(answered.stones, answered.ko, prey, one, hunter_moves - 1) and not is_captured_by(
                answered.stones, answered.ko, prey, other, hunter_moves - 1
            ):
                return False
    return True


@kernel
def is_saved_by(stones: Stones, ko: int, prey: int, answer: int) -> bool:
    """Whether the move at `answer`, one of the `ways_out`, saves the chain of `prey` from every ladder."""
    answered = try_move(stones, ko, answer, stones[prey])
    if len(answered.liberties) == 0:
        return False
    _, liberties = chain_at(answered.stones, prey)
    if len(liberties) != 2:
        return len(liberties) > 2
    return not (
        is_captured_by(answered.stones, answered.ko, prey, liberties[0], HUNTER_MOVES)
        or is_captured_by(answered.stones, answered.ko, prey, liberties[1], HUNTER_MOVES)
    )
