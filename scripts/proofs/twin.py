"""The slow twin of the 48 feature planes: the same answers, found in the most obvious way.

It is written from the specification of the planes alone and imports nothing of hayago, so that no mistake made there is
copied here. Chains are found by flood fill, moves are played on a copy of the board, and ladders are read by plain
recursion.

A *point* is `row * size + column`; a *position* is stones and a ko point; a `TwinBoard` is a position and the turns
at which its stones were played. In a ladder the *hunter* chases the *prey*, which is named by one of its stones.

Readings chosen where the specification leaves something open:

1. "The simple-ko point" is not defined there. Here: a move that takes exactly one stone, and whose own chain is then
   a single stone with a single liberty, makes the point of the stone taken the ko point, until the next turn.
2. In the planes the ko point is legal for no colour. The rules of the game forbid only to take back: where one colour
   plays twice in a row, it may fill the ko it has just taken (`TwinBoard.legal`).
3. "50 hunter moves": the 50th is played and the prey's answers to it are tried. If a 51st would be needed, the prey is
   not captured. A ladder capture's own move is the first of its 50; after an escape the hunter has all 50.
4. A point where retaking a ko leaves one stone with one liberty is a self-atari of size 1 (captures come off first).
5. "Captures of an adjacent hunter chain in atari" means adjacent to the prey as it stands before its move.
6. On the 1x1 board the only point has no neighbours, so it is an eye of both colours (and legal for neither).
7. A move of a record that is a suicide or breaks the ko is played all the same, own stones removed; planes describe
   what stands on the board afterwards, and such a suicide leaves no ko point.
"""

from collections.abc import Iterable
from functools import cache

import numpy as np

EMPTY, BLACK, WHITE = 0, 1, 2
HUNTER_MOVES = 50
Stones = list[int]


def opponent(colour: int) -> int:
    return WHITE if colour == BLACK else BLACK


@cache
def neighbours(size: int) -> list[list[int]]:
    """For each point, the points beside it."""
    return _at_offsets(size, [(-1, 0), (1, 0), (0, -1), (0, 1)])


@cache
def diagonals(size: int) -> list[list[int]]:
    """For each point, the points that touch its corners; fewer than four where it lies on the edge."""
    return _at_offsets(size, [(-1, -1), (-1, 1), (1, -1), (1, 1)])


def _at_offsets(size: int, offsets: list[tuple[int, int]]) -> list[list[int]]:
    return [
        [(r + dr) * size + c + dc for dr, dc in offsets if 0 <= r + dr < size and 0 <= c + dc < size]
        for r in range(size)
        for c in range(size)
    ]


def flood(size: int, stones: Stones, start: int) -> set[int]:
    """The points that are connected to `start` by points that hold the same as it does."""
    beside, colour = neighbours(size), stones[start]
    region, todo = {start}, [start]
    while todo:
        for near in beside[todo.pop()]:
            if stones[near] == colour and near not in region:
                region.add(near)
                todo.append(near)
    return region


def touching(size: int, stones: Stones, region: Iterable[int], colour: int) -> set[int]:
    """The points beside `region` that hold `colour`: with EMPTY, the liberties of a chain."""
    beside = neighbours(size)
    return {near for point in region for near in beside[point] if stones[near] == colour}


class Position:
    """Stones and a ko point. Never changed once made, so a chain that was found stays found."""

    def __init__(self, size: int, stones: Stones, ko: int | None = None) -> None:
        self.size = size
        self.stones = stones
        self.ko = ko
        self._chains: dict[int, set[int]] = {}

    def chain(self, point: int) -> set[int]:
        """The stones solidly connected to the stone at `point`."""
        if point not in self._chains:
            chain = flood(self.size, self.stones, point)
            self._chains.update(dict.fromkeys(chain, chain))
        return self._chains[point]

    def chains(self, colour: int) -> list[set[int]]:
        chains: list[set[int]] = []
        seen: set[int] = set()
        for point, stone in enumerate(self.stones):
            if stone == colour and point not in seen:
                chains.append(self.chain(point))
                seen |= chains[-1]
        return chains

    def touched(self, chain: set[int], colour: int) -> set[int]:
        """The points beside `chain` that hold `colour`: with EMPTY, its liberties."""
        return touching(self.size, self.stones, chain, colour)

    def liberties(self, point: int) -> set[int]:
        return self.touched(self.chain(point), EMPTY)

    def place(self, colour: int, point: int) -> tuple["Position", set[int]]:
        """The position after `colour` plays on the empty `point`, and the opponent's stones it takes off.

        A chain of its own that is left without a liberty is taken off too: after a suicide the point is empty.
        """
        size, stones = self.size, self.stones.copy()

        def take_off_if_caught(start: int) -> set[int]:
            chain = flood(size, stones, start)
            if touching(size, stones, chain, EMPTY):
                return set()
            for stone in chain:
                stones[stone] = EMPTY
            return chain

        stones[point] = colour
        taken: set[int] = set()
        for near in neighbours(size)[point]:
            if stones[near] == opponent(colour):
                taken |= take_off_if_caught(near)
        take_off_if_caught(point)
        after = Position(size, stones)
        if len(taken) == 1 and len(after.chain(point)) == len(after.liberties(point)) == 1:
            (after.ko,) = taken
        return after, taken

    def legal_move(self, colour: int, point: int) -> tuple["Position", set[int]] | None:
        """`place`, or None where the move is illegal: the point is not empty, the ko point, or a suicide."""
        if self.stones[point] != EMPTY or point == self.ko:
            return None
        after, taken = self.place(colour, point)
        return (after, taken) if after.stones[point] == colour else None


def true_eyes(position: Position, colour: int) -> set[int]:
    """The largest set of eyes that hold each other up: all that might be, less those that fail, until none fails."""
    size, stones = position.size, position.stones
    beside, across = neighbours(size), diagonals(size)
    eyes = {
        point
        for point in range(size * size)
        if stones[point] == EMPTY and all(stones[near] == colour for near in beside[point])
    }
    while True:
        failing = set()
        for point in eyes:
            bad = sum(
                stones[corner] == opponent(colour) or (stones[corner] == EMPTY and corner not in eyes)
                for corner in across[point]
            )
            if bad > (1 if len(across[point]) == 4 else 0):
                failing.add(point)
        if not failing:
            return eyes
        eyes -= failing


def hunt_works(position: Position, prey: int, point: int, hunter_moves: int = HUNTER_MOVES) -> bool:
    """Whether the hunter's move at `point`, one of the prey's two liberties, captures the prey in a ladder."""
    if hunter_moves == 0:
        return False
    move = position.legal_move(opponent(position.stones[prey]), point)
    if move is None:
        return False
    after, _ = move
    if len(after.liberties(prey)) >= 2:
        return False
    return not any(escape_works(after, prey, way, hunter_moves - 1) for way in ways_out(after, prey))


def escape_works(position: Position, prey: int, point: int, hunter_moves: int = HUNTER_MOVES) -> bool:
    """Whether the move at `point`, one of the ways out of the prey in atari, saves it from a ladder."""
    move = position.legal_move(position.stones[prey], point)
    if move is None:
        return False
    after, _ = move
    liberties = after.liberties(prey)
    if len(liberties) == 2:
        return not any(hunt_works(after, prey, hunt, hunter_moves) for hunt in liberties)
    return len(liberties) >= 3


def ways_out(position: Position, prey: int) -> set[int]:
    """The moves a prey in atari may try: its last liberty, and the capture of each adjacent chain in atari."""
    chain = position.chain(prey)
    ways = position.touched(chain, EMPTY)
    for hunter in position.touched(chain, opponent(position.stones[prey])):
        liberties = position.liberties(hunter)
        if len(liberties) == 1:
            ways |= liberties
    return ways


class TwinBoard:
    """A position with the turns at which its stones were played."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.turns = 0
        self._position = Position(size, [EMPTY] * (size * size))
        self._turn_played: dict[int, int] = {}

    @property
    def stones(self) -> Stones:
        return self._position.stones

    @property
    def ko(self) -> int | None:
        return self._position.ko

    def setup(self, black: Iterable[int], white: Iterable[int]) -> None:
        """Put stones on a board on which nothing was played yet. They were never moves and have no turn."""
        stones = self.stones.copy()
        for colour, points in ((BLACK, black), (WHITE, white)):
            for point in points:
                stones[point] = colour
        self._position = Position(self.size, stones)

    def play(self, colour: int, point: int) -> None:
        """Play at `point`, or pass with `size * size`. Every call is a turn."""
        self.turns += 1
        if point == self.size * self.size:
            self._position = Position(self.size, self.stones)
            return
        assert self.stones[point] == EMPTY, f"{point} is occupied"
        self._position, _ = self._position.place(colour, point)
        self._turn_played[point] = self.turns

    def legal(self, colour: int, point: int) -> bool:
        """By the rules of the game: see reading 2."""
        if point == self.size * self.size:
            return True
        position = self._position
        if point == self.ko and all(self.stones[near] == colour for near in neighbours(self.size)[point]):
            position = Position(self.size, self.stones)
        return position.legal_move(colour, point) is not None

    def stones_after(self, colour: int, point: int) -> Stones:
        """The stones that would stand after a move."""
        return self._position.place(colour, point)[0].stones

    def chain(self, point: int) -> set[int]:
        return self._position.chain(point)

    def liberties(self, point: int) -> set[int]:
        return self._position.liberties(point)

    def true_eyes(self, colour: int) -> set[int]:
        return true_eyes(self._position, colour)

    def planes(self, to_play: int) -> np.ndarray:
        """The 48 planes, uint8 (48, size, size), seen by `to_play`."""
        marks = np.zeros((48, self.size * self.size), dtype=np.uint8)
        self._mark_stones(marks, to_play)
        self._mark_moves(marks, to_play)
        self._mark_ladders(marks, to_play)
        return marks.reshape(48, self.size, self.size)

    def _mark_stones(self, marks: np.ndarray, own: int) -> None:
        position = self._position
        marks[3] = 1
        for point, stone in enumerate(self.stones):
            marks[{own: 0, opponent(own): 1, EMPTY: 2}[stone], point] = 1
        for colour in (BLACK, WHITE):
            for chain in position.chains(colour):
                liberties = len(position.touched(chain, EMPTY))
                for point in chain:
                    marks[11 + min(liberties, 8), point] = 1
                    marks[3 + min(self._turns_since(point), 8), point] = 1

    def _turns_since(self, point: int) -> int:
        """1 for the stone of the last move; a stone that was set up is older than any turn counted."""
        # The turn of a captured stone stays; the next stone on that point overwrites it.
        return self.turns - self._turn_played[point] + 1 if point in self._turn_played else 8

    def _mark_moves(self, marks: np.ndarray, own: int) -> None:
        position = self._position
        eyes = true_eyes(position, own)
        for point in range(self.size * self.size):
            move = position.legal_move(own, point)
            if move is None:
                continue
            after, taken = move
            chain = after.chain(point)
            liberties = len(after.touched(chain, EMPTY))
            marks[20 + min(len(taken), 7), point] = 1
            if liberties == 1:
                marks[27 + min(len(chain), 8), point] = 1
            marks[35 + min(liberties, 8), point] = 1
            if point not in eyes:
                marks[46, point] = 1

    def _mark_ladders(self, marks: np.ndarray, own: int) -> None:
        position = self._position
        for chain in position.chains(opponent(own)):
            prey, liberties = min(chain), position.touched(chain, EMPTY)
            if len(liberties) == 2:
                for point in liberties:
                    if hunt_works(position, prey, point):
                        marks[44, point] = 1
        for chain in position.chains(own):
            prey = min(chain)
            if len(position.touched(chain, EMPTY)) == 1:
                for point in ways_out(position, prey):
                    if escape_works(position, prey, point):
                        marks[45, point] = 1
