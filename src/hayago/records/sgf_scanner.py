"""The SGF parser: one compiled pass over the bytes of a file, which finds the main line of each game.

`scan` returns numbers and the places of texts; `sgf` makes records of them, `sgf_values` decodes the texts.

Three things are repaired, each on evidence that no legal file gives:

- *A bracket that text did not escape* (`C[see [1] (left)]`): a closing bracket that closes nothing shows that the one
  before it was text (`_stray`). In a legal file every closing bracket closes a value.
- *A missing bracket* (`C[no end;W[dd]`): a value that ends as a move or a root node begins (`_unclosed`). A legal
  writer who quotes SGF in a comment escapes the brackets, so such a value does not end there.
- *A missing parenthesis*: a tree in a tree that begins as a game (`_begins_game`). The properties of a root node are
  illegal in a variation; those that describe a game are legal there only if no node before has any.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.jit import kernel
from hayago.rules.coordinates import MAX_SIZE
from hayago.rules.move_codes import WHITE_BIT

# The root properties that are kept, in the order in which the kernel returns their values.
FIELDS = ("CA", "KM", "AP", "HA", "RU", "PB", "PW", "BR", "WR", "DT", "RE", "EV", "PL", "GM", "SZ")
_ROOT_NAMES = ("AP", "CA", "FF", "GM", "ST", "SZ")
_GAME_NAMES = ("BR", "BT", "DT", "EV", "GN", "HA", "KM", "OT", "PB", "PC", "PW", "RE", "RO", "RU", "TM", "WR", "WT")


def _key(name: str) -> int:
    """A property name of one or two capitals as a number below 1024, as the kernel computes it."""
    key = 0
    for letter in name:
        key = key << 5 | (ord(letter) - 64)
    return key


_FIELD_OF_KEY = np.full(1024, -1, np.int64)
for _field, _name in enumerate(FIELDS):
    _FIELD_OF_KEY[_key(_name)] = _field
_B, _W, _C, _AB, _AW, _AE = map(_key, ("B", "W", "C", "AB", "AW", "AE"))
_SZ, _GM, _AP, _PL, _TE, _RD = map(_key, ("SZ", "GM", "AP", "PL", "TE", "RD"))
_POINTS = (_B, _W, _AB, _AW, _AE)
_NO_TEXTS = (*_POINTS, *map(_key, ("SZ", "GM", "FF", "KM", "HA", "PL", "CA")))

# What a property says about its node.
_OF_GAME, _OF_ROOT = 1, 2
_KIND_OF_KEY = np.zeros(1024, np.int64)
for _name in _GAME_NAMES:
    _KIND_OF_KEY[_key(_name)] = _OF_GAME
for _name in _ROOT_NAMES:
    _KIND_OF_KEY[_key(_name)] = _OF_ROOT
_LOOK, _LOOK_BYTES = 16, 4096  # how many values and bytes of a node are read to see whether a game begins with it

# Kinds of encodings, by where a byte that looks like a bracket or a backslash is half of a character.
NARROW, DOUBLE, SHIFT_JIS, ISO_2022, HZ = range(5)
_ORD_OPEN, _ORD_CLOSE, _ORD_NODE, _ORD_VALUE, _ORD_END, _ORD_ESCAPE, _ORD_COLON, _ORD_X = b"();[]\\:x"

# The kernel's verdict on a game, and why a main line ended early.
READ, NO_GAME, BAD_SIZE, OFF_BOARD, OTHER_GAME = range(5)
SETUP_CODES = MAX_SIZE * MAX_SIZE
CUTS = ("", "end of file", "set-up stones", "next game")
_CUT_END, _CUT_SETUP, _CUT_GAME = 1, 2, 3


class Scanned(NamedTuple):
    """What `scan` finds of one game.

    Attributes:
        found: READ, or why the game cannot be used: NO_GAME, BAD_SIZE, OFF_BOARD, OTHER_GAME.
        size: the board's side.
        stones, moves: how many codes of set-up stones and of moves were written.
        cut: an index into CUTS.
        offender: where the value is that is off the board.
        header: the length of what was written to `header`.
        plain: whether every byte of it is printable ASCII and no backslash.
        comments: how many comments were written.
        begin: where the game begins.
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
    begin: int
    following: int


@kernel
def _is_space(byte: int) -> bool:
    return byte == 32 or 9 <= byte <= 13


@kernel
def _skip_spaces(data: NDArray[np.uint8], i: int) -> int:
    while i < len(data) and _is_space(data[i]):
        i += 1
    return i


@kernel
def _is_pair(data: NDArray[np.uint8], i: int, charset: int) -> bool:
    """Whether the bytes i and i + 1 are one character of an encoding with two bytes."""
    if i + 1 >= len(data) or data[i + 1] < 0x40:
        return False
    lead = int(data[i])
    if charset == SHIFT_JIS:
        return 0x81 <= lead <= 0x9F or 0xE0 <= lead <= 0xFC
    return charset == DOUBLE and 0x81 <= lead <= 0xFE


@kernel
def _shift(data: NDArray[np.uint8], i: int, charset: int, shifted: bool) -> bool:
    """Whether the byte i is half of a character in an encoding with shifts, which all end with the line."""
    byte = data[i]
    after = data[i + 1] if i + 1 < len(data) else 0
    if byte == 10 or byte == 13:
        return False
    if charset == HZ:
        if byte == 126 and (after == 123 or after == 125):  # ~{ and ~}
            return bool(after == 123)
    elif byte == 27 and after == 36:  # ESC $; with ) it only names the set that SO shifts to
        return shifted if i + 2 < len(data) and data[i + 2] == 41 else True
    elif byte == 14 or byte == 15 or (byte == 27 and after == 40):  # SO, SI, ESC (
        return bool(byte == 14)
    return shifted


@kernel
def _value_end(data: NDArray[np.uint8], i: int, charset: int) -> tuple[int, int]:
    """For the value whose first byte is i: the index of the bracket that closes it, len(data) if none does; and of the
    last opening bracket in it, -1 if it has none."""
    n = len(data)
    opened = -1
    shifted = False
    while i < n:
        byte = data[i]
        if charset != NARROW:
            shifted = charset >= ISO_2022 and _shift(data, i, charset, shifted)
            if shifted or _is_pair(data, i, charset):
                i += 1 if shifted else 2
                continue
        if byte == _ORD_END:
            return i, opened
        if byte == _ORD_VALUE:
            opened = i
        i += 2 if byte == _ORD_ESCAPE else 1
    return n, opened


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
def _is_property(data: NDArray[np.uint8], i: int) -> bool:
    """Whether `NAME[` is at i, spaces allowed before the bracket."""
    if i >= len(data) or not 65 <= data[i] <= 90:
        return False
    i = _skip_spaces(data, _identifier(data, i)[1])
    return i < len(data) and data[i] == _ORD_VALUE


@kernel
def _is_tree(data: NDArray[np.uint8], i: int) -> bool:
    """Whether a tree opens with the parenthesis at i: with a node after it, or, as some archives have it, with the
    node's first property."""
    i = _skip_spaces(data, i + 1)
    return i < len(data) and (data[i] == _ORD_NODE or _is_property(data, i))


@kernel
def _behind_ends(data: NDArray[np.uint8], i: int) -> int:
    """The index after the closing parentheses and spaces at i."""
    while i < len(data) and (data[i] == _ORD_CLOSE or _is_space(data[i])):
        i += 1
    return i


@kernel
def _is_token(data: NDArray[np.uint8], i: int) -> bool:
    """Whether SGF can continue at i after a value: another value, a property, a node, parentheses, the end."""
    i = _skip_spaces(data, i)
    if i < len(data) and data[i] == _ORD_NODE:
        i = _skip_spaces(data, i + 1)
    if i >= len(data) or data[i] == _ORD_VALUE or data[i] == _ORD_NODE:
        return True
    if data[i] == _ORD_CLOSE:
        i = _behind_ends(data, i)
        return i >= len(data) or data[i] == _ORD_OPEN or data[i] == _ORD_NODE
    return _is_tree(data, i) if data[i] == _ORD_OPEN else _is_property(data, i)


@kernel
def _stray(data: NDArray[np.uint8], i: int, charset: int) -> tuple[int, int]:
    """The next closing bracket before the end of the node that closes nothing, -1 if there is none; and the index up to
    which there is none.

    A semicolon or a parenthesis may belong to a text. It ends the node only if SGF follows it. After a property whose
    own value has brackets in it, a bracket that closes nothing belongs to that one.
    """
    n = len(data)
    nested = 0  # opening brackets in values that no property names
    named = False
    while i < n:
        byte = data[i]
        if byte == _ORD_END:
            if nested == 0:
                return i, i
            nested -= 1
            i += 1
        elif byte == _ORD_VALUE:
            end, opened = _value_end(data, i + 1, charset)
            if opened >= 0 and named:
                return -1, i
            nested += opened >= 0
            i = end + 1
        elif byte == _ORD_CLOSE:
            here = i
            i = _behind_ends(data, i)
            if i >= n or (data[i] == _ORD_OPEN and _is_tree(data, i)):
                return -1, here
        elif byte == _ORD_NODE or byte == _ORD_OPEN:  # noqa: SIM109 - twice as fast
            j = _skip_spaces(data, i + 1)
            if byte == _ORD_OPEN and j < n and data[j] == _ORD_NODE:
                j = _skip_spaces(data, j + 1)
            if _is_property(data, j):
                j = _skip_spaces(data, _identifier(data, j)[1])
                end = _value_end(data, j + 1, charset)[0]
                if _is_token(data, end + 1):
                    return -1, i
                i = j  # the value is read again, as text
            else:
                i += 1
        elif byte == _ORD_ESCAPE or _is_pair(data, i, charset):
            i += 2
        else:
            named = 65 <= (byte & 0xDF) <= 90 or (named and _is_space(byte))
            i += 1
            continue
        named = False
    return -1, n


@kernel
def _node_kind(data: NDArray[np.uint8], i: int, charset: int) -> tuple[int, int]:
    """What the first properties of the node at i say: bits of _OF_GAME and _OF_ROOT; and how many say so."""
    data = data[: min(len(data), i + _LOOK_BYTES)]
    n = len(data)
    i = _skip_spaces(data, i)
    i = _skip_spaces(data, i + 1) if i < n and data[i] == _ORD_NODE else i
    kinds, count, values = 0, 0, 0
    while i < n and values < _LOOK:
        if 65 <= (data[i] & 0xDF) <= 90:
            key, i = _identifier(data, i)
            i = _skip_spaces(data, i)
            if i < n and data[i] == _ORD_VALUE and _KIND_OF_KEY[key] > 0:
                kinds |= _KIND_OF_KEY[key]
                count += 1
        elif data[i] == _ORD_VALUE:
            values += 1
            i = _skip_spaces(data, _value_end(data, i + 1, charset)[0] + 1)
        else:
            break
    return kinds, count


@kernel
def _begins_game(data: NDArray[np.uint8], i: int, charset: int, described: bool) -> bool:
    """Whether the tree at the parenthesis i, in a game of which a node is described, is a game of its own."""
    if not _is_tree(data, i):
        return False
    kinds, _ = _node_kind(data, i + 1, charset)
    return (kinds & _OF_ROOT) != 0 or (described and (kinds & _OF_GAME) != 0)


@kernel
def _unclosed(data: NDArray[np.uint8], begin: int, end: int, opened: int, rooted: bool, charset: int) -> int:
    """Where the value data[begin:end] should have been closed: before a node or a tree whose first value, from
    `opened` on, its bracket closes. -1 if it is rightly closed.

    A node counts if it is a move and SGF follows. A tree counts if it begins as a game, at the beginning of a line. In
    a node after the root it may also come after a parenthesis, or have three properties of a root node: such properties
    are illegal there, while in the root they may be the rest of it.
    """
    for i in range(opened, end):
        if data[i] == _ORD_ESCAPE:
            return -1
    i = opened - 1
    while i >= begin and _is_space(data[i]):
        i -= 1
    last = i
    while i >= begin and 65 <= (data[i] & 0xDF) <= 90:
        i -= 1
    if i == last or i < begin:
        return -1
    key, _ = _identifier(data, i + 1)
    while i >= begin and _is_space(data[i]):
        i -= 1
    place = -1
    if i >= begin and data[i] == _ORD_NODE:
        place = i
        i -= 1
        while i >= begin and _is_space(data[i]):
            i -= 1
    if i >= begin and data[i] == _ORD_OPEN:
        place = i
        kinds, count = _node_kind(data, i + 1, charset)
        i -= 1
        while i >= begin and (data[i] == 32 or data[i] == 9):
            i -= 1
        alone = i >= begin and (data[i] in (10, 13) or (data[i] == _ORD_CLOSE and not rooted))
        if (kinds & _OF_ROOT) != 0 and (alone or (count >= 3 and not rooted)):
            return place
        if kinds != 0 and count >= 2 and alone:
            return place
    if place < 0 or key not in (_B, _W) or _point(data, opened + 1, end, MAX_SIZE) < 0:
        return -1
    return (
        place if _is_token(data, end + 1) and not (rooted and _is_property(data, _skip_spaces(data, end + 1))) else -1
    )


@kernel
def _is_last(data: NDArray[np.uint8], i: int, charset: int) -> bool:
    """Whether no more of the same game follows: a bracket before it may be junk after the game's end."""
    i = _skip_spaces(data, i)
    return i >= len(data) or (data[i] == _ORD_OPEN and _begins_game(data, i, charset, False))


@kernel
def _close(
    data: NDArray[np.uint8], begin: int, key: int, rooted: bool, clear: int, charset: int
) -> tuple[int, int, int]:
    """Where the value ends whose first byte is `begin`, where to continue, and how far no bracket is astray.

    Args:
        rooted: whether it is in the root node.
        clear: up to where the last is known.
    """
    end, opened = _value_end(data, begin, charset)
    if opened >= 0 and end < len(data):
        place = _unclosed(data, begin, end, opened, rooted, charset)
        if place >= 0:
            return place, place, clear
    doubtful = key not in _NO_TEXTS and (opened >= 0 or not _is_token(data, end + 1))
    while doubtful and clear <= end < len(data):
        stray, clear = _stray(data, end + 1, charset)
        if stray >= 0 and _is_last(data, stray + 1, charset):
            break
        end = stray if stray >= 0 else end
        doubtful = stray >= 0 and not _is_token(data, end + 1)
    return end, end + 1, clear


@kernel
def _next_game(data: NDArray[np.uint8], start: int) -> int:
    """The index of the next parenthesis that opens a tree, or -1.

    Where the semicolon or the parenthesis is missing, the first node must begin with a property of a game; some
    archives' own, TE and RD, count too.
    """
    for i in range(start, len(data)):
        if (data[i] == _ORD_OPEN and _is_tree(data, i)) or data[i] == _ORD_NODE:
            j = _skip_spaces(data, i + 1)
            if data[i] == _ORD_OPEN and data[j] == _ORD_NODE:
                return i
            key, _ = _identifier(data, j)
            if _is_property(data, j) and (_KIND_OF_KEY[key] > 0 or key in (_TE, _RD)):
                return i
    return -1


@kernel
def _headless_game(data: NDArray[np.uint8], any_node: bool) -> int:
    """Where a game without its parenthesis begins a file: at a leading node or `NAME[`; -1 if there is none.

    Args:
        any_node: whether it need not have a property of a root node.
    """
    has_mark = len(data) >= 3 and data[0] == 0xEF and data[1] == 0xBB and data[2] == 0xBF  # UTF-8's byte order mark
    i = _skip_spaces(data, 3 if has_mark else 0)
    j = _skip_spaces(data, i + 1) if i < len(data) and data[i] == _ORD_NODE else i
    return i if _is_property(data, j) and (any_node or _node_kind(data, j, NARROW)[0] != 0) else -1


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
def _board_size(data: NDArray[np.uint8], i: int, end: int) -> int:
    """The board's side as the value data[i:end] of SZ says: 0 if it is not a square board of 1 to 19."""
    size, j = _number(data, i, end)
    if j < end and (data[j] == _ORD_COLON or data[j] | 0x20 == _ORD_X):
        other, j = _number(data, j + 1, end)
        if other != size:
            return 0
    return size if 1 <= size <= MAX_SIZE and j == end else 0


@kernel
def _root(data: NDArray[np.uint8], i: int, charset: int) -> tuple[int, bool, bool]:
    """What the first node says: the board's side (19 without SZ, 0 if it is not a square board of 1 to 19), whether it
    is another game than Go, whether it has properties that describe a game."""
    n = len(data)
    key = 0
    nodes = 0
    size, sized = 19, False
    other = described = False
    begin = clear = i
    while i < n:
        byte = data[i]
        if byte == _ORD_VALUE:
            end, following, clear = _close(data, i + 1, key, True, clear, charset)
            described = described or _KIND_OF_KEY[key] == _OF_GAME
            if key == _SZ and not sized:
                size, sized = _board_size(data, i + 1, min(end, n)), True
            elif key == _GM:
                game, j = _number(data, i + 1, min(end, n))
                other = game >= 0 and game != 1 and j == end
            i = following
        elif 65 <= (byte & 0xDF) <= 90:
            key, i = _identifier(data, i)
        else:
            if byte == _ORD_NODE:
                nodes += 1
                if nodes == 2:
                    break
            elif byte == _ORD_CLOSE or (byte == _ORD_OPEN and i > begin):
                break
            i += 1
    return size, other, described


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
def _is_wanted(key: int, node: int, played: int) -> bool:
    """Whether the last value of a root property counts: PL may be in any node before the first move, and programs add
    their own AP to another's."""
    return (key == _PL and played == 0) or (key == _AP and node <= 0)


@kernel
def scan(
    data: NDArray[np.uint8],
    start: int,
    codes: NDArray[np.uint16],
    header: NDArray[np.uint8],
    comments: NDArray[np.int64],
    charset: int,
) -> Scanned:
    """Read the first game at or after `start`.

    Args:
        data: the file's bytes.
        charset: the kind of their encoding: NARROW, DOUBLE, SHIFT_JIS, ISO_2022 or HZ.
        codes: filled with the codes of the set-up stones and, from index SETUP_CODES on, of the moves.
        header: filled with the values of the root properties FIELDS, as `_collect` does.
        comments: int64 (C, 3); filled with each comment's move, -1 for the root, and the begin and end of its text.
            Comments that do not fit are left out.
    """
    n = len(data)
    i = _headless_game(data, False) if start == 0 else -1
    i = _next_game(data, start) if i < 0 else i
    if i < 0 and start == 0:
        i = _headless_game(data, True)
    if i < 0:
        return Scanned(NO_GAME, 0, 0, 0, 0, 0, 0, True, 0, start, -1)
    begin = i
    spans = np.zeros((len(FIELDS), 2), np.int64)
    size, other, described = _root(data, i, charset)
    found = OTHER_GAME if other else READ if size > 0 else BAD_SIZE
    stamps = np.zeros(size * size, np.int64)
    played = 0
    cut = 0
    offender = 0
    depth = 0 if data[i] == _ORD_OPEN else 1  # 1 without its parenthesis
    node = -1
    key = 0
    main = True  # still on the main line
    black = white = -1  # where the values of B and W in this node begin
    move_end = -1  # where that of the move, B's if there are both, ends
    comment = comment_end = -1  # where its first C is
    noted = 0
    stones_here = False  # set-up stones in this node, after the first move
    clear = i
    following = -1
    while True:
        byte = np.int64(data[i]) if i < n else _ORD_CLOSE
        if byte == _ORD_VALUE:
            end, after, clear = _close(data, i + 1, key, node <= 0, clear, charset)
            # A value that runs into the next game has lost its own end. Of a move that may be half a point.
            whole = end < n and not (end == after and data[end] == _ORD_OPEN and key in _POINTS)
            if main and key != 0 and whole:
                field = _FIELD_OF_KEY[key]
                if key == _B:
                    if black < 0:
                        black, move_end = i + 1, end
                elif key == _W:
                    if white < 0:
                        white = i + 1
                        move_end = end if black < 0 else move_end
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
                elif field >= 0 and (_is_wanted(key, node, played) or (node <= 0 and spans[field, 0] == 0)):
                    spans[field, 0] = i + 1
                    spans[field, 1] = end
            i = after
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
                point = _point(data, at, move_end, size)
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
                if depth > 0 and _begins_game(data, i, charset, described):
                    cut = cut if cut > 0 else _CUT_GAME
                    following = i
                    break
                depth += 1
            else:
                depth -= 1
                if i >= n:
                    cut = cut if cut > 0 else _CUT_END
                main = False
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
    if following < 0:
        following = _next_game(data, min(i + 1, n))
    return Scanned(found, size, stones, played, cut, offender, length, plain, noted, begin, following)


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
