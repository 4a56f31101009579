"""Playouts: a position played to its end by a quick policy, many times, to see who comes to own what.

A `PlayoutBoard` is one int32 array in the frame of `hayago.rules.kernels.frame`. It holds far less than a `Position`:
no history, no undo, and sums instead of liberty sets, which is an old trick of Go programs. Each side of a stone that
faces an empty cell is a *face*. A chain keeps the number of its faces, the sum of their cells, and the sum of the
squares. No face means no liberty, and all faces lie on one cell exactly when number * squares == sum * sum.

    COLOUR + cell     EMPTY, BLACK, WHITE or BORDER
    HEAD, NEXT        as in a `Position`
    STONES, FACES, SUM, SQUARES + head   the chain's stones and faces
    OPEN + n          the cells where the policy may play, in no order; SLOT + cell is a cell's place there, or -1
    OPENED, KO        how many cells are open; the cell of the simple ko (0 for none)
    TAKEN             the head of the largest chain that the last move took, 0 for none

The playout policy plays any legal open cell, with three exceptions. It never fills an eye of its own. It puts no chain
of its own into atari without capturing, except a single stone, or a shape that leaves a dead one-eyed space when it is
taken. So a seki stays a seki, and a dead group can still be killed. And its heuristics answer the last move: they take
a chain that put itself into atari, save one of their own by a capture or an extension, or play the vital point where a
small chain was taken. Otherwise, every other time, they play any sound cell beside that move. So territories that are
invaded hold, as they do among people. (Always would be better for territories, and worse for races between chains.)
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hayago.jit import heavy_kernel, kernel
from hayago.rules.coordinates import BLACK, EMPTY, WHITE
from hayago.rules.kernels.frame import BORDER, CELLS, DIRECTIONS, WIDTH

COLOUR, HEAD, NEXT, STONES, FACES, SUM, SQUARES, OPEN, SLOT = (1 + section * CELLS for section in range(9))
OPENED, KO, TAKEN, LENGTH = (1 + 9 * CELLS + i for i in range(4))

PlayoutBoard: TypeAlias = NDArray[np.int32]

LONGEST = 3  # times the number of points: a playout ends after so many moves, whatever stands there
LARGEST_NAKADE = 6
AROUND = (-WIDTH - 1, -WIDTH, -WIDTH + 1, -1, 1, WIDTH - 1, WIDTH, WIDTH + 1)


@kernel
def _open(board: PlayoutBoard, cell: int) -> None:
    board[SLOT + cell] = board[OPENED]
    board[OPEN + board[OPENED]] = cell
    board[OPENED] += 1


@kernel
def _close(board: PlayoutBoard, cell: int) -> None:
    slot = board[SLOT + cell]
    if slot < 0:
        return
    board[OPENED] -= 1
    last = board[OPEN + board[OPENED]]
    board[OPEN + slot] = last
    board[SLOT + last] = slot
    board[SLOT + cell] = -1


@kernel
def _take(board: PlayoutBoard, head: int) -> None:
    """Take a chain off."""
    stone = head
    while True:
        board[COLOUR + stone] = EMPTY
        _open(board, stone)
        for direction in DIRECTIONS:
            neighbour = stone + direction
            there = board[COLOUR + neighbour]
            if there in (BLACK, WHITE):
                other = board[HEAD + neighbour]
                board[FACES + other] += 1
                board[SUM + other] += stone
                board[SQUARES + other] += stone * stone
        stone = board[NEXT + stone]
        if stone == head:
            break


@kernel
def _put(board: PlayoutBoard, cell: int, colour: int) -> None:
    """Play a legal move; TAKEN is then the head of the largest chain it took, or 0 (its ring of stones stays)."""
    _close(board, cell)
    board[KO] = 0
    board[TAKEN] = 0
    board[COLOUR + cell] = colour
    board[HEAD + cell] = cell
    board[NEXT + cell] = cell
    board[STONES + cell] = 1
    faces, total, squares = 0, 0, 0
    own, prey = 0, 0
    for direction in DIRECTIONS:
        neighbour = cell + direction
        there = board[COLOUR + neighbour]
        if there == EMPTY:
            faces += 1
            total += neighbour
            squares += neighbour * neighbour
        elif there != BORDER:
            head = board[HEAD + neighbour]
            board[FACES + head] -= 1
            board[SUM + head] -= cell
            board[SQUARES + head] -= cell * cell
            if there == colour:
                own += 1
            elif board[FACES + head] == 0:
                prey += 1
    board[FACES + cell] = faces
    board[SUM + cell] = total
    board[SQUARES + cell] = squares
    if own > 0:
        head = cell
        for direction in DIRECTIONS:
            neighbour = cell + direction
            if board[COLOUR + neighbour] != colour:
                continue
            other = board[HEAD + neighbour]
            if other == head:
                continue
            if board[STONES + other] > board[STONES + head]:
                head, other = other, head
            stone = other
            while True:
                board[HEAD + stone] = head
                stone = board[NEXT + stone]
                if stone == other:
                    break
            board[NEXT + head], board[NEXT + other] = board[NEXT + other], board[NEXT + head]
            board[STONES + head] += board[STONES + other]
            board[FACES + head] += board[FACES + other]
            board[SUM + head] += board[SUM + other]
            board[SQUARES + head] += board[SQUARES + other]
    if prey > 0:
        captured = 0
        for direction in DIRECTIONS:
            neighbour = cell + direction
            if board[COLOUR + neighbour] == 3 - colour:
                head = board[HEAD + neighbour]
                if board[FACES + head] == 0:
                    captured += board[STONES + head]
                    if board[TAKEN] == 0 or board[STONES + head] > board[STONES + board[TAKEN]]:
                        board[TAKEN] = head
                    _take(board, head)
        if captured == 1 and own == 0 and board[FACES + cell] == 1:
            board[KO] = board[TAKEN]


@kernel
def _atari(board: PlayoutBoard, head: int) -> int:
    """The only liberty of the chain, or 0 where it has more."""
    faces, total = np.int64(board[FACES + head]), np.int64(board[SUM + head])
    return int(total // faces) if faces * board[SQUARES + head] == total * total else 0


@kernel
def _is_eye(board: PlayoutBoard, cell: int, colour: int) -> bool:
    """Whether an empty cell with only own stones around it is an eye: one chain all round, or diagonals that hold."""
    head, one = 0, True
    for direction in DIRECTIONS:
        there = board[COLOUR + cell + direction]
        if there == BORDER:
            continue
        if there != colour:
            return False
        other = board[HEAD + cell + direction]
        if head == 0:
            head = other
        elif head != other:
            one = False
    if one:
        return True
    bad, allowed = 0, 1
    for diagonal in (-WIDTH - 1, -WIDTH + 1, WIDTH - 1, WIDTH + 1):
        there = board[COLOUR + cell + diagonal]
        if there == BORDER:
            allowed = 0
        elif there == 3 - colour:
            bad += 1
    return bad <= allowed


@kernel
def _is_nakade(board: PlayoutBoard, cell: int, colour: int) -> bool:
    """Whether the chain that a stone on `cell` makes, once taken, leaves a space where one move prevents two eyes.

    So for all shapes of two and three stones, and of four to six for those with a point that is enough alone: square,
    pyramid, cross, bulky five, rabbity six.
    """
    shape = np.empty(LARGEST_NAKADE, np.int32)
    shape[0] = cell
    size, seen = 1, 0
    while seen < size:
        for direction in DIRECTIONS:
            neighbour = shape[seen] + direction
            if board[COLOUR + neighbour] != colour:
                continue
            known = False
            for n in range(size):
                known |= shape[n] == neighbour
            if not known:
                if size == LARGEST_NAKADE:
                    return False
                shape[size] = neighbour
                size += 1
        seen += 1
    if size <= 3:
        return True
    sides, most = 0, 0
    for i in range(size):
        degree = 0
        for j in range(size):
            apart = abs(shape[i] - shape[j])
            degree += apart == 1 or apart == WIDTH
        sides += degree
        most = max(most, degree)
    sides //= 2
    if size == 4:
        return sides == 4 or most == 3
    if size == 5:
        return sides == 5 or most == 4
    return sides == 6 and most == 4


@kernel
def _is_sound(board: PlayoutBoard, cell: int, colour: int) -> bool:
    """Whether the policy may play an open cell: it is legal, not an eye of its own, and not a foolish self-atari."""
    if cell == board[KO] or board[COLOUR + cell] != EMPTY:
        return False
    liberty = 0  # of the new chain, beside the cell
    own = 0
    for direction in DIRECTIONS:
        neighbour = cell + direction
        there = board[COLOUR + neighbour]
        if there == EMPTY:
            if liberty != 0:
                return True
            liberty = neighbour
        elif there == colour:
            own += 1
        elif there != BORDER and _atari(board, board[HEAD + neighbour]) == cell:
            return True
    if own == 0:
        return liberty != 0  # a single stone may be thrown in
    if liberty == 0 and _is_eye(board, cell, colour):
        return False
    stones = 1
    for direction in DIRECTIONS:
        neighbour = cell + direction
        if board[COLOUR + neighbour] != colour:
            continue
        head = board[HEAD + neighbour]
        # The chain's faces without those on the cell.
        faces, total, squares = (
            np.int64(board[FACES + head]),
            np.int64(board[SUM + head]),
            np.int64(board[SQUARES + head]),
        )
        for other in DIRECTIONS:
            if board[COLOUR + cell + other] == colour and board[HEAD + cell + other] == head:
                faces -= 1
                total -= cell
                squares -= cell * cell
        stones += board[STONES + head]
        if faces == 0:
            continue
        if faces * squares != total * total:
            return True
        other_liberty = int(total // faces)
        if liberty != 0 and liberty != other_liberty:
            return True
        liberty = other_liberty
    if liberty == 0:
        return False  # suicide
    return stones <= 2 * LARGEST_NAKADE and _is_nakade(board, cell, colour)


@kernel
def _rescue(board: PlayoutBoard, head: int, colour: int) -> int:
    """A move that saves one of the mover's chains in atari: a capture beside it, else its extension; 0 for none."""
    stone = head
    while True:
        for direction in DIRECTIONS:
            neighbour = stone + direction
            if board[COLOUR + neighbour] == 3 - colour:
                capture = _atari(board, board[HEAD + neighbour])
                if capture != 0 and board[SLOT + capture] >= 0 and _is_sound(board, capture, colour):
                    return capture
        stone = board[NEXT + stone]
        if stone == head:
            break
    extension = _atari(board, head)
    if extension != 0 and board[SLOT + extension] >= 0 and _is_sound(board, extension, colour):
        return extension
    return 0


@kernel
def _vital_point(board: PlayoutBoard) -> int:
    """Where a chain of three to six stones has just been taken: the point with most neighbours in it; 0 for none."""
    head = board[TAKEN]
    if board[STONES + head] < 3 or board[STONES + head] > LARGEST_NAKADE:
        return 0
    best, most = 0, 1
    stone = head
    while True:
        degree = 0
        for direction in DIRECTIONS:
            degree += board[COLOUR + stone + direction] == EMPTY
        if degree > most:
            best, most = stone, degree
        stone = board[NEXT + stone]
        if stone == head:
            break
    return best if board[COLOUR + best] == EMPTY else 0


@kernel
def _answer(board: PlayoutBoard, last: int, colour: int) -> int:
    """The policy's answer to the opponent's move at `last`; 0 for none."""
    if board[TAKEN] != 0:
        vital = _vital_point(board)
        if vital != 0 and board[SLOT + vital] >= 0 and _is_sound(board, vital, colour):
            return vital
    capture = _atari(board, board[HEAD + last])
    if capture != 0 and board[SLOT + capture] >= 0 and _is_sound(board, capture, colour):
        return capture
    for direction in DIRECTIONS:
        neighbour = last + direction
        if board[COLOUR + neighbour] == colour and _atari(board, board[HEAD + neighbour]) != 0:
            move = _rescue(board, board[HEAD + neighbour], colour)
            if move != 0:
                return move
    return 0


@kernel
def next_random(state: np.uint64) -> np.uint64:
    """The next state of a xorshift generator; its upper bits are the better ones."""
    state ^= state << np.uint64(13)
    state ^= state >> np.uint64(7)
    state ^= state << np.uint64(17)
    return state


@kernel
def play_out(board: PlayoutBoard, colour: int, size: int, heuristics: bool, seed: np.uint64) -> None:
    """Play from `colour`'s turn until neither side has a move."""
    state = seed
    passes, last = 0, 0
    for _ in range(LONGEST * size * size):
        move = 0
        if heuristics and last != 0:
            move = _answer(board, last, colour)
            state = next_random(state)
            if move == 0 and state >> np.uint64(63) == 0:
                start = np.int64((state >> np.uint64(60)) & np.uint64(7))
                for n in range(8):
                    cell = last + AROUND[(start + n) & 7]
                    if board[SLOT + cell] >= 0 and _is_sound(board, cell, colour):
                        move = cell
                        break
        count = board[OPENED]
        if move == 0 and count > 0:
            state = next_random(state)
            start = np.int64(((state >> np.uint64(32)) * np.uint64(count)) >> np.uint64(32))
            for n in range(count):
                slot = start + n if start + n < count else start + n - count
                if _is_sound(board, board[OPEN + slot], colour):
                    move = board[OPEN + slot]
                    break
        if move == 0:
            passes += 1
            board[KO] = 0
            board[TAKEN] = 0
            if passes == 2:
                return
        else:
            _put(board, move, colour)
            passes = 0
        last = move
        colour = 3 - colour


@kernel
def new_playout_board(cells: NDArray[np.uint8], closed: NDArray[np.uint8]) -> PlayoutBoard:
    """A board with the stones of `cells` (CELLS,). Neither side plays on the cells that `closed` marks."""
    board = np.zeros(LENGTH, np.int32)
    board[COLOUR - 1 : COLOUR + CELLS] = BORDER
    board[SLOT : SLOT + CELLS] = -1
    for cell in range(WIDTH, CELLS - WIDTH):
        if cells[cell] != BORDER:
            board[COLOUR + cell] = EMPTY
            _open(board, cell)
    for cell in range(WIDTH, CELLS - WIDTH):
        if cells[cell] == BLACK or cells[cell] == WHITE:
            _put(board, cell, cells[cell])
    for cell in range(WIDTH, CELLS - WIDTH):
        if closed[cell]:
            _close(board, cell)
    return board


@kernel
def _owner(board: PlayoutBoard, cell: int) -> int:
    """Who owns a cell when the playout is over: its stone's colour, or that of all stones beside it; else EMPTY."""
    there = int(board[COLOUR + cell])
    if there != EMPTY:
        return there
    beside = 0
    for direction in DIRECTIONS:
        neighbour = board[COLOUR + cell + direction]
        if neighbour != BORDER:
            beside |= int(neighbour)
    return beside if beside != BLACK | WHITE else EMPTY


@kernel
def _is_in_seki(board: PlayoutBoard, head: int) -> bool:
    """Whether a chain, the playout over, lives without two eyes: fewer than two of its liberties are its owner's alone,
    and some are shared with the opponent."""
    colour = board[COLOUR + head]
    eye, shared = 0, False
    stone = head
    while True:
        for direction in DIRECTIONS:
            liberty = stone + direction
            if board[COLOUR + liberty] == EMPTY:
                if _owner(board, liberty) != colour:
                    shared = True
                elif eye == 0:
                    eye = liberty
                elif eye != liberty:
                    return False
        stone = board[NEXT + stone]
        if stone == head:
            break
    return shared


@heavy_kernel
def play_many(
    cells: NDArray[np.uint8],
    fixed: NDArray[np.uint8],
    size: int,
    first: int,
    heuristics: bool,
    seed: int,
    tally: NDArray[np.int32],
    scores: NDArray[np.float32],
) -> None:
    """Play len(scores) playouts, numbered from `first`: Black begins those of even number, White the others. The same
    numbers and seed play the same.

    Args:
        cells: the stones, (CELLS,).
        fixed: (CELLS,) the owner of cells where neither side plays, EMPTY elsewhere.
        size: the board's side.
        first: the number of the first playout.
        heuristics: whether the policy answers the last move.
        seed: the seed.
        tally: int32 (4, CELLS), counts that are added to: who owned the cell at the end (row EMPTY, BLACK, WHITE),
            and (row 3) how often the stone that stands there now stood there in seki.
        scores: set to Black's area less White's at the end of each playout.
    """
    template = new_playout_board(cells, fixed)
    board = template.copy()
    seki = np.empty(CELLS, np.uint8)
    for n in range(len(scores)):
        board[:] = template
        mixed = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(first + n + 1)
        for _ in range(2):  # neighbouring numbers must not begin alike
            mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
        play_out(board, WHITE if (first + n) & 1 else BLACK, size, heuristics, mixed | np.uint64(1))
        seki[:] = 2  # not looked at
        score = 0
        for cell in range(WIDTH, CELLS - WIDTH):
            there = cells[cell]
            if there == BORDER:
                continue
            owner = fixed[cell] if fixed[cell] != EMPTY else _owner(board, cell)
            tally[owner, cell] += 1
            score += (owner == BLACK) - (owner == WHITE)
            if there != EMPTY and board[COLOUR + cell] == there and fixed[cell] == EMPTY:
                head = board[HEAD + cell]
                if seki[head] == 2:
                    seki[head] = _is_in_seki(board, head)
                tally[3, cell] += seki[head]
        scores[n] = score
