"""The SGF parser: one compiled pass over the bytes of a file, which finds the main line of each game.

`scan` returns numbers and the places of texts; `sgf` makes records of them, `sgf_values` decodes the texts.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.jit import kernel
from hayago.rules.coordinates import MAX_SIZE
from hayago.rules.move_codes import WHITE_BIT

# The root properties that are kept, in the order in which the kernel returns their values.
FIELDS = ("CA", "KM", "HA", "RU", "PB", "PW", "BR", "WR", "DT", "RE", "EV", "PL", "SZ")


def _key(name: str) -> int:
    """A property name of one or two capitals as a number below 1024, as the kernel computes it."""
    key = 0
    for letter in name:
        key = key << 5 | (ord(letter) - 64)
    return key


_FIELD_OF_KEY = np.full(1024, -1, np.int64)
for _field, _name in enumerate(FIELDS):
    _FIELD_OF_KEY[_key(_name)] = _field
_B, _W, _C, _AB, _AW, _AE, _SZ = (_key(name) for name in ("B", "W", "C", "AB", "AW", "AE", "SZ"))
_ORD_OPEN, _ORD_CLOSE, _ORD_NODE, _ORD_VALUE, _ORD_END, _ORD_ESCAPE, _ORD_COLON, _ORD_X = b"();[]\\:x"

# The kernel's verdict on a game, and why a main line ended early.
READ, NO_GAME, BAD_SIZE, OFF_BOARD = range(4)
SETUP_CODES = MAX_SIZE * MAX_SIZE
CUTS = ("", "end of file", "set-up stones")
_CUT_END, _CUT_SETUP = 1, 2


class Scanned(NamedTuple):
    """What `scan` finds of one game.

    Attributes:
        found: READ, or why the game cannot be used: NO_GAME, BAD_SIZE, OFF_BOARD.
        size: the board's side.
        stones, moves: how many codes of set-up stones and of moves were written.
        cut: an index into CUTS.
        offender: where the value is that is off the board.
        header: the length of what was written to `header`.
        plain: whether every byte of it is printable ASCII and no backslash.
        comments: how many comments were written.
        following: where the next game begins, or -1.
    """

    found: int
    size: int
    stones: int
    moves: int
    cut: int
    offender: int
    header: int
    plain: bool
    comments: int
    following: int


@kernel
def _is_space(byte: int) -> bool:
    return byte == 32 or 9 <= byte <= 13


@kernel
def _value_end(data: NDArray[np.uint8], i: int) -> int:
    """The index of the bracket that closes the value whose first byte is i, len(data) if none does."""
    n = len(data)
    while i < n and data[i] != _ORD_END:
        i += 2 if data[i] == _ORD_ESCAPE else 1
    return min(i, n)


@kernel
def _identifier(data: NDArray[np.uint8], i: int) -> tuple[int, int]:
    """The key of the property name at i (0 if it is not one of ours) and the index after it."""
    key = 0
    n = len(data)
    while i < n and 65 <= (data[i] & 0xDF) <= 90:
        if data[i] <= 90:  # FF[3] allows lower-case letters anywhere, without meaning
            key = key << 5 | (int(data[i]) - 64) if key < 32 else 1024
        i += 1
    return (key if key < 1024 else 0), i


@kernel
def _next_game(data: NDArray[np.uint8], start: int) -> int:
    """The index of the next `(;`, spaces allowed between the two, or -1."""
    n = len(data)
    for i in range(start, n):
        if data[i] == _ORD_OPEN:
            j = i + 1
            while j < n and _is_space(data[j]):
                j += 1
            if j < n and data[j] == _ORD_NODE:
                return i
    return -1


@kernel
def _headless_game(data: NDArray[np.uint8]) -> int:
    """Where a file without `(;` may begin: at a leading `;` or `NAME[`; -1 if it has neither."""
    n = len(data)
    has_mark = n >= 3 and data[0] == 0xEF and data[1] == 0xBB and data[2] == 0xBF  # UTF-8's byte order mark
    i = 3 if has_mark else 0
    while i < n and (_is_space(data[i]) or data[i] == _ORD_OPEN):
        i += 1
    j = i
    if j < n and data[j] == _ORD_NODE:
        j += 1
        while j < n and _is_space(data[j]):
            j += 1
    name = j
    while j < n and 65 <= data[j] <= 90:
        j += 1
    return i if j > name and j < n and data[j] == _ORD_VALUE else -1


@kernel
def _number(data: NDArray[np.uint8], i: int, end: int) -> tuple[int, int]:
    """The whole number at i, spaces around it allowed (-1 if there is none), and the index after it."""
    while i < end and _is_space(data[i]):
        i += 1
    number = -1
    while i < end and 48 <= data[i] <= 57:
        number = min(max(number, 0) * 10 + int(data[i]) - 48, 1_000_000)
        i += 1
    while i < end and _is_space(data[i]):
        i += 1
    return int(number), i


@kernel
def _root_size(data: NDArray[np.uint8], i: int) -> int:
    """The board's side as SZ in the first node says: 19 without SZ, 0 if it is not a square board of 1 to 19."""
    n = len(data)
    key = 0
    nodes = 0
    while i < n:
        byte = data[i]
        if byte == _ORD_VALUE:
            end = _value_end(data, i + 1)
            if key == _SZ:
                size, j = _number(data, i + 1, end)
                if j < end and (data[j] == _ORD_COLON or data[j] | 0x20 == _ORD_X):
                    other, j = _number(data, j + 1, end)
                    if other != size:
                        return 0
                return size if 1 <= size <= MAX_SIZE and j == end else 0
            i = end + 1
        elif 65 <= (byte & 0xDF) <= 90:
            key, i = _identifier(data, i)
        else:
            if byte == _ORD_NODE:
                nodes += 1
                if nodes == 2:
                    break
            elif byte == _ORD_CLOSE or (byte == _ORD_OPEN and nodes == 1):
                break
            i += 1
    return 19


@kernel
def _point(data: NDArray[np.uint8], i: int, end: int, size: int) -> int:
    """The point that data[i:end] names, size * size for a pass (nothing, or tt), -1 if it is not a point."""
    while i < end and _is_space(data[i]):
        i += 1
    while end > i and _is_space(data[end - 1]):
        end -= 1
    if end == i:
        return size * size
    if end - i != 2:
        return -1
    column, row = np.int64(data[i]) - 97, np.int64(data[i + 1]) - 97
    if 0 <= column < size and 0 <= row < size:
        return int(row * size + column)
    return size * size if column == 19 and row == 19 else -1


@kernel
def _set_up(data: NDArray[np.uint8], i: int, end: int, size: int, stamp: int, stamps: NDArray[np.int64]) -> bool:
    """Set up the point or the rectangle `aa:cc` that data[i:end] names; False if it is off the board."""
    colon = i
    while colon < end and data[colon] != _ORD_COLON:
        colon += 1
    first = _point(data, i, colon, size)
    last = _point(data, colon + 1, end, size) if colon < end else first
    if first < 0 or last < 0 or first == size * size or last == size * size:
        return False
    for row in range(min(first // size, last // size), max(first // size, last // size) + 1):
        for column in range(min(first % size, last % size), max(first % size, last % size) + 1):
            # Within a node empty beats white beats black, whatever their order, as in sgfmill.
            stamps[row * size + column] = max(stamps[row * size + column], stamp)
    return True


@kernel
def _collect(data: NDArray[np.uint8], spans: NDArray[np.int64], header: NDArray[np.uint8]) -> tuple[int, bool]:
    """Copy the values of all fields into `header`, a zero byte between two of them.

    Returns the length, and whether every byte is printable ASCII other than a backslash.
    """
    plain = True
    length = 0
    for field in range(len(spans)):
        for i in range(spans[field, 0], spans[field, 1]):
            byte = data[i]
            plain = plain and 32 <= byte < 127 and byte != _ORD_ESCAPE
            header[length] = byte if byte != 0 else 32
            length += 1
        header[length] = 0
        length += 1
    return length - 1, plain


@kernel
def scan(
    data: NDArray[np.uint8],
    start: int,
    codes: NDArray[np.uint16],
    header: NDArray[np.uint8],
    comments: NDArray[np.int64],
) -> Scanned:
    """Read the first game at or after `start`.

    Args:
        data: the file's bytes.
        codes: filled with the codes of the set-up stones and, from index SETUP_CODES on, of the moves.
        header: filled with the values of the root properties FIELDS, as `_collect` does.
        comments: int64 (C, 3); filled with each comment's move, -1 for the root, and the begin and end of its text.
            Comments that do not fit are left out.
    """
    n = len(data)
    i = _next_game(data, start)
    if i < 0 and start == 0:
        i = _headless_game(data)
    if i < 0:
        return Scanned(NO_GAME, 0, 0, 0, 0, 0, 0, True, 0, -1)
    spans = np.zeros((len(FIELDS), 2), np.int64)
    size = _root_size(data, i)
    found = READ if size > 0 else BAD_SIZE
    stamps = np.zeros(size * size, np.int64)
    played = 0
    cut = 0
    offender = 0
    depth = 0
    node = -1
    key = 0
    main = True  # still on the main line
    black = white = -1  # where the values of B and W in this node begin
    comment = comment_end = -1  # where its first C is
    noted = 0
    stones_here = False  # set-up stones in this node, after the first move
    while True:
        byte = np.int64(data[i]) if i < n else _ORD_CLOSE
        if byte == _ORD_VALUE:
            end = _value_end(data, i + 1)
            if main and key != 0 and end < n:
                field = _FIELD_OF_KEY[key]
                if key == _B:
                    black = i + 1 if black < 0 else black
                elif key == _W:
                    white = i + 1 if white < 0 else white
                elif key == _C:
                    if comment < 0:
                        comment, comment_end = i + 1, end
                elif key in (_AB, _AW, _AE):
                    if end > i + 1 and played > 0:
                        stones_here = True
                    elif end > i + 1 and found == READ:
                        stamp = (node + 1) * 4 + (1 if key == _AB else 2 if key == _AW else 3)
                        if not _set_up(data, i + 1, end, size, stamp, stamps):
                            found, offender = OFF_BOARD, i + 1
                elif field >= 0 and node <= 0 and spans[field, 0] == 0:
                    spans[field, 0] = i + 1
                    spans[field, 1] = end
            i = end + 1
            continue
        if 65 <= (byte & 0xDF) <= 90:
            key, i = _identifier(data, i)
            continue
        if byte in (_ORD_NODE, _ORD_OPEN, _ORD_CLOSE):
            if main and stones_here:
                main = False
                cut = _CUT_SETUP
            elif main and (black >= 0 or white >= 0) and found == READ:
                at = black if black >= 0 else white
                point = _point(data, at, _value_end(data, at), size)
                if point < 0:
                    found, offender = OFF_BOARD, at
                else:
                    codes[SETUP_CODES + played] = point if black >= 0 else point | WHITE_BIT
                    played += 1
            if main and found == READ and comment_end > comment and noted < len(comments):
                comments[noted, 0], comments[noted, 1], comments[noted, 2] = played - 1, comment, comment_end
                noted += 1
            black = white = comment = comment_end = -1
            key = 0
            if byte == _ORD_NODE:
                node += 1
                if main and found == READ:
                    code, behind = _plain_move(data, i + 1, size)
                    if behind > 0:
                        codes[SETUP_CODES + played] = code
                        played += 1
                        i = behind
                        continue
            elif byte == _ORD_OPEN:
                depth += 1
            else:
                if main and i >= n:
                    cut = _CUT_END
                main = False
                depth -= 1
                if depth <= 0 or i >= n:
                    break
        i += 1
    stones = 0
    for point in range(size * size):
        rank = stamps[point] & 3
        if rank == 1 or rank == 2:
            codes[stones] = point if rank == 1 else point | WHITE_BIT
            stones += 1
    length, plain = _collect(data, spans, header)
    following = _next_game(data, min(i + 1, n))
    return Scanned(found, size, stones, played, cut, offender, length, plain, noted, following)


@kernel
def _plain_move(data: NDArray[np.uint8], i: int, size: int) -> tuple[int, int]:
    """A short cut for nodes that are only `B[dd]` or `W[dd]` and are followed by another node: the code and the
    other node's index. (0, 0) for any other node."""
    behind = i + 5
    if behind >= len(data) or data[i + 1] != _ORD_VALUE or data[i + 4] != _ORD_END:
        return 0, 0
    column, row = np.int64(data[i + 2]) - 97, np.int64(data[i + 3]) - 97
    if not (0 <= column < size and 0 <= row < size and (data[i] == 66 or data[i] == 87)):
        return 0, 0
    while behind < len(data) and _is_space(data[behind]):
        behind += 1
    if behind == len(data) or data[behind] != _ORD_NODE:
        return 0, 0
    return int(row * size + column + (WHITE_BIT if data[i] == 87 else 0)), behind
