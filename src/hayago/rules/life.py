"""Unconditional life: what stays whatever the opponent does, even if its owner never plays again.

D. B. Benson, "Life in the game of Go", Information Sciences 10 (1976). Terms, each for one colour: a *region* is a
maximal connected set of points without stones of that colour. A region is *vital* to a chain when all
its empty points are liberties of the chain. Chains with fewer than two vital regions are struck out, and with them the
regions they border, until nothing changes; the chains that remain live. A region that only such chains border, and
in which every empty point lies beside one of them, is their territory: the opponent can never get an eye in it.

The board comes as *stones*, see `hayago.rules.kernels.frame`.
"""

import numpy as np
from numpy.typing import NDArray

from hayago.jit import kernel
from hayago.rules.coordinates import BLACK, EMPTY, WHITE
from hayago.rules.kernels.frame import BORDER, CELLS, DIRECTIONS, WIDTH
from hayago.rules.kernels.plain_rules import Stones


@kernel
def _label(stones: Stones, colour: int, of_colour: bool, labels: NDArray[np.int16]) -> int:
    """Number from 0 the connected sets of cells that are (or are not) of `colour`; -1 elsewhere. Returns how many."""
    stack = np.empty(CELLS, np.int16)
    labels[:] = -1
    count = 0
    for start in range(WIDTH, CELLS - WIDTH):
        if stones[start] == BORDER or (stones[start] == colour) != of_colour or labels[start] >= 0:
            continue
        labels[start] = count
        stack[0], waiting = start, 1
        while waiting > 0:
            waiting -= 1
            cell = stack[waiting]
            for direction in DIRECTIONS:
                neighbour = cell + direction
                there = stones[neighbour]
                if there != BORDER and (there == colour) == of_colour and labels[neighbour] < 0:
                    labels[neighbour] = count
                    stack[waiting] = neighbour
                    waiting += 1
        count += 1
    return count


@kernel
def mark_unconditional(stones: Stones, owner: NDArray[np.uint8]) -> None:
    """Set owner (CELLS,) to the colour on its unconditionally living stones and their territory, EMPTY elsewhere."""
    owner[:] = EMPTY
    chain_of, region_of = np.empty(CELLS, np.int16), np.empty(CELLS, np.int16)
    for colour in (BLACK, WHITE):
        chains = _label(stones, colour, True, chain_of)
        regions = _label(stones, colour, False, region_of)
        if chains == 0:
            continue
        empties = np.zeros(regions, np.int32)
        beside = np.zeros((regions, chains), np.int32)  # how many empty points of the region are the chain's liberties
        borders = np.zeros((regions, chains), np.bool_)
        for cell in range(WIDTH, CELLS - WIDTH):
            region = region_of[cell]
            if region < 0:
                continue
            empty = stones[cell] == EMPTY
            empties[region] += empty
            met = (-1, -1, -1)
            for direction in DIRECTIONS:
                chain = chain_of[cell + direction]
                if chain >= 0 and chain not in met:
                    met = (chain, met[0], met[1])
                    borders[region, chain] = True
                    beside[region, chain] += empty

        living = np.ones(chains, np.bool_)
        sound = np.ones(regions, np.bool_)
        changed = True
        while changed:
            changed = False
            for chain in range(chains):
                if not living[chain]:
                    continue
                vital = 0
                for region in range(regions):
                    vital += sound[region] and borders[region, chain] and beside[region, chain] == empties[region]
                if vital < 2:
                    living[chain] = False
                    changed = True
                    for region in range(regions):
                        sound[region] &= not borders[region, chain]

        for cell in range(WIDTH, CELLS - WIDTH):  # an empty point away from every chain could be an opponent's eye
            if region_of[cell] >= 0 and stones[cell] == EMPTY:
                touched = False
                for direction in DIRECTIONS:
                    touched |= chain_of[cell + direction] >= 0
                sound[region_of[cell]] &= touched
        for cell in range(WIDTH, CELLS - WIDTH):
            chain, region = chain_of[cell], region_of[cell]
            if (chain >= 0 and living[chain]) or (region >= 0 and sound[region]):
                owner[cell] = colour
