"""SGF files to GameRecord: a tolerant and fast reader of the *main line*, over bytes.

The main line is the game as it was played: the first child at every branch. So it is everything before the first
closing parenthesis, and one pass without a stack reads it, however deep the tree is. Where sgfmill accepts a file, this
reader agrees with it. It also accepts what real archives contain:

- a missing opening parenthesis, a missing end (the game ends there, or where the next one begins), junk between the
  tokens; text with brackets that should have been escaped (see `sgf_scanner`);
- property names with lower-case letters (FF[3]: `Black[dd]` is `B[dd]`), spaces around coordinates;
- set-up stones in any node before the first move; later ones end the game there (`GameRecord.cut`);
- text in another encoding than CA says, or in one that nothing names, see `charsets`;
- both B and W in one node, which SGF forbids: B counts, as with sgfmill.

`sgf_scanner` parses the bytes, `sgf_values` reads the values of the root node. sgfmill writes SGF; `write_sgf` hands a
record to it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago import __version__
from hayago.errors import HayagoError
from hayago.files import read_file
from hayago.records.charsets import (
    codec_named,
    declared_codec,
    is_plain,
    kind_of,
    settled_codec,
    trials,
    whole_characters,
    without_mark,
)
from hayago.records.sgf_scanner import (
    BAD_SIZE,
    CUTS,
    FIELDS,
    NARROW,
    NO_GAME,
    OFF_BOARD,
    OTHER_GAME,
    SETUP_CODES,
    Scanned,
    scan,
)
from hayago.records.sgf_values import (
    LONGEST,
    decode_text,
    normal_date,
    rank_number,
    read_handicap,
    read_komi,
    unescape_lines,
)
from hayago.rules.coordinates import BLACK, WHITE
from hayago.rules.move_codes import POINT_MASK, WHITE_BIT

__all__ = ["BadRecord", "GameRecord", "rank_number", "read_comments", "read_first", "read_sgf", "scan_sgf", "write_sgf"]

MAX_BYTES = 1 << 30  # reading takes some three times the file's size
MOST_CHARACTERS = 500  # of a name, a rank or another text of the root node; what comes after is left out
_MOST_BYTES = 8 * MOST_CHARACTERS  # of its value; enough for any encoding with its escapes
_NO_COMMENTS = np.empty((0, 3), np.int64)


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

    Texts have at most MOST_CHARACTERS; the rest is left out.

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
        cut: "" if the game is complete, else what ended it: "end of file", "next game" or "set-up stones". The file
            or the next game may have come before the game's last parenthesis, after its main line.
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


def scan_sgf(data: bytes, source: str = "") -> Iterator[GameRecord | BadRecord]:
    """The games of an SGF file one by one. A game that cannot be used is yielded as a BadRecord, not raised."""
    if not data:
        yield BadRecord(source, "empty file")
        return
    if len(data) > MAX_BYTES:
        yield BadRecord(source, f"larger than {MAX_BYTES >> 20} MiB: split it")
        return
    reader = _Reader(data)
    number, start = 0, 0
    while start >= 0:
        scanned = reader.scan(start, _NO_COMMENTS)
        number, start = number + 1, scanned.following
        name = source if number == 1 and start < 0 else f"{source}#{number}"
        if scanned.found == NO_GAME:
            yield BadRecord(name, "not SGF", "no game begins in it")
        elif scanned.found == OFF_BOARD:
            value = reader.data[scanned.offender : scanned.offender + 20].partition(b"]")[0]
            yield BadRecord(name, "point off the board", f"{decode_text(value, ())!r} after move {scanned.moves}")
        else:
            texts = reader.texts(scanned)
            if scanned.found == BAD_SIZE:
                yield BadRecord(name, "board size", f"SZ[{_shown(texts[-1])}]")
            elif scanned.found == OTHER_GAME:
                yield BadRecord(name, "another game", f"GM[{_shown(texts[-2])}]")
            else:
                moves = reader.codes[SETUP_CODES : SETUP_CODES + scanned.moves].copy()
                setup = reader.codes[: scanned.stones].tolist() if scanned.stones else []
                yield _record(texts, scanned.size, moves, setup, CUTS[scanned.cut], name)


class _Reader:
    """The bytes of a file, room for what `scan` writes, and the encodings of its games.

    Attributes:
        data: the file; in UTF-8 if a mark said that it is in Unicode.
        codes: the codes of the set-up stones and of the moves of the last game.
        header: the values of its root properties.
        codec: its encoding, "" if unknown. encodings: those to try on its values, in order.
    """

    def __init__(self, data: bytes) -> None:
        self.codec = ""
        self.encodings: tuple[str, ...] = ()
        self._settled: dict[str, tuple[str, int]] = {}
        self._plain = is_plain(data)
        self.data, self._marked = (data, False) if self._plain else without_mark(data)
        self._array = np.frombuffer(self.data, np.uint8)
        self.codes = np.empty(SETUP_CODES + len(self.data) // 4 + 1, np.uint16)  # a move takes four bytes: ;B[]
        self.header = np.empty(len(self.data) + len(FIELDS), np.uint8)

    def scan(self, start: int, comments: NDArray[np.int64]) -> Scanned:
        """Scan the first game at or after `start`, in its encoding."""
        if self._plain:
            return scan(self._array, start, self.codes, self.header, comments, NARROW)
        declared = "utf-8" if self._marked else declared_codec(self.data, start)
        # What was settled holds as far as it was looked at; so no byte is looked at often, wherever games end.
        assumed, known = self._settled.get(declared, ("", 0))
        if start >= known:
            assumed = declared
        kind = kind_of(assumed)
        scanned = scan(self._array, start, self.codes, self.header, comments, kind)
        if start >= known:
            end = scanned.following if scanned.following >= 0 else len(self.data)
            assumed = settled_codec(declared, self.data[scanned.begin : end])
            self._settled[declared] = (assumed, end)
            if kind_of(assumed) != kind:
                scanned = scan(self._array, start, self.codes, self.header, comments, kind_of(assumed))
        self.codec, self.encodings = assumed, trials(declared, assumed)
        return scanned

    def texts(self, scanned: Scanned) -> list[str]:
        """The values of all FIELDS of the game scanned last."""
        header = self.header[: scanned.header].tobytes()
        if self._plain:
            if scanned.plain and header.startswith((b"\0", b"UTF-8\0", b"utf-8\0")):
                texts = header.decode("ascii").split("\0")
                return [text[:MOST_CHARACTERS] for text in texts] if len(header) > MOST_CHARACTERS else texts
            self.codec = codec_named(header.partition(b"\0")[0])  # UTF-7 is ASCII, too
            self.encodings = trials(self.codec, self.codec or "utf-8")
        return [self._text(value) for value in header.split(b"\0")]

    def _text(self, value: bytes) -> str:
        if len(value) > _MOST_BYTES:
            value = whole_characters(value[:_MOST_BYTES], self.codec)
        return decode_text(value, self.encodings, kind_of(self.codec))[:MOST_CHARACTERS]

    def comment(self, begin: int, end: int) -> str:
        """The text of a comment of that game."""
        return decode_text(self.data[begin:end], self.encodings, kind_of(self.codec), unescape_lines)


def _shown(text: str) -> str:
    """The beginning of a value for a message, control characters escaped."""
    return repr(text[:20])[1:-1]


def _record(
    texts: list[str], size: int, moves: NDArray[np.uint16], setup: list[int], cut: str, source: str
) -> GameRecord:
    _, komi, program, handicap, rules, black, white, black_rank, white_rank, date, result, event, player, *_ = texts
    stones = read_handicap(handicap[:LONGEST])
    if len(moves):
        to_play = WHITE if moves[0] >= WHITE_BIT else BLACK
    elif player:
        to_play = WHITE if player[0] in "Ww2" else BLACK
    else:
        to_play = WHITE if stones >= 2 and setup else BLACK
    return GameRecord(
        size,
        read_komi(komi[:LONGEST], program[:LONGEST]) if komi else None,
        stones,
        rules,
        tuple(code for code in setup if code < WHITE_BIT) if setup else (),
        tuple(code & POINT_MASK for code in setup if code >= WHITE_BIT) if setup else (),
        moves,
        black,
        white,
        black_rank,
        white_rank,
        normal_date(date[:LONGEST]) if date else "",
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
        ValueError: the path is empty.
        TypeError: neither bytes nor a path.
    """
    return [_good(record) for record in scan_sgf(*_content(sgf, source))]


def read_first(sgf: bytes | str | Path, source: str = "") -> GameRecord:
    """The first game of an SGF file; those after it are not read. The arguments are those of `read_sgf`.

    Raises:
        BadRecord: the file holds no game, or its first game cannot be used.
        HayagoError: the file cannot be read.
    """
    return _good(next(scan_sgf(*_content(sgf, source))))


def _content(sgf: bytes | str | Path, source: str) -> tuple[bytes, str]:
    """The bytes of a file, and its name; see `read_sgf` for the errors."""
    if not isinstance(sgf, bytes | str | Path):
        raise TypeError(f"an SGF file is a path or bytes, not {sgf!r}")
    if sgf == "":  # which would be the current folder
        raise ValueError("the path of the SGF file is empty")
    if isinstance(sgf, bytes):
        data = sgf
    else:
        source = source or str(sgf)
        data = read_file(sgf, MAX_BYTES)
    return data, source


def _good(record: GameRecord | BadRecord) -> GameRecord:
    if isinstance(record, BadRecord):
        # A new one: an error that a variable holds would keep the file's bytes until the garbage collector runs.
        raise BadRecord(record.source, record.reason, record.detail)
    return record


def read_comments(data: bytes) -> dict[int, str]:
    """The comments on the main line of a file's first game, by the index of the move as `write_sgf` takes them.

    A comment in a node without a move belongs to the move before. Only the moves that `scan_sgf` returns have comments.
    """
    if not data:
        return {}
    reader = _Reader(data)
    places = np.empty((len(reader.data) // 4 + 1, 3), np.int64)  # a comment takes five bytes or more: ;C[x]
    scanned = reader.scan(0, places)
    reader.texts(scanned)
    comments: dict[int, list[str]] = {}
    for index, begin, end in places[: scanned.comments].tolist():
        comments.setdefault(index, []).append(reader.comment(begin, end))
    return {index: "\n\n".join(texts) for index, texts in comments.items()}


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
    root.set("AP", ("hayago", __version__))
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
    node = root
    for colour, point in record.plays():
        node = node.new_child()  # `extend_main_sequence` walks from the root to the end for each
        node.set_move("w" if colour == WHITE else "b", place(point))
    nodes = game.get_main_sequence()
    for index, text in (comments or {}).items():
        nodes[index + 1].add_comment_text(text)
    data: bytes = game.serialise()
    return data
