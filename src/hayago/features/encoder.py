"""The compiled encoder: positions to bit-packed rows. What the planes mean stands in `hayago.features.planes`.

How to read it. `write_row` writes one position: first what is known of each stone, then what follows from playing at
each empty point, then ladders and sensible points. `encode_positions` replays games and calls it at the plies
asked for. A symmetry costs nothing: it only decides to which point of the row a cell is written.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from hayago.records.games import Games
from hayago.rules.coords import EMPTY
from hayago.rules.jit import kernel, lowest_bit
from hayago.rules.kernels import (
    BORDER,
    CELLS,
    COLOUR,
    DIRECTIONS,
    HEAD,
    HUNTER_MOVES,
    KO,
    LIBERTIES,
    NEVER,
    NEXT,
    SETS,
    SIZE,
    STONES,
    TURN,
    TURNS,
    WIDTH,
    WORDS,
    Position,
    cell_of,
    is_legal,
    look_ahead,
    mark_true_eyes,
    new_position,
    only_liberty,
    play_code,
    set_up_codes,
)
from hayago.rules.ladders import saves, second_liberty, works
from hayago.rules.symmetry import SYMMETRIES, point_maps

# The first plane of each feature, in the order of hayago.features.planes.FEATURES (a test compares them).
_OWN, _OPPONENT, _EMPTY, _ONES = 0, 1, 2, 3
_TURNS_SINCE, _LIBERTIES, _CAPTURE_SIZE, _SELF_ATARI, _LIBERTIES_AFTER = 4, 12, 20, 28, 36
_LADDER_CAPTURE, _LADDER_ESCAPE, _SENSIBLENESS = 44, 45, 46


@cache
def cell_maps(size: int) -> NDArray[np.int64]:
    """int64 (8, CELLS): the point to which each symmetry takes each cell of the board."""
    row, column = np.divmod(np.arange(size * size), size)
    maps = np.zeros((SYMMETRIES, CELLS), np.int64)
    maps[:, (row + 1) * WIDTH + column] = point_maps(size)[:, :-1]
    return maps


@kernel
def _mark(row: NDArray[np.uint8], bit: int) -> None:
    row[bit >> 3] |= np.uint8(1 << (bit & 7))


@kernel
def _shifted(cells: NDArray[np.int64], w: int, by: int) -> int:
    """Word w of the set of cells, (WORDS,), with every cell moved by `by`, -63 to 63 and not 0."""
    if by > 0:
        carried = (cells[w - 1] >> (64 - by)) & ((np.int64(1) << by) - 1) if w > 0 else np.int64(0)
        return int((cells[w] << by) | carried)
    kept = (cells[w] >> -by) & ((np.int64(1) << (64 + by)) - 1)
    return int(kept | (cells[w + 1] << (64 + by) if w < WORDS - 1 else np.int64(0)))


@kernel
def _beside(cells: NDArray[np.int64], w: int) -> int:
    """Word w of the set of all cells that have a neighbour in the set."""
    return _shifted(cells, w, -WIDTH) | _shifted(cells, w, -1) | _shifted(cells, w, 1) | _shifted(cells, w, WIDTH)


@kernel
def _mark_liberties_after(
    cells: NDArray[np.int64],
    fresh: NDArray[np.int64],
    liberties: int,
    stones: int,
    eyes: NDArray[np.uint8],
    where: NDArray[np.int64],
    area: int,
    row: NDArray[np.uint8],
) -> None:
    """Mark what follows from playing at each of `cells`, none of which captures anything.

    All of them join the same chain of `stones` stones, or none (0 stones). Each gets that chain's other `liberties`
    and one for each neighbour in the set `fresh`; these are counted for 64 cells at once.
    """
    for w in range(WORDS):
        if cells[w] == 0:
            continue
        up, left = _shifted(fresh, w, -WIDTH), _shifted(fresh, w, -1)
        right, down = _shifted(fresh, w, 1), _shifted(fresh, w, WIDTH)
        # The sum of four bits for each cell: ones + 2 * twos + 4 * fours.
        ones = up ^ left ^ right ^ down
        twos = (up & left) ^ (right & down) ^ ((up ^ left) & (right ^ down))
        fours = up & left & right & down
        for added in range(5):
            word = cells[w]
            word &= ones if added & 1 else ~ones
            word &= twos if added & 2 else ~twos
            word &= fours if added & 4 else ~fours
            after = liberties + added
            if after == 0:  # suicide
                continue
            while word != 0:
                cell = WIDTH + 64 * w + lowest_bit(word)
                word &= word - 1
                to = where[cell]
                _mark(row, _CAPTURE_SIZE * area + to)
                if after == 1:
                    _mark(row, (_SELF_ATARI + min(stones + 1, 8) - 1) * area + to)
                _mark(row, (_LIBERTIES_AFTER + min(after, 8) - 1) * area + to)
                if eyes[cell] == 0:
                    _mark(row, _SENSIBLENESS * area + to)


@kernel
def _mark_look_ahead(
    position: Position, colour: int, where: NDArray[np.int64], area: int, row: NDArray[np.uint8]
) -> None:
    """The planes of what follows from playing at each empty cell: captures, self-atari, liberties, sensibleness.

    Nine cells of ten capture nothing and join no chain or a single one. They are taken together, set by set; only the
    rest is looked at one by one.
    """
    empty, atari = np.zeros(WORDS, np.int64), np.zeros(WORDS, np.int64)
    heads, chains = np.empty(CELLS, np.int64), 0
    eyes = np.zeros(CELLS, np.uint8)
    mark_true_eyes(position, colour, eyes)
    for cell in range(WIDTH, CELLS - WIDTH):
        there = position[COLOUR + cell]
        bit = np.int64(1) << np.int64((cell - WIDTH) & 63)
        if there == EMPTY:
            empty[(cell - WIDTH) >> 6] |= bit
        elif there == colour:
            if position[HEAD + cell] == cell:
                heads[chains] = cell
                chains += 1
        elif there != BORDER and position[LIBERTIES + position[HEAD + cell]] == 1:
            atari[(cell - WIDTH) >> 6] |= bit

    beside_one, beside_more = np.zeros(WORDS, np.int64), np.zeros(WORDS, np.int64)  # own chains
    for n in range(chains):
        for w in range(WORDS):
            liberties = position[SETS + heads[n] * WORDS + w]
            beside_more[w] |= beside_one[w] & liberties
            beside_one[w] |= liberties
    cells, fresh = np.empty(WORDS, np.int64), np.empty(WORDS, np.int64)
    single, rest = np.empty(WORDS, np.int64), np.empty(WORDS, np.int64)
    for w in range(WORDS):
        quiet = empty[w] & ~_beside(atari, w)
        cells[w] = quiet & ~beside_one[w]
        single[w] = quiet & beside_one[w] & ~beside_more[w]
        rest[w] = empty[w] & ~cells[w] & ~single[w]
    if position[KO] != 0:
        single[(position[KO] - WIDTH) >> 6] &= ~(np.int64(1) << np.int64((position[KO] - WIDTH) & 63))
    _mark_liberties_after(cells, empty, 0, 0, eyes, where, area, row)
    for n in range(chains):
        some = False
        for w in range(WORDS):
            liberties = position[SETS + heads[n] * WORDS + w]
            cells[w] = liberties & single[w]
            fresh[w] = empty[w] & ~liberties
            some = some or cells[w] != 0
        if some:
            others = position[LIBERTIES + heads[n]] - 1  # the cell itself was one
            _mark_liberties_after(cells, fresh, others, position[STONES + heads[n]], eyes, where, area, row)

    for w in range(WORDS):
        word = rest[w]
        while word != 0:
            cell = WIDTH + 64 * w + lowest_bit(word)
            word &= word - 1
            captured, stones, after = look_ahead(position, cell, colour)
            if after == 0 or cell == position[KO]:
                continue
            to = where[cell]
            _mark(row, (_CAPTURE_SIZE + min(captured, 7)) * area + to)
            if after == 1:
                _mark(row, (_SELF_ATARI + min(stones, 8) - 1) * area + to)
            _mark(row, (_LIBERTIES_AFTER + min(after, 8) - 1) * area + to)
            if eyes[cell] == 0:
                _mark(row, _SENSIBLENESS * area + to)


@kernel
def _mark_ladders(position: Position, colour: int, where: NDArray[np.int64], area: int, row: NDArray[np.uint8]) -> None:
    """The two ladder planes, one chain after the other. Keeps: the reading undoes all that it plays."""
    for head in range(WIDTH, CELLS - WIDTH):
        there = position[COLOUR + head]
        if there in (EMPTY, BORDER) or position[HEAD + head] != head:
            continue
        if there != colour and position[LIBERTIES + head] == 2:
            for n in range(2):
                cell = only_liberty(position, head) if n == 0 else second_liberty(position, head)
                if works(position, head, cell, int(HUNTER_MOVES)):
                    _mark(row, _LADDER_CAPTURE * area + where[cell])
        elif there == colour and position[LIBERTIES + head] == 1:
            cell = only_liberty(position, head)
            if is_legal(position, cell, colour) and saves(position, head, cell):
                _mark(row, _LADDER_ESCAPE * area + where[cell])
            stone = head
            while True:
                for direction in DIRECTIONS:
                    neighbour = stone + direction
                    if position[COLOUR + neighbour] != 3 - colour:
                        continue
                    hunter = position[HEAD + neighbour]
                    if position[LIBERTIES + hunter] != 1:
                        continue
                    cell = only_liberty(position, hunter)
                    bit = _LADDER_ESCAPE * area + where[cell]
                    known = row[bit >> 3] >> (bit & 7) & 1
                    if not known and is_legal(position, cell, colour) and saves(position, head, cell):
                        _mark(row, bit)
                stone = position[NEXT + stone]
                if stone == head:
                    break


@kernel
def write_row(
    position: Position,
    colour: int,
    where: NDArray[np.int64],
    planes: int,
    ladders: bool,
    row: NDArray[np.uint8],
) -> None:
    """Write the position with `colour` to move into `row`, uint8 (row_bytes,), which must be all zeros.

    `where` (CELLS,) gives the point to which each cell is written (a row of `cell_maps`); `ladders` False leaves out
    the two ladder planes, which is for measuring. Keeps: the position is as before.
    """
    size = position[SIZE]
    area = size * size
    for line in range(WIDTH, WIDTH + size * WIDTH, WIDTH):
        for cell in range(line, line + size):
            to = where[cell]
            there = position[COLOUR + cell]
            _mark(row, _ONES * area + to)
            if there == EMPTY:
                _mark(row, _EMPTY * area + to)
                continue
            _mark(row, (_OWN if there == colour else _OPPONENT) * area + to)
            if planes > _TURNS_SINCE:
                turn = position[TURN + cell]
                age = min(position[TURNS] - turn, 8) if turn != NEVER else 8
                _mark(row, (_TURNS_SINCE + age - 1) * area + to)
            if planes > _LIBERTIES:
                liberties = min(position[LIBERTIES + position[HEAD + cell]], 8)
                _mark(row, (_LIBERTIES + liberties - 1) * area + to)
    if planes > _CAPTURE_SIZE:
        _mark_look_ahead(position, colour, where, area, row)
        if ladders:
            _mark_ladders(position, colour, where, area, row)


@kernel
def _encode(
    position: Position,
    games: Games,
    maps: NDArray[np.int64],
    game: NDArray[np.int64],
    ply: NDArray[np.int64],
    symmetry: NDArray[np.uint8],
    planes: int,
    ladders: bool,
    rows: NDArray[np.uint8],
    labels: NDArray[np.uint16],
) -> None:
    """Row after row; a game is replayed from where the last row left it as long as the plies rise."""
    now_game, now_ply = -1, 0
    for k in range(len(game)):
        g, target = game[k], ply[k]
        if g != now_game or target < now_ply:
            set_up_codes(position, games.size, games.setup[games.setup_offsets[g] : games.setup_offsets[g + 1]])
            now_game, now_ply = g, 0
        start = games.offsets[g]
        while now_ply < target:
            play_code(position, int(games.codes[start + now_ply]))
            now_ply += 1
        code = int(games.codes[start + target])
        where = maps[symmetry[k]]
        rows[k, :] = 0
        write_row(position, 2 if code & 0x8000 else 1, where, planes, ladders, rows[k])
        point = code & 0x1FF
        labels[k] = point if point == games.size * games.size else where[cell_of(point, games.size)]


def encode_positions(
    games: Games,
    game: NDArray[np.int64],
    ply: NDArray[np.int64],
    symmetry: NDArray[np.uint8],
    planes: int = 48,
    *,
    ladders: bool = True,
) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Encode K positions of recorded games.

    Row k is the position of game game[k] before its move number ply[k] (from 0), seen under symmetry[k], with the
    colour of that move to play; label k is that move's point under the same symmetry. Consecutive rows of one game with
    rising plies share one replay. The kernel holds no interpreter lock: threads may encode at once.

    Args:
        games: the games, every move of which is legal or at least on an empty point.
        game: int64 (K,); ply: int64 (K,); symmetry: uint8 (K,), 0 to 7.
        planes: one of PLANE_SETS.
        ladders: False leaves the two ladder planes empty; for measuring only.

    Returns:
        rows uint8 (K, row_bytes(planes, size)) and labels uint16 (K,), size * size where the move is a pass.
    """
    area = games.size * games.size
    rows = np.empty((len(game), (planes * area + 7) // 8), np.uint8)
    labels = np.empty(len(game), np.uint16)
    maps = cell_maps(games.size)
    _encode(new_position(games.size), games, maps, game, ply, symmetry, planes, ladders, rows, labels)
    return rows, labels


def all_positions(games: Games) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The (game, ply), int64 each, of every move that is no pass: the examples of these games, in order."""
    game = np.repeat(np.arange(len(games.offsets) - 1), np.diff(games.offsets))
    ply = np.arange(len(games.codes)) - games.offsets[game]
    played = (games.codes & 0x1FF) != games.size * games.size
    return game[played], ply[played]
