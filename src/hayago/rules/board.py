"""`Board`: a position one can play on, and the only public face of the kernels.

Methods are named as in python-chess where Go has an equivalent: `play`, `undo`, `is_legal`, `copy`, and `print(board)`.
A move is a vertex ("D4", "pass") or a point (an int, see `hayago.rules.coordinates`). A colour is BLACK or WHITE, or
"black", "white", "B", "W". All methods take both, and refuse what is neither: the kernels trust what they are given.

Moves change the board; `copy()` copies it. `play` is strict. `play_tolerant` is for moves that another program has
already made: an engine that refuses a move its client accepted is out of step for the rest of
the game.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hayago.errors import HayagoError, whole_number
from hayago.jit import kernel
from hayago.rules.coordinates import (
    BLACK,
    COLOUR_NAMES,
    COLUMNS,
    EMPTY,
    MAX_SIZE,
    WHITE,
    opponent,
    point_to_vertex,
    vertex_to_point,
)
from hayago.rules.kernels.frame import CELLS, DIRECTIONS, WIDTH, framed, unframed
from hayago.rules.kernels.plain_rules import mark_true_eyes
from hayago.rules.kernels.position import (
    Log,
    Position,
    clear,
    colour_of,
    is_legal,
    ko_of,
    liberties_of,
    new_log,
    new_position,
    next_of,
    place,
    play,
    set_up,
    undo,
)
from hayago.rules.scoring import area_of

_STONES = ".XO"
_COLOURS = {"B": BLACK, "BLACK": BLACK, "W": WHITE, "WHITE": WHITE}


class IllegalMove(HayagoError, ValueError):
    """The rules forbid this move; the message names the move, the reason and the position."""


@cache
def _cells(size: int) -> NDArray[np.int64]:
    """int64 (size * size,): the cell of each point."""
    row, column = np.divmod(np.arange(size * size), size)
    return (row + 1) * WIDTH + column


@cache
def zobrist() -> NDArray[np.int64]:
    """int64 (3, CELLS): a random word for each colour on each cell, 0 for EMPTY, the same in every run."""
    words = np.random.Generator(np.random.Philox(0x60)).integers(-(2**63), 2**63 - 1, (3, CELLS), np.int64)
    words[EMPTY] = 0
    return words


@kernel
def _hash(position: Position, zobrist: NDArray[np.int64]) -> int:
    """The Zobrist hash of the stones on the board: colour and place of each, nothing else."""
    total = 0
    for cell in range(WIDTH, CELLS - WIDTH):
        colour = colour_of(position, cell)
        if colour in (BLACK, WHITE):
            total ^= zobrist[colour, cell]
    return total


@kernel
def _mark_legal(
    position: Position,
    log: Log,
    cells: NDArray[np.int64],
    colour: int,
    zobrist: NDArray[np.int64],
    past: NDArray[np.int64],
    legal: NDArray[np.bool_],
) -> None:
    """Set legal[point] for every point. `past` holds the hashes that may not recur (none without superko)."""
    for point in range(len(cells)):
        legal[point] = is_legal(position, cells[point], colour)
        if legal[point] and len(past) > 0:
            log.entries = 0
            place(position, log, cells[point], colour)
            after = _hash(position, zobrist)
            undo(position, log, 0)
            for before in past:
                if before == after:
                    legal[point] = False
                    break


class Record(Protocol):
    """What `Board.from_record` needs from a game record; `hayago.records.sgf.GameRecord` is one."""

    @property
    def size(self) -> int:
        """The side of the board."""

    @property
    def setup_black(self) -> tuple[int, ...]:
        """The points of Black's set-up stones."""

    @property
    def setup_white(self) -> tuple[int, ...]:
        """The points of White's set-up stones."""

    @property
    def to_play(self) -> int:
        """Who plays first."""

    @property
    def source(self) -> str:
        """Where the record was read from."""

    def plays(self) -> Iterator[tuple[int, int]]:
        """The (colour, point) of each move, passes included."""


class Board:
    """A Go position with its history.

    Examples:
        >>> board = Board(19)
        >>> board.play("D4")
        >>> board.is_legal("D4")
        False

    Args:
        size: the side, 1 to 19.
        superko: positional superko: no move may bring back the stones of an earlier position. Without it only the
            simple ko is forbidden.

    Attributes:
        size: the side.
        superko: whether positional superko is in force.
        to_play: the colour whose turn it is.
        moves: the (colour, point) played since the set-up, passes among them.
        captures: how many stones each colour has captured.

    Raises:
        ValueError: the size is not 1 to 19.
        TypeError: the size is not a whole number, or superko is neither True nor False.
    """

    def __init__(self, size: int = MAX_SIZE, *, superko: bool = False) -> None:
        self.size = whole_number(size, "board size")
        if not 1 <= self.size <= MAX_SIZE:
            raise ValueError(f"board size is not 1 to {MAX_SIZE}: {size}")
        if not isinstance(superko, bool | np.bool_):
            raise TypeError(f"superko is neither True nor False: {superko!r}")
        self.superko = bool(superko)
        self.position = new_position(self.size)
        self._log = new_log()
        self._setup: tuple[tuple[int, int], ...] = ()
        self._first_to_play = BLACK
        self._begin()

    @classmethod
    def from_record(cls, record: Record, ply: int | None = None, *, superko: bool = False) -> "Board":
        """The position of a game record after its first `ply` moves (None: all of them).

        The side to play is the one that plays the record's next move. Moves that break only the ko or suicide rule are
        played as they stand.

        Raises:
            HayagoError: the record has fewer moves, or a stone that cannot stand on the board.
        """
        plays, where = list(record.plays()), f"{record.source}: " * bool(record.source)
        if ply is not None and not 0 <= ply <= len(plays):
            raise HayagoError(f"{where}the game has {len(plays)} moves, not {ply}")
        board = cls(record.size, superko=superko)
        try:
            board.setup(record.setup_black, record.setup_white, record.to_play)
        except ValueError as error:
            raise HayagoError(f"{where}set-up stones: {error}") from error
        for number, (colour, point) in enumerate(plays[:ply], start=1):
            try:
                board.play_tolerant(point, colour)
            except IllegalMove as error:
                raise IllegalMove(f"{where}move {number}: {error}") from error
        if ply is not None and ply < len(plays):
            board.to_play = plays[ply][0]
        return board

    @classmethod
    def from_sgf(cls, sgf: bytes | str | Path, ply: int | None = None, *, superko: bool = False) -> "Board":
        """The position of an SGF game after its first `ply` moves (None: all of them).

        Args:
            sgf: the path of a file, or the text of a game, which begins with "(;". Of several games the first.

        Raises:
            HayagoError: the file cannot be read, or holds no game; or what `from_record` raises.
            ValueError: the path is empty.
            TypeError: neither bytes nor a path.
        """
        from hayago.records.sgf import read_first  # the front door: see tests/test_imports.py

        if isinstance(sgf, str) and sgf.lstrip().startswith("("):
            sgf = sgf.encode()
        return cls.from_record(read_first(sgf), ply, superko=superko)

    def _begin(self) -> None:
        """Lay out the set-up stones with nothing played."""
        clear(self.position, self.size)
        for colour, point in self._setup:
            set_up(self.position, self._log, self._cell(point), colour)
        self.to_play = self._first_to_play
        self.moves: list[tuple[int, int]] = []
        self.captures = {BLACK: 0, WHITE: 0}
        self._hashes = [self.position_hash]

    # What stands there

    @property
    def pass_point(self) -> int:
        """The point that stands for a pass."""
        return self.size * self.size

    @property
    def ko_point(self) -> int | None:
        """The point where the simple ko forbids to take back now."""
        cell = ko_of(self.position)
        return self._point(cell) if cell else None

    @property
    def last_move(self) -> int | None:
        """The point played last (a pass included), None at the beginning."""
        return self.moves[-1][1] if self.moves else None

    @property
    def position_hash(self) -> int:
        """The Zobrist hash of the stones on the board, the same in every run."""
        return int(_hash(self.position, zobrist()))

    def position_hash_at(self, ply: int) -> int | None:
        """`position_hash` as it was after so many moves; None where fewer were played."""
        return self._hashes[ply] if 0 <= ply < len(self._hashes) else None

    @property
    def setup_stones(self) -> tuple[tuple[int, int], ...]:
        """The (colour, point) of the stones set up before the first move."""
        return self._setup

    @property
    def is_over(self) -> bool:
        """Whether the last two moves were passes."""
        return [point for _, point in self.moves[-2:]] == [self.pass_point] * 2

    def grid(self) -> NDArray[np.int8]:
        """int8 (size, size): EMPTY, BLACK or WHITE, row 0 at the top."""
        stones: NDArray[np.int16] = self.position.cells[_cells(self.size)]
        return stones.astype(np.int8).reshape(self.size, self.size)

    def colour_at(self, point: int | str) -> int:
        """EMPTY, BLACK or WHITE.

        Raises:
            ValueError: not a point of the board.
            TypeError: neither a vertex nor a whole number.
        """
        return colour_of(self.position, self._cell_of(point))

    def chain(self, point: int | str) -> frozenset[int]:
        """The points of the chain that stands there; none where the point is empty. Raises what `colour_at` does."""
        position, start = self.position, self._cell_of(point)
        if colour_of(position, start) == EMPTY:
            return frozenset()
        stones, cell = {self._point(start)}, next_of(position, start)
        while cell != start:
            stones.add(self._point(cell))
            cell = next_of(position, cell)
        return frozenset(stones)

    def liberties(self, point: int | str) -> int:
        """How many liberties the chain there has; 0 where the point is empty. Raises what `colour_at` does."""
        cell = self._cell_of(point)
        return 0 if colour_of(self.position, cell) == EMPTY else liberties_of(self.position, cell)

    def chain_liberties(self, point: int | str) -> frozenset[int]:
        """The points that are liberties of the chain there; none where the point is empty. Raises what `colour_at`
        does."""
        position = self.position
        return frozenset(
            self._point(self._cell(stone) + direction)
            for stone in self.chain(point)
            for direction in DIRECTIONS
            if colour_of(position, self._cell(stone) + direction) == EMPTY
        )

    def true_eyes(self, colour: int | str) -> NDArray[np.bool_]:
        """bool (size * size,): the true eyes of `colour`, as `kernels.plain_rules.mark_true_eyes` defines them.

        Raises:
            ValueError: not a colour.
        """
        eyes = np.empty(CELLS, np.bool_)
        mark_true_eyes(framed(self.grid()), self._colour_of(colour), eyes)
        return unframed(eyes, self.size)

    def enclosed_points(self, colour: int | str | None = None) -> NDArray[np.bool_]:
        """bool (size * size,): the empty points with only stones of `colour` (by default the one to play) around.

        Raises:
            ValueError: not a colour.
        """
        padded = np.full((self.size + 2, self.size + 2), self._colour_of(colour), np.int8)
        padded[1:-1, 1:-1] = grid = self.grid()
        own = padded == padded[0, 0]
        beside = own[:-2, 1:-1] & own[2:, 1:-1] & own[1:-1, :-2] & own[1:-1, 2:]
        return np.ravel(beside & (grid == EMPTY))

    # What may be played

    def is_legal(self, move: int | str, colour: int | str | None = None) -> bool:
        """Whether the rules allow the move to `colour` (by default the one to play); a pass is always legal.

        Raises:
            ValueError: not a vertex, or not a colour.
            TypeError: the move is neither text nor a whole number.
        """
        return not self._objection(self._point_of(move), self._colour_of(colour))

    def legal_points(self, colour: int | str | None = None) -> NDArray[np.bool_]:
        """bool (size * size + 1,): the points where `colour` (by default the one to play) may play, the pass last and
        always True.

        Raises:
            ValueError: not a colour.
        """
        legal = np.ones(self.size * self.size + 1, np.bool_)
        past = np.array(self._hashes if self.superko else [], np.int64)
        colour = self._colour_of(colour)
        _mark_legal(self.position, self._log, _cells(self.size), colour, zobrist(), past, legal[:-1])
        return legal

    def sensible_points(self, colour: int | str | None = None) -> NDArray[np.bool_]:
        """bool (size * size,): legal and not one of `colour`'s own true eyes. Raises what `legal_points` does."""
        colour = self._colour_of(colour)
        return self.legal_points(colour)[:-1] & ~self.true_eyes(colour)

    def _objection(self, point: int, colour: int) -> str:
        """Why the move is illegal, or nothing."""
        if point == self.pass_point:
            return ""
        if not 0 <= point < self.pass_point:
            return "the point is off the board"
        cell = self._cell(point)
        if colour_of(self.position, cell) != EMPTY:
            return "the point is occupied"
        if not is_legal(self.position, cell, colour):
            return "it takes back the ko at once" if self.ko_point == point else "it is suicide"
        if self.superko:
            legal = np.empty(1, np.bool_)
            past = np.array(self._hashes, np.int64)
            _mark_legal(self.position, self._log, np.array([cell]), colour, zobrist(), past, legal)
            if not legal[0]:
                return "it repeats an earlier position (superko)"
        return ""

    # Playing

    def play(self, move: int | str, colour: int | str | None = None) -> None:
        """Play a move; then it is the other colour's turn.

        Args:
            move: a vertex ("D4", "pass") or a point.
            colour: BLACK or WHITE, or "black", "white", "B", "W"; by default the one to play.

        Raises:
            IllegalMove: the rules forbid it; the board is unchanged.
            ValueError: not a vertex, or not a colour.
            TypeError: the move is neither text nor a whole number.
        """
        point, colour = self._point_of(move), self._colour_of(colour)
        objection = self._objection(point, colour)
        if objection:
            raise self._illegal(point, colour, objection)
        self._do(point, colour)

    def play_tolerant(self, move: int | str, colour: int | str) -> None:
        """Play a move that another program has made: a move that breaks ko stands; a suicide removes its own chain.

        Raises:
            IllegalMove: the point is occupied or off the board; the board is unchanged.
            ValueError: not a vertex, or not a colour.
            TypeError: the move is neither text nor a whole number.
        """
        point, colour = self._point_of(move), self._colour_of(colour)
        if point != self.pass_point and (
            not 0 <= point < self.pass_point or colour_of(self.position, self._cell(point)) != EMPTY
        ):
            raise self._illegal(point, colour, self._objection(point, colour))
        self._do(point, colour)

    def undo(self, moves: int = 1) -> None:
        """Take back the last move, whatever it was, or the last few.

        Raises:
            ValueError: fewer were played; the board is unchanged.
            TypeError: not a whole number.
        """
        kept = len(self.moves) - whole_number(moves, "the number of moves")
        if not 0 <= kept <= len(self.moves):
            raise ValueError(f"{len(self.moves)} moves were played, not {moves}" if self.moves else "nothing to undo")
        played = self.moves[:kept]
        self._begin()
        for colour, point in played:  # replaying takes a microsecond per move, and no state can be stale
            self._do(point, colour)

    def setup(
        self, black: Iterable[int | str] = (), white: Iterable[int | str] = (), to_play: int | str = BLACK
    ) -> None:
        """Set up stones on an empty board; they do not count as moves, and `undo` never removes them.

        Raises:
            ValueError: the board is not empty, a point is off the board or named twice, or a chain has no liberty; or
                not a vertex, or not a colour.
            TypeError: a point is neither a vertex nor a whole number.
        """
        if self.moves or self._setup:
            raise ValueError("the board is not empty")
        if to_play is None:  # which elsewhere means the colour to play
            raise ValueError("not a colour: None")
        to_play = self._colour_of(to_play)
        stones = [(BLACK, self._point_of(point)) for point in black]
        stones += [(WHITE, self._point_of(point)) for point in white]
        points = [point for _, point in stones]
        if len(set(points)) < len(points):
            raise ValueError("a point is set up twice")
        if not all(0 <= point < self.pass_point for point in points):
            raise ValueError("a set-up stone is off the board")
        self._setup, self._first_to_play = tuple(stones), to_play
        self._begin()
        if any(self.colour_at(point) != colour for colour, point in stones):
            self._setup, self._first_to_play = (), BLACK
            self._begin()
            raise ValueError("a chain that is set up has no liberty")

    def _do(self, point: int, colour: int) -> None:
        cell = 0 if point == self.pass_point else self._cell(point)
        self.captures[colour] += play(self.position, self._log, cell, colour)
        self.moves.append((colour, point))
        self._hashes.append(self.position_hash)
        self.to_play = opponent(colour)

    # The end

    def area(self) -> NDArray[np.int8]:
        """int8 (size, size): the colour that owns each point by Tromp and Taylor's rules, EMPTY where neither does."""
        return area_of(self.grid())[0]

    def area_score(self, komi: float = 0.0) -> float:
        """Black's area minus White's minus komi, in points; every stone counts as alive."""
        area = self.area()
        return float(np.count_nonzero(area == BLACK) - np.count_nonzero(area == WHITE)) - komi

    # Python's own

    def copy(self) -> "Board":
        """Another board with the same position and history."""
        other = Board(self.size, superko=self.superko)
        other._setup, other._first_to_play = self._setup, self._first_to_play
        other.position = self.position.copy()
        other.to_play = self.to_play
        other.moves = self.moves.copy()
        other.captures = self.captures.copy()
        other._hashes = self._hashes.copy()
        return other

    def __getstate__(self) -> dict[str, Any]:
        """All but the kernels' records, which `__setstate__` rebuilds by playing the moves."""
        return {name: value for name, value in self.__dict__.items() if name not in ("position", "_log")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.position, self._log = new_position(self.size), new_log()
        moves, to_play = self.moves, self.to_play
        self._begin()
        for colour, point in moves:
            self._do(point, colour)
        self.to_play = to_play

    def after(self, ply: int) -> "Board":
        """A copy of the game after its first `ply` moves. Whoever played next is to play.

        Raises:
            ValueError: fewer were played.
        """
        if not 0 <= ply <= len(self.moves):
            raise ValueError(f"{len(self.moves)} moves were played, not {ply}")
        if ply == len(self.moves):
            return self.copy()
        other = Board(self.size, superko=self.superko)
        other._setup, other._first_to_play = self._setup, self._first_to_play
        other._begin()
        for colour, point in self.moves[:ply]:
            other._do(point, colour)
        other.to_play = self.moves[ply][0]
        return other

    def __eq__(self, other: object) -> bool:
        """The same stones, side to move and ko."""
        if not isinstance(other, Board):
            return NotImplemented
        return (
            self.size == other.size
            and self.to_play == other.to_play
            and self.ko_point == other.ko_point
            and bool(np.array_equal(self.grid(), other.grid()))
        )

    __hash__ = None  # type: ignore[assignment]  # a board changes

    def __str__(self) -> str:
        """The board drawn with letters and numbers at its edges; the last move stands in brackets."""
        grid, last = self.grid(), self.last_move
        header = "   " + " ".join(COLUMNS[: self.size])
        lines = [header]
        for row in range(self.size):
            text = f"{self.size - row:2d}"
            for column in range(self.size):
                point = row * self.size + column
                before = "(" if point == last else ")" if column and point - 1 == last else " "
                text += before + _STONES[grid[row, column]]
            text += ")" if last == row * self.size + self.size - 1 else " "
            lines.append(f"{text}{self.size - row:d}")
        return "\n".join([*lines, header])

    def __repr__(self) -> str:
        return f"<Board {self.size}x{self.size}, {len(self.moves)} moves, {COLOUR_NAMES[self.to_play]} to play>"

    def _repr_svg_(self) -> str:
        """The board as a picture, which notebooks show."""
        from hayago.drawing.svg import board_svg  # the front door: see tests/test_imports.py

        return board_svg(self)

    def _point_of(self, move: int | str) -> int:
        """The point of a move, which may be off the board if it is given as a number."""
        return vertex_to_point(move, self.size) if isinstance(move, str) else whole_number(move, "a move")

    def _cell_of(self, point: int | str) -> int:
        """The cell of a point that must be on the board."""
        number = self._point_of(point)
        if not 0 <= number < self.pass_point:
            raise ValueError(f"not a point of a {self.size}x{self.size} board: {point!r}")
        return self._cell(number)

    def _colour_of(self, colour: int | str | None) -> int:
        if colour is None:
            return self.to_play
        if isinstance(colour, str):
            colour, given = _COLOURS.get(colour.upper()), colour
        else:
            colour, given = whole_number(colour, "a colour"), colour
        if colour not in (BLACK, WHITE):
            raise ValueError(f"not a colour: {given!r}")
        return colour

    def _cell(self, point: int) -> int:
        return (point // self.size + 1) * WIDTH + point % self.size

    def _point(self, cell: int) -> int:
        return (cell // WIDTH - 1) * self.size + cell % WIDTH

    def _illegal(self, point: int, colour: int, reason: str) -> IllegalMove:
        vertex = point_to_vertex(point, self.size) if 0 <= point <= self.pass_point else str(point)
        return IllegalMove(f"illegal move {COLOUR_NAMES[colour]} {vertex}: {reason}\n{self}")
