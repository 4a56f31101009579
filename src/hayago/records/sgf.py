"""SGF files to GameRecord: a tolerant and fast reader of the *main line*, over bytes.

The main line is the game as it was played: the first child at every branch. So it is everything before the first
closing parenthesis, and one pass without a stack reads it, however deep the tree is. Where sgfmill accepts a file, this
reader agrees with it. It also accepts what real archives contain:

- a missing opening parenthesis, a missing end (the game ends there), junk between the tokens;
- property names with lower-case letters (FF[3]: `Black[dd]` is `B[dd]`), spaces around coordinates;
- set-up stones in any node before the first move; later ones end the game there (`GameRecord.cut`);
- text in another encoding than CA says, see `_text`;
- both B and W in one node, which SGF forbids: B counts, as with sgfmill.

`read_comments` reads comments separately. sgfmill writes SGF; `write_sgf` hands a record to it.
"""

import codecs
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.errors import HayagoError
from hayago.jit import kernel
from hayago.records.games import POINT_MASK, WHITE_BIT
from hayago.rules.coordinates import BLACK, MAX_SIZE, WHITE

MAX_BYTES = 64 << 20

# The root properties that are kept, in the order in which the kernel returns their values.
_FIELDS = ("CA", "KM", "HA", "RU", "PB", "PW", "BR", "WR", "DT", "RE", "EV", "PL", "SZ")


def _key(name: str) -> int:
    """A property name of one or two capitals as a number below 1024, as the kernel computes it."""
    key = 0
    for letter in name:
        key = key << 5 | (ord(letter) - 64)
    return key


_FIELD_OF_KEY = np.full(1024, -1, np.int64)
for _field, _name in enumerate(_FIELDS):
    _FIELD_OF_KEY[_key(_name)] = _field
_B, _W, _AB, _AW, _AE, _SZ = (_key(name) for name in ("B", "W", "AB", "AW", "AE", "SZ"))
_ORD_OPEN, _ORD_CLOSE, _ORD_NODE, _ORD_VALUE, _ORD_END, _ORD_ESCAPE, _ORD_COLON, _ORD_X = b"();[]\\:x"
_ORD_LAST_CAPITAL = ord("Z")

# The kernel's verdict on a game, and why a main line ended early.
_READ, _NO_GAME, _BAD_SIZE, _OFF_BOARD = range(4)
_SETUP_CODES = MAX_SIZE * MAX_SIZE
_CUTS = ("", "end of file", "set-up stones")
_CUT_END, _CUT_SETUP = 1, 2


class BadRecord(HayagoError):
    """A file, or a game in it, that is not usable.

    Attributes:
        source: the file, with `#number` for one game of many.
        reason: a short text, the same for all errors of a kind, by which tables count.
        detail: what exactly was found.
    """

    def __init__(self, source: str, reason: str, detail: str = "") -> None:
        self.source, self.reason, self.detail = source, reason, detail
        text = f"{reason}: {detail}" if detail else reason
        super().__init__(f"{source}: {text}" if source else text)


class GameRecord(NamedTuple):
    """One game: its set-up, its main line, and what its root node says about it.

    (A NamedTuple, because making a frozen dataclass takes as long as reading its file.)

    Attributes:
        size: the board's side, 1 to 19.
        komi: points for White, None if the file says nothing. Hundredths are normalised, see `normal_komi`.
        handicap: HA, the number of handicap stones that the file states, 0 if none. The stones themselves are in
            setup_black, or missing from the file.
        rules: RU.
        setup_black, setup_white: points of the set-up stones, rising.
        moves: uint16 move codes (see `hayago.records.games`), in order.
        black, white: the players' names.
        black_rank, white_rank: BR and WR unchanged; `rank_number` makes them comparable.
        date: the first day of DT as YYYY-MM-DD, or as far as it is known (YYYY-MM, YYYY), "" without a year.
        result: RE. event: EV.
        to_play: the colour of the first move; without moves PL's, or what the handicap says.
        source: where it was read; `archive!member` in an archive, `#number` added in a file of several games.
        cut: "" if the main line is complete, else what ended it: "end of file" or "set-up stones".
    """

    size: int
    komi: float | None
    handicap: int
    rules: str
    setup_black: tuple[int, ...]
    setup_white: tuple[int, ...]
    moves: NDArray[np.uint16]
    black: str
    white: str
    black_rank: str
    white_rank: str
    date: str
    result: str
    event: str
    to_play: int
    source: str
    cut: str

    def plays(self) -> Iterator[tuple[int, int]]:
        """The (colour, point) of each move in order; the point of a pass is size * size."""
        for code in self.moves.tolist():
            yield (WHITE if code & WHITE_BIT else BLACK), code & POINT_MASK

    @property
    def setup(self) -> NDArray[np.uint16]:
        """uint16, the codes of the set-up stones, sorted by point."""
        codes = [(point, point) for point in self.setup_black]
        codes += [(point, point | WHITE_BIT) for point in self.setup_white]
        return np.array([code for _, code in sorted(codes)], np.uint16)


# ---- The scanner: bytes in, numbers out.


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
            key = key << 5 | (data[i] - 64) if key < 32 else 1024
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
def _scan(
    data: NDArray[np.uint8], start: int, codes: NDArray[np.uint16], header: NDArray[np.uint8]
) -> tuple[int, int, int, int, int, int, int, bool, int]:
    """Read the first game at or after `start`.

    Fills `codes` with the codes of the set-up stones and, from index _SETUP_CODES on, of the moves, and
    `header` as `_collect` does.

    Returns the verdict (`_READ`...), the size, the numbers of set-up stones and of moves, the cut, the place of the
    offending point, the length of the header, whether it is plain, and where the next game begins (or -1).
    """
    n = len(data)
    i = _next_game(data, start)
    if i < 0 and start == 0:
        i = _headless_game(data)
    if i < 0:
        return _NO_GAME, 0, 0, 0, 0, 0, 0, True, -1
    spans = np.zeros((len(_FIELDS), 2), np.int64)
    size = _root_size(data, i)
    found = _READ if size > 0 else _BAD_SIZE
    stamps = np.zeros(size * size, np.int64)
    played = 0
    cut = 0
    offender = 0
    depth = 0
    node = -1
    key = 0
    main = True  # still on the main line
    black = white = -1  # where the values of B and W in this node begin
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
                elif key in (_AB, _AW, _AE):
                    if end > i + 1 and played > 0:
                        stones_here = True
                    elif end > i + 1 and found == _READ:
                        stamp = (node + 1) * 4 + (1 if key == _AB else 2 if key == _AW else 3)
                        if not _set_up(data, i + 1, end, size, stamp, stamps):
                            found, offender = _OFF_BOARD, i + 1
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
            elif main and (black >= 0 or white >= 0) and found == _READ:
                at = black if black >= 0 else white
                point = _point(data, at, _value_end(data, at), size)
                if point < 0:
                    found, offender = _OFF_BOARD, at
                else:
                    codes[_SETUP_CODES + played] = point if black >= 0 else point | WHITE_BIT
                    played += 1
            black = white = -1
            key = 0
            if byte == _ORD_NODE:
                node += 1
                if main and found == _READ:
                    code, behind = _plain_move(data, i + 1, size)
                    if behind > 0:
                        codes[_SETUP_CODES + played] = code
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
    return found, size, stones, played, cut, offender, length, plain, _next_game(data, min(i + 1, n))


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


# ---- The values of the root node.

# Codecs that no file uses: extremely slow on long values, or Python's own escapes.
_NO_CHARSETS = {"idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined"}
_LONGEST = 200  # characters read of a number, a date or the name of an encoding

_ESCAPES = re.compile(rb"\\(?:\n\r|\r\n|\n|\r)|(\n\r|\r\n|\n|\r|\t|\f|\v)|\\([\x00-\xff])")
_SPACES = {b"\t": b" ", b"\f": b" ", b"\v": b" "}


def _unescape(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return b" "
    escaped = match[2]
    return _SPACES.get(escaped, escaped) if escaped else b""


def _unescape_lines(match: re.Match[bytes]) -> bytes:
    """The same for Text, which keeps its line breaks."""
    return b"\n" if match[1] and match[1][:1] in b"\r\n" else _unescape(match)


def _charsets(declared: bytes) -> Iterator[str]:
    """The encodings to try, in order."""
    name = declared[:_LONGEST].decode("ascii", "replace").strip()
    if name:
        with suppress(LookupError, ValueError):  # not the name of a codec
            codec = codecs.lookup(name).name  # Python accepts "-punycode!", too
            if codec not in _NO_CHARSETS:
                yield codec
    yield "utf-8"
    if name:
        yield "gb18030"


def _text(raw: bytes, charset: bytes, unescape: Callable[[re.Match[bytes]], bytes] = _unescape) -> str:
    """A SimpleText value as text: line breaks become spaces, escapes are resolved. Never raises.

    It is decoded as CA says. If that fails, or without CA, it is decoded as UTF-8; with a wrong CA next as GB18030
    (files in GBK that claim UTF-8 are common); and last as ISO-8859-1, SGF's default, which accepts any bytes.
    """
    raw = _ESCAPES.sub(unescape, raw)
    for encoding in _charsets(charset):
        try:
            return raw.decode(encoding).encode("utf-8", "replace").decode()  # UTF-7 knows halves of characters
        except (LookupError, ValueError):  # no such codec, not in this encoding
            continue
    return raw.decode("iso-8859-1")


def _texts(header: bytes, plain: bool) -> list[str]:
    """The values of all fields, in order."""
    if plain and header.startswith((b"\0", b"UTF-8\0", b"utf-8\0")):
        return header.decode("ascii").split("\0")
    charset, *values = header.split(b"\0")
    return ["", *(_text(value, charset) for value in values)]


def normal_komi(value: float) -> float:
    """Komi in points, from what archives write.

    Some servers write hundredths (`KM[650]`), so values from 100 on are divided by 100. Some Chinese records count komi
    in stones of two points (KM[3.75] and KM[375] are 7.5 points), so values that end in a quarter are doubled.
    """
    if abs(value) >= 100:
        value /= 100
    return value * 2 if value % 0.5 == 0.25 else value


@lru_cache(4096)
def _komi(text: str) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return normal_komi(value) if abs(value) < 1e6 else None  # neither infinite nor NaN


@lru_cache(4096)
def _handicap(text: str) -> int:
    try:
        stones = int(text.replace(" ", ""))
    except ValueError:
        return 0
    return stones if 0 <= stones <= MAX_SIZE * MAX_SIZE else 0


_DATE = re.compile(r"(?<!\d)(\d{4})(?!\d)(?:[-./年](\d{1,2})(?!\d)(?:[-./月](\d{1,2})(?!\d))?)?")


@lru_cache(4096)
def normal_date(text: str) -> str:
    """The first day that a DT value names, as YYYY-MM-DD, YYYY-MM or YYYY; "" if it names no year."""
    match = _DATE.search(text)
    if match is None:
        return ""
    year, month, day = match[1], int(match[2] or 0), int(match[3] or 0)
    if not 1 <= month <= 12:
        return year
    return f"{year}-{month:02}-{day:02}" if 1 <= day <= 31 else f"{year}-{month:02}"


_RANK = re.compile(r"(?P<pro>p)?\s*(?P<number>\d{1,2})[\s-]*(?P<unit>[a-z]|段|级|級|단|급)?", re.IGNORECASE)
_TITLES = re.compile(r"honinbo|meijin|kisei|judan|tengen|oza\b|gosei", re.IGNORECASE)


@lru_cache(4096)
def rank_number(rank: str) -> int:
    """A rank as a number: 30 to 1 kyu are -30 to -1, 1 to 9 dan 1 to 9, professional dans 11 to 19.

    It reads 7d, 7d?, 9 Dan, 9段, P9, P9段, 9p, 3k, 18级. A title alone (Honinbo, ...) counts as 9p. 0 stands for a
    missing or unreadable rank.
    """
    match = _RANK.search(rank)
    if match is None:
        return 19 if _TITLES.search(rank) else 0
    number, unit = int(match["number"]), (match["unit"] or "").lower()
    if unit in ("k", "g", "级", "級", "급"):
        return -number if 1 <= number <= 30 else 0
    if not 1 <= number <= 9:
        return 0
    if match["pro"] or unit == "p":
        return 10 + number
    return number if unit in ("d", "段", "단") else 0


# ---- The two faces.


def scan_sgf(data: bytes, source: str = "") -> Iterator[GameRecord | BadRecord]:
    """The games of an SGF file one by one. A game that cannot be used is yielded as a BadRecord, not raised."""
    if not data:
        yield BadRecord(source, "empty file")
        return
    if len(data) > MAX_BYTES:
        yield BadRecord(source, "file too large", f"{len(data)} bytes; at most {MAX_BYTES}")
        return
    array = np.frombuffer(data, np.uint8)
    codes = np.empty(_SETUP_CODES + len(data) // 4 + 1, np.uint16)  # a move takes four bytes or more: ;B[]
    header = np.empty(len(data) + len(_FIELDS), np.uint8)
    number, start = 0, 0
    while start >= 0:
        found, size, stones, played, cut, offender, length, plain, start = _scan(array, start, codes, header)
        number += 1
        name = source if number == 1 and start < 0 else f"{source}#{number}"
        if found == _READ:
            texts = _texts(header[:length].tobytes(), plain)
            moves = codes[_SETUP_CODES : _SETUP_CODES + played].copy()
            setup = codes[:stones].tolist() if stones else []
            yield _record(texts, size, moves, setup, _CUTS[cut], name)
        elif found == _NO_GAME:
            yield BadRecord(name, "not SGF", "no game begins in it")
        elif found == _BAD_SIZE:
            texts = _texts(header[:length].tobytes(), plain)
            yield BadRecord(name, "board size", f"SZ[{texts[-1][:20]}]")
        else:
            value = _text(data[offender : offender + 20].partition(b"]")[0], b"")
            yield BadRecord(name, "point off the board", f"{value!r} after move {played}")


def _record(
    texts: list[str], size: int, moves: NDArray[np.uint16], setup: list[int], cut: str, source: str
) -> GameRecord:
    _, komi, handicap, rules, black, white, black_rank, white_rank, date, result, event, player, _ = texts
    stones = _handicap(handicap[:_LONGEST])
    if len(moves):
        to_play = WHITE if moves[0] >= WHITE_BIT else BLACK
    elif player:
        to_play = WHITE if player[0] in "Ww2" else BLACK
    else:
        to_play = WHITE if stones >= 2 and setup else BLACK
    return GameRecord(
        size,
        _komi(komi[:_LONGEST]) if komi else None,
        stones,
        rules,
        tuple(code for code in setup if code < WHITE_BIT) if setup else (),
        tuple(code & POINT_MASK for code in setup if code >= WHITE_BIT) if setup else (),
        moves,
        black,
        white,
        black_rank,
        white_rank,
        normal_date(date[:_LONGEST]) if date else "",
        result,
        event,
        to_play,
        source,
        cut,
    )


def read_sgf(sgf: bytes | str | Path, source: str = "") -> list[GameRecord]:
    """All games of an SGF file.

    Args:
        sgf: the path of the file, or its content as bytes.
        source: its name, for the records and for messages; by default the path.

    Raises:
        BadRecord: the file holds no game, or one of its games cannot be used (`scan_sgf` continues after it).
        HayagoError: the file cannot be read.
    """
    if isinstance(sgf, bytes):
        data = sgf
    else:
        source = source or str(sgf)
        try:
            data = Path(sgf).read_bytes()
        except OSError as error:
            raise HayagoError(f"cannot read {sgf}: {error.strerror}") from error
    records = []
    for record in scan_sgf(data, source):
        if isinstance(record, BadRecord):
            raise record
        records.append(record)
    return records


# A value and whether it is closed; a name; a mark. Possessive, so that an unclosed value is read only once.
_TOKEN = re.compile(rb"\[((?:[^\\\]]++|\\.)*+)(\]?)|([A-Za-z]+)|([;()])", re.DOTALL)


def read_comments(data: bytes) -> dict[int, str]:
    """The comments on the main line of a file's first game, by the index of the move as `write_sgf` takes them.

    A comment in a node without a move belongs to the move before. Only the moves that `scan_sgf` returns have comments.
    """
    array = np.frombuffer(data, np.uint8)
    start = _next_game(array, 0)
    start = _headless_game(array) if start < 0 else start
    comments: dict[int, list[bytes]] = {}
    charset, index, name = b"", -1, b""
    node: dict[bytes, bytes] = {}  # the first value of each property
    stones_here = False  # set-up stones in this node
    for value, closed, word, mark in _tokens(data, start) if start >= 0 else ():
        if word:
            name = bytes(letter for letter in word if letter <= _ORD_LAST_CAPITAL)
        elif not mark:
            if closed:
                node.setdefault(name, value)
                stones_here = stones_here or (value != b"" and name in (b"AB", b"AW", b"AE"))
        else:
            if index >= 0 and stones_here:
                break
            charset = charset or node.get(b"CA", b"")
            index += b"B" in node or b"W" in node
            if node.get(b"C"):
                comments.setdefault(index, []).append(node[b"C"])
            if mark == b")":
                break
            node, name, stones_here = {}, b"", False
    return {
        index: "\n\n".join(_text(raw, charset, _unescape_lines) for raw in raws) for index, raws in comments.items()
    }


def _tokens(data: bytes, start: int) -> Iterator[tuple[bytes, bytes, bytes, bytes]]:
    """The tokens from `start` on, and a closing parenthesis after them."""
    for match in _TOKEN.finditer(data, start):
        value, closed, word, mark = match.groups(b"")
        yield value, closed, word, mark
    yield b"", b"", b"", b")"


def write_sgf(record: GameRecord, comments: Mapping[int, str] | None = None) -> bytes:
    """The record as an SGF file, written by sgfmill.

    Args:
        record: the game.
        comments: texts by the index of their move; -1 is the root.
    """
    from sgfmill import sgf

    size = record.size

    def place(point: int) -> tuple[int, int] | None:
        return None if point == size * size else (size - 1 - point // size, point % size)

    game = sgf.Sgf_game(size)
    root = game.get_root()
    texts = {
        "PB": record.black,
        "PW": record.white,
        "BR": record.black_rank,
        "WR": record.white_rank,
        "DT": record.date,
        "RE": record.result,
        "EV": record.event,
        "RU": record.rules,
    }
    for name, text in texts.items():
        if text:
            root.set(name, text)
    if record.komi is not None:
        root.set("KM", record.komi)
    if record.handicap >= 2:
        root.set("HA", record.handicap)
    root.set_setup_stones([place(p) for p in record.setup_black], [place(p) for p in record.setup_white])
    if not len(record.moves) or record.setup_black or record.setup_white:
        root.set("PL", "w" if record.to_play == WHITE else "b")
    for code in record.moves.tolist():
        node = game.extend_main_sequence()
        node.set_move("w" if code & WHITE_BIT else "b", place(code & POINT_MASK))
    nodes = game.get_main_sequence()
    for index, text in (comments or {}).items():
        nodes[index + 1].add_comment_text(text)
    data: bytes = game.serialise()
    return data
